//! What was measured for a report, in the model card: whether probabilities come true, how groups of
//! people are treated. Cards are in English, as people share them.

use crate::calibration::Calibration;
use crate::fairness::Fairness;
use crate::page::{Voice, four_fifths, gap, goal_word, mends};
use crate::report::{About, Report};
use crate::subject::Classes;
use modelwright_evaluate::fairness::{Disparity, Goal, Metric, Price, Share};
use modelwright_evaluate::{amount, grouped, number};
use modelwright_runs::Bundle;
use modelwright_runs::card::{Documents, today};
use modelwright_tasks::{Answers, TaskError};
use modelwright_words::Lang;
use std::fmt::Write;
use std::path::Path;

/// The places in the card.
const CALIBRATION: &str = "calibration";
const TEMPERATURE: &str = "temperature";
const FAIRNESS: &str = "fairness";
/// In the language of the card.
const VOICE: Voice = Voice { lang: Lang::En };
/// The rates of a group that a card has.
const RATES: [Metric; 4] = [
    Metric::SelectionRate,
    Metric::TruePositiveRate,
    Metric::FalsePositiveRate,
    Metric::Accuracy,
];

/// A temperature that was stored in a bundle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stored<'a> {
    /// What logits are divided by now.
    pub temperature: f64,
    /// Examples that it was fitted to.
    pub examples: usize,
    /// Their part of the data, or `all`.
    pub part: &'a str,
}

/// Writes what a report says of calibration and fairness into the card of a bundle, in place of what an
/// earlier report said.
///
/// # Errors
/// The bundle cannot be read or written.
pub fn write_report(bundle: &Path, report: &Report) -> Result<(), TaskError> {
    let on = measured_on(&report.model, report.evaluation.examples());
    let mut sections = Vec::new();
    if let Some(calibration) = &report.calibration {
        let text = format!("{on}\n\n{}", calibrated(calibration));
        sections.push((CALIBRATION, "Calibration", text));
    }
    if let Some(first) = report.fairness.first() {
        let class = report.positive.as_deref().unwrap_or_default();
        let mut text = format!(
            "{on} The decision is for \"{class}\", from a probability of {:.2} on. Whether a difference is \
             unfair is for people to say.\n",
            first.threshold
        );
        report.fairness.iter().for_each(|one| text += &group(one));
        sections.push((FAIRNESS, "Fairness", text));
    }
    write(bundle, &sections)
}

/// Writes a temperature into the card, and how well probabilities come true with it: `answers` are those
/// of the corrected model to the examples that `about` tells of.
///
/// # Errors
/// The bundle cannot be read or written.
pub fn write_temperature(
    bundle: &Path,
    stored: Stored,
    about: &About,
    answers: &Answers,
) -> Result<(), TaskError> {
    let text = format!(
        "Since {} the scores before softmax are divided by {}, so that probabilities come true (temperature \
         scaling, Guo et al. 2017). That was fitted to {} examples{}. No answer changes by it.",
        today(),
        number(stored.temperature),
        grouped(stored.examples as i64),
        of_part(&about.source, stored.part)
    );
    let mut sections = vec![(TEMPERATURE, "Corrected probabilities", text)];
    if let Some(classes) = Classes::of(answers) {
        let on = measured_on(about, answers.examples.len());
        let text = format!(
            "{on} The probabilities are the corrected ones.\n\n{}",
            calibrated(&Calibration::new(classes))
        );
        sections.push((CALIBRATION, "Calibration", text));
    }
    write(bundle, &sections)
}

/// The bundle is opened anew: its files may have changed since it was read.
fn write(bundle: &Path, sections: &[(&str, &str, String)]) -> Result<(), TaskError> {
    let mut bundle = Bundle::open(bundle)?;
    let mut documents = Documents::of(&bundle)?;
    for (key, title, text) in sections {
        documents.set_measured(key, title, text);
    }
    Ok(documents.save(&mut bundle)?)
}

fn measured_on(about: &About, examples: usize) -> String {
    format!(
        "Measured on {} on {} examples{}.",
        today(),
        grouped(examples as i64),
        of_part(&about.source, &about.part)
    )
}

