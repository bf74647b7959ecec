//! Thresholds for each group, chosen so that the groups are treated alike (Hardt et al. 2016).

use super::groups::Grouping;
use super::rates::Limits;
use crate::decision::DecisionCosts;
use serde::{Deserialize, Serialize};

/// Steps of what all groups are to have, in one rate.
const STEPS: usize = 200;
/// The same where two rates count.
const COARSE_STEPS: usize = 60;
/// Most thresholds of a group that are tried.
const MAX_POINTS: usize = 200;

/// In what the groups are to be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Equal selection rates.
    DemographicParity,
    /// Equal true positive rates.
    EqualOpportunity,
    /// Equal true and false positive rates, as far as thresholds go.
    EqualizedOdds,
}

/// What thresholds by group are to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdSearch {
    /// In what the groups are to be alike.
    pub goal: Goal,
    /// Rates that differ by no more than this are taken as alike.
    pub tolerance: f64,
    /// What decisions cost; with equal costs of both errors, the least cost has the most right ones.
    pub costs: DecisionCosts,
    /// The threshold of groups that are too small to choose one.
    pub usual: f32,
    /// What groups must have.
    pub limits: Limits,
}

/// Thresholds by group.
///
/// They use the sensitive attribute at the time of the decision, which the law of some places forbids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupThresholds {
    /// In what the groups were to be alike.
    pub goal: Goal,
    /// The threshold of each group.
    pub groups: Vec<GroupThreshold>,
    /// For examples of groups that were not known.
    pub otherwise: f32,
    /// The largest difference between groups that is left on the examples of the search.
    pub difference: f64,
}

/// The threshold of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupThreshold {
    /// Name of the group.
    pub name: String,
    /// The probability from which the decision is positive.
    pub threshold: f32,
    /// Whether the threshold was left as it was, because the group is too small to choose one.
    pub too_small: bool,
}

/// What one threshold does to a group.
#[derive(Debug, Clone, Copy)]
struct Point {
    threshold: f32,
    /// One or two rates, those of the goal.
    rates: [f64; 2],
    /// What the decisions about all of the group cost.
    cost: f64,
}

impl GroupThresholds {
    /// Searches among thresholds those of the least cost whose groups differ by no more than the
    /// tolerance in what the goal asks for; if there are none, those that differ least. Groups below
    /// the limits keep the usual threshold.
    ///
    /// The search needs examples that the model was not trained on; its price is to be measured on
    /// others than these, see [`Price`](super::Price).
    pub fn search(
        search: &ThresholdSearch,
        grouping: &Grouping,
        truth: &[bool],
        probabilities: &[f32],
    ) -> Self {
        let ThresholdSearch { goal, usual, .. } = *search;
        let curve = |members: Vec<usize>| {
            let of = |i: usize| (probabilities[i], truth[i]);
            let examples: Vec<(f32, bool)> = members.into_iter().map(of).collect();
            large_enough(goal, &examples, search.limits).then(|| points(search, examples))
        };
        let curves: Vec<Option<Vec<Point>>> = grouping.members().into_iter().map(curve).collect();
        let large: Vec<&Vec<Point>> = curves.iter().flatten().collect();
        let (difference, chosen) = best(goal, &large, search.tolerance).unwrap_or_default();
        let mut chosen = chosen.into_iter();
        let groups = grouping.names.iter().zip(&curves).map(|(name, curve)| {
            let own = curve.as_ref().and_then(|_| chosen.next());
            GroupThreshold {
                name: name.clone(),
                threshold: own.unwrap_or(usual),
                too_small: own.is_none(),
            }
        });
        Self {
            goal,
            groups: groups.collect(),
            otherwise: usual,
            difference,
        }
    }

    /// Decides about examples; groups are known by their names.
    pub fn decide(&self, grouping: &Grouping, probabilities: &[f32]) -> Vec<bool> {
        let of_name = |name: &String| {
            let known = self.groups.iter().find(|g| g.name == *name);
            known.map_or(self.otherwise, |g| g.threshold)
        };
        let thresholds: Vec<f32> = grouping.names.iter().map(of_name).collect();
        let pairs = grouping.of.iter().zip(probabilities);
        pairs
            .map(|(group, p)| *p >= thresholds[*group as usize])
            .collect()
    }
}

/// Whether the rates of the goal are over enough examples.
fn large_enough(goal: Goal, examples: &[(f32, bool)], limits: Limits) -> bool {
    let positives = examples.iter().filter(|e| e.1).count();
    let negatives = examples.len() - positives;
    let outcomes = limits.outcomes.max(1);
    examples.len() >= limits.examples.max(1)
        && match goal {
            Goal::DemographicParity => true,
            Goal::EqualOpportunity => positives >= outcomes,
            Goal::EqualizedOdds => positives.min(negatives) >= outcomes,
        }
}

