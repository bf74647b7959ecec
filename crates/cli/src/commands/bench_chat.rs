//! `bench-chat`.

use super::chat::{engine_args, model, open};
use super::text;
use crate::args::json;
use crate::output::{self, right, table};
use anyhow::{Result, bail};
use clap::{Arg, ArgMatches, Command, value_parser};
use comfy_table::Cell;
use modelwright_generate::{Engine, EngineOptions, Event, Reply, Request, Sampling};
use modelwright_runs::peak_memory;
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// The arguments of `modelwright bench-chat`.
pub fn command() -> Command {
    let number = |name: &'static str, usual: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .default_value(usual)
            .value_parser(value_parser!(u32).range(1..=100_000))
            .help(help)
    };
    Command::new("bench-chat")
        .about("Measure how fast a language model reads and writes")
        .after_help("Example:\n  modelwright bench-chat model.gguf --threads 2 --json")
        .arg(model())
        .arg(number("prompt", "512", "Tokens to read"))
        .arg(number("generate", "128", "Tokens to write"))
        .arg(number(
            "conversations",
            "8",
            "Conversations at once, against one after another",
        ))
        .arg(number(
            "prompt-each",
            "64",
            "Tokens that each of them begins with",
        ))
        .arg(number("rounds", "3", "Times to measure; the median counts"))
        .args(engine_args())
        .arg(json())
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    threads: Option<u32>,
    prompt_tokens: usize,
    prompt_tokens_per_second: f64,
    generated_tokens: usize,
    generated_tokens_per_second: f64,
    conversations: usize,
    /// Tokens written a second by all together.
    together_tokens_per_second: f64,
    one_after_another_tokens_per_second: f64,
    together_over_one_after_another: f64,
    load_seconds: f64,
    predicted_bytes: u64,
    loaded_bytes: Option<u64>,
    peak_memory_bytes: Option<u64>,
}

/// `modelwright bench-chat`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let number = |name| m.get_one::<u32>(name).map_or(1, |n| *n as usize);
    let (prompt, generate) = (number("prompt"), number("generate"));
    let (conversations, each) = (number("conversations"), number("prompt-each"));
    let started = Instant::now();
    let options = EngineOptions {
        slots: conversations,
        queue: conversations,
        // Rounds ask the same again.
        prefix_sharing: false,
        ..EngineOptions::default()
    };
    let engine = open(
        text(m, "model").unwrap_or_default(),
        runs,
        m,
        false,
        options,
    )?;
    let load_seconds = started.elapsed().as_secs_f64();
    let loaded_bytes = peak_memory();
    let longest = prompt.max(each).max(1) + generate;
    if longest > engine.context() {
        let context = engine.context();
        bail!(
            "{longest} tokens do not fit into the context of {context}; add --context or ask for fewer"
        );
    }
    let bench = Bench { engine: &engine };
    // The first round warms up.
    let mut reading = Vec::new();
    let mut writing = Vec::new();
    let mut alone = Vec::new();
    let mut together = Vec::new();
    for round in 0..=number("rounds") {
        reading.push(bench.time(1, prompt, 1, false)?);
        writing.push(bench.time(1, 1, generate, false)?);
        alone.push(bench.time(conversations, each, generate, false)?);
        together.push(bench.time(conversations, each, generate, true)?);
        if round == 0 {
            for times in [&mut reading, &mut writing, &mut alone, &mut together] {
                times.clear();
            }
        }
    }
    let all = (conversations * generate) as f64;
    let (alone, together) = (all / median(alone), all / median(together));
    let report = Report {
        model: engine.name().into(),
        threads: m.get_one::<u32>("threads").copied(),
        prompt_tokens: prompt,
        prompt_tokens_per_second: prompt as f64 / median(reading),
        generated_tokens: generate,
        generated_tokens_per_second: generate as f64 / median(writing),
        conversations,
        together_tokens_per_second: together,
        one_after_another_tokens_per_second: alone,
        together_over_one_after_another: together / alone,
        load_seconds,
        predicted_bytes: engine.memory().total(),
        loaded_bytes,
        peak_memory_bytes: peak_memory(),
    };
    match m.get_flag("json") {
        true => output::json(&report),
        false => {
            print(&report);
            Ok(())
        }
    }
}

struct Bench<'a> {
    engine: &'a Engine,
}

impl Bench<'_> {
    /// Seconds for so many conversations, at once or one after another.
    fn time(&self, count: usize, prompt: usize, generate: usize, at_once: bool) -> Result<f64> {
        let started = Instant::now();
        if at_once {
            let replies: Vec<Reply> = (0..count)
                .map(|i| self.ask(i, prompt, generate))
                .collect::<Result<_>>()?;
            replies.into_iter().try_for_each(finished)?;
        } else {
            for i in 0..count {
                finished(self.ask(i, prompt, generate)?)?;
            }
        }
        Ok(started.elapsed().as_secs_f64())
    }

    fn ask(&self, which: usize, prompt: usize, generate: usize) -> Result<Reply> {
        // Which tokens they are does not matter for the speed, only that prompts differ at once.
        let vocabulary = self.engine.tokenizer().vocabulary();
        let token = |i: usize| ((which + 1) * 7919 + i * 104_729) % vocabulary;
        Ok(self.engine.submit(Request {
            prompt: (0..prompt).map(|i| token(i) as u32).collect(),
            sampling: Sampling::greedy(),
            max_tokens: Some(generate),
            min_tokens: generate,
            ..Request::default()
        })?)
    }
}

fn finished(mut reply: Reply) -> Result<()> {
    while let Some(event) = reply.recv() {
        if let Event::Failed(error) = event {
            return Err(error.into());
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(report: &Report) {
    let mut out = table(&["", "tokens/s"]);
    let mut row = |name: String, value: f64| {
        out.add_row([Cell::new(name), right(format!("{value:.1}"))]);
    };
    row(
        format!("reading {} tokens", report.prompt_tokens),
        report.prompt_tokens_per_second,
    );
    row(
        format!("writing {} tokens", report.generated_tokens),
        report.generated_tokens_per_second,
    );
    let count = report.conversations;
    row(
        format!("{count} conversations, one after another"),
        report.one_after_another_tokens_per_second,
    );
    row(
        format!("{count} conversations at once"),
        report.together_tokens_per_second,
    );
    println!("{out}");
}
