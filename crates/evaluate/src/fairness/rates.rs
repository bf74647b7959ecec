//! Rates of one group, with intervals.

use crate::bootstrap::{Interval, bootstrap};
use crate::calibration::{BINS, Binning, bins, ece};
use crate::chance::{SURE, Sums};
use serde::{Deserialize, Serialize};

/// Rounds of the bootstrap; one for each group, so fewer than usual.
const ROUNDS: usize = 500;

/// What was decided about each example, and what was true.
#[derive(Debug, Clone, Copy)]
pub struct Decisions<'a> {
    /// Whether the positive class is the true one.
    pub truth: &'a [bool],
    /// Whether the decision is for the positive class.
    pub decided: &'a [bool],
    /// The probability that the model gives the positive class.
    pub probabilities: &'a [f32],
}

/// What a group must have to be compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Examples of the group.
    pub examples: usize,
    /// Examples that a single rate is over, such as its truly positive ones.
    pub outcomes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            examples: 30,
            outcomes: 10,
        }
    }
}

/// A rate of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Share of positive decisions.
    SelectionRate,
    /// Share of positive decisions among the truly positive.
    TruePositiveRate,
    /// Share of positive decisions among the truly negative.
    FalsePositiveRate,
    /// Share of negative decisions among the truly positive.
    FalseNegativeRate,
    /// Share of the truly positive among positive decisions.
    Precision,
    /// Share of right decisions.
    Accuracy,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SelectionRate,
        Self::TruePositiveRate,
        Self::FalsePositiveRate,
        Self::FalseNegativeRate,
        Self::Precision,
        Self::Accuracy,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::SelectionRate => "selection rate",
            Self::TruePositiveRate => "true positive rate",
            Self::FalsePositiveRate => "false positive rate",
            Self::FalseNegativeRate => "false negative rate",
            Self::Precision => "precision",
            Self::Accuracy => "accuracy",
        }
    }

    /// The rate over some of the examples.
    pub(super) fn over(self, truth: &[bool], decided: &[bool], examples: &[usize]) -> Share {
        Share::among(
            examples
                .iter()
                .filter_map(|i| self.of(truth[*i], decided[*i])),
        )
    }

    /// Whether the decision counts as a hit, and `None` if the example is not among those that the
    /// rate is over.
    fn of(self, truth: bool, decided: bool) -> Option<bool> {
        match self {
            Self::SelectionRate => Some(decided),
            Self::TruePositiveRate => truth.then_some(decided),
            Self::FalsePositiveRate => (!truth).then_some(decided),
            Self::FalseNegativeRate => truth.then_some(!decided),
            Self::Precision => decided.then_some(truth),
            Self::Accuracy => Some(truth == decided),
        }
    }
}

/// A share of examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Examples that have what is counted.
    pub hits: usize,
    /// Examples that were looked at.
    pub of: usize,
    /// The share; `None` where there was no example to look at.
    pub value: Option<f64>,
    /// Its 95 % interval (Wilson 1927).
    pub interval: Interval,
}

impl Share {
    /// `hits` of so many.
    pub fn new(hits: usize, of: usize) -> Self {
        Self {
            hits,
            of,
            value: (of > 0).then(|| hits as f64 / of as f64),
            interval: wilson(hits, of),
        }
    }

    /// The share of `true`.
    fn among(outcomes: impl Iterator<Item = bool>) -> Self {
        let (hits, of) = outcomes.fold((0, 0), |(h, n), yes| (h + usize::from(yes), n + 1));
        Self::new(hits, of)
    }
}

/// The 95 % interval of a share (Wilson 1927), which keeps within 0 and 1 and holds for few examples
/// too.
pub fn wilson(hits: usize, of: usize) -> Interval {
    if of == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, p, z2) = (of as f64, hits as f64 / of as f64, SURE * SURE);
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = SURE / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends rounding would go a hair beyond.
    Interval {
        low: if hits == 0 { 0.0 } else { middle - half },
        high: if hits == of { 1.0 } else { middle + half },
    }
}

