//! In what runs differ.

use crate::store::Run;
use modelwright_train::recipe::{fields, value_of};

/// The settings in which the recipes of runs differ: key and the value in each run, as the recipe
/// writes it; empty where a recipe leaves it out.
pub fn differences(runs: &[Run]) -> Vec<(String, Vec<String>)> {
    let tables: Vec<toml::Table> = runs
        .iter()
        .map(|r| r.recipe.parse().unwrap_or_default())
        .collect();
    let value = |table: &toml::Table, key: &str| -> String {
        value_of(table, key)
            .map(|v| v.to_string().trim_matches('"').to_string())
            .unwrap_or_default()
    };
    fields()
        .into_iter()
        .map(|f| {
            (
                f.key.clone(),
                tables.iter().map(|t| value(t, &f.key)).collect::<Vec<_>>(),
            )
        })
        .filter(|(_, values)| values.iter().any(|v| *v != values[0]))
        .collect()
}
