//! The report as a page: one file, no script, nothing fetched; it prints well.

mod answers;
mod data;
mod groups;
mod trust;

pub(crate) use data::{decides, equal};
pub(crate) use groups::{four_fifths, gap, goal_word};
pub(crate) use trust::mends;

use crate::linear::NoLinear;
use crate::report::Report;
use crate::words;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use modelwright_evaluate::{grouped, score};
use modelwright_words::{Lang, Value};

const STYLE: &str = include_str!("style.css");

/// Says things in the language of the page.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    /// The language.
    pub lang: Lang,
}

impl Voice {
    /// The text of a key.
    pub fn t(self, key: &str) -> String {
        words::tr(self.lang, key, &[])
    }

    /// The text of a key with its placeholders filled.
    pub fn tr(self, key: &str, args: &[(&str, Value)]) -> String {
        words::tr(self.lang, key, args)
    }

    /// A share in percent.
    pub fn share(self, value: f64) -> String {
        format!("{:.1} %", 100.0 * value)
    }
}

/// The page of a report.
pub fn page(report: &Report, lang: Lang) -> String {
    let voice = Voice { lang };
    let title = voice.tr("title", &[("model", &report.model.run)]);
    let markup = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.quiet { (made_of(voice, report)) }
                }
                main { (content(report, lang)) }
                footer { p.quiet { (voice.tr("made-with", &[("command", &report.command)])) } }
            }
        }
    };
    markup.into_string()
}

/// The sections of the page, to be put into a frame of one's own.
pub fn content(report: &Report, lang: Lang) -> Markup {
    let voice = Voice { lang };
    html! {
        (headline(voice, report))
        (scores(voice, report))
        (answers::sections(voice, report))
        (trust::sections(voice, report))
        (groups::section(voice, report))
        (data::sections(voice, report))
    }
}

fn made_of(voice: Voice, report: &Report) -> String {
    let model = &report.model;
    let examples = grouped(report.evaluation.examples() as i64);
    let key = match model.part.as_str() {
        "test" => "made-of-test",
        "validation" => "made-of-validation",
        "train" => "made-of-train",
        _ => "made-of-all",
    };
    voice.tr(
        key,
        &[
            ("examples", &examples),
            ("source", &model.source),
            ("task", &model.task),
            ("architecture", &model.architecture),
        ],
    )
}

/// What it comes to, in sentences.
fn headline(voice: Voice, report: &Report) -> Markup {
    let scores = report.evaluation.scores();
    let said =
        |(name, value): &(String, f64)| words::plain(voice.lang, &report.model.task, name, *value);
    let sentences: Vec<String> = scores.iter().filter_map(said).collect();
    let findings = report.findings();
    html! {
        section.card.conclusion {
            h2 { (voice.t("headline")) }
            @for (i, sentence) in sentences.iter().enumerate() {
                p class=(if i == 0 { "lead" } else { "" }) { (sentence) }
            }
            @if !findings.is_empty() {
                h3 { (voice.t("findings")) }
                ul { @for finding in &findings { li class=(finding.weight()) { (finding.words(voice)) } } }
            }
        }
    }
}

/// All scores with their intervals, beside the simplest answers.
fn scores(voice: Voice, report: &Report) -> Markup {
    let simple = &report.simple;
    html! {
        section.card {
            h2 { (voice.t("scores")) }
            p { (voice.t("scores-help")) }
            table {
                thead { tr {
                    th scope="col" { (voice.t("score")) }
                    th.n scope="col" { (voice.t("this-model")) }
                    th.n scope="col" { (voice.t("interval")) }
                    @for one in simple { th.n scope="col" { (one.name(voice)) } }
                } }
                tbody { @for (name, value) in report.evaluation.scores() { tr {
                    th scope="row" { (words::score_name(voice.lang, &name)) }
                    td.n { (score(&name, value)) }
                    td.n { @if let Some(i) = report.intervals.get(&name) { (score(&name, i.low)) " – " (score(&name, i.high)) } }
                    @for one in simple { td.n { @if let Some(v) = one.score(&name) { (score(&name, v)) } } }
                } } }
            }
            @if let Some(linear) = &report.linear {
                (answers::against(voice, &linear.against, &linear_name(voice, linear.side)))
            }
            @if let Some(why) = report.no_linear { p.quiet { (voice.t(no_linear(why))) } }
            @if let Some(against) = &report.against { (answers::against(voice, against, &against.other)) }
        }
    }
}

/// What a linear model is called, which may see smaller pictures.
fn linear_name(voice: Voice, side: Option<usize>) -> String {
    match side {
        Some(side) => voice.tr("linear-model-small", &[("side", &side)]),
        None => voice.t("linear-model"),
    }
}

fn no_linear(why: NoLinear) -> &'static str {
    match why {
        NoLinear::IsLinear => "no-linear-is-linear",
        NoLinear::Texts => "no-linear-texts",
        NoLinear::NoTrainingData => "no-linear-data",
        NoLinear::NotAsked => "no-linear-asked",
    }
}

/// A drawing made elsewhere.
fn drawing(svg: &str) -> Markup {
    html! { figure { (PreEscaped(svg)) } }
}
