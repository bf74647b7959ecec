//! The folder of one run, and its lock.

use crate::error::RunError;
use modelwright_evaluate::Comparison;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long [`RunFolder::lock`] tries: another process may only be looking whether the run is locked.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the files of a run are.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The folder at `path`, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The recipe, complete.
    pub fn recipe(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    /// Checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The finished model.
    pub fn bundle(&self) -> PathBuf {
        self.path.join("bundle")
    }

    /// Every event but the single steps, one JSON object a line.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// Metrics on the test part.
    pub fn evaluation(&self) -> PathBuf {
        self.path.join("evaluation.json")
    }

    /// The model beside simple ones, where the task has those.
    pub fn baselines(&self) -> PathBuf {
        self.path.join("baselines.json")
    }

    /// What is in [`Self::baselines`]; `None` if there is no such file or it cannot be read.
    pub fn comparison(&self) -> Option<Comparison> {
        serde_json::from_slice(&std::fs::read(self.baselines()).ok()?).ok()
    }

    /// What a task keeps beside checkpoints, such as a tokenizer; made when it is needed.
    pub fn assets(&self) -> PathBuf {
        self.path.join("assets")
    }

    /// What the finished model says of each example it was scored on.
    pub fn answers(&self) -> PathBuf {
        self.path.join("answers.json")
    }

    /// TensorBoard files.
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// Makes the folder.
    pub fn create(&self) -> Result<(), RunError> {
        std::fs::create_dir_all(&self.path).map_err(|e| RunError::io(&self.path, e))
    }

    /// Takes the run for this process, or says after half a second that another has it.
    ///
    /// The lock belongs to the open file: the system releases it when the process ends, however it ends.
    pub fn lock(&self, id: &str) -> Result<RunLock, RunError> {
        let path = self.path.join("run.lock");
        let open = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = open.map_err(|e| RunError::io(&path, e))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(RunLock { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(RunError::Locked { id: id.into() }),
                Err(TryLockError::Error(e)) => return Err(RunError::io(&path, e)),
            }
        }
    }

    /// Whether another process works on the run.
    pub fn is_locked(&self) -> bool {
        let Ok(file) = File::open(self.path.join("run.lock")) else {
            return false;
        };
        // Shared, so that several processes can look at once; it is given back with the file.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Writes a chart as SVG and PNG.
    pub fn write_chart(&self, name: &str, svg: &str) -> Result<(), RunError> {
        crate::files::write_chart(&self.path, name, svg)
    }
}

/// A run that belongs to this process until this is dropped.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}
