//! The observer that puts a run on record.

use crate::cost::Meter;
use crate::error::RunError;
use crate::folder::RunFolder;
use crate::store::{EpochScore, Store};
use modelwright_evaluate::chart::{Series, lines};
use modelwright_train::{Event, Observer};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes epochs to the store and to the charts of the run folder, and events to its log.
pub struct Recorder<'a> {
    store: &'a Store,
    id: &'a str,
    folder: RunFolder,
    log: File,
    meter: &'a Meter,
}

impl<'a> Recorder<'a> {
    /// A recorder that appends to what the run has already. `meter` counts what this process uses.
    pub fn new(store: &'a Store, id: &'a str, meter: &'a Meter) -> Result<Self, RunError> {
        let folder = store.folder(id);
        let path = folder.events();
        let log = open_log(&path).map_err(|e| RunError::io(&path, e))?;
        Ok(Self {
            store,
            id,
            folder,
            log,
            meter,
        })
    }

    fn record(&mut self, event: &Event) -> Result<(), RunError> {
        match event {
            Event::EpochEnded {
                epoch,
                train,
                validation,
                ..
            } => {
                let parts = [
                    ("train", train.as_slice()),
                    ("validation", validation.as_slice()),
                ];
                self.store.set_epoch(self.id, *epoch, &parts)?;
            }
            // Each epoch ends with one too. What a process does after its last checkpoint is lost
            // when it is killed, and so is the time that it took.
            Event::CheckpointSaved { .. } => {
                let cost = self.meter.cost();
                self.store.set_live_seconds(self.id, cost.usage.seconds)?;
                self.store.set_cost(self.id, self.meter.started(), &cost)?;
            }
            Event::Finished { .. } | Event::Interrupted { .. } => {
                write_curves(&self.folder, &self.store.epochs(self.id)?)?;
            }
            _ => {}
        }
        if !matches!(event, Event::Step { .. }) {
            let path = self.folder.events();
            let mut line = serde_json::to_vec(event).map_err(|e| RunError::content(&path, e))?;
            line.push(b'\n');
            self.log
                .write_all(&line)
                .map_err(|e| RunError::io(&path, e))?;
        }
        Ok(())
    }
}

impl Observer for Recorder<'_> {
    fn observe(&mut self, event: &Event) -> Result<(), String> {
        // Only the text gets through the loop; `file_help` finds what to do from it.
        self.record(event).map_err(|e| e.to_string())
    }
}

/// Opens the log at its end. A process that was killed may have left half a line there; what
/// follows must not be joined to it.
fn open_log(path: &Path) -> io::Result<File> {
    let mut log = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(path)?;
    if log.metadata()?.len() > 0 {
        log.seek(SeekFrom::End(-1))?;
        let mut last = [0u8];
        log.read_exact(&mut last)?;
        if last != *b"\n" {
            log.write_all(b"\n")?;
        }
    }
    Ok(log)
}

/// One chart a score, training dashed: `curve-loss.svg`, `curve-loss.png` …
fn write_curves(folder: &RunFolder, scores: &[EpochScore]) -> Result<(), RunError> {
    type ByPart<'a> = BTreeMap<&'a str, Vec<(f64, f64)>>;
    let mut charts: BTreeMap<&str, ByPart> = BTreeMap::new();
    for s in scores {
        let parts = charts.entry(&s.name).or_default();
        parts
            .entry(&s.part)
            .or_default()
            .push((s.epoch as f64, s.value));
    }
    for (name, parts) in charts {
        let series: Vec<Series> = parts
            .into_iter()
            .map(|(part, points)| Series {
                name: part.into(),
                points,
                dashed: part == "train",
            })
            .collect();
        let title = name.replace('_', " ");
        folder.write_chart(&format!("curve-{name}"), &lines(&title, "epoch", &series))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_of_the_log_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        for (there, expected) in [("", "new\n"), ("old\n", "old\nnew\n"), ("to", "to\nnew\n")] {
            std::fs::write(&path, there).unwrap();
            open_log(&path).unwrap().write_all(b"new\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }
}
