//! The loop.

use crate::checkpoint::{Checkpoint, Progress};
use crate::clip;
use crate::error::TrainError;
use crate::event::{Event, Observer, Scores};
use crate::learner::{Learner, Meter};
use crate::optimizer::{state_from_bytes, state_to_bytes};
use crate::recipe::{Keep, Recipe};
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;
use modelwright_data::rng::{Purpose, derive, stream};
use modelwright_data::{DataError, Part};
use modelwright_kernels::optim::{Optimizer, clip_scale};
use modelwright_kernels::precision::{self, Precision};
use modelwright_kernels::{noise, ops};
use modelwright_models::weights::{self, StateDict};
use rand::seq::SliceRandom;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Batches that are prepared ahead of the one in use.
const PREFETCH: usize = 2;

/// Lets another thread ask the loop to stop at the next step.
#[derive(Debug, Default)]
pub struct Control(AtomicBool);

impl Control {
    /// Asks the loop to save and stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a call of [`Trainer::run`] ended.
pub enum Outcome<M> {
    /// All epochs are done, or early stopping ended them.
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
    fn order(&self, examples: usize, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..examples).collect();
        let seed = self.recipe.training.seed;
        order.shuffle(&mut stream(seed, Purpose::Shuffle, (epoch as u64, 0)));
        order
    }
}

/// A training in progress.
struct State<'a, L: Learner> {
    trainer: &'a Trainer<'a>,
    learner: &'a L,
    /// `None` only while an optimizer step owns it.
    model: Option<L::Model>,
    optimizer: Optimizer,
    best: Option<StateDict>,
    meter: L::Meter,
    progress: Progress,
    steps_per_epoch: usize,
    last_save: Instant,
    /// What the last checkpoint took.
    save_cost: Duration,
    epoch_started: Instant,
    speed: Speed,
}

impl<'a, L: Learner> State<'a, L> {
    fn new(
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

    /// Trains the rest of the current epoch; false if it was asked to stop.
    fn train_epoch(&mut self, observer: &mut dyn Observer) -> Result<bool, TrainError> {
        let (trainer, learner) = (self.trainer, self.learner);
        let training = &trainer.recipe.training;
        let epoch = self.progress.epoch;
        self.epoch_started = Instant::now();
        let order = trainer.order(learner.examples(Part::Train), epoch);
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
        }
        Ok(true)
    }

    /// One optimizer step over one or more batches; returns its loss and learning rate.
    fn step(&mut self, batches: Vec<(L::Batch, usize)>) -> Result<(f64, f64), TrainError> {
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

    /// The learning rate of a step, counted from 0.
    fn rate(&self, step: usize) -> f64 {
        let recipe = self.trainer.recipe;
        let total = recipe.training.epochs * self.steps_per_epoch;
        let base = recipe.optimizer.learning_rate();
        recipe
            .schedule
            .rate(base, step, total, self.steps_per_epoch)
    }

    /// The error for a value that is no longer a number after `step` steps.
    fn non_finite(&self, what: &'static str, value: f64, step: usize) -> TrainError {
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

    /// Looks at the validation part, keeps the best weights, decides on early stopping.
    fn end_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let epoch = self.progress.epoch + 1;
        let mut train = vec![("loss".to_string(), self.mean_loss())];
        train.extend(self.meter.scores());
        let validation = self.validate()?;
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
        let patience = self.trainer.recipe.training.early_stopping;
        let stopped = patience.is_some_and(|p| self.progress.stale >= p);
        if stopped {
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
            stopped,
            ..Progress::default()
        };
        Ok(())
    }

    fn validate(&self) -> Result<Scores, TrainError> {
        let examples = self.learner.examples(Part::Validation);
        let Some(model) = self.model.as_ref().filter(|_| examples > 0) else {
            return Ok(Vec::new());
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
        Ok(scores)
    }

    /// Saves, unless the last checkpoint is so young that saving would take more than a twentieth of
    /// the time: what a kill then loses is quickly done again, and exactly.
    fn save_at_epoch_end(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let epochs = self.trainer.recipe.training.epochs;
        let last = self.progress.stopped || self.progress.epoch >= epochs;
        if last || self.last_save.elapsed() >= self.save_cost * 20 {
            self.save(observer)?;
        }
        Ok(())
    }

    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
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

    fn finish(self) -> Result<Trained<L::Model>, TrainError> {
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

    fn mean_loss(&self) -> f64 {
        self.progress.loss_sum / self.progress.weight_sum
    }

    fn tell(&self, observer: &mut dyn Observer, event: Event) -> Result<(), TrainError> {
        observer.observe(&event).map_err(TrainError::Observer)
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

/// Examples a second, smoothed over about twenty steps.
#[derive(Default)]
struct Speed {
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
