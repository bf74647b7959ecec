//! One thread for each loaded model, which computes what several requests ask for in one pass.

use crate::error::ServeError;
use crate::input::PLACE;
use crate::limits::Limits;
use crate::metrics::Metrics;
use modelwright_data::Content;
use modelwright_tasks::{Prediction, Predictor};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Stack of a computing thread: networks are walked and dropped recursively.
pub(crate) const STACK: usize = 16 << 20;
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
    /// Starts the thread of a model.
    pub fn start(
        model: &str,
        predictor: Arc<dyn Predictor>,
        limits: &Limits,
        metrics: Metrics,
    ) -> Result<Self, ServeError> {
        let (jobs, taken) = mpsc::channel();
        let state = Arc::new(State {
            model: model.into(),
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
                self.metrics.queue(&self.model, before + examples);
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

    /// Gives the places of a job back.
    fn taken(&self, job: Job) -> Job {
        let examples = job.content.len();
        let before = self.waiting.fetch_sub(examples, Ordering::Relaxed);
        self.metrics.queue(&self.model, before - examples);
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
mod tests {
    use super::*;
    use modelwright_data::{Column, ColumnData, Dataset, Kind, Part, Table};
    use modelwright_tasks::{Evaluation, InputSchema, TaskError};
    use modelwright_train::Recipe;
    use std::sync::Mutex;

    /// Gives each row's number back, once it is allowed to; fails at 13 and panics at 14.
    struct Echo {
        go: Mutex<Receiver<()>>,
        sizes: Mutex<Vec<usize>>,
    }

    impl Predictor for Echo {
        fn labels(&self) -> &[String] {
            &[]
        }

        fn input(&self) -> InputSchema {
            InputSchema::Table {
                columns: Vec::new(),
            }
        }

        fn prepare(&self, _: &str, content: Content) -> Result<Content, TaskError> {
            Ok(content)
        }

        fn predict(
            &self,
            _: &str,
            content: &Content,
            rows: Range<usize>,
        ) -> Result<Vec<Prediction>, TaskError> {
            let _ = self.go.lock().unwrap().recv();
            self.sizes.lock().unwrap().push(rows.len());
            let Content::Table(table) = content else {
                panic!()
            };
            let ColumnData::Numbers(values) = &table.columns[0].data else {
                panic!()
            };
            let values = &values[rows];
            assert!(!values.contains(&14.0), "fourteen");
            match values.contains(&13.0) {
                true => Err(TaskError::Asked {
                    message: "thirteen".into(),
                    help: String::new(),
                }),
                false => Ok(values
                    .iter()
                    .map(|v| Prediction::Value { value: *v })
                    .collect()),
            }
        }

        fn evaluate(&self, _: &Dataset, _: &[usize]) -> Result<Evaluation, TaskError> {
            unreachable!()
        }

        fn parts(&self, _: &Dataset, _: &Recipe) -> Result<Vec<Part>, TaskError> {
            unreachable!()
        }
    }

    struct Bench {
        batcher: Batcher,
        echo: Arc<Echo>,
        /// One message allows one pass; without this the passes are not held up.
        go: Option<Sender<()>>,
    }

    impl Bench {
        fn new(batch_size: usize, queue: usize) -> Self {
            let (go, gate) = mpsc::channel();
            let echo = Arc::new(Echo {
                go: Mutex::new(gate),
                sizes: Mutex::default(),
            });
            let limits = Limits {
                batch_size,
                queue,
                batch_delay: Duration::from_secs(5),
                ..Limits::default()
            };
            let batcher = Batcher::start("m", echo.clone(), &limits, Metrics::new()).unwrap();
            Self {
                batcher,
                echo,
                go: Some(go),
            }
        }

        async fn ask(&self, values: &[f64]) -> Result<Vec<f64>, u16> {
            self.ask_with(self.batcher.open(), values).await
        }

        async fn ask_with(&self, open: Open, values: &[f64]) -> Result<Vec<f64>, u16> {
            let column = Column {
                name: "x".into(),
                kind: Kind::Number,
                data: ColumnData::Numbers(values.to_vec()),
            };
            let content = Content::Table(Table {
                columns: vec![column],
            });
            let answer = self.batcher.predict(content, open).await;
            let value = |p| match p {
                Prediction::Value { value } => value,
                Prediction::Class { .. } => f64::NAN,
            };
            answer
                .map(|all| all.into_iter().map(value).collect())
                .map_err(|e| e.status().as_u16())
        }

        fn sizes(&self) -> Vec<usize> {
            self.echo.sizes.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn open_requests_share_a_pass_and_get_their_own_answers() {
        let mut bench = Bench::new(5, 100);
        bench.go = None;
        // All are open before the first is ready.
        let [a, b, c] = [(); 3].map(|()| bench.batcher.open());
        let (a, b, c) = tokio::join!(
            bench.ask_with(a, &[1.0, 2.0]),
            bench.ask_with(b, &[3.0]),
            bench.ask_with(c, &[4.0, 5.0, 6.0])
        );
        assert_eq!(
            (a, b, c),
            (Ok(vec![1.0, 2.0]), Ok(vec![3.0]), Ok(vec![4.0, 5.0, 6.0]))
        );
        assert_eq!(bench.sizes(), [3, 3], "the third did not fit in");
        // A request that is alone does not wait for others, however long the delay is.
        let started = Instant::now();
        assert_eq!(bench.ask(&[7.0]).await, Ok(vec![7.0]));
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_failure_or_panic_is_its_own() {
        let mut bench = Bench::new(10, 100);
        bench.go = None;
        let (a, b, c) = tokio::join!(bench.ask(&[1.0]), bench.ask(&[13.0]), bench.ask(&[14.0]));
        assert_eq!((a, b, c), (Ok(vec![1.0]), Err(400), Err(500)));
        assert_eq!(bench.ask(&[2.0]).await, Ok(vec![2.0]), "the thread goes on");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_who_left_is_not_computed() {
        let bench = Arc::new(Bench::new(1, 2));
        let ask = |value: f64| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.ask(&[value]).await })
        };
        let first = ask(1.0);
        // The thread takes the first one and is held up; then two places are left.
        while bench.batcher.state.waiting.load(Ordering::Relaxed) > 0
            || bench.batcher.open_requests() == 0
        {
            tokio::task::yield_now().await;
        }
        let (left, second) = (ask(2.0), ask(3.0));
        while bench.batcher.state.waiting.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.ask(&[4.0]).await, Err(429));
        left.abort();
        let _ = left.await;
        let go = bench.go.as_ref().unwrap();
        go.send(()).unwrap();
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(vec![1.0]));
        assert_eq!(second.await.unwrap(), Ok(vec![3.0]));
        assert_eq!(bench.sizes().len(), 2);
        assert_eq!(bench.batcher.open_requests(), 0);
    }
}
