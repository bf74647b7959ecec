//! Which of several classes does a text belong to, or which labels does it have?

mod baseline;
mod examples;
mod head;
mod learner;
mod predictor;
mod training;

pub(crate) use head::{THRESHOLD, as_flags};

use crate::classify::ClassHead;
use crate::error::TaskError;
use crate::table;
use crate::task::{Job, JobOutcome, Predictor, Task, TaskInfo};
use crate::text;
use burn::tensor::Device;
use examples::Examples;
use head::LabelHead;
use modelwright_data::table::LIST_SEPARATOR;
use modelwright_data::{Content, DataConfig, Dataset, Kind, Part};
use modelwright_models::{ModelConfig, TextCnnConfig};
use modelwright_runs::Bundle;
use modelwright_train::recipe::Layers;
use modelwright_train::{ClassWeights, Recipe};
use predictor::TextPredictor;

/// The task.
pub(crate) struct TextClassification;

const NAME: &str = "text-classification";

impl Task for TextClassification {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "a text",
            gives: "one of several classes, or any number of labels, with probabilities",
            example: "is this review a complaint, and what about?",
        }
    }

    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32> {
        let Content::Table(table) = &dataset.content else {
            return None;
        };
        let target = table::target_name(dataset, config).ok()?;
        let several = separator(dataset, config, &target).is_some();
        let classes = table.column(&target)?;
        if !several && (table::is_quantity(classes) || classes.kind == Kind::Text) {
            return None;
        }
        let column = text::text_column(table, &dataset.source, config, &[&target]).ok()?;
        if config.text.is_some() || several {
            return Some(30);
        }
        let split = table.split_column(config).map(|c| &c.name);
        let others = table.columns.iter().filter(|other| {
            let name = &other.name;
            *name != column.name
                && *name != target
                && Some(name) != split
                && !config.exclude.contains(name)
        });
        text::is_running_text(column, others.count()).then_some(20)
    }

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        asked: &Layers,
    ) -> Result<Recipe, TaskError> {
        let table = table::table(dataset, NAME)?;
        let target = table::target_name(dataset, config)?;
        let column = text::text_column(table, &dataset.source, config, &[&target])?;
        let model = text::asked_model(asked, ModelConfig::TextCnn(TextCnnConfig::default()));
        let data = DataConfig {
            text: Some(column.name.clone()),
            label_separator: separator(dataset, config, &target),
            target: Some(target),
            ..config.clone()
        };
        text::recipe(NAME, data, model, table.rows(), &[])
    }

    fn resolve(&self, recipe: &mut Recipe, _: &Dataset) -> Result<(), TaskError> {
        let several = recipe.data.label_separator.is_some();
        if several && recipe.training.class_weights != ClassWeights::Equal {
            return Err(TaskError::asked(
                "training.class_weights is for texts with one class each, but these may have several",
                "leave it away",
            ));
        }
        text::resolve(recipe)
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        let mut columns = recipe.data.clone();
        let target = table::target_name(dataset, &columns)?;
        columns.label_separator = separator(dataset, &columns, &target);
        Ok(Examples::read(dataset, &columns)?.parts(recipe))
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        match job.recipe.data.label_separator {
            None => training::run(job, |recipe, place, examples, train| {
                let labels = train.iter().map(|row| examples.of[*row][0]);
                ClassHead::new(recipe, place, &examples.classes, labels)
            }),
            Some(_) => training::run(job, |recipe, place, examples, train| {
                let given = examples.of_rows(train).into_iter();
                LabelHead::new(recipe, place, &examples.classes, given)
            }),
        }
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        Ok(Box::new(TextPredictor::load(bundle, device)?))
    }
}

/// What stands between the classes of a text that may have several: as given, or as lists were joined.
fn separator(dataset: &Dataset, config: &DataConfig, target: &str) -> Option<String> {
    let listed = || dataset.lists.iter().any(|column| column == target);
    let joined = || listed().then(|| LIST_SEPARATOR.to_string());
    config.label_separator.clone().or_else(joined)
}
