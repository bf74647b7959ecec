//! Batches of pairs and their contrastive loss.

use super::pairs::{Pairs, numbered};
use super::ranks::Paired;
use crate::index::Vectors;
use crate::parts::Parts;
use crate::text::TokenSet;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::{DataError, Part};
use modelwright_kernels::nn::{Labels, cross_entropy};
use modelwright_models::{ModelConfig, SentenceNet, TokenBatch};
use modelwright_train::{Goal, Learner, Meter, Mistake, Scores, StepLoss};
use serde::{Deserialize, Serialize};

/// What cosines are multiplied by before the softmax, as in sentence-transformers'
/// `MultipleNegativesRankingLoss`.
const SCALE: f64 = 20.0;
/// Added to the score of a text that must not count as wrong.
const LEFT_OUT: f32 = -1e9;
/// Most pairs of the validation part that are searched after an epoch.
const MOST_SEARCHED: usize = 10_000;
/// Most mistakes that are told.
const MISTAKES: usize = 12;

/// Pairs as the training loop sees them.
pub(super) struct PairLearner<'a> {
    pub texts: Pairs<'a>,
    pub parts: Parts,
    /// Of each row.
    tokens: [TokenSet; 2],
    /// A number of each row's texts; equal texts have the same.
    numbers: [Vec<u32>; 2],
    /// The longer text of each pair of the training part.
    lengths: Vec<u32>,
    config: &'a ModelConfig,
}

/// Pairs of a step.
pub(super) struct PairBatch {
    first: TokenBatch,
    second: TokenBatch,
    numbers: [Vec<u32>; 2],
    labels: Labels,
    /// [`LEFT_OUT`] at what is equal to the right text or belongs to an equal first one.
    equal: Option<Tensor<2>>,
    /// Whether it is of the validation part.
    held_out: bool,
}

impl<'a> PairLearner<'a> {
    pub fn new(
        texts: Pairs<'a>,
        parts: Parts,
        tokenize: impl Fn(&[std::borrow::Cow<'a, str>]) -> TokenSet,
        config: &'a ModelConfig,
    ) -> Self {
        let tokens = [tokenize(&texts.first), tokenize(&texts.second)];
        let longer = |row: &usize| tokens[0].length(*row).max(tokens[1].length(*row));
        Self {
            lengths: parts.of(Part::Train).iter().map(longer).collect(),
            numbers: [numbered(&texts.first), numbered(&texts.second)],
            texts,
            parts,
            tokens,
            config,
        }
    }

    /// How many of the texts of some rows are longer than what is read.
    pub fn truncated(&self, rows: &[usize]) -> usize {
        let of = |tokens: &TokenSet| rows.iter().filter(|r| tokens.is_truncated(**r)).count();
        self.tokens.iter().map(of).sum()
    }
}

impl Learner for PairLearner<'_> {
    type Model = SentenceNet;
    type Batch = PairBatch;
    type Meter = PairMeter;

    fn examples(&self, part: Part) -> usize {
        self.parts.of(part).len()
    }

    fn lengths(&self, part: Part) -> Option<&[u32]> {
        (part == Part::Train).then_some(&self.lengths)
    }

    fn rate_factor(&self, parameter: &str) -> f64 {
        self.config.rate_factor(parameter)
    }

    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        _: Option<usize>,
        device: &Device,
    ) -> Result<PairBatch, DataError> {
        let rows = self.parts.pick(part, indices);
        let [first, second] = [0, 1].map(|i| self.tokens[i].batch(&rows, device));
        let numbers = [0, 1].map(|i| rows.iter().map(|r| self.numbers[i][*r]).collect::<Vec<_>>());
        let own: Vec<u32> = (0..rows.len() as u32).collect();
        Ok(PairBatch {
            first,
            second,
            labels: Labels::new(&own, &[], device),
            equal: equal(&numbers, device),
            numbers,
            held_out: part == Part::Validation,
        })
    }

    fn meter(&self) -> PairMeter {
        PairMeter::default()
    }

    fn loss(&self, model: &SentenceNet, batch: PairBatch, meter: &mut PairMeter) -> StepLoss {
        let (first, second) = (model.forward(&batch.first), model.forward(&batch.second));
        let mut scores = first
            .clone()
            .matmul(second.clone().transpose())
            .mul_scalar(SCALE);
        if let Some(equal) = batch.equal {
            scores = scores + equal;
        }
        match batch.held_out {
            true => meter.hold(first, second, &batch.numbers),
            false => meter.count(&scores),
        }
        StepLoss {
            value: cross_entropy(scores, &batch.labels, 0.0),
            weight: batch.numbers[0].len() as f64,
        }
    }

    fn goal(&self) -> Goal {
        Goal {
            score: "mrr",
            larger_is_better: true,
        }
    }

    fn mistakes(&self, meter: &PairMeter) -> Vec<Mistake> {
        let rows = self.parts.of(Part::Validation);
        let wrong = meter.held.paired().map(|paired| paired.wrong());
        let mistake = |(pair, nearest, cosine): (usize, usize, f32)| Mistake {
            example: rows[pair],
            truth: self.texts.second[rows[pair]].to_string(),
            predicted: self.texts.second[rows[nearest]].to_string(),
            probability: Some(f64::from(cosine).clamp(0.0, 1.0)),
        };
        let wrong = wrong.into_iter().flatten().take(MISTAKES);
        wrong.map(mistake).collect()
    }
}

