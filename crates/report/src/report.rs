//! What is known of a model on some data.

use crate::calibration::Calibration;
use crate::data::DataReport;
use crate::fairness::Fairness;
use crate::linear::{Beside, NoLinear};
use crate::page::Voice;
use crate::robustness::RobustnessCurve;
use crate::shown::Shown;
use crate::simple::Simple;
use modelwright_evaluate::{
    ClassCurves, Decision, Interval, LearningCurve, PairedReport, SliceReport,
};
use modelwright_runs::Cost;
use modelwright_tasks::Evaluation;
use serde::Serialize;
use std::collections::BTreeMap;

/// A report. Sections that do not apply to the model or were not asked for are absent.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The command that makes it again.
    pub command: String,
    /// What it is about.
    pub model: About,
    /// All metrics.
    pub evaluation: Evaluation,
    /// 95 % bootstrap intervals of scores, by their names.
    pub intervals: BTreeMap<String, Interval>,
    /// The same scores of the simplest answers.
    pub simple: Vec<Simple>,
    /// A second model on the same examples.
    pub against: Option<Against>,
    /// A linear model on the same examples, if one was trained.
    pub linear: Option<Beside>,
    /// Why there is none, if that is known.
    pub no_linear: Option<NoLinear>,
    /// Whether probabilities come true.
    pub calibration: Option<Calibration>,
    /// The class that a yes-or-no decision is about.
    pub positive: Option<String>,
    /// The cheapest threshold of that decision.
    pub decision: Option<Decision>,
    /// ROC and precision-recall curves.
    pub curves: Vec<ClassCurves>,
    /// Examples behind the cells of the confusion matrix off its diagonal, the fullest first.
    pub cells: Vec<Cell>,
    /// Wrong answers of which the model was most sure, or those farthest off.
    pub worst: Vec<Shown>,
    /// Groups of examples on which the model is worse than elsewhere.
    pub slices: Option<SliceReport>,
    /// Scores on damaged inputs.
    pub robustness: Vec<RobustnessCurve>,
    /// How groups of people are treated.
    pub fairness: Vec<Fairness>,
    /// What is wrong, or other than it was, with the data.
    pub data: DataReport,
    /// Whether more data would help.
    pub learning: Option<LearningCurve>,
    /// What predictions and the training cost.
    pub cost: ModelCost,
}

/// The model and the examples.
#[derive(Debug, Clone, Default, Serialize)]
pub struct About {
    /// The run that made it.
    pub run: String,
    /// Its task.
    pub task: String,
    /// Its architecture.
    pub architecture: String,
    /// The data as it was named.
    pub source: String,
    /// Which part of the data, or `all`.
    pub part: String,
}

/// Two models on the same examples.
#[derive(Debug, Clone, Serialize)]
pub struct Against {
    /// The run of the other model.
    pub other: String,
    /// The tests; the model of the report is the first.
    #[serde(flatten)]
    pub paired: PairedReport,
}

/// Examples of one class that were taken for another.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// The true class.
    pub truth: String,
    /// The answer.
    pub predicted: String,
    /// How many there are.
    pub count: usize,
    /// Some of them, the surest first.
    pub examples: Vec<Shown>,
}

/// What the model costs on the machine that made the report.
#[derive(Debug, Clone, Serialize)]
pub struct ModelCost {
    /// Of 1,000 predictions, in batches.
    pub predictions: Cost,
    /// Of the training, if that was measured.
    pub training: Option<Cost>,
}

/// Something that the first page says.
#[derive(Debug, Clone)]
pub struct Finding {
    weight: Weight,
    key: &'static str,
    args: Vec<(&'static str, String)>,
}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Nothing to worry about.
    Good,
    /// To be looked at.
    Warn,
    /// To be mended before the model is used.
    Bad,
}

impl Finding {
    /// A finding in the words of a key.
    pub fn new(weight: Weight, key: &'static str, args: Vec<(&'static str, String)>) -> Self {
        Self { weight, key, args }
    }

    /// What comes first on the page has the lowest number.
    pub(crate) fn urgency(&self) -> u8 {
        match self.weight {
            Weight::Bad => 0,
            Weight::Warn => 1,
            Weight::Good => 2,
        }
    }

    /// The class of its line.
    pub(crate) fn weight(&self) -> &'static str {
        match self.weight {
            Weight::Good => "good",
            Weight::Warn => "warn",
            Weight::Bad => "bad",
        }
    }

    /// In the language of the page.
    pub(crate) fn words(&self, voice: Voice) -> String {
        let args: Vec<(&str, modelwright_words::Value)> = self
            .args
            .iter()
            .map(|(name, value)| (*name, value as modelwright_words::Value))
            .collect();
        voice.tr(self.key, &args)
    }
}
