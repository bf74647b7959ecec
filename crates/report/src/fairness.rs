//! Are groups of people treated alike, and what would it cost to treat them more alike?

use crate::build::Options;
use crate::subject::{Classes, Subject};
use modelwright_data::Content;
use modelwright_evaluate::fairness::{
    Decisions, FairnessReport, Goal, GroupThresholds, Grouping, Limits, Price, ThresholdSearch,
    groupings,
};
use modelwright_evaluate::{Bands, DecisionCosts, Feature};
use modelwright_tasks::{Answers, TaskError, feature_of};
use serde::Serialize;

/// Rates that differ by less than this are taken as alike by the search for thresholds.
const TOLERANCE: f64 = 0.02;
/// In what groups may be made alike.
const GOALS: [Goal; 3] = [
    Goal::DemographicParity,
    Goal::EqualOpportunity,
    Goal::EqualizedOdds,
];

/// The groups of one attribute, or of several together.
#[derive(Debug, Clone, Serialize)]
pub struct Fairness {
    /// Rates and gaps.
    #[serde(flatten)]
    pub report: FairnessReport,
    /// The probability from which the decision is for the class.
    pub threshold: f32,
    /// What thresholds by group would do, for each goal; none where fewer than two groups are large
    /// enough.
    pub mitigation: Vec<Mitigation>,
    /// What a training whose examples are reweighed by this attribute does, if there was one.
    pub reweighed: Option<Price>,
}

/// Thresholds by group and their price.
#[derive(Debug, Clone, Serialize)]
pub struct Mitigation {
    /// The thresholds.
    pub thresholds: GroupThresholds,
    /// Before and after, each example decided by thresholds that it had no part in.
    pub price: Price,
}

/// A decision for or against a class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deciding {
    /// The class.
    pub positive: usize,
    /// The probability from which it is for the class.
    pub threshold: f32,
    /// What errors cost, if that was said.
    pub costs: Option<DecisionCosts>,
}

/// The fairness of decisions by the sensitive columns of `options`.
///
/// # Errors
/// The data has no such columns, or the reweighed model cannot answer.
pub(crate) fn fairness(
    subject: &Subject,
    classes: Classes,
    deciding: Deciding,
    options: &Options,
) -> Result<Vec<Fairness>, TaskError> {
    let features = options
        .sensitive
        .iter()
        .map(|name| column(subject, name))
        .collect::<Result<Vec<Feature>, _>>()?;
    let (truth, probabilities) = classes.against_rest(deciding.positive);
    let decided: Vec<bool> = probabilities
        .iter()
        .map(|p| *p >= deciding.threshold)
        .collect();
    let decisions = Decisions {
        truth: &truth,
        decided: &decided,
        probabilities: &probabilities,
    };
    let cases = Cases {
        truth: &truth,
        probabilities: &probabilities,
        deciding,
    };
    let limits = Limits::default();
    let fair = |grouping: Grouping| -> Result<Fairness, TaskError> {
        Ok(Fairness {
            report: FairnessReport::new(&grouping, &decisions, limits, options.seed),
            threshold: deciding.threshold,
            mitigation: GOALS
                .into_iter()
                .filter_map(|goal| mitigated(goal, &grouping, cases, limits))
                .collect(),
            reweighed: reweighed(subject, &grouping, cases, options)?,
        })
    };
    groupings(&features, &Bands::Auto)
        .into_iter()
        .map(fair)
        .collect()
}

/// Examples that a decision is about.
#[derive(Clone, Copy)]
struct Cases<'a> {
    truth: &'a [bool],
    probabilities: &'a [f32],
    deciding: Deciding,
}

