//! `assistant ask`.

use super::{given_mode, path};
use crate::commands::text;
use crate::output;
use anyhow::Result;
use clap::ArgMatches;
use modelwright_assistant::{Decision, Desk, Event, Feedback, Reply};
use modelwright_generate::{EngineOptions, Message};
use std::io::{BufRead, IsTerminal, Write};

pub fn run(m: &ArgMatches) -> Result<()> {
    let tell = |what: &str| {
        if std::io::stderr().is_terminal() {
            eprintln!("{what}");
        }
    };
    let desk = Desk::open_as(
        path(m, "folder"),
        given_mode(m),
        EngineOptions::default(),
        &tell,
    )?;
    match text(m, "question") {
        Some(question) if m.get_flag("json") => {
            let reply = answer(&desk, &[Message::user(question)], &mut |_| {})?;
            output::json(&reply)
        }
        Some(question) => {
            let reply = answer(&desk, &[Message::user(question)], &mut say)?;
            println!();
            sources(&reply);
            Ok(())
        }
        None => talk(&desk),
    }
}

/// A conversation, line by line.
fn talk(desk: &Desk) -> Result<()> {
    println!("{}", desk.assistant().greeting(None));
    let mut conversation: Vec<Message> = Vec::new();
    let mut last: Option<Reply> = None;
    for line in prompted() {
        let line = line?;
        let line = line.trim();
        match (line.split_once(' ').map_or(line, |(word, _)| word), &last) {
            ("", _) => break,
            ("/new", _) => (conversation, last) = (Vec::new(), None),
            (rating @ ("/up" | "/down"), Some(reply)) => {
                let note = line.split_once(' ').map(|(_, note)| note.to_string());
                let feedback = Feedback {
                    id: reply.id.clone(),
                    up: rating == "/up",
                    note,
                };
                desk.feedback(&feedback)?;
                println!("Thank you, that is kept.");
            }
            ("/why", Some(reply)) => why(reply),
            (command, _) if command.starts_with('/') => {
                println!(
                    "There are /up, /down, /why (after an answer) and /new; an empty line ends."
                );
            }
            _ => {
                conversation.push(Message::user(line));
                let reply = answer(desk, &conversation, &mut say)?;
                println!();
                sources(&reply);
                conversation.push(Message::assistant(reply.text.clone()));
                last = Some(reply);
            }
        }
    }
    Ok(())
}

/// The lines of standard input, each after a prompt on a terminal.
fn prompted() -> impl Iterator<Item = std::io::Result<String>> {
    let terminal = std::io::stdin().is_terminal();
    let mut lines = std::io::stdin().lock().lines();
    std::iter::from_fn(move || {
        if terminal {
            print!("> ");
            let _ = std::io::stdout().flush();
        }
        lines.next()
    })
}

/// Waits for an answer; each piece of it goes to `piece`.
fn answer(desk: &Desk, conversation: &[Message], piece: &mut dyn FnMut(&str)) -> Result<Reply> {
    let mut answering = desk.answer(conversation, &Desk::new_id()?);
    while let Some(event) = answering.recv() {
        match event {
            Event::Text(text) => piece(&text),
            Event::Done(reply) => return Ok(*reply),
            Event::Failed(error) => return Err(error.into()),
        }
    }
    anyhow::bail!("the answer broke off")
}

fn say(text: &str) {
    print!("{text}");
    // A terminal shows no half lines otherwise.
    let _ = std::io::stdout().flush();
}

/// Where the answer is from.
fn sources(reply: &Reply) {
    for citation in &reply.citations {
        let heading = match citation.heading.is_empty() {
            true => String::new(),
            false => format!(": {}", citation.heading),
        };
        println!("  [{}] {}{heading}", citation.number, citation.file);
    }
    if reply.decision == Decision::HandedOver {
        reply
            .summary
            .iter()
            .for_each(|summary| println!("\nFor the colleague:\n{summary}"));
    }
}

/// What an answer rests on.
fn why(reply: &Reply) {
    println!(
        "{}, {:.0} % sure",
        reply.decision.name(),
        100.0 * reply.confidence
    );
    if let Some(groundedness) = reply.groundedness {
        println!("supported by the passages: {:.0} %", 100.0 * groundedness);
    }
    if reply.held_back > 0 {
        println!(
            "sentences of the model that were held back: {}",
            reply.held_back
        );
    }
    for citation in &reply.citations {
        println!(
            "[{}] {}\n    {}",
            citation.number,
            citation.file,
            citation.quote.replace('\n', "\n    ")
        );
    }
}
