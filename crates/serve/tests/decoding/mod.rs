//! Requests made of arbitrary bytes, put to the real routes without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use modelwright_serve::{Access, App, Limits, Models, router};
use serde_json::Value;
use std::path::Path;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// Says where the JSON of tensors ends.
const JSON_LENGTH: &str = "inference-header-content-length";
/// What the first byte of an input chooses among: the last part of the address and the body's type.
/// `infer+` is `infer` with bytes behind the JSON.
const FORMS: [(&str, &str); 7] = [
    ("infer", "application/json"),
    ("infer+", "application/octet-stream"),
    ("predict", "application/json"),
    ("predict", "application/x-ndjson"),
    ("predict", "text/csv"),
    ("predict", "image/png"),
    ("predict", "multipart/form-data; boundary=b"),
];

/// Routes with a model of pictures and one of rows behind them.
pub struct Decoding {
    router: Router,
    runtime: Runtime,
}

impl Decoding {
    /// With these bundles behind the routes.
    pub fn new(pictures: &Path, rows: &Path) -> Self {
        // Small, so that what breaks them is short.
        let limits = Limits {
            body_bytes: 64 << 10,
            examples: 64,
            picture_pixels: 1 << 16,
            ..Limits::default()
        };
        let models = Models::new(limits);
        models.add("pictures", pictures).unwrap();
        models.add("rows", rows).unwrap();
        Self {
            router: router(App::new(models, Access::Open, false)),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// Panics unless the server answers what the bytes stand for with a prediction or with an error
    /// that is the client's. Returns the status; `None` if the bytes stand for nothing.
    pub fn check(&self, data: &[u8]) -> Option<StatusCode> {
        let request = request(data)?;
        let answer = self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.unwrap();
            let status = answer.status();
            let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            (status, body)
        });
        let (status, body) = answer;
        match status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                let error: Value = serde_json::from_slice(&body).unwrap();
                assert!(
                    error["error"].as_str().is_some_and(|e| !e.is_empty()),
                    "{error}"
                );
            }
            other => panic!("{other}: {}", String::from_utf8_lossy(&body)),
        }
        Some(status)
    }
}

/// A digit for the form, a letter for the model (`p`ictures, otherwise rows), then the body. With
/// `infer+` a line comes before it that holds the length of the JSON as the header says it.
fn request(data: &[u8]) -> Option<Request<Body>> {
    let ([form, model], mut body) = data.split_first_chunk()?;
    let (action, content_type) = FORMS[usize::from(form.checked_sub(b'0')?) % FORMS.len()];
    let model = match model {
        b'p' => "pictures",
        _ => "rows",
    };
    let (version, action, behind) = match action.strip_suffix('+') {
        Some(action) => ("v2", action, true),
        None if action == "infer" => ("v2", action, false),
        None => ("v1", action, false),
    };
    let mut request = Request::post(format!("/{version}/models/{model}/{action}"))
        .header(header::CONTENT_TYPE, content_type);
    if behind {
        let end = body.iter().position(|b| *b == b'\n')?;
        let length = HeaderValue::from_bytes(&body[..end]).ok()?;
        request = request.header(JSON_LENGTH, length);
        body = &body[end + 1..];
    }
    request.body(Body::from(body.to_vec())).ok()
}
