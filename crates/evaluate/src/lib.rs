//! Metrics of a model on data it has not seen, and charts of them.

pub mod chart;
mod classification;
mod numbers;
mod regression;

pub use classification::{ClassScores, ClassificationReport, argmax};
pub use numbers::{grouped, number, score};
pub use regression::RegressionReport;
