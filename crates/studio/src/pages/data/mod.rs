//! Data: bringing it, looking at it, mending it.

mod findings;
mod fix;
mod list;
mod profile;
mod tables;
mod texts;

use crate::app::Studio;
use crate::looks::Look;
use crate::page::{Ctx, encoded_part, see_other};
use crate::problem::Problem;
use crate::uploads::{self, Entry};
use axum::extract::{FromRequest, Multipart, Path, Request};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::html;
use std::sync::Arc;
use std::time::Duration;

/// A visitor waits this long on one page before another tells how far it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pages' routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/data", get(list::page))
        .route("/data/{id}", get(page))
        .route("/data/{id}/fix", post(fix::apply))
        .route("/data/{id}/remove", post(remove))
}

/// The route of uploads, which may be large and take long.
pub fn uploading() -> Router<Studio> {
    Router::new().route("/data/upload", post(upload))
}

async fn page(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let entry = ctx.studio.uploads().get(&id)?;
    match looked(&ctx, &entry).await {
        Ok(Ok(look)) => Ok(profile::page(&ctx, &entry, &look)),
        Ok(Err(problem)) => Ok(profile::unreadable(&ctx, &entry, &problem)),
        Err(waiting) => Ok(waiting),
    }
}

/// The look at a data set; while it is under way, a page that says so and asks again.
pub async fn looked(ctx: &Ctx, entry: &Entry) -> Result<Result<Arc<Look>, Problem>, Response> {
    let looking = ctx.studio.looks().at(entry);
    if let Some(done) = looking.wait(PATIENCE).await {
        return Ok(done);
    }
    let (done, total) = looking.progress();
    let body = html! {
        section.card.narrow.waiting {
            h1 { (ctx.t("data-looking")) }
            @if total > 0 {
                p { (ctx.tr("data-decoded", &[("done", &done), ("total", &total)])) }
                progress max=(total) value=(done) aria-label=(ctx.t("data-looking")) {}
            } @else {
                p { (ctx.t("data-reading")) }
                progress aria-label=(ctx.t("data-looking")) {}
            }
        }
    };
    let page = ctx.page("data-looking", body);
    Err(([("refresh", "1")], page).into_response())
}

async fn upload(ctx: Ctx, request: Request) -> Result<Response, Problem> {
    let scripted = wants_json(request.headers());
    let form = Multipart::from_request(request, &ctx.studio).await;
    let form = form.map_err(|e| Problem::bad("upload-broken", e.body_text()))?;
    let entry = uploads::receive(&ctx.studio, form).await?;
    let place = format!("/data/{}", encoded_part(&entry.id));
    match scripted {
        true => Ok(Json(serde_json::json!({ "place": place })).into_response()),
        false => Ok(see_other(&place)),
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|a| a.to_str().ok());
    accept.is_some_and(|a| a.starts_with("application/json"))
}

async fn remove(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    ctx.studio
        .blocking(move |studio| {
            studio.uploads().remove(&id)?;
            studio.looks().forget(&id);
            Ok::<_, Problem>(see_other("/data"))
        })
        .await
}
