//! The headline scores of a classifier and of a regression, for thousands of draws of the examples.

use super::CountedScores;
use crate::auroc;
use crate::calibration::squares;
use crate::classification::{Tally, argmax, f1, loss, mcc, ratio};
use crate::ranking::Ranking;

/// With more classes than this, the areas under their ROC curves would take most of the time; AUROC
/// is left out then.
const MAX_AREAS: usize = 20;

/// A classifier's answers, sorted and looked up once; scores are those of
/// [`ClassificationReport`](crate::ClassificationReport), and the Brier score.
pub struct ClassifierScores {
    classes: usize,
    labels: Vec<usize>,
    predicted: Vec<usize>,
    losses: Vec<f64>,
    squares: Vec<f64>,
    rankings: Vec<Ranking>,
}

impl ClassifierScores {
    /// From probabilities (`examples x classes`, row by row) and the true labels.
    pub fn new(classes: usize, probabilities: &[f32], labels: &[u32]) -> Self {
        let labels: Vec<usize> = labels.iter().map(|l| *l as usize).collect();
        let rows = || probabilities.chunks_exact(classes.max(1)).zip(&labels);
        let ranking = |class: usize| {
            Ranking::new(rows().map(move |(row, label)| (row[class], *label == class)))
        };
        let ranked = match classes {
            2 => 1..2,
            0..=MAX_AREAS => 0..classes,
            _ => 0..0,
        };
        Self {
            classes,
            predicted: rows().map(|(row, _)| argmax(row)).collect(),
            losses: rows().map(|(row, label)| loss(row[*label])).collect(),
            squares: rows().map(|(row, label)| squares(row, *label)).collect(),
            rankings: ranked.map(ranking).collect(),
            labels,
        }
    }

    /// For each example whether the answer is right.
    pub fn right(&self) -> Vec<bool> {
        let pairs = self.predicted.iter().zip(&self.labels);
        pairs.map(|(p, l)| p == l).collect()
    }
}

impl CountedScores for ClassifierScores {
    fn examples(&self) -> usize {
        self.labels.len()
    }

    fn names(&self) -> &'static [&'static str] {
        &[
            "accuracy",
            "macro_f1",
            "balanced_accuracy",
            "mcc",
            "auroc",
            "log_loss",
            "brier",
        ]
    }

    fn scores(&self, counts: &[u32]) -> Vec<Option<f64>> {
        let mut tallies = vec![Tally::default(); self.classes];
        let (mut losses, mut squares, mut all) = (0.0, 0.0, 0);
        for (i, count) in counts.iter().map(|n| u64::from(*n)).enumerate() {
            let (label, predicted) = (self.labels[i], self.predicted[i]);
            tallies[label].support += count;
            tallies[predicted].predicted += count;
            tallies[label].hits += count * u64::from(label == predicted);
            losses += count as f64 * self.losses[i];
            squares += count as f64 * self.squares[i];
            all += count;
        }
        if all == 0 {
            return vec![None; self.names().len()];
        }
        let sum = |of: &dyn Fn(&Tally) -> f64| tallies.iter().map(of).sum::<f64>();
        let present = sum(&|t| f64::from(u8::from(t.support > 0)));
        let right = sum(&|t| t.hits as f64);
        let f1 = sum(&|t| f1(t.hits as usize, t.predicted as usize, t.support as usize));
        let recall = sum(&|t| ratio(t.hits as f64, t.support as f64));
        let areas = self.rankings.iter();
        let areas: Vec<_> = areas.map(|r| r.area(|i| u64::from(counts[i]))).collect();
        vec![
            Some(right / all as f64),
            Some(f1 / self.classes as f64),
            Some(recall / present),
            Some(mcc(&tallies)),
            auroc::mean(&areas),
            Some(losses / all as f64),
            Some(squares / all as f64),
        ]
    }
}

/// Predicted and true values; scores are those of [`RegressionReport`](crate::RegressionReport).
pub struct RegressionScores {
    truth: Vec<f64>,
    errors: Vec<f64>,
}

impl RegressionScores {
    /// Of predicted and true values in the same order.
    pub fn new(predicted: &[f64], truth: &[f64]) -> Self {
        let pairs = predicted.iter().zip(truth);
        // Around their mean, squares of large values lose no digits.
        let mean = truth.iter().sum::<f64>() / truth.len().max(1) as f64;
        Self {
            errors: pairs.map(|(p, t)| p - t).collect(),
            truth: truth.iter().map(|t| t - mean).collect(),
        }
    }
}

impl CountedScores for RegressionScores {
    fn examples(&self) -> usize {
        self.errors.len()
    }

