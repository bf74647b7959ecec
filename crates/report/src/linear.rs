//! The simplest model that learns: a linear one, trained on the same examples in the same way.

use crate::again::Again;
use burn::tensor::Device;
use modelwright_runs::Bundle;
use modelwright_tasks::{InputSchema, Predictor, TaskError, load};
use modelwright_train::Recipe;

/// Numbers of a picture beyond which a linear model would take longer than it tells.
const MOST_PIXELS: usize = 3 * 64 * 64;

/// Whether a linear model can stand beside one of this recipe: rows of a table, and small pictures. Texts
/// have simple models of their own, which are trained with them.
pub fn has_linear(recipe: &Recipe, predictor: &dyn Predictor) -> bool {
    let small = match predictor.input() {
        InputSchema::Images {
            height,
            width,
            channels,
        } => height * width * channels <= MOST_PIXELS,
        InputSchema::Table { .. } => recipe.task.starts_with("tabular"),
    };
    small && recipe.model.name() != "linear"
}

/// A linear model of the same data, parts and training.
///
/// # Errors
/// The training fails or was stopped.
pub fn linear_model(recipe: &Recipe, again: Again) -> Result<Box<dyn Predictor>, TaskError> {
    let mut settings = toml::Table::try_from(recipe).unwrap_or_default();
    let model = toml::Table::from_iter([("architecture".to_string(), "linear".into())]);
    settings.insert("model".into(), toml::Value::Table(model));
    let report = again.train(
        "training of the linear model",
        &settings.to_string(),
        |_| Ok(()),
    )?;
    load(&Bundle::open(&report.bundle)?, Device::flex())
}
