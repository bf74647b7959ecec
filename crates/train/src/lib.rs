//! Training: from a recipe to a trained model.
//!
//! The loop knows nothing of the task beyond "batch in, loss out" (the [`Learner`] trait). It emits
//! [`Event`]s; progress display, run store and TensorBoard are observers of them. Everything random
//! is derived from (seed, purpose, position), so a checkpoint needs no generator state and a resumed
//! run repeats the interrupted one bit for bit.

mod checkpoint;
mod clip;
mod disk;
mod error;
mod event;
mod learner;
mod optimizer;
pub mod recipe;
mod schedule;
mod trainer;

pub use checkpoint::{Checkpoint, Progress};
pub use disk::sync_folder;
pub use error::TrainError;
pub use event::{Event, Mistake, Observer, Observers, Scores};
pub use learner::{Goal, Learner, Meter, StepLoss};
pub use optimizer::OptimizerConfig;
pub use recipe::{ClassWeights, Keep, Recipe, TrainingConfig};
pub use schedule::ScheduleConfig;
pub use trainer::{Control, MOST_MINUTES, Outcome, Trained, Trainer, time_limit};
