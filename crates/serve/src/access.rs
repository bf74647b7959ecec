//! Who may do what: tokens are checked before a request reaches anything else.

mod gate;

pub use gate::Gate;

use crate::tokens::{Scope, Token, TokenFile};
use crate::{Metrics, ServeError};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Who may use a server. Clones share what they know.
#[derive(Clone)]
pub enum Access {
    /// Everybody who can reach it.
    Open,
    /// Those who have a token.
    Tokens(Arc<Gate>),
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or none that is valid. Which of it is not told.
    Token,
    /// A valid token that does not allow it.
    Scope(Scope),
    /// More requests than the token may send; one more is allowed after this time.
    Rate(Duration),
    /// More wrong tokens than one address may send.
    Attempts(Duration),
}

impl Refusal {
    /// As metrics name it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Scope(_) => "scope",
            Self::Rate(_) => "rate",
            Self::Attempts(_) => "attempts",
        }
    }
}

impl From<Refusal> for ServeError {
    fn from(refusal: Refusal) -> Self {
        // A client that waits a whole number of seconds must not come too early.
        let seconds = |wait: Duration| wait.as_secs_f64().ceil().max(1.0) as u64;
        match refusal {
            Refusal::Token => Self::unauthorized(),
            Refusal::Scope(_) => Self::forbidden(),
            Refusal::Rate(wait) => Self::busy(
                "more requests a minute than this token allows",
                seconds(wait),
            ),
            Refusal::Attempts(wait) => {
                Self::busy("too many wrong tokens from this address", seconds(wait))
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = ServeError::from(self).into_response();
        if let Self::Scope(scope) = self {
            let challenge = match scope {
                Scope::Chat => "Bearer error=\"insufficient_scope\", scope=\"chat\"",
                Scope::Predict => "Bearer error=\"insufficient_scope\", scope=\"predict\"",
                Scope::Admin => "Bearer error=\"insufficient_scope\", scope=\"admin\"",
            };
            let value = HeaderValue::from_static(challenge);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

impl Access {
    /// Only for those with a token of the file, which must exist.
    pub fn tokens(path: &Path) -> Result<Self, ServeError> {
        let file = TokenFile::open(path)?;
        if !path.exists() {
            return Err(ServeError::setup(
                format!("there is no token file {}", path.display()),
                "make a token with `modelwright token create NAME`, or name another file with --token-file",
            ));
        }
        Ok(Self::Tokens(Arc::new(Gate::new(file))))
    }

    /// Whether no token is needed.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// The token that a secret belongs to, if it allows `needed` and its rate is not used up; none
    /// where no token is needed.
    ///
    /// `peer` is the address that the request came from; wrong tokens of one address are limited.
    pub async fn check(
        &self,
        secret: Option<&str>,
        needed: Scope,
        peer: Option<IpAddr>,
    ) -> Result<Option<Token>, Refusal> {
        let Self::Tokens(gate) = self else {
            return Ok(None);
        };
        let token = gate.identify(secret.ok_or(Refusal::Token)?, peer).await?;
        if !token.allows(needed) {
            return Err(Refusal::Scope(needed));
        }
        gate.count(&token)?;
        Ok(Some(token))
    }
}

/// The id of the token that a request came with, for the log.
#[derive(Debug, Clone)]
pub(crate) struct TokenId(pub(crate) String);

#[derive(Clone)]
struct Door {
    access: Access,
    metrics: Metrics,
}

/// Lets a request through to `router` only if its bearer token allows it.
///
/// Health, `/docs`, `/openapi.json` and the widget are open; talking takes the scope `chat`; asking
/// models and reading metrics takes `predict`; whatever else there is takes `admin`.
pub fn protect(router: Router, access: Access, metrics: Metrics) -> Router {
    let door = Door { access, metrics };
    router.layer(middleware::from_fn_with_state(door, enter))
}

async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let Some(needed) = needed(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let checked = door.access.check(bearer(request.headers()), needed, peer);
    match checked.await {
        Ok(token) => {
            let mut response = next.run(request).await;
            if let Some(token) = token {
                response.extensions_mut().insert(TokenId(token.id));
            }
            response
        }
        Err(refusal) => {
            door.metrics.refused(refusal.reason());
            refusal.into_response()
        }
    }
}

/// The scope that a request needs, if it needs any.
fn needed(method: &Method, path: &str) -> Option<Scope> {
    let open = [
        "/v2/health/live",
        "/v2/health/ready",
        "/docs",
        "/openapi.json",
        "/widget.js",
    ];
    if open.contains(&path) || path.starts_with("/docs/") {
        return None;
    }
    if method == Method::POST && ["/v1/chat/completions", "/v1/feedback"].contains(&path) {
        return Some(Scope::Chat);
    }
    let of_models = path == "/v2" || path.starts_with("/v1/") || path.starts_with("/v2/");
    let reads = method == Method::GET || method == Method::HEAD;
    let asks = [
        "/predict",
        "/infer",
        "/v1/completions",
        "/v1/embeddings",
        "/v2/repository/index",
    ]
    .iter()
    .any(|end| path.ends_with(end));
    match (of_models && (reads || asks)) || path == "/metrics" {
        true => Some(Scope::Predict),
        false => Some(Scope::Admin),
    }
}

/// What follows `Bearer` in the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(secret.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_takes_an_admin() {
        let scope = |method: Method, path| needed(&method, path);
        assert_eq!(scope(Method::GET, "/v2/health/ready"), None);
        assert_eq!(scope(Method::GET, "/docs/style.css"), None);
        assert_eq!(scope(Method::GET, "/widget.js"), None);
        for path in ["/v1/chat/completions", "/v1/feedback"] {
            assert_eq!(scope(Method::POST, path), Some(Scope::Chat), "{path}");
        }
        for (method, path) in [
            (Method::GET, "/v2"),
            (Method::GET, "/metrics"),
            (Method::GET, "/v1/models"),
            (Method::POST, "/v1/models/iris/predict"),
            (Method::POST, "/v2/models/iris/versions/2/infer"),
            (Method::POST, "/v2/repository/index"),
            (Method::POST, "/v1/completions"),
            (Method::POST, "/v1/embeddings"),
            // No route has it; that it is not open is enough.
            (Method::GET, "/v2/health/../../runs"),
        ] {
            assert_eq!(scope(method, path), Some(Scope::Predict), "{path}");
        }
        for (method, path) in [
            (Method::GET, "/"),
            (Method::GET, "/runs/1"),
            (Method::DELETE, "/v1/models/iris"),
            (Method::POST, "/v2/repository/models/iris/load"),
            (Method::POST, "/upload/predict"),
            (Method::DELETE, "/v1/chat/completions"),
        ] {
            assert_eq!(scope(method, path), Some(Scope::Admin), "{path}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_from_its_header_only() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers).map(String::from)
        };
        assert_eq!(read("Bearer abc"), Some("abc".into()));
        assert_eq!(read("bearer  abc "), Some("abc".into()));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("abc"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
