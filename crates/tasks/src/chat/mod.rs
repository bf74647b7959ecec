//! Answers to messages, in the manner of conversations; or texts, in the manner of a book.
//!
//! A pretrained decoder is tuned on conversations, by adapters (LoRA) or as a whole, or on pairs of
//! answers of which one is better; a small one is trained from nothing on anything that is text. All
//! examples of a batch lie in one row, one after the other, and none sees another.

mod batch;
mod bundle;
mod defaults;
mod form;
#[cfg(test)]
mod golden;
mod learner;
mod measured;
mod predictor;
mod preference;
mod sample;
mod setup;
mod stages;
mod talk;
mod training;
mod written;

use crate::error::TaskError;
use crate::task::{Job, JobOutcome, Predictor, Task, TaskInfo};
use burn::tensor::Device;
use form::Form;
use modelwright_data::{Content, DataConfig, Dataset, Part};
use modelwright_runs::Bundle;
use modelwright_train::Recipe;
use modelwright_train::recipe::Layers;
use predictor::ChatPredictor;

/// The task.
pub(crate) struct Chat;

const NAME: &str = "chat";

impl Task for Chat {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "a message, or the beginning of a text",
            gives: "an answer, or how the text goes on",
            example: "answer customers in the company's own voice",
        }
    }

    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32> {
        match Form::find(dataset, config).ok()? {
            Form::Talks { .. } | Form::Preferences { .. } => Some(40),
            Form::Texts { column } => is_prose(dataset, config, &column).then_some(1),
            // To look an answer up is surer than to write one.
            Form::Pairs { .. } => None,
        }
    }

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        asked: &Layers,
    ) -> Result<Recipe, TaskError> {
        defaults::recipe(dataset, config, asked)
    }

    fn resolve(&self, recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
        defaults::resolve(recipe, dataset)
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        Form::find(dataset, &recipe.data)?.parts(dataset, recipe)
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        training::train(job)
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        Ok(Box::new(ChatPredictor::load(bundle, device)?))
    }
}

/// Whether a table holds nothing but texts and the names of their files.
fn is_prose(dataset: &Dataset, config: &DataConfig, column: &str) -> bool {
    let Content::Table(table) = &dataset.content else {
        return false;
    };
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let nothing_else = names.iter().all(|name| *name == column || *name == "file");
    config.target.is_none() && nothing_else
}
