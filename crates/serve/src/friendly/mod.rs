//! Addresses for people and pages: a row, a picture or a file in, labels and probabilities out.

mod answers;
mod sent;

use crate::error::{ErrorBody, ServeError};
use crate::example::{self, Place};
use crate::router::{App, Named};
use crate::summary::ModelSummary;
use answers::Predictions;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use modelwright_tasks::{InputSchema, OutputSchema};
use sent::Sent;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

/// The addresses.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{model}", get(model))
        .route("/v1/models/{model}/predict", post(predict))
        .route("/v1/models/{model}/versions/{version}", get(model))
        .route(
            "/v1/models/{model}/versions/{version}/predict",
            post(predict),
        )
}

/// These addresses in the server's description of itself.
#[derive(OpenApi)]
#[openapi(paths(models, model, predict))]
pub(crate) struct Description;

/// A model and how to use it.
#[derive(Serialize, ToSchema)]
struct ModelDescription {
    #[serde(flatten)]
    summary: ModelSummary,
    /// What goes in: pictures of a size, rows with columns, or messages of a conversation.
    #[schema(value_type = Object)]
    takes: Takes,
    /// What comes out: a class, labels, a number, a vector, a place in a text, a known answer or a text.
    #[schema(value_type = Object)]
    gives: Gives,
    /// A body of a request that works.
    example: Value,
    /// A command that sends it.
    curl: String,
}

/// What goes in.
#[derive(Serialize)]
#[serde(untagged)]
enum Takes {
    Examples(InputSchema),
    /// Messages to `/v1/chat/completions`, of at most so many tokens.
    Messages {
        kind: &'static str,
        context: usize,
    },
}

/// What comes out.
#[derive(Serialize)]
#[serde(untagged)]
enum Gives {
    Prediction(OutputSchema),
    Text { kind: &'static str },
}

/// All models.
#[derive(Serialize, ToSchema)]
struct ModelList {
    /// `list`, for OpenAI's clients.
    object: &'static str,
    /// The models: those that predict, then those that talk.
    data: Vec<ModelSummary>,
}

/// All models.
#[utoipa::path(get, path = "/v1/models", tag = "For people",
    responses((status = 200, body = ModelList, description = "The models")))]
async fn models(State(app): State<App>) -> Json<ModelList> {
    let talking = app.chat.list();
    let talking = talking.iter().map(|model| model.summary());
    Json(ModelList {
        object: "list",
        data: app.models.list().into_iter().chain(talking).collect(),
    })
}

/// A model: what it takes and gives, with an example that works.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "For people",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, body = ModelDescription, description = "The model"),
        (status = 404, body = ErrorBody, description = "No such model")))]
async fn model(
    State(app): State<App>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Json<ModelDescription>, ServeError> {
    let place = Place::of(&headers, app.tls, !app.access.is_open());
    if let (Some(model), None) = (app.chat.find(&named.model), &named.version) {
        return Ok(Json(ModelDescription {
            summary: model.summary(),
            takes: Takes::Messages {
                kind: "messages",
                context: model.about().context,
            },
            gives: Gives::Text { kind: "text" },
            example: example::question(&named.model),
            curl: example::talk(&place, &named.model).command,
        }));
    }
    let version = app.models.look(&named.model, named.version.as_deref())?;
    Ok(Json(ModelDescription {
        summary: app.models.summary_of(&named.model)?,
        takes: Takes::Examples(version.input().clone()),
        gives: Gives::Prediction(version.output),
        example: example::body(version.input()),
        curl: example::first(&place, &named.model, &version).command,
    }))
}

/// Predictions for a row as a JSON object, a list of rows, a table in CSV or JSON lines; for a picture
/// as the body, as form files, or in Base64 as `{"image": …}` or `{"images": […]}`; or, of a model that
/// reads one text, for a text as the body, or `{"text": …}` or `{"texts": […]}`.
#[utoipa::path(post, path = "/v1/models/{model}/predict", tag = "For people",
    params(("model" = String, Path, description = "Name of the model")),
    request_body(content(
        (Value = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (String = "text/plain"),
        (Vec<u8> = "image/*"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 200, body = Predictions, description = "A prediction for each example"), ServeError))]
async fn predict(
    State(app): State<App>,
    Path(named): Path<Named>,
    request: Request,
) -> Result<Json<Predictions>, ServeError> {
    let chosen = app.models.choose(&named.model, named.version.as_deref())?;
    let sent = Sent::read(request, &app.limits).await?;
    let heavy = chosen.is_heavy(sent.size());
    let (answer, ()) = chosen
        .answer(heavy, move |version, limits| {
            let input = sent.input(version.input(), limits)?;
            Ok((input.prepare(version, limits)?, ()))
        })
        .await?;
    Ok(Json(Predictions::new(named.model, answer)))
}
