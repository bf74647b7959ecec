//! The part of a data page that tells of texts: which column they are in, how long they are, in which
//! script.

use crate::Ctx;
use crate::looks::Look;
use crate::page::encoded_part;
use crate::pages::words::seen;
use crate::uploads::Entry;
use maud::{Markup, html};
use modelwright_data::profile::{ColumnProfile, TableProfile, TextProfile};
use modelwright_evaluate::{grouped, number};

/// Scripts below this share of the letters are not worth a word.
const RARE: f64 = 0.01;

/// The texts that a model would learn from; nothing if it learns from rows.
pub(super) fn section(ctx: &Ctx, entry: &Entry, profile: &TableProfile, look: &Look) -> Markup {
    let Some(column) = read(profile, look) else {
        return html! {};
    };
    html! {
        section.card {
            h2 { (ctx.t("texts-title")) }
            (choice(ctx, entry, profile, column))
            @if let Some(text) = &column.text {
                dl.facts.big {
                    dt { (ctx.t("texts-usual")) } dd { (ctx.tr("texts-characters", &[("count", &text.characters.median)])) }
                    dt { (ctx.t("texts-longest")) } dd { (ctx.tr("texts-characters", &[("count", &text.characters.longest)])) }
                    dt { (ctx.t("texts-empty")) } dd { (grouped(text.empty as i64)) }
                    dt { (ctx.t("texts-twice")) } dd { (grouped(text.duplicates as i64)) }
                }
                (scripts(ctx, text))
            }
        }
    }
}

/// The column that the recipe reads, or else the only one that holds texts.
fn read<'a>(profile: &'a TableProfile, look: &Look) -> Option<&'a ColumnProfile> {
    let recipe = look.recipe.as_ref().ok()?;
    if seen(&recipe.task) != "texts" {
        return None;
    }
    let named = recipe.data.text.as_deref().unwrap_or("question");
    let columns = || profile.columns.iter();
    let found = columns().find(|c| c.name == named);
    found.or_else(|| columns().find(|c| c.text.is_some()))
}

/// A list to choose from, if there is a choice.
fn choice(ctx: &Ctx, entry: &Entry, profile: &TableProfile, chosen: &ColumnProfile) -> Markup {
    let target = profile.target.as_ref();
    let words = |c: &&ColumnProfile| c.numbers.is_none() && Some(&c.name) != target;
    let columns: Vec<&ColumnProfile> = profile.columns.iter().filter(words).collect();
    html! {
        @if columns.len() > 1 {
            form.row method="post" action=(format!("/data/{}/fix", encoded_part(&entry.id))) {
                input type="hidden" name="fix" value="text";
                label for="text-column" { (ctx.t("texts-column")) }
                select #text-column name="value" {
                    @for column in columns {
                        option value=(column.name) selected[column.name == chosen.name] { (column.name) }
                    }
                }
                button.secondary type="submit" { (ctx.t("target-use")) }
            }
        } @else { p { (ctx.tr("texts-in", &[("column", &chosen.name)])) } }
    }
}

fn scripts(ctx: &Ctx, text: &TextProfile) -> Markup {
    let shown: Vec<String> = text
        .scripts
        .iter()
        .filter(|(_, share)| *share >= RARE)
        .map(|(script, share)| {
            let name = ctx.t(&format!("script-{script}"));
            format!("{name} {:.0} %", 100.0 * share)
        })
        .collect();
    html! {
        @if !shown.is_empty() {
            p.quiet { (ctx.t("texts-scripts")) " " (shown.join(&ctx.t("list-comma"))) }
        }
    }
}

/// How long the texts of a column are, in few words.
pub(super) fn lengths(ctx: &Ctx, text: &TextProfile) -> String {
    ctx.tr(
        "texts-lengths",
        &[
            ("shortest", &text.characters.shortest),
            ("longest", &text.characters.longest),
            ("mean", &number(text.characters.mean.round())),
        ],
    )
}
