//! What every single-label classifier shares: loss, running accuracy, class checks, decoding.

use crate::error::TaskError;
use crate::task::Prediction;
use crate::worst::Worst;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use modelwright_evaluate::argmax;
use modelwright_kernels::nn::{Labels, cross_entropy};
use modelwright_train::{ClassWeights, Goal, Meter, Mistake, Recipe, Scores, StepLoss};
use serde::{Deserialize, Serialize};

/// A classifier's output: what its logits mean and how they are trained.
#[derive(Debug, Clone)]
pub(crate) struct ClassHead {
    pub classes: Vec<String>,
    weights: Vec<f32>,
    smoothing: f64,
}

/// The score by which classifiers are compared.
pub(crate) const GOAL: Goal = Goal {
    score: "accuracy",
    larger_is_better: true,
};

impl ClassHead {
    /// For training: `labels` are those of the training part.
    pub fn new(
        recipe: &Recipe,
        place: &str,
        classes: &[String],
        labels: impl Iterator<Item = u32>,
    ) -> Result<Self, TaskError> {
        let mut counts = vec![0usize; classes.len()];
        let mut total = 0;
        for label in labels {
            counts[label as usize] += 1;
            total += 1;
        }
        let seen = counts.iter().filter(|c| **c > 0).count();
        if seen < 2 {
            let only = counts
                .iter()
                .position(|c| *c > 0)
                .map_or("none", |i| &classes[i]);
            return Err(TaskError::asked(
                format!("{place}: only one class among the training examples (`{only}`)"),
                "a classifier needs examples of at least two classes",
            ));
        }
        let weights = match recipe.training.class_weights {
            ClassWeights::Equal => Vec::new(),
            ClassWeights::Balanced => counts
                .iter()
                .map(|c| match c {
                    // A class without examples would else weigh most in a smoothed target.
                    0 => 1.0,
                    _ => total as f32 / (seen as f32 * *c as f32),
                })
                .collect(),
        };
        Ok(Self {
            classes: classes.to_vec(),
            weights,
            smoothing: recipe.training.label_smoothing,
        })
    }

    /// Labels on a device.
    pub fn labels(&self, labels: &[u32], device: &Device) -> Labels {
        Labels::new(labels, &self.weights, device)
    }

    /// Mean cross-entropy; right answers are counted in `meter`.
    pub fn loss(
        &self,
        logits: Tensor<2>,
        batch: &ClassTargets,
        meter: &mut ClassMeter,
    ) -> StepLoss {
        meter.add(&logits, &batch.host);
        if let Some(weights) = &batch.weights {
            return weighted_cross_entropy(logits, &batch.host, weights);
        }
        let of = |labels: &Labels| cross_entropy(logits.clone(), labels, self.smoothing);
        let weight = batch.labels.total_weight();
        let value = match &batch.mixed {
            None => of(&batch.labels),
            Some((others, share)) => {
                of(&batch.labels).mul_scalar(*share) + of(others).mul_scalar(1.0 - share)
            }
        };
        StepLoss { value, weight }
    }

    /// The wrong answers that `meter` kept; `rows` are the examples it was given, in that order.
    pub fn mistakes(&self, meter: &ClassMeter, rows: &[usize]) -> Vec<Mistake> {
        let mistake = |w: &Wrong| Mistake {
            example: rows[w.position],
            truth: self.classes[w.truth].clone(),
            predicted: self.classes[w.predicted].clone(),
            probability: Some(w.probability),
        };
        meter.worst.items().map(mistake).collect()
    }
}

/// Cross-entropy in which each example has a weight of its own: `Σ w (-ln p_y) / Σ w`.
fn weighted_cross_entropy(logits: Tensor<2>, labels: &[u32], weights: &[f32]) -> StepLoss {
    let device = logits.device();
    let index: Vec<i64> = labels.iter().map(|l| i64::from(*l)).collect();
    let index = Tensor::<2, Int>::from_data(TensorData::new(index, [labels.len(), 1]), &device);
    let picked = log_softmax(logits, 1)
        .gather(1, index)
        .reshape([labels.len()]);
    let total = weights.iter().map(|w| f64::from(*w)).sum();
    StepLoss {
        value: (picked * Tensor::<1>::from_floats(weights, &device))
            .sum()
            .neg()
            .div_scalar(total),
        weight: total,
    }
}

