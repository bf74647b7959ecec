//! One optimizer step.

use super::state::State;
use crate::clip;
use crate::error::TrainError;
use crate::learner::Learner;
use burn::optim::{GradientsAccumulator, GradientsParams};
use modelwright_data::rng::{Purpose, derive};
use modelwright_kernels::optim::clip_scale;
use modelwright_kernels::{noise, precision};

impl<L: Learner> State<'_, L> {
    /// One optimizer step over one or more batches; returns its loss and learning rate.
    pub(super) fn step(
        &mut self,
        batches: Vec<(L::Batch, usize)>,
    ) -> Result<(f64, f64), TrainError> {
        let recipe = self.trainer.recipe;
        let step = self.progress.step;
        let rate = self.rate(step);
        // Noise in the network depends on the step alone, whatever was drawn before.
        let seed = derive(recipe.training.seed, Purpose::Network, (step as u64, 0));
        noise::seed(seed);
        // For operations that a device draws for itself.
        self.trainer.device.seed(seed);

        let Some(model) = self.model.take() else {
            return Err(TrainError::Observer(
                "the model is gone after an earlier error".into(),
            ));
        };
        let count = batches.len();
        let mut sum = GradientsAccumulator::new();
        let mut single = None;
        let (mut losses, mut weights) = (0.0, 0.0);
        for (batch, _) in batches {
            let loss = precision::with(recipe.training.precision, || {
                self.learner.loss(&model, batch, &mut self.meter)
            });
            let value = f64::from(loss.value.clone().inner().into_scalar::<f32>());
            losses += value * loss.weight;
            weights += loss.weight;
            if !value.is_finite() {
                self.model = Some(model);
                return Err(self.non_finite("loss", value, step + 1));
            }
            let scaled = if count > 1 {
                loss.value.div_scalar(count as f64)
            } else {
                loss.value
            };
            let grads = GradientsParams::from_grads(scaled.backward(), &model);
            match count {
                1 => single = Some(grads),
                _ => sum.accumulate(&model, grads),
            }
        }
        let mut grads = single.unwrap_or_else(|| sum.grads());
        let scale = match recipe.training.clip_norm {
            Some(most) => clip_scale(&model, &grads, most),
            None => 1.0,
        };
        if let Some(most) = recipe.training.clip_value {
            grads = clip::by_value(&model, grads, most);
        }
        self.model = Some(self.optimizer.step(rate, model, grads, scale));
        self.progress.loss_sum += losses;
        self.progress.weight_sum += weights;
        self.progress.step += 1;
        self.progress.step_in_epoch += 1;
        Ok((losses / weights, rate))
    }
}
