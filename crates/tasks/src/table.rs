//! What the table tasks share: target, encoding, rows.

use crate::classify::match_labels;
use crate::error::TaskError;
use crate::network;
use crate::parts::{Division, Parts};
use crate::row_predictor::{Answer, Preprocessor, RowPredictor};
use crate::task::{Job, JobOutcome, Made, Predictor};
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::rng::{Purpose, derive};
use modelwright_data::{
    Column, ColumnData, Content, DataConfig, Dataset, Part, Table, TableEncoder,
};
use modelwright_models::{MlpConfig, ModelConfig, TableNet, weights};
use modelwright_runs::{Facts, MODEL, PREPROCESSOR};
use modelwright_train::recipe::Layers;
use modelwright_train::{Learner, Recipe};
use std::collections::HashSet;

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
    let data = DataConfig {
        target: Some(target),
        ..config.clone()
    };
    let model = ModelConfig::Mlp(MlpConfig {
        hidden: vec![64, 32],
        ..Default::default()
    });
    Ok(layers.over(&Recipe::new(task, data, model))?)
}

/// An error if the recipe has settings for data of another kind than rows of numbers and classes.
pub(crate) fn check_recipe(recipe: &Recipe) -> Result<(), TaskError> {
    no_pictures(recipe)?;
    let data = &recipe.data;
    for (key, given) in [
        ("text", data.text.is_some()),
        ("label_separator", data.label_separator.is_some()),
    ] {
        if given {
            return Err(TaskError::asked(
                format!(
                    "data.{key} is for texts, but this task reads columns of numbers and classes"
                ),
                "use a task for texts, such as --task text-classification, or leave it away",
            ));
        }
    }
    Ok(())
}

/// An error if the recipe changes pictures, of which a table has none.
pub(crate) fn no_pictures(recipe: &Recipe) -> Result<(), TaskError> {
    match recipe.augment == Default::default() {
        true => Ok(()),
        false => Err(TaskError::asked(
            "[augment] changes pictures, but this task reads a table",
            "leave the augment settings away",
        )),
    }
}

/// Trains `net`, evaluates it and collects what the bundle needs. `split` takes the learner apart into
/// the encoded table and what is predicted.
pub(crate) fn train<L: Learner<Model = TableNet>, A: Answer>(
    mut job: Job,
    learner: L,
    net: TableNet,
    split: impl FnOnce(L) -> (Encoded, A),
) -> Result<JobOutcome, TaskError> {
    let Some(trained) = job.course.fit(job.recipe, &job.device, &learner, net)? else {
        return Ok(JobOutcome::Interrupted);
    };
    let (encoded, answer) = split(learner);
    let parts = encoded.parts;
    let labels = answer.labels().to_vec();
    let preprocessor = Preprocessor {
        target: encoded.target,
        answer,
        encoder: encoded.encoder,
    };
    let files = vec![
        (MODEL, network::to_bytes(&trained.model)?),
        (
            PREPROCESSOR,
            serde_json::to_vec_pretty(&preprocessor).unwrap_or_default(),
        ),
    ];
    let parameters = weights::count(&trained.model);
    let scored_on = parts.scored_on();
    let predictor = RowPredictor::new(trained.model, preprocessor, job.device);
    let evaluation = predictor.evaluate(&job.dataset, parts.of(scored_on))?;
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        hugging_face: Default::default(),
        labels,
        parameters,
        evaluation,
        baselines: Vec::new(),
        scored_on,
        epoch: trained.epoch,
        facts: encoded.facts,
        notes: encoded.notes,
    })))
}

/// A table divided and encoded.
pub(crate) struct Encoded {
    /// The column that is predicted.
    target: String,
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
        let division = Division {
            rows,
            strata,
            hashes: &job.hashes,
            given: &table.given(&recipe.data, place)?,
        };
        let parts = Parts::new(recipe, &division)?;
        let train = parts.of(Part::Train);
        let mut exclude = recipe.data.exclude.clone();
        // What says which part a row is in says nothing about it.
        exclude.extend(table.split_column(&recipe.data).map(|c| c.name.clone()));
        let (encoder, left_out) = TableEncoder::fit(table, place, target, &exclude, train)?;
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
            target: target.into(),
            encoder,
            parts,
            facts,
            notes,
            inputs,
        })
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

/// Those of `rows` whose target has a value, in the order of the table, and the values (numbers).
pub(crate) fn numbers_of(
    table: &Table,
    target: &str,
    place: &str,
    rows: &[usize],
) -> Result<(Vec<usize>, Vec<f64>), TaskError> {
    let (known, values) = numbers(table, target, place)?;
    let wanted: HashSet<usize> = rows.iter().copied().collect();
    Ok(known
        .into_iter()
        .zip(values)
        .filter(|(row, _)| wanted.contains(row))
        .unzip())
}

/// Those of `rows` whose target has a value, in their order, and the values as indices into the
/// classes that a model knows.
pub(crate) fn classes_of(
    table: &Table,
    target: &str,
    place: &str,
    model_classes: &[String],
    rows: &[usize],
) -> Result<(Vec<usize>, Vec<u32>), TaskError> {
    let column = table.require(target, place)?;
    let (codes, classes) = column.to_labels();
    let has_value = |row: &usize| !column.is_missing(*row);
    let rows: Vec<usize> = rows.iter().copied().filter(has_value).collect();
    let labels: Vec<Option<u32>> = rows.iter().map(|r| Some(codes[*r])).collect();
    let labels = match_labels(place, model_classes, &classes, &labels)?;
    Ok((rows, labels))
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

/// `values` of some of `count` rows, by row; the default for the others, which no part contains.
pub(crate) fn by_row<T: Copy + Default>(count: usize, rows: &[usize], values: &[T]) -> Vec<T> {
    let mut all = vec![T::default(); count];
    for (row, value) in rows.iter().zip(values) {
        all[*row] = *value;
    }
    all
}
