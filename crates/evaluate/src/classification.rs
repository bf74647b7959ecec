//! Metrics of a classifier; definitions are scikit-learn's.

use crate::auroc;
use serde::{Deserialize, Serialize};

/// A probability is never taken as 0 in the log-loss.
const SMALLEST: f64 = 1e-15;

/// Metrics of a classifier on labelled examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationReport {
    /// Class names; indices below are into them.
    pub classes: Vec<String>,
    /// Number of examples.
    pub examples: usize,
    /// Share of right answers.
    pub accuracy: f64,
    /// Share of examples whose class is among the five most probable; absent with five classes or fewer.
    pub top5: Option<f64>,
    /// Mean of recall over classes that occur.
    pub balanced_accuracy: f64,
    /// Mean of F1 over classes.
    pub macro_f1: f64,
    /// Mean of F1 weighted by examples.
    pub weighted_f1: f64,
    /// F1 over all decisions, which is the accuracy where each example has one class; absent in
    /// reports of older runs.
    #[serde(default)]
    pub micro_f1: Option<f64>,
    /// Matthews' correlation of the true and the predicted class (Gorodkin 2004): 1 at best, 0 for
    /// guessing; absent in reports of older runs.
    #[serde(default)]
    pub mcc: Option<f64>,
    /// Area under the ROC curve; with more than two classes the mean over each against the rest, those
    /// left out that do not occur. Absent where only one class occurs and in reports of older runs.
    #[serde(default)]
    pub auroc: Option<f64>,
    /// Mean of -ln p(right class), in nats.
    pub log_loss: f64,
    /// Scores of each class.
    pub per_class: Vec<ClassScores>,
    /// `confusion[true][predicted]`, counts.
    pub confusion: Vec<Vec<usize>>,
}

/// Scores of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Its name.
    pub name: String,
    /// Share of its predictions that are right; 0 if it is never predicted.
    pub precision: f64,
    /// Share of its examples that are found; 0 if it does not occur.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Its examples.
    pub support: usize,
    /// Area under the ROC curve of this class against the rest, if both occur.
    #[serde(default)]
    pub auroc: Option<f64>,
}

impl ClassificationReport {
    /// Compares probabilities (`examples x classes`, row by row) with the true labels.
    pub fn new(classes: &[String], probabilities: &[f32], labels: &[u32]) -> Self {
        let k = classes.len();
        let mut confusion = vec![vec![0; k]; k];
        let (mut right, mut in_five, mut log_loss) = (0usize, 0usize, 0.0);
        for (row, label) in probabilities.chunks_exact(k).zip(labels) {
            let label = *label as usize;
            let predicted = argmax(row);
            confusion[label][predicted] += 1;
            right += usize::from(predicted == label);
            in_five += usize::from(row.iter().filter(|p| **p > row[label]).count() < 5);
            log_loss += loss(row[label]);
        }
        let examples = labels.len();
        let share = |n: usize| ratio(n as f64, examples as f64);
        let areas = auroc::by_column(probabilities, k, |i, class| labels[i] as usize == class);
        let per_class: Vec<_> = (0..k)
            .map(|c| ClassScores::new(&classes[c], &confusion, c, areas[c]))
            .collect();
        let present: Vec<_> = per_class.iter().filter(|c| c.support > 0).collect();
        let weighted: f64 = per_class.iter().map(|c| c.f1 * c.support as f64).sum();
        Self {
            classes: classes.to_vec(),
            examples,
            accuracy: share(right),
            top5: (k > 5).then(|| share(in_five)),
            balanced_accuracy: ratio(present.iter().map(|c| c.recall).sum(), present.len() as f64),
            macro_f1: ratio(per_class.iter().map(|c| c.f1).sum(), k as f64),
            weighted_f1: ratio(weighted, examples as f64),
            micro_f1: Some(share(right)),
            mcc: Some(mcc(&tallies(&confusion))),
            auroc: match areas[..] {
                // The columns mirror each other but for rounding, which can make and undo ties.
                [_, second] => second,
                _ => auroc::mean(&areas),
            },
            log_loss: ratio(log_loss, examples as f64),
            per_class,
            confusion,
        }
    }

