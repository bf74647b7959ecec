//! The answers in words that a model gave, the wrong ones first.

use super::cell::turn;
use crate::pages::of_run::OfRun;
use crate::pages::texts::{self, shortened};
use crate::{Ctx, Problem};
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use modelwright_data::Dataset;
use modelwright_evaluate::span_score;
use modelwright_tasks::{AnswerValues, Answers};
use serde::Deserialize;

/// Characters of a text that are shown.
const SHOWN: usize = 300;

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Counted from 1.
    #[serde(default)]
    page: usize,
}

/// One answer.
struct Given<'a> {
    example: usize,
    truth: &'a [String],
    answer: &'a str,
    probability: f32,
    /// How much of it is right, from 0 to 1.
    right: f64,
}

pub(super) async fn page(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let (answers, data) = of_run.answers(&ctx).await?;
    let given = given(&answers);
    let right = given.iter().filter(|g| g.right >= 1.0).count();
    let body = html! {
        p { a href=(of_run.address("/result")) { "← " (ctx.t("cell-back")) } }
        p.lead { (ctx.tr("answers-lead", &[("count", &given.len()), ("right", &right)])) }
        (turn(&ctx, &of_run.address("/result/answers?all"), wanted.page, &given, |shown| {
            list(&ctx, &of_run, &data, shown)
        }))
    };
    Ok(of_run.page(&ctx, "answers-title", body))
}

/// All answers; of the wrong ones those come first that the model was surest of.
fn given(answers: &Answers) -> Vec<Given<'_>> {
    let AnswerValues::Texts {
        truth,
        predicted,
        probabilities,
    } = &answers.values
    else {
        return Vec::new();
    };
    let rows = answers
        .examples
        .iter()
        .zip(truth)
        .zip(predicted)
        .zip(probabilities);
    let mut all: Vec<Given> = rows
        .map(|(((example, truth), answer), probability)| Given {
            example: *example,
            truth,
            answer,
            probability: *probability,
            right: span_score(answer, truth).f1,
        })
        .collect();
    all.sort_by(|a, b| (a.right.total_cmp(&b.right)).then(b.probability.total_cmp(&a.probability)));
    all
}

fn list(ctx: &Ctx, of_run: &OfRun, data: &Dataset, shown: &[Given]) -> Markup {
    let questions = texts::column(&of_run.run, data);
    let none = ctx.t("answers-none");
    let or_none = |text: &str| match text.is_empty() {
        true => none.clone(),
        false => shortened(text, SHOWN),
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(ctx.t("answers-title")) { table.answers {
            thead { tr {
                th.n scope="col" { (ctx.t("cell-row")) }
                th scope="col" { (ctx.t("found-questions")) }
                th scope="col" { (ctx.t("answers-given")) }
                th scope="col" { (ctx.t("answers-true")) }
                th.n scope="col" { (ctx.t("cell-probability")) }
                th.n scope="col" { (ctx.t("found-overlap")) }
            } }
            tbody { @for g in shown { tr {
                th.n scope="row" { (g.example + 1) }
                td { @if let Some(column) = questions { (shortened(&column.text(g.example), SHOWN)) } }
                td { (or_none(g.answer)) }
                td { (or_none(g.truth.first().map_or("", String::as_str))) }
                td.n { (format!("{:.0} %", 100.0 * g.probability)) }
                td.n { (format!("{:.0} %", 100.0 * g.right)) }
            } } }
        } }
    }
}
