//! Does a model treat groups of people alike? Definitions are Fairlearn's.
//!
//! A decision is positive or not (credit or none), and so is what was true. Each group of a sensitive
//! attribute has its rates, with intervals; differences between groups come with how easily chance
//! makes them; groups that are too small to say anything are listed, but not compared.

mod gaps;
mod groups;
mod price;
mod rates;
mod reweigh;
mod thresholds;

pub use gaps::{Disparity, FourFifths, FourFifthsVerdict, Gap};
pub use groups::{Grouping, groupings};
pub use price::{Effect, Money, Price};
pub use rates::{Decisions, GroupScores, Limits, Metric, Share, wilson};
pub use reweigh::{ReweighedCell, Reweighing};
pub use thresholds::{Goal, GroupThreshold, GroupThresholds, ThresholdSearch};

use crate::chart::{GroupMark, GroupPanel};
use serde::{Deserialize, Serialize};

/// How a model treats the groups of one attribute, or of several together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FairnessReport {
    /// The attribute; several are joined by ` × `.
    pub attribute: String,
    /// What groups must have to be compared.
    pub limits: Limits,
    /// All examples together.
    pub overall: GroupScores,
    /// Each group.
    pub groups: Vec<GroupScores>,
    /// The largest difference between two groups in each rate that at least two of them have.
    pub gaps: Vec<Gap>,
    /// Demographic parity: are the groups selected equally often?
    pub demographic_parity: Option<Disparity>,
    /// Equalized odds: of those who deserve it and of those who do not, are equally many of each group
    /// selected? The worse of the two counts.
    pub equalized_odds: Option<Disparity>,
    /// Equal opportunity: of those who deserve it, are equally many of each group selected?
    pub equal_opportunity: Option<Disparity>,
    /// The four-fifths rule.
    pub four_fifths: FourFifths,
}

impl FairnessReport {
    /// Compares the groups. What chance makes is drawn from `seed`.
    pub fn new(grouping: &Grouping, decisions: &Decisions, limits: Limits, seed: u64) -> Self {
        let all: Vec<usize> = (0..decisions.truth.len()).collect();
        let of = |name: &str, examples: &[usize]| {
            GroupScores::new(name, decisions, examples, limits, seed)
        };
        let members = grouping.members();
        let groups: Vec<GroupScores> = grouping
            .names
            .iter()
            .zip(&members)
            .map(|(name, examples)| of(name, examples))
            .collect();
        let gap = |metric: Metric| Gap::new(metric, &groups, limits, seed);
        let gaps: Vec<Gap> = Metric::ALL.into_iter().filter_map(gap).collect();
        let find = |metric: Metric| gaps.iter().find(|g| g.metric == metric);
        let selection = find(Metric::SelectionRate);
        let hits = find(Metric::TruePositiveRate);
        Self {
            attribute: grouping.attribute.clone(),
            limits,
            overall: of("", &all),
            demographic_parity: selection.map(Gap::disparity),
            equalized_odds: gaps::equalized_odds(&gaps),
            equal_opportunity: hits.map(Gap::disparity),
            four_fifths: FourFifths::new(selection),
            groups,
            gaps,
        }
    }

    /// One of the rates for a [chart of groups](crate::chart::groups()), under a name in the reader's
    /// language.
    pub fn panel(&self, metric: Metric, name: &str) -> GroupPanel {
        let mark = |group: &GroupScores| {
            let share = group.rate(metric);
            Some(GroupMark {
                value: share.value?,
                interval: share.interval,
                faint: !gaps::comparable(group.examples, share, self.limits),
            })
        };
        GroupPanel {
            name: name.into(),
            overall: self.overall.rate(metric).value,
            marks: self.groups.iter().map(mark).collect(),
        }
    }

    /// The groups that are too small to be compared.
    pub fn too_small(&self) -> impl Iterator<Item = &GroupScores> {
        self.groups.iter().filter(|g| g.too_small)
    }
}

#[cfg(test)]
mod tests;
