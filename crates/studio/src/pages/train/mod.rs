//! Train: the recommended recipe in plain words, a time limit, and every setting for experts.

mod form;
mod values;
mod words;

use super::data::looked;
use crate::app::Studio;
use crate::assets;
use crate::page::{Ctx, encoded_part, see_other};
use crate::problem::Problem;
use crate::uploads::Entry;
use axum::Router;
use axum::extract::{Form, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use modelwright_train::Recipe;
use serde::Deserialize;
use values::{Asked, Effort, Fault};

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new().route("/train", get(page).post(start))
}

#[derive(Deserialize)]
struct Wish {
    data: Option<String>,
}

async fn page(ctx: Ctx, Query(wish): Query<Wish>) -> Result<Response, Problem> {
    let Some(id) = wish.data else {
        return Ok(see_other("/data"));
    };
    let entry = ctx.studio.uploads().get(&id)?;
    let recipe = match recommended(&ctx, &entry).await {
        Ok(recipe) => recipe?,
        Err(waiting) => return Ok(waiting),
    };
    Ok(render(&ctx, &entry, &recipe, &Asked::nothing(&id), &[]))
}

/// The recipe for the data; while it is looked at, a page that says so.
async fn recommended(ctx: &Ctx, entry: &Entry) -> Result<Result<Recipe, Problem>, Response> {
    let look = looked(ctx, entry).await?;
    Ok(look.and_then(|look| look.recipe.clone()))
}

async fn start(ctx: Ctx, Form(pairs): Form<Vec<(String, String)>>) -> Result<Response, Problem> {
    let asked = Asked::of(pairs);
    let entry = ctx.studio.uploads().get(&asked.data)?;
    let recipe = match recommended(&ctx, &entry).await {
        Ok(recipe) => recipe?,
        // The server has been started anew since the form was shown.
        Err(waiting) => return Ok(waiting),
    };
    let faults = match asked.read(&entry, &recipe) {
        Ok((layers, limit)) => match ctx.studio.jobs().start(layers, limit).await {
            Ok(id) => return Ok(see_other(&format!("/runs/{}", encoded_part(&id)))),
            Err(error) => vec![Fault::of(&error)],
        },
        Err(faults) => faults,
    };
    let page = render(&ctx, &entry, &recipe, &asked, &faults);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn render(ctx: &Ctx, entry: &Entry, recipe: &Recipe, asked: &Asked, faults: &[Fault]) -> Response {
    let body = html! {
        header.page-head {
            p.crumb { a href=(format!("/data/{}", encoded_part(&entry.id))) { "← " (entry.name) } }
            h1 { (ctx.t("train-title")) }
            p.lead { (ctx.t("train-lead")) }
        }
        form #train method="post" action="/train" novalidate {
            input type="hidden" name="data" value=(entry.id);
            (summary_of_faults(ctx, faults))
            (plain(ctx, recipe))
            (effort(ctx, asked))
            (limit(ctx, asked, faults))
            p.next { button.large type="submit" { (ctx.t("train-start")) } }
            (form::expert(ctx, recipe, asked, faults))
        }
        (assets::script("train.js"))
    };
    ctx.titled(&ctx.tr("train-of", &[("data", &entry.name)]), body)
}

fn summary_of_faults(ctx: &Ctx, faults: &[Fault]) -> Markup {
    html! {
        @if !faults.is_empty() {
            div.notice.bad role="alert" {
                h2 { (ctx.t("train-fault")) }
                ul { @for fault in faults { li {
                    @match &fault.key {
                        Some(key) => a href=(format!("#{key}")) { (form::name(ctx, key)) ": " },
                        None => "",
                    }
                    (fault.text(ctx))
                } } }
            }
        }
    }
}

fn plain(ctx: &Ctx, recipe: &Recipe) -> Markup {
    html! {
        section.card.plan {
            h2 { (ctx.t("train-plan")) }
            ul.plain { @for sentence in words::of(ctx, recipe) { li {
                p.big { (sentence.plain) }
                p.technical { code { (sentence.technical) } }
            } } }
        }
    }
}

fn effort(ctx: &Ctx, asked: &Asked) -> Markup {
    html! {
        fieldset.efforts {
            legend { (ctx.t("effort-title")) }
            div { @for effort in Effort::ALL {
                label.card {
                    input type="radio" name="effort" value=(effort.name()) checked[effort == asked.effort];
                    span { strong { (ctx.t(&format!("effort-{}", effort.name()))) }
                        small { (ctx.t(&format!("effort-{}-about", effort.name()))) } }
                }
            } }
        }
    }
}

fn limit(ctx: &Ctx, asked: &Asked, faults: &[Fault]) -> Markup {
    let fault = faults.iter().find(|f| f.key.as_deref() == Some("minutes"));
    html! {
        div.card.limit {
            label for="minutes" { (ctx.t("limit-label")) }
            div.row {
                input #minutes type="text" inputmode="decimal" name="minutes" value=(asked.minutes)
                    placeholder=(ctx.t("limit-none")) aria-describedby="minutes-help"
                    aria-invalid=[fault.map(|_| "true")];
                span { (ctx.t("limit-unit")) }
            }
            @if let Some(fault) = fault { p.fault { (fault.text(ctx)) } }
            p.technical #minutes-help { (ctx.t("limit-help")) }
        }
    }
}
