//! Would more data help? The same recipe is trained on growing parts of the training data, always
//! measured on the same test examples.

use crate::again::Again;
use modelwright_evaluate::{LearningCurve, LearningPoint};
use modelwright_tasks::{Evaluation, TaskError};
use modelwright_train::Recipe;
use modelwright_train::recipe::Layers;

/// Shares of the training data that are trained on, beside all of it.
const SHARES: [f64; 5] = [0.0625, 0.125, 0.25, 0.5, 1.0];
/// Fewer examples teach nothing.
const FEWEST: usize = 20;
/// Draws for the curve's intervals.
const ROUNDS: usize = 500;

/// Trains on growing parts of `examples` training examples.
/// `told` hears of each training: its examples, and its number of how many.
///
/// # Errors
/// A training fails or was stopped, or there are too few examples for a curve.
pub fn learning_curve(
    recipe: &Recipe,
    examples: usize,
    again: Again,
    told: &dyn Fn(usize, (usize, usize)),
    seed: u64,
) -> Result<LearningCurve, TaskError> {
    let mut sizes: Vec<usize> = SHARES
        .iter()
        .map(|share| (share * examples as f64).round() as usize)
        .filter(|n| *n >= FEWEST)
        .collect();
    sizes.dedup();
    let mut points = Vec::new();
    for (i, size) in sizes.iter().enumerate() {
        told(*size, (i + 1, sizes.len()));
        points.extend(point(recipe, *size, again)?);
    }
    LearningCurve::fit(&points, ROUNDS, seed).ok_or_else(|| TaskError::Asked {
        message: format!("{examples} training examples are too few for a learning curve"),
        help: format!("a sixteenth to all of them are trained on, each at least {FEWEST}"),
    })
}

/// One training; `None` where an answer is neither right nor off by an amount.
fn point(recipe: &Recipe, size: usize, again: Again) -> Result<Option<LearningPoint>, TaskError> {
    let limited = |layers: &mut Layers| Ok(layers.set("data.limit", &size.to_string())?);
    let report = again.train("learning curve", &recipe.to_toml(), limited)?;
    let measured = report.evaluation.examples();
    Ok(match &report.evaluation {
        Evaluation::Classification(r) => {
            Some(LearningPoint::share(size, 1.0 - r.accuracy, measured))
        }
        Evaluation::Regression(r) => Some(LearningPoint::rmse(size, r.rmse, measured)),
        _ => None,
    })
}
