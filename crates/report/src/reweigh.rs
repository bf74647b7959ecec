//! Training once more with examples whose weights take away what a group says about the answer.

use crate::again::Again;
use burn::tensor::Device;
use modelwright_runs::Bundle;
use modelwright_tasks::{Predictor, TaskError, load};
use modelwright_train::Recipe;

/// A model of the same training whose examples are reweighed by a column (Kamiran & Calders 2012).
///
/// # Errors
/// The recipe weighs its examples already, the training fails, or it was stopped.
pub fn reweighed_model(
    recipe: &Recipe,
    column: &str,
    again: Again,
) -> Result<Box<dyn Predictor>, TaskError> {
    if let Some(by) = &recipe.training.reweigh {
        return Err(TaskError::Asked {
            message: format!("the model was trained with examples reweighed by `{by}` already"),
            help: "leave --reweigh-check away; the report shows what that training made".into(),
        });
    }
    let what = format!("training reweighed by {column}");
    let report = again.train(&what, &recipe.to_toml(), |layers| {
        Ok(layers.set("training.reweigh", column)?)
    })?;
    load(&Bundle::open(&report.bundle)?, Device::flex())
}
