//! `explain`.

mod ask;
mod show;
mod words;

use super::{open_bundle, open_options, text};
use crate::args::{bundle, json, lang, output, source_args};
use crate::output;
use crate::progress::Reading;
use anyhow::Result;
use ask::{Answer, Question};
use burn::tensor::Device;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use modelwright_data::Content;
use modelwright_explain::table::Wish;
use modelwright_explain::{Method, picture, text as texts};
use modelwright_runs::write_file;
use modelwright_tasks::{Given, InputSchema, TaskError, load};
use modelwright_words::Lang;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Most pictures or texts that are explained at once.
const MOST: usize = 20;

/// The arguments of `modelwright explain`.
pub fn command() -> Command {
    let methods = Method::ALL.map(Method::name);
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("NUMBER")
            .value_parser(value_parser!(f64))
            .allow_hyphen_values(true)
            .help(help)
    };
    Command::new("explain")
        .about("Why does a model say what it says, and what would change its answer?")
        .after_help(
            "Examples:\n  modelwright explain runs/photos-resnet18-1 cat.jpg --method grad-cam --output why/\n  \
             modelwright explain runs/reviews-bert-1 \"Great phone, bad battery\"\n  \
             modelwright explain runs/credit-mlp-1 customers.csv --row 3\n  \
             modelwright explain runs/credit-mlp-1 customers.csv --method counterfactual --fixed age\n  \
             modelwright explain runs/credit-mlp-1 customers.csv --method partial-dependence --column age\n  \
             modelwright explain runs/credit-mlp-1 customers.csv --method importance",
        )
        .arg(bundle())
        .arg(
            Arg::new("inputs")
                .required(true)
                .num_args(1..)
                .value_hint(ValueHint::AnyPath)
                .help("As for `predict`; with the true answers for `importance`"),
        )
        .arg(
            Arg::new("method")
                .long("method")
                .value_parser(PossibleValuesParser::new(methods))
                .help("How [default: occlusion for pictures, leave-one-out for texts, shapley for rows]"),
        )
        .arg(
            Arg::new("class")
                .long("class")
                .help("The class that is explained [default: the one that the model gives]"),
        )
        .arg(
            Arg::new("row")
                .long("row")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .help("Explain this example, counted from 1 [default: the first row; all pictures and texts]"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("SOURCE")
                .value_hint(ValueHint::AnyPath)
                .help("Rows to compare with, values to change to, examples to find [default: the training data]"),
        )
        .arg(
            Arg::new("column")
                .long("column")
                .help("Column for `partial-dependence`"),
        )
        .arg(
            Arg::new("wanted")
                .long("wanted")
                .value_name("CLASS")
                .help("Class that a counterfactual is to get [default: the other one of two]"),
        )
        .arg(number("at-least", "Smallest number that a counterfactual is to get").conflicts_with("at-most"))
        .arg(number("at-most", "Largest number that a counterfactual is to get"))
        .arg(
            Arg::new("fixed")
                .long("fixed")
                .value_name("COLUMN")
                .action(ArgAction::Append)
                .help("Column that a counterfactual must not change, such as an age; may be repeated"),
        )
        .arg(
            Arg::new("baseline")
                .long("baseline")
                .value_parser(["mean", "black"])
                .default_value("mean")
                .help("What integrated gradients compare a picture with: the mean colour, or black"),
        )
        .arg(
            Arg::new("k")
                .short('k')
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..=1000))
                .default_value("5")
                .help("Training examples or counterfactuals to find"),
        )
        .arg(lang("Language of what is said and of pages"))
        .arg(output("Folder for pictures with their heat map, texts in colour, and all as JSON", "FOLDER"))
        .args(source_args())
        .arg(json())
}

/// What is told of one example.
#[derive(Serialize)]
struct Told {
    /// What the example is called.
    input: String,
    #[serde(flatten)]
    answer: Answer,
}

