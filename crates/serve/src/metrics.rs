//! What the server counts, in the form that Prometheus reads.

use crate::chat::Talker;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};

/// Upper bounds of the latency histogram in seconds: a small network answers in under a
/// millisecond, a large one under load in seconds.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds of the times to a first word in seconds: the prompt has to be read before.
const FIRST_TOKEN: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Upper bounds of the batch size histogram.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The OpenMetrics form's content type.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The older Prometheus form's content type.
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters, gauges and histograms of one server. Clones count into the same numbers.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    in_flight: Gauge,
    queue: Family<VersionLabels, Gauge>,
    batches: Family<ModelLabels, Histogram>,
    loaded: Family<VersionLabels, Gauge>,
    reload_failures: Family<ModelLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    talk: Talk,
    /// Which versions of which models are loaded: no other name becomes a label.
    names: RwLock<BTreeSet<(String, String)>>,
}

/// What is counted of models that talk. All but the times are read from the models when somebody asks.
struct Talk {
    talkers: Mutex<BTreeMap<String, Weak<dyn Talker>>>,
    first_token: Family<ModelLabels, Histogram>,
    prompt_tokens: Family<ModelLabels, Counter>,
    cached_tokens: Family<ModelLabels, Counter>,
    generated_tokens: Family<ModelLabels, Counter>,
    running: Family<ModelLabels, Gauge>,
    waiting: Family<ModelLabels, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    model: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    model: String,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ModelLabels {
    model: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VersionLabels {
    model: String,
    version: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

/// A request that is being worked on, until this is dropped.
#[derive(Debug)]
pub struct InFlight {
    gauge: Gauge,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All numbers at zero.
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("modelwright"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
            queue: Family::default(),
            batches: Family::new_with_constructor(|| Histogram::new(SIZES)),
            loaded: Family::default(),
            reload_failures: Family::default(),
            refusals: Family::default(),
            talk: Talk::new(),
            names: RwLock::default(),
        };
        inner.register();
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Counts an answered request. `route` is the pattern that matched, never the path itself, so
    /// that nobody can make up labels; `model` is empty where the route has none.
    pub fn request(&self, model: &str, route: &str, status: u16, seconds: f64) {
        let (model, route) = (model.to_string(), route.to_string());
        let by_route = RouteLabels {
            model: model.clone(),
            route: route.clone(),
        };
        self.inner.seconds.get_or_create(&by_route).observe(seconds);
        let by_status = RequestLabels {
            model,
            route,
            status,
        };
        self.inner.requests.get_or_create(&by_status).inc();
    }

    /// Counts a request as being worked on until the answer is dropped.
    pub fn in_flight(&self) -> InFlight {
        let gauge = self.inner.in_flight.clone();
        gauge.inc();
        InFlight { gauge }
    }

    /// Counts a request that was turned away at the door: `token`, `scope`, `rate` or `attempts`.
    pub fn refused(&self, reason: &'static str) {
        let labels = RefusalLabels { reason };
        self.inner.refusals.get_or_create(&labels).inc();
    }

    /// Counts a batch of `size` examples that a model computed in one pass.
    pub fn batch(&self, model: &str, size: usize) {
        let batches = self.inner.batches.get_or_create(&labels(model));
        batches.observe(size as f64);
    }

    /// Sets how many examples wait for a version of a model.
    pub fn queue(&self, model: &str, version: &str, depth: usize) {
        let names = self.names();
        // A version that was replaced answers what it had accepted, but is listed no more.
        if names.contains(&(model.to_string(), version.to_string())) {
            let queue = self.inner.queue.get_or_create(&of_version(model, version));
            queue.set(i64::try_from(depth).unwrap_or(i64::MAX));
        }
    }

    fn names(&self) -> RwLockReadGuard<'_, BTreeSet<(String, String)>> {
        let names = self.inner.names.read();
        // A thread that panicked cannot have left the set half changed.
        names.unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a version of a model is loaded, or is no longer.
    pub fn loaded(&self, model: &str, version: &str, yes: bool) {
        let pair = (model.to_string(), version.to_string());
        let labels = of_version(model, version);
        // A thread that panicked cannot have left the set half changed.
        let mut names = self
            .inner
            .names
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if yes {
            names.insert(pair);
            self.inner.loaded.get_or_create(&labels).set(1);
            return;
        }
        names.remove(&pair);
        self.inner.loaded.remove(&labels);
        self.inner.queue.remove(&labels);
    }

    /// Whether any version of a model of this name is loaded.
    pub fn knows(&self, model: &str) -> bool {
        self.names().iter().any(|(name, _)| name == model)
    }

    /// Counts a replaced bundle that could not be loaded; the one before goes on serving.
    pub fn reload_failed(&self, model: &str) {
        let failures = self.inner.reload_failures.get_or_create(&labels(model));
        failures.inc();
    }

    /// Counts the time from a question to the first word of the answer.
    pub fn first_token(&self, model: &str, seconds: f64) {
        let times = self.inner.talk.first_token.get_or_create(&labels(model));
        times.observe(seconds);
    }

    /// Counts what a model does that talks, until [`Self::talks_no_more`].
    pub fn talks(&self, model: &str, talker: &Arc<dyn Talker>) {
        let mut talkers = self.inner.talk.talkers();
        talkers.insert(model.into(), Arc::downgrade(talker));
    }

    /// Notes that a model was taken away.
    pub fn talks_no_more(&self, model: &str) {
        let talk = &self.inner.talk;
        talk.talkers().remove(model);
        talk.running.remove(&labels(model));
        talk.waiting.remove(&labels(model));
    }

    /// All numbers as OpenMetrics text.
    pub fn open_metrics(&self) -> String {
        self.inner.talk.look();
        let mut out = String::new();
        // Writing into a string cannot fail.
        let _ = text::encode(&mut out, &self.inner.registry);
        out
    }

    /// All numbers in the older Prometheus text form, for readers that know no other.
    pub fn prometheus(&self) -> String {
        classic(&self.open_metrics())
    }
}

impl Talk {
    fn new() -> Self {
        Self {
            talkers: Mutex::default(),
            first_token: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN)),
            prompt_tokens: Family::default(),
            cached_tokens: Family::default(),
            generated_tokens: Family::default(),
            running: Family::default(),
            waiting: Family::default(),
        }
    }

    fn talkers(&self) -> MutexGuard<'_, BTreeMap<String, Weak<dyn Talker>>> {
        // A thread that panicked cannot have left the map half changed.
        self.talkers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the models what they have done and are doing.
    fn look(&self) {
        for (model, talker) in self.talkers().iter() {
            let Some(talker) = talker.upgrade() else {
                continue;
            };
            let (load, model) = (talker.load(), labels(model));
            let count = |family: &Family<ModelLabels, Counter>, value| {
                let counter = family.get_or_create(&model);
                counter.inner().store(value, Ordering::Relaxed);
            };
            count(&self.prompt_tokens, load.prompt_tokens);
            count(&self.cached_tokens, load.cached_tokens);
            count(&self.generated_tokens, load.completion_tokens);
            let now = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
            self.running.get_or_create(&model).set(now(load.running));
            self.waiting.get_or_create(&model).set(now(load.waiting));
        }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "first_token_seconds",
            "Time from a question to the first word of its answer",
            self.first_token.clone(),
        );
        registry.register(
            "prompt_tokens",
            "Tokens of prompts that were computed",
            self.prompt_tokens.clone(),
        );
        registry.register(
            "cached_tokens",
            "Tokens of prompts that did not have to be computed again",
            self.cached_tokens.clone(),
        );
        registry.register(
            "generated_tokens",
            "Tokens written",
            self.generated_tokens.clone(),
        );
        registry.register(
            "conversations_running",
            "Answers being written now",
            self.running.clone(),
        );
        registry.register(
            "conversations_waiting",
            "Questions that wait for a model now",
            self.waiting.clone(),
        );
    }
}

