//! From which probability on "yes" is the cheapest answer, when errors have a price.

use crate::bootstrap::{Interval, each_count};
use crate::curves::thin;
use crate::numbers;
use crate::ranking::Ranking;
use serde::{Deserialize, Serialize};

/// The threshold of a model whose answer is the more probable class.
const HALF: f64 = 0.5;
/// Savings are told for so many cases.
const CASES: f64 = 1000.0;

/// What each outcome of a yes-or-no decision costs; gains are negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecisionCosts {
    /// "Yes" where it is not so.
    pub false_alarm: f64,
    /// "No" where it is so.
    pub miss: f64,
    /// "Yes" where it is so.
    #[serde(default)]
    pub hit: f64,
    /// "No" where it is not so.
    #[serde(default)]
    pub correct_rejection: f64,
}

impl DecisionCosts {
    /// Costs of the two kinds of error; right answers cost nothing.
    pub fn of_errors(false_alarm: f64, miss: f64) -> Self {
        Self {
            false_alarm,
            miss,
            hit: 0.0,
            correct_rejection: 0.0,
        }
    }

    /// The same where one may be left open, which then is 1; `None` where both are.
    pub fn of_given_errors(false_alarm: Option<f64>, miss: Option<f64>) -> Option<Self> {
        let given = false_alarm.or(miss).is_some();
        given.then(|| Self::of_errors(false_alarm.unwrap_or(1.0), miss.unwrap_or(1.0)))
    }

    /// Of a decision where `truth` is so.
    pub fn of(&self, yes: bool, truth: bool) -> f64 {
        match (yes, truth) {
            (true, true) => self.hit,
            (true, false) => self.false_alarm,
            (false, true) => self.miss,
            (false, false) => self.correct_rejection,
        }
    }

    /// Of so many decisions of each outcome.
    pub fn total(&self, found: usize, missed: usize, alarms: usize, rejected: usize) -> f64 {
        found as f64 * self.hit
            + missed as f64 * self.miss
            + alarms as f64 * self.false_alarm
            + rejected as f64 * self.correct_rejection
    }

    /// The best threshold if every probability is exactly right (Elkan 2001); `None` unless errors cost
    /// more than right answers.
    pub fn ideal_threshold(&self) -> Option<f64> {
        let alarm = self.false_alarm - self.correct_rejection;
        let miss = self.miss - self.hit;
        (alarm > 0.0 && miss > 0.0).then(|| alarm / (alarm + miss))
    }
}

/// What comes of one threshold on a set of examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdOutcome {
    /// From this probability on the answer is "yes".
    pub threshold: f64,
    /// Hits: "yes" where it is so.
    pub found: usize,
    /// Misses: "no" where it is so.
    pub missed: usize,
    /// False alarms: "yes" where it is not so.
    pub alarms: usize,
    /// Correct rejections: "no" where it is not so.
    pub rejected: usize,
    /// Cost of all examples together.
    pub total: f64,
    /// Cost for each example.
    pub cost: f64,
}

impl ThresholdOutcome {
    /// Counts and costs of a threshold, from how probable "yes" is for each example and whether it is
    /// so.
    pub fn new(
        threshold: f64,
        probabilities: &[f32],
        truth: &[bool],
        costs: &DecisionCosts,
    ) -> Self {
        let count = |of: (bool, bool)| {
            let pairs = probabilities.iter().zip(truth);
            let pairs = pairs.map(|(p, t)| (f64::from(*p) >= threshold, *t));
            pairs.filter(|pair| *pair == of).count()
        };
        let [found, missed, alarms, rejected] =
            [(true, true), (false, true), (true, false), (false, false)].map(count);
        let total = costs.total(found, missed, alarms, rejected);
        Self {
            threshold,
            found,
            missed,
            alarms,
            rejected,
            total,
            cost: total / truth.len().max(1) as f64,
        }
    }
}

/// The threshold that costs least.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What outcomes cost.
    pub costs: DecisionCosts,
    /// Number of examples.
    pub examples: usize,
    /// Those for which "yes" is right.
    pub positives: usize,
    /// What comes of the best threshold. Of several that cost the same it is the middle of the widest
    /// range of them: that is the farthest from where it gets worse.
    pub best: ThresholdOutcome,
    /// Bootstrap interval of the best threshold.
    pub interval: Option<Interval>,
    /// What comes of a threshold of one half.
    pub half: ThresholdOutcome,
    /// What the best threshold saves against one half in 1,000 cases like these examples.
    pub saved: f64,
    /// The same on examples that the threshold was not chosen on: the mean over the draws of the
    /// bootstrap, each measured on what it left out. It is less, and nearer to what will come.
    pub saved_elsewhere: Option<f64>,
    /// Bootstrap interval of that.
    pub saved_interval: Option<Interval>,
    /// The best threshold if all probabilities were exactly right.
    pub ideal: Option<f64>,
    /// (threshold, cost for each example) in order of the threshold, in up to 200 points.
    pub curve: Vec<(f64, f64)>,
}

