//! A run: its curves as they grow, what it still gets wrong, its log; stop and resume.

mod follow;
mod log;
mod wrong;

use super::of_run::OfRun;
use super::words::{badge, duration, headline, score_name};
use crate::app::Studio;
use crate::page::see_other;
use crate::{Ctx, Problem, assets};
use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use modelwright_evaluate::score;
use modelwright_runs::{EpochScore, LogReader, Status};
use modelwright_tasks::TaskError;
use modelwright_train::Event;
use std::collections::BTreeMap;

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/runs/{id}", get(page))
        .route("/runs/{id}/events", get(follow::events))
        .route("/runs/{id}/stop", post(stop))
        .route("/runs/{id}/resume", post(resume))
        .route("/runs/{id}/examples/{example}", get(wrong::picture))
}

/// What the page shows before the first news.
struct Past {
    epochs: Vec<EpochScore>,
    events: Vec<Event>,
    /// Texts of the examples that it gets wrong.
    wrong: Vec<String>,
}

async fn page(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let of_run = OfRun::find(&ctx, id).await?;
    let wanted = of_run.clone();
    let read = move |studio: &Studio| -> Result<Past, Problem> {
        let events = LogReader::new(wanted.folder.clone()).read()?;
        let mistakes = wrong::last(&events).map_or(&[][..], |(_, mistakes)| mistakes);
        Ok(Past {
            epochs: studio.store()?.epochs(&wanted.run.id)?,
            wrong: wrong::texts(studio, &wanted, mistakes),
            events,
        })
    };
    let past = ctx.studio.blocking(read).await?;
    let body = html! {
        div #live data-events=(of_run.address("/events"))
            data-page=(of_run.address(""))
            data-texts=(chart_texts(&ctx)) {
            (state(&ctx, &of_run))
            (progress(&ctx, &of_run))
            div.grid {
                div #charts {}
                (assets::script("run.js"))
                (wrong::section(&ctx, &of_run, &past.events, &past.wrong))
                (machine(&ctx))
                (log_of(&ctx, &past.events))
            }
            (epoch_table(&ctx, &past.epochs))
            (recipe(&ctx, &of_run))
        }
    };
    Ok(of_run.page(&ctx, "run-title", body))
}

/// How the run stands and what can be done about it; the script fetches it anew when that changes.
fn state(ctx: &Ctx, of_run: &OfRun) -> Markup {
    let run = &of_run.run;
    let ours = ctx.studio.jobs().is_running(&run.id);
    html! {
        section.card #state data-status=(run.status.name()) {
            p.lead {
                (badge(ctx, run.status)) " "
                @match headline(ctx, run) {
                    Some(sentence) => (sentence),
                    None => (ctx.t(&format!("run-is-{}", run.status.name()))),
                }
            }
            @if !run.message.is_empty() {
                p.message lang="en" { (run.message) }
            }
            p.quiet { (ctx.tr("run-time", &[("time", &duration(ctx, run.total_seconds()))])) }
            div.actions {
                @match run.status {
                    Status::Running if ours => {
                        form method="post" action=(of_run.address("/stop")) {
                            button.secondary type="submit" { (ctx.t("run-stop")) }
                        }
                        p.quiet { (ctx.t("run-goes-on")) }
                    }
                    Status::Running => p.quiet { (ctx.t("run-elsewhere")) },
                    Status::Interrupted | Status::Failed => {
                        form method="post" action=(of_run.address("/resume")) {
                            button type="submit" { (ctx.t("run-resume")) }
                        }
                    }
                    Status::Finished => {
                        a.button href=(of_run.address("/result")) { (ctx.t("run-to-result")) }
                        a.button.secondary href=(of_run.address("/try")) { (ctx.t("run-to-try")) }
                    }
                }
                (of_run.compare(ctx))
            }
        }
    }
}

/// The bar, filled by the script.
fn progress(ctx: &Ctx, of_run: &OfRun) -> Markup {
    html! {
        section.card #progress hidden[of_run.run.status != Status::Running] {
            label for="bar" { (ctx.t("run-progress")) }
            progress #bar max="1" value="0" {}
            p #eta { (ctx.t("run-starting")) }
        }
        // Read out now and then, not with every step.
        p.hidden #spoken aria-live="polite" {}
    }
}

/// Names that the charts need, as JSON.
fn chart_texts(ctx: &Ctx) -> String {
    // Those that are measured while a model learns.
    let scores = [
        "loss",
        "accuracy",
        "r2",
        "mae",
        "micro_f1",
        "f1",
        "exact_match",
        "recall_at_1",
        "mrr",
    ];
    let mut texts: BTreeMap<String, String> = scores
        .iter()
        .map(|name| (format!("score-{name}"), score_name(ctx, name)))
        .collect();
    for key in [
        "curve-train",
        "curve-validation",
        "chart-steps",
        "chart-epoch",
    ] {
        texts.insert(key.into(), ctx.t(key));
    }
    serde_json::to_string(&texts).unwrap_or_default()
}

fn machine(ctx: &Ctx) -> Markup {
    html! {
        section.card #machine hidden {
            h2 { (ctx.t("run-machine")) }
            dl.facts {
                dt { (ctx.t("run-processor")) }
                dd { meter #processor min="0" max="1" value="0" {} " " span #processor-text {} }
                dt { (ctx.t("run-memory")) }
                dd #memory {}
            }
        }
    }
}

fn log_of(ctx: &Ctx, events: &[Event]) -> Markup {
    html! {
        section.card {
            h2 #log-title { (ctx.t("run-log")) }
            ol.log #log role="log" aria-live="off" aria-labelledby="log-title" tabindex="0" {
                @for event in events {
                    @if let Some(line) = log::line(ctx, event) { li { (line) } }
                }
            }
        }
    }
}

/// The same numbers as in the charts, for those who do not see them.
fn epoch_table(ctx: &Ctx, epochs: &[EpochScore]) -> Markup {
    let mut columns: Vec<(&str, &str)> = Vec::new();
    let mut rows: BTreeMap<usize, BTreeMap<(&str, &str), f64>> = BTreeMap::new();
    for e in epochs {
        let column = (e.part.as_str(), e.name.as_str());
        if !columns.contains(&column) {
            columns.push(column);
        }
        rows.entry(e.epoch).or_default().insert(column, e.value);
    }
    html! {
        details #epochs hidden[rows.is_empty()] {
            summary { (ctx.t("run-epochs")) }
            div.scroll { table {
                thead { tr {
                    th scope="col" { (ctx.t("chart-epoch")) }
                    @for (part, name) in &columns {
                        th.n scope="col" { (ctx.t(&format!("curve-{part}"))) " " (score_name(ctx, name)) }
                    }
                } }
                tbody { @for (epoch, values) in &rows { tr {
                    th scope="row" { (epoch) }
                    @for column in &columns {
                        td.n { @if let Some(value) = values.get(column) { (score(column.1, *value)) } }
                    }
                } } }
            } }
        }
    }
}

fn recipe(ctx: &Ctx, of_run: &OfRun) -> Markup {
    html! {
        details {
            summary { (ctx.t("run-recipe")) }
            pre.code tabindex="0" { code { (of_run.run.recipe) } }
        }
    }
}

async fn stop(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let of_run = OfRun::find(&ctx, id).await?;
    ctx.studio.jobs().stop(&of_run.run.id);
    Ok(see_other(&of_run.address("")))
}

async fn resume(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let of_run = OfRun::find(&ctx, id).await?;
    let resumed: Result<(), TaskError> = ctx.studio.jobs().resume(&of_run.run.id, None).await;
    resumed?;
    Ok(see_other(&of_run.address("")))
}
