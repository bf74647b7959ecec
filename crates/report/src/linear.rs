//! The simplest model that learns: a linear one, trained on the same examples in the same way.

use burn::tensor::Device;
use modelwright_data::Notify;
use modelwright_runs::Bundle;
use modelwright_tasks::{Ended, Plan, Predictor, Session, SessionOptions, TaskError, load};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event, Recipe};
use std::path::Path;

/// Numbers of a picture beyond which a linear model would take longer than it tells.
const MOST_PIXELS: usize = 3 * 64 * 64;

/// Whether a linear model can stand beside one of this recipe: rows of a table, and small pictures. Texts
/// have simple models of their own, which are trained with them.
pub fn has_linear(recipe: &Recipe, predictor: &dyn Predictor) -> bool {
    let small = match predictor.input() {
        modelwright_tasks::InputSchema::Images {
            height,
            width,
            channels,
        } => height * width * channels <= MOST_PIXELS,
        modelwright_tasks::InputSchema::Table { .. } => recipe.task.starts_with("tabular"),
    };
    small && recipe.model.name() != "linear"
}

/// A linear model of the same data, parts and training, made in a folder that may go away afterwards.
///
/// # Errors
/// The training fails or was stopped.
pub fn linear_model(
    recipe: &Recipe,
    folder: &Path,
    control: &Control,
    notify: Notify,
) -> Result<Box<dyn Predictor>, TaskError> {
    let mut settings = toml::Table::try_from(recipe).unwrap_or_default();
    let model = toml::Table::from_iter([("architecture".to_string(), "linear".into())]);
    settings.insert("model".into(), toml::Value::Table(model));
    let mut layers = Layers::default();
    layers
        .add_toml("recipe.toml", &settings.to_string())
        .map_err(TaskError::from)?;
    let options = SessionOptions {
        runs: folder,
        tensorboard: false,
        control,
        notify,
    };
    let session = Session::start(Plan::new(&layers, notify)?, options)?;
    match session.run(Box::new(|_: &Event| {}))? {
        Ended::Finished(report) => load(&Bundle::open(&report.bundle)?, Device::flex()),
        Ended::Interrupted => Err(TaskError::Asked {
            message: "the training of the linear model was stopped".into(),
            help: "start the report again".into(),
        }),
    }
}
