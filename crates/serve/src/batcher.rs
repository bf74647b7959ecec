//! One thread for each loaded model, which computes what several requests ask for in one pass.

use crate::error::ServeError;
use crate::input::PLACE;
use crate::limits::Limits;
use crate::metrics::Metrics;
use modelwright_data::Content;
use modelwright_tasks::{Prediction, Predictor, STACK};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Seconds after which a client that was sent away may come again.
const RETRY: u64 = 1;

/// Sets the number of threads that models compute on, for the whole process and once.
///
/// # Errors
/// It was set before, or threads cannot be started.
pub fn use_threads(count: usize) -> Result<(), ServeError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global()
        .map_err(|e| ServeError::own(format!("cannot start {count} threads: {e}")))
}

type Reply = Result<Vec<Prediction>, ServeError>;

/// The way to a computing thread. It ends when this is dropped and all that was accepted is answered.
pub(crate) struct Batcher {
    jobs: Sender<Job>,
    state: Arc<State>,
}

/// What both sides count.
struct State {
    model: String,
    version: String,
    metrics: Metrics,
    /// Most examples in one pass.
    most: usize,
    delay: Duration,
    /// Most examples that wait.
    queue: usize,
    /// Examples that wait.
    waiting: AtomicUsize,
    /// Requests from the first look at their content to their answer.
    open: AtomicUsize,
    examples: AtomicU64,
    passes: AtomicU64,
}

/// A request that is being worked on, until this is dropped.
pub(crate) struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Job {
    content: Content,
    reply: oneshot::Sender<Reply>,
    _open: Open,
}

impl Batcher {
    /// Starts the thread of a version of a model.
    pub fn start(
        (model, version): (&str, &str),
        predictor: Arc<dyn Predictor>,
        limits: &Limits,
        metrics: Metrics,
    ) -> Result<Self, ServeError> {
        let (jobs, taken) = mpsc::channel();
        let state = Arc::new(State {
            model: model.into(),
            version: version.into(),
            metrics,
            most: limits.batch_size.max(1),
            delay: limits.batch_delay,
            queue: limits.queue,
            waiting: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            examples: AtomicU64::new(0),
            passes: AtomicU64::new(0),
        });
        let shared = state.clone();
        std::thread::Builder::new()
            .name(format!("model {model}"))
            .stack_size(STACK)
            .spawn(move || shared.work(&taken, &*predictor))
            .map_err(|e| ServeError::own(format!("cannot start a thread: {e}")))?;
        Ok(Self { jobs, state })
    }

    /// Counts a request from now on: while others are open, a batch waits a moment for them.
    pub fn open(&self) -> Open {
        self.state.open.fetch_add(1, Ordering::Relaxed);
        Open(self.state.clone())
    }

    /// Requests that are being worked on.
    pub fn open_requests(&self) -> usize {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Examples computed so far, and the passes it took.
    pub fn computed(&self) -> (u64, u64) {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (get(&self.state.examples), get(&self.state.passes))
    }

    /// Predictions for prepared content.
    ///
    /// # Errors
    /// Too much is waiting, or the model cannot compute this content. If the future is dropped, the
    /// content is not computed any more.
    pub async fn predict(&self, content: Content, open: Open) -> Reply {
        self.state.admit(content.len())?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            content,
            reply,
            _open: open,
        };
        self.jobs.send(job).map_err(|_| ServeError::stopping())?;
        answer.await.unwrap_or_else(|_| Err(ServeError::stopping()))
    }
}

impl State {
    /// Takes places in the queue. A request that is larger than the queue may wait alone.
    fn admit(&self, examples: usize) -> Result<(), ServeError> {
        let admit = |waiting: usize| {
            (waiting == 0 || waiting + examples <= self.queue).then_some(waiting + examples)
        };
        let order = Ordering::Relaxed;
        match self.waiting.fetch_update(order, order, admit) {
            Ok(before) => {
                self.queue(before + examples);
                Ok(())
            }
            Err(waiting) => Err(ServeError::busy(
                format!(
                    "{waiting} examples are waiting for `{}` already",
                    self.model
                ),
                RETRY,
            )),
        }
    }

