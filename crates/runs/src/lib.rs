//! Runs and bundles: the run store (SQLite, one file), the layout of run folders, locks, bundles,
//! model cards and TensorBoard files, and what runs cost. Nothing else writes to these.

mod bundle;
pub mod card;
pub mod cost;
mod differences;
mod error;
mod files;
mod folder;
mod log;
mod machine;
mod recorder;
mod store;
mod tensorboard;

pub use bundle::{Bundle, BundleConfig, CONFIG, LABELS, MODEL, PREPROCESSOR, write_bundle};
pub use card::{Card, Facts};
pub use cost::{Cost, Meter, Rates};
pub use differences::differences;
pub use error::{Reason, RunError, file_help};
pub use files::{NewFile, NewFolder, write_chart, write_file, write_private_file};
pub use folder::{RunFolder, RunLock};
pub use log::LogReader;
pub use machine::{Machine, peak_memory};
pub use recorder::Recorder;
pub use store::{EpochScore, NewRun, Run, Status, Store};
pub use tensorboard::TensorBoard;

/// A result whose error says what was wrong, where, and what to do.
pub type Result<T> = std::result::Result<T, RunError>;
