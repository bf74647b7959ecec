//! Would more data help? The same recipe is trained on growing parts of the training data, always
//! measured on the same test examples.

use modelwright_data::Notify;
use modelwright_evaluate::{LearningCurve, LearningPoint};
use modelwright_tasks::{Ended, Evaluation, Plan, Session, SessionOptions, TaskError};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event, Recipe};
use std::path::Path;

/// Shares of the training data that are trained on, beside all of it.
const SHARES: [f64; 5] = [0.0625, 0.125, 0.25, 0.5, 1.0];
/// Fewer examples teach nothing.
const FEWEST: usize = 20;
/// Draws for the curve's intervals.
const ROUNDS: usize = 500;

/// Trains on growing parts of `examples` training examples, in a folder that may go away afterwards.
/// `told` hears of each training: its examples, and its number of how many.
///
/// # Errors
/// A training fails or was stopped, or there are too few examples for a curve.
pub fn learning_curve(
    recipe: &Recipe,
    examples: usize,
    folder: &Path,
    control: &Control,
    notify: Notify,
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
        points.extend(point(recipe, *size, folder, control, notify)?);
    }
    LearningCurve::fit(&points, ROUNDS, seed).ok_or_else(|| TaskError::Asked {
        message: format!("{examples} training examples are too few for a learning curve"),
        help: format!("a sixteenth to all of them are trained on, each at least {FEWEST}"),
    })
}

/// One training; `None` where an answer is neither right nor off by an amount.
fn point(
    recipe: &Recipe,
    size: usize,
    folder: &Path,
    control: &Control,
    notify: Notify,
) -> Result<Option<LearningPoint>, TaskError> {
    let mut layers = Layers::default();
    layers
        .add_toml("recipe.toml", &recipe.to_toml())
        .map_err(TaskError::from)?;
    layers
        .set("data.limit", &size.to_string())
        .map_err(TaskError::from)?;
    let plan = Plan::new(&layers, notify)?;
    let options = SessionOptions {
        runs: folder,
        tensorboard: false,
        control,
        notify,
    };
    let ended = Session::start(plan, options)?.run(Box::new(|_: &Event| {}))?;
    let Ended::Finished(report) = ended else {
        return Err(TaskError::Asked {
            message: "the learning curve was stopped".into(),
            help: "start it again; it begins anew".into(),
        });
    };
    let measured = report.evaluation.examples();
    Ok(match &report.evaluation {
        Evaluation::Classification(r) => {
            Some(LearningPoint::share(size, 1.0 - r.accuracy, measured))
        }
        Evaluation::Regression(r) => Some(LearningPoint::rmse(size, r.rmse, measured)),
        _ => None,
    })
}
