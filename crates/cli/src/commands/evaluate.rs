//! `evaluate`.

mod report;

use super::train::print_scores;
use super::{open_bundle, open_options, text};
use crate::output::{self, grouped};
use crate::progress::Reading;
use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::ArgMatches;
use clap::parser::ValueSource;
use modelwright_data::{Dataset, Notify, OpenOptions, Part, open};
use modelwright_runs::{Bundle, write_chart, write_file};
use modelwright_tasks::{Answers, Evaluation, TaskError, load};
use modelwright_train::Recipe;
use report::Given;
use std::path::Path;

/// `modelwright evaluate`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let bundle = open_bundle(text(m, "bundle").unwrap_or(""), runs)?;
    let predictor = load(&bundle, Device::flex())?;
    let reading = Reading::new(m.get_flag("json"));
    let notify = |n| reading.show(n);
    let source = text(m, "data").unwrap_or("");
    let recipe = recipe_of(&bundle);
    let trained_on = recipe.as_ref().ok().filter(|r| {
        let folder = r.data.data_dir.as_deref().map(|d| d.display().to_string());
        same_source(&r.data.source, source) || folder.is_some_and(|f| same_source(&f, source))
    });
    let options = reading_options(m, trained_on, &notify);
    let dataset = open(source, options).map_err(TaskError::from)?;
    let own_parts = match trained_on {
        Some(recipe) => Some(predictor.parts(&dataset, recipe)?),
        None => None,
    };
    let usual = if own_parts.is_some() { "test" } else { "all" };
    let part = text(m, "part").unwrap_or(usual);
    let of_part = match (&own_parts, Part::named(part), &recipe) {
        (Some(parts), Some(_), _) => Ok(Some(parts.clone())),
        (None, Some(_), Ok(recipe)) => Ok(Some(predictor.parts(&dataset, recipe)?)),
        (None, Some(_), Err(cause)) => Err(unknown_parts(cause, part, source)),
        (_, None, recipe) => {
            if recipe.is_err() && text(m, "part").is_none() {
                eprintln!(
                    "note: the bundle does not say what it was trained on; all examples of {source} \
                     are used, and the model may have seen them"
                );
            }
            Ok(None)
        }
    }?;
    let rows = rows(&dataset, of_part.as_deref(), part)?;
    let (answers, evaluation) = Answers::measured(&*predictor, &dataset, &rows)?;
    match m.get_flag("json") {
        true => output::json(&evaluation)?,
        false => {
            for note in &dataset.notes {
                println!("note: {note}");
            }
            print_scores(&evaluation, part);
            print_confusions(&evaluation);
            print_refusals(&evaluation);
        }
    }
    if let Some(folder) = text(m, "output") {
        write_charts(Path::new(folder), &evaluation)?;
    }
    let given = Given {
        m,
        runs,
        bundle: &bundle,
        predictor: &*predictor,
        recipe: recipe.as_ref().ok(),
        dataset: &dataset,
        parts: own_parts.as_deref(),
        part,
        notify: &notify,
    };
    given.work(answers)
}

/// The examples of a part, or all without parts.
fn rows(dataset: &Dataset, parts: Option<&[Part]>, part: &str) -> Result<Vec<usize>> {
    let wanted = |i: &usize| parts.is_none_or(|parts| Some(parts[*i]) == Part::named(part));
    let rows: Vec<usize> = (0..dataset.content.len()).filter(wanted).collect();
    match rows.is_empty() {
        false => Ok(rows),
        true => Err(TaskError::Asked {
            message: format!("{} has no {part} part", dataset.source),
            help: "choose another with --part".into(),
        }
        .into()),
    }
}

/// Without the recipe nobody knows which examples the model was trained on.
fn unknown_parts(cause: &anyhow::Error, part: &str, source: &str) -> anyhow::Error {
    anyhow::anyhow!("{cause:#}").context(TaskError::Asked {
        message: format!(
            "the {part} part of {source} cannot be told: the bundle does not say how the data was divided"
        ),
        help: "measure all examples with --part all, or give a complete bundle".into(),
    })
}

