//! The command line. Flags of `train` come from the recipe's declaration.

use crate::commands;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use modelwright_train::MOST_MINUTES;
use modelwright_train::recipe::{Field, FieldKind, fields};
use std::time::Duration;

/// The usual folder of runs.
pub const RUNS: &str = "runs";

/// The whole command line.
pub fn command() -> Command {
    Command::new("modelwright")
        .version(env!("CARGO_PKG_VERSION"))
        .about("From your own data to a model in your product: choose, train, evaluate, serve.")
        .after_help(
            "Examples:\n  modelwright train digits                 train on embedded pictures, in seconds\n  \
             modelwright train photos/                one folder a class\n  \
             modelwright train sales.csv --target price\n  \
             modelwright train reviews.csv            a column of texts, a column of labels\n  \
             modelwright predict runs/digits-mlp-1 picture.png\n  \
             modelwright serve digits-mlp-1           behind an address\n  \
             modelwright runs list",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(runs_dir())
        .subcommand(train())
        .subcommand(resume())
        .subcommand(evaluate())
        .subcommand(predict())
        .subcommand(commands::explain::command())
        .subcommand(commands::embed::command())
        .subcommand(commands::search::command())
        .subcommand(commands::chat::command())
        .subcommand(commands::assistant::command())
        .subcommand(commands::serve::command())
        .subcommand(commands::studio::command())
        .subcommand(commands::token::command())
        .subcommand(commands::bench_serve::command())
        .subcommand(commands::bench_chat::command())
        .subcommand(runs())
        .subcommand(commands::cost::command())
        .subcommand(commands::card::command())
        .subcommand(data())
        .subcommand(Command::new("models").about("List the architectures").arg(json()))
        .subcommand(Command::new("tasks").about("List what a model can be trained to do").arg(json()))
        .subcommand(recipe())
        .subcommand(
            Command::new("completions")
                .about("Print completions for a shell")
                .after_help("Example:\n  modelwright completions bash > ~/.local/share/bash-completion/completions/modelwright")
                .arg(Arg::new("shell").required(true).value_parser(clap::value_parser!(clap_complete::Shell))),
        )
}

fn runs_dir() -> Arg {
    Arg::new("runs-dir")
        .long("runs-dir")
        .global(true)
        .env("MODELWRIGHT_RUNS")
        .default_value(RUNS)
        .value_hint(ValueHint::DirPath)
        .help("Folder of runs and their store")
}

/// Asks for JSON.
pub fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print JSON, for scripts")
}

/// Asks for a language.
pub fn lang(help: &'static str) -> Arg {
    Arg::new("lang")
        .long("lang")
        .value_parser(["en", "zh"])
        .default_value("en")
        .help(help)
}

/// Asks for silence.
pub fn quiet() -> Arg {
    Arg::new("quiet")
        .long("quiet")
        .short('q')
        .action(ArgAction::SetTrue)
        .help("Show no progress")
}

fn train() -> Command {
    let command = Command::new("train")
        .about("Train a model on your data")
        .after_help(
            "What is not given is chosen to suit the data. Examples:\n  modelwright train digits\n  \
             modelwright train mnist --architecture mlp --hidden 256,128 --optimizer adam --epochs 5\n  \
             modelwright train houses.csv --target price --architecture linear\n  \
             modelwright train photos/ --architecture resnet18 --weights resnet18.safetensors --freeze\n  \
             modelwright train reviews.csv --architecture bert --weights all-MiniLM-L6-v2/ --lora-rank 8\n  \
             modelwright train help-pages/ --task question-answering\n  \
             modelwright train --recipe recipe.toml --set training.seed=7",
        )
        .arg(
            Arg::new("source")
                .value_hint(ValueHint::AnyPath)
                .help("A data set's name, a folder of pictures or texts, a table, SQuAD's JSON, or Markdown"),
        )
        .arg(
            Arg::new("recipe")
                .long("recipe")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("Start from a recipe in TOML; flags and --set win over it"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .help("Set any key of the recipe, such as optimizer.momentum=0.9"),
        )
        .arg(
            Arg::new("tensorboard")
                .long("tensorboard")
                .action(ArgAction::SetTrue)
                .help("Write TensorBoard files into the run folder"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Print the complete recipe and stop"),
        )
        .arg(time_limit())
        .arg(json())
        .arg(quiet());
    fields()
        .into_iter()
        .filter(|f| f.key != "data.source")
        .fold(command, |c, f| c.arg(flag(&f)))
}

fn time_limit() -> Arg {
    Arg::new("time-limit")
        .long("time-limit")
        .value_name("MINUTES")
        .value_parser(minutes)
        .help("End the training after so many minutes; the best model so far is measured and kept")
}

fn minutes(text: &str) -> Result<Duration, String> {
    modelwright_train::time_limit(text).ok_or_else(|| {
        format!("give a number of minutes above 0, at most {MOST_MINUTES} (four weeks)")
    })
}

/// The flag of one setting of the recipe.
fn flag(field: &Field) -> Arg {
    let mut help = field.doc.clone();
    if !field.only_for.is_empty() {
        help += &format!(" [{} only]", field.only_for.join(", "));
    }
    if let Some(default) = &field.default {
        help += &format!(" [default: {}]", default.trim_matches('"'));
    }
    let section = match field.section() {
        "" => "Recipe".to_string(),
        name => format!("Recipe: {name}"),
    };
    let arg = Arg::new(field.key.clone())
        .long(field.flag())
        .help(help)
        .help_heading(section)
        .allow_hyphen_values(matches!(field.kind, FieldKind::Number | FieldKind::Integer));
    match &field.kind {
        // `--flip` alone means yes.
        FieldKind::Boolean => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false")
            .value_parser(["true", "false"]),
        FieldKind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|(word, _)| word.clone()).collect();
            arg.value_parser(PossibleValuesParser::new(words))
                .value_name(field.flag().to_uppercase())
        }
        _ => arg.value_name(field.placeholder()),
    }
}

