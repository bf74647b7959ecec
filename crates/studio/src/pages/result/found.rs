//! How well answers are found, in a text or among many texts.

use crate::Ctx;
use crate::pages::of_run::OfRun;
use crate::pages::words::score_name;
use maud::{Markup, html};
use modelwright_evaluate::{AnswerScores, RetrievalReport, SpanReport, grouped};

/// Answers cut out of a text, apart for questions with an answer and without.
pub(super) fn spans(ctx: &Ctx, of_run: &OfRun, report: &SpanReport) -> Markup {
    let share = |v: f64| format!("{:.1} %", 100.0 * v);
    let rows = [
        ("found-answerable", &report.answerable),
        ("found-unanswerable", &report.unanswerable),
    ];
    html! {
        section.card {
            h2 { (ctx.t("found-title")) }
            p.quiet { (ctx.t("found-help")) }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("found-title")) { table {
                thead { tr {
                    th scope="col" { (ctx.t("found-questions")) }
                    th.n scope="col" { (ctx.t("result-support")) }
                    th.n scope="col" { (ctx.t("found-exact")) br; small { (score_name(ctx, "exact_match")) } }
                    th.n scope="col" { (ctx.t("found-overlap")) br; small { "F1" } }
                } }
                tbody { @for (key, scores) in rows { @if let Some(scores) = scores { tr {
                    th scope="row" { (ctx.t(key)) }
                    td.n { (grouped(scores.examples as i64)) }
                    td.n { (share(scores.exact_match)) }
                    td.n { (share(scores.f1)) }
                } } } }
            } }
            div.actions {
                a.button.secondary href=(of_run.address("/result/answers")) { (ctx.t("found-see")) }
            }
        }
    }
}

/// Texts found among many.
pub(super) fn retrieval(ctx: &Ctx, report: &RetrievalReport) -> Markup {
    let places = [
        (1, report.recall_at_1),
        (5, report.recall_at_5),
        (10, report.recall_at_10),
    ];
    html! {
        section.card {
            h2 { (ctx.t("found-places")) }
            p.quiet {
                (ctx.tr("found-among", &[("queries", &grouped(report.in_scope as i64)), ("texts", &grouped(report.candidates as i64))]))
            }
            div.scroll { table.bars {
                caption.hidden { (ctx.t("found-places")) }
                tbody { @for (place, share) in places { tr {
                    th scope="row" { (ctx.tr("found-first", &[("count", &place)])) }
                    td.bar { meter min="0" max="1" value=(share) aria-hidden="true" {} }
                    td.n { (format!("{:.1} %", 100.0 * share)) }
                } } }
            } }
        }
        @if let Some(answers) = &report.answers { (refusing(ctx, report, answers)) }
    }
}

/// When the model answers, and when it says that it does not know.
fn refusing(ctx: &Ctx, report: &RetrievalReport, answers: &AnswerScores) -> Markup {
    let percent = |share: f64| (100.0 * share).round();
    html! {
        section.card {
            h2 { (ctx.t("found-refuse")) }
            p {
                (ctx.tr("found-threshold", &[
                    ("threshold", &percent(f64::from(answers.threshold))),
                    ("answered", &percent(answers.answered)),
                    ("right", &percent(answers.right)),
                ]))
                @if let Some(recall) = answers.refusal_recall {
                    " " (ctx.tr("found-outside", &[("share", &percent(recall))]))
                }
            }
            p.quiet { (ctx.t("found-curve-help")) }
            (curve(ctx, report, answers))
        }
    }
}

/// The share of right answers over the share of questions that are answered.
fn curve(ctx: &Ctx, report: &RetrievalReport, answers: &AnswerScores) -> Markup {
    let at = |(answered, right): (f64, f64)| (40.0 + 340.0 * answered, 230.0 - 200.0 * right);
    let point = |p: &(f64, f64)| {
        let (x, y) = at(*p);
        format!("{x:.1},{y:.1}")
    };
    let points: Vec<String> = report.curve.iter().map(point).collect();
    let (x, y) = at((answers.answered, answers.right));
    html! {
        figure.chart.refusals {
            svg viewBox="0 0 400 270" role="img" aria-label=(ctx.t("found-curve-help")) {
                @for share in [0.0, 0.5, 1.0] {
                    @let (_, height) = at((0.0, share));
                    line.rule x1="40" x2="380" y1=(height) y2=(height) {}
                    text x="34" y=(height + 4.0) text-anchor="end" { (format!("{:.0} %", 100.0 * share)) }
                    @let (across, _) = at((share, 0.0));
                    text x=(across) y="250" text-anchor="middle" { (format!("{:.0} %", 100.0 * share)) }
                }
                polyline.curve.colour-1 points=(points.join(" ")) {}
                circle.dot.colour-2 cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="6" {}
            }
            figcaption { (ctx.t("found-curve-axes")) }
        }
    }
}
