//! The examples behind a cell of the confusion matrix.

use super::classes;
use crate::pages::of_run::OfRun;
use crate::pages::texts::{self, shortened};
use crate::{Ctx, Problem};
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use modelwright_data::{Column, Content, Dataset, Table};
use modelwright_tasks::AnswerValues;
use serde::Deserialize;

/// Examples on one page.
const ON_A_PAGE: usize = 60;
/// Characters of a text that are shown unfolded.
const SHOWN: usize = 400;

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
    let (answers, data) = of_run.answers(&ctx).await?;
    let AnswerValues::Classes { classes, .. } = &answers.values else {
        return Err(Problem::not_found(&cell.truth));
    };
    let class = |name: &str| {
        let found = classes.iter().position(|c| c == name);
        found.ok_or_else(|| Problem::not_found(name))
    };
    let behind = answers.cell(class(&cell.truth)?, class(&cell.predicted)?);
    let examples_behind: Vec<Behind> = behind.into_iter().map(|(e, p)| (e, Some(p))).collect();
    let args: [(&str, &(dyn std::fmt::Display + Sync)); 3] = [
        ("count", &examples_behind.len()),
        ("truth", &cell.truth),
        ("predicted", &cell.predicted),
    ];
    let address = classes::cell(&of_run, &cell.truth, &cell.predicted);
    let body = html! {
        p { a href=(of_run.address("/result")) { "← " (ctx.t("cell-back")) } }
        p.lead { (ctx.tr("result-cell", &args)) }
        (turn(&ctx, &address, cell.page, &examples_behind, |shown| {
            examples(&ctx, &of_run, &data, shown)
        }))
    };
    Ok(of_run.page(&ctx, "cell-title", body))
}

/// An example by its position, with how sure the model was, if that is of interest.
pub(super) type Behind = (usize, Option<f32>);

/// Examples as they look: pictures, texts, or rows.
pub(super) fn examples(ctx: &Ctx, of_run: &OfRun, data: &Dataset, shown: &[Behind]) -> Markup {
    html! {
        @match (&data.content, texts::column(&of_run.run, data)) {
            (Content::Images(_), _) => (pictures(ctx, of_run, shown)),
            (Content::Table(_), Some(column)) => (passages(ctx, column, shown)),
            (Content::Table(table), None) => (rows(ctx, table, shown)),
        }
    }
}

fn sure(ctx: &Ctx, p: Option<f32>) -> Option<String> {
    p.map(|p| ctx.tr("cell-sure", &[("p", &format!("{:.0}", 100.0 * p))]))
}

fn pictures(ctx: &Ctx, of_run: &OfRun, shown: &[Behind]) -> Markup {
    html! {
        ul.examples {
            @for (example, p) in shown { li {
                img src=(of_run.address(&format!("/examples/{example}.png"))) loading="lazy"
                    alt=(ctx.tr("cell-picture", &[("number", &(example + 1))]));
                @if let Some(sure) = sure(ctx, *p) { span.quiet { (sure) } }
            } }
        }
    }
}

/// Texts to be read, the long ones folded.
fn passages(ctx: &Ctx, column: &Column, shown: &[Behind]) -> Markup {
    html! {
        ul.examples.texts {
            @for (example, p) in shown { li {
                span.quiet {
                    (ctx.tr("row-number", &[("row", &(example + 1))]))
                    @if let Some(sure) = sure(ctx, *p) { " · " (sure) }
                }
                @let text = column.text(*example);
                @let start = shortened(&text, SHOWN);
                @if start == text { p.passage { (text) } }
                @else { details { summary.passage { (start) } p.passage { (text) } } }
            } }
        }
    }
}

fn rows(ctx: &Ctx, table: &Table, shown: &[Behind]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(ctx.t("cell-title")) { table {
            thead { tr {
                th.n scope="col" { (ctx.t("cell-row")) }
                th.n scope="col" { (ctx.t("cell-probability")) }
                @for column in &table.columns { th scope="col" { (column.name) } }
            } }
            tbody { @for (row, p) in shown { tr {
                th.n scope="row" { (row + 1) }
                td.n { @if let Some(p) = p { (format!("{:.1} %", 100.0 * p)) } }
                @for column in &table.columns { td { (column.text(*row)) } }
            } } }
        } }
    }
}

/// The page `number` (from 1) of a list, with the way to the others; `address` is that of the first.
pub(super) fn turn<T>(
    ctx: &Ctx,
    address: &str,
    number: usize,
    all: &[T],
    show: impl Fn(&[T]) -> Markup,
) -> Markup {
    let pages = all.len().div_ceil(ON_A_PAGE).max(1);
    let number = number.clamp(1, pages);
    let shown = &all[(number - 1) * ON_A_PAGE..all.len().min(number * ON_A_PAGE)];
    let to = |page: usize| format!("{address}&page={page}");
    html! {
        (show(shown))
        @if pages > 1 { nav.actions aria-label=(ctx.t("cell-pages")) {
            @if number > 1 { a.button.secondary rel="prev" href=(to(number - 1)) { (ctx.t("cell-previous")) } }
            span { (ctx.tr("cell-page", &[("number", &number), ("pages", &pages)])) }
            @if number < pages { a.button.secondary rel="next" href=(to(number + 1)) { (ctx.t("cell-next")) } }
        } }
    }
}
