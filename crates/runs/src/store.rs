//! The run store: one SQLite file beside the run folders.

use crate::error::RunError;
use crate::folder::RunFolder;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    architecture TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    seconds REAL NOT NULL DEFAULT 0,
    recipe TEXT NOT NULL,
    machine TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS epochs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (run, epoch, part, name)
) STRICT;
CREATE TABLE IF NOT EXISTS scores (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY (run, name)
) STRICT;
PRAGMA user_version = 1;
";

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A process works on it.
    Running,
    /// It was stopped, or its process is gone; it can be resumed.
    Interrupted,
    /// It is done.
    Finished,
    /// It ended with an error.
    Failed,
}

impl Status {
    /// The word used in reports and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "running" => Self::Running,
            "finished" => Self::Finished,
            "failed" => Self::Failed,
            _ => Self::Interrupted,
        }
    }
}

/// A run as the store has it.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// Task.
    pub task: String,
    /// Architecture.
    pub architecture: String,
    /// Data source.
    pub source: String,
    /// How it stands.
    pub status: Status,
    /// The error, if it failed.
    pub message: String,
    /// When it was started, RFC 3339.
    pub created: String,
    /// Wall seconds of all its processes.
    pub seconds: f64,
    /// Its recipe, TOML.
    pub recipe: String,
    /// The machine, JSON.
    pub machine: String,
    /// Scores on the test part.
    pub scores: Vec<(String, f64)>,
}

/// What a new run is made of.
pub struct NewRun<'a> {
    /// Start of its name; a number is added.
    pub prefix: &'a str,
    /// Task.
    pub task: &'a str,
    /// Architecture.
    pub architecture: &'a str,
    /// Data source.
    pub source: &'a str,
    /// Machine, JSON.
    pub machine: &'a str,
}

/// One score of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochScore {
    /// Counted from 1.
    pub epoch: usize,
    /// `train` or `validation`.
    pub part: String,
    /// Name.
    pub name: String,
    /// Value; NaN is stored as none.
    pub value: f64,
}

/// The store in a folder of runs.
pub struct Store {
    root: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the store below `root` and makes both if they do not exist.
    pub fn open(root: &Path) -> Result<Self, RunError> {
        std::fs::create_dir_all(root).map_err(|e| RunError::file(root, e))?;
        let path = root.join("modelwright.db");
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = open().map_err(|e| RunError::Store {
            path: path.clone(),
            problem: e.to_string(),
        })?;
        Ok(Self {
            root: root.into(),
            connection,
        })
    }

    /// The folder of a run.
    pub fn folder(&self, id: &str) -> RunFolder {
        RunFolder::new(self.root.join(id))
    }

    /// Adds a run and returns its name: the prefix and the next free number.
    pub fn create(&self, new: &NewRun) -> Result<String, RunError> {
        let created = Timestamp::now().to_string();
        // Two processes may pick the same number; the second insert fails and tries the next.
        for number in 1.. {
            let id = format!("{}-{number}", new.prefix);
            if self.folder(&id).path().exists() {
                continue;
            }
            let inserted = self.connection.execute(
                "INSERT OR IGNORE INTO runs (id, task, architecture, source, status, created, recipe, machine) \
                 VALUES (?, ?, ?, ?, 'running', ?, '', ?)",
                params![id, new.task, new.architecture, new.source, created, new.machine],
            );
            if inserted.map_err(|e| self.error(e))? == 1 {
                return Ok(id);
            }
        }
        Err(self.error("no free run number"))
    }

    /// Stores the complete recipe of a run.
    pub fn set_recipe(&self, id: &str, recipe: &str) -> Result<(), RunError> {
        self.execute(
            "UPDATE runs SET recipe = ? WHERE id = ?",
            params![recipe, id],
        )
    }

    /// Stores how a run stands; `seconds` are added to its time.
    pub fn set_status(
        &self,
        id: &str,
        status: Status,
        message: &str,
        seconds: f64,
    ) -> Result<(), RunError> {
        self.execute(
            "UPDATE runs SET status = ?, message = ?, seconds = seconds + ? WHERE id = ?",
            params![status.name(), message, seconds, id],
        )
    }

    /// Stores the scores of an epoch; a resumed run overwrites its own.
    pub fn set_epoch(
        &self,
        id: &str,
        epoch: usize,
        part: &str,
        scores: &[(String, f64)],
    ) -> Result<(), RunError> {
        for (name, value) in scores {
            self.execute(
                "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?)",
                params![id, epoch as i64, part, name, finite(*value)],
            )?;
        }
        Ok(())
    }

