//! What can stop a training.

use modelwright_data::DataError;
use std::path::PathBuf;

/// A training that cannot start or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting is out of range or contradicts another.
    #[error("{key}: {problem}")]
    Setting {
        /// Dotted recipe key.
        key: String,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// The loss or the weights are no longer numbers.
    #[error(
        "the {what} became {value} at step {step} (epoch {epoch}); {kept}. Try a \
         smaller learning rate (now {learning_rate}), --clip-norm 1, or look for extreme values in the data"
    )]
    NonFinite {
        /// `loss`, `validation loss` or `weights`.
        what: &'static str,
        /// NaN or infinite.
        value: f64,
        /// Counted from 1.
        epoch: usize,
        /// Counted from 1 over the whole run.
        step: usize,
        /// The rate at that step.
        learning_rate: f32,
        /// Whether there is a checkpoint from before, as a sentence.
        kept: &'static str,
    },
    /// A file of the run cannot be written or read.
    #[error("{path}: {problem}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
    /// An example cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An observer failed, such as a run store on a full disk.
    #[error("{0}")]
    Observer(String),
}

impl TrainError {
    pub(crate) fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.into(),
            problem: problem.to_string(),
        }
    }
}
