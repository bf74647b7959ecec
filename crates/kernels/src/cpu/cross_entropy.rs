//! Softmax cross-entropy with the gradient computed in the forward pass, so that the backward pass is
//! a scaling.
//!
//! The kernel reads the logits from memory once: a block is read, its largest element
//! is found and the exponentials relative to the largest so far are written to the gradient's place;
//! a second pass brings the blocks to a common scale (Milakov and Gimelshein, "Online normalizer
//! calculation for softmax", 2018).

use crate::cpu::math::Math;
use crate::cpu::rows::{cut, largest, reduce, reduce2, rows_each, run};
use crate::cpu::softmax::exp_sum;
use crate::dispatch_math;

/// Elements that stay in the first cache between two looks at them.
const BLOCK: usize = 512;

/// What counts as the loss of a row.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy<'a, T> {
    /// Classes, the length of a row of logits.
    pub classes: usize,
    /// Weight of each class; 1 if missing.
    pub weights: Option<&'a [T]>,
    /// ε of label smoothing, the part of the target that is spread over all classes.
    pub smoothing: f64,
    /// Label of rows without loss and gradient (PyTorch uses -100).
    pub ignore_index: Option<i64>,
}

/// Rows of one thread.
struct Job<'a, T> {
    logits: &'a [T],
    labels: &'a [i64],
    loss: &'a mut [T],
    grad: Option<&'a mut [T]>,
}

dispatch_math! {
    fn cross_entropy_rows<T: Math>(
        rule: CrossEntropy<'_, T>,
        block_weights: &[f64],
        job: Job<'_, T>,
    ) -> f64 {
        let Job { logits, labels, loss, mut grad } = job;
        let CrossEntropy { classes, weights, smoothing, ignore_index } = rule;
        let share = smoothing / classes as f64;
        let all: f64 = block_weights.iter().sum();
        let narrow_share = T::of(share);
        let mut scratch = [T::ZERO; BLOCK];
        // The largest element that each block knew of.
        let mut known = vec![T::ZERO; classes.div_ceil(BLOCK)];
        let mut target_weights = 0.0;
        let rows = logits.chunks_exact(classes).zip(labels).zip(loss).enumerate();
        for (i, ((row, label), loss)) in rows {
            let mut out = grad.as_mut().map(|g| &mut g[i * classes..(i + 1) * classes]);
            if Some(*label) == ignore_index {
                *loss = T::ZERO;
                if let Some(out) = out {
                    out.fill(T::ZERO);
                }
                continue;
            }
            let label = *label as usize;
            let weight = weights.map_or(1.0, |w| w[label].wide());
            target_weights += weight;

            let mut most = T::NEG_INFINITY;
            let mut total = 0.0;
            // Σ w z, where smoothing needs it.
            let mut spread = 0.0;
            for (b, z) in row.chunks(BLOCK).enumerate() {
                let block = b * BLOCK..b * BLOCK + z.len();
                let larger = largest(z).larger(most);
                if larger > most {
                    total *= (most - larger).wide().exp();
                    most = larger;
                }
                // As long as every logit is -∞, any finite shift gives their exponentials 0.
                let shift = if most > T::NEG_INFINITY { most } else { T::ZERO };
                known[b] = shift;
                let e = match &mut out {
                    Some(out) => &mut out[block.clone()],
                    None => &mut scratch[..z.len()],
                };
                total += exp_sum::<T, I>(z, shift, e).wide();
                if smoothing > 0.0 {
                    // Relative to the shift in T, and absolute only in f64, where no digits are lost.
                    let relative = match weights {
                        Some(w) => {
                            reduce2(z, &w[block], |acc, z, w| (z - shift).fma::<I>(w, acc))
                        }
                        None => {
                            reduce(z, T::ZERO, shift, |acc, z| acc + (z - shift), |a, b| a + b)
                        }
                    };
                    spread += relative.wide() + shift.wide() * block_weights[b];
                }
            }

            // With a = (1 - ε) w_y and b_c = ε w_c / K the loss is (a + Σ b) ln Σ e^z - a z_y - Σ b z
            // and its gradient (a + Σ b) p - a [y] - b.
            let hard = (1.0 - smoothing) * weight;
            let scale = hard + share * all;
            let reference = most.wide();
            let mut value = scale * total.ln() - hard * (row[label].wide() - reference);
            if smoothing > 0.0 {
                value -= share * (spread - all * reference);
            }
            *loss = T::of(value);
            let Some(out) = out else { continue };
            for (b, (g, shift)) in out.chunks_mut(BLOCK).zip(&known).enumerate() {
                let factor = T::of((shift.wide() - reference).exp() * scale / total);
                match weights {
                    _ if smoothing == 0.0 => {
                        for g in g {
                            *g *= factor;
                        }
                    }
                    Some(w) => {
                        for (g, w) in g.iter_mut().zip(&w[b * BLOCK..]) {
                            *g = g.fma::<I>(factor, -(narrow_share * *w));
                        }
                    }
                    None => {
                        for g in g {
                            *g = g.fma::<I>(factor, -narrow_share);
                        }
                    }
                }
            }
            out[label] -= T::of(hard);
        }
        target_weights
    }
}

