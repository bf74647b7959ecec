//! From a request to its answer.

use crate::batcher::Open;
use crate::error::ServeError;
use crate::limits::Limits;
use crate::model::Version;
use modelwright_data::Content;
use modelwright_tasks::{InputSchema, OutputSchema, Prediction};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Requests above this size are read on a thread of their own, so that other requests go on.
const HEAVY: usize = 64 << 10;

/// Predictions for the examples of one request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The version that answered.
    pub version: String,
    /// One an example, in their order.
    pub predictions: Vec<Prediction>,
    /// Class names, in the order of the probabilities; empty where the answer is no class.
    pub labels: Arc<[String]>,
    /// What the predictions are.
    pub output: OutputSchema,
}

/// A request and the version that is to answer it.
pub(crate) struct Chosen {
    /// The version.
    pub version: Arc<Version>,
    /// Counts the request.
    pub open: Open,
    /// Those that may read requests at once.
    pub readers: Arc<Semaphore>,
    /// What is accepted at most.
    pub limits: Arc<Limits>,
}

impl Chosen {
    /// Whether reading a request of `size` bytes may take long: pictures always may.
    pub fn is_heavy(&self, size: usize) -> bool {
        let pictures = matches!(self.version.input(), InputSchema::Images { .. });
        pictures || size > HEAVY
    }

    /// Reads the examples, with whatever else the request holds, and predicts. Reading that may take
    /// long is `heavy` and goes to a thread of its own.
    ///
    /// # Errors
    /// Those of `read`, too many requests, or the model cannot compute the examples.
    pub async fn answer<T, R>(self, heavy: bool, read: R) -> Result<(Answer, T), ServeError>
    where
        T: Send + 'static,
        R: FnOnce(&Version, &Limits) -> Result<(Content, T), ServeError> + Send + 'static,
    {
        let Self {
            version,
            open,
            readers,
            limits,
        } = self;
        let (content, rest) = match heavy {
            false => read(&version, &limits)?,
            true => {
                // Never closed.
                let reader = readers.acquire_owned().await.ok();
                let version = version.clone();
                let read = move || {
                    let _reader = reader;
                    read(&version, &limits)
                };
                let done = tokio::task::spawn_blocking(read).await;
                done.map_err(|_| ServeError::own("reading the request failed"))??
            }
        };
        let answer = Answer {
            predictions: version.predict(content, open).await?,
            version: version.number.to_string(),
            labels: version.labels.clone(),
            output: version.output,
        };
        Ok((answer, rest))
    }
}
