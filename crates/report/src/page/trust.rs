//! Can its probabilities be trusted, from which one does it pay to act, and where is it worse?

use super::answers::chance;
use super::{Voice, drawing};
use crate::calibration::Calibration;
use crate::features::MEASURED;
use crate::report::Report;
use crate::robustness::Damage;
use maud::{Markup, html};
use modelwright_evaluate::chart::{
    CostWords, ReliabilityWords, Series, Words, cost, lines, precision_recall, reliability, roc,
};
use modelwright_evaluate::{Condition, Decision, SliceReport, TemperatureScaling, amount, number};
use modelwright_tasks::Evaluation;

pub(super) fn sections(voice: Voice, report: &Report) -> Markup {
    html! {
        @if let Some(calibration) = &report.calibration { (calibrated(voice, calibration)) }
        @if let Some(decision) = &report.decision { (decided(voice, report, decision)) }
        @if !report.curves.is_empty() { (told_apart(voice, report)) }
        @if let Some(slices) = &report.slices { (sliced(voice, report, slices)) }
        @if !report.robustness.is_empty() { (robust(voice, report)) }
    }
}

fn calibrated(voice: Voice, calibration: &Calibration) -> Markup {
    let now = &calibration.now;
    let scaled = calibration.scaling.as_ref();
    let (title, x, y) = (
        voice.t("calibration"),
        voice.t("said"),
        voice.t("came-true"),
    );
    let words = ReliabilityWords {
        words: Words {
            title: &title,
            x: &x,
            y: &y,
        },
        examples: &voice.t("share-of-examples"),
        before: &voice.t("as-it-is"),
        after: &voice.t("with-temperature"),
    };
    html! {
        section.card {
            h2 { (title) }
            p { (voice.tr("calibration-help", &[("gap", &voice.share(now.ece))])) }
            (drawing(&reliability(&words, &now.bins, scaled.map(|s| &s.after.bins[..]))))
            @if let Some(s) = scaled {
                p { (voice.tr(if mends(s) { "temperature-helps" } else { "temperature-useless" }, &[
                    ("temperature", &number(s.temperature)),
                    ("before", &voice.share(s.before.ece)),
                    ("after", &voice.share(s.after.ece)),
                ])) }
            }
        }
    }
}

/// Whether a temperature takes away enough of the error to be worth storing.
pub(crate) fn mends(scaling: &TemperatureScaling) -> bool {
    scaling.helps() && scaling.after.ece < 0.9 * scaling.before.ece
}

fn decided(voice: Voice, report: &Report, decision: &Decision) -> Markup {
    let class = report.positive.clone().unwrap_or_default();
    let (title, x, y) = (
        voice.tr("decision", &[("class", &class)]),
        voice.t("threshold"),
        voice.t("cost-of-case"),
    );
    let words = CostWords {
        words: Words {
            title: &title,
            x: &x,
            y: &y,
        },
        best: &voice.t("best"),
        half: &voice.t("half"),
    };
    let (best, half) = (&decision.best, &decision.half);
    html! {
        section.card {
            h2 { (title) }
            p { (voice.tr("decision-costs", &[
                ("alarm", &amount(decision.costs.false_alarm)), ("miss", &amount(decision.costs.miss)),
            ])) }
            p.lead { (voice.tr("decision-best", &[
                ("threshold", &format!("{:.2}", best.threshold)),
                ("cost", &amount(best.cost)), ("half", &amount(half.cost)),
            ])) }
            @if let Some(i) = decision.interval {
                p { (voice.tr("decision-interval", &[("low", &format!("{:.2}", i.low)), ("high", &format!("{:.2}", i.high))])) }
            }
            @if let (Some(saved), Some(i)) = (decision.saved_elsewhere, decision.saved_interval) {
                p { (voice.tr("decision-saved", &[("saved", &amount(saved)), ("low", &amount(i.low)), ("high", &amount(i.high))])) }
            }
            (drawing(&cost(&words, decision)))
            table {
                thead { tr {
                    th scope="col" { (voice.t("threshold")) }
                    @for key in ["found", "missed", "alarms", "rejected", "cost-of-case"] { th.n scope="col" { (voice.t(key)) } }
                } }
                tbody { @for o in [best, half] { tr {
                    th scope="row" { (format!("{:.2}", o.threshold)) }
                    td.n { (o.found) } td.n { (o.missed) } td.n { (o.alarms) } td.n { (o.rejected) } td.n { (amount(o.cost)) }
                } } }
            }
        }
    }
}

