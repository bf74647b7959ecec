//! Why the model says so: the pieces of the example that speak for its answer and against it.

use super::Trial;
use crate::app::Studio;
use crate::{Ctx, Problem};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use modelwright_data::images::Pixels;
use modelwright_data::{Content, Dataset, ImageSet, Raster};
use modelwright_evaluate::number;
use modelwright_explain::picture::{PictureMap, occlusion, overlay};
use modelwright_explain::table::shapley;
use modelwright_explain::text::leave_one_out;
use modelwright_explain::{ColumnShare, Explanation, Shares, Subject, TextShare};
use modelwright_serve::Input;
use modelwright_tasks::{InputSchema, Predictor, TaskError, with_model};
use serde::Deserialize;

/// Most rows of the data that a row is compared with.
const BACKGROUND: usize = 200;
/// Most columns that are listed.
const COLUMNS: usize = 12;
/// Shades of a word.
const SHADES: f64 = 4.0;
/// Smallest side of a picture that is shown; smaller ones are enlarged.
const SIDE: usize = 224;

/// Whether a visitor wants to know why.
#[derive(Deserialize, Default)]
pub(super) struct Wish {
    why: Option<String>,
}

/// The box to tick; nothing for a model whose answers have no shares.
pub(super) fn tick(ctx: &Ctx, trial: &Trial) -> Markup {
    html! {
        @if can_tell(trial) {
            label.why { input #why type="checkbox"; " " (ctx.t("try-why")) }
        }
    }
}

fn can_tell(trial: &Trial) -> bool {
    let task = trial.of_run.run.task.as_str();
    task.starts_with("image") || task.starts_with("tabular") || task == "text-classification"
}

/// Why the model answers as it does to one example, if that was wished.
pub(super) async fn of(
    ctx: &Ctx,
    trial: &Trial,
    wish: &Wish,
    input: Input,
) -> Result<Markup, Problem> {
    if wish.why.is_none() || !can_tell(trial) {
        return Ok(html! {});
    }
    let bundle = trial.of_run.folder.bundle();
    let data = trial.data.clone();
    let work = move |_: &Studio| -> Result<(Explanation, Option<Raster>), Problem> {
        let explain = |predictor: &dyn Predictor| explained(predictor, input, data.as_deref());
        Ok(with_model(&bundle, explain)?)
    };
    let (explanation, picture) = ctx.studio.blocking(work).await?;
    Ok(html! {
        h3 { (ctx.t("why-title")) }
        @match &explanation.shares {
            Shares::Picture(map) => @if let Some(picture) = &picture { (heat(ctx, picture, map)) },
            Shares::Text { text, pieces } => (words(ctx, text, pieces)),
            Shares::Row { columns } => (bars(ctx, columns)),
        }
        p.quiet { (ctx.t(&format!("why-assumes-{}", explanation.method.name()))) }
    })
}

/// With the method to begin with for the kind of input.
fn explained(
    predictor: &dyn Predictor,
    input: Input,
    data: Option<&Dataset>,
) -> Result<(Explanation, Option<Raster>), TaskError> {
    let place = "the example";
    let content = match input {
        Input::Images(rasters) => Content::Images(ImageSet::unlabelled(Pixels::Rasters(rasters))),
        Input::Table(table) => Content::Table(table),
    };
    let content = predictor.prepare(place, content)?;
    let subject = Subject::new(predictor, place, None, &content, 0)?;
    let schema = predictor.input();
    match (&content, &schema) {
        (Content::Images(set), _) => {
            let picture = set.raster(0)?;
            Ok((occlusion(&subject, &content, 0, None)?, Some(picture)))
        }
        (_, InputSchema::Table { .. }) if schema.only_text().is_some() => {
            Ok((leave_one_out(&subject, &content, 0)?, None))
        }
        _ => {
            let others = background(predictor, data)?;
            Ok((shapley(&subject, &content, 0, &others)?, None))
        }
    }
}

/// Rows of the data, spread over all of it.
fn background(predictor: &dyn Predictor, data: Option<&Dataset>) -> Result<Content, TaskError> {
    let Some((Content::Table(table), source)) = data.map(|d| (&d.content, &d.source)) else {
        return Err(TaskError::Asked {
            message: "the data of the run is gone, and a row is compared with its rows".into(),
            help: "bring the data back to where it was".into(),
        });
    };
    let step = table.rows().div_ceil(BACKGROUND).max(1);
    let rows: Vec<usize> = (0..table.rows()).step_by(step).collect();
    predictor.prepare(source, Content::Table(table.select(&rows)))
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
