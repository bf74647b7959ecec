//! Models by name: versions, the one that answers, canaries, replacement without a failed request.

use crate::answer::{Answer, Chosen};
use crate::error::ServeError;
use crate::input::Input;
use crate::limits::Limits;
use crate::lineup::{Canary, Lineup};
use crate::metrics::Metrics;
use crate::model::Version;
use crate::summary::ModelSummary;
use crate::watch;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Longest name of a model.
pub(crate) const NAME: usize = 100;

/// The models of a server. Clones are the same models.
#[derive(Clone)]
pub struct Models {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    limits: Arc<Limits>,
    metrics: Metrics,
    models: RwLock<BTreeMap<String, Arc<Model>>>,
    /// Held while versions change, so that two changes follow each other.
    change: Mutex<()>,
    /// Threads that may read requests at once: a picture takes much memory while it is decoded.
    readers: Arc<Semaphore>,
    stopping: AtomicBool,
}

/// What is behind a name.
pub(crate) struct Model {
    name: String,
    lineup: RwLock<Arc<Lineup>>,
    /// Requests that named no version, for dividing them.
    requests: AtomicU64,
}

impl Models {
    /// No model yet. A thread looks for replaced bundles as long as there is a clone of this.
    pub fn new(limits: Limits) -> Self {
        let every = limits.reload_check;
        let readers = std::thread::available_parallelism().map_or(2, |n| 2 * n.get());
        let models = Self {
            shared: Arc::new(Shared {
                limits: Arc::new(limits),
                metrics: Metrics::new(),
                models: RwLock::default(),
                change: Mutex::new(()),
                readers: Arc::new(Semaphore::new(readers)),
                stopping: AtomicBool::new(false),
            }),
        };
        watch::start(Arc::downgrade(&models.shared), every);
        models
    }

    /// What these models count.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What is accepted at most.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Loads a bundle and serves it under `name`. If the name is taken it becomes the newest version,
    /// which answers from now on; the one before finishes what it has accepted. Blocks while loading.
    ///
    /// # Errors
    /// The name cannot stand in an address, or the bundle cannot be loaded; then nothing changes.
    pub fn add(&self, name: &str, bundle: &Path) -> Result<(), ServeError> {
        self.load(name, bundle, |lineup, number| lineup.current = number)
    }

    /// Loads a bundle as a version of a model that is there, for a share of its requests.
    ///
    /// # Errors
    /// No such model, a share above 100, or the bundle cannot be loaded.
    pub fn add_canary(&self, name: &str, bundle: &Path, percent: u8) -> Result<(), ServeError> {
        if self.model(name).is_err() {
            let names: Vec<String> = self.list().into_iter().map(|m| m.name).collect();
            return Err(ServeError::setup(
                format!("no model `{name}` is served beside its canary"),
                format!("the models are {}", names.join(", ")),
            ));
        }
        check_percent(percent)?;
        self.load(name, bundle, |lineup, number| {
            lineup.canary = Some(Canary { number, percent });
        })
    }

    fn load(
        &self,
        name: &str,
        bundle: &Path,
        place: impl FnOnce(&mut Lineup, u64),
    ) -> Result<(), ServeError> {
        check_name(name)?;
        let _change = lock(&self.shared.change);
        let model = match self.model(name) {
            Ok(model) => model,
            Err(_) => Arc::new(Model::new(name)),
        };
        self.shared.replace(&model, bundle, place)?;
        let mut models = write(&self.shared.models);
        models.entry(name.into()).or_insert(model);
        Ok(())
    }

    /// Takes a model away; requests that it has accepted are still answered.
    pub fn remove(&self, name: &str) -> bool {
        let removed = write(&self.shared.models).remove(name);
        if let Some(model) = &removed {
            for version in &model.lineup().versions {
                self.shared.count_loaded(name, version.number, false);
            }
        }
        removed.is_some()
    }

    /// All models, by name.
    pub fn list(&self) -> Vec<ModelSummary> {
        let models = read(&self.shared.models);
        models
            .values()
            .map(|m| ModelSummary::of(m, self.ready()))
            .collect()
    }

    /// One model.
    pub fn summary_of(&self, name: &str) -> Result<ModelSummary, ServeError> {
        Ok(ModelSummary::of(&*self.model(name)?, self.ready()))
    }

    /// Gives a loaded version a share of the requests that name none; 0 takes it back.
    ///
    /// # Errors
    /// No such model or version, or a share above 100.
    pub fn set_canary(&self, name: &str, version: &str, percent: u8) -> Result<(), ServeError> {
        check_percent(percent)?;
        let model = self.model(name)?;
        let _change = lock(&self.shared.change);
        let mut lineup = (*model.lineup()).clone();
        let number = lineup.named(name, version)?.number;
        lineup.canary = (percent > 0).then_some(Canary { number, percent });
        *write(&model.lineup) = Arc::new(lineup);
        Ok(())
    }

