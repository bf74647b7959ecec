//! The result of a run: what it means for the product, and the numbers behind it.

mod answers;
mod cell;
mod classes;
mod compared;
mod found;
mod labels;
mod threshold;
mod values;

pub(super) use compared::of_baseline;

use super::of_run::OfRun;
use super::words::{plain, scores};
use crate::app::Studio;
use crate::{Ctx, Problem};
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use modelwright_evaluate::Comparison;
use modelwright_runs::Run;
use modelwright_tasks::Evaluation;

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/runs/{id}/result", get(page))
        .route("/runs/{id}/result/cell", get(cell::page))
        .route("/runs/{id}/result/label", get(labels::page))
        .route("/runs/{id}/result/answers", get(answers::page))
        .route(
            "/runs/{id}/result/probabilities",
            get(threshold::probabilities),
        )
}

async fn page(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(costs): Query<threshold::Costs>,
) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let folder = of_run.folder.clone();
    let read = move |_: &Studio| -> Result<(Evaluation, Option<Comparison>), Problem> {
        let bytes = std::fs::read(folder.evaluation())?;
        let evaluation = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
        Ok((evaluation, folder.comparison()))
    };
    let (evaluation, comparison) = ctx.studio.blocking(read).await?;
    let details = match &evaluation {
        Evaluation::Classification(report) => html! {
            (classes::section(&ctx, &of_run, report))
            @if report.classes.len() == 2 { (threshold::section(&ctx, &of_run, report, &costs)) }
        },
        Evaluation::Regression(report) => values::section(&ctx, &of_run, report).await,
        Evaluation::MultiLabel(report) => labels::section(&ctx, &of_run, report),
        Evaluation::Spans(report) => found::spans(&ctx, &of_run, report),
        Evaluation::Retrieval(report) => found::retrieval(&ctx, report),
        // The scores say it all.
        Evaluation::Language(_) => html! {},
    };
    let body = html! {
        (summary(&ctx, &of_run, &evaluation))
        @if let Some(comparison) = &comparison { (compared::section(&ctx, comparison)) }
        (details)
        (next(&ctx, &of_run))
    };
    Ok(of_run.page(&ctx, "result-title", body))
}

/// The plain words, with the technical ones beside them.
fn summary(ctx: &Ctx, of_run: &OfRun, evaluation: &Evaluation) -> Markup {
    let run = &of_run.run;
    // How far off it is says more than the share that is explained.
    let mut scores_said: Vec<_> = run.scores.iter().collect();
    scores_said.sort_by_key(|(name, _)| name == "r2");
    let sentences: Vec<String> = scores_said
        .into_iter()
        .filter_map(|(name, value)| plain(ctx, &run.task, name, *value))
        .collect();
    let examples = evaluation.examples();
    html! {
        section.card.summary {
            div {
                @for (i, sentence) in sentences.iter().enumerate() {
                    p class=(if i == 0 { "headline" } else { "lead" }) { (sentence) }
                }
                p.quiet { (ctx.tr(measured_on(run, evaluation), &[("examples", &examples)])) }
                @if let Evaluation::Classification(report) = evaluation { (classes::guessing(ctx, report)) }
                @if examples < 100 {
                    p.notice { (ctx.tr("result-few", &[("examples", &examples)])) }
                }
            }
            (scores(ctx, run))
        }
    }
}

/// What to say of the examples that the scores are on; runs of old versions do not tell their part.
fn measured_on(run: &Run, evaluation: &Evaluation) -> &'static str {
    match (run.scored_on.as_str(), evaluation) {
        ("train", Evaluation::Retrieval(report)) if report.answers.is_some() => "result-on-faq",
        ("train", _) => "result-on-train",
        ("validation", _) => "result-on-validation",
        _ => "result-on-test",
    }
}

fn next(ctx: &Ctx, of_run: &OfRun) -> Markup {
    html! {
        div.actions {
            a.button href=(of_run.address("/try")) { (ctx.t("run-to-try")) }
            a.button.secondary href=(of_run.address("/ship")) { (ctx.t("result-to-ship")) }
            a.button.secondary href=(of_run.address("/report")) { (ctx.t("result-to-report")) }
            (of_run.compare(ctx))
        }
    }
}
