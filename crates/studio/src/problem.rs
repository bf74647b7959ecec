//! What a page says when something is wrong: what, where, and what to do.

use crate::app::Studio;
use crate::page::Ctx;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;
use modelwright_data::DataError;
use modelwright_runs::RunError;
use modelwright_serve::ServeError;
use modelwright_tasks::TaskError;
use modelwright_train::recipe::RecipeError;
use std::fmt::Display;

/// An error on its way to the visitor.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The kind of problem, as HTTP has it.
    pub status: StatusCode,
    /// Key of the headline in the visitor's language; none if the message says it all.
    pub key: Option<&'static str>,
    /// What was wrong and where.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with a headline of ours; `message` has the particulars.
    pub fn new(status: StatusCode, key: &'static str, message: impl Display) -> Self {
        Self {
            status,
            key: Some(key),
            message: message.to_string(),
            help: None,
        }
    }

    /// A problem with what the visitor sent.
    pub fn bad(key: &'static str, message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, key, message)
    }

    /// Something that is not there.
    pub fn not_found(message: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "problem-not-found", message)
    }

    /// A fault of ours.
    pub fn internal(message: impl Display) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "problem-internal", message)
    }

    fn plain(message: impl Display, help: Option<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            key: None,
            message: message.to_string(),
            help: help.filter(|h| !h.is_empty()),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Run(error) => error.into(),
            error => Self::plain(&error, error.help()),
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        let mut problem = Self::plain(&error, error.help());
        if let RunError::NoRun { .. } = error {
            problem.status = StatusCode::NOT_FOUND;
        }
        problem
    }
}

impl From<DataError> for Problem {
    fn from(error: DataError) -> Self {
        Self::plain(&error, Some(error.help.clone()))
    }
}

impl From<RecipeError> for Problem {
    fn from(error: RecipeError) -> Self {
        Self::plain(&error, Some(error.help.clone()))
    }
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        Self::plain(&error, error.help().map(String::from))
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error)
    }
}

/// The language of a page is known where the request is, so the response only carries the problem;
/// [`as_page`] writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A layer that makes a page of each problem, or JSON where a script has asked for it.
pub async fn as_page(State(studio): State<Studio>, request: Request, next: Next) -> Response {
    let ctx = Ctx::of(request.headers(), request.uri().path_and_query(), &studio);
    let accept = request.headers().get("accept");
    let wants_json = accept.is_some_and(|a| a.as_bytes().starts_with(b"application/json"));
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    if problem.status.is_server_error() {
        tracing::error!(message = problem.message, "a page failed");
    }
    let headline = match problem.key {
        Some(key) => ctx.t(key),
        None => ctx.t("problem-title"),
    };
    if wants_json {
        let told = serde_json::json!({
            "headline": headline, "error": problem.message, "help": problem.help,
        });
        return (problem.status, axum::Json(told)).into_response();
    }
    let body = html! {
        section.card.problem {
            h1 { (headline) }
            p.message lang="en" { (problem.message) }
            @if let Some(help) = &problem.help { p lang="en" { (help) } }
            p { a.button href="/" { (ctx.t("problem-home")) } }
        }
    };
    (problem.status, ctx.titled(&headline, body)).into_response()
}
