//! `train` and `resume`.

use super::text;
use crate::Exit;
use crate::output::{self, duration, grouped, label, right, score, table};
use crate::progress::{Display, Reading};
use anyhow::{Context, Result};
use clap::ArgMatches;
use clap::parser::ValueSource;
use modelwright_runs::peak_memory;
use modelwright_tasks::{Ended, Evaluation, Plan, Report, Session, SessionOptions, TaskError};
use modelwright_train::recipe::{Layers, RecipeError, fields};
use modelwright_train::{Control, Event};
use std::path::Path;
use std::sync::Arc;

/// `modelwright train`.
pub fn train(m: &ArgMatches, runs: &Path) -> Result<Exit> {
    let layers = layers(m)?;
    let view = View::new(m);
    let plan = Plan::new(&layers, &|n| view.reading.show(n))?;
    if m.get_flag("dry-run") {
        print!("{}", plan.recipe.to_toml());
        return Ok(Exit::Done);
    }
    if !view.quiet {
        let r = &plan.recipe;
        eprintln!(
            "{}: {} examples, task {}, architecture {}",
            plan.dataset.source,
            grouped(plan.dataset.content.len() as i64),
            r.task,
            r.model.name()
        );
    }
    let control = stop_on_signal()?;
    let notify = |n| view.reading.show(n);
    let session = Session::start(plan, options(m, runs, &control, &notify))?;
    work(session, &view)
}

/// `modelwright resume`.
pub fn resume(m: &ArgMatches, runs: &Path) -> Result<Exit> {
    let view = View::new(m);
    let control = stop_on_signal()?;
    let id = text(m, "run").unwrap_or("latest");
    let notify = |n| view.reading.show(n);
    let session = Session::resume(id, options(m, runs, &control, &notify))?;
    work(session, &view)
}

/// How the person wants to see things.
struct View {
    quiet: bool,
    json: bool,
    reading: Reading,
}

impl View {
    fn new(m: &ArgMatches) -> Self {
        let json = m.get_flag("json");
        let quiet = m.get_flag("quiet") || json;
        Self {
            quiet,
            json,
            reading: Reading::new(quiet),
        }
    }
}

fn options<'a>(
    m: &ArgMatches,
    runs: &'a Path,
    control: &'a Control,
    notify: modelwright_data::Notify<'a>,
) -> SessionOptions<'a> {
    SessionOptions {
        runs,
        tensorboard: m.get_flag("tensorboard"),
        control,
        notify,
    }
}

/// The person's settings: recipe file, then flags, then `--set`.
fn layers(m: &ArgMatches) -> Result<Layers> {
    let mut layers = Layers::default();
    if let Some(path) = text(m, "recipe") {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the recipe {path}"))?;
        layers.add_toml(path, &text).map_err(TaskError::from)?;
    }
    if let Some(source) = text(m, "source") {
        layers.set("data.source", source).map_err(TaskError::from)?;
    }
    for field in fields().iter().filter(|f| f.key != "data.source") {
        if m.value_source(&field.key) == Some(ValueSource::CommandLine)
            && let Some(value) = text(m, &field.key)
        {
            layers.set(&field.key, value).map_err(TaskError::from)?;
        }
    }
    for pair in m.get_many::<String>("set").into_iter().flatten() {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            TaskError::from(RecipeError {
                message: format!("--set {pair}: no `=` in it"),
                help: "write --set KEY=VALUE, such as --set training.epochs=3".into(),
            })
        })?;
        layers.set(key.trim(), value).map_err(TaskError::from)?;
    }
    Ok(layers)
}

/// A control that Ctrl-C and SIGTERM use. The second signal ends the process at once; the last
/// checkpoint stays.
fn stop_on_signal() -> Result<Arc<Control>> {
    let control = Arc::new(Control::default());
    let theirs = control.clone();
    ctrlc::set_handler(move || {
        if theirs.is_stopped() {
            std::process::exit(i32::from(crate::INTERRUPTED));
        }
        eprintln!("\nstopping after this step …");
        theirs.stop();
    })?;
    Ok(control)
}

fn work(session: Session, view: &View) -> Result<Exit> {
    let threads = session.recipe().training.threads;
    // Fails only if a pool exists already, which no command makes before.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
    let id = session.id().to_string();
    let folder = session.folder().path().to_path_buf();
    let source = session.recipe().data.source.clone();
    let unit = if session.recipe().task.starts_with("image") {
        "images"
    } else {
        "rows"
    };
    if !view.quiet {
        eprintln!("run {id}, in {}", folder.display());
    }
    let mut display = Display::new(view.quiet, unit);
    let quiet = view.quiet;
    let ended = session.run(Box::new(move |event: &Event| display.show(event, quiet)));
    match ended {
        Ok(Ended::Interrupted) => {
            eprintln!("saved. To go on where it stopped:\n  modelwright resume {id}");
            Ok(Exit::Interrupted)
        }
        Ok(Ended::Finished(report)) => {
            match view.json {
                true => print_json(&id, &report)?,
                false => print_report(&id, &source, &report),
            }
            Ok(Exit::Done)
        }
        Err(error) => Err(anyhow::Error::from(error).context(format!("run {id} failed"))),
    }
}

fn print_json(id: &str, report: &Report) -> Result<()> {
    output::json(&serde_json::json!({
        "run": id,
        "bundle": report.bundle,
        "scored_on": report.scored_on,
        "epoch": report.epoch,
        "parameters": report.parameters,
        "seconds": report.seconds,
        "peak_memory_bytes": peak_memory(),
        "notes": report.notes,
        "evaluation": report.evaluation,
    }))
}

fn print_report(id: &str, source: &str, report: &Report) {
    println!();
    print_scores(&report.evaluation, report.scored_on.name());
    for note in &report.notes {
        println!("note: {note}");
    }
    let memory = peak_memory().map_or(String::new(), |b| {
        format!(", {} MB of memory at most", b >> 20)
    });
    println!(
        "{} parameters, weights of epoch {}, {} in all{memory}",
        grouped(report.parameters as i64),
        report.epoch,
        duration(report.seconds)
    );
    println!("\nmodel: {}", report.bundle.display());
    println!("\nNext:");
    println!("  modelwright predict {id} FILE            use it on new data");
    println!("  modelwright evaluate {id} {source}       look closer at its mistakes");
    println!("  modelwright runs show {id}               curves, recipe, files");
}

/// The headline scores and, for few classes, a line each.
pub fn print_scores(evaluation: &Evaluation, part: &str) {
    let title = format!(
        "{part} ({} examples)",
        grouped(evaluation.examples() as i64)
    );
    let mut scores = table(&[&title, ""]);
    for (name, value) in evaluation.scores() {
        scores.add_row([
            comfy_table::Cell::new(label(&name)),
            right(score(&name, value)),
        ]);
    }
    println!("{scores}");
    if let Evaluation::Classification(report) = evaluation
        && report.classes.len() <= 20
    {
        let mut classes = table(&["class", "precision", "recall", "F1", "examples"]);
        for c in &report.per_class {
            let share = |v: f64| right(format!("{:.1} %", 100.0 * v));
            let cells = [
                share(c.precision),
                share(c.recall),
                share(c.f1),
                right(c.support),
            ];
            let mut row = vec![comfy_table::Cell::new(&c.name)];
            row.extend(cells);
            classes.add_row(row);
        }
        println!("{classes}");
    }
}
