//! Which of several classes does a row belong to?

use crate::classify::{
    ClassHead, ClassMeter, ClassTargets, GOAL, match_labels, predictions, probabilities,
};
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::table::{self, Encoded};
use crate::task::{Job, JobOutcome, Prediction, Predictor, Task, TaskInfo};
use burn::tensor::{Device, Tensor};
use modelwright_data::{Content, DataConfig, DataError, Dataset, Part, Table, TableEncoder};
use modelwright_evaluate::ClassificationReport;
use modelwright_models::TableNet;
use modelwright_runs::Bundle;
use modelwright_train::{Goal, Learner, Recipe, StepLoss};
use serde::{Deserialize, Serialize};
use std::ops::Range;

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

    fn defaults(&self, dataset: &Dataset, config: &DataConfig) -> Result<Recipe, TaskError> {
        let rows = table::table(dataset, NAME)?.rows();
        table::defaults(NAME, rows, config, table::target_name(dataset, config)?)
    }

    fn resolve(&self, recipe: &mut Recipe) -> Result<(), TaskError> {
        table::check_recipe(recipe)
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        let recipe = job.recipe;
        let source = &job.dataset.source;
        let rows_of = table::table(&job.dataset, NAME)?;
        let target = table::target_name(&job.dataset, &recipe.data)?;
        let (rows, codes, classes) = table::classes(rows_of, &target, source)?;
        let encoded = Encoded::new(&job, rows_of, &target, &rows, &codes)?;
        let mut labels = vec![0; rows_of.rows()];
        rows.iter()
            .zip(&codes)
            .for_each(|(row, code)| labels[*row] = *code);
        let train = encoded.parts.of(Part::Train).iter().map(|r| labels[*r]);
        let head = ClassHead::new(recipe, source, &classes, train)?;
        let net = encoded.network(recipe, classes.len(), &job.device)?;
        let learner = RowLearner {
            encoded,
            labels,
            head,
        };
        let labels = classes.clone();
        let split = |learner: RowLearner| {
            let (encoder, rest) = learner.encoded.split();
            let preprocessor = Preprocessor {
                target,
                classes,
                encoder,
            };
            (preprocessor, rest)
        };
        table::train(job, learner, net, labels, split, RowPredictor::boxed)
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        let shape = |p: &Preprocessor| (p.encoder.width(), p.classes.len());
        let (preprocessor, net) = table::load(bundle, &device, shape)?;
        Ok(RowPredictor::boxed(net, preprocessor, device))
    }
}

struct RowLearner {
    encoded: Encoded,
    /// One a row of the table; 0 where the target is missing, which no part contains.
    labels: Vec<u32>,
    head: ClassHead,
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
        let rows: Vec<usize> = indices
            .iter()
            .map(|i| self.encoded.parts.of(part)[*i])
            .collect();
        let host: Vec<u32> = rows.iter().map(|r| self.labels[*r]).collect();
        let labels = self.head.labels(&host, device);
        Ok((
            self.encoded.batch(&rows, device),
            ClassTargets {
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
}

/// `preprocessor_config.json`.
#[derive(Serialize, Deserialize)]
struct Preprocessor {
    target: String,
    classes: Vec<String>,
    encoder: TableEncoder,
}

struct RowPredictor {
    net: TableNet,
    preprocessor: Preprocessor,
    device: Device,
}

impl RowPredictor {
    fn boxed(net: TableNet, preprocessor: Preprocessor, device: Device) -> Box<dyn Predictor> {
        Box::new(Self {
            net,
            preprocessor,
            device,
        })
    }
}

impl RowPredictor {
    fn probabilities(
        &self,
        table: &Table,
        place: &str,
        rows: &[usize],
    ) -> Result<Vec<f32>, TaskError> {
        let p = &self.preprocessor;
        table::forward(
            &self.net,
            &p.encoder,
            table,
            place,
            rows,
            &self.device,
            probabilities,
        )
    }
}

impl Predictor for RowPredictor {
    fn labels(&self) -> &[String] {
        &self.preprocessor.classes
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let table = table::table_of(content, place)?;
        let rows: Vec<usize> = rows.collect();
        Ok(predictions(
            &self.preprocessor.classes,
            &self.probabilities(table, place, &rows)?,
        ))
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let p = &self.preprocessor;
        let table = table::table_of(&dataset.content, &dataset.source)?;
        let column = table.require(&p.target, &dataset.source)?;
        let (codes, classes) = column.to_labels();
        let rows: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|r| !column.is_missing(*r))
            .collect();
        let labels: Vec<Option<u32>> = rows.iter().map(|r| Some(codes[*r])).collect();
        let labels = match_labels(&dataset.source, &p.classes, &classes, &labels)?;
        let probabilities = self.probabilities(table, &dataset.source, &rows)?;
        let report = ClassificationReport::new(&p.classes, &probabilities, &labels);
        Ok(Evaluation::Classification(report))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        let table = table::table_of(&dataset.content, &dataset.source)?;
        let (rows, codes, _) = table::classes(table, &self.preprocessor.target, &dataset.source)?;
        Ok(table::all_parts(recipe, table, &rows, &codes))
    }
}
