//! Temperature scaling (Guo et al. 2017): all logits are divided by one number, so that a model that is
//! too sure, or not sure enough, says what comes true. No answer changes.

use super::CalibrationReport;
use crate::argmax;
use crate::classification::{log, loss, ratio};
use serde::{Deserialize, Serialize};

/// Temperatures are looked for between these.
const RANGE: (f64, f64) = (0.05, 20.0);
/// Most steps of the search; ten are usual.
const STEPS: usize = 100;
/// The search ends once a step changes the temperature by less than this share.
const EXACT: f64 = 1e-10;

/// What a temperature does to probabilities of labelled examples; fit it on others than these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemperatureScaling {
    /// What logits are divided by: above 1 the model was too sure, below 1 not sure enough.
    pub temperature: f64,
    /// Number of examples measured on.
    pub examples: usize,
    /// Log-loss of the probabilities as they come.
    pub log_loss_before: f64,
    /// Log-loss with the temperature.
    pub log_loss_after: f64,
    /// Calibration of the answers as they come.
    pub before: CalibrationReport,
    /// Calibration of the answers with the temperature.
    pub after: CalibrationReport,
}

impl TemperatureScaling {
    /// Measures a temperature on probabilities (`examples x classes`, row by row) with true labels.
    pub fn new(temperature: f64, classes: usize, probabilities: &[f32], labels: &[u32]) -> Self {
        let scaled = tempered(probabilities, classes, temperature);
        let report = |p: &[f32]| CalibrationReport::new(classes, p, labels, None);
        Self {
            temperature,
            examples: labels.len(),
            log_loss_before: log_loss(probabilities, classes, labels),
            log_loss_after: log_loss(&scaled, classes, labels),
            before: report(probabilities),
            after: report(&scaled),
        }
    }

    /// Whether both the log-loss and the calibration error get smaller.
    pub fn helps(&self) -> bool {
        self.log_loss_after < self.log_loss_before && self.after.ece < self.before.ece
    }
}

fn log_loss(probabilities: &[f32], classes: usize, labels: &[u32]) -> f64 {
    let rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    let sum = rows.map(|(row, label)| loss(row[*label as usize])).sum();
    ratio(sum, labels.len() as f64)
}

/// The temperature of least log-loss for probabilities (`examples x classes`, row by row) with true
/// labels. It is 1 if all answers are right: the surer the better then, and no end to it.
pub fn fit_temperature(probabilities: &[f32], classes: usize, labels: &[u32]) -> f64 {
    let mut rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    if rows.all(|(row, label)| argmax(row) == *label as usize) {
        return 1.0;
    }
    let logs: Vec<f64> = probabilities.iter().map(|p| log(*p)).collect();
    // The loss is convex in the inverse of the temperature: Newton's steps, and where one leaves what
    // is known to hold the best value, half of that instead.
    let (mut low, mut high) = (1.0 / RANGE.1, 1.0 / RANGE.0);
    let mut inverse = 1.0;
    for _ in 0..STEPS {
        let (slope, curvature) = derivatives(&logs, classes, labels, inverse);
        match slope {
            // Met, or all probabilities are equal and no temperature matters.
            0.0 => break,
            _ if slope > 0.0 => high = inverse,
            _ => low = inverse,
        }
        let newton = inverse - slope / curvature;
        let next = match low < newton && newton < high {
            true => newton,
            false => (low * high).sqrt(),
        };
        let change = (next / inverse - 1.0).abs();
        inverse = next;
        if change < EXACT {
            break;
        }
    }
    1.0 / inverse
}

/// First and second derivative of the summed log-loss by the inverse temperature: the mean of the
/// logits minus that of the true class, and their variance, under the scaled probabilities.
fn derivatives(logs: &[f64], classes: usize, labels: &[u32], inverse: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for (row, label) in logs.chunks_exact(classes).zip(labels) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut all, mut mean, mut square) = (0.0, 0.0, 0.0);
        for logit in row.iter().map(|l| l - largest) {
            let weight = (inverse * logit).exp();
            all += weight;
            mean += weight * logit;
            square += weight * logit * logit;
        }
        mean /= all;
        slope += mean - (row[*label as usize] - largest);
        curvature += square / all - mean * mean;
    }
    (slope, curvature)
}

