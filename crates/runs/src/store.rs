//! The run store: one SQLite file beside the run folders.

use crate::error::{Reason, RunError};
use crate::folder::RunFolder;
use jiff::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database file.
const FILE: &str = "modelwright.db";
/// The current schema, as the database's `user_version`.
const VERSION: i64 = 2;
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
    live_seconds REAL NOT NULL DEFAULT 0,
    recipe TEXT NOT NULL,
    machine TEXT NOT NULL,
    scored_on TEXT NOT NULL DEFAULT ''
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
";
/// Columns that version 1 of the table of runs did not have.
const ADDED_IN_2: [(&str, &str); 2] = [
    ("live_seconds", "REAL NOT NULL DEFAULT 0"),
    ("scored_on", "TEXT NOT NULL DEFAULT ''"),
];

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
    /// Wall seconds of its processes that have ended; of one that was killed, those up to its last
    /// checkpoint.
    pub seconds: f64,
    /// Wall seconds up to the last checkpoint of the process that works on it now.
    pub live_seconds: f64,
    /// Its recipe, TOML.
    pub recipe: String,
    /// The machine, JSON.
    pub machine: String,
    /// The part of the data that the scores are on; empty if there are none, or if they were stored
    /// before parts were.
    pub scored_on: String,
    /// Scores of the finished model.
    pub scores: Vec<(String, f64)>,
}

impl Run {
    /// Wall seconds so far.
    pub fn total_seconds(&self) -> f64 {
        self.seconds + self.live_seconds
    }
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
    /// The complete recipe, TOML.
    pub recipe: &'a str,
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

