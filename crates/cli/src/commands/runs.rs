//! `runs list|show|compare|rm`.

use super::train::print_comparison;
use super::{store_with, text};
use crate::output::{self, duration, label, next_command, number, right, score, table};
use anyhow::Result;
use clap::ArgMatches;
use comfy_table::Cell;
use modelwright_runs::{EpochScore, Run, Status, Store, differences};
use modelwright_tasks::TaskError;
use std::path::Path;

/// `modelwright runs`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    match m.subcommand() {
        Some(("list", m)) => list(runs, m.get_flag("json")),
        Some(("show", m)) => show(runs, text(m, "run").unwrap_or("latest"), m.get_flag("json")),
        Some(("compare", m)) => compare(runs, &names(m), m.get_flag("json")),
        Some(("rm", m)) => names(m).iter().try_for_each(|id| {
            let store = store_with(id, runs)?;
            store.remove(id).map_err(TaskError::from)?;
            println!("removed {id}");
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn names(m: &ArgMatches) -> Vec<String> {
    m.get_many::<String>("runs")
        .into_iter()
        .flatten()
        .cloned()
        .collect()
}

fn get(store: &Store, id: &str) -> Result<Run> {
    Ok(store.get(id).map_err(TaskError::from)?)
}

fn list(root: &Path, json: bool) -> Result<()> {
    // Looking makes no store.
    let runs = match Store::open_existing(root).map_err(TaskError::from)? {
        Some(store) => store.list().map_err(TaskError::from)?,
        None => Vec::new(),
    };
    if json {
        return output::json(&runs);
    }
    if runs.is_empty() {
        let command = next_command(&["train", "digits"], root);
        println!("no runs yet; start with `{command}`");
        return Ok(());
    }
    let mut out = table(&["run", "task", "data", "status", "score", "time", "started"]);
    for run in runs {
        let headline = run.scores.first();
        out.add_row([
            Cell::new(&run.id),
            Cell::new(&run.task),
            Cell::new(&run.source),
            Cell::new(run.status.name()),
            Cell::new(headline.map_or(String::new(), |(n, v)| {
                let part = match run.scored_on.as_str() {
                    "" => String::new(),
                    part => format!(" ({part})"),
                };
                format!("{} {}{part}", label(n), score(n, *v))
            })),
            right(duration(run.total_seconds())),
            Cell::new(started(&run)),
        ]);
    }
    println!("{out}");
    Ok(())
}

/// `2026-03-01 14:05`, in universal time.
fn started(run: &Run) -> String {
    run.created
        .chars()
        .take(16)
        .map(|c| if c == 'T' { ' ' } else { c })
        .collect()
}

fn show(root: &Path, id: &str, json: bool) -> Result<()> {
    let store = store_with(id, root)?;
    let run = get(&store, id)?;
    let epochs = store.epochs(&run.id).map_err(TaskError::from)?;
    if json {
        let comparison = store.folder(&run.id).comparison();
        return output::json(
            &serde_json::json!({ "run": run, "epochs": epochs, "comparison": comparison }),
        );
    }
    println!("{}  {}  {}", run.id, run.status.name(), started(&run));
    println!(
        "{} with {} on {}, {}",
        run.task,
        run.architecture,
        run.source,
        duration(run.total_seconds())
    );
    if let Some(cost) = &run.cost {
        println!("{}\n  {}", cost.words(), cost.basis());
    }
    if let Some(cost) = &run.prediction_cost {
        println!(
            "1,000 predictions: {} in {} s",
            cost.words(),
            number(cost.usage.seconds)
        );
    }
    if !run.message.is_empty() {
        println!("error: {}", run.message);
    }
    if !run.scores.is_empty() {
        let part = match run.scored_on.as_str() {
            "" => "scores",
            part => part,
        };
        let mut out = table(&[part, ""]);
        for (name, value) in &run.scores {
            out.add_row([Cell::new(label(name)), right(score(name, *value))]);
        }
        println!("{out}");
    }
    let folder = store.folder(&run.id);
    if let Some(comparison) = folder.comparison() {
        print_comparison(&comparison);
    }
    print_epochs(&epochs);
    println!("\nrecipe:\n{}", run.recipe);
    println!("files in {}:", folder.path().display());
    let mut entries: Vec<String> = std::fs::read_dir(folder.path())
        .map(|dir| {
            dir.flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    entries.sort();
    println!("  {}", entries.join("  "));
    if run.status == Status::Interrupted {
        println!("\nto go on: {}", next_command(&["resume", &run.id], root));
    }
    Ok(())
}

/// At most about twenty epochs, evenly chosen, always with the last.
fn print_epochs(epochs: &[EpochScore]) {
    let Some(last) = epochs.last().map(|e| e.epoch) else {
        return;
    };
    let mut columns: Vec<(&str, &str)> = Vec::new();
    for e in epochs {
        if !columns.contains(&(e.part.as_str(), e.name.as_str())) {
            columns.push((&e.part, &e.name));
        }
    }
    let titles: Vec<String> = columns
        .iter()
        .map(|(p, n)| format!("{p} {}", label(n)))
        .collect();
    let mut header = vec!["epoch"];
    header.extend(titles.iter().map(String::as_str));
    let mut out = table(&header);
    let step = last.div_ceil(20);
    for epoch in (1..=last).filter(|e| (last - e) % step == 0) {
        let mut row = vec![right(epoch)];
        for (part, name) in &columns {
            let of = |e: &&EpochScore| e.epoch == epoch && e.part == *part && e.name == *name;
            row.push(right(
                epochs
                    .iter()
                    .find(of)
                    .map_or(String::new(), |e| score(name, e.value)),
            ));
        }
        out.add_row(row);
    }
    println!("{out}");
}

fn compare(root: &Path, ids: &[String], json: bool) -> Result<()> {
    let store = store_with(ids.first().map_or("latest", String::as_str), root)?;
    let runs = ids
        .iter()
        .map(|id| get(&store, id))
        .collect::<Result<Vec<Run>>>()?;
    if json {
        return output::json(&runs);
    }
    let mut header = vec![""];
    header.extend(runs.iter().map(|r| r.id.as_str()));
    let mut out = table(&header);
    let mut scores: Vec<&str> = Vec::new();
    for (name, _) in runs.iter().flat_map(|r| &r.scores) {
        if !scores.contains(&name.as_str()) {
            scores.push(name);
        }
    }
    for name in scores {
        let value = |r: &Run| {
            r.scores
                .iter()
                .find(|(n, _)| n == name)
                .map(|(n, v)| score(n, *v))
        };
        let mut row = vec![Cell::new(label(name)).add_attribute(comfy_table::Attribute::Bold)];
        row.extend(runs.iter().map(|r| right(value(r).unwrap_or_default())));
        out.add_row(row);
    }
    let mut row = vec![Cell::new("measured on")];
    row.extend(runs.iter().map(|r| right(&r.scored_on)));
    out.add_row(row);
    let mut row = vec![Cell::new("time")];
    row.extend(runs.iter().map(|r| right(duration(r.total_seconds()))));
    out.add_row(row);
    for (key, values) in differences(&runs) {
        let mut row = vec![Cell::new(key)];
        row.extend(values.iter().map(right));
        out.add_row(row);
    }
    println!("{out}");
    Ok(())
}
