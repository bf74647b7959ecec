//! What can go wrong with a request or a server, and how a client is told.

use crate::registry::NAME;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use modelwright_data::DataError;
use modelwright_tasks::TaskError;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::{self, Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Why a request got no answer, or a server did not start.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ServeError {
    kind: Kind,
    message: String,
    help: String,
    /// The field that is to blame, as OpenAI's clients are told.
    param: Option<String>,
    /// A name for it that OpenAI's clients know.
    code: Option<&'static str>,
}

/// What kind of problem it is; each has a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Unauthorized,
    Forbidden,
    Missing,
    TooLarge,
    Media,
    Busy { seconds: u64 },
    Stopping,
    Late,
    Own,
    Setup,
}

impl ServeError {
    fn new(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            help: help.into(),
            param: None,
            code: None,
        }
    }

    /// With the field of the request that is to blame.
    pub(crate) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// With a name that OpenAI's clients know.
    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The field of the request that is to blame.
    pub(crate) fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The name that OpenAI's clients know.
    pub(crate) fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// What was sent cannot be used.
    pub fn input(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Input, message, help)
    }

    /// No valid token came with the request. It does not say what was wrong with it.
    pub fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "a valid token is needed",
            "send `Authorization: Bearer TOKEN`; `modelwright token create` makes one",
        )
    }

    /// The token is valid, but not for this.
    pub fn forbidden() -> Self {
        Self::new(
            Kind::Forbidden,
            "this token may not do that",
            "use a token that has the scope",
        )
    }

    /// No such model, version or address.
    pub fn missing(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Missing, message, help)
    }

    /// No model of this name.
    pub(crate) fn no_model(name: &str) -> Self {
        Self::missing(
            // The name comes from a request, which may be long.
            format!("no model `{}`", name.chars().take(NAME).collect::<String>()),
            "GET /v1/models lists the models",
        )
        .with_code("model_not_found")
    }

    /// The body is larger than allowed.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            Kind::TooLarge,
            format!("the body is larger than {limit} bytes"),
            "send less at once, or start the server with a larger --max-body-mb",
        )
    }

    /// The body is in a form that this address does not read.
    pub fn media(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Media, message, help)
    }

    /// More is waiting than allowed; trying again after `seconds` may help.
    pub fn busy(message: impl Into<String>, seconds: u64) -> Self {
        Self::new(
            Kind::Busy { seconds },
            message,
            format!("try again in {seconds} s"),
        )
    }

    /// The server is about to stop, or the model is.
    pub fn stopping() -> Self {
        Self::new(Kind::Stopping, "the server is stopping", "try again soon")
    }

    /// The request took too long.
    pub fn late() -> Self {
        Self::new(
            Kind::Late,
            "the request took too long",
            "send less at once, or try again",
        )
    }

    /// A bug or a failure of this machine.
    pub fn own(message: impl Into<String>) -> Self {
        Self::new(
            Kind::Own,
            message,
            "the server's log has more; tell its operator",
        )
    }

    /// The server cannot be set up as asked.
    pub fn setup(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Setup, message, help)
    }

    /// A bundle cannot be loaded.
    pub(crate) fn bundle(error: &TaskError) -> Self {
        Self::setup(error.to_string(), error.help().unwrap_or_default())
    }

    /// A model gave no predictions: because of the data, or of something that is not the client's fault.
    pub(crate) fn prediction(error: &TaskError) -> Self {
        match error {
            TaskError::Data(_) | TaskError::Asked { .. } => {
                Self::input(error.to_string(), error.help().unwrap_or_default())
            }
            _ => Self::own(error.to_string()),
        }
    }

    /// What the client or operator can do.
    pub fn help(&self) -> Option<&str> {
        (!self.help.is_empty()).then_some(self.help.as_str())
    }

    /// What a client is told beside the body.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        match self.kind {
            Kind::Busy { seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Kind::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
    }

    /// The status that a client sees.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Input => StatusCode::BAD_REQUEST,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Missing => StatusCode::NOT_FOUND,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Media => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Kind::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Late => StatusCode::REQUEST_TIMEOUT,
            Kind::Own | Kind::Setup => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<DataError> for ServeError {
    fn from(error: DataError) -> Self {
        Self::input(error.to_string(), error.help)
    }
}

/// The body of every answer that is no success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What was wrong.
    pub error: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Why a request for predictions may fail, for the server's description of itself.
impl IntoResponses for ServeError {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        described(
            &ErrorBody::name(),
            &[
                (400, "What was sent cannot be used"),
                (401, "A token is needed"),
                (403, "The token does not allow this"),
                (404, "No such model or version"),
                (408, "It took too long"),
                (413, "The body is too large"),
                (415, "The body is in a form that is not read here"),
                (
                    429,
                    "Too much is waiting; Retry-After says when to come again",
                ),
                (500, "The server failed"),
                (503, "The server is stopping"),
            ],
        )
    }
}

/// Answers that are no success, each with a body of the schema `body`, for the server's description of
/// itself.
pub(crate) fn described(
    body: &str,
    answers: &[(u16, &str)],
) -> BTreeMap<String, RefOr<openapi::Response>> {
    let answer = |(status, why): &(u16, &str)| {
        let content = Content::new(Some(Ref::from_schema_name(body)));
        let answer = ResponseBuilder::new()
            .description(*why)
            .content("application/json", content)
            .build();
        (status.to_string(), answer.into())
    };
    answers.iter().map(answer).collect()
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.message.clone(),
            help: self.help().map(String::from),
        };
        let mut response = (self.status(), Json(body)).into_response();
        self.add_headers(response.headers_mut());
        // Addresses of OpenAI's API tell it in another form.
        response.extensions_mut().insert(self);
        response
    }
}
