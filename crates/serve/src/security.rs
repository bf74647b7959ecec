//! What every answer and every request goes through, whatever the route: limits of size and time,
//! headers that browsers heed, and an answer even after a bug.

use crate::{Limits, Metrics, ServeError, telemetry};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;
use std::any::Any;
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
    router
        // Ours holds for every body, also for those that are not read by an extractor.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(limits.body_bytes, limit_body))
        .layer(from_fn_with_state(limits.request_time, limit_time))
        .layer(CatchPanicLayer::custom(after_panic))
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

async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
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
