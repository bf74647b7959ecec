//! What a training in progress consists of.

use super::epoch::Speed;
use super::{Trained, Trainer};
use crate::checkpoint::{Checkpoint, Progress};
use crate::error::TrainError;
use crate::event::{Event, Observer};
use crate::learner::Learner;
use crate::optimizer::state_from_bytes;
use burn::module::Module;
use modelwright_data::Part;
use modelwright_kernels::ops;
use modelwright_kernels::optim::Optimizer;
use modelwright_kernels::precision::Precision;
use modelwright_models::weights::{self, StateDict};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A training in progress.
pub(super) struct State<'a, L: Learner> {
    pub trainer: &'a Trainer<'a>,
    pub learner: &'a L,
    /// `None` only while an optimizer step owns it.
    pub model: Option<L::Model>,
    pub optimizer: Optimizer,
    pub best: Option<StateDict>,
    pub meter: L::Meter,
    pub progress: Progress,
    pub steps_per_epoch: usize,
    pub last_save: Instant,
    /// What the last checkpoint took.
    pub save_cost: Duration,
    pub epoch_started: Instant,
    pub speed: Speed,
}

impl<'a, L: Learner> State<'a, L> {
    /// From the start, or where `resume` stands.
    pub(super) fn new(
        trainer: &'a Trainer<'a>,
        learner: &'a L,
        model: L::Model,
        resume: Option<Checkpoint>,
    ) -> Result<Self, TrainError> {
        let training = &trainer.recipe.training;
        if training.precision == Precision::Bf16 && !ops::enabled() {
            return Err(TrainError::Setting {
                key: "training.precision".into(),
                problem: "bf16 needs the kernels that MODELWRIGHT_KERNELS=off turns off".into(),
            });
        }
        let batches = learner.examples(Part::Train).div_ceil(training.batch_size);
        let mut state = Self {
            trainer,
            learner,
            model: None,
            optimizer: trainer.recipe.optimizer.build()?,
            best: None,
            meter: learner.meter(),
            progress: Progress::default(),
            steps_per_epoch: batches.div_ceil(training.accumulate),
            last_save: Instant::now(),
            save_cost: Duration::ZERO,
            epoch_started: Instant::now(),
            speed: Speed::default(),
        };
        let model = weights::assign_ids(model.train());
        state.optimizer = state.optimizer.with_factors(factors(learner, &model));
        let Some(saved) = resume else {
            state.model = Some(model);
            return Ok(state);
        };
        let fail = |problem: String| TrainError::Setting {
            key: "checkpoint".into(),
            problem: format!("belongs to another recipe or data set ({problem})"),
        };
        state.model = Some(weights::apply(model, saved.model).map_err(fail)?);
        state.optimizer =
            state_from_bytes(state.optimizer, &saved.optimizer, &trainer.device).map_err(fail)?;
        state.best = saved.best;
        if !saved.progress.meter.is_null() {
            state.meter = serde_json::from_value(saved.progress.meter.clone())
                .map_err(|e| fail(e.to_string()))?;
        }
        state.progress = saved.progress;
        Ok(state)
    }

    /// The learning rate of a step, counted from 0.
    pub(super) fn rate(&self, step: usize) -> f64 {
        let recipe = self.trainer.recipe;
        let total = recipe.training.epochs * self.steps_per_epoch;
        let base = recipe.optimizer.learning_rate();
        recipe
            .schedule
            .rate(base, step, total, self.steps_per_epoch)
    }

    /// The error for a value that is no longer a number after `step` steps.
    pub(super) fn non_finite(&self, what: &'static str, value: f64, step: usize) -> TrainError {
        TrainError::NonFinite {
            what,
            value,
            epoch: step.saturating_sub(1) / self.steps_per_epoch.max(1) + 1,
            step,
            learning_rate: self.rate(step.saturating_sub(1)) as f32,
            kept: match self.trainer.checkpoints.is_some_and(Checkpoint::exists) {
                true => "the last good checkpoint is kept",
                false => "there is no checkpoint from before it",
            },
        }
    }

    /// The model with the weights that the recipe says to keep.
    pub(super) fn finish(self) -> Result<Trained<L::Model>, TrainError> {
        let Some(model) = self.model else {
            return Err(TrainError::Observer(
                "the model is gone after an earlier error".into(),
            ));
        };
        let (model, epoch) = match self.best {
            Some(best) => {
                let fail = |e| TrainError::Observer(format!("the best weights do not fit: {e}"));
                (
                    weights::apply(model, best).map_err(fail)?,
                    self.progress.best_epoch,
                )
            }
            None => (model, self.progress.epoch),
        };
        Ok(Trained {
            model: model.valid(),
            epoch,
            steps: self.progress.step,
        })
    }

    pub(super) fn mean_loss(&self) -> f64 {
        self.progress.loss_sum / self.progress.weight_sum
    }

    pub(super) fn tell(&self, observer: &mut dyn Observer, event: Event) -> Result<(), TrainError> {
        observer.observe(&event).map_err(TrainError::Observer)
    }
}

/// What multiplies the learning rate of each parameter that has another than the recipe's, by its id.
fn factors<L: Learner>(learner: &L, model: &L::Model) -> BTreeMap<u64, f64> {
    let factor = |(name, id): (String, u64)| (id, learner.rate_factor(&name));
    let factors = weights::ids(model).into_iter().map(factor);
    factors.filter(|(_, factor)| *factor != 1.0).collect()
}
