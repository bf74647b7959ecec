//! What the model answers: mix-ups with the examples behind them, the worst answers, a second model.

use super::{Voice, drawing};
use crate::report::{Against, Report};
use crate::shown::{Look, Shown};
use crate::words::score_name;
use maud::{Markup, html};
use modelwright_evaluate::chart::{Words, confusion, scatter};
use modelwright_evaluate::{Better, score};
use modelwright_tasks::Evaluation;

pub(super) fn sections(voice: Voice, report: &Report) -> Markup {
    let (title, predicted, truth) = (
        voice.t("confusion-title"),
        voice.t("predicted"),
        voice.t("true"),
    );
    let words = Words {
        title: &title,
        x: &predicted,
        y: &truth,
    };
    html! {
        @match &report.evaluation {
            Evaluation::Classification(r) => section.card {
                h2 { (voice.t("confusion")) }
                p { (voice.t("confusion-help")) }
                (drawing(&confusion(&words, &r.classes, &r.confusion)))
                @if report.cells.is_empty() { p { (voice.t("no-mistake")) } }
                @for cell in &report.cells {
                    details open[report.cells.len() <= 4] {
                        summary { (voice.tr("cell", &[
                            ("count", &cell.count), ("truth", &cell.truth), ("predicted", &cell.predicted),
                        ])) }
                        (examples(voice, &cell.examples, false))
                    }
                }
            },
            Evaluation::Regression(r) => section.card {
                h2 { (voice.t("values")) }
                p { (voice.t("values-help")) }
                (drawing(&scatter(&voice.t("values"), &r.target, &r.pairs)))
            },
            other => @for (_, svg) in other.charts() { section.card { (drawing(&svg)) } },
        }
        @if !report.worst.is_empty() { section.card {
            h2 { (voice.t("worst")) }
            p { (voice.t("worst-help")) }
            (examples(voice, &report.worst, true))
        } }
    }
}

/// A list of examples; with `answers` each says what is true and what was answered.
pub(super) fn examples(voice: Voice, shown: &[Shown], answers: bool) -> Markup {
    let first = shown.first().map(|one| &one.look);
    match first {
        Some(Look::Row { values }) => rows(voice, values, shown, answers),
        _ => html! {
            ul.examples { @for one in shown {
                li class=(if matches!(one.look, Look::Picture { .. }) { "picture" } else { "" }) {
                    @match &one.look {
                        Look::Picture { name, address } => img src=(address) alt=(name) title=(name);,
                        Look::Text { text } => span { (text) },
                        Look::Row { .. } => {},
                    }
                    div.quiet { (said(voice, one, answers)) }
                }
            } }
        },
    }
}

/// Rows of a table, with the columns of `first`.
fn rows(voice: Voice, first: &[(String, String)], shown: &[Shown], answers: bool) -> Markup {
    html! { div.scroll { table.rows {
        thead { tr { th scope="col" {} @for (name, _) in first { th scope="col" { (name.replace('_', " ")) } } } }
        tbody { @for one in shown { tr {
            th scope="row" { (said(voice, one, answers)) }
            @if let Look::Row { values } = &one.look { @for (_, value) in values { td { (value) } } }
        } } }
    } } }
}

/// What is said of an example: the answers, how sure the model was, which one it is.
fn said(voice: Voice, one: &Shown, answers: bool) -> String {
    let mut parts = Vec::new();
    if answers {
        parts.push(voice.tr(
            "answered",
            &[("truth", &one.truth), ("predicted", &one.predicted)],
        ));
    }
    parts.extend(
        one.probability
            .map(|p| voice.tr("sure", &[("p", &voice.share(p))])),
    );
    parts.push(voice.tr("example", &[("number", &(one.example + 1))]));
    parts.join(" · ")
}

/// A second model, by its name.
pub(super) fn against(voice: Voice, against: &Against, name: &str) -> Markup {
    let verdict = match against.paired.better {
        Better::First => "against-better",
        Better::Second => "against-worse",
        Better::Neither => "against-neither",
    };
    html! {
        h3 { (voice.tr("against", &[("other", &name)])) }
        p { (voice.tr(verdict, &[("other", &name)])) }
        @if let Some(m) = &against.paired.mcnemar {
            p { (voice.tr("mcnemar", &[
                ("first", &m.only_first), ("second", &m.only_second), ("chance", &chance(m.chance)),
            ])) }
        }
        table {
            thead { tr {
                th scope="col" { (voice.t("score")) }
                th.n scope="col" { (voice.t("this-model")) }
                th.n scope="col" { (name) }
                th.n scope="col" { (voice.t("difference")) }
                th.n scope="col" { (voice.t("interval")) }
            } }
            tbody { @for d in &against.paired.differences { tr {
                th scope="row" { (score_name(voice.lang, &d.name)) }
                td.n { (score(&d.name, d.first)) }
                td.n { (score(&d.name, d.second)) }
                td.n { (score(&d.name, d.difference)) }
                td.n { @if let Some(i) = d.interval { (score(&d.name, i.low)) " – " (score(&d.name, i.high)) } }
            } } }
        }
    }
}

/// A p-value as people read it.
pub(super) fn chance(p: f64) -> String {
    match p {
        p if p < 0.001 => "< 0.1 %".into(),
        p => format!("{:.1} %", 100.0 * p),
    }
}
