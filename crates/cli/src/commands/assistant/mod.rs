//! `assistant`: a customer-service assistant from a company's documents.

mod ask;
mod build;
mod test;

use super::text;
use crate::args::{json, output, quiet};
use crate::output;
use anyhow::Result;
use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use modelwright_assistant::{Assistant, AssistantError, Mode, Settings, export};
use std::path::{Path, PathBuf};

/// The arguments of `modelwright assistant`.
pub fn command() -> Command {
    Command::new("assistant")
        .about("Answer customers from your own documents: build, ask, measure, learn from feedback")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(build())
        .subcommand(ask())
        .subcommand(test())
        .subcommand(export_training())
}

fn build() -> Command {
    Command::new("build")
        .about("Read documents and make an assistant of them")
        .after_help(
            "Reads Markdown, text, HTML and PDF files, and tables with the columns `question` and `answer`. \
             Without --model, answers are the words of the documents; without --embedder, passages are found by \
             their words alone. Examples:\n  \
             modelwright assistant build help-pages/ faq.csv\n  \
             modelwright assistant build help/ --embedder all-MiniLM-L6-v2/ --model SmolLM2.gguf -o shop.assistant",
        )
        .arg(
            Arg::new("documents")
                .required(true)
                .num_args(1..)
                .value_hint(ValueHint::AnyPath)
                .value_parser(value_parser!(PathBuf))
                .help("Files, and folders of them"),
        )
        .arg(output(
            "Folder for the assistant; of an older one there, settings and log stay [default: assistants/NAME in the folder of runs, where the studio finds it]",
            "FOLDER",
        ))
        .arg(
            Arg::new("model")
                .long("model")
                .value_hint(ValueHint::AnyPath)
                .help("A language model: a GGUF file, a Hugging Face folder, a hub id, or a bundle of the task chat"),
        )
        .arg(
            Arg::new("embedder")
                .long("embedder")
                .value_hint(ValueHint::AnyPath)
                .help("A sentence encoder: a bundle or run of text-embedding, a Hugging Face folder, or a hub id"),
        )
        .arg(
            Arg::new("name")
                .long("name")
                .help("Name of the company, as customers know it [default: that of the folder]"),
        )
        .arg(mode().help("How answers come to their words [default: auto with a model, else extract]"))
        .arg(json())
        .arg(quiet())
}

fn ask() -> Command {
    Command::new("ask")
        .about("Ask an assistant; without a question, talk to it")
        .after_help(
            "In a conversation, /up and /down (with a note, if you like) rate the last answer, /why shows what it \
             rests on, /new begins again, and an empty line ends it. Examples:\n  \
             modelwright assistant ask shop.assistant \"Can I return shoes?\"\n  \
             modelwright assistant ask shop.assistant",
        )
        .arg(folder())
        .arg(Arg::new("question").help("What a customer asks"))
        .arg(mode().help("How answers come to their words, instead of what the settings say"))
        .arg(json().requires("question"))
}

fn test() -> Command {
    Command::new("test")
        .about("Measure an assistant on questions of which you know what should be found")
        .after_help(
            "The table has a column `question`, and `document` (the file that answers it), `expected` (the question \
             or answer of a FAQ, or a heading) or `answer` (the words). A question with none of them is one that the \
             documents do not answer. Example:\n  modelwright assistant test shop.assistant questions.csv",
        )
        .arg(folder())
        .arg(
            Arg::new("questions")
                .required(true)
                .value_hint(ValueHint::FilePath)
                .value_parser(value_parser!(PathBuf))
                .help("A table of questions"),
        )
        .arg(mode().help("How answers come to their words, instead of what the settings say"))
        .arg(json())
        .arg(quiet())
}

fn export_training() -> Command {
    Command::new("export-training")
        .about("Make training data of answers that people liked, and pairs of better and worse ones")
        .after_help(
            "Writes chat.jsonl, for `modelwright train chat.jsonl --task chat`, and preferences.jsonl. \
             Example:\n  modelwright assistant export-training shop.assistant -o training/",
        )
        .arg(folder())
        .arg(output("Folder for the files", "FOLDER").required(true))
        .arg(json())
}

fn folder() -> Arg {
    Arg::new("folder")
        .required(true)
        .value_hint(ValueHint::DirPath)
        .value_parser(value_parser!(PathBuf))
        .help("A folder that `modelwright assistant build` made")
}

fn mode() -> Arg {
    Arg::new("mode")
        .long("mode")
        .value_parser(["extract", "compose", "auto"])
}

/// The mode that was given.
fn given_mode(m: &ArgMatches) -> Option<Mode> {
    Some(match text(m, "mode")? {
        "extract" => Mode::Extract,
        "compose" => Mode::Compose,
        _ => Mode::Auto,
    })
}

/// A path that the parser has seen.
fn path<'a>(m: &'a ArgMatches, name: &str) -> &'a Path {
    m.get_one::<PathBuf>(name)
        .map_or(Path::new(""), PathBuf::as_path)
}

/// `modelwright assistant`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    match m.subcommand() {
        Some(("build", m)) => build::run(m, runs),
        Some(("ask", m)) => ask::run(m),
        Some(("test", m)) => test::run(m),
        Some(("export-training", m)) => export_log(m),
        _ => Ok(()),
    }
}

fn export_log(m: &ArgMatches) -> Result<()> {
    let folder = path(m, "folder");
    if !Assistant::is(folder) {
        return Err(AssistantError::asked(
            format!("{} is no assistant", folder.display()),
            "give a folder that `modelwright assistant build` made",
        )
        .into());
    }
    let settings = Settings::read(folder)?;
    let voice = |language: &str| settings.voice(language).prompt.clone();
    let place = Path::new(text(m, "output").unwrap_or(""));
    let exported = export::export(&modelwright_assistant::log_folder(folder), place, &voice)?;
    if m.get_flag("json") {
        return output::json(&exported);
    }
    println!(
        "{} conversations in {}, {} pairs in {}; {} answers have no rating",
        exported.conversations,
        place.join(export::CHAT).display(),
        exported.pairs,
        place.join(export::PAIRS).display(),
        exported.unrated
    );
    Ok(())
}
