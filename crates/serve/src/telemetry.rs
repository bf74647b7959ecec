//! What a server writes down: one line for each request, under an id that the client sees too.
//!
//! Neither headers, queries nor bodies are written: they may hold secrets.

use crate::access::TokenId;
use crate::tokens::hex;
use crate::{Metrics, ServeError};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::net::SocketAddr;
use std::time::Instant;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The variable that chooses what is logged, such as `warn` or `modelwright_serve=debug`.
pub const VARIABLE: &str = "MODELWRIGHT_LOG";

/// The header that carries a request's id, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a client.
const ID_LENGTH: usize = 64;
/// Longest part of a path that is logged, in bytes.
const PATH_LENGTH: usize = 200;
/// The route of requests that no route matches.
const NO_ROUTE: &str = "none";
/// The status under which a request counts whose client left before the answer.
const CLIENT_LEFT: u16 = 499;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts to log on standard error, for the whole process.
pub fn start(form: LogForm) -> Result<(), ServeError> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => EnvFilter::try_new(&text).map_err(|e| {
            ServeError::setup(
                format!("{VARIABLE}={text}: {e}"),
                "give a level such as `warn` or `debug`, or leave it out",
            )
        })?,
        Err(_) => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = match form {
        LogForm::Text => {
            let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(color).compact().finish().try_init()
        }
        LogForm::Json => builder
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .finish()
            .try_init(),
    };
    started.map_err(|e| ServeError::own(format!("logging cannot start: {e}")))
}

/// The client's own id, if it is short and of letters, digits and `._-`; else a new one. What is
/// neither could forge log lines or headers.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |text: &&str| {
        (1..=ID_LENGTH).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match given.filter(plain) {
        Some(id) => id.to_string(),
        None => {
            let mut bytes = [0; 16];
            // An id that is not unique is better than no answer.
            let _ = getrandom::fill(&mut bytes);
            hex(&bytes)
        }
    }
}

/// Gives every request an id, counts it and logs it.
pub(crate) async fn observe(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let id = request_id(request.headers());
    let work = Work::start(&id, &request, metrics);
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    work.finish(&response);
    response
}

/// The model that a request named in its body; it exists.
#[derive(Debug, Clone)]
pub(crate) struct OfModel(pub(crate) String);

/// A request until its answer, or until its client leaves.
struct Work {
    id: String,
    method: String,
    path: String,
    route: String,
    /// Empty unless the route names a model that exists.
    model: String,
    peer: Option<SocketAddr>,
    started: Instant,
    metrics: Metrics,
    _in_flight: crate::metrics::InFlight,
    finished: bool,
}

impl Work {
    fn start(id: &str, request: &Request, metrics: Metrics) -> Self {
        let path = request.uri().path();
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let model = model_in(route, path).filter(|name| metrics.knows(name));
        Self {
            id: id.to_string(),
            method: request.method().to_string(),
            path: shortened(path).to_string(),
            route: route.to_string(),
            model: model.unwrap_or_default().to_string(),
            peer: peer.map(|ConnectInfo(address)| *address),
            started: Instant::now(),
            _in_flight: metrics.in_flight(),
            metrics,
            finished: false,
        }
    }

    fn finish(mut self, response: &Response) {
        self.finished = true;
        if let Some(OfModel(name)) = response.extensions().get() {
            self.model.clone_from(name);
        }
        let token = response.extensions().get::<TokenId>();
        self.record(response.status().as_u16(), token.map(|t| t.0.as_str()));
    }

    fn record(&self, status: u16, token: Option<&str>) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.metrics
            .request(&self.model, &self.route, status, seconds);
        let peer = self.peer.map(|p| p.to_string()).unwrap_or_default();
        tracing::info!(
            id = self.id,
            peer,
            token = token.unwrap_or_default(),
            method = self.method,
            path = self.path,
            model = self.model,
            status,
            milliseconds = (seconds * 1e6).round() / 1e3,
            "request"
        );
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.finished {
            self.record(CLIENT_LEFT, None);
        }
    }
}

/// The part of `path` where `route` has the name of a model.
fn model_in<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let index = route.split('/').position(|part| part == "models")? + 1;
    let is_name = route.split('/').nth(index)?.starts_with('{');
    path.split('/').nth(index).filter(|_| is_name)
}

/// At most the first bytes; a path is ASCII, but that is not to be relied on.
fn shortened(path: &str) -> &str {
    let end = (0..=PATH_LENGTH.min(path.len()))
        .rev()
        .find(|end| path.is_char_boundary(*end));
    &path[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_taken_over() {
        let id = |value: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            request_id(&headers)
        };
        assert_eq!(id(b"shop-1.2_a"), "shop-1.2_a");
        for odd in [&b""[..], b"a b", b"a\"b", b"a=b", b"\xff", &[b'a'; 65]] {
            assert_eq!(id(odd).len(), 32, "{odd:?}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn a_models_name_is_where_the_route_says() {
        let predict = "/v1/models/{name}/predict";
        assert_eq!(model_in(predict, "/v1/models/iris/predict"), Some("iris"));
        assert_eq!(model_in("/v1/models", "/v1/models"), None);
        assert_eq!(model_in("/runs/{id}", "/runs/iris"), None);
        assert_eq!(shortened(&"é".repeat(150)).len(), PATH_LENGTH);
        assert_eq!(shortened("/v1"), "/v1");
    }
}
