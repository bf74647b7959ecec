//! `train` and `resume`.

use super::{store_with, text};
use crate::Exit;
use crate::output::{self, duration, grouped, label, next_command, right, score, table};
use crate::progress::{Display, Reading};
use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;
use modelwright_evaluate::{ClassScores, Comparison};
use modelwright_runs::{RunFolder, Store, peak_memory};
use modelwright_tasks::{Ended, Evaluation, Plan, Report, Session, SessionOptions, TaskError};
use modelwright_train::recipe::{Layers, RecipeError, fields};
use modelwright_train::{Checkpoint, Control, Event, TrainError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Most classes that get a line each.
const MOST_CLASSES: usize = 20;

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
    let control = control(m)?;
    let notify = |n| view.reading.show(n);
    let session = Session::start(plan, options(m, runs, &control, &notify))?;
    work(session, &view, runs, Origin::New)
}

/// `modelwright resume`.
pub fn resume(m: &ArgMatches, runs: &Path) -> Result<Exit> {
    let view = View::new(m);
    let id = text(m, "run").unwrap_or("latest");
    // A session makes the store if there is none; a run that is not there cannot be resumed.
    drop(store_with(id, runs)?);
    let control = control(m)?;
    let notify = |n| view.reading.show(n);
    let session = Session::resume(id, options(m, runs, &control, &notify))?;
    work(session, &view, runs, Origin::Resumed)
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
        let text = std::fs::read_to_string(path).map_err(|e| TaskError::Asked {
            message: format!("cannot read the recipe {path}: {e}"),
            help: "check the path; `modelwright train SOURCE --dry-run > recipe.toml` makes one"
                .into(),
        })?;
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

/// A control that the time limit, Ctrl-C and SIGTERM use.
fn control(m: &ArgMatches) -> Result<Arc<Control>> {
    let control = stop_on_signal()?;
    if let Some(limit) = m.get_one::<Duration>("time-limit") {
        control.finish_in(*limit);
    }
    Ok(control)
}

/// A control that Ctrl-C and SIGTERM use. The second signal ends the process at once; the last
/// checkpoint stays.
pub fn stop_on_signal() -> Result<Arc<Control>> {
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

/// Where a session comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    New,
    Resumed,
}

fn work(session: Session, view: &View, runs: &Path, origin: Origin) -> Result<Exit> {
    let id = session.id().to_string();
    let folder = session.folder().clone();
    let source = session.recipe().data.source.clone();
    let task = session.recipe().task.clone();
    let unit = match task.as_str() {
        t if t.starts_with("image") => "images",
        t if t.starts_with("tabular") => "rows",
        _ => "texts",
    };
    if !view.quiet {
        eprintln!("run {id}, in {}", folder.path().display());
    }
    let mut display = Display::new(view.quiet, unit);
    let quiet = view.quiet;
    let began = AtomicBool::new(false);
    let told = &began;
    let ended = session.run(Box::new(move |event: &Event| {
        told.store(true, Ordering::Relaxed);
        display.show(event, quiet);
    }));
    match ended {
        Ok(Ended::Interrupted) => {
            let command = next_command(&["resume", &id], runs);
            eprintln!("saved. To go on where it stopped:\n  {command}");
            Ok(Exit::Interrupted)
        }
        Ok(Ended::Finished(report)) => {
            match view.json {
                true => print_json(&id, &report)?,
                false => print_report(&id, &task, &source, &report, runs),
            }
            Ok(Exit::Done)
        }
        // A mistake in the settings or the data that shows before the first step leaves no run.
        Err(error) if origin == Origin::New && !began.load(Ordering::Relaxed) => {
            // If it cannot be removed, it stays as a failed run; the error to report is the first.
            if let Ok(Some(store)) = Store::open_existing(runs) {
                let _ = store.remove(&id);
            }
            Err(error.into())
        }
        Err(error) => {
            let resumable = can_go_on(&error, &folder);
            output::error(&anyhow::Error::from(error).context(format!("run {id} failed")));
            if resumable {
                let command = next_command(&["resume", &id], runs);
                eprintln!("To go on from the last checkpoint: {command}");
            }
            Ok(Exit::Failed)
        }
    }
}

/// Whether a run that failed is worth resuming.
fn can_go_on(error: &TaskError, folder: &RunFolder) -> bool {
    // The same steps again would give the same loss, and the same settings the same contradiction.
    let same_again = matches!(
        error,
        TaskError::Train(TrainError::NonFinite { .. } | TrainError::Setting { .. })
    );
    !same_again && Checkpoint::exists(&folder.checkpoints())
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
        "baselines": report.comparison.as_ref().map_or(&[][..], |c| &c.baselines[..]),
        "verdict": report.comparison.as_ref().map(Comparison::words),
    }))
}

fn print_report(id: &str, task: &str, source: &str, report: &Report, runs: &Path) {
    println!();
    print_scores(&report.evaluation, report.scored_on.name());
    if let Some(comparison) = &report.comparison {
        print_comparison(comparison);
    }
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
    let (used, what) = match task {
        "text-embedding" => (
            &["embed", id, "FILE", "-o", "INDEX"][..],
            "make texts searchable",
        ),
        "text-classification" => (
            &["predict", id, "FILE"][..],
            "use it on new texts; a text itself may stand for FILE",
        ),
        _ => (&["predict", id, "FILE"][..], "use it on new data"),
    };
    let next = [
        (used, what),
        (&["evaluate", id, source][..], "look closer at its mistakes"),
        (&["runs", "show", id][..], "curves, recipe, files"),
    ]
    .map(|(words, what)| (next_command(words, runs), what));
    let width = next.iter().map(|(c, _)| c.chars().count()).max();
    for (command, what) in &next {
        println!("  {command:<width$}   {what}", width = width.unwrap_or(0));
    }
}

/// The headline scores and, for a classifier, those of its classes.
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
    match evaluation {
        Evaluation::Classification(report) => print_classes("class", &report.per_class),
        Evaluation::MultiLabel(report) => print_classes("label", &report.per_label),
        Evaluation::Regression(_)
        | Evaluation::Spans(_)
        | Evaluation::Retrieval(_)
        | Evaluation::Language(_) => {}
    }
}

/// The model beside simple ones, and whether it was worth its cost.
pub fn print_comparison(comparison: &Comparison) {
    let name = &comparison.score_name;
    let mut out = table(&["model", &label(name), "training"]);
    let this = ("this model", comparison.score, comparison.seconds);
    let others = comparison.baselines.iter();
    let others = others.map(|b| (b.name.as_str(), b.score, b.seconds));
    for (model, value, seconds) in std::iter::once(this).chain(others) {
        out.add_row([
            comfy_table::Cell::new(model),
            right(score(name, value)),
            right(duration(seconds)),
        ]);
    }
    println!("{out}\n{}", comparison.words());
}

/// A line a class; of many classes those with the lowest F1.
fn print_classes(what: &str, all: &[ClassScores]) {
    let mut shown: Vec<&ClassScores> = all.iter().collect();
    if shown.len() > MOST_CLASSES {
        // A class without examples has no F1 to speak of.
        shown.retain(|c| c.support > 0);
        shown.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        shown.truncate(MOST_CLASSES);
        println!(
            "the {} with the lowest F1, of {}:",
            shown.len(),
            grouped(all.len() as i64)
        );
    }
    let mut classes = table(&[what, "precision", "recall", "F1", "examples"]);
    for c in shown {
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
