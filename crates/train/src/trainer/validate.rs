//! The end of an epoch: scores of the validation part, the best weights, early stopping.

use super::state::State;
use crate::checkpoint::Progress;
use crate::error::TrainError;
use crate::event::{Event, Mistake, Observer, Scores};
use crate::learner::{Learner, Meter};
use crate::recipe::Keep;
use burn::module::Module;
use modelwright_data::Part;
use modelwright_models::weights;

impl<L: Learner> State<'_, L> {
    /// Looks at the validation part, keeps the best weights, decides whether this was the last epoch.
    pub(super) fn end_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let epoch = self.progress.epoch + 1;
        let mut train = vec![("loss".to_string(), self.mean_loss())];
        train.extend(self.meter.scores());
        let (validation, mistakes) = self.validate()?;
        let goal = self.learner.goal();
        let scores = if validation.is_empty() {
            &train
        } else {
            &validation
        };
        let score = scores
            .iter()
            .find(|(name, _)| name == goal.score)
            .map(|(_, v)| *v);
        let best = score.is_some_and(|s| goal.improves(s, self.progress.best_score));
        let loss = scores.iter().find(|(name, _)| name == "loss");
        let loss = loss.map_or(f64::INFINITY, |(_, v)| *v);
        let peak = self
            .progress
            .peak
            .filter(|_| self.progress.best_score.is_some());
        if score.is_some_and(|s| goal.beats((s, loss), peak)) {
            self.progress.peak = score.map(|s| (s, loss));
            self.progress.stale = 0;
        } else {
            self.progress.stale += 1;
        }
        if best {
            self.progress.best_score = score;
            self.progress.best_epoch = epoch;
            if self.trainer.recipe.training.keep == Keep::Best && !validation.is_empty() {
                self.best = self.model.as_ref().map(weights::collect);
            }
        }
        let seconds = self.progress.epoch_seconds + self.epoch_started.elapsed().as_secs_f64();
        let step = self.progress.step;
        self.tell(
            observer,
            Event::EpochEnded {
                epoch,
                step,
                train,
                validation,
                best,
                seconds,
            },
        )?;
        if !mistakes.is_empty() {
            self.tell(observer, Event::Mistakes { epoch, mistakes })?;
        }
        let written = self.model.as_ref();
        let written = written.and_then(|model| self.learner.sample(&model.valid(), epoch));
        if let Some((prompt, text)) = written {
            let sample = Event::Sample {
                epoch,
                prompt,
                text,
            };
            self.tell(observer, sample)?;
        }
        let patience = self.trainer.recipe.training.early_stopping;
        let stale = patience.is_some_and(|p| self.progress.stale >= p);
        let late = self.trainer.control.is_time_over();
        if late {
            self.tell(observer, Event::TimeOver { epoch, step })?;
        } else if stale {
            let better_until = epoch - self.progress.stale;
            self.tell(
                observer,
                Event::StoppedEarly {
                    epoch,
                    better_until,
                },
            )?;
        }
        self.meter = self.learner.meter();
        self.progress = Progress {
            epoch,
            step,
            best_score: self.progress.best_score,
            best_epoch: self.progress.best_epoch,
            peak: self.progress.peak,
            stale: self.progress.stale,
            stopped: stale || late,
            ..Progress::default()
        };
        Ok(())
    }

    fn validate(&self) -> Result<(Scores, Vec<Mistake>), TrainError> {
        let examples = self.learner.examples(Part::Validation);
        let Some(model) = self.model.as_ref().filter(|_| examples > 0) else {
            return Ok(Default::default());
        };
        let model = model.valid();
        let mut meter = self.learner.meter();
        let (mut losses, mut weights) = (0.0, 0.0);
        let indices: Vec<usize> = (0..examples).collect();
        for chunk in indices.chunks(self.trainer.recipe.training.batch_size) {
            let batch =
                self.learner
                    .collate(Part::Validation, chunk, None, &self.trainer.device)?;
            let loss = self.learner.loss(&model, batch, &mut meter);
            losses += f64::from(loss.value.into_scalar::<f32>()) * loss.weight;
            weights += loss.weight;
        }
        let loss = losses / weights;
        if !loss.is_finite() {
            return Err(self.non_finite("validation loss", loss, self.progress.step));
        }
        let mut scores = vec![("loss".to_string(), loss)];
        scores.extend(meter.scores());
        Ok((scores, self.learner.mistakes(&meter)))
    }
}
