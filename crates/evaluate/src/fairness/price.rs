//! What fairer decisions cost.

use super::gaps::{comparable, extremes};
use super::groups::Grouping;
use super::rates::{Limits, Metric, Share};
use crate::bootstrap::Interval;
use crate::chance::SURE;
use crate::decision::DecisionCosts;
use crate::numbers::number;
use serde::{Deserialize, Serialize};

/// How right and how fair decisions are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Share of right decisions.
    pub accuracy: Share,
    /// Difference of selection rates (demographic parity); `None` without two groups to compare.
    pub demographic_parity: Option<f64>,
    /// The worse of the differences in true and false positive rates (equalized odds).
    pub equalized_odds: Option<f64>,
    /// Difference of true positive rates (equal opportunity).
    pub equal_opportunity: Option<f64>,
    /// Lowest over highest selection rate (four-fifths rule).
    pub selection_ratio: Option<f64>,
}

/// Decisions before and after something was done about unfairness, on the same examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// As it was.
    pub before: Effect,
    /// As it is.
    pub after: Effect,
    /// Accuracy after less accuracy before.
    pub accuracy_change: f64,
    /// Its 95 % interval, from the examples on which only one of the two is right.
    pub accuracy_change_interval: Interval,
    /// The same in what decisions cost, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// Decisions that are others than before.
    pub changed: usize,
}

/// What decisions cost before and after, for each example.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Money {
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// After less before: above 0 fairness costs, below it saves.
    pub change: f64,
    /// Its 95 % interval, from the decisions that are others than before.
    pub interval: Interval,
}

impl Money {
    fn new(costs: &DecisionCosts, truth: &[bool], before: &[bool], after: &[bool]) -> Self {
        let n = truth.len().max(1) as f64;
        let sum = |decided: &[bool]| -> f64 {
            let pairs = decided.iter().zip(truth);
            pairs.map(|(yes, truth)| costs.of(*yes, *truth)).sum()
        };
        let changes = truth.iter().zip(before).zip(after);
        let changes = changes.map(|((t, b), a)| costs.of(*a, *t) - costs.of(*b, *t));
        let squares: f64 = changes.map(|change| change * change).sum();
        let (before, after) = (sum(before) / n, sum(after) / n);
        let change = after - before;
        Self {
            before,
            after,
            change,
            interval: around(change, squares / n, n),
        }
    }
}

/// The 95 % interval of a mean over `n` examples, from it and the mean of the squares.
fn around(mean: f64, squares: f64, n: f64) -> Interval {
    let half = SURE * (squares - mean * mean).max(0.0).sqrt() / n.sqrt();
    Interval {
        low: mean - half,
        high: mean + half,
    }
}

impl Effect {
    /// Of decisions about the examples of a grouping.
    pub fn new(grouping: &Grouping, truth: &[bool], decided: &[bool], limits: Limits) -> Self {
        let members = grouping.members();
        let ends = |metric: Metric| {
            let of = members
                .iter()
                .map(|m| (m.len(), metric.over(truth, decided, m)));
            let kept = of.filter(|(n, share)| comparable(*n, share, limits));
            let rates: Vec<Share> = kept.map(|(_, share)| share).collect();
            let (low, high) = extremes(&rates)?;
            Some((rates[low].value?, rates[high].value?))
        };
        let difference = |metric: Metric| ends(metric).map(|(low, high)| high - low);
        let hits = difference(Metric::TruePositiveRate);
        let alarms = difference(Metric::FalsePositiveRate);
        let all: Vec<usize> = (0..truth.len()).collect();
        Self {
            accuracy: Metric::Accuracy.over(truth, decided, &all),
            demographic_parity: difference(Metric::SelectionRate),
            equalized_odds: hits.zip(alarms).map(|(hits, alarms)| hits.max(alarms)),
            equal_opportunity: hits,
            selection_ratio: ends(Metric::SelectionRate)
                .filter(|(_, high)| *high > 0.0)
                .map(|(low, high)| low / high),
        }
    }
}

impl Price {
    /// Of decisions `before` and `after` about the same examples, which no threshold was chosen and
    /// nothing was trained on.
    pub fn new(
        grouping: &Grouping,
        truth: &[bool],
        before: &[bool],
        after: &[bool],
        limits: Limits,
    ) -> Self {
        let (mut gained, mut lost, mut changed) = (0.0, 0.0, 0);
        for ((truth, before), after) in truth.iter().zip(before).zip(after) {
            match (before == truth, after == truth) {
                (false, true) => gained += 1.0,
                (true, false) => lost += 1.0,
                _ => {}
            }
            changed += usize::from(before != after);
        }
        let n = truth.len().max(1) as f64;
        let change: f64 = (gained - lost) / n;
        Self {
            before: Effect::new(grouping, truth, before, limits),
            after: Effect::new(grouping, truth, after, limits),
            accuracy_change: change,
            // Each example changes by -1, 0 or 1.
            accuracy_change_interval: around(change, (gained + lost) / n, n),
            money: None,
            changed,
        }
    }

    /// With what the same decisions cost.
    pub fn with_costs(
        self,
        costs: &DecisionCosts,
        truth: &[bool],
        before: &[bool],
        after: &[bool],
    ) -> Self {
        Self {
            money: Some(Money::new(costs, truth, before, after)),
            ..self
        }
    }

    /// What it costs, in plain words.
    pub fn words(&self) -> String {
        let points = 100.0 * self.accuracy_change;
        let interval = &self.accuracy_change_interval;
        let cost = match points {
            p if p <= -0.05 => format!("It costs {:.1} points of accuracy", -p),
            p if p >= 0.05 => format!("Accuracy gains {p:.1} points"),
            _ => "Accuracy stays the same".into(),
        };
        let sure = match interval.contains(0.0) {
            true => ", which may be chance",
            false => "",
        };
        let money = match &self.money {
            Some(m) if m.change.abs() >= 1e-9 => {
                let word = if m.change > 0.0 { "costs" } else { "saves" };
                format!(" It {word} {} a case.", number(m.change.abs()))
            }
            Some(_) => " It costs no money.".into(),
            None => String::new(),
        };
        format!("{cost}{sure}; {} decisions change.{money}", self.changed)
    }
}