/// Softmax cross-entropy of `logits` `[rows, classes]` with labels `[rows]`; returns `Σ w_y`, by which
/// the mean divides.
///
/// With `p = softmax(logits)`, class weights `w` and smoothing `ε`, as PyTorch defines it, a row's
/// `loss` is `-(1 - ε) w_y ln p_y - ε/K Σ_c w_c ln p_c`, and `grad` (where wanted) is the gradient of
/// the rows' sum: `((1 - ε) w_y + ε/K Σ w) p - (1 - ε) w_y [c = y] - ε/K w_c`. Rows with the label
/// `ignore_index` get 0 and do not count.
pub fn cross_entropy<T: Math>(
    rule: CrossEntropy<T>,
    logits: &[T],
    labels: &[i64],
    loss: &mut [T],
    grad: Option<&mut [T]>,
) -> f64 {
    let CrossEntropy {
        classes,
        weights,
        smoothing,
        ignore_index,
    } = rule;
    let rows = labels.len();
    assert!(classes > 0, "cross-entropy: no classes");
    assert_eq!(
        logits.len(),
        rows * classes,
        "cross-entropy: logits are not [rows, classes]"
    );
    assert_eq!(
        loss.len(),
        rows,
        "cross-entropy: loss needs one element for a row"
    );
    assert!(
        grad.as_ref().is_none_or(|g| g.len() == logits.len()),
        "cross-entropy: grad's length"
    );
    assert!(
        weights.is_none_or(|w| w.len() == classes),
        "cross-entropy: weights' length"
    );
    assert!(
        (0.0..=1.0).contains(&smoothing),
        "cross-entropy: smoothing {smoothing} not in [0, 1]"
    );
    for label in labels {
        let known = Some(*label) == ignore_index || (0..classes as i64).contains(label);
        assert!(known, "cross-entropy: label {label} with {classes} classes");
    }
    // The sum of the class weights in each block of a row.
    let block_weights: Vec<f64> = (0..classes)
        .step_by(BLOCK)
        .map(|first| first..classes.min(first + BLOCK))
        .map(|block| match weights {
            Some(w) => w[block].iter().map(|w| w.wide()).sum(),
            None => block.len() as f64,
        })
        .collect();
    let each = rows_each(rows, classes);
    let jobs = loss
        .chunks_mut(each)
        .zip(cut(grad, each * classes))
        .collect();
    let parts = run(jobs, |i, (loss, grad): (&mut [T], _)| {
        let own = i * each..i * each + loss.len();
        let logits = &logits[own.start * classes..own.end * classes];
        cross_entropy_rows(
            rule,
            &block_weights,
            Job {
                logits,
                labels: &labels[own],
                loss,
                grad,
            },
        )
    });
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    /// PyTorch's formula, in f64: the loss of every row.
    fn naive(rule: CrossEntropy<f64>, logits: &[f64], labels: &[i64]) -> Vec<f64> {
        let k = rule.classes;
        let weight = |c: usize| rule.weights.map_or(1.0, |w| w[c]);
        let row = |(z, y): (&[f64], &i64)| {
            if Some(*y) == rule.ignore_index {
                return 0.0;
            }
            let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log = most + z.iter().map(|v| (v - most).exp()).sum::<f64>().ln();
            let hard = weight(*y as usize) * (log - z[*y as usize]);
            let soft: f64 = (0..k).map(|c| weight(c) * (log - z[c])).sum();
            (1.0 - rule.smoothing) * hard + rule.smoothing / k as f64 * soft
        };
        logits.chunks(k).zip(labels).map(row).collect()
    }

    /// Calls `f` with all kinds of rules for some classes.
    fn rules(classes: usize, mut f: impl FnMut(CrossEntropy<f64>)) {
        let weights: Vec<f64> = (0..classes).map(|c| 0.5 + (c % 3) as f64).collect();
        for weights in [None, Some(&weights[..])] {
            for smoothing in [0.0, 0.1, 1.0] {
                for ignore_index in [None, Some(-100), Some(1)] {
                    f(CrossEntropy {
                        classes,
                        weights,
                        smoothing,
                        ignore_index,
                    });
                }
            }
        }
    }

    fn labels(rng: &mut Rng, rows: usize, rule: &CrossEntropy<f64>) -> Vec<i64> {
        let label = |i| match rule.ignore_index {
            Some(ignored) if i % 3 == 1 => ignored,
            _ => rng.below(rule.classes) as i64,
        };
        (0..rows).map(label).collect()
    }

    #[test]
    fn cross_entropy_against_definition() {
        for (rows, classes) in [(0, 3), (5, 2), (4, 1), (7, 33), (3, 512), (4, 1300)] {
            rules(classes, |rule| {
                let mut rng = Rng(classes as u64);
                let wide: Vec<f64> = (0..rows * classes).map(|_| rng.normal() * 4.0).collect();
                let logits: Vec<f32> = wide.iter().map(|v| *v as f32 + 100.0).collect();
                let wide: Vec<f64> = logits.iter().map(|v| f64::from(*v)).collect();
                let labels = labels(&mut rng, rows, &rule);
                let expected = naive(rule, &wide, &labels);
                let (mut exact, mut wide_grad) = (vec![f64::NAN; rows], vec![f64::NAN; wide.len()]);
                let weight = cross_entropy(rule, &wide, &labels, &mut exact, Some(&mut wide_grad));
                assert!(error(&exact, &expected) < 1e-12);
                let counted = labels.iter().filter(|y| Some(**y) != rule.ignore_index);
                let sum: f64 = counted
                    .map(|y| rule.weights.map_or(1.0, |w| w[*y as usize]))
                    .sum();
                assert!((weight - sum).abs() < 1e-9);

                let weights: Option<Vec<f32>> =
                    rule.weights.map(|w| w.iter().map(|w| *w as f32).collect());
                let narrow = CrossEntropy {
                    classes,
                    weights: weights.as_deref(),
                    smoothing: rule.smoothing,
                    ignore_index: rule.ignore_index,
                };
                let (mut loss, mut grad) = (vec![f32::NAN; rows], vec![f32::NAN; wide.len()]);
                cross_entropy(narrow, &logits, &labels, &mut loss, Some(&mut grad));
                let close = |a: &[f32], b: &[f64]| {
                    a.iter()
                        .zip(b)
                        .all(|(a, b)| (f64::from(*a) - b).abs() < 2e-6 * b.abs().max(1.0))
                };
                assert!(
                    close(&loss, &expected) && close(&grad, &wide_grad),
                    "{rule:?}"
                );
                let mut again = vec![f32::NAN; rows];
                cross_entropy(narrow, &logits, &labels, &mut again, None);
                assert_eq!(loss, again);
            });
        }
    }

    #[test]
    fn cross_entropy_gradient() {
        for (rows, classes) in [(4, 2), (4, 5), (2, 530)] {
            rules(classes, |rule| {
                let mut rng = Rng(2);
                let logits: Vec<f64> = rng.normals(rows * classes);
                let labels = labels(&mut rng, rows, &rule);
                let (mut loss, mut grad) = (vec![0.0; rows], vec![f64::NAN; logits.len()]);
                cross_entropy(rule, &logits, &labels, &mut loss, Some(&mut grad));
                check_gradient(&logits, &grad, |z| naive(rule, z, &labels).iter().sum());
            });
        }
    }

    #[test]
    fn cross_entropy_of_masked_logits() {
        // The first block holds nothing but -∞, and a later block the largest.
        let mut logits = vec![f32::NEG_INFINITY; 1500];
        (logits[600], logits[1400], logits[1401]) = (-50.0, 60.0, 60.0);
        let rule = CrossEntropy {
            classes: 1500,
            weights: None,
            smoothing: 0.0,
            ignore_index: None,
        };
        let (mut loss, mut grad) = ([0.0], vec![f32::NAN; 1500]);
        cross_entropy(rule, &logits, &[1400], &mut loss, Some(&mut grad));
        assert!((loss[0] - std::f32::consts::LN_2).abs() < 1e-6);
        assert!(grad[1400] == -0.5 && grad[1401] == 0.5);
        assert_eq!(grad.iter().map(|g| g.abs()).sum::<f32>(), 1.0);
    }

    #[test]
    #[should_panic(expected = "label 3 with 3 classes")]
    fn unknown_label() {
        let rule = CrossEntropy {
            classes: 3,
            weights: None,
            smoothing: 0.0,
            ignore_index: None,
        };
        cross_entropy(rule, &[0.0f32; 3], &[3], &mut [0.0], None);
    }
}