/// The true classes of a batch.
pub(crate) struct ClassTargets {
    /// For counting right answers.
    pub host: Vec<u32>,
    /// For the loss.
    pub labels: Labels,
    /// A weight for each example; without them, examples of a class weigh the same.
    pub weights: Option<Vec<f32>>,
    /// With mixup: the classes of the pictures blended in, and the share of the first ones.
    pub mixed: Option<(Labels, f32)>,
}

/// Right answers so far, and the worst of the wrong ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ClassMeter {
    right: usize,
    examples: usize,
    /// Of interest once the validation part was gone through, which happens in one go.
    #[serde(skip)]
    worst: Worst<Wrong>,
}

/// A wrong answer.
#[derive(Debug, Clone)]
struct Wrong {
    /// How many examples the meter was given before it.
    position: usize,
    truth: usize,
    predicted: usize,
    /// Of the predicted class.
    probability: f64,
}

impl ClassMeter {
    fn add(&mut self, logits: &Tensor<2>, labels: &[u32]) {
        let [_, classes] = logits.dims();
        let data = logits.clone().into_data();
        let values: Vec<f32> = data.iter::<f32>().collect();
        for (row, label) in values.chunks_exact(classes).zip(labels) {
            let (truth, predicted) = (*label as usize, argmax(row));
            if predicted == truth {
                self.right += 1;
            } else {
                let position = self.examples;
                let wrong = || {
                    let sum: f64 = row
                        .iter()
                        .map(|v| f64::from(v - row[predicted]).exp())
                        .sum();
                    Wrong {
                        position,
                        truth,
                        predicted,
                        probability: 1.0 / sum,
                    }
                };
                self.worst
                    .add(f64::from(row[predicted] - row[truth]), wrong);
            }
            self.examples += 1;
        }
    }
}

impl Meter for ClassMeter {
    fn scores(&self) -> Scores {
        vec![(
            "accuracy".into(),
            self.right as f64 / self.examples.max(1) as f64,
        )]
    }
}

/// Probabilities of `[batch, classes]` logits, row by row.
pub(crate) fn probabilities(logits: Tensor<2>) -> Vec<f32> {
    softmax(logits, 1).into_data().iter::<f32>().collect()
}

/// Probabilities as predictions.
pub(crate) fn predictions(classes: &[String], probabilities: &[f32]) -> Vec<Prediction> {
    let prediction = |row: &[f32]| {
        let best = argmax(row);
        Prediction::Class {
            label: classes[best].clone(),
            probability: row[best],
            probabilities: row.to_vec(),
        }
    };
    probabilities
        .chunks_exact(classes.len())
        .map(prediction)
        .collect()
}

/// The model's index for each label of a data set whose classes may stand in another order.
pub(crate) fn match_labels(
    place: &str,
    known: &[String],
    classes: &[String],
    labels: &[Option<u32>],
) -> Result<Vec<u32>, TaskError> {
    let map: Vec<Option<u32>> = classes
        .iter()
        .map(|class| known.iter().position(|k| k == class).map(|i| i as u32))
        .collect();
    labels
        .iter()
        .enumerate()
        .map(|(i, label)| match label.map(|l| l as usize) {
            None => Err(TaskError::asked(
                format!("{place}: example {} has no label", i + 1),
                "evaluation needs the true answers; use `modelwright predict` without them",
            )),
            Some(label) => map[label].ok_or_else(|| {
                TaskError::asked(
                    format!(
                        "{place}: the model does not know the class `{}`",
                        classes[label]
                    ),
                    format!("it knows {}", known.join(", ")),
                )
            }),
        })
        .collect()
}
