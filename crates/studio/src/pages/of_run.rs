//! The run that an address names.

use super::words::seen;
use crate::app::Studio;
use crate::page::encoded_part;
use crate::{Ctx, Problem, assets};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use modelwright_data::Dataset;
use modelwright_runs::{Run, RunFolder, Status};
use modelwright_tasks::Answers;
use std::sync::Arc;

/// What the visitor called a run's data: uploads have long paths.
pub(crate) fn data_name(run: &Run) -> &str {
    run.source.rsplit(['/', '\\']).next().unwrap_or(&run.source)
}

/// A run with its folder.
#[derive(Clone)]
pub(crate) struct OfRun {
    pub run: Run,
    pub folder: RunFolder,
}

impl OfRun {
    /// The run of this name.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn find(ctx: &Ctx, id: String) -> Result<Self, Problem> {
        ctx.studio
            .blocking(move |studio| -> Result<Self, Problem> {
                let store = studio.store()?;
                let run = store.get(&id)?;
                let folder = store.folder(&run.id);
                Ok(Self { run, folder })
            })
            .await
    }

    /// The same, for pages that need a model.
    ///
    /// # Errors
    /// As above, or the run has no model yet.
    pub async fn finished(ctx: &Ctx, id: String) -> Result<Self, Problem> {
        let found = Self::find(ctx, id).await?;
        match found.run.status {
            Status::Finished => Ok(found),
            _ => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "no-model-yet",
                &found.run.id,
            )),
        }
    }

    /// The model's answers to the examples that it was scored on, and the data they are from.
    ///
    /// # Errors
    /// The data is gone or has changed, or the model cannot be read.
    pub async fn answers(&self, ctx: &Ctx) -> Result<(Arc<Answers>, Arc<Dataset>), Problem> {
        let Self { run, folder } = self.clone();
        let read = move |studio: &Studio| -> Result<_, Problem> {
            let shelf = studio.shelf();
            Ok((shelf.answers(&run, &folder)?, shelf.data(&run, &folder)?))
        };
        ctx.studio.blocking(read).await
    }

    /// What the model looks at: `pictures`, `rows` or `texts`, as keys of texts name them.
    pub fn seen(&self) -> &'static str {
        seen(&self.run.task)
    }

    /// An address below the run's own, such as `/result`.
    pub fn address(&self, below: &str) -> String {
        format!("/runs/{}{below}", encoded_part(&self.run.id))
    }

    /// The button that puts the run beside others.
    pub fn compare(&self, ctx: &Ctx) -> Markup {
        let address = format!("/compare?runs={}", encoded_part(&self.run.id));
        html! { a.button.secondary href=(address) { (ctx.t("run-compare")) } }
    }

    /// A page of the run: `body` below its name.
    pub fn page(&self, ctx: &Ctx, title_key: &str, body: Markup) -> Response {
        let title = ctx.t(title_key);
        let whole = html! {
            link rel="stylesheet" href=(assets::url("run.css"));
            header.of-run {
                h1 { (title) }
                p.run-name { (self.run.id) " · " (self.run.architecture) " · " (data_name(&self.run)) }
            }
            (body)
        };
        ctx.titled(&format!("{title} · {}", self.run.id), whole)
    }
}
