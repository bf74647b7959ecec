//! Putting a report together.

use crate::calibration::Calibration;
use crate::data::DataReport;
use crate::fairness::{Deciding, Fairness, fairness};
use crate::features::features;
use crate::linear::{Beside, Linear, NoLinear};
use crate::report::{About, Against, Cell, ModelCost, Report};
use crate::robustness;
use crate::shown::{Columns, Shown, look, of_class, surest_mistakes};
use crate::simple::{Simple, Way, trivial};
use crate::subject::{Classes, Subject};
use modelwright_data::{Dataset, Part};
use modelwright_evaluate::{
    ClassCurves, ClassifierScores, Comparison, Decision, DecisionCosts, Feature, Interval,
    LearningCurve, Measured, PairedReport, ROUNDS, RegressionScores, SliceReport, SliceSearch,
    amount, intervals as bootstrapped,
};
use modelwright_runs::cost::cost_of_predictions;
use modelwright_runs::{Cost, Rates};
use modelwright_tasks::{Answers, Evaluation, Predictor, TaskError};
use std::collections::BTreeMap;

/// Cells of the confusion matrix that are shown with examples.
const CELLS: usize = 12;
/// Examples of a cell.
const IN_CELL: usize = 6;
/// Wrong answers that are shown.
const WORST: usize = 12;
/// Examples whose prediction is timed.
const TIMED: usize = 256;
/// A classifier with more classes has no curves.
const MOST_CURVES: usize = 10;

/// What a report is to say beside what it always says.
#[derive(Default)]
pub struct Options<'a> {
    /// The command that makes the report.
    pub command: String,
    /// What the report is about.
    pub about: Option<About>,
    /// Which columns are a text and the answer.
    pub columns: Columns<'a>,
    /// The class that a decision is about; of two classes the rarer if nothing is said.
    pub positive: Option<&'a str>,
    /// What errors of the decision cost; equal if nothing is said.
    pub costs: Option<DecisionCosts>,
    /// Columns by which people must not be treated differently.
    pub sensitive: &'a [String],
    /// A second model, and the name of its run.
    pub against: Option<(&'a str, &'a dyn Predictor)>,
    /// Models that were trained with examples reweighed by a sensitive column, and that column.
    pub reweighed: &'a [(String, Box<dyn Predictor>)],
    /// A linear model on the same data.
    pub linear: Option<&'a Linear>,
    /// Why there is none, if there is none.
    pub no_linear: Option<NoLinear>,
    /// Simple models that were measured after the training, if the examples are the same.
    pub simple: Option<&'a Comparison>,
    /// The part of each example, if the data is that of the training.
    pub parts: Option<&'a [Part]>,
    /// The data of the training, if the report is on other data.
    pub reference: Option<&'a Dataset>,
    /// Errors with less data, if they were measured.
    pub learning: Option<LearningCurve>,
    /// What energy and time cost.
    pub rates: Rates,
    /// What the training cost, if it was measured.
    pub training_cost: Option<&'a Cost>,
    /// Seed of all draws.
    pub seed: u64,
}

/// The report on a subject.
///
/// # Errors
/// A column or class that was named is not there, or a picture cannot be read.
pub fn build(subject: &Subject, options: &Options) -> Result<Report, TaskError> {
    let classes = subject.classes();
    let positive = match classes {
        Some(classes) => classes.positive(options.positive)?,
        None => None,
    };
    let decision = classes
        .zip(positive)
        .and_then(|(classes, positive)| decide(classes, positive, options));
    let features = features(&subject.content(), options.columns.text)?;
    let second = |(name, other)| against(subject, name, other, options.seed);
    let linear = options.linear.map(|linear| ("linear", &*linear.predictor));
    let linear = linear.map(second).transpose()?.flatten();
    Ok(Report {
        command: options.command.clone(),
        model: options.about.clone().unwrap_or_default(),
        evaluation: Evaluation::of(&subject.answers),
        intervals: intervals(subject, options.seed),
        simple: simple(subject, options),
        against: options.against.map(second).transpose()?.flatten(),
        linear: linear.map(|against| Beside {
            against,
            side: options.linear.and_then(|linear| linear.side),
        }),
        no_linear: options.no_linear.filter(|_| options.linear.is_none()),
        calibration: classes.map(Calibration::new),
        positive: classes.zip(positive).map(|(c, p)| c.names[p].clone()),
        fairness: fair(subject, positive, decision.as_ref(), options)?,
        decision,
        curves: classes.map_or(Vec::new(), |classes| curves(classes, positive)),
        cells: classes.map_or(Vec::new(), |classes| {
            cells(subject, classes, options.columns)
        }),
        worst: worst(subject, options.columns),
        slices: worst_slices(subject, &features, options),
        robustness: robustness::curves(subject, options.columns.text, options.seed)?,
        data: DataReport::new(subject, &features, options)?,
        learning: options.learning.clone(),
        cost: cost(subject, options)?,
    })
}

