//! Addresses for people and pages: a row, a picture or a file in, labels and probabilities out.

mod sent;

use crate::answer::Answer;
use crate::error::{ErrorBody, ServeError};
use crate::example::{self, Place};
use crate::registry::ModelSummary;
use crate::router::{App, Named};
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use modelwright_tasks::{InputSchema, Prediction};
use sent::Sent;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::Arc;
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
    /// What goes in: pictures of a size, or rows with columns.
    #[schema(value_type = Object)]
    takes: InputSchema,
    /// A body of a request that works.
    example: Value,
    /// A command that sends it.
    curl: String,
}

/// Predictions for what was sent.
#[derive(Serialize, ToSchema)]
struct Predictions {
    /// The model that answered.
    model: String,
    /// Its version.
    version: String,
    /// One an example, in their order.
    predictions: Vec<One>,
}

/// The prediction for one example.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum One {
    /// One of several classes.
    Class {
        /// The most probable class.
        label: String,
        /// Its probability.
        probability: f32,
        /// The probability of each class.
        #[schema(value_type = std::collections::BTreeMap<String, f32>)]
        probabilities: Probabilities,
    },
    /// A quantity.
    Quantity {
        /// In the unit of the training data.
        value: f64,
    },
}

/// Probabilities by class, in the order of the classes.
struct Probabilities {
    labels: Arc<[String]>,
    values: Vec<f32>,
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.labels.iter().zip(&self.values))
    }
}

impl Predictions {
    fn new(model: String, answer: Answer) -> Self {
        let one = |prediction| match prediction {
            Prediction::Class {
                label,
                probability,
                probabilities: values,
            } => One::Class {
                label,
                probability,
                probabilities: Probabilities {
                    labels: answer.labels.clone(),
                    values,
                },
            },
            Prediction::Value { value } => One::Quantity { value },
        };
        Self {
            model,
            version: answer.version,
            predictions: answer.predictions.into_iter().map(one).collect(),
        }
    }
}

/// All models.
#[utoipa::path(get, path = "/v1/models", tag = "For people",
    responses((status = 200, body = Vec<ModelSummary>, description = "The models")))]
async fn models(State(app): State<App>) -> Json<Vec<ModelSummary>> {
    Json(app.models.list())
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
    let version = app.models.look(&named.model, named.version.as_deref())?;
    let place = Place::of(&headers, app.tls, !app.access.is_open());
    Ok(Json(ModelDescription {
        summary: app.models.summary_of(&named.model)?,
        takes: version.input().clone(),
        example: example::body(version.input()),
        curl: example::first(&place, &named.model, &version).command,
    }))
}

/// Predictions for a row as a JSON object, a list of rows, a table in CSV or JSON lines; or for a
/// picture as the body, as form files, or in Base64 as `{"image": …}` or `{"images": […]}`.
#[utoipa::path(post, path = "/v1/models/{model}/predict", tag = "For people",
    params(("model" = String, Path, description = "Name of the model")),
    request_body(content(
        (Value = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"),
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
