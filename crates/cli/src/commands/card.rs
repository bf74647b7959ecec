//! `card show|edit`.

use super::{open_bundle, text};
use crate::args::{bundle, json};
use crate::output;
use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use modelwright_runs::Bundle;
use modelwright_runs::card::{DATA_SHEET, Documents, MODEL_CARD, Question};
use modelwright_tasks::TaskError;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

/// The arguments of `modelwright card`.
pub fn command() -> Command {
    Command::new("card")
        .about("Read and complete a model card and the sheet of its data")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("show")
                .about("Print the model card, or the sheet of the data")
                .arg(bundle())
                .arg(
                    Arg::new("data")
                        .long("data")
                        .action(ArgAction::SetTrue)
                        .help("Print the sheet of the data"),
                )
                .arg(json()),
        )
        .subcommand(edit_command())
}

fn edit_command() -> Command {
    Command::new("edit")
        .about("Answer what only a person can say of a model and its data")
        .after_help(
            "Without --set, --like or --json the open questions are asked one by one; an answer is a line. \
             Examples:\n  \
             modelwright card edit digits-mlp-1\n  \
             modelwright card edit digits-mlp-1 --set license=apache-2.0 --set \"intended-use=Sorting mail\"\n  \
             modelwright card edit digits-mlp-2 --like digits-mlp-1",
        )
        .arg(bundle())
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=TEXT")
                .action(ArgAction::Append)
                .help("Answer a question, anew if it was answered"),
        )
        .arg(
            Arg::new("like")
                .long("like")
                .value_name("BUNDLE")
                .help("Answer what is open as the card of another model does"),
        )
        .arg(json().help("Print the open questions as JSON"))
}

/// `modelwright card`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    match m.subcommand() {
        Some(("show", m)) => show(m, runs),
        Some(("edit", m)) => edit(m, runs),
        _ => Ok(()),
    }
}

fn open(name: &str, runs: &Path) -> Result<(Bundle, Documents)> {
    let bundle = open_bundle(name, runs)?;
    let documents = Documents::of(&bundle).map_err(TaskError::from)?;
    Ok((bundle, documents))
}

fn show(m: &ArgMatches, runs: &Path) -> Result<()> {
    let (bundle, documents) = open(text(m, "bundle").unwrap_or(""), runs)?;
    if m.get_flag("json") {
        return output::json(&serde_json::json!({
            "bundle": bundle.path(),
            "card": documents.text(MODEL_CARD),
            "data_sheet": documents.text(DATA_SHEET),
            "questions": documents.questions(),
        }));
    }
    let name = match m.get_flag("data") {
        true => DATA_SHEET,
        false => MODEL_CARD,
    };
    let Some(text) = documents.text(name) else {
        let problem = format!("{name} is missing");
        return Err(TaskError::from(bundle.broken(problem)).into());
    };
    print!("{text}");
    Ok(())
}

fn edit(m: &ArgMatches, runs: &Path) -> Result<()> {
    let (mut bundle, mut documents) = open(text(m, "bundle").unwrap_or(""), runs)?;
    let before = documents.clone();
    let pairs: Vec<&String> = m.get_many::<String>("set").into_iter().flatten().collect();
    for pair in &pairs {
        let (key, answer) = pair.split_once('=').ok_or_else(|| TaskError::Asked {
            message: format!("--set {pair}: no `=` in it"),
            help: "write --set KEY=TEXT, such as --set license=mit".into(),
        })?;
        let answered = documents.answer(key.trim(), answer);
        answered.map_err(TaskError::from)?;
    }
    let like = text(m, "like");
    let mut taken = Vec::new();
    if let Some(other) = like {
        taken = documents.take_answers(&open(other, runs)?.1);
    }
    if documents != before {
        documents.save(&mut bundle).map_err(TaskError::from)?;
    }
    if m.get_flag("json") {
        return output::json(&open_questions(&documents));
    }
    match pairs.is_empty() && like.is_none() {
        true => ask(bundle, documents),
        false => {
            let answered = pairs.len() + taken.len();
            let open = open_questions(&documents).len();
            println!("{answered} answered, {open} open");
            Ok(())
        }
    }
}

fn open_questions(documents: &Documents) -> Vec<Question> {
    let questions = documents.questions().into_iter();
    questions.filter(|q| q.answer.is_none()).collect()
}

/// Asks what is open; each answer is written at once, so that none is lost however this ends.
fn ask(mut bundle: Bundle, mut documents: Documents) -> Result<()> {
    let open = open_questions(&documents);
    if open.is_empty() {
        match documents.questions().len() {
            0 => println!("this card asks nothing; an older version of the program wrote it"),
            all => {
                println!("all {all} questions are answered; change an answer with --set KEY=TEXT")
            }
        }
        return Ok(());
    }
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        eprintln!("Answer in a line; leave it empty for later, end with Ctrl-D.");
    }
    let mut lines = std::io::stdin().lock().lines();
    let mut answered = 0;
    for (i, question) in open.iter().enumerate() {
        eprint!(
            "\n{}/{}  {} ({})\n> ",
            i + 1,
            open.len(),
            question.question,
            question.key
        );
        std::io::stderr().flush()?;
        let Some(answer) = lines.next().transpose()? else {
            break;
        };
        if answer.trim().is_empty() {
            continue;
        }
        let written = documents
            .answer(&question.key, &answer)
            .and_then(|()| documents.save(&mut bundle));
        written.map_err(TaskError::from)?;
        answered += 1;
    }
    eprintln!();
    println!("{answered} answered, {} open", open.len() - answered);
    Ok(())
}
