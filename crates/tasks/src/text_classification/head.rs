//! What the outputs of a network say: one of several classes, or any number of labels.

use crate::classify::{ClassHead, ClassMeter, ClassTargets, GOAL};
use crate::error::TaskError;
use crate::worst::Worst;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_evaluate::argmax;
use modelwright_kernels::nn::binary_cross_entropy;
use modelwright_train::{Goal, Meter, Mistake, Recipe, Scores, StepLoss};
use serde::{Deserialize, Serialize};

/// The probability from which a label is given.
pub(crate) const THRESHOLD: f32 = 0.5;

/// How outputs are trained and measured.
pub(super) trait Head: Sync {
    /// The true classes of a batch.
    type Targets: Send;
    /// Running scores.
    type Meter: Meter;

    /// The score by which epochs are compared.
    const GOAL: Goal;

    /// Class names.
    fn classes(&self) -> &[String];
    /// The true classes of a batch on a device.
    fn targets(&self, classes: &[&[u32]], device: &Device) -> Self::Targets;
    /// A fresh meter.
    fn meter(&self) -> Self::Meter;
    /// The mean loss of a batch.
    fn loss(&self, logits: Tensor<2>, targets: &Self::Targets, meter: &mut Self::Meter)
    -> StepLoss;
    /// The worst answers that `meter` saw; `rows` are the examples it was given, in that order.
    fn mistakes(&self, meter: &Self::Meter, rows: &[usize]) -> Vec<Mistake>;
}

impl Head for ClassHead {
    type Targets = ClassTargets;
    type Meter = ClassMeter;

    const GOAL: Goal = GOAL;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn targets(&self, classes: &[&[u32]], device: &Device) -> ClassTargets {
        let host: Vec<u32> = classes.iter().map(|of| of[0]).collect();
        ClassTargets {
            labels: self.labels(&host, device),
            host,
            weights: None,
            mixed: None,
        }
    }

    fn meter(&self) -> ClassMeter {
        ClassMeter::default()
    }

    fn loss(&self, logits: Tensor<2>, targets: &ClassTargets, meter: &mut ClassMeter) -> StepLoss {
        ClassHead::loss(self, logits, targets, meter)
    }

    fn mistakes(&self, meter: &ClassMeter, rows: &[usize]) -> Vec<Mistake> {
        ClassHead::mistakes(self, meter, rows)
    }
}

/// Any number of labels for a text, each by itself: binary cross-entropy.
pub(super) struct LabelHead {
    labels: Vec<String>,
    smoothing: f32,
}

impl LabelHead {
    /// For training; `given` are the labels of the training examples.
    pub fn new<'a>(
        recipe: &Recipe,
        place: &str,
        labels: &[String],
        given: impl Iterator<Item = &'a [u32]>,
    ) -> Result<Self, TaskError> {
        if given.flatten().next().is_none() {
            return Err(TaskError::asked(
                format!("{place}: no training example has a label"),
                "give more data, or look at --label-separator",
            ));
        }
        Ok(Self {
            labels: labels.to_vec(),
            smoothing: recipe.training.label_smoothing as f32,
        })
    }
}

/// True labels of a batch.
pub(super) struct LabelTargets {
    /// `[batch, labels]`, as they are.
    host: Vec<bool>,
    /// The same for the loss, smoothed.
    values: Tensor<2>,
}

impl Head for LabelHead {
    type Targets = LabelTargets;
    type Meter = LabelMeter;

    const GOAL: Goal = Goal {
        score: "micro_f1",
        larger_is_better: true,
    };

    fn classes(&self) -> &[String] {
        &self.labels
    }

    fn targets(&self, classes: &[&[u32]], device: &Device) -> LabelTargets {
        let width = self.labels.len();
        let host = as_flags(classes, width);
        let value = |given: &bool| {
            let hard = f32::from(u8::from(*given));
            hard * (1.0 - self.smoothing) + 0.5 * self.smoothing
        };
        let values: Vec<f32> = host.iter().map(value).collect();
        let data = TensorData::new(values, [classes.len(), width]);
        LabelTargets {
            host,
            values: Tensor::from_data(data, device),
        }
    }

    fn meter(&self) -> LabelMeter {
        LabelMeter::default()
    }

    fn loss(&self, logits: Tensor<2>, targets: &LabelTargets, meter: &mut LabelMeter) -> StepLoss {
        meter.add(&logits, &targets.host);
        let [batch, _] = logits.dims();
        StepLoss {
            value: binary_cross_entropy(logits, targets.values.clone()),
            weight: batch as f64,
        }
    }

