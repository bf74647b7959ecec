//! Do probabilities come true, and what would a temperature do?

use crate::subject::Classes;
use modelwright_evaluate::{CalibrationReport, TemperatureScaling, fit_temperature};
use serde::Serialize;

/// Whether probabilities come true, and what a temperature would do.
#[derive(Debug, Clone, Serialize)]
pub struct Calibration {
    /// As they are.
    pub now: CalibrationReport,
    /// Fitted to one half of the examples and measured on the other.
    pub scaling: Option<TemperatureScaling>,
    /// Fitted to all: what `--calibrate` stores.
    pub temperature: f64,
}

impl Calibration {
    /// Of a classifier. A temperature is fitted to every other example and measured on those between.
    pub fn new(classes: Classes) -> Self {
        let k = classes.names.len();
        let half = |rest: usize| -> (Vec<f32>, Vec<u32>) {
            let chosen = classes
                .rows()
                .zip(classes.truth)
                .enumerate()
                .filter(|(i, _)| i % 2 == rest);
            let (rows, truth): (Vec<&[f32]>, Vec<u32>) =
                chosen.map(|(_, (row, t))| (row, *t)).unzip();
            (rows.concat(), truth)
        };
        let ((fit, fit_truth), (measure, truth)) = (half(0), half(1));
        let scaling = (!truth.is_empty()).then(|| {
            let temperature = fit_temperature(&fit, k, &fit_truth);
            TemperatureScaling::new(temperature, k, &measure, &truth)
        });
        Self {
            now: CalibrationReport::new(k, classes.probabilities, classes.truth, None),
            scaling,
            temperature: fit_temperature(classes.probabilities, k, classes.truth),
        }
    }
}
