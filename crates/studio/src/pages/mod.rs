//! The pages, one module each, in the order in which a person meets them.

mod chat;
mod compare;
mod data;
mod dates;
mod entrance;
mod home;
mod of_run;
mod report;
mod result;
mod run;
pub(crate) mod shelf;
pub(crate) mod ship;
pub(crate) mod texts;
mod train;
mod try_it;
mod words;

use crate::app::Studio;
use crate::problem::Problem;
use axum::Router;
use axum::http::Uri;

/// All pages.
pub fn routes() -> Router<Studio> {
    Router::new()
        .merge(entrance::routes())
        .merge(home::routes())
        .merge(data::routes())
        .merge(train::routes())
        .merge(run::routes())
        .merge(result::routes())
        .merge(report::routes())
        .merge(compare::routes())
        .merge(try_it::routes())
        .merge(ship::routes())
        .merge(chat::routes())
}

/// Routes that take files of any size.
pub fn uploading() -> Router<Studio> {
    data::uploading()
}

/// For addresses that lead nowhere.
pub async fn not_found(uri: Uri) -> Problem {
    Problem::not_found(uri.path())
}
