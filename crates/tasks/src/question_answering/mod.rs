//! What is the answer to a question: a place in a given text, or the answer to a known question?
//!
//! The columns decide. A table of questions with contexts makes an extractive model, which is all of this
//! module; questions with answers alone make a FAQ, which is [`crate::faq`].

mod decode;
mod learner;
mod predictor;
mod rows;
mod training;
mod windows;

use crate::error::TaskError;
use crate::faq;
use crate::table;
use crate::task::{Job, JobOutcome, Predictor, Task, TaskInfo};
use burn::tensor::Device;
use modelwright_data::{Content, DataConfig, Dataset, Part, Table};
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use modelwright_train::recipe::Layers;
use predictor::SpanPredictor;
use rows::{CONTEXT, Names};
use serde::{Deserialize, Serialize};

/// The task.
pub(crate) struct QuestionAnswering;

const NAME: &str = "question-answering";

/// What answers, as `preprocessor_config.json` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// A place in a context.
    Spans,
    /// The answer to a known question.
    Faq,
}

impl Kind {
    /// By the columns of a table; a context that is excluded is as good as none.
    fn of(table: &Table, config: &DataConfig) -> Self {
        let names = Names::of(config);
        let has = |name: &str| table.column(name).is_some();
        let context = has(CONTEXT) && !config.exclude.iter().any(|name| name == CONTEXT);
        match context && has(&names.question) {
            true => Self::Spans,
            false => Self::Faq,
        }
    }

    fn of_dataset(dataset: &Dataset, config: &DataConfig) -> Result<Self, TaskError> {
        Ok(Self::of(table::table(dataset, NAME)?, config))
    }
}

impl Task for QuestionAnswering {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "a question, with or without a text",
            gives: "the place in the text that answers it, a known answer, or none",
            example: "how long may I return a parcel?",
        }
    }

    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32> {
        let Content::Table(table) = &dataset.content else {
            return None;
        };
        let names = Names::of(config);
        let answers = table.column(&names.answer)?;
        table.column(&names.question)?;
        match Kind::of(table, config) {
            // A target of another name is something else to be learned.
            _ if names != Names::of(&DataConfig::default()) => None,
            Kind::Spans => Some(25),
            Kind::Faq => (!answers.kind.is_numeric()).then_some(15),
        }
    }

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        asked: &Layers,
    ) -> Result<Recipe, TaskError> {
        match Kind::of_dataset(dataset, config)? {
            Kind::Spans => training::defaults(dataset, config, asked),
            Kind::Faq => faq::defaults(NAME, dataset, config, asked),
        }
    }

    fn resolve(&self, recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
        match Kind::of_dataset(dataset, &recipe.data)? {
            Kind::Spans => training::resolve(recipe, dataset),
            Kind::Faq => faq::resolve(recipe, dataset),
        }
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        match Kind::of_dataset(dataset, &recipe.data)? {
            Kind::Spans => training::parts(dataset, &Names::of(&recipe.data), recipe),
            Kind::Faq => faq::parts(dataset, recipe),
        }
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        match Kind::of_dataset(&job.dataset, &job.recipe.data)? {
            Kind::Spans => training::train(job),
            Kind::Faq => faq::train(job),
        }
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        #[derive(Deserialize)]
        struct Answering {
            kind: Kind,
        }
        match bundle.read_json::<Answering>(PREPROCESSOR)?.kind {
            Kind::Spans => Ok(Box::new(SpanPredictor::load(bundle, device)?)),
            Kind::Faq => faq::load(bundle, device),
        }
    }
}
