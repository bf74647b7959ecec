//! Batches with a predictor that is held up, fails and panics as told.

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
        let batcher = Batcher::start(("m", "1"), echo.clone(), &limits, Metrics::new()).unwrap();
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
            _ => f64::NAN,
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
