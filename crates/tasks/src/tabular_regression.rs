//! What is the value of a quantity for a row?

use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::table::{self, Encoded};
use crate::task::{Job, JobOutcome, Prediction, Predictor, Task, TaskInfo};
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::{Content, DataConfig, DataError, Dataset, Part, Table, TableEncoder};
use modelwright_evaluate::RegressionReport;
use modelwright_kernels::nn::mse;
use modelwright_models::TableNet;
use modelwright_runs::Bundle;
use modelwright_train::{ClassWeights, Goal, Learner, Meter, Recipe, Scores, StepLoss};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The task.
pub(crate) struct TabularRegression;

const NAME: &str = "tabular-regression";
/// Rows are divided so that each part has its share of every tenth of the target's range of ranks.
const STRATA: usize = 10;

impl Task for TabularRegression {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "a row of a table",
            gives: "a number",
            example: "what will this house sell for?",
        }
    }

    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32> {
        let Content::Table(table) = &dataset.content else {
            return None;
        };
        let target = table::target_name(dataset, config).ok()?;
        table::is_quantity(table.column(&target)?).then_some(10)
    }

    fn defaults(&self, dataset: &Dataset, config: &DataConfig) -> Result<Recipe, TaskError> {
        let rows = table::table(dataset, NAME)?.rows();
        table::defaults(NAME, rows, config, table::target_name(dataset, config)?)
    }

    fn resolve(&self, recipe: &mut Recipe) -> Result<(), TaskError> {
        let t = &recipe.training;
        if t.label_smoothing > 0.0 || t.class_weights != ClassWeights::Equal {
            return Err(TaskError::asked(
                "label_smoothing and class_weights are for classes, but this task predicts a number",
                "leave them away",
            ));
        }
        table::check_recipe(recipe)
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        let recipe = job.recipe;
        let rows_of = table::table(&job.dataset, NAME)?;
        let target = table::target_name(&job.dataset, &recipe.data)?;
        let (rows, values) = table::numbers(rows_of, &target, &job.dataset.source)?;
        let encoded = Encoded::new(&job, rows_of, &target, &rows, &strata(&values))?;
        let mut by_row = vec![0.0; rows_of.rows()];
        rows.iter()
            .zip(&values)
            .for_each(|(row, value)| by_row[*row] = *value);
        let scale = Scale::fit(encoded.parts.of(Part::Train).iter().map(|r| by_row[*r]));
        let net = encoded.network(recipe, 1, &job.device)?;
        let learner = RowLearner {
            encoded,
            values: by_row,
            scale,
        };
        let labels = Vec::new();
        let split = |learner: RowLearner| {
            let (encoder, rest) = learner.encoded.split();
            let preprocessor = Preprocessor {
                target,
                scale,
                encoder,
            };
            (preprocessor, rest)
        };
        table::train(job, learner, net, labels, split, RowPredictor::boxed)
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        let (preprocessor, net) =
            table::load(bundle, &device, |p: &Preprocessor| (p.encoder.width(), 1))?;
        Ok(RowPredictor::boxed(net, preprocessor, device))
    }
}

/// The tenth of the sorted values that each value is in.
fn strata(values: &[f64]) -> Vec<u32> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cuts: Vec<f64> = (1..STRATA)
        .map(|i| sorted[i * sorted.len() / STRATA])
        .collect();
    values
        .iter()
        .map(|v| cuts.iter().filter(|c| v >= c).count() as u32)
        .collect()
}

/// The target is learned as `(y - mean) / std`, so that the usual learning rates suit any unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Scale {
    mean: f64,
    std: f64,
}

impl Scale {
    fn fit(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        Self {
            mean,
            std: if variance > 0.0 { variance.sqrt() } else { 1.0 },
        }
    }
}

struct RowLearner {
    encoded: Encoded,
    values: Vec<f64>,
    scale: Scale,
}

/// Sums for R² and the mean absolute error, in the unit of the target.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct ValueMeter {
    count: f64,
    absolute: f64,
    squared: f64,
    sum: f64,
    sum_of_squares: f64,
}

impl Meter for ValueMeter {
    fn scores(&self) -> Scores {
        let n = self.count.max(1.0);
        let spread = self.sum_of_squares - self.sum * self.sum / n;
        let r2 = if spread > 0.0 {
            1.0 - self.squared / spread
        } else {
            0.0
        };
        vec![("r2".into(), r2), ("mae".into(), self.absolute / n)]
    }
}

impl Learner for RowLearner {
    type Model = TableNet;
    type Batch = (Tensor<2>, Vec<f64>);
    type Meter = ValueMeter;

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
        let values = rows.iter().map(|r| self.values[*r]).collect();
        Ok((self.encoded.batch(&rows, device), values))
    }

    fn meter(&self) -> ValueMeter {
        ValueMeter::default()
    }

    fn loss(&self, model: &TableNet, (x, truth): Self::Batch, meter: &mut ValueMeter) -> StepLoss {
        let device = x.device();
        let predicted = model.forward(x);
        let Scale { mean, std } = self.scale;
        let scaled: Vec<f32> = truth.iter().map(|v| ((v - mean) / std) as f32).collect();
        let target = Tensor::from_data(TensorData::new(scaled, [truth.len(), 1]), &device);
        for (p, t) in predicted.clone().into_data().iter::<f64>().zip(&truth) {
            let error = p * std + mean - t;
            // Sums are taken about the mean, or large values would swallow the differences.
            let centred = t - mean;
            meter.count += 1.0;
            meter.absolute += error.abs();
            meter.squared += error * error;
            meter.sum += centred;
            meter.sum_of_squares += centred * centred;
        }
        StepLoss {
            value: mse(predicted, target),
            weight: truth.len() as f64,
        }
    }

    fn goal(&self) -> Goal {
        Goal {
            score: "loss",
            larger_is_better: false,
        }
    }
}

/// `preprocessor_config.json`.
#[derive(Serialize, Deserialize)]
struct Preprocessor {
    target: String,
    scale: Scale,
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
    fn values(&self, table: &Table, place: &str, rows: &[usize]) -> Result<Vec<f64>, TaskError> {
        let Scale { mean, std } = self.preprocessor.scale;
        let take = |out: Tensor<2>| {
            out.into_data()
                .iter::<f64>()
                .map(|v| v * std + mean)
                .collect()
        };
        let encoder = &self.preprocessor.encoder;
        table::forward(&self.net, encoder, table, place, rows, &self.device, take)
    }
}

impl Predictor for RowPredictor {
    fn labels(&self) -> &[String] {
        &[]
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let table = table::table_of(content, place)?;
        let rows: Vec<usize> = rows.collect();
        let values = self.values(table, place, &rows)?;
        Ok(values
            .into_iter()
            .map(|value| Prediction::Value { value })
            .collect())
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let target = &self.preprocessor.target;
        let table = table::table_of(&dataset.content, &dataset.source)?;
        let (known, values) = table::numbers(table, target, &dataset.source)?;
        let wanted: std::collections::HashSet<usize> = rows.iter().copied().collect();
        let (rows, truth): (Vec<usize>, Vec<f64>) = known
            .into_iter()
            .zip(values)
            .filter(|(row, _)| wanted.contains(row))
            .unzip();
        let predicted = self.values(table, &dataset.source, &rows)?;
        Ok(Evaluation::Regression(RegressionReport::new(
            target, &predicted, &truth,
        )))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        let table = table::table_of(&dataset.content, &dataset.source)?;
        let (rows, values) = table::numbers(table, &self.preprocessor.target, &dataset.source)?;
        Ok(table::all_parts(recipe, table, &rows, &strata(&values)))
    }
}
