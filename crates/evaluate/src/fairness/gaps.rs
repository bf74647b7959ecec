//! Differences between groups, and whether chance makes them.

use super::rates::{GroupScores, Limits, Metric, Share};
use crate::bootstrap::Interval;
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// A rate of less than four fifths of the highest one is taken as adverse (Uniform Guidelines on
/// Employee Selection Procedures, 29 CFR 1607.4 D).
const FOUR_FIFTHS: f64 = 0.8;
/// A difference counts once chance alone would make one as large in fewer cases than this.
const RARE: f64 = 0.05;
/// Random draws of a permutation test.
const ROUNDS: usize = 1000;
/// With many examples there are fewer draws, at least [`FEWEST`].
const MAX_MOVES: usize = 20_000_000;
const FEWEST: usize = 200;

/// The largest difference between two groups in one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The rate.
    pub metric: Metric,
    /// The group with the lowest rate.
    pub lowest: String,
    /// Its rate.
    pub lowest_rate: f64,
    /// The group with the highest rate.
    pub highest: String,
    /// Its rate.
    pub highest_rate: f64,
    /// Highest less lowest rate.
    pub difference: f64,
    /// 95 % interval of the difference between these two groups (Newcombe 1998, method 10).
    pub interval: Interval,
    /// Lowest over highest rate; `None` if both are 0.
    pub ratio: Option<f64>,
    /// How probable a difference at least this large between any two groups would be if the groups
    /// were made by lot (permutation test).
    pub chance: f64,
    /// Groups that are not compared, because the rate would be over too few examples.
    pub left_out: Vec<String>,
}

/// One of Fairlearn's measures of unfairness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disparity {
    /// The rate in which the groups differ most.
    pub metric: Metric,
    /// The group with the lowest rate.
    pub lowest: String,
    /// The group with the highest rate.
    pub highest: String,
    /// 0 if all groups are treated alike, 1 at worst.
    pub difference: f64,
    /// 1 if all groups are treated alike, 0 at worst; `None` if all rates are 0.
    pub ratio: Option<f64>,
    /// How probable such differences would be if the groups were made by lot.
    pub chance: f64,
}

/// The four-fifths rule: is the lowest selection rate at least 80 % of the highest?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FourFifths {
    /// Lowest over highest selection rate; `None` if there is nothing to compare.
    pub ratio: Option<f64>,
    /// The group that is selected least.
    pub lowest: String,
    /// The group that is selected most.
    pub highest: String,
    /// What follows.
    pub verdict: FourFifthsVerdict,
}

/// What follows from the four-fifths rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FourFifthsVerdict {
    /// The rule is kept.
    Kept,
    /// The ratio is below four fifths, but with so few examples chance makes such differences.
    MayBeChance,
    /// The ratio is below four fifths, and chance seldom makes such a difference.
    Broken,
    /// Fewer than two groups are large enough, or nobody is selected.
    Unknown,
}

impl Gap {
    /// `None` unless at least two groups can be compared.
    pub(super) fn new(
        metric: Metric,
        groups: &[GroupScores],
        limits: Limits,
        seed: u64,
    ) -> Option<Self> {
        let (kept, left_out): (Vec<_>, Vec<_>) = groups
            .iter()
            .partition(|g| comparable(g.examples, g.rate(metric), limits));
        let rates: Vec<Share> = kept.iter().map(|g| *g.rate(metric)).collect();
        let (low, high) = extremes(&rates)?;
        let (lowest, highest) = (&rates[low], &rates[high]);
        let (lowest_rate, highest_rate) = (lowest.value?, highest.value?);
        let difference = highest_rate - lowest_rate;
        Some(Self {
            metric,
            lowest: kept[low].name.clone(),
            lowest_rate,
            highest: kept[high].name.clone(),
            highest_rate,
            difference,
            interval: newcombe(lowest, highest)?,
            ratio: (highest_rate > 0.0).then(|| lowest_rate / highest_rate),
            chance: chance(&rates, difference, seed),
            left_out: left_out.iter().map(|g| g.name.clone()).collect(),
        })
    }

    pub(super) fn disparity(&self) -> Disparity {
        Disparity {
            metric: self.metric,
            lowest: self.lowest.clone(),
            highest: self.highest.clone(),
            difference: self.difference,
            ratio: self.ratio,
            chance: self.chance,
        }
    }

    /// Whether chance seldom makes such a difference.
    pub fn is_sure(&self) -> bool {
        self.chance < RARE
    }
}

/// The worse of the differences in true and in false positive rates, and of their ratios. That of the
/// smaller p-value decides about chance, doubled because there are two.
pub(super) fn equalized_odds(gaps: &[Gap]) -> Option<Disparity> {
    let find = |metric: Metric| gaps.iter().find(|g| g.metric == metric);
    let hits = find(Metric::TruePositiveRate)?;
    let alarms = find(Metric::FalsePositiveRate)?;
    let worse = match hits.difference >= alarms.difference {
        true => hits,
        false => alarms,
    };
    let ratios = [hits.ratio, alarms.ratio].into_iter().flatten();
    Some(Disparity {
        ratio: ratios.reduce(f64::min),
        chance: (2.0 * hits.chance.min(alarms.chance)).min(1.0),
        ..worse.disparity()
    })
}

