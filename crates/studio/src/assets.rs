//! Styles and scripts, inside the program.

use crate::app::Studio;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use modelwright_serve::widget::TALK;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// Files by name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[
            // What the page has in common with the widget for other sites.
            ("talk.js", TALK),
            $(($name, include_str!(concat!("../assets/", $name)))),*
        ]
    };
}

const FILES: &[(&str, &str)] = files![
    "style.css",
    "icon.svg",
    "studio.js",
    "upload.js",
    "train.js",
    "chart.js",
    "chat.css",
    "chat.js",
    "compare.js",
    "draw.js",
    "result.js",
    "run.css",
    "run.js",
    "ship.js",
    "try.js",
];

/// One number for the content of all files, so that modules can import each other by plain names.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = DefaultHasher::new();
    FILES.hash(&mut hash);
    format!("{:016x}", hash.finish())
});

/// The address of a file. It changes with the files, so a browser may keep what it has.
pub fn url(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// The tag that loads an ES module.
pub fn script(name: &str) -> Markup {
    html! { script type="module" src=(url(name)) {} }
}

/// The files' routes.
pub fn routes() -> Router<Studio> {
    Router::new().route("/assets/{version}/{name}", get(file))
}

async fn file(Path((version, name)): Path<(String, String)>) -> Response {
    let Some((_, content)) = FILES.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    let keep = match version == *VERSION {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, keep)], *content).into_response()
}
