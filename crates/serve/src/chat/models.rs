//! Models that talk, by name.

use super::source::ChatSource;
use super::talker::{About, Ask, Feedback, Pieces, Prompt, Talker};
use super::watched::watched;
use crate::error::ServeError;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::registry::check_name;
use crate::summary::ModelSummary;
use modelwright_generate::{ChatSettings, EngineOptions};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// The only version of each: these models are not replaced while they serve.
pub(crate) const VERSION: &str = "1";

/// The talking models of a server. Clones are the same models.
#[derive(Clone)]
pub struct ChatModels {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    metrics: Metrics,
    models: RwLock<BTreeMap<String, Arc<ChatModel>>>,
    stopping: AtomicBool,
}

/// A model that talks.
pub struct ChatModel {
    name: String,
    about: About,
    /// When it was loaded, in seconds since 1970.
    created: u64,
    talker: Arc<dyn Talker>,
    limits: Limits,
    metrics: Metrics,
}

impl ChatModels {
    /// No model yet.
    pub fn new(limits: &Limits, metrics: &Metrics) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits: limits.clone(),
                metrics: metrics.clone(),
                models: RwLock::default(),
                stopping: AtomicBool::new(false),
            }),
        }
    }

    /// Loads a model and serves it under `name`. Blocks while loading.
    ///
    /// # Errors
    /// The name is taken or cannot stand in an address, or the model cannot be loaded: for example it
    /// does not fit into memory.
    pub fn load(
        &self,
        name: &str,
        source: &ChatSource,
        options: &EngineOptions,
    ) -> Result<(), ServeError> {
        self.check_free(name)?;
        self.add(name, source.load(options)?)
    }

    /// Serves what talks under `name`.
    ///
    /// # Errors
    /// The name is taken or cannot stand in an address.
    pub fn add(&self, name: &str, talker: Arc<dyn Talker>) -> Result<(), ServeError> {
        self.check_free(name)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let model = ChatModel {
            name: name.into(),
            about: talker.about(),
            created: now.map_or(0, |t| t.as_secs()),
            talker: talker.clone(),
            limits: self.shared.limits.clone(),
            metrics: self.shared.metrics.clone(),
        };
        self.write().insert(name.into(), Arc::new(model));
        self.shared.metrics.loaded(name, VERSION, true);
        self.shared.metrics.talks(name, &talker);
        Ok(())
    }

    /// Takes a model away; answers that have begun come to their end.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.write().remove(name).is_some();
        if removed {
            self.shared.metrics.loaded(name, VERSION, false);
            self.shared.metrics.talks_no_more(name);
        }
        removed
    }

    /// All models, by name.
    pub fn list(&self) -> Vec<Arc<ChatModel>> {
        let models = self.shared.models.read();
        // A thread that panicked cannot have left the map half changed.
        let models = models.unwrap_or_else(PoisonError::into_inner);
        models.values().cloned().collect()
    }

    /// The model of this name, if there is one.
    pub fn find(&self, name: &str) -> Option<Arc<ChatModel>> {
        let models = self.shared.models.read();
        let models = models.unwrap_or_else(PoisonError::into_inner);
        models.get(name).cloned()
    }

    /// The model of this name, unless the server is stopping.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn choose(&self, name: &str) -> Result<Arc<ChatModel>, ServeError> {
        if self.shared.stopping.load(Ordering::Relaxed) {
            return Err(ServeError::stopping());
        }
        self.find(name).ok_or_else(|| ServeError::no_model(name))
    }

    /// Begins no more answers.
    pub fn close(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    fn check_free(&self, name: &str) -> Result<(), ServeError> {
        check_name(name)?;
        match self.find(name) {
            None => Ok(()),
            Some(_) => Err(ServeError::setup(
                format!("a model `{name}` is served already"),
                "give another name: NAME=MODEL",
            )),
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<ChatModel>>> {
        let models = self.shared.models.write();
        models.unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChatModel {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What talks.
    pub fn talker(&self) -> &Arc<dyn Talker> {
        &self.talker
    }

    /// As it is listed beside other models.
    pub(crate) fn summary(&self) -> ModelSummary {
        ModelSummary::named(&self.name, self.about.task, self.created)
    }

    /// Begins to answer a conversation.
    ///
    /// # Errors
    /// See [`Talker::chat`].
    pub async fn chat(self: &Arc<Self>, ask: Ask) -> Result<Pieces, ServeError> {
        self.begin(|talker| talker.chat(ask)).await
    }

    /// Begins to go on with a text.
    ///
    /// # Errors
    /// See [`Talker::complete`].
    pub async fn complete(
        self: &Arc<Self>,
        prompt: Prompt,
        settings: ChatSettings,
    ) -> Result<Pieces, ServeError> {
        self.begin(|talker| talker.complete(prompt, settings)).await
    }

    /// Notes what a person thinks of an answer.
    ///
    /// # Errors
    /// See [`Talker::feedback`].
    pub async fn feedback(self: &Arc<Self>, feedback: Feedback) -> Result<(), ServeError> {
        self.aside(|talker| talker.feedback(feedback)).await
    }

    async fn begin(
        self: &Arc<Self>,
        begin: impl FnOnce(&dyn Talker) -> Result<Pieces, ServeError> + Send + 'static,
    ) -> Result<Pieces, ServeError> {
        let pieces = self.aside(begin).await?;
        let most = self.limits.answer_time;
        Ok(watched(pieces, &self.name, &self.metrics, most))
    }

    /// Does what computes or reads files where it keeps nobody else waiting.
    async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&dyn Talker) -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError> {
        let talker = self.talker.clone();
        let done = tokio::task::spawn_blocking(move || work(&*talker)).await;
        done.map_err(|_| ServeError::own(format!("`{}` failed", self.name)))?
    }
}
