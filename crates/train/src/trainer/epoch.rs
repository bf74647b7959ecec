//! The training part of an epoch: batches in a drawn order, prepared ahead of the steps.

use super::state::State;
use crate::error::TrainError;
use crate::event::{Event, Observer};
use crate::learner::{Learner, Meter};
use modelwright_data::{DataError, Part};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Batches that are prepared ahead of the one in use.
const PREFETCH: usize = 2;

impl<L: Learner> State<'_, L> {
    /// Trains the rest of the current epoch, or until the time is over; false if it was asked to stop.
    pub(super) fn train_epoch(&mut self, observer: &mut dyn Observer) -> Result<bool, TrainError> {
        let (trainer, learner) = (self.trainer, self.learner);
        let training = &trainer.recipe.training;
        let epoch = self.progress.epoch;
        self.epoch_started = Instant::now();
        let order = trainer.order(learner, epoch);
        let group = training.batch_size * training.accumulate;
        let rest: Vec<&[usize]> = order
            .chunks(group)
            .skip(self.progress.step_in_epoch)
            .flat_map(|step| step.chunks(training.batch_size))
            .collect();
        let device = trainer.device.clone().autodiff();
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(PREFETCH);
            let rest = &rest;
            scope.spawn(move || {
                for indices in rest {
                    let batch = learner.collate(Part::Train, indices, Some(epoch), &device);
                    // The receiver is gone when the loop has stopped; so stops the prefetch.
                    if sender.send(batch.map(|b| (b, indices.len()))).is_err() {
                        break;
                    }
                }
            });
            // Drops the receiver at its end, which ends the prefetch thread.
            self.steps(batches, rest, observer)
        })
    }

    fn steps(
        &mut self,
        batches: Receiver<Result<(L::Batch, usize), DataError>>,
        rest: &[&[usize]],
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let training = &self.trainer.recipe.training;
        for group in rest.chunks(training.accumulate) {
            if self.trainer.control.is_stopped() {
                return Ok(false);
            }
            let started = Instant::now();
            let mut taken = Vec::with_capacity(group.len());
            for _ in group {
                // A closed channel means that the prefetch thread panicked; the scope reports that.
                match batches.recv() {
                    Ok(batch) => taken.push(batch?),
                    Err(_) => return Ok(false),
                }
            }
            let examples = taken.iter().map(|(_, n)| n).sum();
            let (loss, rate) = self.step(taken)?;
            self.speed.add(examples, started.elapsed());
            self.progress.examples += examples;
            let event = Event::Step {
                epoch: self.progress.epoch + 1,
                step: self.progress.step,
                loss,
                mean_loss: self.mean_loss(),
                scores: self.meter.scores(),
                learning_rate: rate,
                examples: self.progress.examples,
                speed: self.speed.per_second(),
            };
            self.tell(observer, event)?;
            if self.last_save.elapsed().as_secs_f64() >= training.checkpoint_seconds {
                self.save(observer)?;
            }
            // After a step, so that even the shortest time gives a model that has learned something.
            if self.trainer.control.is_time_over() {
                break;
            }
        }
        Ok(true)
    }
}

/// Examples a second, smoothed over about twenty steps.
#[derive(Default)]
pub(super) struct Speed {
    examples: f64,
    seconds: f64,
}

impl Speed {
    fn add(&mut self, examples: usize, elapsed: Duration) {
        self.examples = self.examples * 0.95 + examples as f64;
        self.seconds = self.seconds * 0.95 + elapsed.as_secs_f64();
    }

    fn per_second(&self) -> f64 {
        self.examples / self.seconds.max(1e-9)
    }
}
