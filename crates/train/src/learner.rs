//! What the loop needs of a task: batch in, loss out.

use crate::event::{Mistake, Scores};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use modelwright_data::{DataError, Part};
use serde::{Serialize, de::DeserializeOwned};

/// A task, as the training loop sees it.
///
/// Nothing here says "classification": `Batch` may hold pictures with boxes, masks, pairs or padded
/// sequences, the loss is any scalar, and a [`Meter`] may keep whatever it needs (sums for accuracy,
/// all detections for mean average precision, edit distances for speech).
pub trait Learner: Sync {
    /// The network with its parameters.
    type Model: Module;
    /// Collated examples, ready for the network. Built on a prefetch thread.
    type Batch: Send;
    /// Running scores.
    type Meter: Meter;

    /// Number of examples of a part.
    fn examples(&self, part: Part) -> usize;

    /// Collates the examples at `indices` (positions within the part) into a batch on `device`.
    ///
    /// `epoch` is given while training, so that augmentation can be drawn from (seed, epoch, example)
    /// alone; without it examples are taken as they are.
    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        epoch: Option<usize>,
        device: &Device,
    ) -> Result<Self::Batch, DataError>;

    /// A fresh meter.
    fn meter(&self) -> Self::Meter;

    /// Forward pass: the mean loss of the batch (differentiable where the model trains) and its
    /// weight; what can be measured on the way goes into `meter`.
    fn loss(&self, model: &Self::Model, batch: Self::Batch, meter: &mut Self::Meter) -> StepLoss;

    /// How long each example of a part is, if a batch costs as much as its longest one: examples of like
    /// length then come in a batch together while training.
    fn lengths(&self, _part: Part) -> Option<&[u32]> {
        None
    }

    /// What the recipe's learning rate is multiplied by for a parameter, given its dotted name. Lower
    /// layers of a pretrained network, which need less change, may get a smaller one.
    fn rate_factor(&self, _parameter: &str) -> f64 {
        1.0
    }

    /// The score by which epochs are compared, and its direction.
    fn goal(&self) -> Goal;

    /// Something that the model of an epoch writes: what it was given, and how it went on. `model` records
    /// nothing.
    fn sample(&self, _model: &Self::Model, _epoch: usize) -> Option<(String, String)> {
        None
    }

    /// The worst of the wrong answers that `meter` saw, which was given the validation part in order.
    fn mistakes(&self, _meter: &Self::Meter) -> Vec<Mistake> {
        Vec::new()
    }
}

/// The loss of one batch.
pub struct StepLoss {
    /// Mean over the batch, shape `[1]`.
    pub value: Tensor<1>,
    /// What the mean was divided by: the number of examples, or the sum of their weights.
    pub weight: f64,
}

/// Scores that are built up batch by batch. Saved in checkpoints, so that the scores of an epoch that
/// was interrupted are those of the whole epoch.
pub trait Meter: Serialize + DeserializeOwned + Clone + Send {
    /// The scores so far.
    fn scores(&self) -> Scores;
}

/// Which score tells a better epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// `loss` or a name from the meter.
    pub score: &'static str,
    /// Whether larger is better.
    pub larger_is_better: bool,
}

impl Goal {
    /// Whether `new` is at least as good as `best`: of equal epochs the later one is kept, whose
    /// learning rate was lower.
    pub fn improves(self, new: f64, best: Option<f64>) -> bool {
        match best {
            None => new.is_finite(),
            Some(best) if self.larger_is_better => new >= best,
            Some(best) => new <= best,
        }
    }

    /// Whether an epoch is strictly better than the best one: only that resets the patience of early
    /// stopping, or a run that has reached its plateau would never stop. Between equal scores the
    /// loss decides: on a small validation part accuracy moves in large steps, and a network that
    /// grows surer of the same answers is still learning.
    pub fn beats(self, new: (f64, f64), best: Option<(f64, f64)>) -> bool {
        let Some(best) = best else {
            return new.0.is_finite();
        };
        match new.0 == best.0 {
            true => new.1 < best.1,
            false => self.improves(new.0, Some(best.0)),
        }
    }
}
