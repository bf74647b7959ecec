//! Pictures to try: from a file, the clipboard, the camera, a drawing, or the data.

use super::ink::{Ink, USUAL};
use super::why::{self, Wish};
use super::{Trial, answer};
use crate::app::Studio;
use crate::{Ctx, Problem, assets};
use axum::extract::{Form, Multipart, Path, Query};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use modelwright_data::images::decode_bytes;
use modelwright_data::{Content, PictureLimits, Raster};
use modelwright_serve::Input;
use modelwright_tasks::{InputSchema, TaskError};
use serde::Deserialize;
use std::sync::Arc;

/// Grey pictures up to this side may be drawings.
const DRAWABLE: usize = 64;
/// Pictures of the data that are offered.
const EXAMPLES: usize = 8;
/// Side at which the picture is shown beside its answer.
const SHOWN: usize = 256;

/// The ways to give a picture.
pub(super) async fn section(ctx: &Ctx, trial: &Trial) -> Result<Markup, Problem> {
    let shape = shape(&trial.input);
    let drawable = shape[2] == 1 && shape[0].max(shape[1]) <= DRAWABLE;
    let ink = match drawable {
        true => Some(ink_of(ctx, trial, shape).await?),
        false => None,
    };
    Ok(html! {
        div #pictures data-url=(trial.of_run.address("/try/picture"))
            data-failed=(ctx.t("try-failed")) {
            @if let Some(ink) = ink { (canvas(ctx, ink, shape)) }
            section.card {
                h2 { (ctx.t("try-picture")) }
                form #upload method="post" enctype="multipart/form-data" action=(trial.of_run.address("/try/picture")) {
                    div.drop #drop {
                        label for="picture" { (ctx.t("try-choose")) }
                        input #picture name="picture" type="file" accept="image/*" required;
                        p.quiet { (ctx.t("try-drop")) }
                    }
                    div.actions {
                        button type="submit" { (ctx.t("try-ask")) }
                        button.secondary #camera type="button" hidden { (ctx.t("try-camera")) }
                    }
                }
                div #viewer hidden {
                    video #video playsinline muted aria-label=(ctx.t("try-video")) {}
                    div.actions {
                        button #shot type="button" { (ctx.t("try-shot")) }
                        button.secondary #camera-off type="button" { (ctx.t("try-camera-off")) }
                    }
                }
                p.notice #problem role="alert" hidden {}
                (examples(ctx, trial))
            }
        }
        (assets::script("try.js"))
    })
}

/// How drawings look in the data of the run.
async fn ink_of(ctx: &Ctx, trial: &Trial, shape: [usize; 3]) -> Result<Ink, Problem> {
    let Some(data) = trial.data.clone() else {
        return Ok(USUAL);
    };
    let run = trial.of_run.run.clone();
    let measure = move |studio: &Studio| -> Result<Arc<Ink>, TaskError> {
        studio.shelf().ink(&run, &data, shape)
    };
    Ok(*ctx.studio.blocking(measure).await?)
}

/// `[height, width, channels]` that the model takes.
fn shape(input: &InputSchema) -> [usize; 3] {
    match input {
        InputSchema::Images {
            height,
            width,
            channels,
        } => [*height, *width, *channels],
        InputSchema::Table { .. } => [0; 3],
    }
}

