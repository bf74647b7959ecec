//! A row to try: a form with one field a column.

use super::why;
use super::{Trial, answer};
use crate::pages::dates::{day_of, days_of};
use crate::pages::texts::shortened;
use crate::{Ctx, Problem, assets};
use axum::extract::{Form, Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use modelwright_data::table::from_objects;
use modelwright_data::{Column, ColumnData, Content, Kind, Table};
use modelwright_evaluate::number;
use modelwright_serve::Input;
use modelwright_tasks::{InputColumn, InputValues};
use modelwright_train::Recipe;
use serde_json::{Map, Value};

/// Most levels for which a list to choose from is better than a field with suggestions.
const LISTED: usize = 40;
/// Characters of a true answer that are shown.
const TRUTH: usize = 240;

/// What stands in the form.
pub(super) struct Example {
    /// One text a column; empty where the value is unknown.
    pub values: Vec<String>,
    /// The row that it is from; `None` if the data is gone.
    pub row: Option<usize>,
    /// Name and value of the target there.
    pub truth: Option<(String, String)>,
}

/// A row of the data, or, if that is gone, what is usual in each column.
pub(super) fn example(trial: &Trial, columns: &[InputColumn], row: usize) -> Example {
    let Some(table) = table(trial).filter(|t| t.rows() > 0) else {
        let values = columns.iter().map(usual).collect();
        return Example {
            values,
            row: None,
            truth: None,
        };
    };
    let row = row % table.rows();
    let values = columns.iter().map(|c| value(table.column(&c.name), row));
    Example {
        values: values.collect(),
        row: Some(row),
        truth: target(trial, table).map(|t| (t.name.clone(), t.text(row))),
    }
}

fn table(trial: &Trial) -> Option<&Table> {
    match &trial.data.as_deref()?.content {
        Content::Table(table) => Some(table),
        Content::Images(_) => None,
    }
}

/// The column that the model predicts.
fn target<'a>(trial: &Trial, table: &'a Table) -> Option<&'a Column> {
    let recipe: Recipe = toml::from_str(&trial.of_run.run.recipe).ok()?;
    let suggested = || trial.data.as_deref()?.suggested_target.clone();
    table.column(&recipe.data.target.or_else(suggested)?)
}

fn usual(column: &InputColumn) -> String {
    match &column.values {
        InputValues::Number { typical } => number(*typical),
        InputValues::Category { levels } => levels.first().cloned().unwrap_or_default(),
        InputValues::Text { .. } => String::new(),
    }
}

/// A value of the data as a field has it.
fn value(column: Option<&Column>, row: usize) -> String {
    match column {
        Some(column) if column.kind == Kind::Date && !column.is_missing(row) => {
            column.text(row).parse().map(day_of).unwrap_or_default()
        }
        Some(column) => column.text(row),
        None => String::new(),
    }
}

pub(super) fn section(
    ctx: &Ctx,
    trial: &Trial,
    columns: &[InputColumn],
    example: &Example,
) -> Markup {
    html! {
        section.card {
            h2 { (ctx.t("try-row")) }
            @if let (Some(row), Some((target, truth))) = (example.row, &example.truth) {
                p {
                    (ctx.tr("try-row-from", &[("row", &(row + 1)), ("target", target), ("truth", truth)]))
                    " " a href=(trial.of_run.address(&format!("/try?row={}", row + 1))) { (ctx.t("try-row-next")) }
                }
            }
            form #row method="post" action=(trial.of_run.address("/try/row")) data-failed=(ctx.t("try-failed")) {
                @if let Some(row) = example.row { input type="hidden" name="row" value=(row); }
                div.fields {
                    @for (i, (column, value)) in columns.iter().zip(&example.values).enumerate() {
                        (field(ctx, trial, i, column, value))
                    }
                }
                p.notice #problem role="alert" hidden {}
                div.actions { button type="submit" { (ctx.t("try-ask")) } }
            }
        }
        (assets::script("try.js"))
    }
}

