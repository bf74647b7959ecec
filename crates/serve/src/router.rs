//! All addresses for predictions, without guards: those are put around it by whoever listens.

use crate::access::Access;
use crate::chat::ChatModels;
use crate::error::ServeError;
use crate::example::{self, Place};
use crate::limits::Limits;
use crate::metrics::{self, Metrics};
use crate::registry::Models;
use crate::security::Origins;
use crate::{docs, friendly, oip, openai, openapi, widget};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::Deserialize;
use std::error::Error;
use std::net::SocketAddr;

/// What all addresses work with. Clones are the same.
#[derive(Clone)]
pub struct App {
    /// The models.
    pub models: Models,
    /// What is counted.
    pub metrics: Metrics,
    /// Who may come in.
    pub access: Access,
    /// What is accepted at most.
    pub limits: Limits,
    /// The models that talk.
    pub chat: ChatModels,
    /// The web sites whose pages may ask.
    pub origins: Origins,
    /// Whether clients come through TLS, for the addresses in examples.
    pub tls: bool,
}

impl App {
    /// With the limits and counts of `models`.
    pub fn new(models: Models, access: Access, tls: bool) -> Self {
        Self {
            metrics: models.metrics().clone(),
            limits: models.limits().clone(),
            chat: ChatModels::new(models.limits(), models.metrics()),
            origins: Origins::default(),
            models,
            access,
            tls,
        }
    }

    /// A command that asks the first model, for a server at `address`.
    pub fn first_command(&self, address: SocketAddr) -> Option<String> {
        let place = Place::at(&reachable(address), self.tls, !self.access.is_open());
        let Some(model) = self.models.list().into_iter().next() else {
            let model = self.chat.list().into_iter().next()?;
            return Some(example::talk(&place, model.name()).command);
        };
        let version = self.models.look(&model.name, None).ok()?;
        Some(example::first(&place, &model.name, &version).command)
    }
}

/// A model, and a version of it if one is named, as addresses name them.
#[derive(Deserialize)]
pub(crate) struct Named {
    /// Name of the model.
    pub model: String,
    /// Number or digest of the version.
    pub version: Option<String>,
}

/// An address under which this machine itself reaches a server that listens at `address`.
fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("127.0.0.1:{}", address.port()),
        false => address.to_string(),
    }
}

/// The Open Inference Protocol below `/v2`, OpenAI's API and addresses for people below `/v1`, their
/// description, the widget, and metrics.
pub fn router(app: App) -> Router {
    let body = DefaultBodyLimit::max(app.limits.body_bytes);
    let metrics = metrics::router(app.metrics.clone());
    Router::new()
        .merge(oip::routes())
        .merge(friendly::routes())
        .merge(openai::routes())
        .merge(docs::routes())
        .merge(openapi::routes())
        .layer(body)
        .with_state(app)
        .merge(metrics)
        .merge(widget::routes())
}

/// Only the addresses of OpenAI's API, for pages that have guards of their own.
pub fn talking(app: App) -> Router {
    let body = DefaultBodyLimit::max(app.limits.body_bytes);
    openai::routes().layer(body).with_state(app)
}

/// The answer where there is no such address, for `Router::fallback`.
pub async fn no_such_address() -> ServeError {
    ServeError::missing("no such address", "GET /docs lists the addresses")
}

/// A whole body.
///
/// # Errors
/// It is too large, compressed, or ends early.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Bytes, ServeError> {
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|e| e != "identity") {
        return Err(ServeError::media(
            "the body is compressed",
            "send it as it is, without Content-Encoding",
        ));
    }
    let read = to_bytes(body, limits.body_bytes).await;
    read.map_err(|e| {
        too_large(&e, limits).unwrap_or_else(|| {
            ServeError::input(
                format!("the body cannot be read: {e}"),
                "send it whole, with its right length",
            )
        })
    })
}

/// The error to tell if a body could not be read because it is too large.
pub(crate) fn too_large(error: &(dyn Error + 'static), limits: &Limits) -> Option<ServeError> {
    let mut cause = Some(error);
    while let Some(e) = cause {
        if e.is::<LengthLimitError>() {
            return Some(ServeError::too_large(limits.body_bytes));
        }
        cause = e.source();
    }
    None
}