/// How a model treats one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupScores {
    /// Its name; empty for all examples together.
    pub name: String,
    /// Its examples.
    pub examples: usize,
    /// Whether it has too few examples to be compared with other groups.
    pub too_small: bool,
    /// Share of the truly positive.
    pub base_rate: Share,
    /// Share of positive decisions.
    pub selection_rate: Share,
    /// Share of positive decisions among the truly positive.
    pub true_positive_rate: Share,
    /// Share of positive decisions among the truly negative.
    pub false_positive_rate: Share,
    /// Share of negative decisions among the truly positive.
    pub false_negative_rate: Share,
    /// Share of the truly positive among positive decisions.
    pub precision: Share,
    /// Share of right decisions.
    pub accuracy: Share,
    /// Mean probability of the positive class; a model that is calibrated for the group has the base
    /// rate here.
    pub mean_probability: f64,
    /// Mean probability less base rate: above 0 the model thinks too well of the group.
    pub calibration_gap: f64,
    /// The 95 % interval of that.
    pub calibration_gap_interval: Interval,
    /// Expected calibration error: mean distance between probability and rate, over bins of equal width.
    pub calibration_error: f64,
    /// Its 95 % bootstrap interval. A small group has an error even where the model is calibrated.
    pub calibration_error_interval: Option<Interval>,
}

impl GroupScores {
    pub(super) fn new(
        name: &str,
        decisions: &Decisions,
        examples: &[usize],
        limits: Limits,
        seed: u64,
    ) -> Self {
        let share = |metric: Metric| metric.over(decisions.truth, decisions.decided, examples);
        let pairs: Vec<(f32, bool)> = examples
            .iter()
            .map(|i| (decisions.probabilities[*i], decisions.truth[*i]))
            .collect();
        let missed = Sums::of(pairs.iter().map(|(p, t)| f64::from(*p) - unit(*t)));
        let mean_probability = Sums::of(pairs.iter().map(|(p, _)| f64::from(*p))).mean();
        let (calibration_error, calibration_error_interval) = calibration_error(&pairs, seed);
        Self {
            name: name.into(),
            examples: examples.len(),
            too_small: examples.len() < limits.examples,
            base_rate: Share::among(pairs.iter().map(|(_, t)| *t)),
            selection_rate: share(Metric::SelectionRate),
            true_positive_rate: share(Metric::TruePositiveRate),
            false_positive_rate: share(Metric::FalsePositiveRate),
            false_negative_rate: share(Metric::FalseNegativeRate),
            precision: share(Metric::Precision),
            accuracy: share(Metric::Accuracy),
            mean_probability,
            calibration_gap: missed.mean(),
            calibration_gap_interval: missed.interval(),
            calibration_error,
            calibration_error_interval,
        }
    }

    /// One of the rates.
    pub fn rate(&self, metric: Metric) -> &Share {
        match metric {
            Metric::SelectionRate => &self.selection_rate,
            Metric::TruePositiveRate => &self.true_positive_rate,
            Metric::FalsePositiveRate => &self.false_positive_rate,
            Metric::FalseNegativeRate => &self.false_negative_rate,
            Metric::Precision => &self.precision,
            Metric::Accuracy => &self.accuracy,
        }
    }
}

fn unit(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// The expected calibration error with its bootstrap interval.
fn calibration_error(outcomes: &[(f32, bool)], seed: u64) -> (f64, Option<Interval>) {
    let error = |outcomes: &[(f32, bool)]| ece(&bins(outcomes, BINS, Binning::EqualWidth));
    let drawn = |examples: &[usize]| {
        let drawn: Vec<(f32, bool)> = examples.iter().map(|i| outcomes[*i]).collect();
        Some(error(&drawn))
    };
    let interval = bootstrap(outcomes.len(), ROUNDS, seed, drawn);
    (error(outcomes), interval)
}

#[cfg(test)]
mod tests {
    use super::wilson;

    /// Values of statsmodels' proportion_confint(method="wilson").
    #[test]
    fn wilson_holds_at_the_ends() {
        for (hits, of, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_889_4),
            (5, 10, 0.236_593_090_512_564_3, 0.763_406_909_487_435_7),
            (10, 10, 0.722_467_200_137_110_6, 1.0),
            (0, 0, 0.0, 1.0),
        ] {
            let interval = wilson(hits, of);
            assert!((interval.low - low).abs() < 1e-12, "{hits} {interval:?}");
            assert!((interval.high - high).abs() < 1e-12, "{hits} {interval:?}");
        }
    }
}
