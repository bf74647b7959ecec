//! Looking runs up.

use super::Store;
use super::record::{Run, Status};
use crate::error::RunError;
use rusqlite::Params;

const NEWEST_FIRST: &str = "SELECT * FROM runs ORDER BY created DESC, rowid DESC";

impl Store {
    /// All runs, newest first.
    pub fn list(&self) -> Result<Vec<Run>, RunError> {
        self.runs(NEWEST_FIRST, [])
    }

    /// One run by name; `latest` is the newest.
    pub fn get(&self, id: &str) -> Result<Run, RunError> {
        let found = match id {
            "latest" => self.newest()?,
            _ => self.runs("SELECT * FROM runs WHERE id = ?", [id])?.pop(),
        };
        if let Some(run) = found {
            return Ok(run);
        }
        Err(match self.newest()? {
            Some(newest) => RunError::NoRun {
                id: id.into(),
                hint: format!("the newest is `{}`", newest.id),
            },
            None => RunError::no_runs(id, &self.root),
        })
    }

    fn newest(&self) -> Result<Option<Run>, RunError> {
        Ok(self.runs(&format!("{NEWEST_FIRST} LIMIT 1"), [])?.pop())
    }

    /// The runs that a query gives, complete.
    fn runs(&self, sql: &str, values: impl Params) -> Result<Vec<Run>, RunError> {
        let runs = self.rows(sql, values, Run::of_row)?;
        runs.into_iter().map(|run| self.complete(run)).collect()
    }

    /// Adds scores and costs, and corrects the status of a run whose process is gone.
    fn complete(&self, mut run: Run) -> Result<Run, RunError> {
        run.scores = self.scores(&run.id)?;
        run.cost = self.cost(&run.id)?;
        run.prediction_cost = self.prediction_cost(&run.id)?;
        if run.status == Status::Running && !self.folder(&run.id).is_locked() {
            run.status = Status::Interrupted;
            run.seconds += run.live_seconds;
            run.live_seconds = 0.0;
        }
        Ok(run)
    }
}
