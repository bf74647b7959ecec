//! Home: what the visitor wants, and how it stands with what was begun.

use super::of_run::data_name;
use super::words::{badge, headline};
use crate::app::Studio;
use crate::page::{Ctx, encoded_part};
use crate::problem::Problem;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use modelwright_runs::{Run, Status};
use modelwright_tasks::registry;

/// Runs that are shown.
const RUNS: usize = 12;

/// The page's route.
pub fn routes() -> Router<Studio> {
    Router::new().route("/", get(home))
}

async fn home(ctx: Ctx) -> Result<Response, Problem> {
    let runs = ctx
        .studio
        .blocking(|studio| Ok::<_, Problem>(studio.store()?.list()?))
        .await?;
    let body = html! {
        div.hero {
            h1 { (ctx.t("home-question")) }
            p.lead { (ctx.t("home-lead")) }
        }
        ul.cards.tasks { @for task in registry::TASKS { li { (task_card(&ctx, task.info().name)) } } }
        section {
            h2 { (ctx.t("home-runs")) }
            @if runs.is_empty() {
                p.empty { (ctx.t("home-no-runs")) " " a href="/data" { (ctx.t("home-begin")) } }
            } @else {
                (table_of_runs(&ctx, &runs))
            }
        }
    };
    Ok(ctx.page("home-title", body))
}

fn task_card(ctx: &Ctx, task: &str) -> Markup {
    let text = |what: &str| ctx.t(&format!("task-{task}-{what}"));
    html! {
        a.card.task href=(format!("/data?task={task}")) {
            (picture(task))
            h2 { (text("title")) }
            p { (text("example")) }
            p.technical { (text("technical")) }
        }
    }
}

/// A small drawing of what goes in and what comes out.
fn picture(task: &str) -> Markup {
    html! {
        svg.sketch viewBox="0 0 120 56" aria-hidden="true" {
            @match task {
                "image-classification" => {
                    rect.soft x="4" y="6" width="44" height="44" rx="6" {}
                    circle.mark cx="18" cy="20" r="5" {}
                    path.mark d="M8 46 L22 30 L30 38 L38 26 L46 46 Z" {}
                    path.line d="M56 28 H70 M65 23 L70 28 L65 33" {}
                    rect.mark x="80" y="8" width="36" height="11" rx="5" {}
                    rect.soft x="80" y="23" width="22" height="11" rx="5" {}
                    rect.soft x="80" y="38" width="14" height="11" rx="5" {}
                }
                "tabular-regression" => {
                    (grid())
                    path.line d="M56 28 H70 M65 23 L70 28 L65 33" {}
                    path.line d="M80 48 H116 M80 48 V8" {}
                    path.thick d="M84 42 L94 32 L102 34 L114 14" {}
                }
                "text-classification" => {
                    (page())
                    path.line d="M56 28 H70 M65 23 L70 28 L65 33" {}
                    rect.mark x="80" y="8" width="36" height="17" rx="8" {}
                    rect.soft x="80" y="31" width="26" height="17" rx="8" {}
                }
                "text-embedding" => {
                    (page())
                    path.line d="M56 28 H70 M65 23 L70 28 L65 33" {}
                    circle.mark cx="92" cy="22" r="6" {}
                    circle.mark cx="104" cy="17" r="4" {}
                    circle.mark cx="102" cy="30" r="4" {}
                    circle.soft cx="84" cy="46" r="4" {}
                    circle.soft cx="114" cy="46" r="4" {}
                }
                "question-answering" => {
                    path.soft d="M6 8 H46 V36 H24 L14 46 V36 H6 Z" {}
                    path.thick d="M21 18 C21 12 31 12 31 18 C31 22 26 21 26 26 M26 31 V31.5" {}
                    path.line d="M54 28 H68 M63 23 L68 28 L63 33" {}
                    path.line d="M76 14 H116 M76 42 H104" {}
                    rect.mark x="84" y="22" width="28" height="11" rx="3" {}
                }
                _ => {
                    (grid())
                    path.line d="M56 28 H70 M65 23 L70 28 L65 33" {}
                    circle.mark cx="92" cy="18" r="8" {}
                    circle.soft cx="106" cy="38" r="8" {}
                    circle.soft cx="86" cy="42" r="6" {}
                }
            }
        }
    }
}

fn page() -> Markup {
    html! {
        rect.soft x="4" y="6" width="44" height="44" rx="4" {}
        path.line d="M11 16 H41 M11 24 H38 M11 32 H41 M11 40 H30" {}
    }
}

fn grid() -> Markup {
    html! {
        rect.soft x="4" y="6" width="44" height="44" rx="4" {}
        rect.mark x="4" y="6" width="44" height="10" rx="4" {}
        path.line d="M4 28 H48 M4 39 H48 M19 16 V50 M34 16 V50" {}
    }
}

fn table_of_runs(ctx: &Ctx, runs: &[Run]) -> Markup {
    html! {
        form method="get" action="/compare" {
            div.scroll { table.runs {
                thead { tr {
                    th { span.hidden { (ctx.t("home-choose")) } }
                    th { (ctx.t("home-run")) }
                    th { (ctx.t("home-status")) }
                    th { (ctx.t("home-score")) }
                    th { (ctx.t("home-data")) }
                    th { (ctx.t("home-begun")) }
                } }
                tbody { @for run in runs.iter().take(RUNS) { (row(ctx, run)) } }
            } }
            @if runs.len() > 1 {
                p { button.secondary type="submit" { (ctx.t("home-compare")) } }
            }
        }
    }
}

fn row(ctx: &Ctx, run: &Run) -> Markup {
    let here = ctx.studio.jobs().is_running(&run.id);
    let address = match run.status {
        Status::Finished => format!("/runs/{}/result", encoded_part(&run.id)),
        _ => format!("/runs/{}", encoded_part(&run.id)),
    };
    html! {
        tr {
            td {
                input type="checkbox" name="runs" value=(run.id)
                    aria-label=(ctx.tr("home-choose-run", &[("run", &run.id)]));
            }
            td { a href=(address) { strong { (run.id) } } br;
                small { (ctx.t(&format!("task-{}-short", run.task))) } }
            td {
                (badge(ctx, run.status))
                @if run.status == Status::Running && !here { br; small { (ctx.t("home-elsewhere")) } }
            }
            td { (headline(ctx, run).unwrap_or_else(|| "–".into())) }
            td { (data_name(run)) }
            td { time datetime=(run.created) { (run.created.get(..16).unwrap_or(&run.created).replace('T', " ")) } }
        }
    }
}
