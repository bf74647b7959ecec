//! What a task is to the outside.

use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::registry;
use burn::tensor::Device;
use modelwright_data::{Content, DataConfig, Dataset, Part};
use modelwright_runs::{Bundle, Facts};
use modelwright_train::{Checkpoint, Control, Observer, Recipe};
use serde::Serialize;
use std::ops::Range;
use std::path::Path;

/// A task as listed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TaskInfo {
    /// The name used in recipes.
    pub name: &'static str,
    /// What goes in.
    pub takes: &'static str,
    /// What comes out.
    pub gives: &'static str,
    /// An example from a product.
    pub example: &'static str,
}

/// Something a model can be trained to do.
///
/// The trait is object-safe and speaks of data, recipes, events and predictions only: batches, losses
/// and networks are a task's own business (it implements [`modelwright_train::Learner`] for them). So
/// a detector with boxes, a recognizer with sequences or a retriever with pairs is a task like any other.
pub trait Task: Send + Sync {
    /// How the task is listed.
    fn info(&self) -> TaskInfo;

    /// Whether the data suits the task, and how well: the largest number is the guess for data whose
    /// task was not given.
    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32>;

    /// A recipe that works without thinking for this data.
    fn defaults(&self, dataset: &Dataset, config: &DataConfig) -> Result<Recipe, TaskError>;

    /// Replaces what the recipe leaves open (`auto`), so that the recorded recipe says it all.
    fn resolve(&self, recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError>;

    /// The part of each example in a training with `recipe`, which needs its data and its seed only;
    /// `None` for those without a label or target.
    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError>;

    /// Trains, or goes on from a checkpoint, and evaluates.
    fn train(&self, job: Job) -> Result<JobOutcome, TaskError>;

    /// The predictor in a bundle.
    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError>;
}

/// One training, ready to go.
pub struct Job<'a> {
    /// Complete.
    pub recipe: &'a Recipe,
    /// What `recipe.data` names.
    pub dataset: Dataset,
    /// A hash of the content of each of its examples, by which they are divided.
    pub hashes: Vec<u64>,
    /// Where to compute.
    pub device: Device,
    /// Folder of checkpoints.
    pub checkpoints: &'a Path,
    /// To go on from.
    pub resume: Option<Checkpoint>,
    /// To stop from outside.
    pub control: &'a Control,
    /// Who is told.
    pub observer: &'a mut dyn Observer,
    /// Told about pictures decoded: done, in all.
    pub decoding: &'a (dyn Fn(usize, usize) + Sync),
}

/// How a job ended.
pub enum JobOutcome {
    /// With a model.
    Made(Box<Made>),
    /// It was asked to stop.
    Interrupted,
}

/// A finished model and what was measured of it.
pub struct Made {
    /// Files of the bundle.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// Class names; empty for a regression.
    pub labels: Vec<String>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Metrics.
    pub evaluation: Evaluation,
    /// The part they are on.
    pub scored_on: Part,
    /// The epoch the weights are from.
    pub epoch: usize,
    /// Size and split of the data.
    pub facts: Facts,
    /// What was left out or repaired.
    pub notes: Vec<String>,
}

/// The answer for one example. New tasks add variants (boxes, a mask, a text, a sound).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Prediction {
    /// One of several classes.
    Class {
        /// The most probable one.
        label: String,
        /// Its probability.
        probability: f32,
        /// Probabilities of all classes, in the order of [`Predictor::labels`].
        probabilities: Vec<f32>,
    },
    /// A number.
    Value {
        /// In the unit of the training data.
        value: f64,
    },
}

/// A loaded model.
pub trait Predictor: Send + Sync {
    /// Class names; empty for a regression.
    fn labels(&self) -> &[String];

    /// What goes in.
    fn input(&self) -> InputSchema;

    /// The same examples in the form that the model reads: pictures in its size, a table of its columns
    /// alone. Contents in this form can be put together ([`Content::append`]).
    ///
    /// # Errors
    /// They do not suit the model. `place` names the source in messages.
    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError>;

    /// Predictions for some of the examples, in their order. `place` names the source in messages.
    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError>;

    /// The true answers for all examples, as the data has them; an error if it has none.
    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError>;

    /// Divides a data set as the training did with `recipe`; what it could not use counts as examples
    /// to train on.
    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError>;
}

/// The predictor in a bundle, whatever its task.
pub fn load(bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
    registry::find(&bundle.config.task)?.load(bundle, device)
}
