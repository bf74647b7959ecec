//! How well a network tells what people wrote.

use super::batch::Batch;
use super::stages;
use super::written::Written;
use burn::tensor::Device;
use modelwright_evaluate::{Baseline, LanguageReport, Pairs, PreferenceScores};
use modelwright_models::DecoderNet;
use std::collections::HashMap;
use std::time::Instant;

/// Examples that are read at a time.
const BATCH: usize = 8;

/// What was seen of some examples.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    /// `-ln p` of the learned tokens of each example.
    pub surprise: Vec<f64>,
    /// Whether each learned token was the most probable one.
    pub right: Vec<bool>,
}

impl Measured {
    /// Of a network that records nothing.
    pub fn new(net: &DecoderNet, examples: &[Written], device: &Device) -> Self {
        let mut measured = Self::default();
        for chunk in examples.chunks(BATCH) {
            let chunk: Vec<&Written> = chunk.iter().collect();
            let (surprise, right) = stages::surprise(net, &Batch::new(&chunk, true, device));
            measured.surprise.extend(surprise);
            measured.right.extend(right);
        }
        measured
    }

    /// The perplexity of all tokens.
    pub fn perplexity(&self) -> f64 {
        let tokens = self.right.len().max(1) as f64;
        (self.surprise.iter().sum::<f64>() / tokens).exp()
    }

    /// As a report on `examples` rows; of preferences the better and the worse answer come by turns.
    pub fn report(&self, rows: usize, preferences: bool) -> LanguageReport {
        let surprise = self.surprise.iter().sum();
        let mut report = LanguageReport::new(rows, surprise, &self.right);
        if preferences {
            report.preferences = PreferenceScores::new(&self.surprise);
        }
        report
    }

    /// This as a simple model beside `model`, on the same tokens.
    pub fn baseline(&self, name: &str, seconds: f64, model: &Self) -> Baseline {
        let only = |one: &[bool], other: &[bool]| {
            let pairs = one.iter().zip(other);
            pairs.filter(|(one, other)| **one && !**other).count()
        };
        let right = self.right.iter().filter(|r| **r).count();
        Baseline {
            name: name.into(),
            score: right as f64 / self.right.len().max(1) as f64,
            score_name: "token_accuracy".into(),
            seconds,
            pairs: Some(Pairs {
                only_model: only(&model.right, &self.right),
                only_simple: only(&self.right, &model.right),
            }),
        }
    }
}

/// The frequency of tokens alone: what it says of `examples` after counting those that are learned from
/// `train`, and the seconds it took. A token that was never seen counts as one that was seen once.
pub(super) fn frequencies(
    train: &[Written],
    examples: &[Written],
    vocabulary: usize,
) -> (Measured, f64) {
    let started = Instant::now();
    let mut counts: HashMap<u32, u64> = HashMap::new();
    for id in train.iter().flat_map(labels) {
        *counts.entry(id).or_default() += 1;
    }
    let total: u64 = counts.values().sum();
    // Of equally frequent tokens the one with the smaller number.
    let best = counts
        .iter()
        .max_by_key(|(id, count)| (**count, u32::MAX - **id));
    let best = best.map(|(id, _)| *id);
    let surprise = |id: u32| {
        let count = counts.get(&id).copied().unwrap_or(0) + 1;
        -(count as f64 / (total + vocabulary as u64) as f64).ln()
    };
    let measured = Measured {
        surprise: examples
            .iter()
            .map(|e| labels(e).map(surprise).sum())
            .collect(),
        right: examples
            .iter()
            .flat_map(labels)
            .map(|id| Some(id) == best)
            .collect(),
    };
    (measured, started.elapsed().as_secs_f64())
}

/// The tokens of an example that are learned.
fn labels(example: &Written) -> impl Iterator<Item = u32> {
    let pairs = example.ids.iter().zip(&example.learned);
    pairs.filter(|(_, learned)| **learned).map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_know_the_usual_token() {
        let example = |ids: &[u32]| Written {
            ids: ids.to_vec(),
            learned: (0..ids.len()).map(|i| i > 0).collect(),
        };
        let (measured, _) = frequencies(&[example(&[9, 1, 1, 2])], &[example(&[3, 1, 5])], 10);
        assert_eq!(measured.right, [true, false]);
        let expected = -(3.0f64 / 13.0).ln() - (1.0f64 / 13.0).ln();
        assert!((measured.surprise[0] - expected).abs() < 1e-12);
        let model = Measured {
            surprise: vec![1.0],
            right: vec![true, true],
        };
        let pairs = measured.baseline("x", 0.0, &model).pairs.unwrap();
        assert_eq!((pairs.only_model, pairs.only_simple), (1, 0));
    }
}
