//! How groups of people are treated.

use super::Voice;
use super::answers::chance;
use crate::fairness::{Fairness, Mitigation};
use crate::report::Report;
use maud::{Markup, html};
use modelwright_evaluate::fairness::{
    Disparity, FourFifthsVerdict, Goal, GroupScores, Metric, Share,
};

/// The rates of a group that are shown.
const RATES: [Metric; 5] = [
    Metric::SelectionRate,
    Metric::TruePositiveRate,
    Metric::FalsePositiveRate,
    Metric::Precision,
    Metric::Accuracy,
];

pub(super) fn section(voice: Voice, report: &Report) -> Markup {
    if report.fairness.is_empty() {
        return html! {};
    }
    let class = report.positive.clone().unwrap_or_default();
    html! {
        section.card {
            h2 { (voice.t("fairness")) }
            p { (voice.tr("fairness-help", &[("class", &class)])) }
            @for one in &report.fairness { (attribute(voice, one)) }
        }
    }
}

fn attribute(voice: Voice, one: &Fairness) -> Markup {
    let report = &one.report;
    html! {
        h3 { (voice.tr("by", &[("attribute", &report.attribute)])) }
        p { (four_fifths(voice, one)) }
        div.scroll { table {
            thead { tr {
                th scope="col" { (voice.t("group")) }
                th.n scope="col" { (voice.t("examples")) }
                @for metric in RATES { th.n scope="col" { (voice.t(word(metric))) } }
                th.n scope="col" { (voice.t("calibration-gap")) }
            } }
            tbody { @for group in &report.groups { (row(voice, group)) } }
        } }
        p.quiet { (voice.tr("fairness-limits", &[("examples", &report.limits.examples), ("outcomes", &report.limits.outcomes)])) }
        table {
            thead { tr {
                th scope="col" { (voice.t("measure")) }
                @for key in ["difference", "ratio", "chance"] { th.n scope="col" { (voice.t(key)) } }
                th scope="col" { (voice.t("between")) }
            } }
            tbody {
                (disparity(voice, "demographic-parity", report.demographic_parity.as_ref()))
                (disparity(voice, "equalized-odds", report.equalized_odds.as_ref()))
                (disparity(voice, "equal-opportunity", report.equal_opportunity.as_ref()))
            }
        }
        @if !one.mitigation.is_empty() { (mitigations(voice, &one.mitigation)) }
    }
}

fn four_fifths(voice: Voice, one: &Fairness) -> String {
    let rule = &one.report.four_fifths;
    let key = match rule.verdict {
        FourFifthsVerdict::Kept => "four-fifths-kept",
        FourFifthsVerdict::MayBeChance => "four-fifths-chance",
        FourFifthsVerdict::Broken => "four-fifths-broken",
        FourFifthsVerdict::Unknown => return voice.t("four-fifths-unknown"),
    };
    let ratio = voice.share(rule.ratio.unwrap_or(1.0));
    voice.tr(
        key,
        &[
            ("lowest", &rule.lowest),
            ("highest", &rule.highest),
            ("ratio", &ratio),
        ],
    )
}

fn row(voice: Voice, group: &GroupScores) -> Markup {
    html! { tr {
        th scope="row" { (group.name) @if group.too_small { " (" (voice.t("too-small")) ")" } }
        td.n { (group.examples) }
        @for metric in RATES { td.n { (share(voice, group.rate(metric))) } }
        td.n { (voice.share(group.calibration_gap)) }
    } }
}

fn share(voice: Voice, share: &Share) -> Markup {
    html! {
        @match share.value {
            Some(value) => {
                (voice.share(value)) br;
                span.quiet { (voice.share(share.interval.low)) " – " (voice.share(share.interval.high)) }
            },
            None => "–",
        }
    }
}

fn disparity(voice: Voice, key: &str, disparity: Option<&Disparity>) -> Markup {
    html! { @if let Some(d) = disparity { tr {
        th scope="row" { (voice.t(key)) }
        td.n { (voice.share(d.difference)) }
        td.n { @if let Some(ratio) = d.ratio { (format!("{ratio:.2}")) } }
        td.n { (chance(d.chance)) }
        td { (d.lowest) " – " (d.highest) }
    } } }
}

fn mitigations(voice: Voice, all: &[Mitigation]) -> Markup {
    html! {
        p { (voice.t("mitigation-help")) }
        table {
            thead { tr {
                th scope="col" { (voice.t("goal")) }
                th scope="col" { (voice.t("thresholds")) }
                th.n scope="col" { (voice.t("gap-before-after")) }
                th.n scope="col" { (voice.t("accuracy-before-after")) }
                th.n scope="col" { (voice.t("interval")) }
            } }
            tbody { @for one in all { (mitigation(voice, one)) } }
        }
    }
}

fn mitigation(voice: Voice, one: &Mitigation) -> Markup {
    let price = &one.price;
    let gap = |goal: Goal, effect: &modelwright_evaluate::fairness::Effect| match goal {
        Goal::DemographicParity => effect.demographic_parity,
        Goal::EqualOpportunity => effect.equal_opportunity,
        Goal::EqualizedOdds => effect.equalized_odds,
    };
    let goal = one.thresholds.goal;
    let (key, before, after) = (
        match goal {
            Goal::DemographicParity => "demographic-parity",
            Goal::EqualOpportunity => "equal-opportunity",
            Goal::EqualizedOdds => "equalized-odds",
        },
        gap(goal, &price.before),
        gap(goal, &price.after),
    );
    let accuracy = |share: &Share| share.value.map_or("–".into(), |v| voice.share(v));
    let change = &price.accuracy_change_interval;
    html! { tr {
        th scope="row" { (voice.t(key)) }
        td { @for (i, g) in one.thresholds.groups.iter().filter(|g| !g.too_small).enumerate() {
            @if i > 0 { ", " } (g.name) " " (format!("{:.2}", g.threshold))
        } }
        td.n { @if let (Some(b), Some(a)) = (before, after) { (voice.share(b)) " → " (voice.share(a)) } }
        td.n { (accuracy(&price.before.accuracy)) " → " (accuracy(&price.after.accuracy)) }
        td.n { (points(change.low)) " – " (points(change.high)) }
    } }
}

/// A change in percentage points.
fn points(value: f64) -> String {
    format!("{:+.1}", 100.0 * value)
}

fn word(metric: Metric) -> &'static str {
    match metric {
        Metric::SelectionRate => "selection-rate",
        Metric::TruePositiveRate => "true-positive-rate",
        Metric::FalsePositiveRate => "false-positive-rate",
        Metric::FalseNegativeRate => "false-negative-rate",
        Metric::Precision => "precision",
        Metric::Accuracy => "accuracy",
    }
}
