//! Web pages for the whole line from data to a served model.
//!
//! Pages are made on the server (`pages`), in the visitor's language (`i18n`) and inside one frame
//! (`page`). Small ES modules (`assets`) add what a page cannot do alone. Trainings run in this
//! process ([`Jobs`]) but live in the run store, so that nothing is lost with it.

mod app;
mod assets;
mod guard;
mod i18n;
mod jobs;
mod load;
mod looks;
mod page;
mod pages;
mod problem;
mod sessions;
mod uploads;

pub use app::{Studio, StudioOptions};
pub use i18n::Lang;
pub use jobs::{Jobs, RunNews, Subscription};
pub use page::{Ctx, Theme};
pub use problem::Problem;
pub use uploads::UploadLimits;
