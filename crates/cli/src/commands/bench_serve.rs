//! `bench-serve`.

use super::text;
use crate::args::json;
use crate::output::{self, right, table};
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use indicatif::ProgressBar;
use modelwright_evaluate::grouped;
use modelwright_serve::load::{Load, LoadReport, Sample, Target};
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// The arguments of `modelwright bench-serve`.
pub fn command() -> Command {
    Command::new("bench-serve")
        .about("Measure how fast a server answers")
        .after_help(
            "Without an input, the server's own example is sent. Examples:\n  \
             modelwright bench-serve http://127.0.0.1:8000 --clients 64 --duration 60\n  \
             modelwright bench-serve http://127.0.0.1:8000 --rate 200 --input a.jpg --input b.jpg",
        )
        .arg(
            Arg::new("url")
                .required(true)
                .value_hint(ValueHint::Url)
                .help("The server, such as http://127.0.0.1:8000"),
        )
        .arg(
            Arg::new("model")
                .long("model")
                .help("Which model [default: the only one]"),
        )
        .arg(
            Arg::new("input")
                .long("input")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_hint(ValueHint::FilePath)
                .help("A picture, or rows as .json, .jsonl or .csv; several are sent in turn"),
        )
        .arg(
            Arg::new("clients")
                .long("clients")
                .default_value("16")
                .value_parser(value_parser!(u32).range(1..=4096))
                .help("Connections, each with one request at a time"),
        )
        .arg(
            Arg::new("rate")
                .long("rate")
                .value_name("R")
                .value_parser(value_parser!(f64))
                .help(
                    "Requests a second at random moments [default: as fast as they are answered]",
                ),
        )
        .arg(
            Arg::new("duration")
                .long("duration")
                .value_name("SECONDS")
                .default_value("10")
                .value_parser(value_parser!(u32).range(1..))
                .help("How long"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .default_value("0")
                .value_parser(value_parser!(u64))
                .help("Of the random moments"),
        )
        .arg(
            Arg::new("token-env")
                .long("token-env")
                .value_name("VARIABLE")
                .default_value("MODELWRIGHT_TOKEN")
                .help("Environment variable that holds the token, if the server wants one"),
        )
        .arg(json())
}

/// `modelwright bench-serve`.
pub fn run(m: &ArgMatches) -> Result<()> {
    let target = Target {
        url: text(m, "url").unwrap_or_default().into(),
        token: text(m, "token-env").and_then(|name| std::env::var(name).ok()),
    };
    let model = match text(m, "model") {
        Some(model) => model.to_string(),
        None => target.only_model()?,
    };
    let files = m.get_many::<String>("input").into_iter().flatten();
    let mut samples = files.map(|f| sample(f)).collect::<Result<Vec<_>>>()?;
    if samples.is_empty() {
        samples.push(target.example(&model)?);
    }
    let number = |name| m.get_one::<u32>(name).copied().unwrap_or(1);
    let load = Load {
        clients: number("clients") as usize,
        rate: m.get_one::<f64>("rate").copied(),
        duration: Duration::from_secs(number("duration").into()),
        seed: m.get_one::<u64>("seed").copied().unwrap_or_default(),
    };
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    };
    let progress = |seconds: f64, succeeded: u64, failed: u64| {
        let rate = succeeded as f64 / seconds;
        bar.set_message(format!(
            "{seconds:.0} s: {succeeded} predictions, {rate:.0} a second, {failed} failures"
        ));
        bar.tick();
    };
    let report = load.run(&target, &model, &samples, &progress)?;
    bar.finish_and_clear();
    match m.get_flag("json") {
        true => output::json(&report),
        false => {
            show(&model, &report);
            Ok(())
        }
    }
}

/// A file with the type that its ending says.
fn sample(file: &str) -> Result<Sample> {
    let path = Path::new(file);
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let content_type = match ending.to_lowercase().as_str() {
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "csv" | "tsv" | "txt" => "text/csv",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        _ => "application/octet-stream",
    };
    Ok(Sample {
        content_type: content_type.into(),
        body: std::fs::read(path).with_context(|| format!("cannot read {file}"))?,
    })
}

fn show(model: &str, report: &LoadReport) {
    let mut rows = table(&["", model]);
    rows.add_row(["predictions", &grouped(report.succeeded as i64)].map(right));
    rows.add_row(["a second", &format!("{:.1}", report.per_second)].map(right));
    for (name, value) in [
        ("p50", report.p50),
        ("p95", report.p95),
        ("p99", report.p99),
        ("slowest", report.slowest),
    ] {
        rows.add_row([name, &format!("{value:.2} ms")].map(right));
    }
    for (status, count) in &report.failed {
        let name = format!("failed: {status}");
        rows.add_row([&name, &grouped(*count as i64)].map(right));
    }
    println!("{rows}");
}
