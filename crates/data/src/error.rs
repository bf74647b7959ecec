//! One error type: what was wrong, where, and what to do about it.

use std::fmt;
use std::path::Path;

/// A problem with data that came from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataError {
    /// File, line, column or row.
    pub place: String,
    /// What was wrong there.
    pub problem: String,
    /// What the person can do.
    pub help: String,
}

impl DataError {
    /// An error at `place`.
    pub fn new(
        place: impl fmt::Display,
        problem: impl fmt::Display,
        help: impl fmt::Display,
    ) -> Self {
        Self {
            place: place.to_string(),
            problem: problem.to_string(),
            help: help.to_string(),
        }
    }

    /// A failed file operation on `path`.
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "check the spelling of the path",
            std::io::ErrorKind::PermissionDenied => "check who may read the file",
            _ => "check the disk and the file, then try again",
        };
        Self::new(path.display(), error, help)
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for DataError {}
