//! `evaluate`.

use super::train::print_scores;
use super::{open_bundle, open_options, text};
use crate::output;
use crate::progress::Reading;
use anyhow::Result;
use burn::tensor::Device;
use clap::ArgMatches;
use modelwright_data::{Part, open};
use modelwright_evaluate::chart::to_png;
use modelwright_runs::write_file;
use modelwright_tasks::{Evaluation, TaskError, load};
use modelwright_train::Recipe;
use std::path::Path;

/// `modelwright evaluate`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let bundle = open_bundle(text(m, "bundle").unwrap_or(""), runs)?;
    let predictor = load(&bundle, Device::flex())?;
    let reading = Reading::new(m.get_flag("json"));
    let notify = |n| reading.show(n);
    let source = text(m, "data").unwrap_or("");
    let dataset = open(source, open_options(m, &notify)).map_err(TaskError::from)?;
    let recipe: Option<Recipe> = bundle
        .read("recipe.toml")
        .ok()
        .and_then(|b| toml::from_slice(&b).ok());
    let known = recipe.as_ref().is_some_and(|r| r.data.source == source);
    let part = text(m, "part").unwrap_or(if known { "test" } else { "all" });
    let wanted = match part {
        "train" => Some(Part::Train),
        "validation" => Some(Part::Validation),
        "test" => Some(Part::Test),
        _ => None,
    };
    let rows: Vec<usize> = match (wanted, &recipe) {
        (Some(wanted), Some(recipe)) => {
            let parts = predictor.parts(&dataset, recipe)?;
            (0..parts.len()).filter(|i| parts[*i] == wanted).collect()
        }
        _ => (0..dataset.content.len()).collect(),
    };
    if rows.is_empty() {
        let message = format!("{source} has no {part} part");
        return Err(TaskError::Asked {
            message,
            help: "choose another with --part".into(),
        }
        .into());
    }
    let evaluation = predictor.evaluate(&dataset, &rows)?;
    match m.get_flag("json") {
        true => output::json(&evaluation)?,
        false => {
            for note in &dataset.notes {
                println!("note: {note}");
            }
            print_scores(&evaluation, part);
            print_confusions(&evaluation);
        }
    }
    if let Some(folder) = text(m, "output") {
        write_report(Path::new(folder), &evaluation)?;
    }
    Ok(())
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
    pairs.sort_by(|a, b| b.0.cmp(&a.0));
    println!("most frequent confusions:");
    for (count, truth, predicted) in pairs.iter().take(10) {
        println!("  {count:>5}  {truth} taken for {predicted}");
    }
}

fn write_report(folder: &Path, evaluation: &Evaluation) -> Result<()> {
    let path = folder.join("evaluation.json");
    write_file(&path, &serde_json::to_vec_pretty(evaluation)?).map_err(TaskError::from)?;
    for (name, svg) in evaluation.charts() {
        let path = folder.join(format!("{name}.svg"));
        write_file(&path, svg.as_bytes()).map_err(TaskError::from)?;
        let png = to_png(&svg).map_err(anyhow::Error::msg)?;
        write_file(&path.with_extension("png"), &png).map_err(TaskError::from)?;
    }
    eprintln!("report in {}", folder.display());
    Ok(())
}