/// `modelwright explain`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let bundle = open_bundle(text(m, "bundle").unwrap_or(""), runs)?;
    let predictor = load(&bundle, Device::flex())?;
    let reading = Reading::new(m.get_flag("json"));
    let notify = |n| reading.show(n);
    let lang = text(m, "lang")
        .and_then(Lang::from_code)
        .unwrap_or(Lang::En);
    let all = |name| m.get_many::<String>(name).into_iter().flatten().cloned();
    let inputs: Vec<String> = all("inputs").collect();
    let takes = predictor.input();
    let given = Given::read(&inputs, &takes, open_options(m, &notify))?;
    let question = Question {
        predictor: &*predictor,
        bundle: &bundle,
        runs,
        given: &given,
        method: method(text(m, "method"), &takes)?,
        class: text(m, "class"),
        data: text(m, "data"),
        column: text(m, "column"),
        wish: Wish {
            class: text(m, "wanted").or(text(m, "class")),
            at_least: m.get_one::<f64>("at-least").copied(),
            at_most: m.get_one::<f64>("at-most").copied(),
        },
        fixed: all("fixed").collect(),
        baseline: match text(m, "baseline") {
            Some("black") => picture::Baseline::Black,
            _ => picture::Baseline::Mean,
        },
        count: m.get_one::<u64>("k").copied().unwrap_or(5) as usize,
        options: open_options(m, &notify),
    };
    let row = m.get_one::<u64>("row").map(|row| *row as usize);
    let mut told = Vec::new();
    for row in rows(&question, row)? {
        told.push(Told {
            input: match question.is_of_all() {
                true => given.place.clone(),
                false => name(&given, row, lang),
            },
            answer: question.ask(row)?,
        });
    }
    if let Some(folder) = text(m, "output") {
        write(Path::new(folder), &question, &told, lang)?;
    }
    if m.get_flag("json") {
        return output::json(&told);
    }
    given
        .notes
        .iter()
        .for_each(|note| eprintln!("note: {note}"));
    for told in &told {
        show::show(lang, &told.input, &told.answer);
    }
    println!("\n{}", question.method.assumes(lang));
    if let Some(folder) = text(m, "output") {
        println!("\n{}", words::tr(lang, "written", &[("folder", &folder)]));
    }
    Ok(())
}

/// The method asked for, or the first one for such inputs.
fn method(name: Option<&str>, takes: &InputSchema) -> Result<Method> {
    let suitable = Method::of_input(takes);
    let Some(method) = name.and_then(Method::named) else {
        return Ok(suitable[0]);
    };
    if suitable.contains(&method) {
        return Ok(method);
    }
    let names: Vec<&str> = suitable.iter().map(|m| m.name()).collect();
    Err(TaskError::Asked {
        message: format!("`{method}` is not for what this model takes"),
        help: format!("use one of {}", names.join(", ")),
    }
    .into())
}

/// The examples to explain.
fn rows(question: &Question, row: Option<usize>) -> Result<Vec<usize>> {
    let count = question.given.content.len();
    if let Some(row) = row {
        if row > count {
            return Err(TaskError::Asked {
                message: format!("{} has no example {row}", question.given.place),
                help: format!("give a --row from 1 to {count}"),
            }
            .into());
        }
        return Ok(vec![row - 1]);
    }
    let one_by_one = match &question.given.content {
        Content::Images(_) => true,
        Content::Table(_) => question.predictor.input().only_text().is_some(),
    };
    if !one_by_one || count == 0 {
        if count > 1 && !question.is_of_all() {
            eprintln!("note: the first of {count} rows is explained; --row chooses another");
        }
        return Ok(vec![0]);
    }
    if count > MOST {
        eprintln!("note: the first {MOST} of {count} examples are explained; --row chooses one");
    }
    Ok((0..count.min(MOST)).collect())
}

/// What to call an example.
fn name(given: &Given, row: usize, lang: Lang) -> String {
    match &given.content {
        Content::Images(set) => set.name(row),
        Content::Table(table) if table.rows() == 1 => given.place.clone(),
        Content::Table(_) => {
            let row = row + 1;
            words::tr(lang, "row-of", &[("place", &given.place), ("row", &row)])
        }
    }
}

/// Writes all as JSON, pictures with their heat map, and texts as pages.
fn write(folder: &Path, question: &Question, told: &[Told], lang: Lang) -> Result<()> {
    let method = question.method.name();
    let file = |i: usize, ending: &str| -> PathBuf {
        folder.join(format!("{:02}-{method}.{ending}", i + 1))
    };
    for (i, told) in told.iter().enumerate() {
        let Answer::Shares { row, explanation } = &told.answer else {
            continue;
        };
        if let (modelwright_explain::Shares::Picture(map), Content::Images(set)) =
            (&explanation.shares, &question.given.content)
        {
            let drawn = picture::overlay(&set.raster(*row).map_err(TaskError::from)?, map);
            let png = drawn.to_png().map_err(anyhow::Error::msg)?;
            write_file(&file(i, "png"), &png).map_err(TaskError::from)?;
        }
        if let Some(page) = texts::to_html(explanation, lang) {
            write_file(&file(i, "html"), page.as_bytes()).map_err(TaskError::from)?;
        }
    }
    let all = serde_json::to_vec_pretty(told)?;
    Ok(write_file(&folder.join("explanations.json"), &all).map_err(TaskError::from)?)
}