    /// Stores the scores on the test part.
    pub fn set_scores(&self, id: &str, scores: &[(String, f64)]) -> Result<(), RunError> {
        for (position, (name, value)) in scores.iter().enumerate() {
            self.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                params![id, name, position as i64, finite(*value)],
            )?;
        }
        Ok(())
    }

    /// All runs, newest first.
    pub fn list(&self) -> Result<Vec<Run>, RunError> {
        let mut statement = self
            .connection
            .prepare("SELECT * FROM runs ORDER BY created DESC, rowid DESC")
            .map_err(|e| self.error(e))?;
        let runs = statement.query_map([], run_of).map_err(|e| self.error(e))?;
        let runs: Vec<Run> = runs.collect::<Result<_, _>>().map_err(|e| self.error(e))?;
        runs.into_iter().map(|run| self.complete(run)).collect()
    }

    /// One run by name; `latest` is the newest.
    pub fn get(&self, id: &str) -> Result<Run, RunError> {
        let runs = self.list()?;
        if id == "latest"
            && let Some(run) = runs.first()
        {
            return Ok(run.clone());
        }
        let hint = match runs.first() {
            Some(newest) => format!(
                "the newest is `{}` (see `modelwright runs list`)",
                newest.id
            ),
            None => format!("there are no runs in {} yet", self.root.display()),
        };
        let found = runs.into_iter().find(|run| run.id == id);
        found.ok_or_else(|| RunError::NoRun {
            id: id.into(),
            hint,
        })
    }

    /// The scores of all epochs of a run, in order.
    pub fn epochs(&self, id: &str) -> Result<Vec<EpochScore>, RunError> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT epoch, part, name, value FROM epochs WHERE run = ? ORDER BY epoch, rowid",
            )
            .map_err(|e| self.error(e))?;
        let score = |row: &Row| {
            Ok(EpochScore {
                epoch: row.get::<_, i64>(0)? as usize,
                part: row.get(1)?,
                name: row.get(2)?,
                value: row.get::<_, Option<f64>>(3)?.unwrap_or(f64::NAN),
            })
        };
        let rows = statement
            .query_map([id], score)
            .map_err(|e| self.error(e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.error(e))
    }

    /// Removes a run and its folder.
    pub fn remove(&self, id: &str) -> Result<(), RunError> {
        let run = self.get(id)?;
        let folder = self.folder(&run.id);
        if folder.path().exists() {
            let _lock = folder.lock(&run.id)?;
            std::fs::remove_dir_all(folder.path()).map_err(|e| RunError::file(folder.path(), e))?;
        }
        self.execute("DELETE FROM runs WHERE id = ?", params![run.id])
    }

    /// Adds the scores, and corrects the status of a run whose process is gone.
    fn complete(&self, mut run: Run) -> Result<Run, RunError> {
        let mut statement = self
            .connection
            .prepare("SELECT name, value FROM scores WHERE run = ? ORDER BY position")
            .map_err(|e| self.error(e))?;
        let score = |row: &Row| {
            Ok((
                row.get(0)?,
                row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN),
            ))
        };
        let rows = statement
            .query_map([&run.id], score)
            .map_err(|e| self.error(e))?;
        run.scores = rows.collect::<Result<_, _>>().map_err(|e| self.error(e))?;
        if run.status == Status::Running && !self.folder(&run.id).is_locked() {
            run.status = Status::Interrupted;
        }
        Ok(run)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), RunError> {
        self.connection
            .execute(sql, values)
            .map(drop)
            .map_err(|e| self.error(e))
    }

    fn error(&self, problem: impl std::fmt::Display) -> RunError {
        RunError::Store {
            path: self.root.join("modelwright.db"),
            problem: problem.to_string(),
        }
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn run_of(row: &Row) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get("id")?,
        task: row.get("task")?,
        architecture: row.get("architecture")?,
        source: row.get("source")?,
        status: Status::from_name(&row.get::<_, String>("status")?),
        message: row.get("message")?,
        created: row.get("created")?,
        seconds: row.get("seconds")?,
        recipe: row.get("recipe")?,
        machine: row.get("machine")?,
        scores: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(prefix: &str) -> NewRun<'_> {
        NewRun {
            prefix,
            task: "t",
            architecture: "a",
            source: "s",
            machine: "{}",
        }
    }

    #[test]
    fn runs_are_numbered_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.create(&new("iris-mlp")).unwrap(), "iris-mlp-1");
        let id = store.create(&new("iris-mlp")).unwrap();
        assert_eq!(id, "iris-mlp-2");
        store
            .set_scores(&id, &[("b".into(), 0.5), ("a".into(), f64::NAN)])
            .unwrap();
        store
            .set_epoch(&id, 1, "train", &[("loss".into(), 2.0)])
            .unwrap();
        store
            .set_epoch(&id, 1, "train", &[("loss".into(), 1.0)])
            .unwrap();
        let run = store.get("latest").unwrap();
        assert_eq!(
            (run.id.as_str(), run.scores[0].0.as_str()),
            ("iris-mlp-2", "b")
        );
        assert_eq!(store.epochs(&id).unwrap()[0].value, 1.0);
        store.remove(&id).unwrap();
        assert!(store.epochs(&id).unwrap().is_empty());
        let error = store.get(&id).unwrap_err().to_string();
        assert!(error.contains("iris-mlp-1"), "{error}");
    }

    #[test]
    fn a_run_without_its_process_is_interrupted_and_a_locked_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let id = store.create(&new("x")).unwrap();
        let run = store.folder(&id);
        run.create().unwrap();
        assert_eq!(store.get(&id).unwrap().status, Status::Interrupted);
        let lock = run.lock(&id).unwrap();
        assert_eq!(store.get(&id).unwrap().status, Status::Running);
        assert!(matches!(run.lock(&id), Err(RunError::Locked { .. })));
        assert!(matches!(store.remove(&id), Err(RunError::Locked { .. })));
        drop(lock);
        assert!(run.lock(&id).is_ok());
    }
}
