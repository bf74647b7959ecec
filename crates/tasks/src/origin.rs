//! Where a run's data came from, so that a resumed run reads the same data or says that it cannot.

use crate::error::TaskError;
use modelwright_data::{Content, DataConfig, Dataset, Notify, open};
use modelwright_runs::{RunFolder, write_file};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

const FILE: &str = "origin.json";

/// Written into the run folder when a run starts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The folder that relative paths of the recipe start from.
    folder: PathBuf,
    /// Of all examples, their labels and their order.
    fingerprint: Option<String>,
}

impl Origin {
    /// The origin of a data set that was opened in the current folder.
    pub fn of(examples: &Examples) -> Self {
        Self {
            folder: std::env::current_dir().unwrap_or_default(),
            fingerprint: Some(examples.fingerprint()),
        }
    }

    pub fn write(&self, folder: &RunFolder) -> Result<(), TaskError> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        Ok(write_file(&folder.path().join(FILE), &text)?)
    }

    /// What was written; nothing is known of a run that was killed before.
    pub fn read(folder: &RunFolder) -> Result<Self, TaskError> {
        match std::fs::read(folder.path().join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(_) => Ok(Self::default()),
        }
    }

    /// Opens the data again.
    ///
    /// # Errors
    /// If it is gone, or if it is no longer what the run was started on: its examples would fall
    /// into other parts and come in another order.
    pub fn open(&self, config: &DataConfig, notify: Notify) -> Result<Examples, TaskError> {
        let mut config = config.clone();
        let there = self.folder.join(&config.source);
        if !Path::new(&config.source).exists() && there.exists() {
            config.source = there.display().to_string();
        }
        if let Some(dir) = &config.data_dir
            && !dir.exists()
        {
            config.data_dir = Some(self.folder.join(dir));
        }
        let examples = Examples::new(open(&config.source, config.open_options(notify))?)?;
        if let Some(known) = &self.fingerprint
            && *known != examples.fingerprint()
        {
            return Err(TaskError::asked(
                format!(
                    "{} has changed since the run was started; it cannot be gone on with exactly",
                    config.source
                ),
                "bring the data back as it was, or start a new run on it",
            ));
        }
        Ok(examples)
    }
}

/// A data set with a hash of the content of each example. Files are hashed once for all who need it:
/// the fingerprint, and the division into parts.
pub(crate) struct Examples {
    pub dataset: Dataset,
    pub hashes: Vec<u64>,
}

impl Examples {
    /// Hashes every example.
    pub fn new(dataset: Dataset) -> Result<Self, TaskError> {
        let hashes = match &dataset.content {
            Content::Images(set) => set.hashes()?,
            Content::Table(table) => table.hashes(),
        };
        Ok(Self { dataset, hashes })
    }

    /// A hash of what a training depends on: every example and its label, in their order.
    fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        for example in &self.hashes {
            hash.update(&example.to_le_bytes());
        }
        let names: Vec<&String> = match &self.dataset.content {
            Content::Images(set) => {
                for label in &set.labels {
                    hash.update(&label.unwrap_or(u32::MAX).to_le_bytes());
                }
                set.classes.iter().collect()
            }
            Content::Table(table) => table.columns.iter().map(|c| &c.name).collect(),
        };
        for name in names {
            hash.update(name.as_bytes());
            hash.update(&[0]);
        }
        format!("{:016x}", hash.digest())
    }
}
