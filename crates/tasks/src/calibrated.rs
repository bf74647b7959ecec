//! A classifier whose probabilities are corrected by a temperature (Guo et al. 2017).

use crate::answers::{Answers, Truth};
use crate::classify::predictions;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::inside::Inside;
use crate::output::OutputSchema;
use crate::task::{Prediction, Predictor};
use modelwright_data::{Content, Dataset, Part};
use modelwright_evaluate::tempered;
use modelwright_runs::{Bundle, RunError, RunFolder};
use modelwright_train::Recipe;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The file of a bundle that holds a [`Temperature`].
pub const CALIBRATION: &str = "calibration.json";

/// By what the logits of a classifier are divided, so that its probabilities are as frequent as they say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// Above 1 for a model that was too sure of itself.
    pub temperature: f64,
}

/// `predictor` with the temperature in its bundle, if there is one.
///
/// # Errors
/// The file cannot be read, or does not hold a number above 0.
pub(crate) fn with_temperature(
    bundle: &Bundle,
    predictor: Box<dyn Predictor>,
) -> Result<Box<dyn Predictor>, TaskError> {
    if !bundle.config.files.contains_key(CALIBRATION) {
        return Ok(predictor);
    }
    let Temperature { temperature } = bundle.read_json(CALIBRATION)?;
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(bundle
            .broken(format!("{CALIBRATION}: the temperature is {temperature}"))
            .into());
    }
    Ok(Box::new(Calibrated {
        predictor,
        temperature,
    }))
}

/// Stores a temperature in the bundle, on top of one that is there already, and returns what is there
/// now.
///
/// # Errors
/// The bundle cannot be written.
pub fn store_temperature(bundle: &Bundle, temperature: f64) -> Result<f64, TaskError> {
    let before = match bundle.config.files.contains_key(CALIBRATION) {
        true => bundle.read_json::<Temperature>(CALIBRATION)?.temperature,
        false => 1.0,
    };
    let stored = Temperature {
        temperature: before * temperature,
    };
    let content = serde_json::to_vec_pretty(&stored).unwrap_or_default();
    bundle.clone().put(CALIBRATION, &content)?;
    // The run keeps the answers of the model as it was.
    if let Some(run) = bundle.path().parent() {
        let kept = RunFolder::new(run.into()).answers();
        if kept.exists() {
            std::fs::remove_file(&kept).map_err(|e| TaskError::from(RunError::io(&kept, e)))?;
        }
    }
    Ok(stored.temperature)
}

struct Calibrated {
    predictor: Box<dyn Predictor>,
    temperature: f64,
}

impl Predictor for Calibrated {
    fn labels(&self) -> &[String] {
        self.predictor.labels()
    }

    fn input(&self) -> InputSchema {
        self.predictor.input()
    }

    fn output(&self) -> OutputSchema {
        self.predictor.output()
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        self.predictor.prepare(place, content)
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let raw = self.predictor.predict(place, content, rows)?;
        let corrected = |prediction: Prediction| match prediction {
            Prediction::Class { probabilities, .. } => predictions(
                self.labels(),
                &tempered(&probabilities, self.labels().len(), self.temperature),
            ),
            other => vec![other],
        };
        Ok(raw.into_iter().flat_map(corrected).collect())
    }

    fn truth(&self, dataset: &Dataset, rows: &[usize]) -> Result<(Vec<usize>, Truth), TaskError> {
        self.predictor.truth(dataset, rows)
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        Ok(Evaluation::of(&Answers::new(self, dataset, rows)?))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        self.predictor.parts(dataset, recipe)
    }

    /// The network itself, before the temperature: that changes no order of its outputs.
    fn inside(&self) -> Inside<'_> {
        self.predictor.inside()
    }

    fn features(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Option<Vec<f32>>, TaskError> {
        self.predictor.features(place, content, rows)
    }
}
