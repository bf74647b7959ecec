//! OpenAI's API: conversations, texts to go on with, vectors. Clients of theirs work with this server's
//! address and `/v1` behind it.

mod answer;
mod chat;
mod completions;
mod embeddings;
mod error;
mod feedback;
mod fields;
mod logprobs;
mod messages;
mod request;
mod stream;
mod tools;
mod turn;

pub(crate) use error::tell_errors;

use crate::router::App;
use axum::Router;
use axum::routing::post;
use utoipa::OpenApi;

/// The addresses whose answers models write.
const WRITTEN: [&str; 2] = ["/v1/chat/completions", "/v1/completions"];

/// The addresses.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/chat/completions", post(chat::chat))
        .route("/v1/completions", post(completions::complete))
        .route("/v1/embeddings", post(embeddings::embed))
        .route("/v1/feedback", post(feedback::give))
}

/// Whether the answer at this address is text that a model writes.
pub(crate) fn writes(path: &str) -> bool {
    WRITTEN.iter().any(|written| path.ends_with(written))
}

/// Whether this is an address of OpenAI's API and of no other one.
fn is_ours(path: &str) -> bool {
    writes(path) || path == "/v1/embeddings" || path == "/v1/feedback"
}

/// These addresses in the server's description of itself.
#[derive(OpenApi)]
#[openapi(
    paths(chat::chat, completions::complete, embeddings::embed, feedback::give),
    components(schemas(error::ApiErrorBody))
)]
pub(crate) struct Description;
