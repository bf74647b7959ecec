//! Metrics of a regression; definitions are scikit-learn's.

use serde::{Deserialize, Serialize};

/// Most pairs kept for the scatter chart.
const MAX_PAIRS: usize = 2000;

/// Metrics of predicted values, in the unit of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionReport {
    /// Name of the target.
    pub target: String,
    /// Number of examples.
    pub examples: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Share of the variance explained; 0 is as good as the mean, negative is worse.
    pub r2: f64,
    /// Median absolute error.
    pub median_error: f64,
    /// Mean of |error| / |true value|.
    pub mape: f64,
    /// (true, predicted) of up to 2,000 examples, for the chart.
    pub pairs: Vec<(f64, f64)>,
}

impl RegressionReport {
    /// Compares predicted with true values.
    pub fn new(target: &str, predicted: &[f64], truth: &[f64]) -> Self {
        let n = truth.len().max(1) as f64;
        let mean = truth.iter().sum::<f64>() / n;
        let mut errors: Vec<f64> = predicted
            .iter()
            .zip(truth)
            .map(|(p, t)| (p - t).abs())
            .collect();
        let squares: f64 = errors.iter().map(|e| e * e).sum();
        let spread: f64 = truth.iter().map(|t| (t - mean).powi(2)).sum();
        let relative = errors
            .iter()
            .zip(truth)
            .map(|(e, t)| e / t.abs().max(f64::EPSILON));
        let mape = relative.sum::<f64>() / n;
        let mae = errors.iter().sum::<f64>() / n;
        errors.sort_by(f64::total_cmp);
        let pairs = truth.iter().copied().zip(predicted.iter().copied());
        Self {
            target: target.into(),
            examples: truth.len(),
            mae,
            rmse: (squares / n).sqrt(),
            r2: if spread > 0.0 {
                1.0 - squares / spread
            } else {
                0.0
            },
            median_error: median(&errors),
            mape,
            pairs: pairs
                .step_by(truth.len().div_ceil(MAX_PAIRS).max(1))
                .collect(),
        }
    }

    /// The headline numbers, for tables and the run store.
    pub fn scores(&self) -> Vec<(String, f64)> {
        vec![
            ("r2".into(), self.r2),
            ("mae".into(), self.mae),
            ("rmse".into(), self.rmse),
            ("median_error".into(), self.median_error),
            ("mape".into(), self.mape),
        ]
    }
}

fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    match n {
        0 => 0.0,
        _ if n % 2 == 1 => sorted[n / 2],
        _ => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values made by `tests/golden/metrics.py` with scikit-learn.
    #[test]
    fn metrics_equal_scikit_learn() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/metrics.json")).unwrap();
        let g = &golden["regression"];
        let list = |key: &str| -> Vec<f64> {
            g[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect()
        };
        let report = RegressionReport::new("y", &list("y_pred"), &list("y_true"));
        for (actual, key) in [
            (report.mae, "mae"),
            (report.rmse, "rmse"),
            (report.r2, "r2"),
            (report.median_error, "median_ae"),
            (report.mape, "mape"),
        ] {
            let expected = g[key].as_f64().unwrap();
            assert!(
                (actual - expected).abs() < 1e-9 * expected.abs().max(1.0),
                "{key}: {actual} {expected}"
            );
        }
    }
}
