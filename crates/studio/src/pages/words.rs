//! Scores, times and states as people read them.

use crate::Ctx;
use maud::{Markup, html};
use modelwright_evaluate::{grouped, number, score};
use modelwright_runs::{Run, Status};

/// Scores that have a name of their own in each language.
const NAMED: [&str; 30] = [
    "loss",
    "accuracy",
    "top5",
    "macro_f1",
    "balanced_accuracy",
    "log_loss",
    "r2",
    "mae",
    "rmse",
    "median_error",
    "mape",
    "micro_f1",
    "mcc",
    "auroc",
    "subset_accuracy",
    "hamming_loss",
    "ranking_precision",
    "f1",
    "exact_match",
    "answerable_f1",
    "answerable_exact_match",
    "unanswerable_accuracy",
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "mrr",
    "answered",
    "answered_right",
    "refusal_precision",
    "refusal_recall",
];

/// What the examples of a task are, as keys of texts name them.
pub(crate) fn seen(task: &str) -> &'static str {
    match task {
        t if t.starts_with("image") => "pictures",
        t if t.starts_with("tabular") => "rows",
        _ => "texts",
    }
}

/// A score's name.
pub(crate) fn score_name(ctx: &Ctx, name: &str) -> String {
    match NAMED.contains(&name) {
        true => ctx.t(&format!("score-{}", name.replace('_', "-"))),
        false => name.replace('_', " "),
    }
}

/// Whether more of a score is better.
pub(crate) fn larger_is_better(name: &str) -> bool {
    !matches!(
        name,
        "loss" | "log_loss" | "hamming_loss" | "mae" | "rmse" | "median_error" | "mape"
    )
}

/// `4.2 s`, `3 min 5 s`, `1 h 20 min`.
pub(crate) fn duration(ctx: &Ctx, seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..10 => ctx.tr("time-seconds", &[("s", &format!("{seconds:.1}"))]),
        10..60 => ctx.tr("time-seconds", &[("s", &whole)]),
        60..3600 => ctx.tr(
            "time-minutes",
            &[("m", &(whole / 60)), ("s", &(whole % 60))],
        ),
        _ => ctx.tr(
            "time-hours",
            &[("h", &(whole / 3600)), ("m", &(whole / 60 % 60))],
        ),
    }
}

/// A quantity as people read it; large ones whole and in groups of three digits.
pub(crate) fn amount(value: f64) -> String {
    match value.abs() {
        size if (10_000.0..1e15).contains(&size) => grouped(value.round() as i64),
        _ => number(value),
    }
}

/// Bytes in the unit that suits them.
pub(crate) fn bytes(size: u64) -> String {
    match size {
        s if s >= 1 << 30 => format!("{:.1} GB", s as f64 / f64::from(1 << 30)),
        s if s >= 1 << 20 => format!("{:.0} MB", s as f64 / f64::from(1 << 20)),
        s => format!("{} kB", s.div_ceil(1024)),
    }
}

/// How a run stands, as a badge.
pub(crate) fn badge(ctx: &Ctx, status: Status) -> Markup {
    html! { span class=(format!("badge {}", status.name())) { (ctx.t(&format!("status-{}", status.name()))) } }
}

/// What a score means for the product, in a sentence; `None` if only experts would gain from it.
pub(crate) fn plain(ctx: &Ctx, task: &str, name: &str, value: f64) -> Option<String> {
    let of_all = |key: &str| {
        // Nearly always right is said of a thousand: 99.7 of 100 would be rounded to all.
        let of = if value > 0.985 { 1000u32 } else { 100 };
        let right = (value * f64::from(of)).round();
        Some(ctx.tr(key, &[("of", &of), ("right", &right)]))
    };
    match name {
        "accuracy" if value >= 1.0 => Some(ctx.t(&format!("plain-all-{}", seen(task)))),
        "accuracy" => of_all(&format!("plain-right-{}", seen(task))),
        "subset_accuracy" => of_all("plain-labels"),
        "exact_match" => of_all("plain-exact"),
        "recall_at_1" => of_all(&format!("plain-first-{task}")),
        "answered" => of_all("plain-answered"),
        "answered_right" => of_all("plain-answered-right"),
        "mae" => Some(ctx.tr("plain-mae", &[("error", &amount(value))])),
        "r2" if value > 0.0 => Some(ctx.tr("plain-r2", &[("share", &(100.0 * value).round())])),
        "r2" => Some(ctx.t("plain-r2-useless")),
        _ => None,
    }
}

/// The first score of a run that a sentence can be said about.
pub(crate) fn headline(ctx: &Ctx, run: &Run) -> Option<String> {
    let wanted = [
        "accuracy",
        "mae",
        "subset_accuracy",
        "exact_match",
        "recall_at_1",
    ];
    let found = run
        .scores
        .iter()
        .find(|(n, _)| wanted.contains(&n.as_str()));
    found.and_then(|(name, value)| plain(ctx, &run.task, name, *value))
}

/// A table of scores with their technical names.
pub(crate) fn scores(ctx: &Ctx, run: &Run) -> Markup {
    html! {
        table.scores {
            tbody {
                @for (name, value) in &run.scores {
                    tr { th scope="row" { (score_name(ctx, name)) } td.n { (score(name, *value)) } }
                }
            }
        }
    }
}
