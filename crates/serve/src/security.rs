//! What every answer and every request goes through, whatever the route: limits of size and time,
//! headers that browsers heed, and an answer even after a bug.

use crate::{Limits, Metrics, ServeError, openai, telemetry};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;
use std::any::Any;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;

/// Headers of every answer that does not set them itself.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Pages bring their own scripts and styles; pictures may also be drawn or chosen in the browser.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Puts a router behind limits of size and time, adds security headers, and counts and logs each
/// request.
pub fn harden(router: Router, limits: &Limits, metrics: Metrics) -> Router {
    let times = (limits.request_time, limits.answer_time);
    router
        // Ours holds for every body, also for those that are not read by an extractor.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(limits.body_bytes, limit_body))
        .layer(from_fn_with_state(times, limit_time))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn(openai::tell_errors))
        .layer(from_fn(add_headers))
        .layer(from_fn_with_state(metrics, telemetry::observe))
}

/// Refuses a body that says that it is too large before a byte of it is read, and ends one that
/// turns out to be.
async fn limit_body(State(limit): State<usize>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        let mut response = ServeError::too_large(limit).into_response();
        // The body is not going to be read, so no other request can follow it.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        return response;
    }
    next.run(request.map(|body| Body::new(Limited::new(body, limit))))
        .await
}

/// Text that is written takes longer than other answers, and has a limit of its own.
async fn limit_time(
    State((usual, writing)): State<(Duration, Duration)>,
    request: Request,
    next: Next,
) -> Response {
    let limit = match openai::writes(request.uri().path()) {
        true => usual.max(writing),
        false => usual,
    };
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| ServeError::late().into_response())
}

/// The panic itself was reported by the hook; the client learns nothing of it.
fn after_panic(_: Box<dyn Any + Send>) -> Response {
    ServeError::own("the server failed at this request").into_response()
}

async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        let entry = response.headers_mut().entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A web site: the scheme, host and port of its pages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(String);

impl FromStr for Origin {
    type Err = ServeError;

    /// `https://shop.example`, without a path. `*` is none: whoever may ask is named.
    fn from_str(text: &str) -> Result<Self, ServeError> {
        let uri: Option<Uri> = text.trim_end_matches('/').parse().ok();
        let origin = uri.and_then(|uri| {
            let scheme = uri.scheme_str().filter(|s| ["http", "https"].contains(s))?;
            let authority = uri.authority().filter(|a| !a.as_str().contains('@'))?;
            let bare = uri.path() == "/" && uri.query().is_none();
            bare.then(|| format!("{scheme}://{authority}").to_ascii_lowercase())
        });
        origin.map(Self).ok_or_else(|| {
            ServeError::setup(
                format!("`{text}` is no web site"),
                "give scheme and host as browsers send them, such as https://shop.example",
            )
        })
    }
}

/// The web sites whose pages may ask this server. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<BTreeSet<Origin>>);

impl FromIterator<Origin> for Origins {
    fn from_iter<T: IntoIterator<Item = Origin>>(origins: T) -> Self {
        Self(Arc::new(origins.into_iter().collect()))
    }
}

impl Origins {
    /// Whether a page of one of them sent a request with these headers to a model at `path`.
    pub fn allow(&self, path: &str, headers: &HeaderMap) -> bool {
        self.allowed(path, headers).is_some()
    }

    /// The `Origin` header of a request that is allowed. Pages may ask models, and nothing else.
    fn allowed(&self, path: &str, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let known = self.0.contains(&Origin(origin.to_str().ok()?.into()));
        (known && path.starts_with("/v1/")).then(|| origin.clone())
    }
}

/// Lets pages of these web sites ask models (CORS), with a token in a header; cookies are never taken.
/// It goes around everything else, so that such pages can read errors too.
pub fn allow_origins(router: Router, origins: Origins) -> Router {
    router.layer(from_fn_with_state(origins, cross_origin))
}

async fn cross_origin(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let Some(origin) = origins.allowed(request.uri().path(), request.headers()) else {
        return next.run(request).await;
    };
    let asks_first = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match asks_first {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if asks_first {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_site_is_scheme_and_host() {
        let origin = |text: &str| text.parse::<Origin>().map(|o| o.0);
        assert_eq!(
            origin("https://Shop.example/").unwrap(),
            "https://shop.example"
        );
        assert_eq!(
            origin("http://localhost:3000").unwrap(),
            "http://localhost:3000"
        );
        for odd in [
            "*",
            "null",
            "",
            "shop.example",
            "https://a/b",
            "ftp://a",
            "https://u@a",
            "https://a?b",
        ] {
            let error = origin(odd).unwrap_err();
            assert!(
                error.help().unwrap().contains("https://shop.example"),
                "{odd}"
            );
        }
    }

    #[test]
    fn pages_of_named_sites_may_ask_models() {
        let origins: Origins = [Origin("https://a".into())].into_iter().collect();
        let allow = |path: &str, origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            origins.allow(path, &headers)
        };
        assert!(allow("/v1/chat/completions", "https://a"));
        assert!(!allow("/v1/chat/completions", "https://b"));
        assert!(!allow("/v1/chat/completions", "https://a.evil.example"));
        assert!(!allow("/runs/1", "https://a"));
        assert!(!origins.allow("/v1/models", &HeaderMap::new()));
    }
}
