//! A text to try: pasted or typed, with what the model makes of it.

use super::rows::{self, Example};
use super::why;
use super::{Trial, answer};
use crate::{Ctx, Problem, assets};
use axum::extract::{Form, Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use modelwright_data::{Column, Table};
use modelwright_serve::Input;
use modelwright_tasks::{InputColumn, InputSchema, InputValues, OutputSchema, Prediction};

/// Whether a model reads nothing but texts.
pub(super) fn are_all(columns: &[InputColumn]) -> bool {
    let is_text = |c: &InputColumn| matches!(c.values, InputValues::Text { .. });
    !columns.is_empty() && columns.iter().all(is_text)
}

pub(super) fn section(
    ctx: &Ctx,
    trial: &Trial,
    columns: &[InputColumn],
    example: &Example,
) -> Markup {
    html! {
        section.card {
            h2 { (ctx.t("try-text-title")) }
            @if let Some(row) = example.row {
                p {
                    (ctx.tr("try-text-from", &[("row", &(row + 1))])) " "
                    a href=(trial.of_run.address(&format!("/try?row={}", row + 1))) { (ctx.t("try-row-next")) }
                }
            }
            form #text method="post" action=(trial.of_run.address("/try/text")) data-failed=(ctx.t("try-failed")) {
                @if let Some(row) = example.row { input type="hidden" name="row" value=(row); }
                @for (i, (column, value)) in columns.iter().zip(&example.values).enumerate() {
                    (field(ctx, column, columns.len() == 1, i, value))
                }
                p.notice #problem role="alert" hidden {}
                div.actions {
                    button type="submit" { (ctx.t("try-ask")) }
                    button.secondary #clear-text type="button" hidden { (ctx.t("try-clear")) }
                }
            }
        }
        (assets::script("try.js"))
    }
}

fn field(ctx: &Ctx, column: &InputColumn, only: bool, i: usize, value: &str) -> Markup {
    let InputValues::Text { longest } = column.values else {
        return html! {};
    };
    let id = format!("c{i}");
    let help = format!("{id}-help");
    // A question is short, what it is about is not.
    let rows = if column.name == "question" { 2 } else { 7 };
    html! {
        div.field {
            label for=(id) { (label(ctx, column, only)) }
            textarea id=(id) name=(id) rows=(rows) required aria-describedby=(help) { (value) }
            small.quiet id=(help) { (ctx.tr("try-text-longest", &[("longest", &longest)])) }
        }
    }
}

fn label(ctx: &Ctx, column: &InputColumn, only: bool) -> String {
    match column.name.as_str() {
        "question" => ctx.t("try-text-question"),
        "context" => ctx.t("try-text-context"),
        _ if only => ctx.t("try-text-only"),
        name => name.into(),
    }
}

/// A form that was filled in.
pub(super) async fn filled_in(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(wish): Query<Vec<(String, String)>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let trial = Trial::open(&ctx, id).await?;
    let InputSchema::Table { columns } = &*trial.input else {
        return Err(Problem::not_found("text"));
    };
    let sent = |name: &str| fields.iter().find(|(n, _)| n == name).map(|f| f.1.as_str());
    let given: Vec<String> = (0..columns.len())
        // Browsers send line ends as two characters.
        .map(|i| {
            sent(&format!("c{i}"))
                .unwrap_or_default()
                .replace("\r\n", "\n")
        })
        .collect();
    if given.iter().any(|text| text.trim().is_empty()) {
        return Err(Problem::bad("try-text-empty", ""));
    }
    let answered = trial
        .ask(&ctx, Input::Table(table(columns, &given)))
        .await?;
    let reasons = why::of(
        &ctx,
        &trial,
        &wish.into(),
        Input::Table(table(columns, &given)),
    )
    .await?;
    let row = sent("row").and_then(|row| row.parse().ok()).unwrap_or(0);
    let mut shown = rows::example(&trial, columns, row);
    let changed = shown.values != given;
    let near = match (answered.output, answered.predictions.first()) {
        (OutputSchema::Vector { .. }, Some(Prediction::Vector { values })) => {
            trial.nearest(&ctx, values).await?
        }
        _ => Vec::new(),
    };
    let context = columns.iter().position(|c| c.name == "context");
    let answer = html! {
        (answer::of(&ctx, &answered))
        (reasons)
        @if let Some(context) = context { (answer::marked(&ctx, &answered, &given[context])) }
        (answer::near(&ctx, &near))
        @for (column, text) in columns.iter().zip(&given) { (cut(&ctx, column, text)) }
        @if !changed { (rows::truth(&ctx, &shown)) }
    };
    shown.values = given;
    let form = section(&ctx, &trial, columns, &shown);
    Ok(trial.page(&ctx, form, answer))
}

/// Says so if the model cannot have read all of a text. A long context is read piece by piece.
fn cut(ctx: &Ctx, column: &InputColumn, text: &str) -> Markup {
    let length = text.chars().count();
    html! {
        @if let InputValues::Text { longest } = column.values && length > longest && column.name != "context" {
            p.notice { (ctx.tr("try-text-cut", &[("longest", &longest), ("length", &length)])) }
        }
    }
}

fn table(columns: &[InputColumn], texts: &[String]) -> Table {
    let column = |(c, text): (&InputColumn, &String)| {
        Column::of_words(c.name.clone(), &[Some(text.clone())])
    };
    Table {
        columns: columns.iter().zip(texts).map(column).collect(),
    }
}
