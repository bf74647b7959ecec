//! Errors as OpenAI's clients read them.

use super::is_ours;
use crate::error::{ServeError, described};
use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::RefOr;
use utoipa::{IntoResponses, ToSchema, openapi};

/// A [`ServeError`] in OpenAI's form.
#[derive(Debug)]
pub(super) struct ApiError(pub ServeError);

/// The body of an answer that is no success.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiErrorBody {
    error: ApiErrorDetail,
}

/// What was wrong.
#[derive(Serialize, ToSchema)]
struct ApiErrorDetail {
    /// What was wrong, and what to do.
    message: String,
    /// What kind of problem it is, such as `invalid_request_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field of the request that is to blame, if it is one.
    #[schema(required = true)]
    param: Option<String>,
    /// A name for the problem, such as `model_not_found`.
    #[schema(required = true)]
    code: Option<&'static str>,
}

impl From<ServeError> for ApiError {
    fn from(error: ServeError) -> Self {
        Self(error)
    }
}

impl ApiErrorBody {
    pub fn of(error: &ServeError) -> Self {
        let message = match error.help() {
            Some(help) => format!("{error}; {help}"),
            None => error.to_string(),
        };
        let (kind, code) = match error.status().as_u16() {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            403 => ("invalid_request_error", Some("insufficient_permissions")),
            429 => ("rate_limit_error", Some("rate_limit_exceeded")),
            500.. => ("server_error", None),
            _ => ("invalid_request_error", None),
        };
        Self {
            error: ApiErrorDetail {
                message,
                kind,
                param: error.param().map(String::from),
                code: error.code().or(code),
            },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(ApiErrorBody::of(&self.0));
        let mut response = (self.0.status(), body).into_response();
        self.0.add_headers(response.headers_mut());
        response
    }
}

/// A layer that tells errors of whatever guards the addresses of OpenAI's API in OpenAI's form.
pub(crate) async fn tell_errors(request: Request, next: Next) -> Response {
    let ours = is_ours(request.uri().path());
    let response = next.run(request).await;
    match response.extensions().get::<ServeError>() {
        Some(error) if ours => {
            let mut told = ApiError(error.clone()).into_response();
            // Such as that the connection ends, or which scope is missing.
            for (name, value) in response.headers() {
                if !told.headers().contains_key(name) && name.as_str() != "content-length" {
                    told.headers_mut().insert(name, value.clone());
                }
            }
            told
        }
        _ => response,
    }
}

/// Why a request may fail, for the server's description of itself.
impl IntoResponses for ApiError {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        described(
            &ApiErrorBody::name(),
            &[
                (400, "What was sent cannot be used; `param` names the field"),
                (401, "A token is needed"),
                (403, "The token does not allow this"),
                (404, "No such model"),
                (408, "It took too long"),
                (413, "The body is too large"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_codes_are_those_that_clients_know() {
        let told = |error: &ServeError| serde_json::to_value(ApiErrorBody::of(error)).unwrap();
        let error = ServeError::input("it is 3", "give 1 at most").at("n");
        assert_eq!(
            told(&error)["error"],
            serde_json::json!({
                "message": "it is 3; give 1 at most",
                "type": "invalid_request_error",
                "param": "n",
                "code": null,
            })
        );
        let missing = told(&ServeError::no_model("m"));
        assert_eq!(missing["error"]["code"], "model_not_found");
        let busy = told(&ServeError::busy("many", 1));
        assert_eq!(busy["error"]["type"], "rate_limit_error");
        let own = told(&ServeError::own("bug"));
        assert_eq!(own["error"]["type"], "server_error");
        let token = told(&ServeError::unauthorized());
        assert_eq!(token["error"]["code"], "invalid_api_key");
    }
}
