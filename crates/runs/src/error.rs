//! What can go wrong with runs and bundles.

use rusqlite::ErrorCode;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A run or bundle that cannot be read or written; [`RunError::help`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file operation failed.
    #[error("{path}: {problem}")]
    File {
        /// File or folder.
        path: PathBuf,
        /// What happened.
        problem: String,
        /// Its kind.
        reason: Reason,
    },
    /// The run store failed.
    #[error("run store {path}: {problem}")]
    Store {
        /// The database file.
        path: PathBuf,
        /// What happened.
        problem: String,
        /// Its kind.
        reason: Reason,
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
    #[error("run `{id}` is in progress in another process")]
    Locked {
        /// The run.
        id: String,
    },
    /// A setting that makes no sense.
    #[error("{name}: {problem}")]
    Setting {
        /// What it is called where it was given.
        name: String,
        /// What is wrong with it.
        problem: String,
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

/// Why a file or the store failed, as far as it decides what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No space is left, or no more is allowed.
    FullDisk,
    /// This person may not write there, or no file can be there.
    NotAllowed,
    /// Another process is writing to it.
    Busy,
    /// The content is not what it should be.
    Damaged,
    /// Written by a newer version of this program.
    TooNew,
    /// Anything else.
    Other,
}

impl Reason {
    /// The reason behind a failed file operation.
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::FullDisk
            }
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists => Self::NotAllowed,
            _ => Self::Other,
        }
    }

    /// The reason behind a failure of which only the system's or SQLite's text is left.
    fn of_text(problem: &str) -> Self {
        let known = [
            ("No space left", Self::FullDisk),
            ("disk is full", Self::FullDisk),
            ("quota exceeded", Self::FullDisk),
            ("File too large", Self::FullDisk),
            ("Permission denied", Self::NotAllowed),
            ("Read-only file system", Self::NotAllowed),
            ("readonly database", Self::NotAllowed),
            ("unable to open database", Self::NotAllowed),
            ("database is locked", Self::Busy),
        ];
        known
            .into_iter()
            .find(|(text, _)| problem.contains(text))
            .map_or(Self::Other, |(_, reason)| reason)
    }

    fn of_sqlite(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::FullDisk,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Self::NotAllowed
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Other,
        }
    }

    /// What the person can do.
    pub fn help(self) -> Option<&'static str> {
        match self {
            Self::FullDisk => Some(
                "free space on that disk; a training that stopped goes on with `modelwright resume`",
            ),
            Self::NotAllowed => Some(
                "check who may write there, or choose another place (for runs with --runs-dir)",
            ),
            Self::Busy => Some("wait until the other process is done, then try again"),
            Self::Damaged => Some(
                "move the file away; a new one is made, and the run folders with their bundles stay",
            ),
            Self::TooNew => {
                Some("use that newer version, or choose another folder with --runs-dir")
            }
            Self::Other => None,
        }
    }
}

impl RunError {
    /// What the person can do, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::File { reason, .. } | Self::Store { reason, .. } => {
                reason.help().map(String::from)
            }
            Self::NoRun { .. } => Some(
                "list the runs with `modelwright runs list`; --runs-dir names another folder of runs"
                    .into(),
            ),
            Self::Locked { .. } => Some("wait for it, or stop that process first".into()),
            Self::Setting { .. } => None,
            Self::Bundle { .. } => Some(
                "give a run that is finished, or its `bundle` folder, complete and unchanged".into(),
            ),
        }
    }

    /// No store, hence no run, below `root`.
    pub fn no_runs(id: &str, root: &Path) -> Self {
        Self::NoRun {
            id: id.into(),
            hint: format!("there are no runs in {} yet", root.display()),
        }
    }

    /// A failed file operation.
    pub fn io(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.into(),
            reason: Reason::of_io(&error),
            problem: error.to_string(),
        }
    }

    /// Content that cannot be written or drawn.
    pub(crate) fn content(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.into(),
            problem: problem.to_string(),
            reason: Reason::Other,
        }
    }

    /// A failed query.
    pub(crate) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        Self::Store {
            path: path.into(),
            problem: error.to_string(),
            reason: Reason::of_sqlite(error),
        }
    }
}

/// What to do about a failed file operation of which only the text is left, such as an error of an
/// observer that came through the training loop.
pub fn file_help(problem: &str) -> Option<String> {
    Reason::of_text(problem).help().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let full = RunError::io(Path::new("x"), ErrorKind::StorageFull.into());
        assert!(full.help().unwrap().contains("modelwright resume"));
        let denied = RunError::io(Path::new("x"), ErrorKind::PermissionDenied.into());
        assert!(denied.help().unwrap().contains("--runs-dir"));
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        let store = rusqlite::Error::SqliteFailure(code, None);
        assert_eq!(RunError::sqlite(Path::new("x"), &store).help(), full.help());
        assert_eq!(
            file_help("x: No space left on device (os error 28)"),
            full.help()
        );
        assert_eq!(file_help("database or disk is full"), full.help());
        assert_eq!(file_help("something else"), None);
        let locked = RunError::Locked { id: "a".into() };
        assert!(locked.help().unwrap().contains("stop that process"));
        assert!(
            RunError::no_runs("a", Path::new("r"))
                .help()
                .unwrap()
                .contains("runs list")
        );
    }
}
