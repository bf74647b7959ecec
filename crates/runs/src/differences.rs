//! In what runs differ.

use crate::store::Run;

/// The settings in which the recipes of runs differ: key and the value in each run, as the recipe
/// writes it; empty where a recipe leaves it out.
pub fn differences(runs: &[Run]) -> Vec<(String, Vec<String>)> {
    let tables: Vec<toml::Table> = runs
        .iter()
        .map(|r| r.recipe.parse().unwrap_or_default())
        .collect();
    let value = |table: &toml::Table, key: &str| -> String {
        let found = match key.split_once('.') {
            Some((section, name)) => table.get(section).and_then(|s| s.get(name)),
            None => table.get(key),
        };
        found
            .map(|v| v.to_string().trim_matches('"').to_string())
            .unwrap_or_default()
    };
    modelwright_train::recipe::fields()
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
