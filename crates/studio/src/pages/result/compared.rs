//! A model beside simple ones: was it worth its cost?

use crate::Ctx;
use crate::pages::words::{duration, score_name};
use maud::{Markup, html};
use modelwright_evaluate::{Comparison, Verdict, score};

pub(super) fn section(ctx: &Ctx, comparison: &Comparison) -> Markup {
    let name = &comparison.score_name;
    let this = (
        ctx.t("compared-this"),
        comparison.score,
        comparison.seconds,
        true,
    );
    let others = comparison.baselines.iter();
    let others = others.map(|b| (of_baseline(ctx, &b.name), b.score, b.seconds, false));
    html! {
        section.card {
            h2 { (ctx.t("compared-title")) }
            p.lead { (verdict(ctx, comparison)) }
            p.quiet { (ctx.t("compared-help")) }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("compared-title")) { table.bars {
                thead { tr {
                    th scope="col" { (ctx.t("compared-model")) }
                    th.n scope="col" { (score_name(ctx, name)) }
                    th scope="col" { span.hidden { (score_name(ctx, name)) } }
                    th.n scope="col" { (ctx.t("compared-time")) }
                } }
                tbody { @for (model, value, seconds, ours) in std::iter::once(this).chain(others) { tr {
                    th scope="row" { @if ours { strong { (model) } } @else { (model) } }
                    td.n { (score(name, value)) }
                    td.bar { meter min="0" max="1" value=(value) aria-hidden="true" {} }
                    td.n { (duration(ctx, seconds)) }
                } } }
            } }
        }
    }
}

/// The verdict with the figures that it rests on.
fn verdict(ctx: &Ctx, comparison: &Comparison) -> Markup {
    let Some(best) = comparison.best() else {
        return html! {};
    };
    let value = |v: f64| score(&comparison.score_name, v);
    let key = match comparison.verdict {
        Verdict::Earned => "compared-earned",
        Verdict::Same => "compared-same",
        Verdict::Worse => "compared-worse",
    };
    let args: [(&str, &(dyn std::fmt::Display + Sync)); 3] = [
        ("name", &of_baseline(ctx, &best.name)),
        ("score", &value(comparison.score)),
        ("other", &value(best.score)),
    ];
    html! { (ctx.tr(key, &args)) " " (chance(ctx, comparison)) }
}

fn chance(ctx: &Ctx, comparison: &Comparison) -> String {
    match comparison.chance.map(|chance| 1.0 / chance) {
        Some(cases) if cases >= 1000.0 => ctx.t("compared-chance-rare"),
        Some(cases) if cases >= 1.5 => ctx.tr("compared-chance", &[("cases", &cases.round())]),
        Some(_) => ctx.t("compared-chance-often"),
        None if comparison.verdict == Verdict::Same => {
            ctx.tr("compared-few", &[("examples", &comparison.examples)])
        }
        None => String::new(),
    }
}

/// A simple model's name, where it has one in the visitor's language.
pub(in crate::pages) fn of_baseline(ctx: &Ctx, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let key: String = name.to_lowercase().chars().map(plain).collect();
    let key = format!("baseline-{key}");
    match ctx.has(&key) {
        true => ctx.t(&key),
        false => name.into(),
    }
}
