//! `POST /v1/feedback`: what a person thinks of an answer.

use super::chat::talking;
use super::error::ApiError;
use super::fields::read;
use crate::chat::Feedback;
use crate::error::ServeError;
use crate::router::App;
use crate::telemetry::OfModel;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest note, in characters.
const NOTE: usize = 4000;

/// What a person thinks of an answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FeedbackRequest {
    /// Name of the assistant that gave it.
    model: String,
    /// The answer's `id`.
    id: String,
    /// Thumbs up or down.
    rating: Rating,
    /// In words.
    note: Option<String>,
}

/// Thumbs up or down.
#[derive(Deserialize, ToSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Rating {
    Up,
    Down,
}

/// It was written down.
#[derive(Serialize, ToSchema)]
struct FeedbackAnswer {
    /// The answer's `id`.
    id: String,
    /// `true`.
    recorded: bool,
}

/// Notes what a person thinks of an assistant's answer, in the assistant's log of conversations.
#[utoipa::path(post, path = "/v1/feedback", tag = "OpenAI's API",
    request_body = FeedbackRequest,
    responses((status = 200, body = FeedbackAnswer, description = "It was written down"), ApiError))]
pub(super) async fn give(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let body: FeedbackRequest = read(request, &app.limits).await?;
    let model = talking(&app, &body.model)?;
    if body
        .note
        .as_ref()
        .is_some_and(|note| note.chars().count() > NOTE)
    {
        let help = format!("give {NOTE} characters at most");
        return Err(ServeError::input("the note is too long", help)
            .at("note")
            .into());
    }
    let feedback = Feedback {
        id: body.id.clone(),
        good: body.rating == Rating::Up,
        note: body.note.filter(|note| !note.trim().is_empty()),
    };
    model.feedback(feedback).await?;
    let answer = FeedbackAnswer {
        id: body.id,
        recorded: true,
    };
    let mut response = Json(answer).into_response();
    response
        .extensions_mut()
        .insert(OfModel(model.name().into()));
    Ok(response)
}
