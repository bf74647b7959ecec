//! Everything needed to continue a run exactly where it stopped.

use crate::disk::sync_folder;
use crate::error::TrainError;
use modelwright_models::weights::{self, StateDict};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const MODEL: &str = "model.safetensors";
const BEST: &str = "best.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const PROGRESS: &str = "progress.json";

/// A saved moment of a training.
///
/// On disk it is a folder `step-N-epoch-M` that is written under another name, synced and renamed: it is there
/// complete or not at all. No generator state is in it, because every random draw is derived from the
/// seed and its position.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where the loop stands.
    pub progress: Progress,
    /// Weights and running statistics.
    pub model: StateDict,
    /// Weights of the best epoch so far.
    pub best: Option<StateDict>,
    /// Optimizer state.
    pub optimizer: Vec<u8>,
}

/// Where the loop stands. Epoch and steps are the next ones to do, counted from 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Epoch.
    pub epoch: usize,
    /// Optimizer step within the epoch.
    pub step_in_epoch: usize,
    /// Optimizer step in the run.
    pub step: usize,
    /// Sum of losses times weights in this epoch.
    pub loss_sum: f64,
    /// Sum of weights in this epoch.
    pub weight_sum: f64,
    /// Training examples seen in this epoch.
    pub examples: usize,
    /// The task's meter in this epoch.
    pub meter: serde_json::Value,
    /// Wall seconds already spent on this epoch.
    pub epoch_seconds: f64,
    /// Best goal score so far.
    pub best_score: Option<f64>,
    /// Its epoch, counted from 1.
    pub best_epoch: usize,
    /// Score and loss of the last epoch that was strictly better than those before it.
    pub peak: Option<(f64, f64)>,
    /// Epochs since then.
    pub stale: usize,
    /// Whether early stopping has ended the run.
    pub stopped: bool,
}

impl Checkpoint {
    /// Writes the checkpoint below `folder` and removes older ones.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let path = folder.join(name(self.progress.step, self.progress.epoch));
        if path.exists() {
            return Ok(());
        }
        remove_unfinished(folder)?;
        let temporary = folder.join(format!(".writing-{}", std::process::id()));
        let result = self
            .write(&temporary)
            .and_then(|()| fs::rename(&temporary, &path).map_err(|e| TrainError::file(&path, e)));
        if result.is_err() {
            // The half-written folder is of no use; what matters is the first error.
            let _ = fs::remove_dir_all(&temporary);
            return result;
        }
        sync_folder(folder).map_err(|e| TrainError::file(folder, e))?;
        for (_, old) in list(folder).into_iter().filter(|(_, p)| *p != path) {
            fs::remove_dir_all(&old).map_err(|e| TrainError::file(&old, e))?;
        }
        Ok(())
    }

    fn write(&self, folder: &Path) -> Result<(), TrainError> {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|e| TrainError::file(folder, e))?;
        }
        fs::create_dir_all(folder).map_err(|e| TrainError::file(folder, e))?;
        let bytes =
            |state: &StateDict| weights::to_bytes(state).map_err(|e| TrainError::file(folder, e));
        let progress =
            serde_json::to_vec_pretty(&self.progress).map_err(|e| TrainError::file(folder, e))?;
        let mut files = vec![
            (MODEL, bytes(&self.model)?),
            (OPTIMIZER, self.optimizer.clone()),
            (PROGRESS, progress),
        ];
        if let Some(best) = &self.best {
            files.push((BEST, bytes(best)?));
        }
        for (name, content) in files {
            let path = folder.join(name);
            let write = || -> std::io::Result<()> {
                let mut file = File::create(&path)?;
                file.write_all(&content)?;
                file.sync_all()
            };
            write().map_err(|e| TrainError::file(&path, e))?;
        }
        sync_folder(folder).map_err(|e| TrainError::file(folder, e))
    }

    /// Whether there is a complete checkpoint below `folder`.
    pub fn exists(folder: &Path) -> bool {
        !list(folder).is_empty()
    }

    /// The newest complete checkpoint below `folder`.
    pub fn latest(folder: &Path) -> Result<Option<Self>, TrainError> {
        match list(folder).pop() {
            Some((_, path)) => Self::read(&path).map(Some),
            None => Ok(None),
        }
    }

    fn read(folder: &Path) -> Result<Self, TrainError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|e| TrainError::file(&path, e))
        };
        let state = |name: &str| {
            weights::from_bytes(&read(name)?).map_err(|e| TrainError::file(&folder.join(name), e))
        };
        let progress = serde_json::from_slice(&read(PROGRESS)?)
            .map_err(|e| TrainError::file(&folder.join(PROGRESS), e))?;
        Ok(Self {
            progress,
            model: state(MODEL)?,
            best: match folder.join(BEST).exists() {
                true => Some(state(BEST)?),
                false => None,
            },
            optimizer: read(OPTIMIZER)?,
        })
    }
}

/// The last step of an epoch may be saved twice: within the epoch, and when it has been looked at.
fn name(step: usize, epoch: usize) -> String {
    format!("step-{step:09}-epoch-{epoch:06}")
}

/// Removes what a process that was killed while it wrote has left. The run's lock is held, so nobody
/// else is writing.
fn remove_unfinished(folder: &Path) -> Result<(), TrainError> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(".writing-") {
            fs::remove_dir_all(&path).map_err(|e| TrainError::file(&path, e))?;
        }
    }
    Ok(())
}

/// Complete checkpoints, oldest first.
fn list(folder: &Path) -> Vec<((usize, usize), PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let (step, epoch) = name
                .to_str()?
                .strip_prefix("step-")?
                .split_once("-epoch-")?;
            Some(((step.parse().ok()?, epoch.parse().ok()?), entry.path()))
        })
        .collect();
    found.sort();
    found
}
