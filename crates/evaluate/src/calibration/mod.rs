//! Whether probabilities mean what they say: of all answers given with 80 %, are 80 % right?

mod temperature;

pub use temperature::{TemperatureScaling, fit_temperature, tempered};

use crate::argmax;
use crate::bootstrap::percentile;
use crate::classification::ratio;
use serde::{Deserialize, Serialize};

/// Bins of a report.
pub(crate) const BINS: usize = 10;

/// How probabilities are put into bins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Binning {
    /// Bins cover equal parts of the range from 0 to 1.
    EqualWidth,
    /// Bins hold equal numbers of examples, as far as equal probabilities allow.
    EqualMass,
}

/// Examples of similar probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Probabilities above this one belong to the bin; the first bin has 0 as well.
    pub low: f64,
    /// Probabilities up to this one belong to it.
    pub high: f64,
    /// Examples in it.
    pub examples: usize,
    /// Mean of their probabilities.
    pub confidence: f64,
    /// Share of them for which it came true.
    pub rate: f64,
}

impl ReliabilityBin {
    /// How far what came true is from what was said.
    pub fn gap(&self) -> f64 {
        (self.rate - self.confidence).abs()
    }
}

/// Groups outcomes, each a probability and whether it came true, as scikit-learn's `calibration_curve`
/// does: a probability on an edge belongs to the bin below it, and bins without any are left out.
pub(crate) fn bins(
    outcomes: &[(f32, bool)],
    count: usize,
    binning: Binning,
) -> Vec<ReliabilityBin> {
    if outcomes.is_empty() {
        return Vec::new();
    }
    let share = |i: usize| i as f64 / count as f64;
    let edges: Vec<f64> = match binning {
        Binning::EqualWidth => (0..=count).map(share).collect(),
        Binning::EqualMass => {
            let mut sorted: Vec<f64> = outcomes.iter().map(|o| f64::from(o.0)).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            (0..=count).map(|i| percentile(&sorted, share(i))).collect()
        }
    };
    let mut sums = vec![(0usize, 0.0, 0usize); count];
    for (probability, came_true) in outcomes {
        let probability = f64::from(*probability);
        let bin = &mut sums[edges[1..count].partition_point(|edge| *edge < probability)];
        bin.0 += 1;
        bin.1 += probability;
        bin.2 += usize::from(*came_true);
    }
    let filled = sums.iter().enumerate().filter(|(_, bin)| bin.0 > 0);
    filled
        .map(|(i, (examples, sum, came_true))| ReliabilityBin {
            low: edges[i],
            high: edges[i + 1],
            examples: *examples,
            confidence: sum / *examples as f64,
            rate: *came_true as f64 / *examples as f64,
        })
        .collect()
}

/// Expected calibration error (Naeini et al. 2015): the mean gap of the bins, each weighted by its
/// examples.
pub(crate) fn ece(bins: &[ReliabilityBin]) -> f64 {
    let examples: usize = bins.iter().map(|b| b.examples).sum();
    let gaps = bins.iter().map(|b| b.examples as f64 * b.gap()).sum();
    ratio(gaps, examples as f64)
}

/// Maximum calibration error: the largest gap of a bin.
pub(crate) fn mce(bins: &[ReliabilityBin]) -> f64 {
    bins.iter().map(ReliabilityBin::gap).fold(0.0, f64::max)
}

/// For each example the probability of its most probable class, and whether that is the right one.
pub(crate) fn of_answers(
    classes: usize,
    probabilities: &[f32],
    labels: &[u32],
) -> Vec<(f32, bool)> {
    let rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    rows.map(|(row, label)| {
        let answer = argmax(row);
        (row[answer], answer == *label as usize)
    })
    .collect()
}

/// For each example the probability of one class, and whether it is of that class.
pub(crate) fn of_class(
    classes: usize,
    probabilities: &[f32],
    labels: &[u32],
    class: usize,
) -> Vec<(f32, bool)> {
    let rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    rows.map(|(row, label)| (row[class], *label as usize == class))
        .collect()
}

/// How far the probabilities of a classifier can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationReport {
    /// Number of examples.
    pub examples: usize,
    /// The class whose probabilities the bins hold; absent where they hold those of the answers, that
    /// is of each example's most probable class.
    pub class: Option<usize>,
    /// Bins of equal width, for the reliability diagram.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error over these bins.
    pub ece: f64,
    /// The same over bins of equal mass, which no empty corner distorts.
    pub ece_equal_mass: f64,
    /// Maximum calibration error over the bins of equal width.
    pub mce: f64,
    /// Brier score of all probabilities: the mean squared distance from what came true, 0 at best.
    pub brier: f64,
}

