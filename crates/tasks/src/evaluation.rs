//! What was measured of a model, whatever its task.

use crate::answers::{AnswerValues, Answers};
use crate::text_classification::{THRESHOLD, as_flags};
use modelwright_evaluate::chart::{Words, confusion, scatter};
use modelwright_evaluate::{
    ClassificationReport, LanguageReport, MultiLabelReport, RegressionReport, RetrievalReport,
    SpanReport,
};
use serde::{Deserialize, Serialize};

/// Metrics of one model on one set of examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evaluation {
    /// Of a classifier.
    Classification(ClassificationReport),
    /// Of a regression.
    Regression(RegressionReport),
    /// Of a classifier that gives any number of labels.
    MultiLabel(MultiLabelReport),
    /// Of a model that finds answers in a text.
    Spans(SpanReport),
    /// Of a model that finds what belongs to a text among many.
    Retrieval(RetrievalReport),
    /// Of a model that writes.
    Language(LanguageReport),
}

impl Evaluation {
    /// Of answers beside the true ones.
    pub fn of(answers: &Answers) -> Self {
        match &answers.values {
            AnswerValues::Classes {
                classes,
                truth,
                probabilities,
            } => Self::Classification(ClassificationReport::new(classes, probabilities, truth)),
            AnswerValues::Values {
                target,
                truth,
                predicted,
            } => Self::Regression(RegressionReport::new(target, predicted, truth)),
            AnswerValues::Sets {
                labels,
                truth,
                probabilities,
                ..
            } => {
                let truth = as_flags(truth, labels.len());
                let report = MultiLabelReport::new(labels, probabilities, &truth, THRESHOLD);
                Self::MultiLabel(report)
            }
            AnswerValues::Texts {
                truth, predicted, ..
            } => Self::Spans(SpanReport::new(predicted, truth)),
        }
    }

    /// The headline numbers, the most important first.
    pub fn scores(&self) -> Vec<(String, f64)> {
        match self {
            Self::Classification(report) => report.scores(),
            Self::Regression(report) => report.scores(),
            Self::MultiLabel(report) => report.scores(),
            Self::Spans(report) => report.scores(),
            Self::Retrieval(report) => report.scores(),
            Self::Language(report) => report.scores(),
        }
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        match self {
            Self::Classification(report) => report.examples,
            Self::Regression(report) => report.examples,
            Self::MultiLabel(report) => report.examples,
            Self::Spans(report) => report.examples,
            Self::Retrieval(report) => report.examples,
            Self::Language(report) => report.examples,
        }
    }

    /// Charts as (file name, SVG).
    pub fn charts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Classification(r) => {
                let title = format!("{} examples, {:.1} % right", r.examples, 100.0 * r.accuracy);
                let words = Words {
                    title: &title,
                    x: "predicted",
                    y: "true",
                };
                vec![("confusion", confusion(&words, &r.classes, &r.confusion))]
            }
            Self::Regression(r) => {
                let title = format!("{} examples, R² {:.3}", r.examples, r.r2);
                vec![("predictions", scatter(&title, &r.target, &r.pairs))]
            }
            Self::MultiLabel(report) => vec![("labels", report.chart())],
            Self::Spans(report) => vec![("answers", report.chart())],
            Self::Retrieval(report) => vec![("retrieval", report.chart())],
            Self::Language(report) => vec![("language", report.chart())],
        }
    }
}