impl Inner {
    fn register(&mut self) {
        let Self {
            registry,
            requests,
            seconds,
            in_flight,
            queue,
            batches,
            loaded,
            reload_failures,
            refusals,
            talk,
            names: _,
        } = self;
        talk.register(registry);
        registry.register("requests", "Requests answered", requests.clone());
        registry.register(
            "request_seconds",
            "Time from the head of a request to the head of its answer",
            seconds.clone(),
        );
        registry.register(
            "in_flight",
            "Requests being worked on now",
            in_flight.clone(),
        );
        registry.register(
            "queue_depth",
            "Examples that wait for a version of a model now",
            queue.clone(),
        );
        registry.register(
            "batch_size",
            "Examples that a model computed in one pass",
            batches.clone(),
        );
        registry.register(
            "model_loaded",
            "1 for each version of a model that is loaded",
            loaded.clone(),
        );
        registry.register(
            "reload_failures",
            "Replaced bundles that could not be loaded",
            reload_failures.clone(),
        );
        registry.register(
            "refusals",
            "Requests turned away for their token or its rate",
            refusals.clone(),
        );
    }
}

fn of_version(model: &str, version: &str) -> VersionLabels {
    VersionLabels {
        model: model.to_string(),
        version: version.to_string(),
    }
}

fn labels(model: &str) -> ModelLabels {
    ModelLabels {
        model: model.to_string(),
    }
}