impl Cases<'_> {
    fn search(
        &self,
        goal: Goal,
        grouping: &Grouping,
        rows: &[usize],
        limits: Limits,
    ) -> GroupThresholds {
        let truth: Vec<bool> = rows.iter().map(|i| self.truth[*i]).collect();
        let search = ThresholdSearch {
            goal,
            tolerance: TOLERANCE,
            costs: self
                .deciding
                .costs
                .unwrap_or(DecisionCosts::of_errors(1.0, 1.0)),
            usual: self.deciding.threshold,
            limits,
        };
        GroupThresholds::search(&search, &members(grouping, rows), &truth, &self.sure(rows))
    }

    fn sure(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().map(|i| self.probabilities[*i]).collect()
    }

    /// Each half of the examples decided by thresholds that were chosen on the other (cross-fitting), so
    /// that nothing is measured on examples that it was chosen on.
    fn cross_fitted(&self, goal: Goal, grouping: &Grouping, limits: Limits) -> Vec<bool> {
        let (even, odd): (Vec<usize>, Vec<usize>) =
            (0..self.truth.len()).partition(|i| i.is_multiple_of(2));
        let half = Limits {
            examples: limits.examples / 2,
            outcomes: limits.outcomes / 2,
        };
        let mut all = vec![false; self.truth.len()];
        for (chosen_on, decided) in [(&even, &odd), (&odd, &even)] {
            let thresholds = self.search(goal, grouping, chosen_on, half);
            let made = thresholds.decide(&members(grouping, decided), &self.sure(decided));
            for (i, yes) in decided.iter().zip(made) {
                all[*i] = yes;
            }
        }
        all
    }

    /// All decided alike: from the usual threshold on, or, where errors have a price, from the cheapest
    /// one, which for each half is chosen on the other.
    fn alike(&self) -> Vec<bool> {
        if self.deciding.costs.is_none() {
            let usual = self.deciding.threshold;
            return self.probabilities.iter().map(|p| *p >= usual).collect();
        }
        let everybody = Grouping {
            attribute: String::new(),
            names: vec![String::new()],
            of: vec![0; self.truth.len()],
        };
        let any = Limits {
            examples: 1,
            outcomes: 1,
        };
        self.cross_fitted(Goal::DemographicParity, &everybody, any)
    }

    fn price(&self, grouping: &Grouping, before: &[bool], after: &[bool], limits: Limits) -> Price {
        let price = Price::new(grouping, self.truth, before, after, limits);
        match &self.deciding.costs {
            Some(costs) => price.with_costs(costs, self.truth, before, after),
            None => price,
        }
    }
}

/// Thresholds from all examples, and their price. `None` unless at least two groups are large enough.
fn mitigated(goal: Goal, grouping: &Grouping, cases: Cases, limits: Limits) -> Option<Mitigation> {
    let all: Vec<usize> = (0..cases.truth.len()).collect();
    let thresholds = cases.search(goal, grouping, &all, limits);
    if thresholds.groups.iter().filter(|g| !g.too_small).count() < 2 {
        return None;
    }
    let after = cases.cross_fitted(goal, grouping, limits);
    Some(Mitigation {
        price: cases.price(grouping, &cases.alike(), &after, limits),
        thresholds,
    })
}

/// The price of the model that was trained with reweighed examples, if there is one for this attribute.
fn reweighed(
    subject: &Subject,
    grouping: &Grouping,
    cases: Cases,
    options: &Options,
) -> Result<Option<Price>, TaskError> {
    let mut models = options.reweighed.iter();
    let Some((_, model)) = models.find(|(column, _)| *column == grouping.attribute) else {
        return Ok(None);
    };
    let answers = Answers::new(&**model, subject.dataset, &subject.answers.examples)?;
    let Some(classes) = Classes::of(&answers) else {
        return Ok(None);
    };
    let (_, probabilities) = classes.against_rest(cases.deciding.positive);
    let after = Cases {
        probabilities: &probabilities,
        ..cases
    };
    let limits = Limits::default();
    let price = cases.price(grouping, &cases.alike(), &after.alike(), limits);
    Ok(Some(price))
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
