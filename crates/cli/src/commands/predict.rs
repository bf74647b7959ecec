//! `predict`.

use super::{open_bundle, open_options, text};
use crate::progress::Reading;
use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressDrawTarget};
use modelwright_data::Content;
use modelwright_runs::{NewFile, Reason};
use modelwright_tasks::{Prediction, TaskError, load, read_content};
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;

/// Examples between two writes.
const BATCH: usize = 1024;

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
    let (place, mut content) = read_content(&inputs, open_options(m, &notify))?;
    if m.get_flag("skip-bad") {
        leave_out_bad(&mut content);
    }
    let output = text(m, "output").map(Path::new);
    let by_ending = output
        .and_then(|p| p.extension())
        .is_some_and(|e| e == "jsonl");
    let json = text(m, "format").map_or(by_ending, |f| f == "jsonl");
    let total = content.len();
    let bar = match quiet || !std::io::stderr().is_terminal() {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        false => ProgressBar::new(total as u64),
    };
    let write = |target: Box<dyn Write + '_>| -> Result<()> {
        let part = |start: usize| start..(start + BATCH).min(total);
        // The first predictions come before the header: an input that does not suit the model leaves
        // nothing behind.
        let mut next = Some(predictor.predict(&place, &content, part(0))?);
        let mut sink = Sink::new(target, json, &content, predictor.labels())?;
        for start in (0..total).step_by(BATCH) {
            let rows = part(start);
            let predictions = match next.take() {
                Some(first) => first,
                None => predictor.predict(&place, &content, rows.clone())?,
            };
            for (row, prediction) in rows.zip(&predictions) {
                sink.write(&content, row, prediction)?;
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

/// Writes predictions as CSV or JSON lines.
struct Sink<'a> {
    form: Form<'a>,
}

enum Form<'a> {
    Csv(Box<csv::Writer<Box<dyn Write + 'a>>>),
    Json(BufWriter<Box<dyn Write + 'a>>, Vec<String>),
}

impl<'a> Sink<'a> {
    fn new(
        target: Box<dyn Write + 'a>,
        json: bool,
        content: &Content,
        labels: &[String],
    ) -> Result<Self> {
        if json {
            return Ok(Self {
                form: Form::Json(BufWriter::new(target), labels.to_vec()),
            });
        }
        let mut writer = csv::Writer::from_writer(target);
        let mut header = vec![id_name(content).to_string()];
        match labels {
            [] => header.push("prediction".into()),
            _ => {
                header.extend(["prediction".into(), "probability".into()]);
                header.extend(labels.iter().map(|l| format!("p({l})")));
            }
        }
        writer.write_record(&header)?;
        Ok(Self {
            form: Form::Csv(Box::new(writer)),
        })
    }

    fn write(&mut self, content: &Content, row: usize, prediction: &Prediction) -> Result<()> {
        match &mut self.form {
            Form::Csv(writer) => {
                let mut record = vec![id_of(content, row)];
                match prediction {
                    Prediction::Class {
                        label,
                        probability,
                        probabilities,
                    } => {
                        record.extend([label.clone(), format!("{probability:.6}")]);
                        record.extend(probabilities.iter().map(|p| format!("{p:.6}")));
                    }
                    Prediction::Value { value } => record.push(value.to_string()),
                }
                writer.write_record(&record)?;
            }
            Form::Json(writer, labels) => {
                let body = match prediction {
                    Prediction::Class {
                        label,
                        probability,
                        probabilities,
                    } => {
                        let all: serde_json::Map<String, serde_json::Value> = labels
                            .iter()
                            .cloned()
                            .zip(probabilities.iter().map(|p| (*p).into()))
                            .collect();
                        serde_json::json!({ id_name(content): json_id(content, row), "prediction": label,
                            "probability": probability, "probabilities": all })
                    }
                    Prediction::Value { value } => {
                        serde_json::json!({ id_name(content): json_id(content, row), "prediction": value })
                    }
                };
                serde_json::to_writer(&mut *writer, &body)?;
                writer.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        match self.form {
            Form::Csv(mut writer) => writer.flush()?,
            Form::Json(mut writer, _) => writer.flush()?,
        }
        Ok(())
    }
}

fn id_name(content: &Content) -> &'static str {
    match content {
        Content::Images(_) => "file",
        Content::Table(_) => "row",
    }
}

/// The same for JSON, where a row's number is a number.
fn json_id(content: &Content, row: usize) -> serde_json::Value {
    match content {
        Content::Images(set) => set.name(row).into(),
        Content::Table(_) => (row + 1).into(),
    }
}

fn id_of(content: &Content, row: usize) -> String {
    match content {
        Content::Images(set) => set.name(row),
        Content::Table(_) => (row + 1).to_string(),
    }
}
