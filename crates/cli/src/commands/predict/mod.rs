//! `predict`.

mod sink;

use super::{open_bundle, open_options, text};
use crate::progress::Reading;
use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressDrawTarget};
use modelwright_data::Content;
use modelwright_runs::{NewFile, Reason};
use modelwright_tasks::{Given, TaskError, load};
use sink::{Form, Model, Sink};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

/// Examples between two writes.
const BATCH: usize = 1024;
/// Most examples for which a terminal gets a table for the eye.
const READABLE: usize = 50;

/// `modelwright predict`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let bundle = open_bundle(text(m, "bundle").unwrap_or(""), runs)?;
    let predictor = load(&bundle, Device::flex())?;
    let inputs: Vec<String> = m
        .get_many::<String>("inputs")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let quiet = m.get_flag("quiet");
    let reading = Reading::new(quiet);
    let notify = |n| reading.show(n);
    let takes = predictor.input();
    let given = Given::read(&inputs, &takes, open_options(m, &notify))?;
    let (place, mut content) = (given.place, given.content);
    for note in &given.notes {
        eprintln!("note: {note}");
    }
    if m.get_flag("skip-bad") {
        leave_out_bad(&mut content);
    }
    let output = text(m, "output").map(Path::new);
    let total = content.len();
    let form = form(m, output, total);
    let model = Model {
        takes: &takes,
        gives: predictor.output(),
        labels: predictor.labels(),
    };
    let bar = match quiet || !std::io::stderr().is_terminal() {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        false => ProgressBar::new(total as u64),
    };
    let write = |target: Box<dyn Write + '_>| -> Result<()> {
        let part = |start: usize| start..(start + BATCH).min(total);
        // The first predictions come before the header: an input that does not suit the model leaves
        // nothing behind.
        let mut next = Some(predictor.predict(&place, &content, part(0))?);
        let mut sink = Sink::new(target, form, &content, model)?;
        for start in (0..total).step_by(BATCH) {
            let rows = part(start);
            let predictions = match next.take() {
                Some(first) => first,
                None => predictor.predict(&place, &content, rows.clone())?,
            };
            for (row, prediction) in rows.zip(&predictions) {
                sink.write(row, prediction)?;
            }
            bar.inc(predictions.len() as u64);
        }
        sink.finish()
    };
    let Some(path) = output else {
        let written = write(Box::new(std::io::stdout().lock()));
        bar.finish_and_clear();
        return match written {
            // `modelwright predict … | head` has seen enough.
            Err(error) if is_broken_pipe(&error) => Ok(()),
            written => written,
        };
    };
    // The file appears under its name once it is complete.
    let mut file = NewFile::create(path)
        .map_err(TaskError::from)
        .with_context(|| {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            format!(
                "cannot write into {}",
                folder.unwrap_or(Path::new(".")).display()
            )
        })?;
    write(Box::new(&mut file)).map_err(|e| with_place(e, path))?;
    file.finish().map_err(TaskError::from)?;
    bar.finish_and_clear();
    eprintln!("{total} predictions in {}", path.display());
    Ok(())
}

/// The form of the predictions: as asked, else by the output's ending, else CSV, but for a few that a
/// person looks at.
fn form(m: &ArgMatches, output: Option<&Path>, examples: usize) -> Form {
    let ending = output.and_then(Path::extension);
    match text(m, "format") {
        _ if m.get_flag("json") => Form::JsonLines,
        Some("jsonl") => Form::JsonLines,
        Some("table") => Form::Table,
        Some(_) => Form::Csv,
        None if ending.is_some_and(|e| e == "jsonl") => Form::JsonLines,
        None if output.is_none() && examples <= READABLE && std::io::stdout().is_terminal() => {
            Form::Table
        }
        None => Form::Csv,
    }
}

/// The kind of the input or output error behind `error`, if there is one.
fn io_kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error.chain().find_map(|cause| {
        if let Some(e) = cause.downcast_ref::<std::io::Error>() {
            return Some(e.kind());
        }
        if let Some(e) = cause.downcast_ref::<serde_json::Error>() {
            return e.io_error_kind();
        }
        match cause.downcast_ref::<csv::Error>()?.kind() {
            csv::ErrorKind::Io(e) => Some(e.kind()),
            _ => None,
        }
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    io_kind(error) == Some(ErrorKind::BrokenPipe)
}

/// Says which file could not be written; other errors have their place.
fn with_place(error: anyhow::Error, path: &Path) -> anyhow::Error {
    match io_kind(&error) {
        Some(kind) => {
            let help = Reason::of_io(&kind.into()).help().unwrap_or_default();
            error.context(TaskError::Asked {
                message: format!("cannot write {}", path.display()),
                help: help.into(),
            })
        }
        None => error,
    }
}

fn leave_out_bad(content: &mut Content) {
    let Content::Images(set) = content else {
        return;
    };
    let names = set.leave_out_unreadable();
    if !names.is_empty() {
        eprintln!(
            "{} unreadable pictures left out: {}",
            names.len(),
            names.join(", ")
        );
    }
}
