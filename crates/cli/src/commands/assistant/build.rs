//! `assistant build`.

use super::given_mode;
use crate::commands::{bundle_folder, text};
use crate::output::{self, next_command, right, table};
use crate::progress::Stages;
use anyhow::Result;
use clap::ArgMatches;
use modelwright_assistant::{BuildOptions, BuildReport, Mode, Stage, build};
use std::path::{Path, PathBuf};

/// The folder of assistants in that of the runs.
const ASSISTANTS: &str = "assistants";
/// Most lines of a list that are shown.
const LINES: usize = 20;
/// Most characters of what was taken out that are shown.
const CHARACTERS: usize = 120;

pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let quiet = m.get_flag("quiet") || m.get_flag("json");
    let documents: Vec<PathBuf> = m
        .get_many("documents")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let usual = || {
        runs.join(ASSISTANTS).join(name(
            documents.first().map_or(Path::new(""), |d| d.as_path()),
        ))
    };
    let folder = &text(m, "output").map_or_else(usual, PathBuf::from);
    let options = BuildOptions {
        name: text(m, "name").map_or_else(|| name(folder).replace(['-', '_'], " "), String::from),
        model: text(m, "model").map(|name| model(name, runs)).transpose()?,
        embedder: text(m, "embedder")
            .map(|name| found(name, runs))
            .transpose()?,
        mode: given_mode(m).unwrap_or(match text(m, "model") {
            Some(_) => Mode::Auto,
            None => Mode::Extract,
        }),
    };
    let stages = Stages::new(quiet, bar);
    let report = build(&documents, &options, folder, &|stage, done, all| {
        stages.show(stage, done, all)
    })?;
    if m.get_flag("json") {
        return output::json(&report);
    }
    show(&report);
    println!(
        "\n{} is ready. What it says is in {}.",
        folder.display(),
        folder.join("settings.toml").display()
    );
    println!(
        "Ask it:  {}",
        next_command(&["assistant", "ask", &folder.display().to_string()], runs)
    );
    Ok(())
}

/// A language model by path, by the name of a run, or by hub id.
fn model(name: &str, runs: &Path) -> Result<String> {
    let folder = found(name, runs)?;
    let bundle = Path::new(&folder).join("bundle");
    Ok(if bundle.is_dir() {
        bundle.display().to_string()
    } else {
        folder
    })
}

/// A model by path, by the name of a run, or by hub id.
fn found(name: &str, runs: &Path) -> Result<String> {
    Ok(bundle_folder(name, runs)?.display().to_string())
}

/// The last part of a path, without its ending.
fn name(path: &Path) -> String {
    // Of `.` and `..` it is that of the folder itself.
    let whole = path.canonicalize().unwrap_or_else(|_| path.into());
    let stem = whole
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if stem.is_empty() {
        "assistant".into()
    } else {
        stem
    }
}

fn show(report: &BuildReport) {
    let by = |language: &String| match report.by_meaning.contains(language) {
        true => "words and meaning",
        false => "words",
    };
    println!(
        "{} documents, {} passages",
        report.documents, report.passages
    );
    let mut languages = table(&[
        "language",
        "passages",
        "found by",
        "answers from",
        "expected precision",
        "recall",
    ]);
    for (language, passages) in &report.languages {
        let threshold = report
            .thresholds
            .get(language)
            .or_else(|| report.thresholds.get(""));
        let number =
            |value: Option<f64>| right(value.map_or_else(|| "-".into(), |v| format!("{v:.2}")));
        languages.add_row(vec![
            language.into(),
            right(passages),
            by(language).into(),
            number(threshold.map(|t| t.answer_from)),
            number(threshold.map(|t| t.precision)),
            number(threshold.map(|t| t.recall)),
        ]);
    }
    println!("{languages}");
    list(
        "left out",
        report
            .skipped
            .iter()
            .map(|s| format!("{}: {}", s.file, s.problem))
            .collect(),
    );
    list("noticed", report.notes.clone());
    let suspicious = report.suspicious.iter().map(|s| {
        let text: String = s.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text: String = text.chars().take(CHARACTERS).collect();
        format!("{} {}: {text}", s.file, s.heading)
    });
    list(
        "taken out, because it speaks to a model and not to customers (look at these documents)",
        suspicious.collect(),
    );
}

fn list(title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    println!("{} {title}:", lines.len());
    lines
        .iter()
        .take(LINES)
        .for_each(|line| println!("  {line}"));
    if lines.len() > LINES {
        println!(
            "  … and {} more (all of them with --json)",
            lines.len() - LINES
        );
    }
}

/// What the bar of a stage looks like.
fn bar(stage: Stage) -> &'static str {
    match stage {
        Stage::Reading => "reading {bar:24} {pos}/{len}",
        Stage::Embedding => "embedding {bar:24} {pos}/{len}  {eta} left",
        Stage::Calibrating => "asking {bar:24} {pos}/{len}  {eta} left",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_the_company() {
        assert_eq!(
            name(Path::new("x/fern-and-field.assistant")),
            "fern-and-field"
        );
        assert_eq!(name(Path::new("/")), "assistant");
    }
}