/// Probabilities (`examples x classes`, row by row) at a temperature: each to the power of `1 /
/// temperature`, so that the sum is 1. The most probable class stays the same.
pub fn tempered(probabilities: &[f32], classes: usize, temperature: f64) -> Vec<f32> {
    let mut scaled = Vec::with_capacity(probabilities.len());
    for row in probabilities.chunks_exact(classes.max(1)) {
        let best = argmax(row);
        let largest = log(row[best]);
        let weight = |p: &f32| ((log(*p) - largest) / temperature).exp();
        let all: f64 = row.iter().map(weight).sum();
        let start = scaled.len();
        scaled.extend(row.iter().map(|p| (weight(p) / all) as f32));
        let scaled = &mut scaled[start..];
        let winner = argmax(scaled);
        if winner != best {
            // Rounding made a tie of what was not quite one.
            scaled[best] = scaled[winner].next_up();
        }
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, golden, labels, probabilities};

    /// Values made by `tests/golden/evaluation.py` with scipy.
    #[test]
    fn the_best_temperature_equals_that_of_scipy() {
        let golden = golden();
        for (part, classes) in [("binary", 2), ("multi", 3)] {
            let g = &golden[part];
            let (p, y) = (probabilities(g), labels(g));
            let temperature = fit_temperature(&p, classes, &y);
            close(temperature, &g["temperature"]["value"], 1e-4);
            let scaling = TemperatureScaling::new(temperature, classes, &p, &y);
            close(scaling.log_loss_before, &g["temperature"]["before"], 1e-6);
            close(scaling.log_loss_after, &g["temperature"]["after"], 1e-6);
        }
        let g = &golden["multi"];
        let scaling = TemperatureScaling::new(
            g["temperature"]["value"].as_f64().unwrap(),
            3,
            &probabilities(g),
            &labels(g),
        );
        assert!(scaling.helps(), "{scaling:?}");
        close(scaling.after.ece, &g["temperature"]["ece_after"], 1e-4);
    }

    #[test]
    fn no_temperature_changes_an_answer() {
        // Nearly tied, a zero, a one, and a tie whose first class counts.
        let rows = [
            [0.333_333_3, 0.333_333_34, 0.333_333_3],
            [0.0, 0.25, 0.75],
            [0.0, 1.0, 0.0],
            [0.5, 0.5, 0.0],
            [0.3, 0.3, 0.4],
        ];
        for temperature in [0.05, 0.7, 1.0, 3.0, 20.0, 1e6] {
            let scaled = tempered(&rows.concat(), 3, temperature);
            for (before, after) in rows.iter().zip(scaled.chunks_exact(3)) {
                assert_eq!(argmax(before), argmax(after), "{before:?} {after:?}");
                let sum: f32 = after.iter().sum();
                assert!((sum - 1.0).abs() < 1e-6, "{after:?}");
            }
        }
        let same = tempered(&rows[1], 3, 1.0);
        assert!((same[1] - 0.25).abs() < 1e-6, "{same:?}");
    }

    #[test]
    fn hopeless_and_perfect_answers_have_a_temperature() {
        // All right: left as it is. All wrong: as unsure as may be.
        let p = [0.9, 0.1, 0.2, 0.8];
        assert_eq!(fit_temperature(&p, 2, &[0, 1]), 1.0);
        let hopeless = fit_temperature(&p, 2, &[1, 0]);
        assert!((hopeless - RANGE.1).abs() < 1e-6, "{hopeless}");
        assert_eq!(fit_temperature(&[], 2, &[]), 1.0);
        // Ties carry nothing about the temperature.
        assert_eq!(fit_temperature(&[0.5, 0.5], 2, &[1]), 1.0);
        // Impossible things that happened.
        let zero = fit_temperature(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 2, &[0, 0, 1]);
        assert!(zero > 10.0 && zero.is_finite(), "{zero}");
    }
}
