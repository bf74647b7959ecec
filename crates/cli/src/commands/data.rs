//! `data list|info|profile`.

use super::{open_options, text};
use crate::output::{self, table};
use crate::progress::Reading;
use anyhow::Result;
use clap::ArgMatches;
use comfy_table::Cell;
use modelwright_data::catalog::NAMED;

/// `modelwright data`.
pub fn run(m: &ArgMatches) -> Result<()> {
    match m.subcommand() {
        Some(("list", m)) => list(m.get_flag("json")),
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
        let place = if n.is_embedded() { "in the program" } else { "fetched when used" };
        out.add_row([Cell::new(n.name), Cell::new(n.about), Cell::new(n.licence), Cell::new(place)]);
    }
    println!("{out}");
    Ok(())
}