fn told_apart(voice: Voice, report: &Report) -> Markup {
    let (found, alarms, precision) = (
        voice.t("share-found"),
        voice.t("share-alarms"),
        voice.t("share-precise"),
    );
    let (roc_title, pr_title) = (voice.t("roc"), voice.t("precision-recall"));
    html! {
        section.card {
            h2 { (voice.t("curves")) }
            p { (voice.t("curves-help")) }
            div.pair {
                (drawing(&roc(&Words { title: &roc_title, x: &alarms, y: &found }, &report.curves)))
                (drawing(&precision_recall(&Words { title: &pr_title, x: &found, y: &precision }, &report.curves)))
            }
        }
    }
}

fn sliced(voice: Voice, report: &Report, slices: &SliceReport) -> Markup {
    let is_class = matches!(report.evaluation, Evaluation::Classification(_));
    let loss = |value: f64| {
        if is_class {
            voice.share(value)
        } else {
            amount(value)
        }
    };
    html! {
        section.card {
            h2 { (voice.t("slices")) }
            @if slices.slices.is_empty() {
                p { (voice.tr("slices-none", &[("searched", &slices.searched)])) }
            } @else {
                p { (voice.tr(if is_class { "slices-help" } else { "slices-help-values" }, &[
                    ("searched", &slices.searched), ("all", &loss(slices.loss)),
                ])) }
                table {
                    thead { tr {
                        th scope="col" { (voice.t("slice")) }
                        @for key in ["examples", if is_class { "wrong" } else { "error" }, "interval", "elsewhere", "chance"] {
                            th.n scope="col" { (voice.t(key)) }
                        }
                    } }
                    tbody { @for s in &slices.slices { tr {
                        th scope="row" { (conditions(voice, &s.conditions)) }
                        td.n { (s.size) }
                        td.n { (loss(s.loss)) }
                        td.n { (loss(s.interval.low.max(0.0))) " – " (loss(s.interval.high)) }
                        td.n { (loss(s.other_loss)) }
                        td.n { (chance(s.chance)) }
                    } } }
                }
            }
        }
    }
}

/// `age < 25 and purpose = car`.
pub(super) fn conditions(voice: Voice, all: &[Condition]) -> String {
    let words: Vec<String> = all.iter().map(|c| condition(voice, c)).collect();
    words.join(&voice.t("and"))
}

fn condition(voice: Voice, condition: &Condition) -> String {
    let feature = feature(voice, condition.feature());
    match condition {
        Condition::Is { value, .. } => format!("{feature} = {value}"),
        Condition::Within {
            from: None,
            below: Some(below),
            ..
        } => format!("{feature} < {}", number(*below)),
        Condition::Within {
            from: Some(from),
            below: None,
            ..
        } => format!("{feature} ≥ {}", number(*from)),
        Condition::Within {
            from: Some(from),
            below: Some(below),
            ..
        } => {
            format!("{} ≤ {feature} < {}", number(*from), number(*below))
        }
        Condition::Within {
            from: None,
            below: None,
            ..
        } => feature,
        Condition::Missing { .. } => voice.tr("missing", &[("feature", &feature)]),
    }
}

/// A column's name, or what is measured of a picture or a text in the language of the page.
pub(super) fn feature(voice: Voice, name: &str) -> String {
    match MEASURED.contains(&name) {
        true => voice.t(&format!("feature-{name}")),
        false => name.into(),
    }
}

fn robust(voice: Voice, report: &Report) -> Markup {
    let series: Vec<Series> = report
        .robustness
        .iter()
        .map(|curve| Series {
            name: voice.t(&format!("damage-{}", damage(curve.damage))),
            points: curve
                .strengths
                .iter()
                .copied()
                .zip(curve.scores.iter().copied())
                .collect(),
            dashed: false,
        })
        .collect();
    let is_class = matches!(report.evaluation, Evaluation::Classification(_));
    let title = voice.t(if is_class {
        "robustness-right"
    } else {
        "robustness-error"
    });
    html! {
        section.card {
            h2 { (voice.t("robustness")) }
            p { (voice.t("robustness-help")) }
            (drawing(&lines(&title, &voice.t("strength"), &series)))
        }
    }
}

pub(super) fn damage(damage: Damage) -> &'static str {
    match damage {
        Damage::Noise => "noise",
        Damage::Blur => "blur",
        Damage::Darkness => "darkness",
        Damage::Brightness => "brightness",
        Damage::Rotation => "rotation",
        Damage::Typos => "typos",
    }
}
