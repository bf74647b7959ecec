//! What the table tasks share: target, encoding, rows.

use crate::error::TaskError;
use crate::parts::{Parts, divide};
use crate::task::{Job, JobOutcome, Made, Predictor};
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::rng::{Purpose, derive};
use modelwright_data::{
    Column, ColumnData, Content, DataConfig, Dataset, Part, Table, TableEncoder,
};
use modelwright_models::{MlpConfig, ModelConfig, TableNet, catalog, weights};
use modelwright_runs::{Bundle, Facts, MODEL, PREPROCESSOR, RunError};
use modelwright_train::recipe::Layers;
use modelwright_train::{Learner, Outcome, Recipe, Trainer};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows that go through the network at once when predicting.
pub(crate) const BATCH: usize = 1024;
/// Column names that are taken for the target if none is given.
const USUAL_TARGETS: [&str; 4] = ["target", "label", "class", "y"];

/// The table of a data set.
pub(crate) fn table<'a>(dataset: &'a Dataset, task: &str) -> Result<&'a Table, TaskError> {
    match &dataset.content {
        Content::Table(table) => Ok(table),
        Content::Images(_) => Err(TaskError::asked(
            format!(
                "{} holds pictures, but {task} needs a table",
                dataset.source
            ),
            "give a .csv, .tsv, .jsonl or .parquet file, or another --task",
        )),
    }
}

/// The name of the target column: as given, as the source suggests, or a usual one.
pub(crate) fn target_name(dataset: &Dataset, config: &DataConfig) -> Result<String, TaskError> {
    let Content::Table(table) = &dataset.content else {
        return Err(TaskError::asked("no table", "give a table"));
    };
    if let Some(name) = config.target.as_ref().or(dataset.suggested_target.as_ref()) {
        return Ok(table.require(name, &dataset.source)?.name.clone());
    }
    let usual = |c: &&Column| USUAL_TARGETS.contains(&c.name.to_lowercase().as_str());
    if let Some(column) = table.columns.iter().find(usual) {
        return Ok(column.name.clone());
    }
    let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
    Err(TaskError::asked(
        format!("{}: which column is to be predicted?", dataset.source),
        format!("add --target COLUMN; the columns are {}", names.join(", ")),
    ))
}

/// Whether a target is a quantity (to regress) and not a class.
pub(crate) fn is_quantity(column: &Column) -> bool {
    column.kind.is_numeric() && column.distinct() > 20
}

/// A recipe for a table task.
pub(crate) fn defaults(
    task: &str,
    rows: usize,
    config: &DataConfig,
    target: String,
) -> Result<Recipe, TaskError> {
    let mut layers = Layers::default();
    let epochs = (100_000 / rows.max(1)).clamp(20, 200);
    for (key, value) in [
        ("training.epochs", epochs.to_string()),
        (
            "training.batch_size",
            if rows < 20_000 { "32" } else { "256" }.into(),
        ),
        ("training.early_stopping", "20".into()),
        ("optimizer.name", "adamw".into()),
        ("schedule.name", "cosine".into()),
    ] {
        layers.set(key, &value)?;
    }
    Ok(layers.over(&Recipe {
        task: task.into(),
        data: DataConfig {
            target: Some(target),
            ..config.clone()
        },
        model: ModelConfig::Mlp(MlpConfig {
            hidden: vec![64, 32],
            ..Default::default()
        }),
        optimizer: Default::default(),
        schedule: Default::default(),
        augment: Default::default(),
        training: Default::default(),
    })?)
}

/// An error if the recipe changes pictures, of which a table has none.
pub(crate) fn check_recipe(recipe: &Recipe) -> Result<(), TaskError> {
    match recipe.augment == Default::default() {
        true => Ok(()),
        false => Err(TaskError::asked(
            "[augment] changes pictures, but this task reads a table",
            "leave the augment settings away",
        )),
    }
}

/// What is left of [`Encoded`] when the bundle has the encoder.
pub(crate) struct Leftover {
    parts: Parts,
    facts: Facts,
    notes: Vec<String>,
}

