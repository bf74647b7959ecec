//! Trainings of this process: one at a time, the others in line.
//!
//! The run store stays the truth about runs. A job only adds what a store cannot: a way to stop the
//! training, and its events as they happen.

mod job;
mod line;

use crate::load::Load;
use job::{Job, Watcher};
use line::Line;
use modelwright_data::Notice;
use modelwright_runs::Status;
use modelwright_tasks::{Ended, Plan, Session, SessionOptions, TaskError};
use modelwright_train::Event;
use modelwright_train::recipe::Layers;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, oneshot};

/// Something that happened in a training.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub enum RunNews {
    /// It waits for the trainings before it.
    Waiting {
        /// How many they are.
        ahead: usize,
    },
    /// Pictures are decoded.
    Decoding {
        /// Pictures done.
        done: usize,
        /// Pictures in all.
        total: usize,
    },
    /// The trainer says something.
    Training(Event),
    /// What the machine does.
    Machine(Load),
    /// The training is over.
    Ended {
        /// How.
        status: Status,
        /// The error, if it failed.
        message: String,
    },
}

/// What was told so far, and what will be told.
pub struct Subscription {
    /// From the start of this process's work on the run; of the steps a selection.
    pub past: Vec<RunNews>,
    /// What comes after.
    pub news: broadcast::Receiver<RunNews>,
}

/// The trainings of this process. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    runs: PathBuf,
    running: Mutex<HashMap<String, Arc<Job>>>,
    line: Line,
}

/// What a thread is to work on.
enum Work {
    New(Layers),
    Resume(String),
}

impl Jobs {
    /// No training yet; runs go into the folder `runs`.
    pub fn new(runs: &Path) -> Self {
        Self(Arc::new(Inner {
            runs: runs.into(),
            running: Mutex::default(),
            line: Line::default(),
        }))
    }

    /// Starts a run and returns its name. After the time `limit` it
    /// finishes with what it has.
    ///
    /// # Errors
    /// The settings or the data do not allow a training.
    pub async fn start(
        &self,
        layers: Layers,
        limit: Option<Duration>,
    ) -> Result<String, TaskError> {
        self.launch(Work::New(layers), limit).await
    }

    /// Goes on with a run that was stopped.
    ///
    /// # Errors
    /// There is no such run, it is finished or at work, or its data has changed.
    pub async fn resume(&self, id: &str, limit: Option<Duration>) -> Result<(), TaskError> {
        let work = Work::Resume(id.into());
        self.launch(work, limit).await.map(drop)
    }

    /// Asks a training to save and stop; false if this process has no such training.
    pub fn stop(&self, id: &str) -> bool {
        let job = lock(&self.0.running).get(id).cloned();
        job.inspect(|job| job.control.stop()).is_some()
    }

    /// Whether this process works on the run, or will when its turn comes.
    pub fn is_running(&self, id: &str) -> bool {
        lock(&self.0.running).contains_key(id)
    }

    /// The news of a training of this process.
    pub fn subscribe(&self, id: &str) -> Option<Subscription> {
        let job = lock(&self.0.running).get(id).cloned()?;
        let past = lock(&job.past);
        // While `past` is held nothing is told, so that nothing falls between the two.
        Some(Subscription {
            past: past.clone(),
            news: job.news.subscribe(),
        })
    }

    /// Stops all trainings and waits until each has saved; gives up after `patience`.
    pub fn stop_all(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let running = lock(&self.0.running);
            running.values().for_each(|job| job.control.stop());
            if running.is_empty() || Instant::now() > deadline {
                return;
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    async fn launch(&self, work: Work, limit: Option<Duration>) -> Result<String, TaskError> {
        let (tell, told) = oneshot::channel();
        let jobs = self.clone();
        std::thread::spawn(move || jobs.work(work, limit, tell));
        told.await.unwrap_or_else(|_| {
            Err(TaskError::Asked {
                message: "the training could not be started".into(),
                help: "look at the log of the program".into(),
            })
        })
    }

    /// The life of a job, on a thread of its own.
    fn work(
        &self,
        work: Work,
        limit: Option<Duration>,
        tell: oneshot::Sender<Result<String, TaskError>>,
    ) {
        let job = Arc::new(Job::default());
        let notify = |notice| {
            if let Notice::Decoding(done, total) = notice {
                job.tell_decoding(done, total);
            }
        };
        let options = SessionOptions {
            runs: &self.0.runs,
            tensorboard: false,
            control: &job.control,
            notify: &notify,
        };
        let session = match work {
            Work::New(layers) => {
                Plan::new(&layers, &notify).and_then(|plan| Session::start(plan, options))
            }
            Work::Resume(id) => Session::resume(&id, options),
        };
        let session = match session {
            Ok(session) => session,
            Err(error) => {
                // If nobody waits for the answer any more, nobody misses it.
                let _ = tell.send(Err(error));
                return;
            }
        };
        let id = session.id().to_string();
        let seat = Seat::take(self, &id, &job);
        let _ = tell.send(Ok(id));
        let turn = self
            .0
            .line
            .wait(|ahead| job.tell(RunNews::Waiting { ahead }));
        if let Some(limit) = limit {
            job.control.finish_in(limit);
        }
        let ended = session.run(Box::new(Watcher::new(&job)));
        drop(turn);
        seat.leave(ended);
    }
}

/// A job's place in the list of those at work; it is given up however the thread ends.
struct Seat<'a> {
    jobs: &'a Jobs,
    id: String,
    job: Arc<Job>,
    ended: Option<(Status, String)>,
}

impl<'a> Seat<'a> {
    fn take(jobs: &'a Jobs, id: &str, job: &Arc<Job>) -> Self {
        lock(&jobs.0.running).insert(id.into(), job.clone());
        Self {
            jobs,
            id: id.into(),
            job: job.clone(),
            ended: None,
        }
    }

    fn leave(mut self, ended: Result<Ended, TaskError>) {
        self.ended = Some(match ended {
            Ok(Ended::Finished(_)) => (Status::Finished, String::new()),
            Ok(Ended::Interrupted) => (Status::Interrupted, String::new()),
            Err(error) => (Status::Failed, error.to_string()),
        });
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // Whoever hears the end and asks again must find the job gone.
        lock(&self.jobs.0.running).remove(&self.id);
        let broken = || (Status::Failed, "the training broke off".into());
        let (status, message) = self.ended.take().unwrap_or_else(broken);
        self.job.tell(RunNews::Ended { status, message });
    }
}

/// What these locks guard is whole at every moment, so a panic elsewhere does not spoil it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