impl CalibrationReport {
    /// From probabilities (`examples x classes`, row by row) and true labels. With a `class`, its
    /// probabilities are looked at, without one those of the answers.
    pub fn new(
        classes: usize,
        probabilities: &[f32],
        labels: &[u32],
        class: Option<usize>,
    ) -> Self {
        let outcomes = match class {
            Some(class) => of_class(classes, probabilities, labels, class),
            None => of_answers(classes, probabilities, labels),
        };
        let equal_width = bins(&outcomes, BINS, Binning::EqualWidth);
        Self {
            examples: outcomes.len(),
            class,
            ece: ece(&equal_width),
            ece_equal_mass: ece(&bins(&outcomes, BINS, Binning::EqualMass)),
            mce: mce(&equal_width),
            brier: brier(classes, probabilities, labels),
            bins: equal_width,
        }
    }
}

/// The Brier score as scikit-learn has it: with two classes the mean squared distance between the
/// probability of one and what came true, with several the sum of that over the classes.
fn brier(classes: usize, probabilities: &[f32], labels: &[u32]) -> f64 {
    let rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    let sum = rows.map(|(row, label)| squares(row, *label as usize)).sum();
    ratio(sum, labels.len() as f64)
}

/// The Brier score of one example. Of two classes one is counted, as the other repeats it.
pub(crate) fn squares(row: &[f32], label: usize) -> f64 {
    let of = |(class, p): (usize, &f32)| match class == label {
        true => (f64::from(*p) - 1.0).powi(2),
        false => f64::from(*p).powi(2),
    };
    let repeated = usize::from(row.len() == 2);
    row.iter().enumerate().skip(repeated).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all_close, close, golden, labels, probabilities};

    /// Values made by `tests/golden/evaluation.py` with scikit-learn.
    #[test]
    fn bins_and_brier_scores_equal_scikit_learn() {
        let golden = golden();
        let g = &golden["binary"];
        let (p, y) = (probabilities(g), labels(g));
        let outcomes = of_class(2, &p, &y, 1);
        for (binning, key) in [
            (Binning::EqualWidth, "uniform"),
            (Binning::EqualMass, "quantile"),
        ] {
            let found = bins(&outcomes, 10, binning);
            let expected = &g["calibration_curve"][key];
            let rates: Vec<f64> = found.iter().map(|b| b.rate).collect();
            let confidences: Vec<f64> = found.iter().map(|b| b.confidence).collect();
            all_close(&rates, &expected["rate"], 1e-9);
            all_close(&confidences, &expected["confidence"], 1e-6);
            close(ece(&found), &expected["ece"], 1e-6);
            close(mce(&found), &expected["mce"], 1e-6);
        }
        close(brier(2, &p, &y), &g["brier"], 1e-6);
        let g = &golden["multi"];
        let (p, y) = (probabilities(g), labels(g));
        close(brier(3, &p, &y), &g["brier"], 1e-6);
        let report = CalibrationReport::new(3, &p, &y, None);
        close(report.ece, &g["ece"], 1e-6);
        close(report.ece_equal_mass, &g["ece_equal_mass"], 1e-6);
    }

    #[test]
    fn probabilities_that_come_true_have_no_error() {
        let outcomes: Vec<_> = (0..100).map(|i| (0.8, i % 5 != 0)).collect();
        let found = bins(&outcomes, 10, Binning::EqualWidth);
        assert_eq!((found.len(), found[0].examples), (1, 100));
        assert!(ece(&found) < 1e-6 && mce(&found) < 1e-6);
        // A probability of 0 and one of 1 have bins as well.
        let ends = bins(&[(0.0, false), (1.0, true)], 10, Binning::EqualWidth);
        assert_eq!((ends[0].low, ends[1].high, ends.len()), (0.0, 1.0, 2));
        assert_eq!(ece(&ends), 0.0);
    }

    #[test]
    fn equal_masses_are_equal_and_nothing_is_nothing() {
        let outcomes: Vec<_> = (1..=100).map(|i| (i as f32 / 500.0, i > 50)).collect();
        let found = bins(&outcomes, 10, Binning::EqualMass);
        assert!(found.iter().all(|b| b.examples == 10), "{found:?}");
        let tied = bins(&[(0.5, true); 30], 10, Binning::EqualMass);
        assert_eq!((tied.len(), tied[0].examples), (1, 30));
        let report = CalibrationReport::new(2, &[], &[], None);
        assert_eq!(
            (report.ece, report.bins.len(), brier(2, &[], &[])),
            (0.0, 0, 0.0)
        );
    }
}
