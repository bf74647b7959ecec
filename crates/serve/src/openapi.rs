//! The server's description of itself, made from the types that it reads and writes.

use crate::router::App;
use crate::{friendly, oip, openai};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

/// The address of the description.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(|| async { Json(document()) }))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Modelwright",
    description = "Predictions of trained models, and conversations. `/v1` takes what a person has, and \
        speaks OpenAI's API (`/v1/chat/completions`, `/v1/embeddings` …); `/v2` is the Open \
        Inference Protocol, where a version can also be named: `/v2/models/{model}/versions/{version}`."
))]
struct Description;

/// The whole document; it is the same for all servers.
pub(crate) fn document() -> &'static utoipa::openapi::OpenApi {
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(|| {
        let mut document = Description::openapi();
        document.merge(friendly::Description::openapi());
        document.merge(openai::Description::openapi());
        document.merge(oip::Description::openapi());
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "From `modelwright token create`, if the server wants tokens",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        // Either: a server without tokens takes requests as they are.
        document.security = Some(vec![
            SecurityRequirement::default(),
            SecurityRequirement::new::<_, _, String>("token", []),
        ]);
        document
    });
    &DOCUMENT
}