impl Decision {
    /// Finds it, from how probable "yes" is for each example and whether it is so. `None` unless there
    /// are examples of both kinds.
    pub fn new(
        probabilities: &[f32],
        truth: &[bool],
        costs: DecisionCosts,
        rounds: usize,
        seed: u64,
    ) -> Option<Self> {
        let positives = truth.iter().filter(|t| **t).count();
        let examples = truth.len();
        if positives == 0 || positives == examples {
            return None;
        }
        let ranking = Ranking::new(probabilities.iter().copied().zip(truth.iter().copied()));
        let ranges = ranges_of(&ranking, |_| 1, &costs);
        let outcome = |threshold| ThresholdOutcome::new(threshold, probabilities, truth, &costs);
        let (best, half) = (outcome(cheapest(&ranges).middle()), outcome(HALF));
        let (mut thresholds, mut savings) = (Vec::new(), Vec::new());
        each_count(examples, rounds, seed, |counts| {
            let ranges = ranges_of(&ranking, |i| u64::from(counts[i]), &costs);
            let threshold = cheapest(&ranges).middle();
            thresholds.push(threshold);
            let left_out = (0..examples).filter(|i| counts[*i] == 0);
            let saved = left_out.map(|i| {
                let cost = |from: f64| costs.of(f64::from(probabilities[i]) >= from, truth[i]);
                cost(HALF) - cost(threshold)
            });
            savings.extend(mean(saved).map(|saved| CASES * saved));
        });
        let never =
            positives as f64 * costs.miss + (examples - positives) as f64 * costs.correct_rejection;
        let points = ranges.iter().rev();
        let points: Vec<_> = points
            .map(|r| (r.middle(), (never + r.change) / examples as f64))
            .collect();
        Some(Self {
            costs,
            examples,
            positives,
            interval: Interval::of(thresholds, rounds),
            saved: CASES * (half.cost - best.cost),
            best,
            half,
            saved_elsewhere: mean(savings.iter().copied()),
            saved_interval: Interval::of(savings, rounds),
            ideal: costs.ideal_threshold(),
            curve: thin(&points, |p| *p),
        })
    }

    /// The finding in plain words.
    pub fn words(&self) -> String {
        let mut text = format!(
            "\"Yes\" from a probability of {:.2} on costs least: {} for each case, against {} from 0.50 on",
            self.best.threshold,
            numbers::number(self.best.cost),
            numbers::number(self.half.cost)
        );
        if let Some(interval) = self.interval {
            text += &format!(
                " (95 % interval of the threshold from {:.2} to {:.2})",
                interval.low, interval.high
            );
        }
        if let (Some(saved), Some(interval)) = (self.saved_elsewhere, self.saved_interval) {
            text += &format!(
                ". In 1,000 new cases it saves about {} (from {} to {})",
                numbers::number(saved),
                numbers::number(interval.low),
                numbers::number(interval.high)
            );
        }
        text + "."
    }
}

/// Thresholds above `low` and up to `high`, which give the same answers.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
    /// What these answers cost more than to say "no" to all.
    change: f64,
}

impl Range {
    fn middle(&self) -> f64 {
        f64::midpoint(self.low, self.high)
    }
}

/// All thresholds that make a difference, from the highest down. Neighbours that cost the same are one
/// range.
fn ranges_of(ranking: &Ranking, count: impl Fn(usize) -> u64, costs: &DecisionCosts) -> Vec<Range> {
    let per_hit = costs.hit - costs.miss;
    let per_alarm = costs.false_alarm - costs.correct_rejection;
    let mut ranges: Vec<Range> = Vec::new();
    let mut change = 0.0;
    // Where even the surest example is a certain one, "no" to all needs a threshold above 1.
    let mut high = None;
    for step in ranking.steps(count) {
        let low = f64::from(step.threshold);
        let above = high.unwrap_or(if low < 1.0 {
            1.0
        } else {
            f64::from(step.threshold.next_up())
        });
        join(&mut ranges, low, above, change);
        change = step.hits as f64 * per_hit + step.alarms as f64 * per_alarm;
        high = Some(low);
    }
    if let Some(high) = high {
        join(&mut ranges, high.min(0.0), high, change);
    }
    ranges
}

fn join(ranges: &mut Vec<Range>, low: f64, high: f64, change: f64) {
    match ranges.last_mut() {
        Some(last) if last.change == change => last.low = low,
        _ => ranges.push(Range { low, high, change }),
    }
}

/// The widest of the cheapest ranges.
fn cheapest(ranges: &[Range]) -> Range {
    let wide = |r: &Range| r.high - r.low;
    let better =
        |a: &Range, b: &Range| a.change < b.change || (a.change == b.change && wide(a) > wide(b));
    let mut best = ranges[0];
    for range in &ranges[1..] {
        if better(range, &best) {
            best = *range;
        }
    }
    best
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0u32), |(sum, n), v| (sum + v, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests;
