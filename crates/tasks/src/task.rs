//! What a task is to the outside.

use crate::answers::Truth;
use crate::calibrated::with_temperature;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::inside::Inside;
use crate::output::OutputSchema;
use crate::registry;
use burn::tensor::Device;
use modelwright_data::{Content, DataConfig, Dataset, Part};
use modelwright_evaluate::Baseline;
use modelwright_runs::{Bundle, Facts};
use modelwright_train::recipe::Layers;
use modelwright_train::{
    Checkpoint, Control, Learner, Observer, Outcome, Recipe, Trained, Trainer,
};
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

    /// A recipe that works without thinking for this data. `asked` is what the person has set and what
    /// goes on top of it: another architecture may need other settings of the training.
    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        asked: &Layers,
    ) -> Result<Recipe, TaskError>;

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
    /// Folder of the run where the task keeps what going on needs beside a checkpoint, such as a
    /// tokenizer. It need not exist.
    pub assets: &'a Path,
    /// What the loop is run with.
    pub course: Course<'a>,
    /// Told about pictures decoded: done, in all.
    pub decoding: &'a (dyn Fn(usize, usize) + Sync),
}

/// Where a training stands, who may stop it and who is told of it.
pub struct Course<'a> {
    /// Folder of checkpoints.
    pub checkpoints: &'a Path,
    /// To go on from.
    pub resume: Option<Checkpoint>,
    /// To stop from outside.
    pub control: &'a Control,
    /// Who is told.
    pub observer: &'a mut dyn Observer,
}

impl Course<'_> {
    /// Runs the loop, from the start or on from the checkpoint; `None` if it was asked to stop.
    pub(crate) fn fit<L: Learner>(
        &mut self,
        recipe: &Recipe,
        device: &Device,
        learner: &L,
        net: L::Model,
    ) -> Result<Option<Trained<L::Model>>, TaskError> {
        let trainer = Trainer {
            recipe,
            device: device.clone(),
            checkpoints: Some(self.checkpoints),
            control: self.control,
        };
        let outcome = trainer.run(learner, net, self.resume.take(), self.observer)?;
        Ok(match outcome {
            Outcome::Finished(trained) => Some(trained),
            Outcome::Interrupted { .. } => None,
        })
    }
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
    /// Further entries of the bundle's `config.json`, by which Hugging Face's tools build the network;
    /// empty where they have no such network.
    pub hugging_face: serde_json::Map<String, serde_json::Value>,
    /// Class names; empty where the answer is no class.
    pub labels: Vec<String>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Metrics.
    pub evaluation: Evaluation,
    /// Simple models measured on the same part, in any order.
    pub baselines: Vec<Baseline>,
    /// The part they are on.
    pub scored_on: Part,
    /// The epoch the weights are from.
    pub epoch: usize,
    /// Size and split of the data.
    pub facts: Facts,
    /// What was left out or repaired.
    pub notes: Vec<String>,
}

/// The answer for one example. New tasks add variants (boxes, a mask, a sound).
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
    /// Any number of labels.
    Labels {
        /// Those that are more probable than the model's threshold, the most probable first.
        labels: Vec<String>,
        /// The probability of each label by itself, in the order of [`Predictor::labels`].
        probabilities: Vec<f32>,
    },
    /// A direction in the space of meanings: texts that mean the same lie close together.
    Vector {
        /// Of length 1.
        values: Vec<f32>,
    },
    /// The place in a text that answers a question.
    Span {
        /// What stands there; empty if the text has no answer.
        answer: String,
        /// Its first character in the context, counted from 0.
        start: usize,
        /// One behind its last character.
        end: usize,
        /// How sure the model is, from 0 to 1.
        probability: f32,
    },
    /// The known question that asks the same.
    Match {
        /// The answer to it; `None` if no known question is close enough to be sure.
        answer: Option<String>,
        /// The closest known question.
        question: String,
        /// How probable it is that the answer to it is the right one.
        probability: f32,
        /// The closest known questions, the closest first.
        neighbours: Vec<Neighbour>,
    },
    /// What the model writes: its answer, or how it goes on.
    Text {
        /// The text.
        text: String,
        /// Tokens that it was written in.
        tokens: usize,
        /// Whether the model ended it; if not, it was cut off.
        complete: bool,
    },
}

/// A known text close to the one that was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// The text.
    pub text: String,
    /// The answer to it.
    pub answer: String,
    /// How close the two are: 1 is the same.
    pub score: f32,
}

/// A loaded model.
pub trait Predictor: Send + Sync {
    /// Class names; empty where the answer is no class.
    fn labels(&self) -> &[String];

    /// What goes in.
    fn input(&self) -> InputSchema;

    /// What comes out. A model with classes answers with one of them, another with a number, unless it
    /// says otherwise.
    fn output(&self) -> OutputSchema {
        match self.labels().is_empty() {
            true => OutputSchema::Value,
            false => OutputSchema::Class,
        }
    }

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

    /// The true answers to some examples, as the data has them; those without one are left out.
    ///
    /// # Errors
    /// The model does not know one of them, or its answers are not right or wrong one by one.
    fn truth(&self, dataset: &Dataset, _rows: &[usize]) -> Result<(Vec<usize>, Truth), TaskError> {
        Err(TaskError::asked(
            format!(
                "{}: this model's answers are measured together only",
                dataset.source
            ),
            "look at the scores of the run",
        ))
    }

    /// Metrics on some examples, whose true answers the data has; an error if it has none.
    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError>;

    /// Divides a data set as the training did with `recipe`; what it could not use counts as examples
    /// to train on.
    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError>;

    /// What explanations can see beside the answers.
    fn inside(&self) -> Inside<'_> {
        Inside::Closed
    }

    /// A vector for each of some examples, one after the other: those that are alike to the model lie
    /// close together. `None` if it has none but its answers.
    ///
    /// # Errors
    /// As [`Self::predict`].
    fn features(
        &self,
        _place: &str,
        _content: &Content,
        _rows: Range<usize>,
    ) -> Result<Option<Vec<f32>>, TaskError> {
        Ok(None)
    }
}

/// The predictor in a bundle, whatever its task.
pub fn load(bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
    let predictor = registry::find(&bundle.config.task)?.load(bundle, device)?;
    with_temperature(bundle, predictor)
}