/// [`LEFT_OUT`] where a column must not count as wrong in a row of scores: the text is the right one
/// once more, or it belongs to the same first text. `None` if all texts differ.
fn equal(numbers: &[Vec<u32>; 2], device: &Device) -> Option<Tensor<2>> {
    let count = numbers[0].len();
    let same = |i: usize, j: usize| i != j && numbers.iter().any(|n| n[i] == n[j]);
    let mut mask = vec![0.0; count * count];
    for i in 0..count {
        for j in (0..count).filter(|j| same(i, *j)) {
            mask[i * count + j] = LEFT_OUT;
        }
    }
    let any = mask.iter().any(|v| *v != 0.0);
    any.then(|| Tensor::from_data(TensorData::new(mask, [count, count]), device))
}

/// How well the right texts are found: in training among those of the batch, in the validation part
/// among all of that part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct PairMeter {
    pairs: usize,
    first: usize,
    reciprocal: f64,
    /// Of the validation part, which is gone through in one go.
    #[serde(skip)]
    held: Held,
}

impl PairMeter {
    /// Counts a batch by its scores, in which the right texts are on the diagonal.
    fn count(&mut self, scores: &Tensor<2>) {
        let [count, _] = scores.dims();
        let scores: Vec<f32> = scores.clone().into_data().iter::<f32>().collect();
        for (i, row) in scores.chunks_exact(count.max(1)).enumerate() {
            let before = (0..count).filter(|j| *j != i && row[*j] >= row[i]).count();
            self.pairs += 1;
            self.first += usize::from(before == 0);
            self.reciprocal += 1.0 / (before + 1) as f64;
        }
    }

    fn hold(&mut self, first: Tensor<2>, second: Tensor<2>, numbers: &[Vec<u32>; 2]) {
        let held = &mut self.held;
        if held.numbers[0].len() >= MOST_SEARCHED {
            return;
        }
        held.dimension = first.dims()[1];
        for (i, vectors) in [first, second].into_iter().enumerate() {
            held.vectors[i].extend(vectors.into_data().iter::<f32>());
            held.numbers[i].extend(&numbers[i]);
        }
    }
}

impl Meter for PairMeter {
    fn scores(&self) -> Scores {
        let (first, mrr) = match self.held.paired() {
            Some(paired) => {
                let report = paired.report();
                (report.recall_at_1, report.mrr)
            }
            None => {
                let pairs = self.pairs.max(1) as f64;
                (self.first as f64 / pairs, self.reciprocal / pairs)
            }
        };
        vec![("recall_at_1".into(), first), ("mrr".into(), mrr)]
    }
}

/// The vectors of the validation part.
#[derive(Debug, Clone, Default)]
struct Held {
    dimension: usize,
    vectors: [Vec<f32>; 2],
    numbers: [Vec<u32>; 2],
}

impl Held {
    fn paired(&self) -> Option<Paired> {
        if self.numbers[0].is_empty() {
            return None;
        }
        let [first, second] = [0, 1].map(|i| Vectors::new(self.vectors[i].clone(), self.dimension));
        Some(Paired::new(
            &first,
            &second,
            [&self.numbers[0], &self.numbers[1]],
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_no_wrong_ones() {
        let device = Device::flex();
        assert!(equal(&[vec![0, 1, 2], vec![0, 1, 2]], &device).is_none());
        // The second texts of rows 0 and 2 are equal, and the first ones of rows 1 and 3.
        let mask = equal(&[vec![0, 1, 2, 1], vec![5, 6, 5, 7]], &device).unwrap();
        let mask: Vec<f32> = mask.into_data().iter::<f32>().collect();
        let out: Vec<usize> = (0..16).filter(|i| mask[*i] == LEFT_OUT).collect();
        assert_eq!(out, [2, 7, 8, 13]);
    }

    #[test]
    fn training_counts_within_the_batch() {
        let mut meter = PairMeter::default();
        let scores = Tensor::from_data(
            [[3.0, 1.0, 0.0], [2.0, 2.0, 0.0], [5.0, 4.0, 3.0]],
            &Device::flex(),
        );
        meter.count(&scores);
        let scores = meter.scores();
        assert!((scores[0].1 - 1.0 / 3.0).abs() < 1e-9);
        assert!((scores[1].1 - (1.0 + 0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-9);
    }

    /// sentence-transformers' loss by its formula: mean of ln Σ_j exp(20 cos(a_i, b_j)) - 20 cos(a_i, b_i).
    #[test]
    fn the_loss_is_that_of_sentence_transformers() {
        let device = Device::flex();
        let rows = |angles: [f32; 3]| {
            let point = |a: f32| [a.cos(), a.sin()];
            Tensor::<2>::from_data(angles.map(point), &device)
        };
        let (a, b) = ([0.1f32, 1.0, 2.0], [0.3f32, 0.8, 2.2]);
        let scores = rows(a).matmul(rows(b).transpose()).mul_scalar(SCALE);
        let loss: f32 =
            cross_entropy(scores, &Labels::new(&[0, 1, 2], &[], &device), 0.0).into_scalar();
        let expected: f64 = (0..3)
            .map(|i| {
                let score = |j: usize| 20.0 * f64::from(a[i] - b[j]).cos();
                (0..3).map(|j| score(j).exp()).sum::<f64>().ln() - score(i)
            })
            .sum::<f64>()
            / 3.0;
        assert!(
            (f64::from(loss) - expected).abs() < 1e-5,
            "{loss} {expected}"
        );
    }
}
