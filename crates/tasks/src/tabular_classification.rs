//! Which of several classes does a row belong to?

use crate::answers::Truth;
use crate::classify::{ClassHead, ClassMeter, ClassTargets, GOAL, predictions, probabilities};
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::feature::feature_of;
use crate::row_predictor::{self, Answer, RowPredictor};
use crate::table::{self, Encoded};
use crate::task::{Job, JobOutcome, Prediction, Predictor, Task, TaskInfo};
use burn::tensor::{Device, Tensor};
use modelwright_data::{Column, Content, DataConfig, DataError, Dataset, Part, Table};
use modelwright_evaluate::fairness::{Grouping, Reweighing};
use modelwright_evaluate::{Bands, ClassificationReport};
use modelwright_models::TableNet;
use modelwright_runs::Bundle;
use modelwright_train::recipe::Layers;
use modelwright_train::{ClassWeights, Goal, Learner, Mistake, Recipe, StepLoss};
use serde::{Deserialize, Serialize};

/// The task.
pub(crate) struct TabularClassification;

const NAME: &str = "tabular-classification";

impl Task for TabularClassification {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "a row of a table",
            gives: "one of several classes, with probabilities",
            example: "will this customer leave next month?",
        }
    }

    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32> {
        let Content::Table(table) = &dataset.content else {
            return None;
        };
        let target = table::target_name(dataset, config).ok()?;
        (!table::is_quantity(table.column(&target)?)).then_some(10)
    }

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        _: &Layers,
    ) -> Result<Recipe, TaskError> {
        let rows = table::table(dataset, NAME)?.rows();
        table::defaults(NAME, rows, config, table::target_name(dataset, config)?)
    }

    fn resolve(&self, recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
        table::check_recipe(recipe)?;
        check_reweighing(recipe, table::table(dataset, NAME)?, &dataset.source)
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        let target = table::target_name(dataset, &recipe.data)?;
        row_predictor::parts::<Classes>(dataset, &target, recipe)
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        let recipe = job.recipe;
        let source = &job.dataset.source;
        let rows_of = table::table(&job.dataset, NAME)?;
        let target = table::target_name(&job.dataset, &recipe.data)?;
        let (rows, codes, classes) = table::classes(rows_of, &target, source)?;
        let encoded = Encoded::new(&job, rows_of, &target, &rows, &codes)?;
        let labels = table::by_row(rows_of.rows(), &rows, &codes);
        let train = encoded.parts.of(Part::Train).iter().map(|r| labels[*r]);
        let head = ClassHead::new(recipe, source, &classes, train)?;
        let weights = match &recipe.training.reweigh {
            Some(name) => {
                let column = rows_of.require(name, source)?;
                weights(column, encoded.parts.of(Part::Train), &labels)
            }
            None => Vec::new(),
        };
        let net = encoded.network(recipe, classes.len(), &job.device)?;
        let learner = RowLearner {
            encoded,
            labels,
            weights,
            head,
        };
        table::train(job, learner, net, |learner| {
            (learner.encoded, Classes { classes })
        })
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        Ok(Box::new(RowPredictor::<Classes>::load(bundle, device)?))
    }
}

struct RowLearner {
    encoded: Encoded,
    /// One a row of the table; 0 where the target is missing, which no part contains.
    labels: Vec<u32>,
    /// One a row of the table, for those that are trained on; empty if all weigh the same.
    weights: Vec<f32>,
    head: ClassHead,
}

/// Whether a column to reweigh by is there and nothing else weighs the examples.
fn check_reweighing(recipe: &Recipe, table: &Table, place: &str) -> Result<(), TaskError> {
    let Some(name) = &recipe.training.reweigh else {
        return Ok(());
    };
    table.require(name, place)?;
    let training = &recipe.training;
    if training.class_weights != ClassWeights::Equal || training.label_smoothing != 0.0 {
        return Err(TaskError::asked(
            "training.reweigh gives every example its weight, and training.class_weights or \
             training.label_smoothing another",
            "leave one of them away",
        ));
    }
    Ok(())
}

/// Weights of the rows of the training part by which the group in `column` says nothing of the class
/// (Kamiran & Calders 2012); 0 for other rows.
fn weights(column: &Column, rows: &[usize], labels: &[u32]) -> Vec<f32> {
    let grouping = Grouping::new(&feature_of(column).of(rows), &Bands::Auto);
    let classes: Vec<u32> = rows.iter().map(|r| labels[*r]).collect();
    let weights = Reweighing::new(&grouping, &classes).weights;
    table::by_row(labels.len(), rows, &weights)
}

impl Learner for RowLearner {
    type Model = TableNet;
    type Batch = (Tensor<2>, ClassTargets);
    type Meter = ClassMeter;

    fn examples(&self, part: Part) -> usize {
        self.encoded.parts.of(part).len()
    }

    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        _: Option<usize>,
        device: &Device,
    ) -> Result<Self::Batch, DataError> {
        let rows = self.encoded.parts.pick(part, indices);
        let host: Vec<u32> = rows.iter().map(|r| self.labels[*r]).collect();
        let labels = self.head.labels(&host, device);
        Ok((
            self.encoded.batch(&rows, device),
            ClassTargets {
                weights: (part == Part::Train && !self.weights.is_empty())
                    .then(|| rows.iter().map(|r| self.weights[*r]).collect()),
                host,
                labels,
                mixed: None,
            },
        ))
    }

    fn meter(&self) -> ClassMeter {
        ClassMeter::default()
    }

    fn loss(
        &self,
        model: &TableNet,
        (x, targets): Self::Batch,
        meter: &mut ClassMeter,
    ) -> StepLoss {
        self.head.loss(model.forward(x), &targets, meter)
    }

    fn goal(&self) -> Goal {
        GOAL
    }

    fn mistakes(&self, meter: &ClassMeter) -> Vec<Mistake> {
        self.head
            .mistakes(meter, self.encoded.parts.of(Part::Validation))
    }
}

/// The classes of a target column.
#[derive(Serialize, Deserialize)]
pub(crate) struct Classes {
    classes: Vec<String>,
}

impl Answer for Classes {
    fn outputs(&self) -> usize {
        self.classes.len()
    }

    fn labels(&self) -> &[String] {
        &self.classes
    }

    fn decode(&self, outputs: Tensor<2>) -> Vec<f32> {
        probabilities(outputs)
    }

    fn predictions(&self, probabilities: &[f32]) -> Vec<Prediction> {
        predictions(&self.classes, probabilities)
    }

    fn evaluate(
        &self,
        table: &Table,
        target: &str,
        place: &str,
        rows: &[usize],
        probabilities: impl Fn(&[usize]) -> Result<Vec<f32>, TaskError>,
    ) -> Result<Evaluation, TaskError> {
        let (rows, labels) = table::classes_of(table, target, place, &self.classes, rows)?;
        let report = ClassificationReport::new(&self.classes, &probabilities(&rows)?, &labels);
        Ok(Evaluation::Classification(report))
    }

    fn truth(
        &self,
        table: &Table,
        target: &str,
        place: &str,
        rows: &[usize],
    ) -> Result<(Vec<usize>, Truth), TaskError> {
        let (rows, labels) = table::classes_of(table, target, place, &self.classes, rows)?;
        Ok((rows, Truth::Classes(labels)))
    }

    fn strata(
        table: &Table,
        target: &str,
        place: &str,
    ) -> Result<(Vec<usize>, Vec<u32>), TaskError> {
        let (rows, codes, _) = table::classes(table, target, place)?;
        Ok((rows, codes))
    }
}
