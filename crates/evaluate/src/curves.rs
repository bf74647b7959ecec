//! ROC and precision-recall curves of one class against the rest; definitions are scikit-learn's.

use crate::ranking::{Ranking, Step};
use serde::{Deserialize, Serialize};

/// Most points of a curve that are kept.
const MAX_POINTS: usize = 200;

/// A point of the ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// The probability from which an example is taken for the class; `None` where none is.
    pub threshold: Option<f32>,
    /// Share of the other examples that are taken for the class.
    pub fpr: f64,
    /// Share of the class that is found: its recall.
    pub tpr: f64,
}

/// A point of the precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    /// The probability from which an example is taken for the class; `None` where none is.
    pub threshold: Option<f32>,
    /// Share of the class that is found.
    pub recall: f64,
    /// Share of those taken for the class that are; 1 where none is taken.
    pub precision: f64,
}

/// How well one class is told from the rest, at every threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassCurves {
    /// Name of the class.
    pub class: String,
    /// Examples of it.
    pub positives: usize,
    /// Other examples.
    pub negatives: usize,
    /// Area under the ROC curve.
    pub auroc: f64,
    /// Mean of the precisions, each weighted by what it adds to recall.
    pub average_precision: f64,
    /// From no threshold that anything reaches to one that everything does, in up to 200 points.
    pub roc: Vec<RocPoint>,
    /// The same, as precision and recall.
    pub precision_recall: Vec<PrecisionRecallPoint>,
}

impl ClassCurves {
    /// From how probable the class is for each example, and which examples are of it. `None` unless
    /// there are some of both kinds.
    pub fn new(class: &str, probabilities: &[f32], truth: &[bool]) -> Option<Self> {
        let examples = probabilities.iter().copied().zip(truth.iter().copied());
        let ranking = Ranking::new(examples);
        let auroc = ranking.area(|_| 1)?;
        let steps: Vec<Step> = ranking.steps(|_| 1).collect();
        let all = steps.last()?;
        Some(Self {
            class: class.into(),
            positives: all.hits as usize,
            negatives: all.alarms as usize,
            auroc,
            average_precision: average_precision(&steps),
            roc: thin(&roc(&steps), |p| (p.fpr, p.tpr)),
            precision_recall: thin(&precision_recall(&steps), |p| (p.recall, p.precision)),
        })
    }

    /// Curves of each class that occurs and is not alone, from probabilities (`examples x classes`, row
    /// by row) and true labels.
    pub fn of_classes(classes: &[String], probabilities: &[f32], labels: &[u32]) -> Vec<Self> {
        let of = |(class, name): (usize, &String)| {
            let rows = probabilities.chunks_exact(classes.len());
            let column: Vec<f32> = rows.map(|row| row[class]).collect();
            let truth: Vec<bool> = labels.iter().map(|l| *l as usize == class).collect();
            Self::new(name, &column, &truth)
        };
        classes.iter().enumerate().filter_map(of).collect()
    }
}

/// All points of the ROC curve.
fn roc(steps: &[Step]) -> Vec<RocPoint> {
    let Some(all) = steps.last() else {
        return Vec::new();
    };
    let start = RocPoint {
        threshold: None,
        fpr: 0.0,
        tpr: 0.0,
    };
    let points = steps.iter().map(|step| RocPoint {
        threshold: Some(step.threshold),
        fpr: step.alarms as f64 / all.alarms as f64,
        tpr: step.hits as f64 / all.hits as f64,
    });
    [start].into_iter().chain(points).collect()
}

/// All points of the precision-recall curve.
fn precision_recall(steps: &[Step]) -> Vec<PrecisionRecallPoint> {
    let Some(all) = steps.last() else {
        return Vec::new();
    };
    let start = PrecisionRecallPoint {
        threshold: None,
        recall: 0.0,
        precision: 1.0,
    };
    let points = steps.iter().map(|step| PrecisionRecallPoint {
        threshold: Some(step.threshold),
        recall: step.hits as f64 / all.hits as f64,
        precision: precision(step),
    });
    [start].into_iter().chain(points).collect()
}

fn average_precision(steps: &[Step]) -> f64 {
    let (mut sum, mut found) = (0.0, 0);
    for step in steps {
        sum += (step.hits - found) as f64 * precision(step);
        found = step.hits;
    }
    sum / found as f64
}

fn precision(step: &Step) -> f64 {
    step.hits as f64 / (step.hits + step.alarms) as f64
}

