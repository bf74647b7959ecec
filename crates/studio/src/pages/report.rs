//! Can the model be trusted? The report on a run, in the frame of the studio and as a file.

use super::of_run::OfRun;
use crate::app::Studio;
use crate::{Ctx, Problem};
use axum::Router;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use modelwright_data::{Content, Dataset, quiet};
use modelwright_evaluate::DecisionCosts;
use modelwright_report::{Again, NoLinear, Report, Wishes, content};
use modelwright_tasks::{AnswerValues, Answers, recipe_of};
use modelwright_train::Control;
use std::sync::Arc;

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/runs/{id}/report", get(page))
        .route("/runs/{id}/report.html", get(file))
}

/// The fields of the form; columns may be named several times.
type Fields = Query<Vec<(String, String)>>;

async fn page(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(fields): Fields,
) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let (answers, data) = of_run.answers(&ctx).await?;
    let wishes = wishes(&fields);
    let report = report(&ctx, &of_run, data.clone(), wishes.clone()).await?;
    let body = html! {
        p { a href=(of_run.address("/result")) { "← " (ctx.t("cell-back")) } }
        p.lead { (ctx.t("report-lead")) }
        (form(&ctx, &of_run, &answers, &data, &wishes))
        div.report { (content(&report, ctx.lang)) }
        div.actions {
            a.button href=(of_run.address(&format!("/report.html?{}", query(&fields)))) { (ctx.t("report-download")) }
        }
    };
    Ok(of_run.page(&ctx, "report-title", body))
}

/// The same as one file that can be sent and printed.
async fn file(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(fields): Fields,
) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let (_, data) = of_run.answers(&ctx).await?;
    let report = report(&ctx, &of_run, data, wishes(&fields)).await?;
    let html = modelwright_report::page(&report, ctx.lang);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_string()),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"report.html\"".to_string(),
        ),
    ];
    Ok((headers, html).into_response())
}

async fn report(
    ctx: &Ctx,
    of_run: &OfRun,
    data: Arc<Dataset>,
    wishes: Wishes,
) -> Result<Report, Problem> {
    let OfRun { run, folder } = of_run.clone();
    let make = move |_: &Studio| -> Result<Report, Problem> {
        // What is trained for a report goes away with it.
        let temporary = tempfile::tempdir()?;
        let again = Again {
            folder: temporary.path(),
            control: &Control::default(),
            notify: &quiet,
        };
        Ok(modelwright_report::of_run(
            &run, &folder, &data, &wishes, again,
        )?)
    };
    ctx.studio.blocking(make).await
}

fn wishes(fields: &[(String, String)]) -> Wishes {
    let one = |name: &str| {
        let found = fields.iter().find(|(n, v)| n == name && !v.is_empty());
        found.map(|(_, v)| v.clone())
    };
    let cost = |name: &str| {
        one(name)?
            .replace(',', ".")
            .parse::<f64>()
            .ok()
            .filter(|c| c.is_finite())
    };
    let costs = DecisionCosts::of_given_errors(cost("alarm"), cost("miss"));
    Wishes {
        positive: one("positive"),
        costs,
        sensitive: fields
            .iter()
            .filter(|(n, _)| n == "sensitive")
            .map(|(_, v)| v.clone())
            .collect(),
        linear: one("linear").is_some(),
    }
}

fn query(fields: &[(String, String)]) -> String {
    let pairs = fields.iter().map(|(name, value)| {
        let part = crate::page::encoded_part;
        format!("{}={}", part(name), part(value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// What a person may say: which decision, what errors cost, which columns are sensitive, whether a linear
/// model is to stand beside it.
fn form(ctx: &Ctx, of_run: &OfRun, answers: &Answers, data: &Dataset, wishes: &Wishes) -> Markup {
    let linear = recipe_of(&of_run.run).is_ok_and(|recipe| NoLinear::of(&recipe).is_none());
    let classes = match &answers.values {
        AnswerValues::Classes { classes, .. } => classes.as_slice(),
        _ => &[],
    };
    if !linear && classes.is_empty() {
        return html! {};
    }
    html! {
        details.card open[wishes.positive.is_some() || wishes.linear] {
            summary { (ctx.t("report-wishes")) }
            form method="get" action=(of_run.address("/report")) {
                div.fields {
                    @if !classes.is_empty() { (decision(ctx, of_run, classes, data, wishes)) }
                    @if linear { div.field { label {
                        input type="checkbox" name="linear" value="yes" checked[wishes.linear];
                        " " (ctx.t("report-linear"))
                    } } }
                }
                div.actions { button.button type="submit" { (ctx.t("report-make")) } }
            }
        }
    }
}

/// The fields of a decision for or against a class.
fn decision(
    ctx: &Ctx,
    of_run: &OfRun,
    classes: &[String],
    data: &Dataset,
    wishes: &Wishes,
) -> Markup {
    let costs = wishes.costs.unwrap_or(DecisionCosts::of_errors(1.0, 1.0));
    let columns: Vec<&str> = match (&data.content, of_run.run.task.starts_with("tabular")) {
        (Content::Table(table), true) => table.columns.iter().map(|c| c.name.as_str()).collect(),
        _ => Vec::new(),
    };
    html! {
        div.field {
            label for="positive" { (ctx.t("threshold-positive")) }
            select #positive name="positive" {
                @if classes.len() > 2 { option value="" { "–" } }
                @for class in classes {
                    option value=(class) selected[wishes.positive.as_ref() == Some(class)] { (class) }
                }
            }
        }
        div.field {
            label for="alarm" { (ctx.t("threshold-alarm")) }
            input #alarm name="alarm" type="text" inputmode="decimal" value=(costs.false_alarm);
        }
        div.field {
            label for="miss" { (ctx.t("threshold-miss")) }
            input #miss name="miss" type="text" inputmode="decimal" value=(costs.miss);
        }
        @if !columns.is_empty() { fieldset.field {
            legend { (ctx.t("report-sensitive")) }
            @for column in columns { label {
                input type="checkbox" name="sensitive" value=(column)
                    checked[wishes.sensitive.iter().any(|c| c == column)];
                " " (column)
            } " " }
        } }
    }
}