fn resume() -> Command {
    Command::new("resume")
        .about("Go on with a run that was stopped, exactly where it stopped")
        .arg(
            Arg::new("run")
                .default_value("latest")
                .help("Name of the run"),
        )
        .arg(
            Arg::new("tensorboard")
                .long("tensorboard")
                .action(ArgAction::SetTrue)
                .help("Write TensorBoard files"),
        )
        .arg(time_limit())
        .arg(json())
        .arg(quiet())
}

fn evaluate() -> Command {
    Command::new("evaluate")
        .about("Measure a model on labelled data")
        .after_help(
            "On the data it was trained on, only the test part is used, and the data is read as it was \
             then. Examples:\n  \
             modelwright evaluate runs/digits-mlp-1 digits\n  \
             modelwright evaluate model/ new-photos/ --output charts/\n  \
             modelwright evaluate credit-mlp-1 credit.csv --report report/ --positive bad \\\n    \
             --cost-alarm 1 --cost-miss 5 --sensitive sex --sensitive age",
        )
        .arg(bundle())
        .arg(Arg::new("data").required(true).value_hint(ValueHint::AnyPath).help("As for `train`"))
        .arg(
            Arg::new("part")
                .long("part")
                .value_parser(["test", "validation", "train", "all"])
                .help("Which part of the data [default: test for the training data, all for other data]"),
        )
        .arg(output("Folder for the metrics as JSON and charts as SVG and PNG", "FOLDER"))
        .args(report_args())
        .args(source_args())
        .arg(json())
}

/// What a report of `evaluate` is about.
fn report_args() -> [Arg; 11] {
    let of_report = |name: &'static str| Arg::new(name).long(name).help_heading("Report");
    let needs = |arg: Arg| arg.requires("report");
    [
        of_report("report")
            .value_name("FOLDER")
            .value_hint(ValueHint::DirPath)
            .help("Write report.html, one page on whether the model can be trusted, and report.json"),
        needs(lang("Language of the page").help_heading("Report")),
        needs(of_report("positive"))
            .value_name("CLASS")
            .help("The class that a decision is about [default: the rarer of two]"),
        needs(of_report("cost-alarm"))
            .value_name("COST")
            .value_parser(clap::value_parser!(f64))
            .help("What it costs to take an example for that class that is not [default: 1]"),
        needs(of_report("cost-miss"))
            .value_name("COST")
            .value_parser(clap::value_parser!(f64))
            .help("What it costs to miss one of that class [default: 1]"),
        needs(of_report("sensitive"))
            .value_name("COLUMN")
            .action(ArgAction::Append)
            .help("A column by which people must not be treated differently, such as sex; several may be given"),
        needs(of_report("reweigh-check"))
            .action(ArgAction::SetTrue)
            .requires("sensitive")
            .help("Train again with examples reweighed by each sensitive column, to tell what that would do and cost"),
        needs(of_report("against"))
            .value_name("BUNDLE")
            .help("A second model, measured on the same examples"),
        needs(of_report("reference"))
            .value_name("DATA")
            .value_hint(ValueHint::AnyPath)
            .help("Data to compare this data with [default: that of the training, if it is at hand]"),
        needs(of_report("learning-curve"))
            .action(ArgAction::SetTrue)
            .help("Train again on parts of the training data, to tell whether more data would help; takes about twice as long as the training"),
        Arg::new("calibrate")
            .long("calibrate")
            .action(ArgAction::SetTrue)
            .help("Correct the probabilities by a temperature, stored in the bundle; no answer changes"),
    ]
}