/// `of credit.csv (its test part)`; a card does not tell the folders of a machine.
fn of_part(source: &str, part: &str) -> String {
    let name = Path::new(source).file_name();
    let name = name.and_then(|name| name.to_str()).unwrap_or(source);
    match part {
        "train" | "validation" | "test" => format!(" of {name} (its {part} part)"),
        _ => format!(" of {name}"),
    }
}

fn calibrated(calibration: &Calibration) -> String {
    let now = &calibration.now;
    let mut out = format!(
        "How sure an answer is and how often it is right are {} apart on average (expected calibration error; \
         {} in the worst group). The Brier score is {:.4}; 0 is best.\n\n| sure | on average | right | answers \
         |\n|---|---|---|---|\n",
        VOICE.share(now.ece),
        VOICE.share(now.mce),
        now.brier
    );
    for bin in &now.bins {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {:.0}–{:.0} % | {} | {} | {} |",
            100.0 * bin.low,
            100.0 * bin.high,
            VOICE.share(bin.confidence),
            VOICE.share(bin.rate),
            grouped(bin.examples as i64)
        );
    }
    if let Some(scaling) = calibration.scaling.as_ref().filter(|s| mends(s)) {
        let _ = write!(
            out,
            "\nDividing by a temperature of {} would bring that error from {} to {} (fitted to half of the \
             examples, measured on the other); `modelwright evaluate --calibrate` stores one.\n",
            number(scaling.temperature),
            VOICE.share(scaling.before.ece),
            VOICE.share(scaling.after.ece)
        );
    }
    out
}

/// How the groups of one attribute are treated.
fn group(one: &Fairness) -> String {
    let report = &one.report;
    let mut out = format!(
        "\n### By {}\n\n{}\n\n| group | examples |",
        report.attribute,
        four_fifths(VOICE, report)
    );
    for metric in RATES {
        let _ = write!(out, " {} |", metric.name());
    }
    let _ = writeln!(out, "\n|---|---|{}", "---|".repeat(RATES.len()));
    for group in &report.groups {
        let small = if group.too_small { " (too small)" } else { "" };
        let _ = write!(out, "| {}{small} | {} |", cell(&group.name), group.examples);
        for metric in RATES {
            let _ = write!(out, " {} |", share(group.rate(metric)));
        }
        out.push('\n');
    }
    out.push('\n');
    for (name, disparity) in [
        ("Demographic parity", &report.demographic_parity),
        ("Equalized odds", &report.equalized_odds),
        ("Equal opportunity", &report.equal_opportunity),
    ] {
        out += &disparity.as_ref().map_or(String::new(), |d| line(name, d));
    }
    for mitigation in &one.mitigation {
        let goal = mitigation.thresholds.goal;
        let what = format!(
            "A threshold for each group, for {}",
            VOICE.t(goal_word(goal))
        );
        out += &price(&what, goal, &mitigation.price);
    }
    if let Some(reweighed) = &one.reweighed {
        let what = "Training with examples reweighed by it";
        out += &price(what, Goal::DemographicParity, reweighed);
    }
    out
}

fn line(name: &str, d: &Disparity) -> String {
    format!(
        "- {name}: a difference of {} ({} – {}), as large by chance in {} of cases.\n",
        VOICE.share(d.difference),
        d.lowest,
        d.highest,
        VOICE.share(d.chance)
    )
}

/// What something would do, and its price.
fn price(what: &str, goal: Goal, price: &Price) -> String {
    let (Some(before), Some(after)) = (gap(goal, &price.before), gap(goal, &price.after)) else {
        return String::new();
    };
    let money = price.money.map_or(String::new(), |money| {
        let (before, after) = (amount(money.before), amount(money.after));
        format!(", a case would cost {after} instead of {before}")
    });
    format!(
        "- {what}, would bring the difference from {} to {}; of the answers {} would be right instead of \
         {}{money}.\n",
        VOICE.share(before),
        VOICE.share(after),
        share(&price.after.accuracy),
        share(&price.before.accuracy)
    )
}

fn share(share: &Share) -> String {
    share.value.map_or("–".into(), |value| VOICE.share(value))
}

/// A name in a cell of a table.
fn cell(name: &str) -> String {
    name.replace('|', "\\|").replace(['\n', '\r'], " ")
}
