//! The data itself, and what a prediction takes.

use super::answers::examples;
use super::trust::feature;
use super::{Voice, drawing};
use crate::data::{PARTS, SharedExamples, SuspectLabels};
use crate::report::Report;
use maud::{Markup, html};
use modelwright_evaluate::chart::{LearningWords, Words, learning};
use modelwright_evaluate::{
    ColumnFinding, ColumnTrouble, DriftReport, ErrorForecast, LearningCurve, MoreData, VectorDrift,
    amount, number,
};
use modelwright_runs::Cost;
use modelwright_tasks::Evaluation;

pub(super) fn sections(voice: Voice, report: &Report) -> Markup {
    let data = &report.data;
    html! {
        @if let Some(suspects) = &data.suspects { (suspect_labels(voice, suspects)) }
        @if let Some(shared) = &data.shared { (in_two_parts(voice, shared)) }
        @if report.model.task.starts_with("tabular") { (giving_away(voice, &data.columns)) }
        @if let Some(drift) = &data.drift { (drifted(voice, drift, data.vectors.as_ref())) }
        @if let Some(curve) = &report.learning { (more_data(voice, report, curve)) }
        (cost(voice, report))
    }
}

fn more_data(voice: Voice, report: &Report, curve: &LearningCurve) -> Markup {
    let is_class = matches!(report.evaluation, Evaluation::Classification(_));
    let error = |v: f64| if is_class { voice.share(v) } else { amount(v) };
    let of = |f: &ErrorForecast| {
        format!(
            "{} ({} – {})",
            error(f.error),
            error(f.interval.low),
            error(f.interval.high)
        )
    };
    let verdict = match curve.more_data {
        MoreData::Helps => "more-data-helps",
        MoreData::Hardly => "more-data-hardly",
        MoreData::Unclear => "more-data-unclear",
    };
    let (title, x) = (voice.t("learning"), voice.t("training-examples"));
    let y = voice.t(if is_class { "wrong" } else { "rmse" });
    let words = LearningWords {
        words: Words {
            title: &title,
            x: &x,
            y: &y,
        },
        measured: &voice.t("measured"),
        fitted: &voice.t("fitted"),
        now: &voice.t("now"),
    };
    html! { section.card {
        h2 { (title) }
        p.lead { (voice.t(verdict)) }
        p { (voice.tr("more-data", &[
            ("now", &of(&curve.now)), ("twice", &of(&curve.twice)), ("tenfold", &of(&curve.tenfold)),
        ])) }
        (drawing(&learning(&words, curve)))
    } }
}

fn suspect_labels(voice: Voice, suspects: &SuspectLabels) -> Markup {
    html! { section.card {
        h2 { (voice.t("suspects")) }
        @if suspects.list.is_empty() { p { (voice.t("suspects-none")) } }
        @else {
            p { (voice.tr("suspects-help", &[
                ("expected", &suspects.expected.round()), ("examples", &suspects.examples),
            ])) }
            (examples(voice, &suspects.list, true))
        }
    } }
}

fn in_two_parts(voice: Voice, shared: &SharedExamples) -> Markup {
    let lines = equal(shared);
    html! { section.card {
        h2 { (voice.t("duplicates")) }
        @if lines.is_empty() && shared.near_count == 0 { p { (voice.t("duplicates-none")) } }
        ul {
            @for (count, part, other) in &lines { li.bad {
                (voice.tr("duplicates-line", &[("count", count), ("part", part), ("other", other)]))
            } }
            @if let Some(first) = shared.near.first() { li.warn {
                (voice.tr("near-duplicates-line", &[
                    ("count", &shared.near_count),
                    ("part", &shared.parts[first.example].name()),
                    ("other", &shared.parts[first.like].name()),
                    ("first", &(first.example + 1)),
                    ("second", &(first.like + 1)),
                    ("alike", &voice.share(first.similarity)),
                ]))
            } }
        }
    } }
}

/// Examples of a part that are in an earlier one too: how many, of which, in which.
pub(crate) fn equal(shared: &SharedExamples) -> Vec<(usize, &'static str, &'static str)> {
    let mut lines = Vec::new();
    for (a, row) in shared.equal.across.iter().enumerate() {
        for (b, count) in row.iter().enumerate().skip(a + 1) {
            if *count > 0 {
                lines.push((*count, PARTS[b].name(), PARTS[a].name()));
            }
        }
    }
    lines
}

/// How well a column alone decides the answer, if it does.
pub(crate) fn decides(finding: &ColumnFinding) -> Option<f64> {
    match finding.trouble {
        ColumnTrouble::Decides { value, .. } | ColumnTrouble::NearlyDecides { value, .. } => {
            Some(value)
        }
        _ => None,
    }
}

fn giving_away(voice: Voice, columns: &[ColumnFinding]) -> Markup {
    let found: Vec<(&ColumnFinding, f64)> = columns
        .iter()
        .filter_map(|c| Some((c, decides(c)?)))
        .collect();
    html! { section.card {
        h2 { (voice.t("leaks")) }
        @if found.is_empty() { p { (voice.t("leaks-none")) } }
        ul { @for (finding, strength) in found { li.bad {
            (voice.tr("leaks-line", &[("column", &finding.column), ("strength", &format!("{strength:.3}"))]))
        } } }
    } }
}

fn drifted(voice: Voice, drift: &DriftReport, vectors: Option<&VectorDrift>) -> Markup {
    let moved: Vec<_> = drift.drifted().collect();
    html! { section.card {
        h2 { (voice.t("drift")) }
        @if !drift.absent.is_empty() {
            p { (voice.tr("drift-absent", &[("columns", &drift.absent.join(", "))])) }
        }
        @if let Some(v) = vectors {
            p { (voice.tr("drift-vectors", &[
                ("shift", &format!("{:.2}", v.mean_shift)), ("energy", &format!("{:.3}", v.energy)),
                ("chance", &super::answers::chance(v.chance)),
            ])) }
        }
        @if moved.is_empty() { p { (voice.t("drift-none")) } }
        @else {
            p { (voice.t("drift-help")) }
            table {
                thead { tr {
                    th scope="col" { (voice.t("column")) }
                    @for key in ["psi", "chance"] { th.n scope="col" { (voice.t(key)) } }
                } }
                tbody { @for column in moved { tr {
                    th scope="row" { (feature(voice, &column.name)) }
                    td.n { (format!("{:.2}", column.psi)) }
                    td.n { (super::answers::chance(column.adjusted)) }
                } } }
            }
        }
    } }
}

fn cost(voice: Voice, report: &Report) -> Markup {
    let cost = &report.cost;
    html! { section.card {
        h2 { (voice.t("cost")) }
        table {
            thead { tr {
                th scope="col" {}
                @for key in ["time", "energy", "emissions", "price", "memory"] { th.n scope="col" { (voice.t(key)) } }
            } }
            tbody {
                (cost_row(&voice.t("thousand-predictions"), &cost.predictions))
                @if let Some(training) = &cost.training { (cost_row(&voice.t("training"), training)) }
            }
        }
        p.quiet { (cost.predictions.basis()) }
    } }
}

fn cost_row(name: &str, cost: &Cost) -> Markup {
    html! { tr {
        th scope="row" { (name) }
        td.n { (number(cost.usage.seconds)) " s" }
        td.n { (cost.energy()) }
        td.n { (cost.emissions()) }
        td.n { (cost.price().unwrap_or("–".into())) }
        td.n { @if let Some(bytes) = cost.usage.peak_memory { (bytes >> 20) " MB" } }
    } }
}
