//! The examples behind a cell of the confusion matrix.

use super::classes;
use crate::app::Studio;
use crate::pages::of_run::OfRun;
use crate::{Ctx, Problem};
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use modelwright_data::{Content, Dataset, Table};
use modelwright_tasks::{AnswerValues, Answers};
use serde::Deserialize;
use std::sync::Arc;

/// Examples on one page.
const ON_A_PAGE: usize = 60;

/// Which cell.
#[derive(Deserialize)]
pub(super) struct Cell {
    /// The true class.
    #[serde(rename = "true")]
    truth: String,
    /// The model's answer.
    predicted: String,
    /// Counted from 1.
    #[serde(default)]
    page: usize,
}

pub(super) async fn page(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(cell): Query<Cell>,
) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let wanted = of_run.clone();
    let read = move |studio: &Studio| -> Result<(Arc<Answers>, Arc<Dataset>), Problem> {
        let OfRun { run, folder } = &wanted;
        Ok((
            studio.shelf().answers(run, folder)?,
            studio.shelf().data(run, folder)?,
        ))
    };
    let (answers, data) = ctx.studio.blocking(read).await?;
    let AnswerValues::Classes { classes, .. } = &answers.values else {
        return Err(Problem::not_found(&cell.truth));
    };
    let class = |name: &str| {
        let found = classes.iter().position(|c| c == name);
        found.ok_or_else(|| Problem::not_found(name))
    };
    let examples = answers.cell(class(&cell.truth)?, class(&cell.predicted)?);
    let pages = examples.len().div_ceil(ON_A_PAGE).max(1);
    let number = cell.page.clamp(1, pages);
    let shown = &examples[(number - 1) * ON_A_PAGE..examples.len().min(number * ON_A_PAGE)];
    let args: [(&str, &(dyn std::fmt::Display + Sync)); 3] = [
        ("count", &examples.len()),
        ("truth", &cell.truth),
        ("predicted", &cell.predicted),
    ];
    let body = html! {
        p { a href=(of_run.address("/result")) { "← " (ctx.t("cell-back")) } }
        p.lead { (ctx.tr("result-cell", &args)) }
        @match &data.content {
            Content::Images(_) => (pictures(&ctx, &of_run, shown)),
            Content::Table(table) => (rows(&ctx, table, shown)),
        }
        @if pages > 1 { (turn(&ctx, &of_run, &cell, number, pages)) }
    };
    Ok(of_run.page(&ctx, "cell-title", body))
}

fn pictures(ctx: &Ctx, of_run: &OfRun, shown: &[(usize, f32)]) -> Markup {
    html! {
        ul.examples {
            @for (example, p) in shown { li {
                img src=(of_run.address(&format!("/examples/{example}.png"))) loading="lazy"
                    alt=(ctx.tr("cell-picture", &[("number", &(example + 1))]));
                span.quiet { (ctx.tr("cell-sure", &[("p", &format!("{:.0}", 100.0 * p))])) }
            } }
        }
    }
}

fn rows(ctx: &Ctx, table: &Table, shown: &[(usize, f32)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(ctx.t("cell-title")) { table {
            thead { tr {
                th.n scope="col" { (ctx.t("cell-row")) }
                th.n scope="col" { (ctx.t("cell-probability")) }
                @for column in &table.columns { th scope="col" { (column.name) } }
            } }
            tbody { @for (row, p) in shown { tr {
                th.n scope="row" { (row + 1) }
                td.n { (format!("{:.1} %", 100.0 * p)) }
                @for column in &table.columns { td { (column.text(*row)) } }
            } } }
        } }
    }
}

fn turn(ctx: &Ctx, of_run: &OfRun, cell: &Cell, number: usize, pages: usize) -> Markup {
    let to = |page: usize| {
        let address = classes::cell(of_run, &cell.truth, &cell.predicted);
        format!("{address}&page={page}")
    };
    html! {
        nav.actions aria-label=(ctx.t("cell-pages")) {
            @if number > 1 { a.button.secondary rel="prev" href=(to(number - 1)) { (ctx.t("cell-previous")) } }
            span { (ctx.tr("cell-page", &[("number", &number), ("pages", &pages)])) }
            @if number < pages { a.button.secondary rel="next" href=(to(number + 1)) { (ctx.t("cell-next")) } }
        }
    }
}
