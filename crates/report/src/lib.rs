//! What is known of a model on some data, as JSON and as one page that a product manager can put before
//! a board: how good it is and how sure that is, whether its probabilities come true, where it is worse,
//! whether it treats people alike, and what is wrong with the data.
//!
//! [`Subject`] asks the model, [`build`] has crate `evaluate` compute, [`page`] shows it in English or
//! Chinese.

mod again;
mod build;
mod calibration;
mod card;
mod data;
mod fairness;
mod features;
mod findings;
mod learning;
mod linear;
mod near;
mod of_run;
mod page;
mod report;
mod reweigh;
mod robustness;
mod shown;
mod simple;
mod subject;
mod words;

pub use again::Again;
pub use build::{Options, build};
pub use calibration::Calibration;
pub use card::{Stored, write_report, write_temperature};
pub use data::{DataReport, PARTS, SharedExamples, SuspectLabels};
pub use fairness::{Fairness, Mitigation};
pub use features::{MEASURED, features};
pub use learning::learning_curve;
pub use linear::{Beside, Linear, NoLinear, linear_model};
pub use modelwright_words::Lang;
pub use near::NearPair;
pub use of_run::{SEED, Wishes, of_run};
pub use page::{content, page};
pub use report::{About, Against, Cell, Finding, ModelCost, Report, Weight};
pub use reweigh::reweighed_model;
pub use robustness::{Damage, RobustnessCurve, STRENGTHS};
pub use shown::{Columns, Look, Shown};
pub use simple::{Simple, Way};
pub use subject::{Classes, Subject};
pub use words::{plain, score_name, seen};
