//! An answer as a person reads it.

use crate::Ctx;
use maud::{Markup, html};
use modelwright_evaluate::number;
use modelwright_serve::Answer;
use modelwright_tasks::Prediction;

/// Most classes whose probabilities are shown.
const MOST_CLASSES: usize = 10;
/// Below this the model is said to be unsure.
const SURE: f32 = 0.8;

/// The first prediction of an answer.
pub(super) fn of(ctx: &Ctx, answer: &Answer) -> Markup {
    match answer.predictions.first() {
        Some(Prediction::Class {
            label,
            probability,
            probabilities,
        }) => html! {
            p.headline { (label) }
            p {
                (ctx.tr("try-sure", &[("p", &percent(*probability))]))
                @if *probability < SURE { " " (ctx.t("try-unsure")) }
            }
            (bars(ctx, &answer.labels, probabilities))
        },
        Some(Prediction::Value { value }) => html! { p.headline { (number(*value)) } },
        None => html! {},
    }
}

fn percent(p: f32) -> String {
    // Certainty is not to be had.
    match p {
        p if p > 0.9995 => "> 99.9".into(),
        p if p < 0.0005 => "< 0.1".into(),
        p => format!("{:.1}", 100.0 * p),
    }
}

fn bars(ctx: &Ctx, labels: &[String], probabilities: &[f32]) -> Markup {
    let mut sorted: Vec<(&String, f32)> =
        labels.iter().zip(probabilities.iter().copied()).collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    html! {
        table.bars {
            caption.hidden { (ctx.t("try-probabilities")) }
            tbody { @for (label, p) in sorted.into_iter().take(MOST_CLASSES) { tr {
                th scope="row" { (label) }
                td.bar { meter min="0" max="1" value=(p) aria-hidden="true" {} }
                td.n { (percent(p)) " %" }
            } } }
        }
    }
}
