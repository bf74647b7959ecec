//! `assistant test`.

use super::{given_mode, path};
use crate::output::{self, duration, grouped, right, table};
use anyhow::Result;
use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressDrawTarget};
use modelwright_assistant::Desk;
use modelwright_assistant::measure::{Measured, measure, questions};
use modelwright_generate::EngineOptions;
use std::io::IsTerminal;

/// Most questions that are shown where something went wrong.
const WRONG: usize = 10;

pub fn run(m: &ArgMatches) -> Result<()> {
    let questions = questions(path(m, "questions"))?;
    let desk = Desk::open_as(
        path(m, "folder"),
        given_mode(m),
        EngineOptions::default(),
        &|_| {},
    )?;
    let hidden = m.get_flag("quiet") || m.get_flag("json") || !std::io::stderr().is_terminal();
    let target = if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(Some(questions.len() as u64), target);
    let told = |done: usize, _: usize| bar.set_position(done as u64);
    let measured = measure(desk.assistant(), desk.writer(), &questions, &told)?;
    bar.finish_and_clear();
    if m.get_flag("json") {
        return output::json(&measured);
    }
    show(&measured);
    Ok(())
}

/// What other settings of `answer_from` would give.
fn thresholds(measured: &Measured) {
    let mut points = table(&["answer_from", "answered", "right passage", "refusal recall"]);
    let number =
        |value: Option<f64>| right(value.map_or_else(|| "-".into(), |v| format!("{v:.2}")));
    for point in &measured.thresholds {
        points.add_row(vec![
            right(format!("{:.1}", point.answer_from)),
            number(point.answered),
            number(point.answer_precision),
            number(point.refusal_recall),
        ]);
    }
    println!("with another `answer_from` in settings.toml:\n{points}");
}

fn show(measured: &Measured) {
    println!(
        "{} questions with an answer in the documents, {} without; {} each",
        grouped(measured.in_scope as i64),
        grouped(measured.out_of_scope as i64),
        duration(measured.seconds)
    );
    let mut scores = table(&["score", "value"]);
    for (name, value) in [
        ("hit rate @1", measured.hit_rate_at_1),
        ("hit rate @3", measured.hit_rate_at_3),
        ("hit rate @5", measured.hit_rate_at_5),
        ("mean reciprocal rank", measured.mean_reciprocal_rank),
        ("answered, of those with an answer", measured.answered),
        ("answers from the right passage", measured.answer_precision),
        ("exact match", measured.exact_match),
        ("F1 of words", measured.f1),
        ("groundedness", measured.groundedness),
        ("refusal precision", measured.refusal_precision),
        ("refusal recall", measured.refusal_recall),
    ] {
        if let Some(value) = value {
            scores.add_row(vec![name.into(), right(format!("{value:.3}"))]);
        }
    }
    println!("{scores}");
    if measured.held_back > 0 {
        println!(
            "{} sentences of the model were held back",
            measured.held_back
        );
    }
    thresholds(measured);
    if measured.wrong.is_empty() {
        return;
    }
    println!("{} questions went wrong:", measured.wrong.len());
    for wrong in measured.wrong.iter().take(WRONG) {
        let expected = if wrong.expected.is_empty() {
            "no answer"
        } else {
            &wrong.expected
        };
        println!(
            "  {} ({}, {:.0} % sure)",
            wrong.question,
            wrong.decision.name(),
            100.0 * wrong.confidence
        );
        println!("    found {}; expected {expected}", wrong.found);
    }
}
