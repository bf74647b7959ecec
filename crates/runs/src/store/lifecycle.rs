//! A run from its name to its end.

use super::Store;
use super::record::{NewRun, Status};
use crate::error::RunError;
use jiff::Timestamp;
use rusqlite::params;

impl Store {
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
}
