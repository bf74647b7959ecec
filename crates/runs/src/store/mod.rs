//! The run store: one SQLite file beside the run folders.

mod costs;
mod lifecycle;
mod query;
mod record;
mod schema;
mod scores;

pub use record::{NewRun, Run, Status};
pub use scores::EpochScore;

use crate::error::{Reason, RunError};
use crate::folder::RunFolder;
use rusqlite::{Connection, Params, Row};
use schema::{VERSION, migrate};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database file.
const FILE: &str = "modelwright.db";

/// The store in a folder of runs.
pub struct Store {
    root: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the store below `root` and makes both if they do not exist. What was made is removed
    /// again if it cannot be used.
    pub fn open(root: &Path) -> Result<Self, RunError> {
        let made_root = !root.exists();
        std::fs::create_dir_all(root).map_err(|e| RunError::io(root, e))?;
        Self::connect(root).inspect_err(|_| {
            let path = root.join(FILE);
            // An empty database is one that could not be set up. Nothing can be done if it stays,
            // and the error to report is the first; a folder that is not empty is not removed.
            if path.metadata().is_ok_and(|m| m.len() == 0) {
                let _ = std::fs::remove_file(&path);
            }
            if made_root {
                let _ = std::fs::remove_dir(root);
            }
        })
    }

    /// Opens the store below `root` if there is one; nothing is made.
    pub fn open_existing(root: &Path) -> Result<Option<Self>, RunError> {
        match root.join(FILE).exists() {
            true => Self::connect(root).map(Some),
            false => Ok(None),
        }
    }

    fn connect(root: &Path) -> Result<Self, RunError> {
        let path = root.join(FILE);
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let mut connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "foreign_keys", true)?;
            let version = migrate(&mut connection)?;
            if version == VERSION {
                connection.pragma_update(None, "journal_mode", "WAL")?;
            }
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(|e| RunError::sqlite(&path, &e))?;
        if version != VERSION {
            return Err(RunError::Store {
                path,
                problem: format!(
                    "a newer version of this program wrote it (layout {version}; this one knows \
                     those up to {VERSION})"
                ),
                reason: Reason::TooNew,
            });
        }
        Ok(Self {
            root: root.into(),
            connection,
        })
    }

    /// The folder of a run.
    pub fn folder(&self, id: &str) -> RunFolder {
        RunFolder::new(self.root.join(id))
    }

    /// What `read` makes of each row that a query gives.
    fn rows<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, RunError> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map(values, read)?.collect()
        };
        rows().map_err(|e| self.error(&e))
    }

    fn execute(&self, sql: &str, values: impl Params) -> Result<(), RunError> {
        let done = self.connection.execute(sql, values);
        done.map(drop).map_err(|e| self.error(&e))
    }

    /// All that `work` writes, or nothing.
    fn transaction(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), RunError> {
        let all = || -> rusqlite::Result<()> {
            // Unchecked only in that it is not nested in another, and none is open here.
            let transaction = self.connection.unchecked_transaction()?;
            work(&transaction)?;
            transaction.commit()
        };
        all().map_err(|e| self.error(&e))
    }

    fn error(&self, error: &rusqlite::Error) -> RunError {
        RunError::sqlite(&self.root.join(FILE), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_by_looking_or_by_failing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("runs");
        assert!(Store::open_existing(&root).unwrap().is_none());
        assert!(!root.exists());
        // A folder in the place of the database.
        std::fs::create_dir_all(root.join(FILE)).unwrap();
        assert!(Store::open(&root).is_err());
        std::fs::remove_dir(root.join(FILE)).unwrap();
        assert!(Store::open(&root).is_ok());
    }
}
