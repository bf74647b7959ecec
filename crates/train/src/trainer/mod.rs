//! The loop: epochs of steps, each epoch with a look at the validation part and a checkpoint.

mod epoch;
mod order;
mod save;
mod state;
mod step;
mod validate;

use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::event::{Event, Observer};
use crate::learner::Learner;
use crate::recipe::Recipe;
use burn::tensor::Device;
use modelwright_data::Part;
use modelwright_data::rng::{Purpose, stream};
use state::State;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Lets another thread ask the loop to stop at the next step, or to end in time.
#[derive(Debug, Default)]
pub struct Control {
    stopped: AtomicBool,
    deadline: OnceLock<Instant>,
}

impl Control {
    /// Asks the loop to save and stop; the run can go on later.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Gives the loop `time` from now on. Then it ends as early stopping does: the epoch is cut short,
    /// looked at, and the run finishes with the best weights so far. Only the first call counts.
    pub fn finish_in(&self, time: Duration) {
        let _ = self.deadline.set(Instant::now() + time);
    }

    /// Whether the time that was given is over.
    pub fn is_time_over(&self) -> bool {
        let deadline = self.deadline.get();
        deadline.is_some_and(|deadline| Instant::now() >= *deadline)
    }
}

/// Most minutes of a time limit: four weeks.
pub const MOST_MINUTES: f64 = 40_320.0;

/// A time limit as people write it: minutes above 0, at most [`MOST_MINUTES`].
pub fn time_limit(minutes: &str) -> Option<Duration> {
    let minutes = minutes.parse::<f64>().ok();
    let valid = minutes.filter(|m| *m > 0.0 && *m <= MOST_MINUTES);
    valid.map(|m| Duration::from_secs_f64(60.0 * m))
}

/// How a call of [`Trainer::run`] ended.
pub enum Outcome<M> {
    /// All epochs are done, or early stopping or the time limit ended them.
    Finished(Trained<M>),
    /// It was asked to stop; a checkpoint is saved.
    Interrupted {
        /// The step from which it can go on.
        step: usize,
    },
}

/// A trained model.
pub struct Trained<M> {
    /// With the weights that the recipe says to keep; off the training device.
    pub model: M,
    /// The epoch they are from, counted from 1.
    pub epoch: usize,
    /// Optimizer steps in all.
    pub steps: usize,
}

/// Runs the loop for a recipe.
pub struct Trainer<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The device; the loop turns autodiff on.
    pub device: Device,
    /// Folder of checkpoints; none are written without it.
    pub checkpoints: Option<&'a Path>,
    /// To stop from outside.
    pub control: &'a Control,
}

impl Trainer<'_> {
    /// Trains `model`, from the start or from `resume`, and tells `observer`.
    pub fn run<L: Learner>(
        &self,
        learner: &L,
        model: L::Model,
        resume: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<L::Model>, TrainError> {
        let mut state = State::new(self, learner, model, resume)?;
        let started = Instant::now();
        state.tell(
            observer,
            Event::Started {
                epochs: self.recipe.training.epochs,
                steps_per_epoch: state.steps_per_epoch,
                examples: learner.examples(Part::Train),
                resumed_at: state.progress.step,
            },
        )?;
        while state.progress.epoch < self.recipe.training.epochs && !state.progress.stopped {
            if !state.train_epoch(observer)? {
                state.save(observer)?;
                let step = state.progress.step;
                state.tell(observer, Event::Interrupted { step })?;
                return Ok(Outcome::Interrupted { step });
            }
            state.end_epoch(observer)?;
            state.save_at_epoch_end(observer)?;
        }
        let steps = state.progress.step;
        let seconds = started.elapsed().as_secs_f64();
        state.tell(observer, Event::Finished { steps, seconds })?;
        state.finish().map(Outcome::Finished)
    }

    /// The order of the training examples in an epoch.
    fn order<L: Learner>(&self, learner: &L, epoch: usize) -> Vec<usize> {
        let training = &self.recipe.training;
        let mut rng = stream(training.seed, Purpose::Shuffle, (epoch as u64, 0));
        match learner.lengths(Part::Train) {
            Some(lengths) => order::by_length(lengths, training.batch_size, &mut rng),
            None => order::shuffled(learner.examples(Part::Train), &mut rng),
        }
    }
}
