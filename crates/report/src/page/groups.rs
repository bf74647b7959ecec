//! How groups of people are treated.

use super::Voice;
use super::answers::chance;
use crate::fairness::{Fairness, Mitigation};
use crate::report::Report;
use maud::{Markup, html};
use modelwright_evaluate::amount;
use modelwright_evaluate::fairness::{
    Disparity, Effect, FairnessReport, FourFifthsVerdict, Goal, GroupScores, Metric, Price, Share,
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
        p { (four_fifths(voice, report)) }
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
        (mitigations(voice, one))
    }
}

/// What follows from the four-fifths rule, in a sentence.
pub(crate) fn four_fifths(voice: Voice, report: &FairnessReport) -> String {
    let rule = &report.four_fifths;
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

/// What can be done about it, and its price.
fn mitigations(voice: Voice, one: &Fairness) -> Markup {
    let thresholds = one.mitigation.iter();
    let thresholds = thresholds.map(|m| (Some(m), m.thresholds.goal, &m.price));
    // Reweighing aims at equal shares.
    let weights = one.reweighed.iter();
    let weights = weights.map(|price| (None, Goal::DemographicParity, price));
    let prices: Vec<(Option<&Mitigation>, Goal, &Price)> = thresholds.chain(weights).collect();
    let Some((_, _, first)) = prices.first() else {
        return html! {};
    };
    let money = first.money.is_some();
    html! {
        @if !one.mitigation.is_empty() {
            p { (voice.t("mitigation-help")) }
            @if money { p { (voice.t("mitigation-money")) } }
        }
        @if one.reweighed.is_some() { p { (voice.t("reweighing-help")) } }
        div.scroll { table {
            thead { tr {
                th scope="col" { (voice.t("goal")) }
                th scope="col" { (voice.t("thresholds")) }
                th.n scope="col" { (voice.t("gap-before-after")) }
                th.n scope="col" { (voice.t("accuracy-before-after")) }
                th.n scope="col" { (voice.t("interval")) }
                @if money {
                    th.n scope="col" { (voice.t("cost-of-case")) }
                    th.n scope="col" { (voice.t("interval")) }
                }
            } }
            tbody { @for (mitigation, goal, price) in &prices {
                (priced(voice, *mitigation, *goal, price))
            } }
        } }
    }
}

fn priced(voice: Voice, mitigation: Option<&Mitigation>, goal: Goal, price: &Price) -> Markup {
    let accuracy = |share: &Share| share.value.map_or("–".into(), |v| voice.share(v));
    let change = &price.accuracy_change_interval;
    let name = match mitigation {
        Some(_) => voice.t(goal_word(goal)),
        None => voice.t("reweighing"),
    };
    html! { tr {
        th scope="row" { (name) }
        td { @match mitigation {
            Some(one) => @for (i, g) in one.thresholds.groups.iter().filter(|g| !g.too_small).enumerate() {
                @if i > 0 { ", " } (g.name) " " (format!("{:.2}", g.threshold))
            },
            None => "–",
        } }
        td.n { @if let (Some(b), Some(a)) = (gap(goal, &price.before), gap(goal, &price.after)) {
            (voice.share(b)) " → " (voice.share(a))
        } }
        td.n { (accuracy(&price.before.accuracy)) " → " (accuracy(&price.after.accuracy)) }
        td.n { (points(change.low)) " – " (points(change.high)) }
        @if let Some(money) = &price.money {
            td.n { (amount(money.before)) " → " (amount(money.after)) }
            td.n { (amount(money.interval.low)) " – " (amount(money.interval.high)) }
        }
    } }
}

/// The difference between groups that a goal is about.
pub(crate) fn gap(goal: Goal, effect: &Effect) -> Option<f64> {
    match goal {
        Goal::DemographicParity => effect.demographic_parity,
        Goal::EqualOpportunity => effect.equal_opportunity,
        Goal::EqualizedOdds => effect.equalized_odds,
    }
}

/// The key of a goal's name.
pub(crate) fn goal_word(goal: Goal) -> &'static str {
    match goal {
        Goal::DemographicParity => "demographic-parity",
        Goal::EqualOpportunity => "equal-opportunity",
        Goal::EqualizedOdds => "equalized-odds",
    }
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