    /// Adds a run and returns its name: the prefix and the next free number.
    pub fn create(&self, new: &NewRun) -> Result<String, RunError> {
        let created = Timestamp::now().to_string();
        let mut number = 0u64;
        // Two processes may pick the same number; the second insert fails and tries the next.
        loop {
            number += 1;
            let id = format!("{}-{number}", new.prefix);
            if self.folder(&id).path().exists() {
                continue;
            }
            let inserted = self.connection.execute(
                "INSERT OR IGNORE INTO runs (id, task, architecture, source, status, created, recipe, machine) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    id,
                    new.task,
                    new.architecture,
                    new.source,
                    Status::Running.name(),
                    created,
                    new.recipe,
                    new.machine
                ],
            );
            if inserted.map_err(|e| self.error(&e))? == 1 {
                return Ok(id);
            }
        }
    }

    /// Stores how a run stands. `seconds` are the time of the process that says so, which are added
    /// to the run's; a process that takes the run up ([`Status::Running`]) adds what the one before
    /// it, if it was killed, had stored with [`Store::set_live_seconds`].
    pub fn set_status(
        &self,
        id: &str,
        status: Status,
        message: &str,
        seconds: f64,
    ) -> Result<(), RunError> {
        let left = match status {
            Status::Running => "live_seconds",
            // The process has counted its own time to the end.
            _ => "0",
        };
        self.execute(
            &format!(
                "UPDATE runs SET status = ?, message = ?, seconds = seconds + {left} + ?, \
                 live_seconds = 0 WHERE id = ?"
            ),
            params![status.name(), message, seconds, id],
        )
    }

    /// Stores the time of the process at work so far, so that it is not lost if it is killed.
    pub fn set_live_seconds(&self, id: &str, seconds: f64) -> Result<(), RunError> {
        self.execute(
            "UPDATE runs SET live_seconds = ? WHERE id = ?",
            params![seconds, id],
        )
    }

    /// Stores the scores of an epoch, by part, all or none; a resumed run overwrites its own.
    pub fn set_epoch(
        &self,
        id: &str,
        epoch: usize,
        parts: &[(&str, &[(String, f64)])],
    ) -> Result<(), RunError> {
        let store = || -> rusqlite::Result<()> {
            // Unchecked only in that it is not nested in another, and none is open here.
            let transaction = self.connection.unchecked_transaction()?;
            for (part, scores) in parts {
                for (name, value) in *scores {
                    transaction.execute(
                        "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?)",
                        params![id, epoch as i64, part, name, finite(*value)],
                    )?;
                }
            }
            transaction.commit()
        };
        store().map_err(|e| self.error(&e))
    }

    /// Stores the scores of the finished model on the part `scored_on`, in place of earlier ones.
    pub fn set_scores(
        &self,
        id: &str,
        scored_on: &str,
        scores: &[(String, f64)],
    ) -> Result<(), RunError> {
        let store = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute(
                "UPDATE runs SET scored_on = ? WHERE id = ?",
                params![scored_on, id],
            )?;
            transaction.execute("DELETE FROM scores WHERE run = ?", params![id])?;
            for (position, (name, value)) in scores.iter().enumerate() {
                transaction.execute(
                    "INSERT INTO scores VALUES (?, ?, ?, ?)",
                    params![id, name, position as i64, finite(*value)],
                )?;
            }
            transaction.commit()
        };
        store().map_err(|e| self.error(&e))
    }

    /// All runs, newest first.
    pub fn list(&self) -> Result<Vec<Run>, RunError> {
        let mut statement = self
            .connection
            .prepare("SELECT * FROM runs ORDER BY created DESC, rowid DESC")
            .map_err(|e| self.error(&e))?;
        let runs = statement
            .query_map([], run_of)
            .map_err(|e| self.error(&e))?;
        let runs: Vec<Run> = runs.collect::<Result<_, _>>().map_err(|e| self.error(&e))?;
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
            Some(newest) => format!("the newest is `{}`", newest.id),
            None => return Err(RunError::no_runs(id, &self.root)),
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
            .map_err(|e| self.error(&e))?;
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
            .map_err(|e| self.error(&e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.error(&e))
    }

    /// Removes a run and its folder.
    pub fn remove(&self, id: &str) -> Result<(), RunError> {
        let run = self.get(id)?;
        let folder = self.folder(&run.id);
        if folder.path().exists() {
            let _lock = folder.lock(&run.id)?;
            std::fs::remove_dir_all(folder.path()).map_err(|e| RunError::io(folder.path(), e))?;
        }
        self.execute("DELETE FROM runs WHERE id = ?", params![run.id])
    }

    /// Adds the scores, and corrects the status of a run whose process is gone.
    fn complete(&self, mut run: Run) -> Result<Run, RunError> {
        let mut statement = self
            .connection
            .prepare("SELECT name, value FROM scores WHERE run = ? ORDER BY position")
            .map_err(|e| self.error(&e))?;
        let score = |row: &Row| {
            Ok((
                row.get(0)?,
                row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN),
            ))
        };
        let rows = statement
            .query_map([&run.id], score)
            .map_err(|e| self.error(&e))?;
        run.scores = rows.collect::<Result<_, _>>().map_err(|e| self.error(&e))?;
        if run.status == Status::Running && !self.folder(&run.id).is_locked() {
            run.status = Status::Interrupted;
            run.seconds += run.live_seconds;
            run.live_seconds = 0.0;
        }
        Ok(run)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), RunError> {
        self.connection
            .execute(sql, values)
            .map(drop)
            .map_err(|e| self.error(&e))
    }

    fn error(&self, error: &rusqlite::Error) -> RunError {
        RunError::sqlite(&self.root.join(FILE), error)
    }
}

/// Brings the schema up to date and returns its version; that of a newer program is left alone.
fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    // A store that is up to date is opened without waiting for a process that writes.
    let version = version_of(connection)?;
    if version >= VERSION {
        return Ok(version);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version = version_of(&transaction)?;
    if version >= VERSION {
        return Ok(version);
    }
    transaction.execute_batch(SCHEMA)?;
    if version == 1 {
        for (name, declaration) in ADDED_IN_2 {
            let there: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM pragma_table_info('runs') WHERE name = ?)",
                [name],
                |row| row.get(0),
            )?;
            // A program of version 1 that opens a newer store sets its version back to 1.
            if !there {
                let sql = format!("ALTER TABLE runs ADD COLUMN {name} {declaration}");
                transaction.execute_batch(&sql)?;
            }
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(VERSION)
}