/// Trains `net`, evaluates it and collects what the bundle needs. `split` takes the learner apart
/// into the preprocessing and what is left; `predictor` puts network and preprocessing together.
pub(crate) fn train<L: Learner<Model = TableNet>, P: Serialize>(
    job: Job,
    learner: L,
    net: TableNet,
    labels: Vec<String>,
    split: impl FnOnce(L) -> (P, Leftover),
    predictor: impl FnOnce(TableNet, P, Device) -> Box<dyn Predictor>,
) -> Result<JobOutcome, TaskError> {
    let trainer = Trainer {
        recipe: job.recipe,
        device: job.device.clone(),
        checkpoints: Some(job.checkpoints),
        control: job.control,
    };
    let trained = match trainer.run(&learner, net, job.resume, job.observer)? {
        Outcome::Finished(trained) => trained,
        Outcome::Interrupted { .. } => return Ok(JobOutcome::Interrupted),
    };
    let (preprocessor, rest) = split(learner);
    let files = vec![
        (MODEL, weight_bytes(&trained.model)?),
        (
            PREPROCESSOR,
            serde_json::to_vec_pretty(&preprocessor).unwrap_or_default(),
        ),
    ];
    let parameters = weights::count(&trained.model);
    let scored_on = rest.parts.scored_on();
    let predictor = predictor(trained.model, preprocessor, job.device);
    let evaluation = predictor.evaluate(&job.dataset, rest.parts.of(scored_on))?;
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        labels,
        parameters,
        evaluation,
        scored_on,
        epoch: trained.epoch,
        facts: rest.facts,
        notes: rest.notes,
    })))
}

/// A table divided and encoded.
pub(crate) struct Encoded {
    pub encoder: TableEncoder,
    pub parts: Parts,
    pub facts: Facts,
    pub notes: Vec<String>,
    inputs: Vec<f32>,
}

impl Encoded {
    /// `strata` are those of `rows`, the rows with a target.
    pub fn new(
        job: &Job,
        table: &Table,
        target: &str,
        rows: &[usize],
        strata: &[u32],
    ) -> Result<Self, TaskError> {
        let recipe = job.recipe;
        let place = &job.dataset.source;
        let hashes = row_hashes(table, rows);
        let given = vec![None; rows.len()];
        let division = divide(recipe, strata, &hashes, &given);
        let parts = Parts::new(recipe, &division, strata, rows, &hashes)?;
        let train = parts.of(Part::Train);
        let (encoder, left_out) =
            TableEncoder::fit(table, place, target, &recipe.data.exclude, train)?;
        let all: Vec<usize> = (0..table.rows()).collect();
        let inputs = encoder.encode(table, place, &all)?;
        let mut notes = job.dataset.notes.clone();
        if rows.len() < table.rows() {
            let gaps = table.rows() - rows.len();
            notes.push(format!(
                "{gaps} rows without a value for `{target}` were left out"
            ));
        }
        notes.extend(left_out);
        let missing: usize = table.columns.iter().map(Column::missing).sum();
        if missing > 0 {
            notes.push(format!(
                "{missing} values are missing in the table; `modelwright data profile` counts them by column"
            ));
        }
        let mut facts = vec![
            ("source".into(), place.clone()),
            ("target".into(), target.to_string()),
            ("columns used".into(), encoder.columns.len().to_string()),
            ("inputs after encoding".into(), encoder.width().to_string()),
            ("missing values".into(), missing.to_string()),
        ];
        facts.extend(parts.facts());
        Ok(Self {
            encoder,
            parts,
            facts,
            notes,
            inputs,
        })
    }

    /// The encoder, and what is left.
    pub fn split(self) -> (TableEncoder, Leftover) {
        let leftover = Leftover {
            parts: self.parts,
            facts: self.facts,
            notes: self.notes,
        };
        (self.encoder, leftover)
    }

    /// The inputs of some rows on a device, `[rows, inputs]`.
    pub fn batch(&self, rows: &[usize], device: &Device) -> Tensor<2> {
        let width = self.encoder.width();
        let values: Vec<f32> = rows
            .iter()
            .flat_map(|r| &self.inputs[r * width..(r + 1) * width])
            .copied()
            .collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), width]), device)
    }

    /// A fresh network for these inputs, drawn from the recipe's seed.
    pub fn network(
        &self,
        recipe: &Recipe,
        outputs: usize,
        device: &Device,
    ) -> Result<TableNet, TaskError> {
        modelwright_kernels::noise::seed(derive(recipe.training.seed, Purpose::Init, (0, 0)));
        Ok(TableNet::new(
            &recipe.model,
            self.encoder.width(),
            outputs,
            &device.clone().autodiff(),
        )?)
    }
}

/// Hashes of the content of some rows.
fn row_hashes(table: &Table, rows: &[usize]) -> Vec<u64> {
    let hashes = table.hashes();
    rows.iter().map(|r| hashes[*r]).collect()
}

/// Parts of all rows of a table, where only `rows` have a target.
pub(crate) fn all_parts(
    recipe: &Recipe,
    table: &Table,
    rows: &[usize],
    strata: &[u32],
) -> Vec<Part> {
    let mut parts = vec![Part::Train; table.rows()];
    let given = vec![None; rows.len()];
    let division = divide(recipe, strata, &row_hashes(table, rows), &given);
    for (row, part) in rows.iter().zip(division) {
        parts[*row] = part;
    }
    parts
}