/// OpenMetrics text in the older form: there a counter's description bears the name of its samples,
/// with `_total`, and nothing marks the end.
fn classic(open_metrics: &str) -> String {
    let counters: BTreeSet<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut out = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        let described = ["# HELP ", "# TYPE "]
            .into_iter()
            .find_map(|kind| Some((kind, line.strip_prefix(kind)?.split_once(' ')?)));
        let _ = match described {
            Some((kind, (name, rest))) if counters.contains(name) => {
                writeln!(out, "{kind}{name}_total {rest}")
            }
            None if line == "# EOF" => Ok(()),
            _ => writeln!(out, "{line}"),
        };
    }
    out
}

/// `GET /metrics`.
pub fn router(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(answer))
        .with_state(metrics)
}

/// In the form that the reader asks for; Prometheus itself asks for OpenMetrics.
async fn answer(State(metrics): State<Metrics>, headers: HeaderMap) -> Response {
    let wants_open = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"));
    let (kind, content) = match wants_open {
        true => (OPEN_METRICS, metrics.open_metrics()),
        false => (CLASSIC, metrics.prometheus()),
    };
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_describes_counters_by_their_samples() {
        let metrics = Metrics::new();
        metrics.request("iris", "/v1/models/{model}/predict", 200, 0.003);
        let text = metrics.prometheus();
        assert!(text.contains("# TYPE modelwright_requests_total counter\n"));
        assert!(text.contains(
            "modelwright_requests_total{model=\"iris\",route=\"/v1/models/{model}/predict\",status=\"200\"} 1\n"
        ));
        assert!(text.contains("# TYPE modelwright_request_seconds histogram\n"));
        assert!(!text.contains("# EOF"));
        assert!(metrics.open_metrics().ends_with("# EOF\n"));
    }

    #[test]
    fn a_model_that_is_gone_leaves_no_gauges() {
        let metrics = Metrics::new();
        metrics.loaded("iris", "v1", true);
        metrics.loaded("iris", "v2", true);
        metrics.queue("iris", "v1", 3);
        metrics.queue("iris", "v2", 1);
        metrics.loaded("iris", "v1", false);
        // What it had accepted leaves its queue later.
        metrics.queue("iris", "v1", 0);
        assert!(metrics.knows("iris"));
        let text = metrics.open_metrics();
        assert!(
            text.contains("queue_depth{model=\"iris\",version=\"v2\"} 1"),
            "{text}"
        );
        assert!(
            !text.contains("queue_depth{model=\"iris\",version=\"v1\"}"),
            "{text}"
        );
        metrics.loaded("iris", "v2", false);
        assert!(!metrics.knows("iris"));
        let text = metrics.open_metrics();
        assert!(!text.contains("model_loaded{"), "{text}");
        assert!(!text.contains("queue_depth{"), "{text}");
    }

    #[test]
    fn work_in_flight_ends_with_its_guard() {
        let metrics = Metrics::new();
        let work = metrics.in_flight();
        assert!(metrics.prometheus().contains("modelwright_in_flight 1\n"));
        drop(work);
        assert!(metrics.prometheus().contains("modelwright_in_flight 0\n"));
    }
}
