//! Scores, times and states as people read them.

use crate::Ctx;
use maud::{Markup, html};
use modelwright_evaluate::score;
pub(crate) use modelwright_evaluate::{amount, larger_is_better};
pub(crate) use modelwright_report::seen;
use modelwright_runs::{Run, Status};

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

/// A score's name.
pub(crate) fn score_name(ctx: &Ctx, name: &str) -> String {
    modelwright_report::score_name(ctx.lang, name)
}

/// What a score means for the product, in a sentence; `None` if only experts would gain from it.
pub(crate) fn plain(ctx: &Ctx, task: &str, name: &str, value: f64) -> Option<String> {
    modelwright_report::plain(ctx.lang, task, name, value)
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
