//! Are groups of people treated alike, and what would it cost to treat them more alike?

use crate::subject::{Classes, Subject};
use modelwright_data::Content;
use modelwright_evaluate::fairness::{
    Decisions, FairnessReport, Goal, GroupThresholds, Grouping, Limits, Price, groupings,
};
use modelwright_evaluate::{Bands, Feature};
use modelwright_tasks::{TaskError, feature_of};
use serde::Serialize;

/// Rates that differ by less than this are taken as alike by the search for thresholds.
const TOLERANCE: f64 = 0.02;

/// The groups of one attribute, or of several together.
#[derive(Debug, Clone, Serialize)]
pub struct Fairness {
    /// Rates and gaps.
    #[serde(flatten)]
    pub report: FairnessReport,
    /// What thresholds by group would do, for each goal; none where fewer than two groups are large
    /// enough.
    pub mitigation: Vec<Mitigation>,
}

/// Thresholds by group and their price.
#[derive(Debug, Clone, Serialize)]
pub struct Mitigation {
    /// The thresholds.
    pub thresholds: GroupThresholds,
    /// Before and after, each example decided by thresholds that it had no part in.
    pub price: Price,
}

/// The fairness of decisions for class `positive`, taken from probability `threshold` on.
///
/// # Errors
/// The data has no such columns.
pub fn fairness(
    subject: &Subject,
    classes: Classes,
    positive: usize,
    threshold: f32,
    sensitive: &[String],
    seed: u64,
) -> Result<Vec<Fairness>, TaskError> {
    let features = sensitive
        .iter()
        .map(|name| column(subject, name))
        .collect::<Result<Vec<Feature>, _>>()?;
    let (truth, probabilities) = classes.against_rest(positive);
    let decided: Vec<bool> = probabilities.iter().map(|p| *p >= threshold).collect();
    let decisions = Decisions {
        truth: &truth,
        decided: &decided,
        probabilities: &probabilities,
    };
    let limits = Limits::default();
    let fair = |grouping: Grouping| Fairness {
        report: FairnessReport::new(&grouping, &decisions, limits, seed),
        mitigation: [
            Goal::DemographicParity,
            Goal::EqualOpportunity,
            Goal::EqualizedOdds,
        ]
        .into_iter()
        .filter_map(|goal| mitigated(goal, &grouping, &decisions, threshold, limits))
        .collect(),
    };
    Ok(groupings(&features, &Bands::Auto)
        .into_iter()
        .map(fair)
        .collect())
}

/// Thresholds from all examples, and what they cost: there, each half of the examples is decided by
/// thresholds that were chosen on the other (cross-fitting), so that nothing is measured on examples
/// that it was chosen on. `None` unless at least two groups are large enough.
fn mitigated(
    goal: Goal,
    grouping: &Grouping,
    decisions: &Decisions,
    threshold: f32,
    limits: Limits,
) -> Option<Mitigation> {
    let search = |rows: &[usize], limits: Limits| {
        let truth: Vec<bool> = rows.iter().map(|i| decisions.truth[*i]).collect();
        let sure: Vec<f32> = rows.iter().map(|i| decisions.probabilities[*i]).collect();
        let grouping = members(grouping, rows);
        GroupThresholds::search(goal, &grouping, &truth, &sure, threshold, TOLERANCE, limits)
    };
    let all: Vec<usize> = (0..decisions.truth.len()).collect();
    let thresholds = search(&all, limits);
    if thresholds.groups.iter().filter(|g| !g.too_small).count() < 2 {
        return None;
    }
    let half_limits = Limits {
        examples: limits.examples / 2,
        outcomes: limits.outcomes / 2,
    };
    let (even, odd): (Vec<usize>, Vec<usize>) = all.iter().partition(|i| *i % 2 == 0);
    let mut after = vec![false; all.len()];
    for (chosen_on, decided) in [(&even, &odd), (&odd, &even)] {
        let sure: Vec<f32> = decided
            .iter()
            .map(|i| decisions.probabilities[*i])
            .collect();
        let made = search(chosen_on, half_limits).decide(&members(grouping, decided), &sure);
        for (i, yes) in decided.iter().zip(made) {
            after[*i] = yes;
        }
    }
    Some(Mitigation {
        price: Price::new(grouping, decisions.truth, decisions.decided, &after, limits),
        thresholds,
    })
}

/// The groups of some of the examples.
fn members(grouping: &Grouping, rows: &[usize]) -> Grouping {
    Grouping {
        of: rows.iter().map(|i| grouping.of[*i]).collect(),
        ..grouping.clone()
    }
}

fn column(subject: &Subject, name: &str) -> Result<Feature, TaskError> {
    let Content::Table(table) = &subject.dataset.content else {
        return Err(TaskError::Asked {
            message: format!(
                "{} has no columns, so none can be sensitive",
                subject.dataset.source
            ),
            help: "give --sensitive with tables only".into(),
        });
    };
    let column = table
        .require(name, &subject.dataset.source)
        .map_err(TaskError::from)?;
    Ok(feature_of(column).of(&subject.answers.examples))
}