fn version_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
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
        live_seconds: row.get("live_seconds")?,
        recipe: row.get("recipe")?,
        machine: row.get("machine")?,
        scored_on: row.get("scored_on")?,
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
            recipe: "r",
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
            .set_scores(
                &id,
                "validation",
                &[("b".into(), 0.5), ("a".into(), f64::NAN)],
            )
            .unwrap();
        store
            .set_epoch(&id, 1, &[("train", &[("loss".into(), 2.0)])])
            .unwrap();
        store
            .set_epoch(&id, 1, &[("train", &[("loss".into(), 1.0)])])
            .unwrap();
        let run = store.get("latest").unwrap();
        assert_eq!(
            (run.id.as_str(), run.scores[0].0.as_str()),
            ("iris-mlp-2", "b")
        );
        assert_eq!(
            (run.scored_on.as_str(), run.recipe.as_str()),
            ("validation", "r")
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

    #[test]
    fn the_time_of_a_killed_process_counts_up_to_its_last_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let id = store.create(&new("x")).unwrap();
        let run = store.folder(&id);
        run.create().unwrap();
        let lock = run.lock(&id).unwrap();
        store.set_live_seconds(&id, 3.0).unwrap();
        store.set_live_seconds(&id, 5.0).unwrap();
        let seen = store.get(&id).unwrap();
        assert_eq!((seen.seconds, seen.total_seconds()), (0.0, 5.0));
        drop(lock); // as if it was killed
        assert_eq!(store.get(&id).unwrap().seconds, 5.0);
        store.set_status(&id, Status::Running, "", 0.0).unwrap();
        store.set_live_seconds(&id, 1.0).unwrap();
        // It ends by itself, with its whole time.
        store.set_status(&id, Status::Finished, "", 2.0).unwrap();
        let run = store.get(&id).unwrap();
        assert_eq!((run.seconds, run.live_seconds), (7.0, 0.0));
    }

    #[test]
    fn a_store_of_version_1_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join(FILE)).unwrap();
        old.execute_batch(
            "CREATE TABLE runs (id TEXT PRIMARY KEY, task TEXT NOT NULL, architecture TEXT NOT NULL,
                 source TEXT NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
                 created TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0, recipe TEXT NOT NULL,
                 machine TEXT NOT NULL) STRICT;
             CREATE TABLE scores (run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
                 name TEXT NOT NULL, position INTEGER NOT NULL, value REAL,
                 PRIMARY KEY (run, name)) STRICT;
             INSERT INTO runs VALUES ('a-1', 't', 'a', 's', 'finished', '', '2026', 4.0, '', '{}');
             INSERT INTO scores VALUES ('a-1', 'accuracy', 0, 0.5);
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open_existing(folder.path()).unwrap().unwrap();
            let run = store.get("a-1").unwrap();
            assert_eq!((run.total_seconds(), run.scored_on.as_str()), (4.0, ""));
            assert_eq!(run.scores, [("accuracy".to_string(), 0.5)]);
            assert_eq!(version_of(&store.connection).unwrap(), VERSION);
        }
        let store = Store::open(folder.path()).unwrap();
        store.set_scores("a-1", "test", &[]).unwrap();
        assert_eq!(store.get("a-1").unwrap().scored_on, "test");
    }

    #[test]
    fn a_newer_store_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let newer = Connection::open(folder.path().join(FILE)).unwrap();
        newer.pragma_update(None, "user_version", 99).unwrap();
        let error = Store::open(folder.path()).err().unwrap();
        assert!(error.to_string().contains("newer version"), "{error}");
        assert!(error.help().is_some());
        assert_eq!(version_of(&newer).unwrap(), 99);
    }

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
