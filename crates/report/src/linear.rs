//! The simplest model that learns: a linear one, trained on the same examples.

use crate::again::Again;
use crate::report::Against;
use burn::tensor::Device;
use modelwright_runs::Bundle;
use modelwright_tasks::{InputSchema, Predictor, TaskError, load};
use modelwright_train::Recipe;
use serde::Serialize;
use toml::{Table, Value};

/// Numbers of a picture beyond which a linear model is given smaller ones: each number has a weight for
/// each class, and what so many weights add is learned by heart.
const MOST_PIXELS: usize = 3 * 64 * 64;
/// Side of the smaller ones.
const SIDE: usize = 32;
/// Settings of a training that say what is to be learned, not how.
const AIMS: [&str; 4] = ["seed", "threads", "class_weights", "reweigh"];

/// A linear model that stands beside another.
pub struct Linear {
    /// The model.
    pub predictor: Box<dyn Predictor>,
    /// The side of the pictures that it sees, if they are smaller than the other model's.
    pub side: Option<usize>,
}

/// A linear model on the same examples, in a report.
#[derive(Debug, Clone, Serialize)]
pub struct Beside {
    /// The tests.
    #[serde(flatten)]
    pub against: Against,
    /// The side of the pictures that the linear model sees, if they are smaller.
    pub side: Option<usize>,
}

/// Why no linear model stands beside a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoLinear {
    /// The model is one.
    IsLinear,
    /// Texts have simple models of their own, which are trained with the model.
    Texts,
    /// Without the data of the training none can be trained.
    NoTrainingData,
    /// Nobody asked for one.
    NotAsked,
}

impl NoLinear {
    /// Why there can be none beside a model of this recipe.
    pub fn of(recipe: &Recipe) -> Option<Self> {
        match recipe.task.as_str() {
            _ if recipe.model.name() == "linear" => Some(Self::IsLinear),
            task if task.starts_with("image") || task.starts_with("tabular") => None,
            _ => Some(Self::Texts),
        }
    }
}

/// A linear model of the same data and parts, trained as is usual for one: what suits a deep network, such
/// as a few careful steps from given weights, would leave a linear model half learned.
///
/// # Errors
/// The training fails or was stopped.
pub fn linear_model(
    recipe: &Recipe,
    predictor: &dyn Predictor,
    again: Again,
) -> Result<Linear, TaskError> {
    let side = match predictor.input() {
        InputSchema::Images {
            height,
            width,
            channels,
        } => (height * width * channels > MOST_PIXELS).then_some(SIDE),
        InputSchema::Table { .. } => None,
    };
    let settings = settings(recipe, side).to_string();
    let report = again.train("training of the linear model", &settings, |_| Ok(()))?;
    let predictor = load(&Bundle::open(&report.bundle)?, Device::flex())?;
    Ok(Linear { predictor, side })
}

/// The recipe of the linear model, as far as it is not usual.
fn settings(recipe: &Recipe, side: Option<usize>) -> Table {
    let all = Table::try_from(recipe).unwrap_or_default();
    let part = |name: &str| match all.get(name) {
        Some(Value::Table(part)) => part.clone(),
        _ => Table::new(),
    };
    let mut data = part("data");
    data.extend(side.map(|side| ("image_size".into(), Value::from(side as i64))));
    let mut training = part("training");
    training.retain(|key, _| AIMS.contains(&key));
    Table::from_iter([
        ("task".to_string(), recipe.task.as_str().into()),
        ("data".into(), data.into()),
        (
            "model".into(),
            Table::from_iter([("architecture".to_string(), "linear".into())]).into(),
        ),
        ("training".into(), training.into()),
    ])
}
