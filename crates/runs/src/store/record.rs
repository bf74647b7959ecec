//! A run as the store has it.

use crate::cost::Cost;
use rusqlite::Row;
use serde::Serialize;

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
    /// What its processes cost so far; `None` if they were of a version that did not measure it.
    pub cost: Option<Cost>,
    /// What 1,000 predictions with its model cost, if that was measured.
    pub prediction_cost: Option<Cost>,
}

impl Run {
    /// A row of the table of runs; its scores and costs are in others.
    pub(super) fn of_row(row: &Row) -> rusqlite::Result<Self> {
        Ok(Self {
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
            cost: None,
            prediction_cost: None,
        })
    }

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
