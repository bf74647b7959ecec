//! The observer that puts a run on record.

use crate::error::RunError;
use crate::folder::RunFolder;
use crate::store::{EpochScore, Store};
use modelwright_evaluate::chart::{Series, lines, to_png};
use modelwright_train::{Event, Observer};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;

/// Writes epochs to the store and to the charts of the run folder, and events to its log.
pub struct Recorder<'a> {
    store: &'a Store,
    id: &'a str,
    folder: RunFolder,
    log: File,
}

impl<'a> Recorder<'a> {
    /// A recorder that appends to what the run has already.
    pub fn new(store: &'a Store, id: &'a str) -> Result<Self, RunError> {
        let folder = store.folder(id);
        let path = folder.events();
        let log = OpenOptions::new().create(true).append(true).open(&path);
        let log = log.map_err(|e| RunError::file(&path, e))?;
        Ok(Self {
            store,
            id,
            folder,
            log,
        })
    }

    fn record(&mut self, event: &Event) -> Result<(), RunError> {
        if let Event::EpochEnded {
            epoch,
            train,
            validation,
            ..
        } = event
        {
            self.store.set_epoch(self.id, *epoch, "train", train)?;
            self.store
                .set_epoch(self.id, *epoch, "validation", validation)?;
        }
        if matches!(event, Event::Finished { .. } | Event::Interrupted { .. }) {
            write_curves(&self.folder, &self.store.epochs(self.id)?)?;
        }
        if !matches!(event, Event::Step { .. }) {
            let path = self.folder.events();
            let mut line = serde_json::to_vec(event).map_err(|e| RunError::file(&path, e))?;
            line.push(b'\n');
            self.log
                .write_all(&line)
                .map_err(|e| RunError::file(&path, e))?;
        }
        Ok(())
    }
}

impl Observer for Recorder<'_> {
    fn observe(&mut self, event: &Event) -> Result<(), String> {
        self.record(event).map_err(|e| e.to_string())
    }
}

/// One chart a score, training dashed: `curve-loss.svg`, `curve-loss.png` …
fn write_curves(folder: &RunFolder, scores: &[EpochScore]) -> Result<(), RunError> {
    let mut charts: BTreeMap<&str, BTreeMap<&str, Vec<(f64, f64)>>> = BTreeMap::new();
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
        write_chart(
            folder,
            &format!("curve-{name}"),
            &lines(&title, "epoch", &series),
        )?;
    }
    Ok(())
}

/// A chart as SVG and PNG in the run folder.
pub(crate) fn write_chart(folder: &RunFolder, name: &str, svg: &str) -> Result<(), RunError> {
    let path = folder.path().join(format!("{name}.svg"));
    crate::files::write_file(&path, svg.as_bytes())?;
    let png = to_png(svg).map_err(|e| RunError::file(&path, e))?;
    crate::files::write_file(&path.with_extension("png"), &png)
}

impl RunFolder {
    /// Writes a chart as SVG and PNG.
    pub fn write_chart(&self, name: &str, svg: &str) -> Result<(), RunError> {
        write_chart(self, name, svg)
    }
}
