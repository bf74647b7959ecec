//! An answer as a person reads it.

use super::near::Neighbour;
use crate::Ctx;
use crate::pages::texts::shortened;
use maud::{Markup, html};
use modelwright_evaluate::number;
use modelwright_serve::Answer;
use modelwright_tasks::Prediction;

/// Most classes whose probabilities are shown.
const MOST_CLASSES: usize = 10;
/// Below this the model is said to be unsure.
const SURE: f32 = 0.8;
/// Longest answer, in characters, that is said in large letters.
const SHORT: usize = 90;
/// Characters of a neighbour that are shown.
const LONG: usize = 240;
/// Characters of the context on each side of an answer.
const AROUND: usize = 280;

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
        Some(Prediction::Labels {
            labels,
            probabilities,
        }) => html! {
            p.headline {
                @if labels.is_empty() { (ctx.t("try-no-label")) }
                @else { (labels.join(&ctx.t("list-comma"))) }
            }
            p.quiet { (ctx.t("try-labels-help")) }
            (bars(ctx, &answer.labels, probabilities))
        },
        Some(Prediction::Value { value }) => html! { p.headline { (number(*value)) } },
        Some(Prediction::Vector { values }) => html! {
            p.headline { (ctx.t("try-vector")) }
            p { (ctx.tr("try-vector-help", &[("width", &values.len())])) }
        },
        Some(Prediction::Span {
            answer: found,
            probability,
            ..
        }) => html! {
            (spoken(found, &ctx.t("try-no-span")))
            p { (ctx.tr("try-sure", &[("p", &percent(*probability))])) }
        },
        Some(Prediction::Match {
            answer: known,
            question,
            probability,
            neighbours,
        }) => html! {
            (spoken(known.as_deref().unwrap_or_default(), &ctx.t("try-unknown-answer")))
            p {
                @if known.is_some() {
                    (ctx.tr("try-sure", &[("p", &percent(*probability))])) " "
                    (ctx.tr("try-match", &[("question", question)]))
                } @else {
                    (ctx.tr("try-unknown-help", &[("p", &percent(*probability))]))
                }
            }
            (known_questions(ctx, neighbours))
        },
        Some(Prediction::Text { text, complete, .. }) => html! {
            (spoken(text, &ctx.t("try-nothing-written")))
            @if !complete { p.quiet { (ctx.t("try-cut-off")) } }
        },
        None => html! {},
    }
}

/// What the model says, or what to say if that is nothing. Long answers are for reading.
fn spoken(text: &str, nothing: &str) -> Markup {
    html! {
        @if text.is_empty() { p.headline { (nothing) } }
        @else if text.chars().count() > SHORT { p.headline.long { (text) } }
        @else { p.headline { (text) } }
    }
}

/// Where in the context the answer stands.
pub(super) fn marked(ctx: &Ctx, answer: &Answer, context: &str) -> Markup {
    let Some(Prediction::Span { start, end, .. }) = answer.predictions.first() else {
        return html! {};
    };
    let (before, found, after) = around(context, *start, *end);
    html! {
        @if !found.is_empty() {
            h3 { (ctx.t("try-where")) }
            blockquote.context { (before) mark { (found) } (after) }
        }
    }
}

/// The characters `start..end` of a text, with what stands around them.
fn around(text: &str, start: usize, end: usize) -> (String, String, String) {
    let letters: Vec<char> = text.chars().collect();
    let (end, start) = (end.min(letters.len()), start.min(end).min(letters.len()));
    let (first, last) = (
        start.saturating_sub(AROUND),
        (end + AROUND).min(letters.len()),
    );
    let part = |from: usize, to: usize| letters[from..to].iter().collect::<String>();
    let dots = |cut: bool| if cut { "…" } else { "" };
    (
        format!("{}{}", dots(first > 0), part(first, start)),
        part(start, end),
        format!("{}{}", part(end, last), dots(last < letters.len())),
    )
}

fn known_questions(ctx: &Ctx, neighbours: &[modelwright_tasks::Neighbour]) -> Markup {
    html! {
        @if !neighbours.is_empty() {
            h3 { (ctx.t("try-neighbours")) }
            ol.neighbours { @for n in neighbours { li {
                details {
                    summary { (n.text) " " small { (closeness(n.score)) } }
                    p.answer-text { (n.answer) }
                }
            } } }
        }
    }
}

/// The nearest texts of the data.
pub(super) fn near(ctx: &Ctx, neighbours: &[Neighbour]) -> Markup {
    html! {
        @if !neighbours.is_empty() {
            h3 { (ctx.t("try-near")) }
            ol.neighbours { @for n in neighbours { li {
                q { (shortened(&n.text, LONG)) } " "
                small { (ctx.tr("row-number", &[("row", &(n.row + 1))])) " · " (closeness(n.score)) }
            } } }
        }
    }
}

/// A cosine with two digits, as those who search know it.
fn closeness(score: f32) -> String {
    format!("{score:.2}")
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

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn an_answer_is_found_by_characters() {
        let (before, found, after) = around("Köln liegt am Rhein.", 14, 19);
        assert_eq!(
            (before.as_str(), found.as_str(), after.as_str()),
            ("Köln liegt am ", "Rhein", ".")
        );
        let long = format!("{}答案{}", "前".repeat(400), "后".repeat(400));
        let (before, found, after) = around(&long, 400, 402);
        assert!(before.starts_with('…') && after.ends_with('…') && found == "答案");
        // Positions of another text do no harm.
        assert_eq!(
            around("ab", 7, 9),
            ("ab".into(), String::new(), String::new())
        );
    }
}
