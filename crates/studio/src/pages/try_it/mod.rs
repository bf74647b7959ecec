//! A model to be tried: with a picture, a drawing, a row, a text.

mod answer;
mod ink;
mod near;
mod pictures;
mod rows;
mod texts;
mod why;

pub(crate) use ink::Ink;
pub(crate) use near::Near;

use super::of_run::OfRun;
use super::ship::ExampleInput;
use crate::app::Studio;
use crate::{Ctx, Problem};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use modelwright_data::{Content, Dataset};
use modelwright_serve::{Answer, Input};
use modelwright_tasks::{Evaluation, InputSchema, OutputSchema};
use serde::Deserialize;
use std::sync::Arc;

/// Longest picture, in base64, that can stand in code.
const SMALL: usize = 1200;
/// Largest picture file.
const MOST_BYTES: usize = 16 << 20;

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/runs/{id}/try", get(page))
        .route("/runs/{id}/try/picture", post(pictures::uploaded))
        .route("/runs/{id}/try/example", post(pictures::example))
        .route("/runs/{id}/try/row", post(rows::filled_in))
        .route("/runs/{id}/try/text", post(texts::filled_in))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
}

/// The row whose values stand in the form at first.
#[derive(Deserialize, Default)]
struct Asked {
    #[serde(default)]
    row: usize,
}

async fn page(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let trial = Trial::open(&ctx, id).await?;
    let form = match &*trial.input {
        InputSchema::Images { .. } => pictures::section(&ctx, &trial).await?,
        InputSchema::Table { columns } if texts::are_all(columns) => {
            let example = rows::example(&trial, columns, asked.row);
            texts::section(&ctx, &trial, columns, &example)
        }
        InputSchema::Table { columns } => {
            let example = rows::example(&trial, columns, asked.row);
            rows::section(&ctx, &trial, columns, &example)
        }
    };
    Ok(trial.page(&ctx, form, html! {}))
}

/// What a run's model gives, as far as it tells reasons, and the names of its classes: what was measured of
/// it says so, without a look into its bundle.
fn gives(of_run: &OfRun) -> (OutputSchema, Vec<String>) {
    let measured = std::fs::read(of_run.folder.evaluation()).ok();
    match measured.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        Some(Evaluation::Classification(report)) => (OutputSchema::Class, report.classes),
        Some(Evaluation::MultiLabel(report)) => (OutputSchema::Labels, report.labels),
        Some(Evaluation::Regression(_)) => (OutputSchema::Value, Vec::new()),
        _ => (OutputSchema::Match, Vec::new()),
    }
}

/// A model with what is known of its data.
pub(crate) struct Trial {
    pub of_run: OfRun,
    input: Arc<InputSchema>,
    output: OutputSchema,
    /// Names of its classes or labels.
    classes: Vec<String>,
    /// `None` if the data is gone or has changed; then the page has no examples.
    data: Option<Arc<Dataset>>,
}

impl Trial {
    /// The model of a finished run.
    ///
    /// # Errors
    /// There is no such run, it has no model yet, or the bundle cannot be read.
    pub async fn open(ctx: &Ctx, id: String) -> Result<Self, Problem> {
        let of_run = OfRun::finished(ctx, id).await?;
        let read = move |studio: &Studio| -> Result<Self, Problem> {
            let shelf = studio.shelf();
            let (output, classes) = gives(&of_run);
            Ok(Self {
                output,
                classes,
                input: shelf.input(&of_run.run, &of_run.folder)?,
                data: shelf.data(&of_run.run, &of_run.folder).ok(),
                of_run,
            })
        };
        ctx.studio.blocking(read).await
    }

    /// An example that the model understands, for code that calls it.
    pub fn example(&self) -> ExampleInput {
        if let InputSchema::Table { columns } = &*self.input {
            return ExampleInput::Row(rows::json_row(self, columns));
        }
        let data = self.data.as_deref().map(|d| &d.content);
        let Some(Content::Images(set)) = data else {
            return ExampleInput::File;
        };
        let png = set.raster(0).ok().and_then(|r| r.to_png().ok());
        match png.map(|png| STANDARD.encode(png)) {
            Some(text) if text.len() <= SMALL => ExampleInput::SmallPicture(text),
            _ => ExampleInput::File,
        }
    }

    /// The model's answer to one example.
    async fn ask(&self, ctx: &Ctx, input: Input) -> Result<Answer, Problem> {
        let of_run = self.of_run.clone();
        let ready = move |studio: &Studio| studio.shelf().try_out(&of_run.run, &of_run.folder);
        let name = ctx.studio.blocking(ready).await?;
        Ok(ctx
            .studio
            .shelf()
            .trial()
            .predict(&name, None, input)
            .await?)
    }

    /// The page with a form and an answer. The script takes the answer out of it.
    fn page(&self, ctx: &Ctx, form: Markup, answer: Markup) -> Response {
        let body = html! {
            (why::form(ctx, self))
            div.try-it {
                (form)
                section.card #answer aria-live="polite" aria-label=(ctx.t("try-answer")) tabindex="-1" {
                    h2 { (ctx.t("try-answer")) }
                    (answer)
                    p.quiet.empty-answer { (ctx.t("try-no-answer")) }
                }
            }
        };
        self.of_run.page(ctx, "try-title", body)
    }
}
