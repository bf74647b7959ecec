//! Load for a server: requests as fast as it answers, or at moments drawn beforehand.

use crate::error::ServeError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two reports of progress.
const REPORT: Duration = Duration::from_millis(200);
/// Status of a request that got no answer at all.
const NO_ANSWER: &str = "no answer";

/// Where to send requests, and with which token.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server, such as `http://127.0.0.1:8000`.
    pub url: String,
    /// Bearer token.
    pub token: Option<String>,
}

/// A body to send.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// How much to send.
#[derive(Debug, Clone)]
pub struct Load {
    /// Connections, each of which has one request under way.
    pub clients: usize,
    /// Requests a second on average, at random moments; without it each client asks as soon as it is
    /// answered.
    pub rate: Option<f64>,
    /// How long.
    pub duration: Duration,
    /// Of the random moments.
    pub seed: u64,
}

/// What came back.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Requests sent.
    pub requests: u64,
    /// Requests answered with a prediction.
    pub succeeded: u64,
    /// All others, by status.
    pub failed: BTreeMap<String, u64>,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Predictions a second.
    pub per_second: f64,
    /// Half of the predictions took at most so many milliseconds. With a rate this is counted from the
    /// moment at which a request was due, so that waiting for a free connection counts.
    pub p50: f64,
    /// 95 of a hundred took at most so many milliseconds.
    pub p95: f64,
    /// 99 of a hundred took at most so many milliseconds.
    pub p99: f64,
    /// The slowest, in milliseconds.
    pub slowest: f64,
}

impl Target {
    /// The only model of the server.
    ///
    /// # Errors
    /// The server does not answer, or has none or several.
    pub fn only_model(&self) -> Result<String, ServeError> {
        let models = self.get("/v1/models")?;
        let names: Vec<&str> = models["data"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|m| m["name"].as_str())
            .collect();
        match names.as_slice() {
            [only] => Ok(only.to_string()),
            _ => Err(ServeError::setup(
                format!("{} serves {} models", self.url, names.len()),
                format!("choose one with --model: {}", names.join(", ")),
            )),
        }
    }

    /// The example that the server itself gives for a model.
    ///
    /// # Errors
    /// The server does not answer, or has no such model.
    pub fn example(&self, model: &str) -> Result<Sample, ServeError> {
        let about = self.get(&format!("/v1/models/{model}"))?;
        Ok(Sample {
            content_type: "application/json".into(),
            body: about["example"].to_string().into_bytes(),
        })
    }

    fn get(&self, path: &str) -> Result<Value, ServeError> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let failed = |problem: String| {
            ServeError::setup(
                format!("{url}: {problem}"),
                "give the address of a server that runs, and its token if it wants one",
            )
        };
        let mut request = agent().get(&url);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|e| failed(e.to_string()))?;
        let status = response.status();
        let text = response.body_mut().read_to_string();
        let text = text.map_err(|e| failed(e.to_string()))?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        match status.is_success() {
            true => Ok(body),
            false => Err(failed(format!(
                "{status} {}",
                body["error"].as_str().unwrap_or_default()
            ))),
        }
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent()
}

