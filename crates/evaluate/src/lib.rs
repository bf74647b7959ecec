//! Metrics of a model on data it has not seen, and charts of them.

mod auroc;
pub mod chart;
mod classification;
mod comparison;
mod multi_label;
mod numbers;
mod regression;
mod retrieval;
mod spans;

pub use auroc::auroc;
pub use classification::{ClassScores, ClassificationReport, argmax};
pub use comparison::{Baseline, Comparison, Pairs, Verdict};
pub use multi_label::MultiLabelReport;
pub use numbers::{grouped, label, number, score};
pub use regression::RegressionReport;
pub use retrieval::{AnswerScores, QueryOutcome, RetrievalReport};
pub use spans::{SpanReport, SpanScore, SpanScores, span_score};
