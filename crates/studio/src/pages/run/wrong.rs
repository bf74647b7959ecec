//! The examples that a model gets wrong while it learns.

use crate::Ctx;
use crate::Problem;
use crate::pages::of_run::OfRun;
use crate::pages::texts::{self, shortened};
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use modelwright_data::Content;
use modelwright_train::{Event, Mistake};

/// Larger pictures are made smaller for the page.
const MOST_PIXELS: usize = 256;
/// Characters of a text that are shown.
const SHOWN: usize = 240;

/// Mistakes of the last epoch that had any.
pub(super) fn last(events: &[Event]) -> Option<(usize, &[Mistake])> {
    events.iter().rev().find_map(|event| match event {
        Event::Mistakes { epoch, mistakes } => Some((*epoch, mistakes.as_slice())),
        _ => None,
    })
}

/// The section for them; hidden as long as there are none. `texts` are those of [`texts`].
pub(super) fn section(ctx: &Ctx, of_run: &OfRun, events: &[Event], texts: &[String]) -> Markup {
    let last = last(events);
    html! {
        section.card #wrong hidden[last.is_none()] {
            h2 { (ctx.t("run-wrong")) }
            p.quiet { (ctx.t("run-wrong-help")) }
            div #wrong-list {
                @if let Some((epoch, mistakes)) = last { (list(ctx, of_run, epoch, mistakes, texts)) }
            }
        }
    }
}

/// The texts of the examples, or nothing where the model reads none or the data is gone.
pub(super) fn texts(studio: &crate::Studio, of_run: &OfRun, mistakes: &[Mistake]) -> Vec<String> {
    if of_run.seen() != "texts" || mistakes.is_empty() {
        return Vec::new();
    }
    let data = studio.shelf().data(&of_run.run, &of_run.folder).ok();
    let column = data.as_deref().and_then(|d| texts::column(&of_run.run, d));
    let Some(column) = column else {
        return Vec::new();
    };
    let text = |m: &Mistake| match m.example < column.len() {
        true => shortened(&column.text(m.example), SHOWN),
        false => String::new(),
    };
    mistakes.iter().map(text).collect()
}

/// Mistakes of one epoch.
pub(super) fn list(
    ctx: &Ctx,
    of_run: &OfRun,
    epoch: usize,
    mistakes: &[Mistake],
    texts: &[String],
) -> Markup {
    html! {
        p.quiet { (ctx.tr("run-wrong-epoch", &[("epoch", &epoch)])) }
        ul.examples.texts[!texts.is_empty()] {
            @for (i, m) in mistakes.iter().enumerate() { li {
                @if of_run.seen() == "pictures" {
                    img src=(of_run.address(&format!("/examples/{}.png", m.example))) loading="lazy"
                        alt=(ctx.tr("run-wrong-alt", &[("truth", &m.truth)]));
                } @else {
                    span.row-number { (ctx.tr("row-number", &[("row", &(m.example + 1))])) }
                    @if let Some(text) = texts.get(i) { q { (text) } }
                }
                span.verdict {
                    span.bad { (m.predicted) }
                    @if let Some(p) = m.probability { " " small { (format!("{:.0} %", 100.0 * p)) } }
                }
                span.quiet { (ctx.tr("run-wrong-truth", &[("truth", &m.truth)])) }
            } }
        }
    }
}

/// A picture of the run's data as PNG: `17.png` is the one at position 17.
pub(super) async fn picture(
    ctx: Ctx,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found(&file);
    let example: usize = file
        .strip_suffix(".png")
        .and_then(|n| n.parse().ok())
        .ok_or_else(missing)?;
    let of_run = OfRun::find(&ctx, id).await?;
    let read = move |studio: &crate::Studio| -> Result<Option<Vec<u8>>, Problem> {
        let data = studio.shelf().data(&of_run.run, &of_run.folder)?;
        let Content::Images(set) = &data.content else {
            return Ok(None);
        };
        if example >= set.len() {
            return Ok(None);
        }
        let raster = set.raster(example)?;
        let [height, width, channels] = raster.shape();
        let shrink = height.max(width).div_ceil(MOST_PIXELS).max(1);
        let small = [height.div_ceil(shrink), width.div_ceil(shrink), channels];
        let png = raster.fit(small).to_png().map_err(Problem::internal)?;
        Ok(Some(png))
    };
    let png = ctx.studio.blocking(read).await?.ok_or_else(missing)?;
    // A run's data does not change, or it is no longer read.
    let headers = [
        (CONTENT_TYPE, "image/png"),
        (CACHE_CONTROL, "private, max-age=3600"),
    ];
    Ok((headers, png).into_response())
}