impl Load {
    /// Sends the samples in turn to a model. `progress` is told the seconds so far and the numbers of
    /// predictions and failures.
    ///
    /// # Errors
    /// There is no sample, or the rate is no positive number.
    pub fn run(
        &self,
        target: &Target,
        model: &str,
        samples: &[Sample],
        progress: &dyn Fn(f64, u64, u64),
    ) -> Result<LoadReport, ServeError> {
        if samples.is_empty() || self.rate.is_some_and(|r| !(r.is_finite() && r > 0.0)) {
            return Err(ServeError::setup(
                "nothing to send",
                "give at least one input, and a rate above 0",
            ));
        }
        let url = format!(
            "{}/v1/models/{model}/predict",
            target.url.trim_end_matches('/')
        );
        let clients = Clients {
            url,
            token: target.token.as_ref().map(|t| format!("Bearer {t}")),
            samples,
            started: Instant::now(),
            duration: self.duration,
            moments: self
                .rate
                .map(|rate| Mutex::new(Moments::new(self.seed, rate))),
            sent: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        let results: Vec<Outcomes> = std::thread::scope(|scope| {
            let client = || scope.spawn(|| clients.work());
            let threads: Vec<_> = (0..self.clients.max(1)).map(|_| client()).collect();
            while !threads.iter().all(|t| t.is_finished()) {
                std::thread::sleep(REPORT);
                clients.tell(progress);
            }
            // A client that panicked has no results.
            threads.into_iter().filter_map(|t| t.join().ok()).collect()
        });
        Ok(clients.report(results))
    }
}

/// What all clients share.
struct Clients<'a> {
    url: String,
    token: Option<String>,
    samples: &'a [Sample],
    started: Instant,
    duration: Duration,
    moments: Option<Mutex<Moments>>,
    sent: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

/// What one client saw.
#[derive(Default)]
struct Outcomes {
    milliseconds: Vec<f32>,
    failed: BTreeMap<String, u64>,
}

impl Clients<'_> {
    /// One client, which keeps its connection.
    fn work(&self) -> Outcomes {
        let agent = agent();
        let mut outcomes = Outcomes::default();
        while let Some(due) = self.next_moment() {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let n = self.sent.fetch_add(1, Ordering::Relaxed) as usize;
            match self.ask(&agent, &self.samples[n % self.samples.len()]) {
                Ok(()) => {
                    self.succeeded.fetch_add(1, Ordering::Relaxed);
                    let taken = due.elapsed().as_secs_f32() * 1e3;
                    outcomes.milliseconds.push(taken);
                }
                Err(status) => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    *outcomes.failed.entry(status).or_default() += 1;
                }
            }
        }
        outcomes
    }

    /// When the next request is due; `None` when the time is over.
    fn next_moment(&self) -> Option<Instant> {
        let due = match &self.moments {
            None => Instant::now(),
            Some(moments) => {
                let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
                self.started + moments.next()
            }
        };
        (due < self.started + self.duration).then_some(due)
    }

    fn ask(&self, agent: &Agent, sample: &Sample) -> Result<(), String> {
        let mut request = agent
            .post(&self.url)
            .header("content-type", &sample.content_type);
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        let answer = request.send(&sample.body[..]);
        let mut answer = answer.map_err(|_| NO_ANSWER.to_string())?;
        // Read to the end, or the connection could not be used again.
        let read = answer.body_mut().read_to_vec();
        match answer.status() {
            status if !status.is_success() => Err(status.as_u16().to_string()),
            _ => read.map(drop).map_err(|_| NO_ANSWER.to_string()),
        }
    }

    fn tell(&self, progress: &dyn Fn(f64, u64, u64)) {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        progress(seconds, get(&self.succeeded), get(&self.failed));
    }

    fn report(&self, results: Vec<Outcomes>) -> LoadReport {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut failed = BTreeMap::new();
        let mut times = Vec::new();
        for outcomes in results {
            times.extend(outcomes.milliseconds);
            for (status, count) in outcomes.failed {
                *failed.entry(status).or_default() += count;
            }
        }
        times.sort_by(f32::total_cmp);
        let succeeded = times.len() as u64;
        LoadReport {
            requests: self.sent.load(Ordering::Relaxed),
            succeeded,
            failed,
            seconds,
            per_second: succeeded as f64 / seconds,
            p50: quantile(&times, 0.50),
            p95: quantile(&times, 0.95),
            p99: quantile(&times, 0.99),
            slowest: quantile(&times, 1.0),
        }
    }
}

/// The smallest value that at least this share of the sorted values does not exceed; 0 of none.
fn quantile(sorted: &[f32], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let value = sorted.get(rank.saturating_sub(1)).copied();
    f64::from(value.unwrap_or(0.0))
}

/// Random moments with independent gaps, as requests of many strangers have them.
struct Moments {
    random: ChaCha8Rng,
    rate: f64,
    seconds: f64,
}

impl Moments {
    fn new(seed: u64, rate: f64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            rate,
            seconds: 0.0,
        }
    }

    /// The next one, counted from the start.
    fn next(&mut self) -> Duration {
        let uniform: f64 = self.random.random();
        self.seconds -= (1.0 - uniform).ln() / self.rate;
        Duration::from_secs_f64(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_at_the_rate_and_again_with_the_seed() {
        let mut moments = Moments::new(7, 100.0);
        let all: Vec<Duration> = (0..10_000).map(|_| moments.next()).collect();
        let seconds = all[9_999].as_secs_f64();
        assert!((95.0..105.0).contains(&seconds), "{seconds}");
        assert_eq!(Moments::new(7, 100.0).next(), all[0]);
    }

    #[test]
    fn quantiles_are_values() {
        let values: Vec<f32> = (1..=100).map(|v| v as f32).collect();
        assert_eq!(quantile(&values, 0.5), 50.0);
        assert_eq!(quantile(&values, 0.99), 99.0);
        assert_eq!(quantile(&values, 1.0), 100.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
