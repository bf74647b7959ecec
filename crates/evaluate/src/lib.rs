//! Metrics of a model on data it has not seen, and charts of them.

pub mod chart;
mod classification;
mod regression;

pub use classification::{ClassScores, ClassificationReport, argmax};
pub use regression::RegressionReport;
