//! `embed`.

use super::{bundle_folder, open_options, text};
use crate::args::{json, output, quiet, source_args};
use crate::output::{self, duration, grouped, next_command};
use crate::progress::{Reading, Stages};
use anyhow::Result;
use burn::tensor::Device;
use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use modelwright_data::Content;
use modelwright_runs::peak_memory;
use modelwright_tasks::index::{Embedded, Stage};
use modelwright_tasks::{Given, InputColumn, InputSchema, InputValues, SentenceEncoder, TaskError};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

/// The column of texts that come without a table.
const TEXT: &str = "text";

/// The arguments of `modelwright embed`.
pub fn command() -> Command {
    Command::new("embed")
        .about("Turn texts into vectors, and keep them as an index that `search` looks in")
        .after_help(
            "Examples:\n  modelwright embed sentence-transformers/all-MiniLM-L6-v2 articles.csv -o articles.index\n  \
             modelwright embed models/minilm tickets.jsonl --text message -o tickets.index --json\n  \
             modelwright embed runs/pairs-bert-1 notes/ > vectors.jsonl",
        )
        .arg(
            Arg::new("model")
                .required(true)
                .value_hint(ValueHint::AnyPath)
                .help("A bundle or run of text-embedding, a Hugging Face folder of a sentence encoder, or a hub id"),
        )
        .arg(
            Arg::new("data")
                .required(true)
                .value_hint(ValueHint::AnyPath)
                .help("A table, text files or a folder of them, or - for CSV or JSON lines on standard input"),
        )
        .arg(output(
            "Folder for the index; an older index there is replaced [default: vectors as JSON lines on standard output]",
            "INDEX",
        ))
        .arg(
            Arg::new("text")
                .long("text")
                .value_name("COLUMN")
                .help("Column that holds the texts [default: the one that must be it]"),
        )
        .arg(
            Arg::new("batch-size")
                .long("batch-size")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=4096))
                .default_value("32")
                .help("Texts that go through the network at once"),
        )
        .args(source_args())
        .arg(json().requires("output"))
        .arg(quiet())
}

/// `modelwright embed`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let quiet = m.get_flag("quiet") || m.get_flag("json");
    let reading = Reading::new(quiet);
    let notify = |n| reading.show(n);
    let data = [text(m, "data").unwrap_or("").to_string()];
    let given = Given::read(&data, &takes(), open_options(m, &notify))?;
    let Content::Table(table) = &given.content else {
        return Err(TaskError::Asked {
            message: format!("{} holds pictures, but `embed` reads texts", given.place),
            help: "give a table with a column of texts".into(),
        }
        .into());
    };
    if !quiet {
        given
            .notes
            .iter()
            .for_each(|note| eprintln!("note: {note}"));
    }
    let (model, encoder) = open_encoder(text(m, "model").unwrap_or(""), runs)?;
    let batch = m.get_one::<u32>("batch-size").copied().unwrap_or(32) as usize;
    let stages = Stages::new(quiet, bar);
    let told = |stage, done, total| stages.show(stage, done, total);
    let column = text(m, "text");
    let embedded = Embedded::new(&encoder, table, &given.place, column, batch, &told)?;
    let summary = serde_json::json!({
        "model": model,
        "texts": embedded.count(),
        "left_out": embedded.left_out(),
        "distinct": embedded.distinct(),
        "dimension": encoder.dimension(),
        "seconds": embedded.seconds,
        "sentences_per_second": embedded.distinct() as f64 / embedded.seconds.max(1e-9),
    });
    let words = words(&embedded, encoder.dimension());
    let Some(index) = text(m, "output") else {
        print_vectors(&embedded)?;
        eprintln!("{words}");
        return Ok(());
    };
    embedded.write(Path::new(index), &model, &encoder, &told)?;
    if m.get_flag("json") {
        let mut summary = summary;
        summary["index"] = index.into();
        summary["peak_memory_bytes"] = peak_memory().into();
        return output::json(&summary);
    }
    println!("{words}");
    println!("\nindex: {index}");
    let next = next_command(&["search", index, "what you look for"], runs);
    println!("\nNext:\n  {next}");
    Ok(())
}

/// Texts that come as they are are put into a column of this name.
fn takes() -> InputSchema {
    InputSchema::Table {
        columns: vec![InputColumn {
            name: TEXT.into(),
            values: InputValues::Text {
                longest: usize::MAX,
            },
        }],
    }
}

/// The sentence encoder of this name, and the name by which it is found again.
pub fn open_encoder(name: &str, runs: &Path) -> Result<(String, SentenceEncoder), TaskError> {
    let folder = bundle_folder(name, runs)?.display().to_string();
    let encoder = SentenceEncoder::open(&folder, Device::flex())?;
    Ok((folder, encoder))
}

fn words(embedded: &Embedded, dimension: usize) -> String {
    let number = |n: usize| grouped(n as i64);
    let (count, distinct) = (embedded.count(), embedded.distinct());
    let different = match count == distinct {
        true => String::new(),
        false => format!(" ({} different)", number(distinct)),
    };
    let left_out = match embedded.left_out() {
        0 => String::new(),
        n => format!("; {} rows without a text were left out", number(n)),
    };
    let speed = distinct as f64 / embedded.seconds.max(1e-9);
    format!(
        "{} texts{different}, vectors of {dimension} numbers, {}: {} sentences/s{left_out}",
        number(count),
        duration(embedded.seconds),
        number(speed.round() as usize)
    )
}

/// A line of JSON for each row.
fn print_vectors(embedded: &Embedded) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut write = || -> std::io::Result<()> {
        for (row, vector) in embedded.vectors() {
            serde_json::to_writer(
                &mut out,
                &serde_json::json!({ "row": row, "vector": vector }),
            )?;
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    match write() {
        // `modelwright embed … | head` has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// What the bar of a stage looks like.
fn bar(stage: Stage) -> &'static str {
    match stage {
        Stage::Embedding => "embedding {bar:24} {pos}/{len}  {per_sec}  {eta} left",
        Stage::Linking => "linking {bar:24} {pos}/{len}  {eta} left",
    }
}
