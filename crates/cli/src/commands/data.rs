//! `data list|info|profile`.

use super::{open_options, text};
use crate::output::{self, grouped, number, right, table};
use crate::progress::Reading;
use anyhow::Result;
use clap::ArgMatches;
use comfy_table::Cell;
use modelwright_data::catalog::NAMED;
use modelwright_data::profile::{
    ContentProfile, ImageProfile, Profile, TableProfile, TextProfile, page,
};
use modelwright_data::{Column, Content, Dataset, Part, open};
use modelwright_runs::write_file;
use modelwright_tasks::{TaskError, usual_parts};
use std::path::Path;

/// `modelwright data`.
pub fn run(m: &ArgMatches) -> Result<()> {
    match m.subcommand() {
        Some(("list", m)) => list(m.get_flag("json")),
        Some(("info", m)) => info(m),
        Some(("profile", m)) => profile(m),
        _ => Ok(()),
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        let rows: Vec<_> = NAMED
            .iter()
            .map(|n| {
                serde_json::json!({ "name": n.name, "about": n.about, "licence": n.licence,
                    "embedded": n.is_embedded(), "target": n.target })
            })
            .collect();
        return output::json(&rows);
    }
    let mut out = table(&["name", "what is in it", "licence", "where"]);
    for n in NAMED {
        let place = if n.is_embedded() {
            "in the program"
        } else {
            "fetched when used"
        };
        out.add_row([
            Cell::new(n.name),
            Cell::new(n.about),
            Cell::new(n.licence),
            Cell::new(place),
        ]);
    }
    println!("{out}");
    Ok(())
}

fn read(m: &ArgMatches) -> Result<Dataset, TaskError> {
    let reading = Reading::new(m.get_flag("json"));
    let notify = |n| reading.show(n);
    Ok(open(
        text(m, "source").unwrap_or(""),
        open_options(m, &notify),
    )?)
}

fn info(m: &ArgMatches) -> Result<()> {
    let dataset = read(m)?;
    let parts = usual_parts(&dataset)?;
    if m.get_flag("json") {
        return output::json(&info_json(&dataset, parts));
    }
    match &dataset.content {
        Content::Images(set) => {
            println!(
                "{}: {} pictures in {} classes",
                dataset.source,
                grouped(set.len() as i64),
                set.classes.len()
            );
            println!("classes: {}", set.classes.join(", "));
        }
        Content::Table(t) => {
            println!(
                "{}: {} rows, {} columns",
                dataset.source,
                grouped(t.rows() as i64),
                t.columns.len()
            );
            let mut out = table(&["column", "type", "missing"]);
            for c in &t.columns {
                out.add_row([
                    Cell::new(&c.name),
                    Cell::new(c.kind.name()),
                    right(grouped(c.missing() as i64)),
                ]);
            }
            println!("{out}");
            if let Some(target) = &dataset.suggested_target {
                println!("usual target: {target}");
            }
        }
    }
    if let Some(parts) = parts {
        let parts = parts.map(|(part, count)| format!("{} {}", grouped(count as i64), part.name()));
        println!("usual parts: {}", parts.join(", "));
    }
    for note in &dataset.notes {
        println!("note: {note}");
    }
    Ok(())
}

/// What `info` tells, with the sizes of the parts that a training with the usual settings makes.
fn info_json(dataset: &Dataset, parts: Option<[(Part, usize); 3]>) -> serde_json::Value {
    let mut info =
        serde_json::json!({ "source": dataset.source, "examples": dataset.content.len() });
    for (part, count) in parts.iter().flatten() {
        info[part.name()] = (*count).into();
    }
    match &dataset.content {
        Content::Images(set) => {
            info["kind"] = "images".into();
            info["classes"] = set.classes.clone().into();
        }
        Content::Table(t) => {
            let column = |c: &Column| serde_json::json!({ "name": c.name, "type": c.kind.name(), "missing": c.missing() });
            info["kind"] = "table".into();
            info["columns"] = t.columns.iter().map(column).collect();
            info["target"] = dataset.suggested_target.clone().into();
        }
    }
    info
}

fn profile(m: &ArgMatches) -> Result<()> {
    let dataset = read(m)?;
    let profile = Profile::new(&dataset, text(m, "target")).map_err(TaskError::from)?;
    if let Some(path) = text(m, "html") {
        write_file(Path::new(path), page(&profile).as_bytes()).map_err(TaskError::from)?;
    }
    if m.get_flag("json") {
        return output::json(&profile);
    }
    println!(
        "{}: {} examples",
        profile.source,
        grouped(profile.examples as i64)
    );
    match &profile.content {
        ContentProfile::Images(p) => print_images(p),
        ContentProfile::Table(p) => print_table(p),
    }
    for warning in &profile.warnings {
        println!("look: {warning}");
    }
    if profile.warnings.is_empty() {
        println!("nothing odd was found");
    }
    if let Some(path) = text(m, "html") {
        println!("page: {path}");
    }
    Ok(())
}

fn print_images(p: &ImageProfile) {
    let mut out = table(&["class", "examples"]);
    for c in &p.classes {
        out.add_row([Cell::new(&c.name), right(c.examples)]);
    }
    println!("{out}");
    let sizes: Vec<String> = p
        .sizes
        .iter()
        .take(5)
        .map(|(s, n)| format!("{s} ({n})"))
        .collect();
    println!(
        "sizes: {}; {} in colour; {} duplicates",
        sizes.join(", "),
        p.colour,
        p.duplicates
    );
    for odd in p.odd.iter().take(10) {
        println!("odd: {}: {}", odd.name, odd.why);
    }
}

/// How long texts are, and in which scripts.
fn lengths(text: &TextProfile) -> String {
    let scripts = text.scripts.iter().filter(|(_, share)| *share >= 0.01);
    let scripts = scripts.map(|(name, share)| format!("{name} {:.0} %", 100.0 * share));
    let c = &text.characters;
    format!(
        "{} to {} characters, half up to {}; {} repeated; {}",
        grouped(c.shortest as i64),
        grouped(c.longest as i64),
        grouped(c.median as i64),
        grouped(text.duplicates as i64),
        scripts.collect::<Vec<_>>().join(", ")
    )
}

fn print_table(p: &TableProfile) {
    let mut out = table(&["column", "type", "missing", "distinct", "values"]);
    for c in &p.columns {
        let values = match &c.numbers {
            Some(n) => format!(
                "{} to {}, mean {}",
                number(n.min),
                number(n.max),
                number(n.mean)
            ),
            None if c.text.is_some() => c.text.as_ref().map_or(String::new(), lengths),
            None => c
                .top
                .iter()
                .map(|(w, n)| format!("{w} ({n})"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        out.add_row([
            Cell::new(&c.name),
            Cell::new(c.kind),
            right(grouped(c.missing as i64)),
            right(grouped(c.distinct as i64)),
            Cell::new(values),
        ]);
    }
    println!("{out}");
    if !p.classes.is_empty() {
        let classes: Vec<String> = p
            .classes
            .iter()
            .map(|c| format!("{} ({})", c.name, c.examples))
            .collect();
        println!("target classes: {}", classes.join(", "));
    }
}
