//! What runs and predictions cost.

use super::Store;
use crate::cost::Cost;
use crate::error::RunError;
use rusqlite::params;

/// Costs of the run itself, a row for each of its processes.
const TRAINING: &str = "training";
/// Cost of 1,000 predictions, the last that was measured.
const PREDICTIONS: &str = "predictions";

impl Store {
    /// Stores what the process of a run that started at `started` has cost so far, in place of what it
    /// stored before. If the process is killed, that stays.
    pub fn set_cost(&self, id: &str, started: &str, cost: &Cost) -> Result<(), RunError> {
        self.put_cost(id, TRAINING, started, cost)
    }

    /// Stores what 1,000 predictions with the model of a run cost, in place of an earlier measurement.
    pub fn set_prediction_cost(&self, id: &str, cost: &Cost) -> Result<(), RunError> {
        self.put_cost(id, PREDICTIONS, "", cost)
    }

    fn put_cost(&self, id: &str, what: &str, started: &str, cost: &Cost) -> Result<(), RunError> {
        // Numbers that are not finite, which JSON has not, would be a defect of the meter.
        let text = serde_json::to_string(cost).unwrap_or_default();
        self.execute(
            "INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?)",
            params![id, what, started, text],
        )
    }

    /// What the processes of a run cost together.
    pub(super) fn cost(&self, id: &str) -> Result<Option<Cost>, RunError> {
        Ok(Cost::total(self.costs(id, TRAINING)?))
    }

    /// What 1,000 predictions with the model of a run cost.
    pub(super) fn prediction_cost(&self, id: &str) -> Result<Option<Cost>, RunError> {
        Ok(self.costs(id, PREDICTIONS)?.pop())
    }

    /// In the order of time; what cannot be read is left out.
    fn costs(&self, id: &str, what: &str) -> Result<Vec<Cost>, RunError> {
        let sql = "SELECT cost FROM costs WHERE run = ? AND what = ? ORDER BY started";
        let texts = self.rows(sql, [id, what], |row| row.get::<_, String>(0))?;
        let costs = texts.iter().map(|text| serde_json::from_str(text).ok());
        Ok(costs.flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Rates, Usage};
    use crate::store::NewRun;

    fn cost(seconds: f64) -> Cost {
        let usage = Usage {
            seconds,
            processor_kwh: seconds / 1000.0,
            ..Usage::default()
        };
        Cost::new(usage, Rates::default())
    }

    #[test]
    fn the_processes_of_a_run_add_up_and_a_killed_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let new = NewRun {
            prefix: "x",
            task: "t",
            architecture: "a",
            source: "s",
            recipe: "",
            machine: "{}",
        };
        let id = store.create(&new).unwrap();
        assert_eq!(store.get(&id).unwrap().cost, None);
        // The first process stores twice and is killed; the second goes on.
        store
            .set_cost(&id, "2026-01-01T00:00:00Z", &cost(1.0))
            .unwrap();
        store
            .set_cost(&id, "2026-01-01T00:00:00Z", &cost(4.0))
            .unwrap();
        store
            .set_cost(&id, "2026-01-01T01:00:00Z", &cost(2.0))
            .unwrap();
        store.set_prediction_cost(&id, &cost(0.5)).unwrap();
        store.set_prediction_cost(&id, &cost(0.25)).unwrap();
        let run = store.get(&id).unwrap();
        let total = run.cost.unwrap();
        assert_eq!(total.usage.seconds, 6.0);
        assert!((total.energy_kwh - 0.006).abs() < 1e-12);
        assert_eq!(run.prediction_cost.unwrap().usage.seconds, 0.25);
        store.remove(&id).unwrap();
        assert!(store.costs(&id, TRAINING).unwrap().is_empty());
    }
}