    /// The headline numbers, for tables and the run store.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let mut scores = vec![("accuracy".to_string(), self.accuracy)];
        scores.extend(self.top5.map(|v| ("top5".to_string(), v)));
        scores.extend([
            ("macro_f1".to_string(), self.macro_f1),
            ("balanced_accuracy".to_string(), self.balanced_accuracy),
        ]);
        for (name, value) in [
            ("micro_f1", self.micro_f1),
            ("mcc", self.mcc),
            ("auroc", self.auroc),
        ] {
            scores.extend(value.map(|v| (name.to_string(), v)));
        }
        scores.push(("log_loss".to_string(), self.log_loss));
        scores
    }
}

impl ClassScores {
    fn new(name: &str, confusion: &[Vec<usize>], class: usize, auroc: Option<f64>) -> Self {
        let support = confusion[class].iter().sum();
        let predicted = confusion.iter().map(|row| row[class]).sum();
        Self::of_counts(name, confusion[class][class], predicted, support, auroc)
    }

    /// From how often a class was rightly predicted, predicted at all, and true.
    pub(crate) fn of_counts(
        name: &str,
        hits: usize,
        predicted: usize,
        support: usize,
        auroc: Option<f64>,
    ) -> Self {
        Self {
            name: name.into(),
            precision: ratio(hits as f64, predicted as f64),
            recall: ratio(hits as f64, support as f64),
            f1: f1(hits, predicted, support),
            support,
            auroc,
        }
    }
}

/// F1 from how often something was rightly predicted, predicted at all, and true.
pub(crate) fn f1(hits: usize, predicted: usize, support: usize) -> f64 {
    ratio(2.0 * hits as f64, (predicted + support) as f64)
}

/// How often a class was rightly predicted, predicted at all, and true.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub hits: u64,
    pub predicted: u64,
    pub support: u64,
}

/// Matthews' correlation for any number of classes; 0 if all examples have, or all were given, one
/// class.
pub(crate) fn mcc(classes: &[Tally]) -> f64 {
    let (mut all, mut right) = (0.0, 0.0);
    let (mut together, mut truth, mut predicted) = (0.0, 0.0, 0.0);
    for class in classes {
        let (t, p) = (class.support as f64, class.predicted as f64);
        all += t;
        right += class.hits as f64;
        together += t * p;
        truth += t * t;
        predicted += p * p;
    }
    let spread = (all * all - truth) * (all * all - predicted);
    ratio(right * all - together, spread.sqrt())
}

/// What an example adds to the log-loss, from the probability of its true class.
pub(crate) fn loss(probability: f32) -> f64 {
    -log(probability)
}

/// Logarithm of a probability, which is never taken as 0.
pub(crate) fn log(probability: f32) -> f64 {
    f64::from(probability).clamp(SMALLEST, 1.0).ln()
}

fn tallies(confusion: &[Vec<usize>]) -> Vec<Tally> {
    let of_class = |class: usize| Tally {
        hits: confusion[class][class] as u64,
        predicted: confusion.iter().map(|row| row[class] as u64).sum(),
        support: confusion[class].iter().map(|n| *n as u64).sum(),
    };
    (0..confusion.len()).map(of_class).collect()
}