/// The recipe in the bundle, or why there is none.
pub(super) fn recipe_of(bundle: &Bundle) -> Result<Recipe> {
    let bytes = bundle.read("recipe.toml").map_err(TaskError::from)?;
    toml::from_slice(&bytes).context("recipe.toml in the bundle cannot be read")
}

/// Whether both name the same data: `photos`, `photos/` and an absolute path to it do.
fn same_source(a: &str, b: &str) -> bool {
    match (Path::new(a).canonicalize(), Path::new(b).canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        // The name of a data set is no path.
        _ => a == b,
    }
}

/// How the data is read: as for the training, if it is the same data; what is given wins.
fn reading_options<'a>(
    m: &'a ArgMatches,
    trained_on: Option<&'a Recipe>,
    notify: Notify<'a>,
) -> OpenOptions<'a> {
    let given = open_options(m, notify);
    let Some(recipe) = trained_on else {
        return given;
    };
    let mut options = recipe.data.open_options(notify);
    options.data_dir = given.data_dir.or(options.data_dir);
    options.skip_bad |= given.skip_bad;
    if m.value_source("encoding") == Some(ValueSource::CommandLine) {
        options.encoding = given.encoding;
    }
    options
}

/// The confusion matrix, or its largest entries where it is too wide for a terminal.
fn print_confusions(evaluation: &Evaluation) {
    let Evaluation::Classification(report) = evaluation else {
        return;
    };
    if report.classes.len() <= 12 {
        let mut header = vec!["true \\ predicted"];
        header.extend(report.classes.iter().map(String::as_str));
        let mut matrix = output::table(&header);
        for (class, counts) in report.classes.iter().zip(&report.confusion) {
            let mut row = vec![comfy_table::Cell::new(class)];
            row.extend(counts.iter().map(output::right));
            matrix.add_row(row);
        }
        println!("{matrix}");
        return;
    }
    let mut pairs: Vec<(usize, &str, &str)> = Vec::new();
    for (t, counts) in report.confusion.iter().enumerate() {
        for (p, count) in counts
            .iter()
            .enumerate()
            .filter(|(p, c)| *p != t && **c > 0)
        {
            pairs.push((*count, &report.classes[t], &report.classes[p]));
        }
    }
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.0));
    println!("most frequent confusions:");
    for (count, truth, predicted) in pairs.iter().take(10) {
        println!("  {count:>5}  {truth} taken for {predicted}");
    }
}

/// Below which confidence a search says that it does not know.
fn print_refusals(evaluation: &Evaluation) {
    if let Evaluation::Retrieval(report) = evaluation
        && let Some(answers) = &report.answers
    {
        println!(
            "it answers from a confidence of {:.0} % on; {} of {} questions have an answer among {} texts",
            100.0 * answers.threshold,
            grouped(report.in_scope as i64),
            grouped(report.examples as i64),
            grouped(report.candidates as i64)
        );
    }
}

fn write_charts(folder: &Path, evaluation: &Evaluation) -> Result<()> {
    let path = folder.join("evaluation.json");
    write_file(&path, &serde_json::to_vec_pretty(evaluation)?).map_err(TaskError::from)?;
    for (name, svg) in evaluation.charts() {
        write_chart(folder, name, &svg).map_err(TaskError::from)?;
    }
    eprintln!("report in {}", folder.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::same_source;

    #[test]
    fn the_same_data_is_known_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        std::fs::create_dir(&photos).unwrap();
        let plain = photos.display().to_string();
        for other in [
            format!("{plain}/"),
            format!("{}/./photos", folder.path().display()),
            plain.clone(),
        ] {
            assert!(same_source(&plain, &other), "{other}");
        }
        assert!(same_source("digits", "digits"));
        assert!(!same_source("digits", "iris"));
        assert!(!same_source(&plain, &folder.path().display().to_string()));
    }
}
