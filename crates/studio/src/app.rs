//! What the pages share, and the router that puts them beside the prediction endpoints.

use crate::jobs::Jobs;
use crate::looks::Looks;
use crate::pages::shelf::Shelf;
use crate::problem::Problem;
use crate::sessions::Sessions;
use crate::uploads::{UploadLimits, Uploads};
use crate::{assets, guard, pages, problem};
use axum::Router;
use axum::middleware::from_fn_with_state;
use modelwright_generate::EngineOptions;
use modelwright_runs::Store;
use modelwright_serve as serve;
use modelwright_serve::Metrics;
use modelwright_serve::access::protect;
use modelwright_serve::chat::ChatModels;
use modelwright_serve::security::{allow_origins, harden};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A page may wait for data to be read. An upload takes as long as the line to the visitor needs.
const PAGE_TIME: Duration = Duration::from_secs(600);
const UPLOAD_TIME: Duration = Duration::from_secs(24 * 3600);
/// What a form adds to the files that it sends.
const FORM: u64 = 64 << 20;

/// How a studio is set up.
pub struct StudioOptions {
    /// Folder of the run store; uploads go into `uploads` below it.
    pub runs: PathBuf,
    /// What an upload may cost.
    pub uploads: UploadLimits,
    /// How language models are loaded.
    pub engine: EngineOptions,
    /// Models, metrics, tokens and limits of the prediction endpoints.
    pub serve: serve::App,
    /// The name or address that the studio is bound to, as a browser writes it.
    pub host: String,
}

/// The studio: runs, uploads, trainings and served models of one process. Cheap to clone.
#[derive(Clone)]
pub struct Studio(Arc<Inner>);

struct Inner {
    runs: PathBuf,
    uploads: Uploads,
    looks: Looks,
    jobs: Jobs,
    engine: EngineOptions,
    serve: serve::App,
    talks: ChatModels,
    sessions: Sessions,
    shelf: Shelf,
    closing: watch::Sender<bool>,
    host: String,
}

impl Studio {
    /// Opens the folder of runs and makes what is missing in it.
    ///
    /// # Errors
    /// The folder cannot be made, or its store cannot be used.
    pub fn open(options: StudioOptions) -> Result<Self, Problem> {
        Store::open(&options.runs)?;
        let studio = Self(Arc::new(Inner {
            uploads: Uploads::open(&options.runs.join("uploads"), options.uploads)?,
            looks: Looks::default(),
            jobs: Jobs::new(&options.runs),
            runs: options.runs,
            engine: options.engine,
            talks: ChatModels::new(&options.serve.limits, &Metrics::new()),
            serve: options.serve,
            sessions: Sessions::default(),
            shelf: Shelf::default(),
            closing: watch::Sender::new(false),
            host: options.host,
        }));
        pages::ship::restore(&studio);
        Ok(studio)
    }

    /// All pages, and all endpoints of the served models, each behind limits of size and time.
    pub fn router(&self) -> Router {
        let serve = &self.0.serve;
        let pages = pages::routes()
            .merge(assets::routes())
            .fallback(pages::not_found);
        let talking = serve::talking(serve::App {
            chat: self.0.talks.clone(),
            ..serve.clone()
        });
        let pages = pages.nest_service("/chat/api", talking);
        let endpoints = serve::router(serve.clone());
        let endpoints = protect(endpoints, serve.access.clone(), serve.metrics.clone());
        let all = self
            .limited(
                self.framed(pages),
                serve.limits.body_bytes as u64,
                PAGE_TIME,
            )
            .merge(self.limited(
                self.framed(pages::uploading()),
                self.0.uploads.limits().bytes + FORM,
                UPLOAD_TIME,
            ))
            .merge(self.limited(
                endpoints,
                serve.limits.body_bytes as u64,
                serve.limits.request_time,
            ))
            .layer(from_fn_with_state(self.clone(), guard::own_pages_only));
        allow_origins(all, serve.origins.clone())
    }

    /// Pages for those who may see them, problems among them.
    fn framed(&self, pages: Router<Self>) -> Router {
        pages
            .layer(from_fn_with_state(self.clone(), guard::signed_in))
            .layer(from_fn_with_state(self.clone(), problem::as_page))
            .with_state(self.clone())
    }

    fn limited(&self, router: Router, body: u64, time: Duration) -> Router {
        let serve = &self.0.serve;
        let limits = serve::Limits {
            body_bytes: usize::try_from(body).unwrap_or(usize::MAX),
            request_time: time,
            ..serve.limits.clone()
        };
        harden(router, &limits, serve.metrics.clone())
    }

    /// Ends what would keep a browser's connection open: call it when the server is to stop.
    pub fn close(&self) {
        self.0.talks.close();
        self.0.serve.chat.close();
        self.0.closing.send_replace(true);
    }

    /// Comes back when the server is to stop.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self
            .0
            .closing
            .subscribe()
            .wait_for(|closing| *closing)
            .await;
    }

    /// Folder of the run store.
    pub fn runs(&self) -> &Path {
        &self.0.runs
    }

    /// The run store, opened for one piece of work.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn store(&self) -> Result<Store, Problem> {
        Ok(Store::open(&self.0.runs)?)
    }

    /// Data that was brought here.
    pub fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// What is known of data that was looked at.
    pub(crate) fn looks(&self) -> &Looks {
        &self.0.looks
    }

    /// Trainings of this process.
    pub fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// Models that are served.
    pub fn models(&self) -> &serve::Models {
        &self.0.serve.models
    }

    /// Models that the chat page has loaded; nobody else can ask them.
    pub(crate) fn talks(&self) -> &ChatModels {
        &self.0.talks
    }

    /// How language models are loaded.
    pub(crate) fn engine(&self) -> &EngineOptions {
        &self.0.engine
    }

    /// The prediction endpoints' state.
    pub fn serve(&self) -> &serve::App {
        &self.0.serve
    }

    /// Browsers that have shown a token.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// What the pages of runs have read.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// The name or address that the studio is bound to.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// Does work that waits or computes where it keeps no other visitor waiting.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn blocking<T, E>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let studio = self.clone();
        match tokio::task::spawn_blocking(move || work(&studio)).await {
            Ok(result) => result.map_err(Into::into),
            Err(broken) => Err(Problem::internal(broken)),
        }
    }
}
