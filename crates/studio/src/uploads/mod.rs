//! Data that was brought to the studio: files below `uploads/` and the settings chosen for them.
//!
//! Each data set is a folder `uploads/ID` with `data.json` and the files in `content`. A set inside
//! the program gets such a folder, without files, once something is set for it.

mod copy;
mod names;
mod receive;
mod root;
mod unpack;

pub use copy::without_duplicates;
pub use receive::receive;

use crate::problem::Problem;
use modelwright_data::{DataConfig, catalog};
use modelwright_runs::write_file;
use modelwright_train::recipe::{Layers, RecipeError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use toml::Value;

/// Start of the names of folders that are not complete yet.
const INCOMING: &str = ".new-";
/// After this time an incomplete folder is one that a killed process has left.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// Where a data set's files are in its folder.
const CONTENT: &str = "content";

/// What an upload may cost.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Bytes on disk, of an archive once packed and once unpacked.
    pub bytes: u64,
    /// Number of files.
    pub files: usize,
    /// How many times larger a file may get when it is unpacked.
    pub ratio: u64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            bytes: 20 << 30,
            files: 500_000,
            ratio: 200,
        }
    }
}

/// What sort of data a data set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// Inside the program.
    Embedded,
    /// A folder of pictures.
    Pictures,
    /// A table in one file.
    Table,
    /// A folder of text files.
    Texts,
}

/// A data set of the studio.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in addresses.
    #[serde(skip)]
    pub id: String,
    /// The name of the folder or file that was brought.
    pub name: String,
    /// What sort of data it is.
    pub sort: Sort,
    /// What a recipe's `data.source` says.
    pub source: String,
    /// When it was brought, in seconds since 1970.
    pub created: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Number of files.
    pub files: usize,
    /// What was chosen for it.
    pub settings: Settings,
}

/// What was chosen for a data set; it becomes part of each recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The task, if the guess was not right.
    pub task: Option<String>,
    /// The column to predict.
    pub target: Option<String>,
    /// The column that holds the text.
    pub text: Option<String>,
    /// Columns that the model must not see.
    pub exclude: Vec<String>,
    /// Text encoding, if what is found out by itself is not right.
    pub encoding: Option<String>,
    /// Whether pictures that cannot be read are left out.
    pub skip_bad: bool,
    /// Whether rare classes count more.
    pub balanced: bool,
}

impl Entry {
    fn embedded(named: &catalog::Named) -> Self {
        Self {
            id: named.name.into(),
            name: named.name.into(),
            sort: Sort::Embedded,
            source: named.name.into(),
            created: 0,
            bytes: 0,
            files: 0,
            settings: Settings::default(),
        }
    }

    /// A message with the data's name in place of where the studio keeps it.
    pub fn shortened(&self, message: &str) -> String {
        message.replace(&self.source, &self.name)
    }

    /// How the data is read.
    pub fn config(&self) -> DataConfig {
        let settings = &self.settings;
        let mut config = DataConfig {
            source: self.source.clone(),
            target: settings.target.clone(),
            text: settings.text.clone(),
            exclude: settings.exclude.clone(),
            skip_bad: settings.skip_bad,
            ..Default::default()
        };
        if let Some(encoding) = &settings.encoding {
            config.encoding.clone_from(encoding);
        }
        config
    }

    /// The settings of a recipe that follow from what was chosen.
    ///
    /// # Errors
    /// A chosen word that is no value of its setting.
    pub fn layers(&self) -> Result<Layers, RecipeError> {
        let settings = &self.settings;
        let mut layers = Layers::default();
        // Names of columns and paths are values as they are; `set` would trim and split them.
        let mut text = |key: &str, value: &Option<String>| {
            if let Some(value) = value {
                layers.set_value(key, Value::String(value.clone()));
            }
        };
        text("data.source", &Some(self.source.clone()));
        text("task", &settings.task);
        text("data.target", &settings.target);
        text("data.text", &settings.text);
        text("data.encoding", &settings.encoding);
        if !settings.exclude.is_empty() {
            let columns = settings.exclude.iter().cloned().map(Value::String);
            layers.set_value("data.exclude", Value::Array(columns.collect()));
        }
        if settings.skip_bad {
            layers.set("data.skip_bad", "true")?;
        }
        if settings.balanced {
            layers.set("training.class_weights", "balanced")?;
        }
        Ok(layers)
    }
}

/// The folder of data sets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    root: PathBuf,
    limits: UploadLimits,
}

