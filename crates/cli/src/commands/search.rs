//! `search`.

use super::embed::open_encoder;
use super::text;
use crate::args::json;
use crate::output::{self, right, table};
use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use comfy_table::Cell;
use modelwright_tasks::TaskError;
use modelwright_tasks::index::{Found, Index, IndexInfo};
use serde_json::Value;
use std::path::Path;

/// Most columns of a row that are shown, the text among them.
const COLUMNS: usize = 4;
/// Most characters of a value that are shown.
const CHARACTERS: usize = 200;

/// The arguments of `modelwright search`.
pub fn command() -> Command {
    Command::new("search")
        .about("Find the texts of an index that mean the same as a query")
        .after_help(
            "Examples:\n  modelwright search articles.index \"how to save energy at home\"\n  \
             modelwright search tickets.index \"login fails\" \"cannot sign in\" -k 10 --json",
        )
        .arg(
            Arg::new("index")
                .required(true)
                .value_hint(ValueHint::DirPath)
                .help("A folder that `modelwright embed` made"),
        )
        .arg(
            Arg::new("query")
                .required(true)
                .num_args(1..)
                .help("What to look for, in your own words; several are several searches"),
        )
        .arg(
            Arg::new("k")
                .short('k')
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=10_000))
                .default_value("5")
                .help("Rows to find"),
        )
        .arg(
            Arg::new("model")
                .long("model")
                .value_hint(ValueHint::AnyPath)
                .help("Where the model is now that made the index [default: where it was]"),
        )
        .arg(json())
}

/// `modelwright search`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let queries: Vec<&str> = m
        .get_many::<String>("query")
        .into_iter()
        .flatten()
        .map(|query| query.trim())
        .collect();
    if queries.iter().any(|query| query.is_empty()) {
        return Err(TaskError::Asked {
            message: "the query is empty".into(),
            help: "say in a few words what you look for".into(),
        }
        .into());
    }
    let place = text(m, "index").unwrap_or("");
    let index = Index::open(Path::new(place))?;
    let model = text(m, "model").unwrap_or(&index.info().model);
    let (_, encoder) = open_encoder(model, runs).with_context(|| {
        format!("the model that made {place} cannot be opened; if it is elsewhere now, add --model")
    })?;
    index.check_model(&encoder)?;
    let vectors = encoder.embed(&queries, queries.len(), &|_, _| {});
    let k = m.get_one::<u32>("k").copied().unwrap_or(5) as usize;
    let found = vectors
        .chunks_exact(encoder.dimension())
        .map(|vector| index.search(vector, k));
    let found: Vec<Vec<Found>> = found.collect::<Result<_, _>>()?;
    if m.get_flag("json") {
        let answers = queries.iter().zip(&found);
        let answers =
            answers.map(|(query, found)| serde_json::json!({ "query": query, "found": found }));
        return output::json(&answers.collect::<Vec<_>>());
    }
    for (query, found) in queries.iter().zip(&found) {
        if queries.len() > 1 {
            println!("{query}");
        }
        print(index.info(), found);
    }
    Ok(())
}

fn print(info: &IndexInfo, found: &[Found]) {
    let others = info.columns.iter().filter(|name| **name != info.text);
    let columns: Vec<&String> = [&info.text]
        .into_iter()
        .chain(others)
        .take(COLUMNS)
        .collect();
    let mut header = vec!["score", "row"];
    header.extend(columns.iter().map(|name| name.as_str()));
    let mut out = table(&header);
    for found in found {
        let mut row = vec![right(format!("{:.3}", found.score)), right(found.row)];
        let values = columns.iter().map(|name| found.values.get(*name));
        row.extend(values.map(|value| Cell::new(shown(value))));
        out.add_row(row);
    }
    println!("{out}");
}

/// A value as people read it, its end cut off if it is long.
fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
