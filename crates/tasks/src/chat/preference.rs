//! Direct preference optimization: a better answer becomes more probable beside a worse one (Rafailov et
//! al. 2023).

use super::batch::Batch;
use super::stages;
use super::written::Written;
use crate::error::TaskError;
use burn::tensor::Device;
use modelwright_models::DecoderNet;
use modelwright_runs::write_file;
use std::path::Path;

/// How much a difference to the reference counts, unless the recipe says otherwise.
pub(super) const BETA: f64 = 0.1;
/// File of a run with what the reference says of each example.
const REFERENCE: &str = "reference.json";
/// Pairs that the reference reads at a time.
const PAIRS: usize = 4;

/// The mean of `-ln σ(margin)` over pairs, and its slope for the surprise of each example.
///
/// The examples are the better and the worse answer of each pair by turns, and `margin = β ((ln p_b -
/// ln r_b) - (ln p_w - ln r_w))` with the probabilities `p` by the model and `r` by the reference;
/// `surprise` is `-ln p`, `reference` is `-ln r`.
pub(super) fn loss(surprise: &[f64], reference: &[f64], beta: f64) -> (f64, Vec<f64>) {
    let pairs = (surprise.len() / 2).max(1) as f64;
    let (mut loss, mut slopes) = (0.0, Vec::with_capacity(surprise.len()));
    for margin in margins(surprise, reference, beta) {
        // ln(1 + e^-m), also where e^-m is out of range.
        loss += (-margin.abs()).exp().ln_1p() + (-margin).max(0.0);
        let slope = beta / (1.0 + margin.exp()) / pairs;
        slopes.extend([slope, -slope]);
    }
    (loss / pairs, slopes)
}

/// By how much the model prefers the better answer of each pair more than the reference does, times β.
pub(super) fn margins<'a>(
    surprise: &'a [f64],
    reference: &'a [f64],
    beta: f64,
) -> impl Iterator<Item = f64> + 'a {
    let pairs = surprise.chunks_exact(2).zip(reference.chunks_exact(2));
    pairs.map(move |(p, r)| beta * ((r[0] - p[0]) - (r[1] - p[1])))
}

/// `-ln p` of each example by the network as it is now: what the reference says. It is computed once and
/// kept in `assets`, from where a run that is gone on with takes it.
pub(super) fn reference(
    net: &DecoderNet,
    examples: &[&Written],
    assets: &Path,
    resumed: bool,
    device: &Device,
) -> Result<Vec<f64>, TaskError> {
    let path = assets.join(REFERENCE);
    if resumed {
        let kept = std::fs::read(&path).ok();
        let kept: Option<Vec<f64>> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return kept
            .filter(|kept| kept.len() == examples.len())
            .ok_or_else(|| {
                TaskError::asked(
                    format!(
                        "{}: what the model said before its training is gone",
                        path.display()
                    ),
                    "start a new run",
                )
            });
    }
    let mut all = Vec::with_capacity(examples.len());
    for pairs in examples.chunks(2 * PAIRS) {
        all.extend(stages::surprise(net, &Batch::new(pairs, true, device)).0);
    }
    write_file(&path, &serde_json::to_vec(&all).unwrap_or_default())?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_loss() {
        let (surprise, reference) = ([3.0, 4.5, 20.0, 11.0], [3.5, 4.0, 12.0, 14.0]);
        let (value, slopes) = loss(&surprise, &reference, 0.3);
        for i in 0..4 {
            let at = |by: f64| {
                let mut moved = surprise;
                moved[i] += by;
                loss(&moved, &reference, 0.3).0
            };
            let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!(
                (slopes[i] - numeric).abs() < 1e-8,
                "{i}: {} {numeric}",
                slopes[i]
            );
        }
        let sigmoid = |m: f64| 1.0 / (1.0 + (-m).exp());
        let (a, b) = (0.3 * (0.5 + 0.5), 0.3 * (-8.0 - 3.0));
        let expected = -(f64::ln(sigmoid(a)) + f64::ln(sigmoid(b))) / 2.0;
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        let far = loss(&[1e6, 0.0], &[0.0, 0.0], 1.0).0;
        assert_eq!(far, 1e6);
    }
}