/// Index of the largest value; the first of equal ones.
pub fn argmax(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// `a / b`, and 0 if there is nothing to divide by.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Values made by `tests/golden/metrics.py` with scikit-learn.
    #[test]
    fn metrics_equal_scikit_learn() {
        let golden: Value =
            serde_json::from_str(include_str!("../../../tests/golden/metrics.json")).unwrap();
        let g = &golden["classification"];
        let labels: Vec<u32> = g["y_true"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_u64().unwrap() as u32)
            .collect();
        let rows = g["proba"].as_array().unwrap();
        let probabilities: Vec<f32> = rows
            .iter()
            .flat_map(|r| {
                r.as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_f64().unwrap() as f32)
            })
            .collect();
        let classes = ["a", "b", "c"].map(String::from);
        let report = ClassificationReport::new(&classes, &probabilities, &labels);
        let close = |actual: f64, expected: &Value| {
            let expected = expected.as_f64().unwrap();
            assert!((actual - expected).abs() < 1e-6, "{actual} {expected}");
        };
        close(report.accuracy, &g["accuracy"]);
        close(report.balanced_accuracy, &g["balanced_accuracy"]);
        close(report.log_loss, &g["log_loss"]);
        close(report.macro_f1, &g["macro"]["f1"]);
        close(report.weighted_f1, &g["weighted"]["f1"]);
        close(report.micro_f1.unwrap(), &g["micro"]["f1"]);
        close(report.mcc.unwrap(), &g["mcc"]);
        close(report.auroc.unwrap(), &g["roc_auc_ovr_macro"]);
        for (c, class) in report.per_class.iter().enumerate() {
            close(class.precision, &g["per_class"]["precision"][c]);
            close(class.recall, &g["per_class"]["recall"][c]);
            close(class.f1, &g["per_class"]["f1"][c]);
            close(class.auroc.unwrap(), &g["roc_auc_ovr"][c]);
        }
        assert_eq!(
            serde_json::to_value(&report.confusion).unwrap(),
            g["confusion"]
        );
    }

    /// Values made by `tests/golden/text_metrics.py` with scikit-learn.
    #[test]
    fn two_classes_and_constant_answers_equal_scikit_learn() {
        let golden = include_str!("../../../tests/golden/text_metrics.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let g = &golden["binary"];
        let labels: Vec<u32> = serde_json::from_value(g["y_true"].clone()).unwrap();
        let second: Vec<f32> = serde_json::from_value(g["p1"].clone()).unwrap();
        let probabilities: Vec<f32> = second.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let report =
            ClassificationReport::new(&["n", "y"].map(String::from), &probabilities, &labels);
        for (actual, key) in [
            (report.auroc, "auroc"),
            (report.mcc, "mcc"),
            (report.micro_f1, "micro_f1"),
            (Some(report.accuracy), "accuracy"),
        ] {
            let expected = g[key].as_f64().unwrap();
            assert!(
                (actual.unwrap() - expected).abs() < 1e-9,
                "{key} {actual:?} {expected}"
            );
        }
        let classes = ["a", "b", "c"].map(String::from);
        let report = ClassificationReport::new(&classes, &[0.2, 0.6, 0.2].repeat(4), &[0, 1, 2, 1]);
        assert_eq!(report.mcc, golden["constant"]["mcc"].as_f64());
        assert_eq!(report.auroc, Some(0.5));
    }

    #[test]
    fn reports_of_older_runs_are_read() {
        let classes = ["a", "b"].map(String::from);
        let report = ClassificationReport::new(&classes, &[0.2, 0.8, 0.6, 0.4], &[1, 0]);
        let mut old = serde_json::to_value(&report).unwrap();
        for key in ["micro_f1", "mcc", "auroc"] {
            old.as_object_mut().unwrap().remove(key);
        }
        let old: ClassificationReport = serde_json::from_value(old).unwrap();
        assert_eq!((old.mcc, old.accuracy), (None, 1.0));
        assert!(old.scores().iter().all(|(name, _)| name != "mcc"));
    }

    #[test]
    fn top5_counts_the_five_most_probable() {
        let classes: Vec<String> = (0..6).map(|i| i.to_string()).collect();
        let row = [0.3, 0.25, 0.2, 0.15, 0.07, 0.03];
        let report = ClassificationReport::new(&classes, &[row, row].concat(), &[4, 5]);
        assert_eq!(report.top5, Some(0.5));
    }
}
