//! How sure a score is: percentile bootstrap intervals (Efron 1979).
//!
//! The examples are drawn anew, with replacement and as many as there are, and the score is taken of
//! each draw. Ninety-five per cent of the draws lie in the interval. It tells what another set of
//! examples from the same source would give, not what another training would.

mod scores;

pub use scores::{ClassifierScores, RegressionScores};

use crate::random::Random;
use serde::{Deserialize, Serialize};

/// The usual number of draws.
pub const ROUNDS: usize = 1000;
/// Shares of the draws that lie below the interval and below its upper end.
const ENDS: (f64, f64) = (0.025, 0.975);

/// Where a value lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies in it.
    pub fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// From the 2.5th to the 97.5th percentile of `rounds` draws; `None` unless more than half of them
    /// have a value.
    pub(crate) fn of(mut values: Vec<f64>, rounds: usize) -> Option<Self> {
        values.retain(|v| v.is_finite());
        if 2 * values.len() <= rounds {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        Some(Self {
            low: percentile(&values, ENDS.0),
            high: percentile(&values, ENDS.1),
        })
    }
}

/// A score and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The score's name, as in the reports.
    pub name: String,
    /// Its value on the examples.
    pub value: f64,
    /// Its interval; absent if it has no value on most draws, as where a class is very rare.
    pub interval: Option<Interval>,
}

/// Scores that follow from how often each example counts, which makes a draw cheap.
pub trait CountedScores {
    /// Number of examples.
    fn examples(&self) -> usize;
    /// Names of the scores, as in the reports.
    fn names(&self) -> &'static [&'static str];
    /// Each score where example `i` occurs `counts[i]` times; `None` if it has no value there.
    fn scores(&self, counts: &[u32]) -> Vec<Option<f64>>;
}

/// The interval of one score. `statistic` takes the indices of the examples drawn; it has no value
/// where it is not defined, such as an AUROC of one class.
///
/// `None` if it has a value on no more than half of the draws.
pub fn bootstrap(
    examples: usize,
    rounds: usize,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    let mut values = Vec::with_capacity(rounds);
    each_draw(examples, rounds, seed, |drawn| {
        values.extend(statistic(drawn));
    });
    Interval::of(values, rounds)
}

/// All scores with their intervals, from the same draws. Scores that have no value on the examples
/// themselves are left out.
pub fn intervals(scores: &impl CountedScores, rounds: usize, seed: u64) -> Vec<Measured> {
    let names = scores.names();
    let values = scores.scores(&vec![1; scores.examples()]);
    let mut drawn = vec![Vec::new(); names.len()];
    each_count(scores.examples(), rounds, seed, |counts| {
        for (values, value) in drawn.iter_mut().zip(scores.scores(counts)) {
            values.extend(value);
        }
    });
    let measured = names.iter().zip(values).zip(drawn);
    measured
        .filter_map(|((name, value), drawn)| {
            Some(Measured {
                name: (*name).to_string(),
                value: value?,
                interval: Interval::of(drawn, rounds),
            })
        })
        .collect()
}

/// Calls `visit` with the indices of each draw; draws are the same for the same seed.
pub(crate) fn each_draw(
    examples: usize,
    rounds: usize,
    seed: u64,
    mut visit: impl FnMut(&[usize]),
) {
    if examples == 0 {
        return;
    }
    let mut drawn = vec![0; examples];
    for round in 0..rounds {
        let mut random = Random::new(seed, round as u64);
        drawn.fill_with(|| random.below(examples));
        visit(&drawn);
    }
}

/// Calls `visit` with how often each example was drawn, for the draws of [`each_draw`].
pub(crate) fn each_count(examples: usize, rounds: usize, seed: u64, mut visit: impl FnMut(&[u32])) {
    let mut counts = vec![0; examples];
    each_draw(examples, rounds, seed, |drawn| {
        counts.fill(0);
        for i in drawn {
            counts[*i] += 1;
        }
        visit(&counts);
    });
}

/// The value below which a share of sorted values lies, between two of them in proportion.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, rest) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + rest * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_interval_of_its_standard_error() {
        let mut random = Random::new(3, 0);
        let values: Vec<f64> = (0..400).map(|_| random.normal()).collect();
        let mean = |drawn: &[usize]| drawn.iter().map(|i| values[*i]).sum::<f64>() / 400.0;
        let all: Vec<usize> = (0..400).collect();
        let centre = mean(&all);
        let spread = values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / 400.0;
        let error = (spread / 400.0).sqrt();
        let interval = bootstrap(400, 4000, 1, |drawn| Some(mean(drawn))).unwrap();
        for (end, expected) in [(interval.low, -1.96), (interval.high, 1.96)] {
            let actual = (end - centre) / error;
            assert!((actual - expected).abs() < 0.2, "{actual} {expected}");
        }
        assert!(interval.contains(centre) && !interval.contains(centre + 1.0));
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let of = |seed| bootstrap(50, 100, seed, |drawn| Some(drawn[0] as f64));
        assert_eq!(of(1), of(1));
        let (mut one, mut other) = (Vec::new(), Vec::new());
        each_draw(9, 3, 5, |drawn| one.push(drawn.to_vec()));
        each_count(9, 3, 5, |counts| other.push(counts.to_vec()));
        for (drawn, counts) in one.iter().zip(&other) {
            let times = |i: usize| drawn.iter().filter(|d| **d == i).count() as u32;
            assert_eq!(*counts, (0..9).map(times).collect::<Vec<_>>());
        }
        assert!(one[0] != one[1]);
    }

    #[test]
    fn what_is_seldom_defined_has_no_interval() {
        let first = |drawn: &[usize]| (drawn[0] == 0).then_some(1.0);
        assert_eq!(bootstrap(10, 200, 1, first), None);
        assert_eq!(bootstrap(0, 200, 1, |_| Some(1.0)), None);
        assert_eq!(bootstrap(10, 0, 1, |_| Some(1.0)), None);
        assert_eq!(bootstrap(10, 200, 1, |_| Some(f64::NAN)), None);
    }

    #[test]
    fn percentiles_lie_between_values() {
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert_eq!(percentile(&[7.0], 0.3), 7.0);
    }
}