impl FourFifths {
    /// From the gap in selection rates.
    pub(super) fn new(selection: Option<&Gap>) -> Self {
        let name = |of: fn(&Gap) -> &String| selection.map(of).cloned().unwrap_or_default();
        let ratio = selection.and_then(|gap| gap.ratio);
        let sure = selection.is_some_and(Gap::is_sure);
        Self {
            ratio,
            lowest: name(|gap| &gap.lowest),
            highest: name(|gap| &gap.highest),
            verdict: match ratio {
                None => FourFifthsVerdict::Unknown,
                Some(ratio) if ratio >= FOUR_FIFTHS => FourFifthsVerdict::Kept,
                Some(_) if sure => FourFifthsVerdict::Broken,
                Some(_) => FourFifthsVerdict::MayBeChance,
            },
        }
    }

    /// The verdict in plain words.
    pub fn words(&self) -> String {
        let Some(ratio) = self.ratio else {
            return "The four-fifths rule cannot be checked: fewer than two groups are large enough, \
                    or nobody is selected."
                .into();
        };
        let against = format!(
            "{} is selected {:.0} % as often as {}",
            self.lowest,
            100.0 * ratio,
            self.highest
        );
        match self.verdict {
            FourFifthsVerdict::Broken => format!("The four-fifths rule is broken: {against}."),
            FourFifthsVerdict::MayBeChance => {
                format!("Below four fifths, but with so few examples it may be chance: {against}.")
            }
            _ => format!("The four-fifths rule is kept: {against}."),
        }
    }
}

/// Whether a group's rate is over enough examples to be compared.
pub(super) fn comparable(examples: usize, share: &Share, limits: Limits) -> bool {
    examples >= limits.examples && share.of >= limits.outcomes.max(1)
}

/// Places of the lowest and the highest rate; `None` unless there are two.
pub(super) fn extremes(rates: &[Share]) -> Option<(usize, usize)> {
    let value = |i: &usize| rates[*i].value.unwrap_or_default();
    let by_value = |a: &usize, b: &usize| value(a).total_cmp(&value(b));
    let low = (0..rates.len()).min_by(by_value)?;
    let high = (0..rates.len()).max_by(by_value)?;
    (rates.len() > 1).then_some((low, high))
}

/// The 95 % interval of the difference of two shares, from their own intervals.
fn newcombe(lower: &Share, higher: &Share) -> Option<Interval> {
    let (p, q) = (higher.value?, lower.value?);
    let (high, low) = (higher.interval, lower.interval);
    let difference = p - q;
    Some(Interval {
        low: difference - (p - high.low).hypot(low.high - q),
        high: difference + (high.high - p).hypot(q - low.low),
    })
}

/// How often groups made by lot differ by at least `observed`.
fn chance(rates: &[Share], observed: f64, seed: u64) -> f64 {
    let outcomes = |s: &Share| (0..s.of).map(|i| i < s.hits).collect::<Vec<bool>>();
    let mut pool: Vec<bool> = rates.iter().flat_map(outcomes).collect();
    let rounds = (MAX_MOVES / pool.len().max(1)).clamp(FEWEST, ROUNDS);
    let mut random = Random::new(seed, 0);
    let mut as_large = 0;
    for _ in 0..rounds {
        random.shuffle(&mut pool);
        // Shares in another order differ in the last digit.
        as_large += usize::from(spread(&pool, rates) >= observed - 1e-12);
    }
    (as_large + 1) as f64 / (rounds + 1) as f64
}

/// Highest less lowest share, if the outcomes are dealt to groups of the same sizes in turn.
fn spread(mut outcomes: &[bool], shares: &[Share]) -> f64 {
    let (mut low, mut high) = (1f64, 0f64);
    for share in shares {
        let (own, rest) = outcomes.split_at(share.of);
        let rate = own.iter().filter(|hit| **hit).count() as f64 / share.of as f64;
        (low, high) = (low.min(rate), high.max(rate));
        outcomes = rest;
    }
    high - low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Newcombe (1998): 56 of 70 against 48 of 80.
    #[test]
    fn intervals_of_differences_are_newcombes() {
        let interval = newcombe(&Share::new(48, 80), &Share::new(56, 70)).unwrap();
        assert!((interval.low - 0.0524).abs() < 5e-5, "{interval:?}");
        assert!((interval.high - 0.3339).abs() < 5e-5, "{interval:?}");
    }

    #[test]
    fn chance_is_that_of_groups_made_by_lot() {
        // Of 8 who are selected among 16 in two groups of 8, all fall into one group in 2 of 12,870
        // cases, and at least 7 in 2 + 2 * 64.
        let of = |a: usize, b: usize| {
            let rates = [Share::new(a, 8), Share::new(b, 8)];
            chance(&rates, (a as f64 - b as f64) / 8.0, 1)
        };
        assert!(of(8, 0) < 0.004);
        assert!((0.003..0.022).contains(&of(7, 1)), "{}", of(7, 1));
        // 1,698 of 12,870.
        assert!((0.10..0.17).contains(&of(6, 2)), "{}", of(6, 2));
        assert_eq!(of(4, 4), 1.0);
    }
}