/// Leaves up to two hundred points of a curve: the ends, and points about equally far apart along it,
/// with both directions scaled to the same length. Steep parts keep their shape like flat ones.
pub(crate) fn thin<T: Clone>(points: &[T], at: impl Fn(&T) -> (f64, f64)) -> Vec<T> {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let places: Vec<(f64, f64)> = points.iter().map(at).collect();
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || places.iter().map(of);
        let (low, high) = (
            values().fold(f64::MAX, f64::min),
            values().fold(f64::MIN, f64::max),
        );
        (high - low).max(f64::MIN_POSITIVE)
    };
    let (wide, high) = (range(|p| p.0), range(|p| p.1));
    let mut along = vec![0.0; places.len()];
    for i in 1..places.len() {
        let (from, to) = (places[i - 1], places[i]);
        along[i] = along[i - 1] + (to.0 - from.0).abs() / wide + (to.1 - from.1).abs() / high;
    }
    // One piece fewer than there may be gaps, because the last point is kept wherever it lies.
    let piece = along[along.len() - 1] / (MAX_POINTS - 2) as f64;
    let last = points.len() - 1;
    let mut kept = vec![0];
    for i in 1..last {
        let far = along[i] - along[kept[kept.len() - 1]] >= piece;
        if far && kept.len() < MAX_POINTS - 1 {
            kept.push(i);
        }
    }
    kept.push(last);
    kept.into_iter().map(|i| points[i].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all_close, close, golden, labels, positive, probabilities};
    use serde_json::Value;

    fn steps(scores: &[f32], truth: &[bool]) -> Vec<Step> {
        let examples = scores.iter().copied().zip(truth.iter().copied());
        Ranking::new(examples).steps(|_| 1).collect()
    }

    fn same(curves: &ClassCurves, expected: &Value) {
        close(curves.auroc, &expected["auroc"], 1e-9);
        close(
            curves.average_precision,
            &expected["average_precision"],
            1e-9,
        );
    }

    /// Values made by `tests/golden/evaluation.py` with scikit-learn.
    #[test]
    fn curves_equal_scikit_learn() {
        let golden = golden();
        let g = &golden["binary"];
        let truth: Vec<bool> = labels(g).iter().map(|l| *l == 1).collect();
        let steps = steps(&positive(g), &truth);
        let points = roc(&steps);
        let list = |of: fn(&RocPoint) -> f64| points.iter().map(of).collect::<Vec<_>>();
        all_close(&list(|p| p.fpr), &g["roc"]["fpr"], 1e-9);
        all_close(&list(|p| p.tpr), &g["roc"]["tpr"], 1e-9);
        let thresholds: Vec<f64> = points
            .iter()
            .filter_map(|p| p.threshold)
            .map(f64::from)
            .collect();
        all_close(&thresholds, &g["roc"]["thresholds"], 1e-6);
        let points = precision_recall(&steps);
        let list = |of: fn(&PrecisionRecallPoint) -> f64| points.iter().map(of).collect::<Vec<_>>();
        let expected = &g["precision_recall"];
        all_close(&list(|p| p.recall), &expected["recall"], 1e-9);
        all_close(&list(|p| p.precision), &expected["precision"], 1e-9);
        same(&ClassCurves::new("y", &positive(g), &truth).unwrap(), g);
        let g = &golden["multi"];
        let classes = ["a", "b", "c"].map(String::from);
        let curves = ClassCurves::of_classes(&classes, &probabilities(g), &labels(g));
        assert_eq!(curves.len(), 3);
        for (curves, expected) in curves.iter().zip(g["per_class"].as_array().unwrap()) {
            same(curves, expected);
        }
    }

    #[test]
    fn a_class_that_is_alone_or_missing_has_no_curves() {
        assert!(ClassCurves::new("y", &[0.1, 0.9], &[true, true]).is_none());
        assert!(ClassCurves::new("y", &[], &[]).is_none());
        let classes = ["a", "b", "c"].map(String::from);
        let p = [0.5, 0.3, 0.2, 0.1, 0.6, 0.3];
        let names = ClassCurves::of_classes(&classes, &p, &[0, 1]);
        let names: Vec<_> = names.iter().map(|c| c.class.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn long_curves_keep_their_ends_and_their_shape() {
        // Ten of 10,000 are positive, and all of them come first.
        let scores: Vec<f32> = (0..10_000).map(|i| 1.0 - i as f32 / 10_000.0).collect();
        let truth: Vec<bool> = (0..10_000).map(|i| i < 10).collect();
        let curves = ClassCurves::new("y", &scores, &truth).unwrap();
        assert_eq!((curves.auroc, curves.average_precision), (1.0, 1.0));
        assert!(curves.roc.len() <= MAX_POINTS && curves.precision_recall.len() <= MAX_POINTS);
        assert!(curves.roc.len() > 100);
        // The steep part is still there, step by step.
        assert!(curves.roc.iter().filter(|p| p.fpr == 0.0).count() == 11);
        let last = curves.roc.last().unwrap();
        assert_eq!((last.fpr, last.tpr), (1.0, 1.0));
        let short = [(0.0, 0.0), (1.0, 1.0)];
        assert_eq!(thin(&short, |p| *p), short);
    }
}
