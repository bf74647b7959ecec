//! The parts of a data page that only tables have.

use super::findings::Fix;
use super::profile::fix_button;
use super::texts;
use crate::looks::Look;
use crate::page::{Ctx, encoded_part};
use crate::uploads::Entry;
use maud::{Markup, html};
use modelwright_data::profile::{ColumnProfile, NumberSummary, TableProfile};
use modelwright_evaluate::number;

/// Which column is to be predicted, and whether it is a class or a quantity.
pub fn target(ctx: &Ctx, entry: &Entry, profile: &TableProfile, look: &Look) -> Markup {
    let chosen = profile.target.as_deref();
    html! {
        section.card.choice {
            h2 { (ctx.t("target-question")) }
            form.row method="post" action=(format!("/data/{}/fix", encoded_part(&entry.id))) {
                input type="hidden" name="fix" value="target";
                label.hidden for="target" { (ctx.t("target-column")) }
                select #target name="value" {
                    @if chosen.is_none() { option value="" { (ctx.t("target-choose")) } }
                    @for column in &profile.columns {
                        option value=(column.name) selected[Some(column.name.as_str()) == chosen] { (column.name) }
                    }
                }
                button.secondary type="submit" { (ctx.t("target-use")) }
            }
            @if chosen.is_some() { (task(ctx, entry, look)) }
        }
    }
}

fn task(ctx: &Ctx, entry: &Entry, look: &Look) -> Markup {
    let recipe = look.recipe.as_ref().ok();
    let at = recipe.map(|r| r.task.as_str());
    let others = look.tasks.iter().filter(|name| Some(**name) != at);
    html! {
        @if let Some(at) = at {
            p { (ctx.t(&format!("task-{at}-as"))) " " span.technical { code { (at) } } }
        }
        @for name in others {
            @let fix = Fix { what: "task", value: name.to_string(), text: ctx.t(&format!("task-{name}-instead")) };
            (fix_button(entry, &fix, "link"))
        }
    }
}

/// The first rows.
pub fn rows(ctx: &Ctx, profile: &TableProfile, rows: &[Vec<String>]) -> Markup {
    html! {
        section {
            h2 { (ctx.t("data-rows")) }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("data-rows")) { table.sheet {
                thead { tr { @for column in &profile.columns {
                    th scope="col" .target[Some(&column.name) == profile.target.as_ref()] { (column.name) }
                } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            } }
        }
    }
}

/// Every column with what is known of it.
pub fn columns(ctx: &Ctx, entry: &Entry, profile: &TableProfile, rows: usize) -> Markup {
    html! {
        section {
            h2 { (ctx.t("data-columns")) }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("data-columns")) { table.columns {
                thead { tr {
                    th scope="col" { (ctx.t("column-name")) }
                    th scope="col" { (ctx.t("column-kind")) }
                    th.n scope="col" { (ctx.t("column-missing")) }
                    th.n scope="col" { (ctx.t("column-distinct")) }
                    th scope="col" { (ctx.t("column-values")) }
                    th scope="col" { span.hidden { (ctx.t("column-use")) } }
                } }
                tbody { @for column in &profile.columns {
                    (row(ctx, entry, column, rows, profile.target.as_deref()))
                } }
            } }
        }
    }
}

fn row(
    ctx: &Ctx,
    entry: &Entry,
    column: &ColumnProfile,
    rows: usize,
    target: Option<&str>,
) -> Markup {
    let name = &column.name;
    let excluded = entry.settings.exclude.contains(name);
    html! {
        tr.excluded[excluded] {
            th scope="row" { (name) }
            td { (ctx.t(&format!("kind-{}", column.kind))) }
            td.n {
                (column.missing)
                @if column.missing > 0 { br; small { (format!("{:.1} %", 100.0 * column.missing as f64 / rows.max(1) as f64)) } }
            }
            td.n { (column.distinct) }
            td { (values(ctx, column)) }
            td {
                @if target == Some(name.as_str()) {
                    span.badge { (ctx.t("column-target")) }
                } @else if excluded {
                    (fix_button(entry, &Fix { what: "include", value: name.clone(), text: ctx.t("column-include") }, "link"))
                } @else {
                    (fix_button(entry, &Fix { what: "exclude", value: name.clone(), text: ctx.t("column-exclude") }, "link"))
                }
            }
        }
    }
}

fn values(ctx: &Ctx, column: &ColumnProfile) -> Markup {
    html! {
        @match &column.numbers {
            Some(n) => {
                (histogram(ctx, n))
                small { (ctx.tr("column-range", &[("min", &number(n.min)), ("max", &number(n.max)), ("mean", &number(n.mean))])) }
            }
            None if column.text.is_some() => {
                @if let Some(text) = &column.text { small { (texts::lengths(ctx, text)) } }
            }
            None => small.words { @for (word, count) in column.top.iter().take(4) { span { (word) " (" (count) ") " } } }
        }
    }
}

/// Ten bars as a small picture.
fn histogram(ctx: &Ctx, n: &NumberSummary) -> Markup {
    let most = n.histogram.iter().max().copied().unwrap_or(1).max(1) as f64;
    html! {
        svg.histogram viewBox="0 0 100 24" role="img" aria-label=(ctx.t("column-histogram")) {
            @for (i, count) in n.histogram.iter().enumerate() {
                @let height = 24.0 * *count as f64 / most;
                rect.mark x=(i * 10) y=(format!("{:.1}", 24.0 - height)) width="9" height=(format!("{height:.1}")) {}
            }
        }
    }
}