impl Uploads {
    /// Opens the folder, makes it if there is none, and removes what killed uploads have left.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(root: &Path, limits: UploadLimits) -> Result<Self, Problem> {
        std::fs::create_dir_all(root)?;
        for entry in std::fs::read_dir(root)?.flatten() {
            let modified = entry.metadata().and_then(|m| m.modified());
            let age = modified.ok().and_then(|m| m.elapsed().ok());
            let left = entry.file_name().to_string_lossy().starts_with(INCOMING);
            if left && age.is_some_and(|age| age > STALE) {
                // What cannot be removed does no harm but to the disk.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self {
            root: root.into(),
            limits,
        })
    }

    /// What an upload may cost.
    pub fn limits(&self) -> UploadLimits {
        self.limits
    }

    /// What was brought, newest first.
    pub fn list(&self) -> Vec<Entry> {
        let folders = std::fs::read_dir(&self.root).into_iter().flatten();
        let names = folders.flatten().map(|f| f.file_name());
        let mut found: Vec<Entry> = names
            .filter_map(|name| self.read(name.to_str()?))
            .filter(|entry| entry.sort != Sort::Embedded)
            .collect();
        found.sort_by(|a, b| b.created.cmp(&a.created).then(b.id.cmp(&a.id)));
        found
    }

    /// The sets inside the program.
    pub fn embedded(&self) -> Vec<&'static catalog::Named> {
        catalog::NAMED.iter().filter(|n| n.is_embedded()).collect()
    }

    /// One data set.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn get(&self, id: &str) -> Result<Entry, Problem> {
        let named = || catalog::find(id).filter(|n| n.is_embedded());
        self.read(id)
            .or_else(|| named().map(Entry::embedded))
            .ok_or_else(|| Problem::not_found(format!("no data set `{id}`")))
    }

    /// Stores what was chosen for a data set.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, entry: &Entry) -> Result<(), Problem> {
        write_entry(&self.root.join(&entry.id), entry)
    }

    /// Removes a data set with its files.
    ///
    /// # Errors
    /// There is none, or its files cannot be removed.
    pub fn remove(&self, id: &str) -> Result<(), Problem> {
        let folder = self.root.join(self.get(id)?.id);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// A folder for files that are on their way; it vanishes unless it is settled.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn incoming(&self) -> Result<tempfile::TempDir, Problem> {
        let folder = tempfile::Builder::new()
            .prefix(INCOMING)
            .tempdir_in(&self.root)?;
        std::fs::create_dir(folder.path().join(CONTENT))?;
        Ok(folder)
    }

    /// Gives files that have all arrived in `content` their place, and returns the data set.
    ///
    /// # Errors
    /// There is nothing to learn from among them, or the place cannot be made.
    pub fn settle(&self, incoming: tempfile::TempDir, name: &str) -> Result<Entry, Problem> {
        let found = root::find(&incoming.path().join(CONTENT), name)?;
        let inside = found
            .path
            .strip_prefix(incoming.path())
            .map_err(Problem::internal)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let stem = names::slug(&found.name);
        for number in 1.. {
            let id = format!("{stem}-{number}");
            let place = self.root.join(&id);
            let taken = place.exists() || catalog::find(&id).is_some();
            if taken {
                continue;
            }
            let entry = Entry {
                id,
                name: found.name.clone(),
                sort: found.sort,
                source: place.join(inside).display().to_string(),
                created: now.as_ref().map_or(0, Duration::as_secs),
                bytes: found.bytes,
                files: found.files,
                settings: Settings::default(),
            };
            write_entry(incoming.path(), &entry)?;
            match std::fs::rename(incoming.path(), &place) {
                Ok(()) => {
                    // It has its place now, so there is nothing left to remove.
                    let _ = incoming.keep();
                    return Ok(entry);
                }
                // Another upload was faster.
                Err(_) if place.exists() => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(Problem::internal("no free name"))
    }

    fn read(&self, id: &str) -> Option<Entry> {
        // A name from an address must not lead out of the folder.
        names::is_plain(id).then_some(())?;
        let bytes = std::fs::read(self.root.join(id).join("data.json")).ok()?;
        let mut entry: Entry = serde_json::from_slice(&bytes).ok()?;
        entry.id = id.into();
        Some(entry)
    }
}

fn write_entry(folder: &Path, entry: &Entry) -> Result<(), Problem> {
    let text = serde_json::to_vec_pretty(entry).map_err(Problem::internal)?;
    Ok(write_file(&folder.join("data.json"), &text)?)
}
