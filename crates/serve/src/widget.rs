//! A bubble to chat in, for any web site: one `<script>` line.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What the widget and the studio's page have in common, as an ES module: text with marks as elements,
/// and answers as they come.
pub const TALK: &str = concat!(
    include_str!("widget/talk.js"),
    "\nexport { ask, marked };\n"
);

/// The widget, which is no module: one line of any page loads it.
const WIDGET: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("widget/talk.js"),
    include_str!("widget/widget.js"),
    "})();\n"
);

/// The address of the script. It holds no state and needs no token.
pub(crate) fn routes() -> Router {
    Router::new().route("/widget.js", get(script))
}

async fn script() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
        // Pages of other sites are what it is for.
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, WIDGET).into_response()
}