fn field(ctx: &Ctx, trial: &Trial, i: usize, column: &InputColumn, value: &str) -> Markup {
    let known = table(trial).and_then(|t| t.column(&column.name));
    let id = format!("c{i}");
    html! {
        div.field {
            label for=(id) { (column.name) }
            @match &column.values {
                InputValues::Number { .. } if known.is_some_and(|c| c.kind == Kind::Date) => {
                    input id=(id) name=(id) type="date" value=(value);
                }
                InputValues::Number { typical } => {
                    input id=(id) name=(id) type="number" step="any" value=(value) aria-describedby=(format!("{id}-range"));
                    small.quiet id=(format!("{id}-range")) {
                        @match known.and_then(range) {
                            Some((low, high)) => (ctx.tr("try-range", &[("low", &number(low)), ("high", &number(high))])),
                            None => (ctx.tr("try-typical", &[("value", &number(*typical))])),
                        }
                    }
                }
                InputValues::Category { levels } if levels.len() <= LISTED => {
                    select id=(id) name=(id) {
                        option value="" selected[value.is_empty()] { (ctx.t("try-unknown")) }
                        @for level in levels { option value=(level) selected[level == value] { (level) } }
                        // A rare word has no place of its own in the model, but in the data.
                        @if !value.is_empty() && !levels.iter().any(|l| l == value) {
                            option value=(value) selected { (value) }
                        }
                    }
                }
                InputValues::Text { .. } => textarea id=(id) name=(id) rows="3" { (value) },
                InputValues::Category { levels } => {
                    input id=(id) name=(id) value=(value) list=(format!("{id}-list")) autocomplete="off";
                    datalist id=(format!("{id}-list")) { @for level in levels { option value=(level) {} } }
                }
            }
        }
    }
}

/// Smallest and largest value of a column.
fn range(column: &Column) -> Option<(f64, f64)> {
    let ColumnData::Numbers(values) = &column.data else {
        return None;
    };
    let present = || values.iter().copied().filter(|v| v.is_finite());
    Some((present().reduce(f64::min)?, present().reduce(f64::max)?))
}

/// A form that was filled in.
pub(super) async fn filled_in(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(wish): Query<Vec<(String, String)>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let trial = Trial::open(&ctx, id).await?;
    let modelwright_tasks::InputSchema::Table { columns } = &*trial.input else {
        return Err(Problem::not_found("row"));
    };
    let text = |name: &str| {
        fields
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |f| f.1.trim())
    };
    let given: Vec<String> = (0..columns.len())
        .map(|i| text(&format!("c{i}")).to_string())
        .collect();
    let row = object(columns, &given);
    let table = from_objects(&ctx.t("try-row"), [row])?;
    let given_answer = trial.ask(&ctx, Input::Table(table.clone())).await?;
    let reasons = why::of(&ctx, &trial, &wish.into(), Input::Table(table)).await?;
    let mut shown = example(&trial, columns, text("row").parse().unwrap_or(0));
    let changed = shown.values != given;
    shown.values = given;
    let answer = html! {
        (answer::of(&ctx, &given_answer))
        (reasons)
        @if !changed { (truth(&ctx, &shown)) }
    };
    let form = section(&ctx, &trial, columns, &shown);
    Ok(trial.page(&ctx, form, answer))
}

/// What the data says of an example that was not changed.
pub(super) fn truth(ctx: &Ctx, example: &Example) -> Markup {
    html! {
        @if let (Some(row), Some((_, truth))) = (example.row, &example.truth) && !truth.is_empty() {
            p.quiet { (ctx.tr("try-truth", &[("row", &(row + 1)), ("truth", &shortened(truth, TRUTH))])) }
        }
    }
}

/// The first row of the data as JSON.
pub(super) fn json_row(trial: &Trial, columns: &[InputColumn]) -> Map<String, Value> {
    object(columns, &example(trial, columns, 0).values)
}

fn object(columns: &[InputColumn], texts: &[String]) -> Map<String, Value> {
    let pairs = columns.iter().zip(texts);
    pairs
        .map(|(column, text)| (column.name.clone(), json_of(column, text)))
        .collect()
}

/// A field's text as the value of a column; what is no number where one is expected stays text, and
/// the model says so.
fn json_of(column: &InputColumn, text: &str) -> Value {
    match &column.values {
        _ if text.is_empty() => Value::Null,
        InputValues::Category { .. } | InputValues::Text { .. } => text.into(),
        InputValues::Number { .. } => {
            let value = text.parse().ok().or_else(|| days_of(text));
            value.map_or(text.into(), Value::from)
        }
    }
}