    fn queue(&self, depth: usize) {
        self.metrics.queue(&self.model, &self.version, depth);
    }

    /// Gives the places of a job back.
    fn taken(&self, job: Job) -> Job {
        let examples = job.content.len();
        let before = self.waiting.fetch_sub(examples, Ordering::Relaxed);
        self.queue(before - examples);
        job
    }

    fn work(&self, jobs: &Receiver<Job>, predictor: &dyn Predictor) {
        let mut left = None;
        while let Some(first) = left
            .take()
            .or_else(|| jobs.recv().ok().map(|j| self.taken(j)))
        {
            let mut batch = vec![first];
            left = self.fill(&mut batch, jobs);
            // Whoever has gone needs no answer.
            batch.retain(|job| !job.reply.is_closed());
            if !batch.is_empty() {
                self.compute(batch, predictor);
            }
        }
    }

    /// Adds jobs to a batch until it is full, nothing more is on its way, or the wait is over. Returns
    /// a job that does not fit in any more.
    fn fill(&self, batch: &mut Vec<Job>, jobs: &Receiver<Job>) -> Option<Job> {
        let end = Instant::now() + self.delay;
        let mut examples = batch[0].content.len();
        while examples < self.most {
            let job = self.taken(self.next(jobs, batch.len(), end)?);
            if examples + job.content.len() > self.most {
                return Some(job);
            }
            examples += job.content.len();
            batch.push(job);
        }
        None
    }

    fn next(&self, jobs: &Receiver<Job>, have: usize, end: Instant) -> Option<Job> {
        match jobs.try_recv() {
            Ok(job) => Some(job),
            Err(TryRecvError::Empty) if self.open.load(Ordering::Relaxed) > have => {
                let rest = end.saturating_duration_since(Instant::now());
                jobs.recv_timeout(rest).ok()
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    fn compute(&self, batch: Vec<Job>, predictor: &dyn Predictor) {
        let mut replies = Vec::with_capacity(batch.len());
        let mut content: Option<Content> = None;
        for job in batch {
            let start = content.as_ref().map_or(0, Content::len);
            let rows = start..start + job.content.len();
            let joined = match &mut content {
                None => {
                    content = Some(job.content);
                    Ok(())
                }
                Some(content) => content.append(job.content),
            };
            match joined {
                Ok(()) => replies.push((rows, job.reply, job._open)),
                // Prepared content can always be joined; if not, it is our mistake.
                Err(e) => drop(job.reply.send(Err(ServeError::own(e.to_string())))),
            }
        }
        let Some(content) = content else { return };
        let mut all = self
            .predict(predictor, &content, 0..content.len())
            .map(Vec::into_iter);
        let several = replies.len() > 1;
        for (rows, reply, _open) in replies {
            let answer = match &mut all {
                Ok(all) => Ok(all.take(rows.len()).collect()),
                // One of them is at fault; the others shall not suffer for it.
                Err(_) if several => self.predict(predictor, &content, rows),
                Err(error) => Err(error.clone()),
            };
            // The client may have left.
            let _ = reply.send(answer);
        }
    }

    fn predict(&self, predictor: &dyn Predictor, content: &Content, rows: Range<usize>) -> Reply {
        let count = rows.len();
        let predict = || predictor.predict(PLACE, content, rows);
        let answer = match catch_unwind(AssertUnwindSafe(predict)) {
            Ok(answer) => answer.map_err(|e| ServeError::prediction(&e))?,
            // The panic hook has reported it.
            Err(_) => return Err(ServeError::own("the model failed")),
        };
        self.metrics.batch(&self.model, count);
        self.examples.fetch_add(count as u64, Ordering::Relaxed);
        self.passes.fetch_add(1, Ordering::Relaxed);
        match answer.len() == count {
            true => Ok(answer),
            false => Err(ServeError::own("the model gave another number of answers")),
        }
    }
}

#[cfg(test)]
mod tests;
