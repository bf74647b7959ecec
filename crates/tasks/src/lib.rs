//! Tasks: what a model is to do, each binding data, architecture, loss, metrics and decoding.
//!
//! [`Task`] is what the outside sees; [`registry`] lists them. [`Plan`] and [`Session`] take a person's
//! settings to a finished run. A new task is one module here, registered in one line.

mod answers;
mod classify;
mod error;
mod evaluation;
mod image_classification;
mod input;
mod network;
mod origin;
mod parts;
mod plan;
pub mod registry;
mod row_predictor;
mod session;
mod table;
mod tabular_classification;
mod tabular_regression;
mod task;
mod worst;

pub use answers::{AnswerValues, Answers, data_of_run, input_of_bundle};
pub use error::TaskError;
pub use evaluation::Evaluation;
pub use input::{InputColumn, InputSchema, InputValues};
pub use plan::{Plan, read_content, usual_parts};
pub use session::{Ended, Report, STACK, Session, SessionOptions};
pub use task::{Job, JobOutcome, Made, Prediction, Predictor, Task, TaskInfo, load};

/// A result whose error says what was wrong, where, and what to do.
pub type Result<T> = std::result::Result<T, TaskError>;
