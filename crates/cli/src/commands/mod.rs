//! One module a command.

pub mod assistant;
pub mod bench_chat;
pub mod bench_serve;
pub mod card;
pub mod chat;
pub mod cost;
mod data;
pub mod embed;
mod evaluate;
pub mod explain;
mod lists;
mod predict;
mod runs;
pub mod search;
pub mod serve;
mod served;
pub mod studio;
pub mod token;
mod train;

use crate::{Exit, args};
use anyhow::Result;
use clap::ArgMatches;
use modelwright_data::{Notify, OpenOptions};
use modelwright_runs::{Bundle, RunError, Store};
use modelwright_tasks::TaskError;
use std::path::{Path, PathBuf};

/// Runs the command that was typed.
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    let runs = PathBuf::from(text(matches, "runs-dir").unwrap_or(args::RUNS));
    let done = |result: Result<()>| result.map(|()| Exit::Done);
    match matches.subcommand() {
        Some(("train", m)) => train::train(m, &runs),
        Some(("resume", m)) => train::resume(m, &runs),
        Some(("evaluate", m)) => done(evaluate::run(m, &runs)),
        Some(("predict", m)) => done(predict::run(m, &runs)),
        Some(("explain", m)) => done(explain::run(m, &runs)),
        Some(("embed", m)) => done(embed::run(m, &runs)),
        Some(("search", m)) => done(search::run(m, &runs)),
        Some(("assistant", m)) => done(assistant::run(m, &runs)),
        Some(("chat", m)) => chat::run(m, &runs),
        Some(("runs", m)) => done(runs::run(m, &runs)),
        Some(("cost", m)) => done(cost::run(m, &runs)),
        Some(("card", m)) => done(card::run(m, &runs)),
        Some(("data", m)) => done(data::run(m)),
        Some(("serve", m)) => done(serve::run(m, &runs)),
        Some(("studio", m)) => done(studio::run(m, &runs)),
        Some(("token", m)) => done(token::run(m, &runs)),
        Some(("bench-serve", m)) => done(bench_serve::run(m)),
        Some(("bench-chat", m)) => done(bench_chat::run(m, &runs)),
        Some(("models", m)) => done(lists::models(m)),
        Some(("tasks", m)) => done(lists::tasks(m)),
        Some(("recipe", _)) => {
            print!("{}", modelwright_train::recipe::reference());
            Ok(Exit::Done)
        }
        Some(("completions", m)) => {
            if let Some(shell) = m.get_one::<clap_complete::Shell>("shell") {
                clap_complete::generate(
                    *shell,
                    &mut args::command(),
                    "modelwright",
                    &mut std::io::stdout(),
                );
            }
            Ok(Exit::Done)
        }
        _ => Ok(Exit::Done),
    }
}

/// The text given for an argument.
fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// The reading options of `source_args`.
fn open_options<'a>(m: &'a ArgMatches, notify: Notify<'a>) -> OpenOptions<'a> {
    OpenOptions {
        data_dir: text(m, "data-dir").map(Path::new),
        encoding: text(m, "encoding").unwrap_or("auto"),
        skip_bad: m.get_flag("skip-bad"),
        notify,
    }
}

/// The store that must have the run `id`: looking for a run makes no store.
fn store_with(id: &str, runs: &Path) -> Result<Store, TaskError> {
    let store = Store::open_existing(runs)?;
    Ok(store.ok_or_else(|| RunError::no_runs(id, runs))?)
}

/// A bundle by path, or by the name of its run.
fn open_bundle(name: &str, runs: &Path) -> Result<Bundle, TaskError> {
    Ok(Bundle::open(&bundle_folder(name, runs)?)?)
}

/// The folder of a bundle or run, by path or by the name of the run.
fn bundle_folder(name: &str, runs: &Path) -> Result<PathBuf, TaskError> {
    let path = Path::new(name);
    let plain = path.components().count() == 1;
    if !path.exists()
        && plain
        && let Some(store) = Store::open_existing(runs)?
    {
        let run = store.get(name)?;
        return Ok(store.folder(&run.id).path().into());
    }
    Ok(path.into())
}
