//! Several runs side by side.

use super::of_run::data_name;
use super::result::of_baseline;
use super::words::{badge, duration, larger_is_better, score_name};
use crate::app::Studio;
use crate::page::encoded_part;
use crate::{Ctx, Problem, assets};
use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use modelwright_evaluate::{Comparison, score};
use modelwright_runs::{EpochScore, Run, differences};
use serde_json::json;

/// Most runs that fit beside each other.
const MOST_RUNS: usize = 6;

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new().route("/compare", get(page))
}

/// A run with its curves.
struct Column {
    run: Run,
    epochs: Vec<EpochScore>,
    /// The simple models that were measured beside its own.
    comparison: Option<Comparison>,
}

/// `?runs=a,b` from a link, `?run=a&run=b` from a form.
async fn page(ctx: Ctx, Query(query): Query<Vec<(String, String)>>) -> Result<Response, Problem> {
    let asked: Vec<String> = query
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "runs" | "run"))
        .flat_map(|(_, value)| value.split(','))
        .filter(|id| !id.is_empty())
        .map(String::from)
        .collect();
    let read = move |studio: &Studio| -> Result<(Vec<Run>, Vec<Column>), Problem> {
        let store = studio.store()?;
        let mut columns: Vec<Column> = Vec::new();
        for id in &asked {
            let run = store.get(id)?;
            if columns.iter().all(|c| c.run.id != run.id) {
                columns.push(Column {
                    epochs: store.epochs(&run.id)?,
                    comparison: store.folder(&run.id).comparison(),
                    run,
                });
            }
        }
        columns.truncate(MOST_RUNS);
        Ok((store.list()?, columns))
    };
    let (all, columns) = ctx.studio.blocking(read).await?;
    let body = html! {
        link rel="stylesheet" href=(assets::url("run.css"));
        h1 { (ctx.t("compare-title")) }
        @if columns.len() >= 2 {
            (scores(&ctx, &columns))
            (simple(&ctx, &columns))
            (curves(&ctx, &columns))
            (settings(&ctx, &columns))
        }
        (choose(&ctx, &all, &columns))
    };
    Ok(ctx.page("compare-title", body))
}

/// The runs that can be chosen, those of the same task as the first choice before the others.
fn choose(ctx: &Ctx, all: &[Run], columns: &[Column]) -> Markup {
    let task = columns.first().map(|c| c.run.task.as_str());
    let mut runs: Vec<&Run> = all.iter().collect();
    runs.sort_by_key(|r| task.is_some_and(|t| t != r.task));
    let chosen = |r: &Run| columns.iter().any(|c| c.run.id == r.id);
    html! {
        section.card {
            h2 { (ctx.t("compare-choose")) }
            @if columns.len() < 2 { p { (ctx.t("compare-help")) } }
            @if runs.is_empty() { p { (ctx.t("compare-none")) } }
            form method="get" action="/compare" {
                ul.pick {
                    @for run in runs { li {
                        label {
                            input type="checkbox" name="run" value=(run.id) checked[chosen(run)];
                            " " strong { (run.id) } " "
                            (badge(ctx, run.status)) " "
                            @if let Some((name, value)) = run.scores.first() {
                                span.quiet { (score_name(ctx, name)) " " (score(name, *value)) }
                            }
                        }
                    } }
                }
                button type="submit" { (ctx.t("compare-show")) }
            }
        }
    }
}

/// Names in the order in which they come, each once.
fn once<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn scores(ctx: &Ctx, columns: &[Column]) -> Markup {
    let scored = columns.iter().flat_map(|c| &c.run.scores);
    let names = once(scored.map(|(name, _)| name.as_str()));
    let value = |c: &Column, name: &str| c.run.scores.iter().find(|(n, _)| n == name).map(|s| s.1);
    // Scores on different data say nothing about which run is better.
    let comparable = columns
        .iter()
        .all(|c| c.run.source == columns[0].run.source);
    html! {
        section.card {
            h2 { (ctx.t("compare-scores")) }
            @if !comparable { p.notice { (ctx.t("compare-other-data")) } }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("compare-scores")) { table.compare {
                thead { tr {
                    td {}
                    @for c in columns { th.n scope="col" { a href=(format!("/runs/{}", encoded_part(&c.run.id))) { (c.run.id) } } }
                } }
                tbody {
                    tr { th scope="row" { (ctx.t("compare-status")) }
                        @for c in columns { td.n { (badge(ctx, c.run.status)) } } }
                    @for name in &names {
                        @let best = best(name, columns.iter().filter_map(|c| value(c, name)));
                        tr {
                            th scope="row" { (score_name(ctx, name)) }
                            @for c in columns { td.n {
                                @if let Some(v) = value(c, name) {
                                    @if comparable && Some(v) == best {
                                        strong.best { (score(name, v)) span.hidden { " (" (ctx.t("compare-best")) ")" } }
                                    } @else { (score(name, v)) }
                                } @else { "–" }
                            } }
                        }
                    }
                    tr { th scope="row" { (ctx.t("compare-time")) }
                        @for c in columns { td.n { (duration(ctx, c.run.total_seconds())) } } }
                    tr { th scope="row" { (ctx.t("compare-data")) }
                        @for c in columns { td.n { (data_name(&c.run)) } } }
                }
            } }
        }
    }
}