    /// Predictions of a model: of the version that is named, or of one that is chosen.
    ///
    /// # Errors
    /// No such model or version, examples that do not suit it, or too many requests.
    pub async fn predict(
        &self,
        name: &str,
        version: Option<&str>,
        input: Input,
    ) -> Result<Answer, ServeError> {
        let chosen = self.choose(name, version)?;
        let read =
            move |version: &Version, limits: &Limits| Ok((input.prepare(version, limits)?, ()));
        let (answer, ()) = chosen.answer(true, read).await?;
        Ok(answer)
    }

    /// The version that is to answer a request.
    pub(crate) fn choose(&self, name: &str, version: Option<&str>) -> Result<Chosen, ServeError> {
        if !self.ready() {
            return Err(ServeError::stopping());
        }
        let model = self.model(name)?;
        let lineup = model.lineup();
        let version = match version {
            Some(version) => Some(lineup.named(name, version)?),
            None => lineup.chosen(model.requests.fetch_add(1, Ordering::Relaxed)),
        };
        let version = version.cloned().ok_or_else(ServeError::stopping)?;
        Ok(Chosen {
            open: version.open(),
            version,
            readers: self.shared.readers.clone(),
            limits: self.shared.limits.clone(),
        })
    }

    /// A version to describe: the one that is named, or the current one.
    pub(crate) fn look(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<Arc<Version>, ServeError> {
        let lineup = self.model(name)?.lineup();
        let version = match version {
            Some(version) => Some(lineup.named(name, version)?),
            None => lineup.current(),
        };
        version.cloned().ok_or_else(ServeError::stopping)
    }

    /// Whether requests are accepted.
    pub fn ready(&self) -> bool {
        !self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Accepts no more requests and waits until those accepted are answered, as long as the limits say.
    pub async fn drain(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let end = Instant::now() + self.shared.limits.shutdown_time;
        while self.shared.open_requests() > 0 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn model(&self, name: &str) -> Result<Arc<Model>, ServeError> {
        let models = read(&self.shared.models);
        models
            .get(name)
            .cloned()
            .ok_or_else(|| ServeError::no_model(name))
    }
}

impl Shared {
    /// What is behind each name.
    pub fn models(&self) -> Vec<Arc<Model>> {
        read(&self.models).values().cloned().collect()
    }

    /// As [`Self::replace`], for a bundle that has changed.
    pub fn reload(
        &self,
        model: &Model,
        bundle: &Path,
        place: impl FnOnce(&mut Lineup, u64),
    ) -> Result<(), ServeError> {
        let _change = lock(&self.change);
        let known = read(&self.models).contains_key(model.name());
        match known {
            true => self.replace(model, bundle, place),
            // Taken away meanwhile.
            false => Ok(()),
        }
    }

    /// Loads a bundle as the newest version of a model; `place` gives it its role. `change` is held.
    fn replace(
        &self,
        model: &Model,
        bundle: &Path,
        place: impl FnOnce(&mut Lineup, u64),
    ) -> Result<(), ServeError> {
        let before = model.lineup();
        let number = before.versions.last().map_or(0, |v| v.number) + 1;
        let name = &model.name;
        let version = Version::load(name, number, bundle, &self.limits, &self.metrics)?;
        let mut lineup = (*before).clone();
        lineup.versions.push(Arc::new(version));
        place(&mut lineup, number);
        let dropped = lineup.prune(self.limits.versions);
        *write(&model.lineup) = Arc::new(lineup);
        self.count_loaded(name, number, true);
        for number in dropped {
            self.count_loaded(name, number, false);
        }
        Ok(())
    }

    /// Counts a reload that failed.
    pub fn reload_failed(&self, model: &str) {
        self.metrics.reload_failed(model);
    }

    fn count_loaded(&self, model: &str, number: u64, yes: bool) {
        self.metrics.loaded(model, &number.to_string(), yes);
    }

    fn open_requests(&self) -> usize {
        let open = |m: &Arc<Model>| -> usize {
            m.lineup().versions.iter().map(|v| v.open_requests()).sum()
        };
        self.models().iter().map(open).sum()
    }
}

impl Model {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            lineup: RwLock::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its versions now.
    pub fn lineup(&self) -> Arc<Lineup> {
        read(&self.lineup).clone()
    }
}

/// Names stand in addresses, in metrics and on pages.
pub(crate) fn check_name(name: &str) -> Result<(), ServeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fine = name.chars().all(plain) && !name.is_empty() && !name.starts_with('.');
    match fine && name.len() <= NAME {
        true => Ok(()),
        false => Err(ServeError::setup(
            format!("`{name}` cannot be the name of a model"),
            format!("use up to {NAME} letters of a-z and A-Z, digits, `-`, `_` and `.`"),
        )),
    }
}

fn check_percent(percent: u8) -> Result<(), ServeError> {
    match percent <= 100 {
        true => Ok(()),
        false => Err(ServeError::setup(
            format!("{percent} is no share in percent"),
            "give a number from 0 to 100",
        )),
    }
}

// A thread that panicked while it held a lock has left whole values behind: they are only replaced.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
