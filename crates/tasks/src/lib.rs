//! Tasks: what a model is to do, each binding data, architecture, loss, metrics and decoding.
//!
//! [`Task`] is what the outside sees; [`registry`] lists them. [`Plan`] and [`Session`] take a person's
//! settings to a finished run. A new task is one module here, registered in one line.

mod answers;
mod calibrated;
mod chat;
mod classify;
mod error;
mod evaluation;
mod faq;
mod feature;
mod given;
mod image_classification;
pub mod index;
mod input;
mod inside;
mod network;
mod ngrams;
mod of_bundle;
mod origin;
mod output;
mod parts;
mod plan;
mod question_answering;
pub mod registry;
mod row_predictor;
mod session;
mod table;
mod tabular_classification;
mod tabular_regression;
mod task;
mod text;
mod text_classification;
mod text_embedding;
mod worst;

pub use answers::{AnswerValues, Answers, Scored, Truth, data_of_run};
pub use calibrated::{CALIBRATION, Temperature, store_temperature};
pub use error::TaskError;
pub use evaluation::Evaluation;
pub use faq::{Calibration, Evidence, perturbed, words};
pub use feature::feature_of;
pub use given::Given;
pub use input::{InputColumn, InputSchema, InputValues};
pub use inside::{
    FeatureSlopes, Inside, LinearOutputs, PictureInside, RowInside, Slopes, TextInside, TextTokens,
};
pub use ngrams::is_unspaced;
pub use of_bundle::{input_of_bundle, predictions_of_bundle, with_model};
pub use output::OutputSchema;
pub use plan::{Plan, usual_parts};
pub use session::{Ended, Report, STACK, Session, SessionOptions, recipe_of};
pub use task::{
    Course, Job, JobOutcome, Made, Neighbour, Prediction, Predictor, Task, TaskInfo, load,
};
pub use text_embedding::SentenceEncoder;

/// A result whose error says what was wrong, where, and what to do.
pub type Result<T> = std::result::Result<T, TaskError>;