    fn mistakes(&self, meter: &LabelMeter, rows: &[usize]) -> Vec<Mistake> {
        let names = |flags: &[bool]| {
            let given = self.labels.iter().zip(flags).filter(|(_, given)| **given);
            given
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mistake = |wrong: &Wrong| Mistake {
            example: rows[wrong.position],
            truth: names(&wrong.truth),
            predicted: names(&wrong.predicted),
            probability: None,
        };
        meter.worst.items().map(mistake).collect()
    }
}

/// The classes that scores speak for: all from `threshold` on, or the best one without it.
pub(super) fn decide(scores: &[f32], threshold: Option<f32>) -> Vec<u32> {
    match threshold {
        None => vec![argmax(scores) as u32],
        Some(least) => {
            let given = (0..).zip(scores).filter(|(_, score)| **score >= least);
            given.map(|(class, _)| class).collect()
        }
    }
}

/// Whether each example has each of `width` labels, row by row.
pub(crate) fn as_flags(labels: &[impl AsRef<[u32]>], width: usize) -> Vec<bool> {
    let mut flags = vec![false; labels.len() * width];
    for (i, of) in labels.iter().enumerate() {
        of.as_ref()
            .iter()
            .for_each(|label| flags[i * width + *label as usize] = true);
    }
    flags
}

/// Counts for F1 over all decisions so far, and the worst of the wrong answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct LabelMeter {
    /// Labels that were given and are true.
    hits: usize,
    /// Labels that were given.
    given: usize,
    /// Labels that are true.
    truth: usize,
    examples: usize,
    /// Of interest once the validation part was gone through, which happens in one go.
    #[serde(skip)]
    worst: Worst<Wrong>,
}

/// An example with a wrong label or without a true one.
#[derive(Debug, Clone)]
struct Wrong {
    /// How many examples the meter was given before it.
    position: usize,
    truth: Vec<bool>,
    predicted: Vec<bool>,
}

impl LabelMeter {
    fn add(&mut self, logits: &Tensor<2>, truth: &[bool]) {
        let [_, width] = logits.dims();
        let data = logits.clone().into_data();
        let values: Vec<f32> = data.iter::<f32>().collect();
        for (row, truth) in values.chunks_exact(width).zip(truth.chunks_exact(width)) {
            // The threshold of one half in logits.
            let predicted: Vec<bool> = row.iter().map(|v| *v >= 0.0).collect();
            let count = |flags: &[bool]| flags.iter().filter(|f| **f).count();
            self.hits += predicted
                .iter()
                .zip(truth)
                .filter(|(p, t)| **p && **t)
                .count();
            self.given += count(&predicted);
            self.truth += count(truth);
            if predicted != truth {
                // How far on the wrong side of the threshold all labels are together.
                let sides = row.iter().zip(truth);
                let wrong = |(v, t): (&f32, &bool)| f64::from(if *t { -*v } else { *v }.max(0.0));
                let position = self.examples;
                self.worst.add(sides.map(wrong).sum(), || Wrong {
                    position,
                    truth: truth.to_vec(),
                    predicted,
                });
            }
            self.examples += 1;
        }
    }
}

impl Meter for LabelMeter {
    fn scores(&self) -> Scores {
        let all = (self.given + self.truth).max(1);
        vec![("micro_f1".into(), 2.0 * self.hits as f64 / all as f64)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(smoothing: f64) -> LabelHead {
        let mut recipe: Recipe =
            toml::from_str("task = 't'\n[model]\narchitecture = 'linear'").unwrap();
        recipe.training.label_smoothing = smoothing;
        let labels = ["a", "b", "c"].map(String::from);
        LabelHead::new(&recipe, "t", &labels, [&[1u32][..]].into_iter()).unwrap()
    }

    #[test]
    fn the_loss_is_the_mean_over_all_decisions() {
        let device = Device::flex();
        let head = head(0.0);
        let targets = head.targets(&[&[0, 2], &[]], &device);
        let logits = Tensor::from_data([[2.0f32, -1.0, 0.5], [-3.0, 0.25, -0.5]], &device);
        let mut meter = head.meter();
        let loss = head.loss(logits, &targets, &mut meter);
        // ln(1 + e^-z) where the label is there, ln(1 + e^z) where it is not.
        let terms = [-2.0f64, -1.0, -0.5, -3.0, 0.25, -0.5].map(|z| z.exp().ln_1p());
        let expected = terms.iter().sum::<f64>() / 6.0;
        let value = f64::from(loss.value.into_scalar::<f32>());
        assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        assert_eq!(loss.weight, 2.0);
        // Two of the three labels given are true, and there are two true ones: F1 4/5.
        let scores = meter.scores();
        assert!((scores[0].1 - 0.8).abs() < 1e-12, "{scores:?}");
        let mistakes = head.mistakes(&meter, &[10, 11]);
        assert_eq!(mistakes.len(), 1);
        assert_eq!(
            (mistakes[0].example, mistakes[0].predicted.as_str()),
            (11, "b")
        );
    }

    #[test]
    fn smoothing_moves_targets_towards_one_half() {
        let targets = head(0.1).targets(&[&[1]], &Device::flex());
        let values: Vec<f32> = targets.values.into_data().iter::<f32>().collect();
        for (value, expected) in values.iter().zip([0.05, 0.95, 0.05]) {
            assert!((value - expected).abs() < 1e-6);
        }
    }
}
