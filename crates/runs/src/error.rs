//! What can go wrong with runs and bundles.

use std::path::{Path, PathBuf};

/// A run or bundle that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file operation failed.
    #[error("{path}: {problem}")]
    File {
        /// File or folder.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
    /// The run store failed.
    #[error("run store {path}: {problem}")]
    Store {
        /// The database file.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
    /// No run of this name.
    #[error("no run `{id}`; {hint}")]
    NoRun {
        /// As given.
        id: String,
        /// The runs there are.
        hint: String,
    },
    /// Another process works on the run.
    #[error(
        "run `{id}` is in progress in another process; wait for it, or stop that process first"
    )]
    Locked {
        /// The run.
        id: String,
    },
    /// A folder that is no bundle, or a damaged one.
    #[error("{path} is no complete bundle: {problem}")]
    Bundle {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        problem: String,
    },
}

impl RunError {
    pub(crate) fn file(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.into(),
            problem: problem.to_string(),
        }
    }
}
