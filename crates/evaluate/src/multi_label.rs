//! Metrics of a classifier whose examples may have several labels or none; definitions are
//! scikit-learn's.

use crate::auroc;
use crate::chart::bars;
use crate::classification::{ClassScores, f1, ratio};
use crate::grouped;
use serde::{Deserialize, Serialize};

/// Metrics of a multi-label classifier on labelled examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultiLabelReport {
    /// Label names.
    pub labels: Vec<String>,
    /// Number of examples.
    pub examples: usize,
    /// The probability from which a label is given.
    pub threshold: f32,
    /// Share of examples whose labels are all right and none too many.
    pub subset_accuracy: f64,
    /// Share of wrong decisions among all, one for each example and label.
    pub hamming_loss: f64,
    /// F1 over all decisions.
    pub micro_f1: f64,
    /// Mean of F1 over labels.
    pub macro_f1: f64,
    /// Mean over labels of the area under the ROC curve; labels that all examples have, or none, are
    /// left out.
    pub auroc: Option<f64>,
    /// Label ranking average precision: how far up an example's own labels stand among all, 1 at best.
    pub ranking_precision: f64,
    /// Scores of each label, in the order of [`labels`](Self::labels).
    pub per_label: Vec<ClassScores>,
}

impl MultiLabelReport {
    /// Compares probabilities with the true labels, both `examples x labels`, row by row. A label is
    /// given to an example from the probability `threshold` on.
    pub fn new(labels: &[String], probabilities: &[f32], truth: &[bool], threshold: f32) -> Self {
        let k = labels.len().max(1);
        let examples = truth.len() / k;
        let given: Vec<bool> = probabilities.iter().map(|p| *p >= threshold).collect();
        let rows = || given.chunks_exact(k).zip(truth.chunks_exact(k));
        let areas = auroc::by_column(probabilities, k, |i, label| truth[i * k + label]);
        let count = |label: usize, of: fn(bool, bool) -> bool| {
            rows().filter(|(g, t)| of(g[label], t[label])).count()
        };
        let mut all = (0, 0, 0);
        let mut per_label = Vec::with_capacity(labels.len());
        for (i, name) in labels.iter().enumerate() {
            let hits = count(i, |given, truth| given && truth);
            let (predicted, support) = (count(i, |given, _| given), count(i, |_, truth| truth));
            all = (all.0 + hits, all.1 + predicted, all.2 + support);
            per_label.push(ClassScores::of_counts(
                name, hits, predicted, support, areas[i],
            ));
        }
        let wrong = given.iter().zip(truth).filter(|(g, t)| g != t).count();
        let exact = rows().filter(|(g, t)| g == t).count();
        let ranked = probabilities.chunks_exact(k).zip(truth.chunks_exact(k));
        let precision: f64 = ranked.map(|(p, t)| ranking_precision(p, t)).sum();
        Self {
            labels: labels.to_vec(),
            examples,
            threshold,
            subset_accuracy: ratio(exact as f64, examples as f64),
            hamming_loss: ratio(wrong as f64, truth.len() as f64),
            micro_f1: f1(all.0, all.1, all.2),
            macro_f1: ratio(per_label.iter().map(|l| l.f1).sum(), labels.len() as f64),
            auroc: auroc::mean(&areas),
            ranking_precision: ratio(precision, examples as f64),
            per_label,
        }
    }

    /// The headline numbers, for tables and the run store.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let mut scores = vec![
            ("micro_f1".to_string(), self.micro_f1),
            ("macro_f1".to_string(), self.macro_f1),
            ("subset_accuracy".to_string(), self.subset_accuracy),
            ("hamming_loss".to_string(), self.hamming_loss),
        ];
        scores.extend(self.auroc.map(|v| ("auroc".to_string(), v)));
        scores.push(("ranking_precision".to_string(), self.ranking_precision));
        scores
    }

    /// Precision, recall and F1 of each label as bars, the weakest first.
    pub fn chart(&self) -> String {
        let mut shown: Vec<&ClassScores> = self.per_label.iter().collect();
        shown.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        let row = |l: &&ClassScores| (l.name.clone(), vec![l.precision, l.recall, l.f1]);
        let rows: Vec<_> = shown.iter().map(row).collect();
        let title = format!(
            "{} examples, micro F1 {:.3}",
            grouped(self.examples as i64),
            self.micro_f1
        );
        bars(&title, &["precision", "recall", "F1"], &rows)
    }
}

/// The mean over an example's labels of the share of its labels among those that score at least as
/// high; 1 if it has none or all.
fn ranking_precision(scores: &[f32], truth: &[bool]) -> f64 {
    let own: Vec<f32> = scores
        .iter()
        .zip(truth)
        .filter_map(|(score, has)| has.then_some(*score))
        .collect();
    if own.is_empty() || own.len() == truth.len() {
        return 1.0;
    }
    let above = |among: &[f32], score: f32| among.iter().filter(|s| **s >= score).count() as f64;
    let shares = own.iter().map(|s| above(&own, *s) / above(scores, *s));
    shares.sum::<f64>() / own.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Values made by `tests/golden/text_metrics.py` with scikit-learn.
    #[test]
    fn metrics_equal_scikit_learn() {
        let golden = include_str!("../../../tests/golden/text_metrics.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let g = &golden["multi_label"];
        let cells = |key: &str| -> Vec<f64> {
            let rows: Vec<Vec<f64>> = serde_json::from_value(g[key].clone()).unwrap();
            rows.concat()
        };
        let probabilities: Vec<f32> = cells("proba").iter().map(|p| *p as f32).collect();
        let truth: Vec<bool> = cells("y_true").iter().map(|v| *v == 1.0).collect();
        let labels = ["a", "b", "c", "d", "e"].map(String::from);
        let report = MultiLabelReport::new(&labels, &probabilities, &truth, 0.5);
        let close = |actual: f64, expected: &Value| {
            let expected = expected.as_f64().unwrap();
            assert!((actual - expected).abs() < 1e-9, "{actual} {expected}");
        };
        assert_eq!(report.examples, 60);
        close(report.subset_accuracy, &g["subset_accuracy"]);
        close(report.hamming_loss, &g["hamming_loss"]);
        close(report.micro_f1, &g["micro_f1"]);
        close(report.macro_f1, &g["macro_f1"]);
        close(report.auroc.unwrap(), &g["auroc_macro"]);
        close(report.ranking_precision, &g["ranking_precision"]);
        for (i, label) in report.per_label.iter().enumerate() {
            let of = |key: &str| &g["per_label"][key][i];
            close(label.precision, of("precision"));
            close(label.recall, of("recall"));
            close(label.f1, of("f1"));
            close(label.support as f64, of("support"));
            close(label.auroc.unwrap(), of("auroc"));
        }
        assert!(report.chart().contains("precision"));
    }

    #[test]
    fn a_label_that_no_example_has_leaves_the_mean_of_areas() {
        let labels = ["a", "b"].map(String::from);
        let truth = [true, false, false, false];
        let report = MultiLabelReport::new(&labels, &[0.9, 0.1, 0.2, 0.3], &truth, 0.5);
        assert_eq!((report.auroc, report.per_label[1].auroc), (Some(1.0), None));
        assert_eq!((report.subset_accuracy, report.hamming_loss), (1.0, 0.0));
    }
}
