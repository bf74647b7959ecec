//! `models` and `tasks`.

use crate::output::{self, grouped, right, table};
use anyhow::Result;
use clap::ArgMatches;
use comfy_table::Cell;
use modelwright_models::catalog::{self, Input};
use modelwright_tasks::registry;

/// `modelwright models`.
pub fn models(m: &ArgMatches) -> Result<()> {
    let entries = catalog::entries();
    if m.get_flag("json") {
        return output::json(&entries);
    }
    let mut out = table(&[
        "architecture",
        "takes",
        "parameters",
        "counted at",
        "what it is for",
    ]);
    for e in entries {
        let words = |i: &Input| match i {
            Input::Image => "pictures",
            Input::Row => "rows",
            Input::Text => "texts",
            Input::Talk => "conversations",
        };
        let takes: Vec<&str> = e.inputs.iter().map(words).collect();
        out.add_row([
            Cell::new(e.name),
            Cell::new(takes.join(", ")),
            right(grouped(e.parameters as i64)),
            Cell::new(e.counted_at),
            Cell::new(e.purpose),
        ]);
    }
    println!("{out}");
    Ok(())
}

/// `modelwright tasks`.
pub fn tasks(m: &ArgMatches) -> Result<()> {
    let infos: Vec<_> = registry::TASKS.iter().map(|t| t.info()).collect();
    if m.get_flag("json") {
        return output::json(&infos);
    }
    let mut out = table(&["task", "takes", "gives", "for example"]);
    for i in infos {
        out.add_row([i.name, i.takes, i.gives, i.example]);
    }
    println!("{out}");
    Ok(())
}