/// The simple models beside each run, where there are any: what a network adds to them is what it is worth.
fn simple(ctx: &Ctx, columns: &[Column]) -> Markup {
    let comparisons: Vec<Option<&Comparison>> =
        columns.iter().map(|c| c.comparison.as_ref()).collect();
    let baselines = comparisons.iter().flatten().flat_map(|c| &c.baselines);
    let names = once(baselines.map(|b| b.name.as_str()));
    let of = |comparison: &Comparison, name: &str| {
        let found = comparison.baselines.iter().find(|b| b.name == name);
        found.map(|b| (b.score_name.clone(), b.score, b.seconds))
    };
    let own = |c: &Comparison| (c.score_name.clone(), c.score, c.seconds);
    html! { @if !names.is_empty() {
        section.card {
            h2 { (ctx.t("compared-title")) }
            p.quiet { (ctx.t("compared-help")) }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("compared-title")) { table.compare {
                thead { tr {
                    th scope="col" { (ctx.t("compared-model")) }
                    @for c in columns { th.n scope="col" { (c.run.id) } }
                } }
                tbody {
                    tr { th scope="row" { strong { (ctx.t("compared-this")) } }
                        @for c in &comparisons { td.n { (cell(ctx, c.map(own))) } } }
                    @for name in &names { tr {
                        th scope="row" { (of_baseline(ctx, name)) }
                        @for c in &comparisons { td.n { (cell(ctx, c.and_then(|c| of(c, name)))) } }
                    } }
                }
            } }
        }
    } }
}

/// A score with its name and the seconds that it took.
fn cell(ctx: &Ctx, found: Option<(String, f64, f64)>) -> Markup {
    html! { @match found {
        Some((name, value, seconds)) => {
            (score(&name, value)) br;
            span.quiet { (score_name(ctx, &name)) ", " (duration(ctx, seconds)) }
        },
        None => "–",
    } }
}

/// The best of some values of a score.
fn best(name: &str, values: impl Iterator<Item = f64>) -> Option<f64> {
    let finite = values.filter(|v| v.is_finite());
    match larger_is_better(name) {
        true => finite.max_by(f64::total_cmp),
        false => finite.min_by(f64::total_cmp),
    }
}

/// The validation curves of all runs on one chart a score, drawn by the script.
fn curves(ctx: &Ctx, columns: &[Column]) -> Markup {
    let epochs = columns.iter().flat_map(|c| &c.epochs);
    let names = once(epochs.map(|e| e.name.as_str()));
    let part_of = |c: &Column| match c.epochs.iter().any(|e| e.part == "validation") {
        true => "validation",
        false => "train",
    };
    let charts: Vec<serde_json::Value> = names
        .iter()
        .map(|name| {
            let series: Vec<serde_json::Value> = columns
                .iter()
                .map(|c| {
                    let part = part_of(c);
                    let points = c
                        .epochs
                        .iter()
                        .filter(|e| e.name == *name && e.part == part);
                    let points: Vec<_> = points.map(|e| (e.epoch, e.value)).collect();
                    json!({ "name": c.run.id, "points": points })
                })
                .collect();
            json!({ "title": score_name(ctx, name), "x": ctx.t("chart-epoch"), "series": series })
        })
        .collect();
    html! {
        section.card {
            h2 { (ctx.t("compare-curves")) }
            div.charts #compare-charts data-charts=(json!(charts)) {}
            (assets::script("compare.js"))
        }
    }
}

fn settings(ctx: &Ctx, columns: &[Column]) -> Markup {
    let runs: Vec<Run> = columns.iter().map(|c| c.run.clone()).collect();
    let rows = differences(&runs);
    html! {
        section.card {
            h2 { (ctx.t("compare-settings")) }
            @if rows.is_empty() { p { (ctx.t("compare-same")) } } @else {
                div.scroll tabindex="0" role="region" aria-label=(ctx.t("compare-settings")) { table {
                    thead { tr {
                        th scope="col" { (ctx.t("compare-setting")) }
                        @for c in columns { th scope="col" { (c.run.id) } }
                    } }
                    tbody { @for (key, values) in &rows { tr {
                        th scope="row" { code { (key) } }
                        @for value in values { td { @if value.is_empty() { "–" } @else { (value) } } }
                    } } }
                } }
            }
        }
    }
}
