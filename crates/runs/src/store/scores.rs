//! Scores of epochs and of finished models.

use super::Store;
use crate::error::RunError;
use rusqlite::params;
use serde::Serialize;

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

impl Store {
    /// Stores the scores of an epoch, by part, all or none; a resumed run overwrites its own.
    pub fn set_epoch(
        &self,
        id: &str,
        epoch: usize,
        parts: &[(&str, &[(String, f64)])],
    ) -> Result<(), RunError> {
        self.transaction(|connection| {
            for (part, scores) in parts {
                for (name, value) in *scores {
                    connection.execute(
                        "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?)",
                        params![id, epoch as i64, part, name, finite(*value)],
                    )?;
                }
            }
            Ok(())
        })
    }

    /// Stores the scores of the finished model on the part `scored_on`, in place of earlier ones.
    pub fn set_scores(
        &self,
        id: &str,
        scored_on: &str,
        scores: &[(String, f64)],
    ) -> Result<(), RunError> {
        self.transaction(|connection| {
            connection.execute(
                "UPDATE runs SET scored_on = ? WHERE id = ?",
                params![scored_on, id],
            )?;
            connection.execute("DELETE FROM scores WHERE run = ?", params![id])?;
            for (position, (name, value)) in scores.iter().enumerate() {
                connection.execute(
                    "INSERT INTO scores VALUES (?, ?, ?, ?)",
                    params![id, name, position as i64, finite(*value)],
                )?;
            }
            Ok(())
        })
    }

    /// The scores of all epochs of a run, in order.
    pub fn epochs(&self, id: &str) -> Result<Vec<EpochScore>, RunError> {
        let sql = "SELECT epoch, part, name, value FROM epochs WHERE run = ? ORDER BY epoch, rowid";
        self.rows(sql, [id], |row| {
            Ok(EpochScore {
                epoch: row.get::<_, i64>(0)? as usize,
                part: row.get(1)?,
                name: row.get(2)?,
                value: row.get::<_, Option<f64>>(3)?.unwrap_or(f64::NAN),
            })
        })
    }

    /// The scores of the finished model.
    pub(super) fn scores(&self, id: &str) -> Result<Vec<(String, f64)>, RunError> {
        let sql = "SELECT name, value FROM scores WHERE run = ? ORDER BY position";
        self.rows(sql, [id], |row| {
            let value: Option<f64> = row.get(1)?;
            Ok((row.get(0)?, value.unwrap_or(f64::NAN)))
        })
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
