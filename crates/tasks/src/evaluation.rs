//! What was measured of a model, whatever its task.

use modelwright_evaluate::chart::{Words, confusion, scatter};
use modelwright_evaluate::{
    ClassificationReport, MultiLabelReport, RegressionReport, RetrievalReport, SpanReport,
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
}

impl Evaluation {
    /// The headline numbers, the most important first.
    pub fn scores(&self) -> Vec<(String, f64)> {
        match self {
            Self::Classification(report) => report.scores(),
            Self::Regression(report) => report.scores(),
            Self::MultiLabel(report) => report.scores(),
            Self::Spans(report) => report.scores(),
            Self::Retrieval(report) => report.scores(),
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
        }
    }
}
