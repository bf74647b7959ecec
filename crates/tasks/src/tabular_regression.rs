//! What is the value of a quantity for a row?

use crate::answers::Truth;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::row_predictor::{self, Answer, RowPredictor};
use crate::table::{self, Encoded};
use crate::task::{Job, JobOutcome, Prediction, Predictor, Task, TaskInfo};
use crate::worst::Worst;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::{Content, DataConfig, DataError, Dataset, Part, Table};
use modelwright_evaluate::{RegressionReport, number};
use modelwright_kernels::nn::mse;
use modelwright_models::TableNet;
use modelwright_runs::Bundle;
use modelwright_train::recipe::Layers;
use modelwright_train::{ClassWeights, Goal, Learner, Meter, Mistake, Recipe, Scores, StepLoss};
use serde::{Deserialize, Serialize};

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

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        _: &Layers,
    ) -> Result<Recipe, TaskError> {
        let rows = table::table(dataset, NAME)?.rows();
        table::defaults(NAME, rows, config, table::target_name(dataset, config)?)
    }

    fn resolve(&self, recipe: &mut Recipe, _: &Dataset) -> Result<(), TaskError> {
        let t = &recipe.training;
        if t.label_smoothing > 0.0 || t.class_weights != ClassWeights::Equal {
            return Err(TaskError::asked(
                "label_smoothing and class_weights are for classes, but this task predicts a number",
                "leave them away",
            ));
        }
        table::check_recipe(recipe)
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        let target = table::target_name(dataset, &recipe.data)?;
        row_predictor::parts::<Quantity>(dataset, &target, recipe)
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        let recipe = job.recipe;
        let rows_of = table::table(&job.dataset, NAME)?;
        let target = table::target_name(&job.dataset, &recipe.data)?;
        let (rows, values) = table::numbers(rows_of, &target, &job.dataset.source)?;
        let encoded = Encoded::new(&job, rows_of, &target, &rows, &strata(&values))?;
        let values = table::by_row(rows_of.rows(), &rows, &values);
        let scale = Scale::fit(encoded.parts.of(Part::Train).iter().map(|r| values[*r]));
        let net = encoded.network(recipe, 1, &job.device)?;
        let learner = RowLearner {
            encoded,
            values,
            scale,
        };
        table::train(job, learner, net, |learner| {
            (learner.encoded, Quantity { scale })
        })
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        Ok(Box::new(RowPredictor::<Quantity>::load(bundle, device)?))
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

    /// A scaled value in the unit of the target.
    fn undo(&self, scaled: f32) -> f64 {
        f64::from(scaled) * self.std + self.mean
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
    /// (Examples given before it, true value, predicted value).
    #[serde(skip)]
    worst: Worst<(usize, f64, f64)>,
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
        let rows = self.encoded.parts.pick(part, indices);
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
            let position = meter.count as usize;
            meter.worst.add(error.abs(), || (position, *t, t + error));
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

    fn mistakes(&self, meter: &ValueMeter) -> Vec<Mistake> {
        let rows = self.encoded.parts.of(Part::Validation);
        let mistake = |(position, truth, predicted): &(usize, f64, f64)| Mistake {
            example: rows[*position],
            truth: number(*truth),
            predicted: number(*predicted),
            probability: None,
        };
        meter.worst.items().map(mistake).collect()
    }
}

/// A quantity, which the network gives scaled.
#[derive(Serialize, Deserialize)]
pub(crate) struct Quantity {
    scale: Scale,
}

impl Answer for Quantity {
    fn outputs(&self) -> usize {
        1
    }

    fn labels(&self) -> &[String] {
        &[]
    }

    fn unit(&self) -> (f64, f64) {
        (self.scale.std, self.scale.mean)
    }

    fn decode(&self, outputs: Tensor<2>) -> Vec<f32> {
        outputs.into_data().iter::<f32>().collect()
    }

    fn predictions(&self, scaled: &[f32]) -> Vec<Prediction> {
        let prediction = |v: &f32| Prediction::Value {
            value: self.scale.undo(*v),
        };
        scaled.iter().map(prediction).collect()
    }

    fn evaluate(
        &self,
        table: &Table,
        target: &str,
        place: &str,
        rows: &[usize],
        scaled: impl Fn(&[usize]) -> Result<Vec<f32>, TaskError>,
    ) -> Result<Evaluation, TaskError> {
        let (rows, truth) = table::numbers_of(table, target, place, rows)?;
        let undo = |v: &f32| self.scale.undo(*v);
        let predicted: Vec<f64> = scaled(&rows)?.iter().map(undo).collect();
        Ok(Evaluation::Regression(RegressionReport::new(
            target, &predicted, &truth,
        )))
    }

    fn truth(
        &self,
        table: &Table,
        target: &str,
        place: &str,
        rows: &[usize],
    ) -> Result<(Vec<usize>, Truth), TaskError> {
        let (rows, values) = table::numbers_of(table, target, place, rows)?;
        Ok((rows, Truth::Values(target.into(), values)))
    }

    fn strata(
        table: &Table,
        target: &str,
        place: &str,
    ) -> Result<(Vec<usize>, Vec<u32>), TaskError> {
        let (rows, values) = table::numbers(table, target, place)?;
        Ok((rows, strata(&values)))
    }
}