/// Rows with a target, and its values (numbers).
pub(crate) fn numbers(
    table: &Table,
    target: &str,
    place: &str,
) -> Result<(Vec<usize>, Vec<f64>), TaskError> {
    let column = table.require(target, place)?;
    let ColumnData::Numbers(values) = &column.data else {
        return Err(TaskError::asked(
            format!("{place}: the target `{target}` holds words, not numbers"),
            "use --task tabular-classification, or choose a column of numbers",
        ));
    };
    let rows: Vec<usize> = (0..values.len()).filter(|r| !values[*r].is_nan()).collect();
    has_rows(&rows, target, place)?;
    let values = rows.iter().map(|r| values[*r]).collect();
    Ok((rows, values))
}

/// Rows with a target, its codes and the class names.
pub(crate) type Classes = (Vec<usize>, Vec<u32>, Vec<String>);

/// Rows with a target, and its values (classes).
pub(crate) fn classes(table: &Table, target: &str, place: &str) -> Result<Classes, TaskError> {
    let column = table.require(target, place)?;
    let (codes, levels) = column.to_labels();
    if levels.len() > 1000 {
        return Err(TaskError::asked(
            format!(
                "{place}: the target `{target}` has {} different values",
                levels.len()
            ),
            "use --task tabular-regression for a quantity, or choose a column of classes",
        ));
    }
    let rows: Vec<usize> = (0..codes.len())
        .filter(|r| !column.is_missing(*r))
        .collect();
    has_rows(&rows, target, place)?;
    let codes = rows.iter().map(|r| codes[*r]).collect();
    Ok((rows, codes, levels))
}

fn has_rows(rows: &[usize], target: &str, place: &str) -> Result<(), TaskError> {
    match rows.is_empty() {
        false => Ok(()),
        true => Err(TaskError::asked(
            format!("{place}: the target `{target}` has no value in any row"),
            "choose another column with --target",
        )),
    }
}

/// Bytes of the weights for a bundle.
fn weight_bytes(net: &TableNet) -> Result<Vec<u8>, TaskError> {
    let fail = |e| TaskError::asked(format!("the weights cannot be written: {e}"), "");
    weights::to_bytes(&weights::collect(net)).map_err(fail)
}

/// The preprocessing and network of a bundle; `shape_of` tells (inputs, outputs).
pub(crate) fn load<P: DeserializeOwned>(
    bundle: &Bundle,
    device: &Device,
    shape_of: impl Fn(&P) -> (usize, usize),
) -> Result<(P, TableNet), TaskError> {
    let broken = |problem: String| RunError::Bundle {
        path: bundle.path().into(),
        problem,
    };
    let config: ModelConfig = serde_json::from_value(bundle.config.model.clone())
        .map_err(|e| broken(format!("config.json: {e}")))?;
    let preprocessor: P = bundle.read_json(PREPROCESSOR)?;
    let (inputs, outputs) = shape_of(&preprocessor);
    let bytes = bundle.read(MODEL)?;
    catalog::check_file(&config, &[inputs], outputs, bytes.len())
        .map_err(|e| broken(format!("{MODEL}: {e}")))?;
    let net = TableNet::new(&config, inputs, outputs, device)?;
    let state = weights::from_bytes(&bytes).map_err(&broken)?;
    let net = weights::apply(net, state).map_err(|e| broken(format!("{MODEL}: {e}")))?;
    Ok((preprocessor, net))
}

/// The table to predict for.
pub(crate) fn table_of<'a>(content: &'a Content, place: &str) -> Result<&'a Table, TaskError> {
    match content {
        Content::Table(table) => Ok(table),
        Content::Images(_) => Err(TaskError::asked(
            format!("{place} holds pictures, but this model takes rows of a table"),
            "give a .csv, .tsv, .jsonl or .parquet file",
        )),
    }
}

/// The network's outputs for some rows of a table, row by row.
pub(crate) fn forward<T>(
    net: &TableNet,
    encoder: &TableEncoder,
    table: &Table,
    place: &str,
    rows: &[usize],
    device: &Device,
    mut take: impl FnMut(Tensor<2>) -> Vec<T>,
) -> Result<Vec<T>, TaskError> {
    let mut all = Vec::new();
    for chunk in rows.chunks(BATCH) {
        let inputs = encoder.encode(table, place, chunk)?;
        let data = TensorData::new(inputs, [chunk.len(), encoder.width()]);
        all.extend(take(net.forward(Tensor::from_data(data, device))));
    }
    Ok(all)
}