/// How groups of people are treated, if that was asked.
fn fair(
    subject: &Subject,
    positive: Option<usize>,
    decision: Option<&Decision>,
    options: &Options,
) -> Result<Vec<Fairness>, TaskError> {
    if options.sensitive.is_empty() {
        return Ok(Vec::new());
    }
    let Some((classes, positive)) = subject.classes().zip(positive) else {
        return Err(TaskError::Asked {
            message: "fairness is measured of a decision for or against a class".into(),
            help: "name the class with --positive; a model without classes has no such decision"
                .into(),
        });
    };
    let cheapest = decision.filter(|_| options.costs.is_some());
    let deciding = Deciding {
        positive,
        threshold: cheapest.map_or(0.5, |d| d.best.threshold as f32),
        costs: options.costs,
    };
    fairness(subject, classes, deciding, options)
}

/// Predictions for some of the examples, again and again, by the clock.
fn cost(subject: &Subject, options: &Options) -> Result<ModelCost, TaskError> {
    let rows = &subject.answers.examples;
    let content = subject
        .dataset
        .content
        .select(&rows[..rows.len().min(TIMED)]);
    let predict = || {
        let place = &subject.dataset.source;
        let answers = subject.predictor.predict(place, &content, 0..content.len());
        answers.map(drop)
    };
    Ok(ModelCost {
        predictions: cost_of_predictions(content.len(), options.rates.clone(), predict)?,
        training: options.training_cost.cloned(),
    })
}

fn intervals(subject: &Subject, seed: u64) -> BTreeMap<String, Interval> {
    let measured = match (scores_of(subject), subject.values()) {
        (Some(scores), _) => bootstrapped(&scores, ROUNDS, seed),
        (None, Some((truth, predicted))) => {
            bootstrapped(&RegressionScores::new(predicted, truth), ROUNDS, seed)
        }
        (None, None) => Vec::new(),
    };
    let known = |m: Measured| Some((m.name, m.interval?));
    measured.into_iter().filter_map(known).collect()
}

fn scores_of(subject: &Subject) -> Option<ClassifierScores> {
    let classes = subject.classes()?;
    let k = classes.names.len();
    Some(ClassifierScores::new(
        k,
        classes.probabilities,
        classes.truth,
    ))
}

fn simple(subject: &Subject, options: &Options) -> Vec<Simple> {
    let trained = options.simple.map_or(&[][..], |c| &c.baselines);
    let of_model = trained.iter().map(|b| Simple {
        way: Way::Model {
            name: b.name.clone(),
        },
        scores: vec![(b.score_name.clone(), b.score)],
    });
    trivial(subject).into_iter().chain(of_model).collect()
}

