//! Reasons as a person reads them.

use super::asked::Reasons;
use crate::Ctx;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use modelwright_data::Raster;
use modelwright_evaluate::number;
use modelwright_explain::picture::{PictureMap, overlay};
use modelwright_explain::table::{Counterfactual, Counterfactuals};
use modelwright_explain::{ColumnShare, Explanation, Shares, TextShare};

/// Most columns that are listed.
const COLUMNS: usize = 12;
/// Shades of a word.
const SHADES: f64 = 4.0;
/// Smallest side of a picture that is shown; smaller ones are enlarged.
const SIDE: usize = 224;

pub(super) fn show(ctx: &Ctx, reasons: &Reasons) -> Markup {
    match reasons {
        Reasons::Shares {
            explanation,
            picture,
        } => shares(ctx, explanation, picture.as_ref()),
        Reasons::Changes(found) => changes(ctx, found),
    }
}

fn shares(ctx: &Ctx, explanation: &Explanation, picture: Option<&Raster>) -> Markup {
    html! {
        h3 { (ctx.tr("why-title", &[("of", &explanation.of(ctx.lang))])) }
        @match &explanation.shares {
            Shares::Picture(map) => @if let Some(picture) = picture { (heat(ctx, picture, map)) },
            Shares::Text { text, pieces } => (words(ctx, text, pieces)),
            Shares::Row { columns } => (bars(ctx, columns)),
        }
        p.quiet {
            (explanation.settings.words(ctx.lang))
            @if let Some(delta) = explanation.delta { "; " (ctx.tr("why-delta", &[("delta", &format!("{delta:.1e}"))])) }
        }
        p.quiet { (explanation.method.assumes(ctx.lang)) }
    }
}

/// What would have to be another for the wanted answer.
fn changes(ctx: &Ctx, found: &Counterfactuals) -> Markup {
    let wanted = found.wanted_in(ctx.lang);
    html! {
        h3 { (ctx.tr("why-changes", &[("wanted", &wanted)])) }
        @if found.found.is_empty() { p { (ctx.tr("why-no-change", &[("tried", &found.tried)])) } }
        @else {
            p { (ctx.tr("why-now", &[("unit", &found.unit.words(ctx.lang)), ("score", &number(found.score))])) }
            ol.changes { @for way in &found.found { li { (change(ctx, way)) } } }
        }
        @if !found.fixed.is_empty() {
            p.quiet { (ctx.tr("why-kept", &[("columns", &found.fixed.join(&ctx.t("list-comma")))])) }
        }
        p.quiet { (found.method.assumes(ctx.lang)) }
    }
}

/// One way: the columns that change, and what the score would be.
fn change(ctx: &Ctx, way: &Counterfactual) -> Markup {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| ctx.t("try-unknown"));
    html! {
        @for change in &way.changes {
            strong { (change.column) } ": " (value(&change.from)) " → " strong { (value(&change.to)) } br;
        }
        span.quiet { (ctx.tr("why-then", &[("score", &number(way.score))])) }
    }
}

fn heat(ctx: &Ctx, picture: &Raster, map: &PictureMap) -> Markup {
    let [height, width, _] = picture.shape();
    let times = SIDE.div_ceil(height.max(width).max(1)).max(1);
    let large = picture.clone().fit([height * times, width * times, 3]);
    let png = overlay(&large, map).to_png().ok();
    html! {
        @if let Some(png) = png {
            img.asked src=(format!("data:image/png;base64,{}", STANDARD.encode(png))) alt=(ctx.t("why-picture"));
            p { (ctx.t("why-picture")) }
        }
    }
}

/// The text with what speaks for the answer and against it marked.
fn words(ctx: &Ctx, text: &str, pieces: &[TextShare]) -> Markup {
    let letters: Vec<char> = text.chars().collect();
    let plain = |from: usize, to: usize| letters[from.min(to)..to].iter().collect::<String>();
    let largest = pieces
        .iter()
        .map(|p| p.value.abs())
        .fold(f64::MIN_POSITIVE, f64::max);
    // Pieces may share characters; each is shown once, after what lies before it.
    let ends = pieces.iter().scan(0, |at, piece| {
        let before = *at;
        *at = piece.end.max(before);
        Some((before, piece.start.max(before), *at))
    });
    let ends: Vec<(usize, usize, usize)> = ends.collect();
    let last = ends.last().map_or(0, |(_, _, end)| *end);
    html! {
        p.passage.shares {
            @for (piece, (before, start, end)) in pieces.iter().zip(&ends) {
                (plain(*before, *start))
                mark class=(shade(piece.value, largest)) title=(number(piece.value)) { (plain(*start, *end)) }
            }
            (plain(last, letters.len()))
        }
        p { (ctx.t("why-words")) }
    }
}

/// The class of a share: its side and one of five shades.
fn shade(value: f64, largest: f64) -> String {
    let side = if value >= 0.0 { "for" } else { "against" };
    format!("{side} s{:.0}", SHADES * value.abs() / largest)
}

/// The columns that matter most.
fn bars(ctx: &Ctx, columns: &[ColumnShare]) -> Markup {
    let mut sorted: Vec<&ColumnShare> = columns.iter().collect();
    sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let largest = sorted.first().map_or(0.0, |c| c.value.abs());
    html! {
        table.bars { tbody { @for column in sorted.into_iter().take(COLUMNS) { tr {
            th scope="row" { (column.column) }
            td { (column.given.as_deref().unwrap_or("–")) }
            td { meter min="0" max=(largest) value=(column.value.abs()) {} }
            td.n { (format!("{:+.3}", column.value)) }
        } } } }
        p { (ctx.t("why-columns")) }
    }
}