fn predict() -> Command {
    Command::new("predict")
        .about("Apply a model to new data")
        .after_help(
            "Examples:\n  modelwright predict runs/digits-mlp-1 a.png b.png\n  \
             modelwright predict runs/ames-mlp-1 houses.csv --output prices.csv\n  \
             modelwright predict runs/reviews-bert-1 \"Great phone, bad battery\"\n  \
             cat rows.csv | modelwright predict runs/iris-mlp-1 - --json",
        )
        .arg(bundle())
        .arg(
            Arg::new("inputs")
                .required(true)
                .num_args(1..)
                .value_hint(ValueHint::AnyPath)
                .help("Pictures or folders of them, one table, texts or files of them, or - for CSV or JSON lines on standard input"),
        )
        .arg(output("File for the predictions [default: standard output]", "FILE"))
        .arg(
            Arg::new("format")
                .long("format")
                .value_parser(["csv", "jsonl", "table"])
                .help("Form of the predictions [default: by the output's ending; a table on a terminal; else csv]"),
        )
        .args(source_args())
        .arg(json().conflicts_with("format"))
        .arg(quiet())
}

/// Names a model.
pub fn bundle() -> Arg {
    Arg::new("bundle")
        .required(true)
        .value_hint(ValueHint::DirPath)
        .help("A bundle, a run folder, or the name of a run")
}

/// Names the place of what is made.
pub fn output(help: &'static str, value: &'static str) -> Arg {
    Arg::new("output")
        .long("output")
        .short('o')
        .value_name(value)
        .value_hint(ValueHint::AnyPath)
        .help(help)
}

/// How a source is read.
pub fn source_args() -> Vec<Arg> {
    vec![
        Arg::new("data-dir")
            .long("data-dir")
            .value_hint(ValueHint::DirPath)
            .help("Folder that already holds the files of a named data set"),
        Arg::new("encoding")
            .long("encoding")
            .default_value("auto")
            .help("Text encoding, such as gb18030 or windows-1252; auto finds it out"),
        Arg::new("skip-bad")
            .long("skip-bad")
            .action(ArgAction::SetTrue)
            .help("Leave out pictures that cannot be read"),
    ]
}

fn runs() -> Command {
    let run = || {
        Arg::new("run")
            .required(true)
            .help("Name of the run, or `latest`")
    };
    Command::new("runs")
        .about("List, show, compare and remove runs")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("All runs, newest first")
                .arg(json()),
        )
        .subcommand(
            Command::new("show")
                .about("One run with its curves, scores and recipe")
                .arg(run())
                .arg(json()),
        )
        .subcommand(
            Command::new("compare")
                .about("Scores and differing settings of several runs side by side")
                .arg(
                    Arg::new("runs")
                        .required(true)
                        .num_args(2..)
                        .help("Names of the runs"),
                )
                .arg(json()),
        )
        .subcommand(
            Command::new("rm")
                .about("Remove runs with all their files")
                .arg(
                    Arg::new("runs")
                        .required(true)
                        .num_args(1..)
                        .help("Names of the runs"),
                ),
        )
}

fn data() -> Command {
    let source = || {
        Arg::new("source")
            .required(true)
            .value_hint(ValueHint::AnyPath)
            .help("As for `train`")
    };
    let target = || {
        Arg::new("target")
            .long("target")
            .help("Column that is to be predicted")
    };
    Command::new("data")
        .about("List data sets; look into your own")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("The named data sets")
                .arg(json()),
        )
        .subcommand(
            Command::new("info")
                .about("Size, columns and classes")
                .arg(source())
                .arg(target())
                .args(source_args())
                .arg(json()),
        )
        .subcommand(
            Command::new("profile")
                .about("What is in the data and what is odd about it")
                .after_help("Example:\n  modelwright data profile photos/ --html profile.html")
                .arg(source())
                .arg(target())
                .arg(
                    Arg::new("html")
                        .long("html")
                        .value_name("FILE")
                        .value_hint(ValueHint::FilePath)
                        .help("Also write a page with pictures or charts"),
                )
                .args(source_args())
                .arg(json()),
        )
}

fn recipe() -> Command {
    Command::new("recipe")
        .about("Show what can be set")
        .after_help("The complete recipe for your data: modelwright train SOURCE --dry-run")
        .arg(
            Arg::new("reference")
                .long("reference")
                .action(ArgAction::SetTrue)
                .required(true)
                .help("Print all settings, in Markdown"),
        )
}