fn against(
    subject: &Subject,
    name: &str,
    other: &dyn Predictor,
    seed: u64,
) -> Result<Option<Against>, TaskError> {
    let rows = &subject.answers.examples;
    let answers = Answers::new(other, subject.dataset, rows)?;
    if answers.examples != *rows {
        return Err(TaskError::Asked {
            message: format!(
                "{name} does not know all classes of {}",
                subject.dataset.source
            ),
            help: "compare models of the same task and classes".into(),
        });
    }
    let other = Subject {
        predictor: other,
        dataset: subject.dataset,
        answers,
    };
    let paired = match (scores_of(subject), scores_of(&other)) {
        (Some(first), Some(second)) => {
            Some(PairedReport::of_classifiers(&first, &second, ROUNDS, seed))
        }
        _ => subject
            .values()
            .zip(other.values())
            .map(|((truth, first), (_, second))| {
                let scores = |predicted| RegressionScores::new(predicted, truth);
                PairedReport::of_regressions(&scores(first), &scores(second), ROUNDS, seed)
            }),
    };
    Ok(paired.map(|paired| Against {
        other: name.into(),
        paired,
    }))
}

fn decide(classes: Classes, positive: usize, options: &Options) -> Option<Decision> {
    let (truth, probabilities) = classes.against_rest(positive);
    let costs = options.costs.unwrap_or(DecisionCosts::of_errors(1.0, 1.0));
    Decision::new(&probabilities, &truth, costs, ROUNDS, options.seed)
}

fn curves(classes: Classes, positive: Option<usize>) -> Vec<ClassCurves> {
    if let Some(positive) = positive {
        let (truth, probabilities) = classes.against_rest(positive);
        let own = ClassCurves::new(&classes.names[positive], &probabilities, &truth);
        return own.into_iter().collect();
    }
    match classes.names.len() <= MOST_CURVES {
        true => ClassCurves::of_classes(classes.names, classes.probabilities, classes.truth),
        false => Vec::new(),
    }
}

fn cells(subject: &Subject, classes: Classes, columns: Columns) -> Vec<Cell> {
    let mut behind: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    let predicted = classes.predicted();
    for (i, pair) in classes.truth.iter().copied().zip(predicted).enumerate() {
        if pair.0 != pair.1 {
            behind.entry(pair).or_default().push(i);
        }
    }
    let mut cells: Vec<_> = behind.into_iter().collect();
    cells.sort_by_key(|(pair, positions)| (std::cmp::Reverse(positions.len()), *pair));
    let k = classes.names.len();
    let cell = |((truth, predicted), mut positions): ((u32, u32), Vec<usize>)| {
        let sure = |i: &usize| classes.probabilities[i * k + predicted as usize];
        positions.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
        let shown = positions.iter().take(IN_CELL);
        Cell {
            truth: classes.names[truth as usize].clone(),
            predicted: classes.names[predicted as usize].clone(),
            count: positions.len(),
            examples: shown
                .map(|i| of_class(subject, classes, columns, *i))
                .collect(),
        }
    };
    cells.into_iter().take(CELLS).map(cell).collect()
}

fn worst(subject: &Subject, columns: Columns) -> Vec<Shown> {
    if let Some(classes) = subject.classes() {
        let positions = surest_mistakes(classes, WORST);
        return positions
            .into_iter()
            .map(|i| of_class(subject, classes, columns, i))
            .collect();
    }
    let Some((truth, predicted)) = subject.values() else {
        return Vec::new();
    };
    let mut order: Vec<usize> = (0..truth.len()).collect();
    let error = |i: &usize| (truth[*i] - predicted[*i]).abs();
    order.sort_by(|a, b| error(b).total_cmp(&error(a)));
    let shown = |i: usize| {
        let example = subject.answers.examples[i];
        Shown {
            example,
            look: look(subject.dataset, example, columns.text, columns.target),
            truth: amount(truth[i]),
            predicted: amount(predicted[i]),
            probability: None,
        }
    };
    order.into_iter().take(WORST).map(shown).collect()
}

fn worst_slices(subject: &Subject, features: &[Feature], options: &Options) -> Option<SliceReport> {
    let losses = subject.losses();
    if losses.is_empty() {
        return None;
    }
    let known = features.iter();
    let known = known.filter(|f| Some(f.name.as_str()) != options.columns.target);
    let known: Vec<Feature> = known.cloned().collect();
    Some(SliceReport::new(&known, &losses, SliceSearch::default()))
}
