//! Checkpoints of a training in progress.

use super::state::State;
use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::event::{Event, Observer};
use crate::learner::Learner;
use crate::optimizer::state_to_bytes;
use modelwright_models::weights::{self, StateDict};
use std::time::Instant;

impl<L: Learner> State<'_, L> {
    /// Saves, unless the last checkpoint is so young that saving would take more than a twentieth of
    /// the time: what a kill then loses is quickly done again, and exactly.
    pub(super) fn save_at_epoch_end(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let epochs = self.trainer.recipe.training.epochs;
        let last = self.progress.stopped || self.progress.epoch >= epochs;
        if last || self.last_save.elapsed() >= self.save_cost * 20 {
            self.save(observer)?;
        }
        Ok(())
    }

    pub(super) fn save(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let Some(model) = self.model.as_ref() else {
            return Ok(());
        };
        let state = weights::collect(model);
        // A finite loss may still have led to a step out of range; such weights must not replace the
        // last good checkpoint.
        if let Some(value) = first_non_finite(&state) {
            return Err(self.non_finite("weights", value, self.progress.step));
        }
        let Some(folder) = self.trainer.checkpoints else {
            return Ok(());
        };
        let mut progress = self.progress.clone();
        progress.meter =
            serde_json::to_value(&self.meter).map_err(|e| TrainError::file(folder, e))?;
        if progress.step_in_epoch > 0 {
            progress.epoch_seconds += self.epoch_started.elapsed().as_secs_f64();
        }
        let started = Instant::now();
        let checkpoint = Checkpoint {
            progress,
            model: state,
            best: self.best.clone(),
            optimizer: state_to_bytes(&self.optimizer).map_err(|e| TrainError::file(folder, e))?,
        };
        checkpoint.save(folder)?;
        self.save_cost = started.elapsed();
        self.last_save = Instant::now();
        self.tell(
            observer,
            Event::CheckpointSaved {
                step: self.progress.step,
            },
        )
    }
}

/// The first value of a state dict that is NaN or infinite.
fn first_non_finite(state: &StateDict) -> Option<f64> {
    let of = |data: &burn::tensor::TensorData| {
        let values = data.as_slice::<f32>().ok()?;
        values
            .iter()
            .find(|v| !v.is_finite())
            .map(|v| f64::from(*v))
    };
    state.values().find_map(of)
}
