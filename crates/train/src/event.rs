//! What the trainer tells the outside world.

use serde::{Deserialize, Serialize};

/// Named values, in the order in which they are shown.
pub type Scores = Vec<(String, f64)>;

/// One thing that happened. Epochs and steps are counted from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The loop starts, or goes on after a resume.
    Started {
        /// Epochs in all.
        epochs: usize,
        /// Optimizer steps in an epoch.
        steps_per_epoch: usize,
        /// Training examples in an epoch.
        examples: usize,
        /// Steps already done by the run that is resumed; 0 for a new one.
        resumed_at: usize,
    },
    /// An optimizer step was made.
    Step {
        /// The epoch it belongs to.
        epoch: usize,
        /// Its number in the whole run.
        step: usize,
        /// Loss of its batch.
        loss: f64,
        /// Mean loss of the epoch so far.
        mean_loss: f64,
        /// The task's scores of the epoch so far.
        scores: Scores,
        /// Learning rate that was used.
        learning_rate: f64,
        /// Training examples seen in this epoch.
        examples: usize,
        /// Examples a second, measured over the last steps.
        speed: f64,
    },
    /// An epoch is over and the validation part was looked at.
    EpochEnded {
        /// Its number.
        epoch: usize,
        /// Its last step.
        step: usize,
        /// Mean loss and scores of the training part, as they were while training.
        train: Scores,
        /// Loss and scores of the validation part; empty if there is none.
        validation: Scores,
        /// Whether this is the best epoch so far.
        best: bool,
        /// Wall time of the epoch.
        seconds: f64,
    },
    /// What the model of an epoch is most wrong about, the worst first; only told if there is
    /// something and the task can say.
    Mistakes {
        /// The epoch.
        epoch: usize,
        /// Examples of the validation part.
        mistakes: Vec<Mistake>,
    },
    /// What the model of an epoch writes; only told by tasks whose model writes.
    Sample {
        /// The epoch.
        epoch: usize,
        /// What it was given to go on with; may be empty.
        prompt: String,
        /// What it wrote.
        text: String,
    },
    /// A checkpoint is safely on disk.
    CheckpointSaved {
        /// The step it continues from.
        step: usize,
    },
    /// The validation score has not improved for the allowed number of epochs.
    StoppedEarly {
        /// The last epoch.
        epoch: usize,
        /// The last epoch that was better than those before it.
        better_until: usize,
    },
    /// The time that was given is over; the run finishes with what it has.
    TimeOver {
        /// The last epoch, which may be cut short.
        epoch: usize,
        /// Its last step.
        step: usize,
    },
    /// The person asked to stop; the run can be resumed.
    Interrupted {
        /// The step it can be resumed from.
        step: usize,
    },
    /// The loop is over.
    Finished {
        /// Steps in all.
        steps: usize,
        /// Wall time of this process.
        seconds: f64,
    },
}

/// A wrong answer to one example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// Its position in the data set.
    pub example: usize,
    /// The true answer.
    pub truth: String,
    /// The model's.
    pub predicted: String,
    /// How sure the model was of it, from 0 to 1, if it can say.
    pub probability: Option<f64>,
}

/// Something that follows a training.
pub trait Observer {
    /// Receives each event in order. An error stops the training (a full disk must not go unseen).
    fn observe(&mut self, event: &Event) -> Result<(), String>;
}

/// A list of observers, told in order.
#[derive(Default)]
pub struct Observers<'a>(pub Vec<Box<dyn Observer + 'a>>);

impl Observer for Observers<'_> {
    fn observe(&mut self, event: &Event) -> Result<(), String> {
        self.0.iter_mut().try_for_each(|o| o.observe(event))
    }
}

impl<F: FnMut(&Event)> Observer for F {
    fn observe(&mut self, event: &Event) -> Result<(), String> {
        self(event);
        Ok(())
    }
}
