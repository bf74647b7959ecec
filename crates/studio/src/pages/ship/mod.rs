//! A model as part of a product: an address, code that calls it, the bundle to take along.

mod pack;
mod served;
mod snippets;
mod talks;

pub(crate) use served::{model_name, restore};
pub(crate) use snippets::ExampleInput;

use super::chat;
use super::of_run::OfRun;
use super::try_it::Trial;
use crate::app::Studio;
use crate::page::see_other;
use crate::{Ctx, Problem, assets};
use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use modelwright_serve::Access;
use snippets::{Call, Snippet};

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/runs/{id}/ship", get(page))
        .route("/runs/{id}/ship/start", post(start))
        .route("/runs/{id}/ship/stop", post(stop))
        .route("/runs/{id}/bundle.zip", get(pack::bundle))
}

async fn page(ctx: Ctx, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    if of_run.run.task == chat::TASK {
        return Ok(talks::page(&ctx, &of_run, &headers));
    }
    let trial = Trial::open(&ctx, of_run.run.id).await?;
    let read = move |_: &Studio| -> Result<(Trial, ExampleInput), Problem> {
        let example = trial.example();
        Ok((trial, example))
    };
    let (trial, example) = ctx.studio.blocking(read).await?;
    let of_run = &trial.of_run;
    let name = model_name(&of_run.run.id);
    let serving = ctx.studio.models().list().iter().any(|m| m.name == name);
    let base = base(&headers);
    let call = Call {
        address: format!("{base}/v1/models/{name}/predict"),
        token: matches!(ctx.studio.serve().access, Access::Tokens(_)),
        example,
    };
    let body = html! {
        (state(&ctx, of_run, serving, &call.address, call.token))
        (code(&ctx, of_run, serving, &call))
        (take_along(&ctx, of_run))
        (assets::script("ship.js"))
    };
    Ok(of_run.page(&ctx, "ship-title", body))
}

/// The start of this server's addresses as the browser has it.
fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|h| h.to_str().ok());
    let host = text("host").unwrap_or("localhost");
    // Where TLS ends before the browser's request reaches this process, the script knows better.
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{host}")
}

/// Whether the model answers at its address, and the button that changes it.
fn state(ctx: &Ctx, of_run: &OfRun, serving: bool, address: &str, token: bool) -> Markup {
    html! {
        section.card #serving data-serving=(serving) {
            @if serving {
                p.headline role="status" { (ctx.t("ship-on")) }
                p { (ctx.t("ship-address")) " " code.address { (address) } }
                p.quiet { (ctx.t("ship-stays")) }
                @if token {
                    p.notice { (ctx.t("ship-token")) " " code { "modelwright token create NAME --scope predict" } }
                }
                div.actions {
                    form method="post" action=(of_run.address("/ship/stop")) {
                        button.secondary type="submit" { (ctx.t("ship-stop")) }
                    }
                    a.button.secondary href="/docs" { (ctx.t("ship-docs")) }
                }
            } @else {
                p.headline role="status" { (ctx.t("ship-off")) }
                p { (ctx.t("ship-off-help")) }
                div.actions {
                    form method="post" action=(of_run.address("/ship/start")) {
                        button type="submit" { (ctx.t("ship-start")) }
                    }
                }
            }
        }
    }
}

fn code(ctx: &Ctx, of_run: &OfRun, serving: bool, call: &Call) -> Markup {
    html! {
        section.card {
            h2 { (ctx.t("ship-code")) }
            p { (ctx.t("ship-code-help")) }
            @if !serving { p.notice { (ctx.t("ship-code-later")) } }
            @if let Some(file) = call.file() {
                p { (ctx.tr("ship-file", &[("file", &file)])) " "
                    a href=(of_run.address("/examples/0.png")) download=(file) { (ctx.t("ship-file-get")) } }
            }
            @for snippet in call.snippets() { (shown(ctx, &snippet)) }
        }
    }
}

fn shown(ctx: &Ctx, snippet: &Snippet) -> Markup {
    html! {
        div.snippet {
            div.actions {
                h3 id=(format!("{}-title", snippet.id)) { (snippet.language) }
                button.secondary type="button" data-copy=(snippet.id) data-done=(ctx.t("ship-copied")) hidden { (ctx.t("ship-copy")) }
            }
            pre.code tabindex="0" aria-labelledby=(format!("{}-title", snippet.id)) { code id=(snippet.id) { (snippet.code) } }
            @if snippet.id == "javascript" { p.quiet { (ctx.t("ship-javascript")) } }
        }
    }
}

fn take_along(ctx: &Ctx, of_run: &OfRun) -> Markup {
    let id = &of_run.run.id;
    let runs = ctx.studio.runs().display();
    let input = match of_run.seen() {
        "pictures" => "PICTURE.png",
        "texts" => "TEXTS.csv",
        _ => "ROWS.csv",
    };
    html! {
        section.card {
            h2 { (ctx.t("ship-take")) }
            p { (ctx.t("ship-take-help")) }
            div.actions { a.button href=(of_run.address("/bundle.zip")) download { (ctx.t("ship-bundle")) } }
            h3 { (ctx.t("ship-command")) }
            pre.code tabindex="0" { code {
                "modelwright serve " (id) " --runs-dir " (runs) "\n"
                "modelwright predict " (id) " " (input) " --runs-dir " (runs)
            } }
        }
    }
}

async fn start(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let place = of_run.address("/ship");
    ctx.studio
        .blocking(move |studio| served::start(studio, &of_run.run.id))
        .await?;
    Ok(see_other(&place))
}

async fn stop(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let of_run = OfRun::find(&ctx, id).await?;
    let place = of_run.address("/ship");
    ctx.studio
        .blocking(move |studio| served::stop(studio, &of_run.run.id))
        .await?;
    Ok(see_other(&place))
}