fn canvas(ctx: &Ctx, ink: Ink, [height, width, _]: [usize; 3]) -> Markup {
    html! {
        section.card #drawing data-width=(width) data-height=(height)
            data-light=(ink.light_on_dark) data-share=(ink.share) data-pen=(ink.pen) {
            h2 { (ctx.t("try-draw")) }
            p.quiet #draw-help { (ctx.t("try-draw-help")) }
            div.draw {
                canvas #canvas width="280" height="280" role="img" aria-label=(ctx.t("try-canvas"))
                    aria-describedby="draw-help" {}
                figure {
                    canvas #seen width=(width) height=(height) role="img" aria-label=(ctx.t("try-seen")) {}
                    figcaption { (ctx.t("try-seen")) }
                }
            }
            div.actions { button.secondary #clear type="button" { (ctx.t("try-clear")) } }
        }
    }
}

/// Some pictures of the data, each a button.
fn examples(ctx: &Ctx, trial: &Trial) -> Markup {
    let count = match trial.data.as_deref().map(|d| &d.content) {
        Some(Content::Images(set)) => set.len(),
        _ => 0,
    };
    // Spread over the data, whose classes may stand one after the other.
    let step = (count / EXAMPLES).max(1);
    html! {
        @if count > 0 {
            h3 { (ctx.t("try-examples")) }
            form #examples method="post" action=(trial.of_run.address("/try/example")) {
                ul.examples.small {
                    @for example in (step / 2..count).step_by(step).take(EXAMPLES) { li {
                        button.picture type="submit" name="example" value=(example)
                            aria-label=(ctx.tr("cell-picture", &[("number", &(example + 1))])) {
                            img src=(trial.of_run.address(&format!("/examples/{example}.png"))) alt="";
                        }
                    } }
                }
            }
        }
    }
}

/// A picture that was sent.
pub(super) async fn uploaded(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(wish): Query<Vec<(String, String)>>,
    mut parts: Multipart,
) -> Result<Response, Problem> {
    let trial = Trial::open(&ctx, id).await?;
    let broken = |e: axum::extract::multipart::MultipartError| {
        Problem::new(e.status(), "try-unreadable", e.body_text())
    };
    let mut bytes = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        if part.name() == Some("picture") {
            bytes = part.bytes().await.map_err(broken)?.to_vec();
        }
    }
    if bytes.is_empty() {
        return Err(Problem::bad("try-no-picture", ""));
    }
    let pixels = ctx.studio.models().limits().picture_pixels;
    let decode = move |_: &Studio| {
        let limits = PictureLimits {
            pixels,
            ..PictureLimits::default()
        };
        decode_bytes(&bytes, limits).map_err(|e| Problem::bad("try-unreadable", e))
    };
    let raster = ctx.studio.blocking(decode).await?;
    answered(&ctx, &trial, &wish.into(), raster).await
}

/// A picture of the data.
#[derive(Deserialize)]
pub(super) struct Chosen {
    example: usize,
}

pub(super) async fn example(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(wish): Query<Vec<(String, String)>>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Problem> {
    let trial = Trial::open(&ctx, id).await?;
    let data = trial.data.clone();
    let read = move |_: &Studio| -> Result<Raster, Problem> {
        match data.as_deref().map(|d| &d.content) {
            Some(Content::Images(set)) if chosen.example < set.len() => {
                Ok(set.raster(chosen.example)?)
            }
            _ => Err(Problem::not_found(chosen.example + 1)),
        }
    };
    let raster = ctx.studio.blocking(read).await?;
    answered(&ctx, &trial, &wish.into(), raster).await
}

async fn answered(
    ctx: &Ctx,
    trial: &Trial,
    wish: &Wish,
    raster: Raster,
) -> Result<Response, Problem> {
    let shown = thumbnail(&raster);
    let given = trial.ask(ctx, Input::Images(vec![raster.clone()])).await?;
    let reasons = why::of(ctx, trial, wish, Input::Images(vec![raster])).await?;
    let answer = html! {
        @if let Some(uri) = shown { img.asked src=(uri) alt=(ctx.t("try-asked")); }
        (answer::of(ctx, &given))
        (reasons)
    };
    Ok(trial.page(ctx, section(ctx, trial).await?, answer))
}

/// The picture inside the page; without it the answer still stands.
fn thumbnail(raster: &Raster) -> Option<String> {
    let [height, width, channels] = raster.shape();
    let shrink = height.max(width).div_ceil(SHOWN).max(1);
    let small = [height.div_ceil(shrink), width.div_ceil(shrink), channels];
    let png = raster.clone().fit(small).to_png().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}
