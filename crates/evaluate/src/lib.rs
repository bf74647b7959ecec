//! Metrics of a model on data it has not seen, and charts of them.

mod auroc;
mod bootstrap;
mod calibration;
mod chance;
pub mod chart;
mod classification;
mod comparison;
mod curves;
mod decision;
mod drift;
pub mod fairness;
mod feature;
mod language;
mod leaks;
mod learning_curve;
mod multi_label;
mod numbers;
mod paired;
mod random;
mod ranking;
mod regression;
mod retrieval;
mod slices;
mod spans;
mod special;
mod suspects;
#[cfg(test)]
mod testing;

pub use auroc::auroc;
pub use bootstrap::{
    ClassifierScores, CountedScores, Interval, Measured, ROUNDS, RegressionScores, bootstrap,
    intervals,
};
pub use calibration::{
    CalibrationReport, ReliabilityBin, TemperatureScaling, fit_temperature, tempered,
};
pub use chance::Correction;
pub use classification::{ClassScores, ClassificationReport, argmax};
pub use comparison::{Baseline, Comparison, Pairs, Verdict};
pub use curves::{ClassCurves, PrecisionRecallPoint, RocPoint};
pub use decision::{Decision, DecisionCosts, ThresholdOutcome};
pub use drift::{ColumnDrift, DriftReport, ShareOfBin, Shift, Tested, VectorDrift, ks, psi};
pub use feature::{Bands, Feature, MISSING, Values};
pub use language::{LanguageReport, PreferenceScores, WrittenScores};
pub use leaks::{
    ColumnFinding, ColumnTrouble, Copies, LeakMeasure, LeakTarget, NearCopy, SimilarSet,
    column_findings, copies, near_copies, picture_key, similar_sets,
};
pub use learning_curve::{ErrorForecast, LearningCurve, LearningPoint, MoreData, PowerLaw};
pub use multi_label::MultiLabelReport;
pub use numbers::{amount, grouped, label, larger_is_better, number, score};
pub use paired::{Better, Difference, McNemar, PairedReport, difference, differences, sign_test};
pub use regression::RegressionReport;
pub use retrieval::{AnswerScores, QueryOutcome, RetrievalReport};
pub use slices::{Condition, Slice, SliceReport, SliceSearch};
pub use spans::{SpanReport, SpanScore, SpanScores, span_score};
pub use suspects::{Suspect, SuspectOrder, Suspects, ranked_suspects};