    fn names(&self) -> &'static [&'static str] {
        &["r2", "mae", "rmse"]
    }

    fn scores(&self, counts: &[u32]) -> Vec<Option<f64>> {
        let (mut all, mut sum, mut spread) = (0.0, 0.0, 0.0);
        let (mut sizes, mut squares) = (0.0, 0.0);
        for (count, (error, truth)) in counts.iter().zip(self.errors.iter().zip(&self.truth)) {
            let count = f64::from(*count);
            all += count;
            sum += count * truth;
            spread += count * truth * truth;
            sizes += count * error.abs();
            squares += count * error * error;
        }
        spread -= ratio(sum * sum, all);
        vec![
            (spread > 0.0).then(|| 1.0 - squares / spread),
            (all > 0.0).then(|| sizes / all),
            (all > 0.0).then(|| (squares / all).sqrt()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::{Measured, bootstrap, intervals};
    use crate::random::Random;
    use crate::testing::{bounds_close, close, golden, labels, numbers, probabilities};
    use crate::{ClassificationReport, RegressionReport};
    use serde_json::Value;

    fn near(measured: &[Measured], expected: &Value) {
        for (name, expected) in expected.as_object().unwrap() {
            let found = measured.iter().find(|m| m.name == *name).unwrap();
            close(found.value, &expected["value"], 1e-6);
            bounds_close(found.interval, &expected["interval"]);
        }
    }

    /// Bounds made by `tests/golden/evaluation.py` with scikit-learn and scipy.
    #[test]
    fn intervals_equal_scipy() {
        let golden = golden();
        let g = &golden["binary"];
        let scores = ClassifierScores::new(2, &probabilities(g), &labels(g));
        near(&intervals(&scores, 5000, 1), &g["bootstrap"]);
        let g = &golden["multi"];
        let scores = ClassifierScores::new(3, &probabilities(g), &labels(g));
        near(&intervals(&scores, 5000, 1), &g["bootstrap"]);
        let g = &golden["regression"];
        let scores = RegressionScores::new(&numbers(&g["y_pred"]), &numbers(&g["y_true"]));
        near(&intervals(&scores, 5000, 1), &g["bootstrap"]);
    }

    #[test]
    fn scores_are_those_of_the_report() {
        let golden = golden();
        let g = &golden["multi"];
        let (probabilities, labels) = (probabilities(g), labels(g));
        let classes = ["a", "b", "c"].map(String::from);
        let report = ClassificationReport::new(&classes, &probabilities, &labels).scores();
        let measured = intervals(&ClassifierScores::new(3, &probabilities, &labels), 10, 1);
        for found in measured.iter().filter(|m| m.name != "brier") {
            let (_, expected) = report.iter().find(|(n, _)| *n == found.name).unwrap();
            assert!((found.value - expected).abs() < 1e-12, "{}", found.name);
        }
        let g = &golden["regression"];
        let (predicted, truth) = (numbers(&g["y_pred"]), numbers(&g["y_true"]));
        let report = RegressionReport::new("y", &predicted, &truth).scores();
        for found in intervals(&RegressionScores::new(&predicted, &truth), 10, 1) {
            let (_, expected) = report.iter().find(|(n, _)| *n == found.name).unwrap();
            assert!((found.value - expected).abs() < 1e-9, "{}", found.name);
        }
    }

    /// Counting and drawing give the same, so the fast way is the plain way.
    #[test]
    fn counts_give_what_drawn_examples_give() {
        let mut random = Random::new(1, 0);
        let p: Vec<f32> = (0..60).map(|_| random.unit() as f32).collect();
        let y: Vec<u32> = (0..60).map(|_| random.below(2) as u32).collect();
        let rows: Vec<f32> = p.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let area = |drawn: &[usize]| auroc::auroc(drawn.iter().map(|i| (p[*i], y[*i] == 1)));
        let plain = bootstrap(60, 300, 9, area).unwrap();
        let measured = intervals(&ClassifierScores::new(2, &rows, &y), 300, 9);
        let fast = measured.iter().find(|m| m.name == "auroc").unwrap();
        assert_eq!(fast.interval, Some(plain));
    }

    #[test]
    fn one_class_has_no_area_and_no_example_no_score() {
        let measured = intervals(
            &ClassifierScores::new(2, &[0.3, 0.7, 0.2, 0.8], &[1, 1]),
            9,
            1,
        );
        assert!(measured.iter().all(|m| m.name != "auroc"));
        assert_eq!(measured[0].value, 1.0);
        assert!(intervals(&ClassifierScores::new(2, &[], &[]), 9, 1).is_empty());
        assert!(intervals(&RegressionScores::new(&[], &[]), 9, 1).is_empty());
    }
}
