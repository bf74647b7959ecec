//! The Open Inference Protocol, version 2, over HTTP, with Triton's extension for binary tensors.

mod examples;
mod metadata;
mod outputs;
mod values;
mod wire;

use crate::error::{ErrorBody, ServeError};
use crate::router::{App, Named, read_body};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use metadata::{ModelMetadata, ServerMetadata, statistics};
use serde_json::{Value, json};
use utoipa::OpenApi;
use wire::{InferRequest, InferResponse};

/// The addresses of the protocol.
pub(crate) fn routes() -> axum::Router<App> {
    let model = || {
        axum::Router::new()
            .route("/", get(model_metadata))
            .route("/ready", get(model_ready))
            .route("/infer", post(infer))
            .route("/config", get(model_config))
            .route("/stats", get(model_stats))
    };
    axum::Router::new()
        .route("/v2", get(server_metadata))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/repository/index", post(repository))
        .nest("/v2/models/{model}", model())
        .nest("/v2/models/{model}/versions/{version}", model())
}

/// The protocol in the server's description of itself.
#[derive(OpenApi)]
#[openapi(paths(
    server_metadata,
    live,
    ready,
    repository,
    model_metadata,
    model_ready,
    infer,
    model_config,
    model_stats
))]
pub(crate) struct Description;

/// What this server is.
#[utoipa::path(get, path = "/v2", tag = "Open Inference Protocol",
    responses((status = 200, body = ServerMetadata, description = "Name and version")))]
async fn server_metadata() -> Json<ServerMetadata> {
    Json(ServerMetadata::this())
}

/// Whether the server runs.
#[utoipa::path(get, path = "/v2/health/live", tag = "Open Inference Protocol",
    responses((status = 200, description = "It does")))]
async fn live() -> StatusCode {
    StatusCode::OK
}

/// Whether the server accepts requests.
#[utoipa::path(get, path = "/v2/health/ready", tag = "Open Inference Protocol",
    responses((status = 200, description = "It does"), (status = 503, description = "It is stopping")))]
async fn ready(State(app): State<App>) -> StatusCode {
    match app.models.ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// All loaded versions of all models.
#[utoipa::path(post, path = "/v2/repository/index", tag = "Open Inference Protocol",
    responses((status = 200, description = "Name, version and state of each")))]
async fn repository(State(app): State<App>) -> Json<Value> {
    let models = app.models.list();
    let versions = models.iter().flat_map(|m| {
        let version = |v: &crate::VersionSummary| {
            json!({ "name": m.name, "version": v.version, "state": "READY", "reason": "" })
        };
        m.versions.iter().map(version).collect::<Vec<_>>()
    });
    Json(versions.collect())
}

/// What a model takes and gives.
#[utoipa::path(get, path = "/v2/models/{model}", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, body = ModelMetadata, description = "Names, types and shapes"), (status = 404, body = ErrorBody, description = "No such model")))]
async fn model_metadata(
    State(app): State<App>,
    Path(named): Path<Named>,
) -> Result<Json<ModelMetadata>, ServeError> {
    named.metadata(&app).map(Json)
}

/// Whether a model answers.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "It does"), (status = 404, body = ErrorBody, description = "No such model")))]
async fn model_ready(
    State(app): State<App>,
    Path(named): Path<Named>,
) -> Result<StatusCode, ServeError> {
    app.models.look(&named.model, named.version.as_deref())?;
    Ok(ready(State(app)).await)
}

/// A model's configuration in Triton's form.
#[utoipa::path(get, path = "/v2/models/{model}/config", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "Inputs, outputs and largest batch"), (status = 404, body = ErrorBody, description = "No such model")))]
async fn model_config(
    State(app): State<App>,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ServeError> {
    let metadata = named.metadata(&app)?;
    Ok(Json(metadata.config(app.limits.batch_size)))
}

/// How much a model has computed.
#[utoipa::path(get, path = "/v2/models/{model}/stats", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "Examples and passes"), (status = 404, body = ErrorBody, description = "No such model")))]
async fn model_stats(
    State(app): State<App>,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ServeError> {
    let version = app.models.look(&named.model, named.version.as_deref())?;
    let stats = statistics(&named.model, &version);
    Ok(Json(json!({ "model_stats": [stats] })))
}

/// Predictions for tensors. Pictures are one tensor `image`: pixels of type UINT8 in the model's size
/// (or FP32, from 0 to 255), or whole files of type BYTES, in Base64 if they are in the JSON. A table is
/// one tensor a column; texts are of type BYTES, as they are.
#[utoipa::path(post, path = "/v2/models/{model}/infer", tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model")),
    request_body = InferRequest,
    responses((status = 200, body = InferResponse, description = "A prediction for each example"), ServeError))]
async fn infer(
    State(app): State<App>,
    Path(named): Path<Named>,
    request: Request,
) -> Result<Response, ServeError> {
    let chosen = app.models.choose(&named.model, named.version.as_deref())?;
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, &app.limits).await?;
    let heavy = chosen.is_heavy(body.len());
    let (answer, request) = chosen
        .answer(heavy, move |version, limits| {
            let (request, tensors) = values::parse(&parts.headers, &body)?;
            let input = examples::input(version.input(), tensors, limits)?;
            Ok((input.prepare(version, limits)?, request))
        })
        .await?;
    Ok(outputs::respond(&named.model, request, &answer)?.into_response())
}

impl Named {
    fn metadata(&self, app: &App) -> Result<ModelMetadata, ServeError> {
        let version = app.models.look(&self.model, self.version.as_deref())?;
        let summary = app.models.summary_of(&self.model)?;
        Ok(ModelMetadata::of(&summary, &version))
    }
}
