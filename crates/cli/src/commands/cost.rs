//! `cost`.

use super::{store_with, text};
use crate::args::{json, quiet};
use crate::output::{self, duration, next_command, right, table};
use crate::progress::Reading;
use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use comfy_table::Cell;
use modelwright_data::Notify;
use modelwright_runs::card::{Documents, PREDICTION_COST, cost_lines};
use modelwright_runs::cost::{CODECARBON, codecarbon_row, cost_of_predictions};
use modelwright_runs::{Bundle, Cost, NewFile, Rates, Run, RunError, Status, Store};
use modelwright_tasks::{Scored, TaskError, data_of_run, load};
use modelwright_train::Recipe;
use std::path::Path;

/// Most examples that predictions are timed with.
const MOST_EXAMPLES: usize = 1000;

/// The arguments of `modelwright cost`.
pub fn command() -> Command {
    let command = Command::new("cost")
        .about("Energy, carbon, time, memory and money of runs and of predictions")
        .after_help(
            "Rates can be kept in the file cost.toml in the folder of runs, or in the environment \
             (MODELWRIGHT_COUNTRY and so on); a run is recorded at those that hold when it works. Flags count \
             anew, and change no record. Examples:\n  \
             modelwright cost\n  \
             modelwright cost --all --country DE --csv emissions.csv\n  \
             modelwright cost digits-mlp-1 --hourly-price 0.12 --currency EUR\n  \
             modelwright cost digits-mlp-1 --predictions",
        )
        .arg(
            Arg::new("runs")
                .num_args(0..)
                .value_name("RUN")
                .help("Names of the runs [default: the latest]"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .conflicts_with("runs")
                .help("All runs"),
        )
        .arg(
            Arg::new("predictions")
                .long("predictions")
                .action(ArgAction::SetTrue)
                .help("Also measure 1,000 predictions on the run's own data, and keep that in the store and the model card"),
        )
        .arg(
            Arg::new("csv")
                .long("csv")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("Also write the runs as a file with CodeCarbon's columns"),
        )
        .arg(json())
        .arg(quiet());
    Rates::SETTINGS
        .iter()
        .filter(|setting| setting.key != "watts-per-core")
        .fold(command, |command, setting| {
            command.arg(
                Arg::new(setting.key)
                    .long(setting.key)
                    .help(setting.help)
                    .help_heading("Rates"),
            )
        })
}

/// `modelwright cost`.
pub fn run(m: &ArgMatches, root: &Path) -> Result<()> {
    let names: Vec<&str> = m
        .get_many::<String>("runs")
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let first = names.first().copied().unwrap_or("latest");
    let store = store_with(first, root)?;
    let mut runs = match (m.get_flag("all"), names.as_slice()) {
        (true, _) => store.list(),
        (_, []) => store.get(first).map(|run| vec![run]),
        (_, names) => names.iter().map(|name| store.get(name)).collect(),
    }
    .map_err(TaskError::from)?;
    let rates = Rates::load(root).map_err(TaskError::from)?;
    if m.get_flag("predictions") {
        let reading = Reading::new(m.get_flag("quiet") || m.get_flag("json"));
        for run in &mut runs {
            let cost = measure(&store, run, &rates, &|n| reading.show(n))
                .with_context(|| format!("run {}", run.id))?;
            run.prediction_cost = Some(cost);
        }
    }
    if let Some(rates) = asked(m, rates)? {
        for run in &mut runs {
            let costs = [&mut run.cost, &mut run.prediction_cost];
            for cost in costs.into_iter().flatten() {
                *cost = cost.at(&rates);
            }
        }
    }
    if let Some(path) = text(m, "csv") {
        write_csv(Path::new(path), &runs)?;
    }
    if m.get_flag("json") {
        return output::json(&runs.iter().map(as_json).collect::<Vec<_>>());
    }
    print(&runs, root);
    Ok(())
}

/// The rates that flags ask for, on top of the usual ones; `None` if no flag asks.
fn asked(m: &ArgMatches, mut rates: Rates) -> Result<Option<Rates>> {
    let mut any = false;
    for setting in &Rates::SETTINGS {
        let given = m.try_get_one::<String>(setting.key).ok().flatten();
        if let Some(value) = given {
            any = true;
            let set = rates
                .set(setting.key, value)
                .map_err(|problem| RunError::Setting {
                    name: format!("--{}", setting.key),
                    problem,
                });
            set.map_err(TaskError::from)?;
        }
    }
    Ok(any.then_some(rates))
}

fn as_json(run: &Run) -> serde_json::Value {
    serde_json::json!({
        "run": run.id,
        "status": run.status,
        "seconds": run.total_seconds(),
        "cost": run.cost,
        "cost_of_1000_predictions": run.prediction_cost,
    })
}

fn print(runs: &[Run], root: &Path) {
    let mut out = table(&[
        "run",
        "time",
        "memory",
        "energy",
        "carbon",
        "money",
        "1,000 predictions",
    ]);
    for run in runs {
        let cost = run.cost.as_ref();
        let memory = cost.and_then(|c| c.usage.peak_memory);
        let of = |text: Option<String>| right(text.unwrap_or_else(|| "-".into()));
        out.add_row([
            Cell::new(&run.id),
            right(duration(run.total_seconds())),
            of(memory.map(|bytes| format!("{} MB", bytes >> 20))),
            of(cost.map(Cost::energy)),
            of(cost.map(Cost::emissions)),
            of(cost.and_then(Cost::price)),
            of(run.prediction_cost.as_ref().map(Cost::words)),
        ]);
    }
    println!("{out}");
    // Runs that were counted alike share a line.
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for run in runs {
        let Some(basis) = run.cost.as_ref().map(basis) else {
            continue;
        };
        match said.iter_mut().find(|(known, _)| *known == basis) {
            Some((_, runs)) => runs.push(&run.id),
            None => said.push((basis, vec![&run.id])),
        }
    }
    let one = said.len() == 1;
    for (basis, runs) in said {
        match one {
            true => println!("{basis}"),
            false => println!("{}: {basis}", runs.join(", ")),
        }
    }
    if let [run] = runs
        && run.prediction_cost.is_none()
        && run.status == Status::Finished
    {
        let command = next_command(&["cost", &run.id, "--predictions"], root);
        println!("what predictions cost: {command}");
    }
}

/// Without the seconds of one run.
fn basis(cost: &Cost) -> String {
    let mut one = cost.clone();
    one.usage.processor_seconds = 0.0;
    one.basis()
        .replace("from 0 s of processor time", "from processor time")
}

/// Measures what 1,000 predictions with the model of a run cost, on examples that it was measured on, and
/// records that in the store and in the bundle's model card.
fn measure(store: &Store, run: &Run, rates: &Rates, notify: Notify) -> Result<Cost> {
    let folder = store.folder(&run.id);
    let mut bundle = Bundle::open(&folder.bundle()).map_err(TaskError::from)?;
    let predictor = load(&bundle, Device::flex())?;
    let recipe: Recipe = toml::from_str(&run.recipe).context("its recipe cannot be read")?;
    let dataset = data_of_run(run, &folder, notify)?;
    let Scored { mut rows, part, .. } = Scored::of_run(run, &*predictor, &dataset, &recipe)?;
    rows.truncate(MOST_EXAMPLES);
    if rows.is_empty() {
        return Err(TaskError::Asked {
            message: format!("{} has no {} part", dataset.source, part.name()),
            help: "train on more examples".into(),
        }
        .into());
    }
    let place = &dataset.source;
    let content = predictor.prepare(place, dataset.content.select(&rows))?;
    let cost = cost_of_predictions(rows.len(), rates.clone(), || {
        predictor.predict(place, &content, 0..rows.len()).map(drop)
    })?;
    let mut record = || -> Result<(), RunError> {
        store.set_prediction_cost(&run.id, &cost)?;
        let mut documents = Documents::of(&bundle)?;
        let text = cost_lines("1,000 predictions", &cost);
        documents.set_measured(PREDICTION_COST, "Cost of predictions", &text);
        documents.save(&mut bundle)
    };
    record().map_err(TaskError::from)?;
    Ok(cost)
}

fn write_csv(path: &Path, runs: &[Run]) -> Result<()> {
    let file = NewFile::create(path).map_err(TaskError::from)?;
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(CODECARBON)?;
    for run in runs {
        writer.write_record(codecarbon_row(run))?;
    }
    let file = writer
        .into_inner()
        .map_err(|e| RunError::io(path, e.into_error()))
        .map_err(TaskError::from)?;
    Ok(file.finish().map_err(TaskError::from)?)
}