/// What each threshold of a group does, from the one that selects nobody to the one that selects all.
fn points(search: &ThresholdSearch, mut examples: Vec<(f32, bool)>) -> Vec<Point> {
    let costs = &search.costs;
    examples.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = examples.iter().filter(|e| e.1).count();
    let negatives = examples.len() - positives;
    let rate = |n: usize, of: usize| n as f64 / of.max(1) as f64;
    let at = |threshold: f32, hits: usize, alarms: usize| Point {
        threshold,
        rates: match search.goal {
            Goal::DemographicParity => [rate(hits + alarms, examples.len()), 0.0],
            Goal::EqualOpportunity => [rate(hits, positives), 0.0],
            Goal::EqualizedOdds => [rate(hits, positives), rate(alarms, negatives)],
        },
        cost: costs.total(hits, positives - hits, alarms, negatives - alarms),
    };
    let top = examples.first().map_or(1.0, |e| e.0);
    let mut points = vec![at(top.next_up(), 0, 0)];
    let (mut hits, mut alarms) = (0, 0);
    let tied = examples.chunk_by(|a, b| a.0 == b.0);
    let levels: Vec<&[(f32, bool)]> = tied.collect();
    for (i, level) in levels.iter().enumerate() {
        let own = level.iter().filter(|e| e.1).count();
        hits += own;
        alarms += level.len() - own;
        // Half way to the next lower one, so that new examples fall on either side alike.
        let next = levels.get(i + 1).map_or(0.0, |l| l[0].0);
        points.push(at(f32::midpoint(level[0].0, next), hits, alarms));
    }
    let every = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len() - 1;
    let kept = points.into_iter().enumerate();
    kept.filter(|(i, _)| i % every == 0 || *i == last)
        .map(|(_, point)| point)
        .collect()
}

/// The difference that is left and the threshold of each curve; `None` without a curve.
fn best(goal: Goal, curves: &[&Vec<Point>], tolerance: f64) -> Option<(f64, Vec<f32>)> {
    let mut best: Option<(f64, f64, Vec<f32>)> = None;
    for target in targets(goal) {
        let chosen: Vec<&Point> = curves
            .iter()
            .filter_map(|curve| nearest(curve, target, tolerance / 2.0))
            .collect();
        let cost: f64 = chosen.iter().map(|p| p.cost).sum();
        let difference = difference(&chosen);
        let better = best.as_ref().is_none_or(|(least, cheapest, _)| {
            match (difference <= tolerance, *least <= tolerance) {
                (true, true) => cost < *cheapest,
                (false, false) => (difference, cost) < (*least, *cheapest),
                (now, _) => now,
            }
        });
        if better && !chosen.is_empty() {
            let thresholds = chosen.iter().map(|p| p.threshold).collect();
            best = Some((difference, cost, thresholds));
        }
    }
    best.map(|(difference, _, thresholds)| (difference, thresholds))
}

/// The rates that all groups might be brought near to.
fn targets(goal: Goal) -> Vec<[f64; 2]> {
    let step = |i: usize, of: usize| i as f64 / of as f64;
    match goal {
        Goal::DemographicParity | Goal::EqualOpportunity => {
            (0..=STEPS).map(|i| [step(i, STEPS), 0.0]).collect()
        }
        Goal::EqualizedOdds => (0..=COARSE_STEPS)
            .flat_map(|i| (0..=i).map(move |j| [step(i, COARSE_STEPS), step(j, COARSE_STEPS)]))
            .collect(),
    }
}

/// The cheapest point among those within a distance of the target; without any, the nearest.
fn nearest(curve: &[Point], target: [f64; 2], within: f64) -> Option<&Point> {
    let away = |p: &Point| {
        let [one, other] = [0, 1].map(|i: usize| (p.rates[i] - target[i]).abs());
        one.max(other)
    };
    let near = curve.iter().filter(|p| away(p) <= within + 1e-12);
    // Of several that cost the same the last counts.
    let best = near.max_by(|a, b| b.cost.total_cmp(&a.cost));
    best.or_else(|| {
        curve
            .iter()
            .min_by(|a, b| away(a).total_cmp(&away(b)).then(a.cost.total_cmp(&b.cost)))
    })
}

/// The largest difference between any two in the worse of their rates.
fn difference(points: &[&Point]) -> f64 {
    let spread = |rate: usize| {
        let rates = || points.iter().map(|p| p.rates[rate]);
        rates().fold(0.0, f64::max) - rates().fold(1.0, f64::min)
    };
    spread(0).max(spread(1)).max(0.0)
}
