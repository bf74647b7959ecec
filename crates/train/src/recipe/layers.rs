//! A recipe in layers: defaults for the data, a file, flags, `--set`. Later ones win.

use super::Recipe;
use super::fields::{FieldKind, fields, unknown_key};
use toml::{Table, Value};

/// A recipe that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecipeError {
    /// What is wrong and where.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl RecipeError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Settings given by the person, before the defaults are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layers {
    table: Table,
}

impl Layers {
    /// Adds a TOML text; `place` names it in messages.
    pub fn add_toml(&mut self, place: &str, text: &str) -> Result<(), RecipeError> {
        let mut table: Table = text.parse().map_err(|e| {
            RecipeError::new(format!("{place}: {e}"), "correct the line shown above")
        })?;
        // The recipe of a run tells what was found in its weights. That is no setting: they are looked
        // at again.
        if let Some(Value::Table(model)) = table.get_mut("model") {
            model.remove("encoder");
            model.remove("decoder");
        }
        let known = fields();
        let mut keys = Vec::new();
        leaves(&table, "", &mut keys);
        for (key, value) in keys {
            let Some(field) = known.iter().find(|f| f.key == key) else {
                return Err(RecipeError::new(
                    format!("{place}: unknown setting `{key}`"),
                    unknown_key(&key),
                ));
            };
            if !suits(&field.kind, value) {
                return Err(RecipeError::new(
                    format!("{place}: {value} is no value for `{key}`"),
                    format!("it takes {}", field.placeholder()),
                ));
            }
        }
        overlay(&mut self.table, table);
        Ok(())
    }

    /// Sets one dotted key from text, as flags and `--set` do.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), RecipeError> {
        let known = fields();
        let Some(field) = known.iter().find(|f| f.key == key) else {
            return Err(RecipeError::new(
                format!("unknown setting `{key}`"),
                unknown_key(key),
            ));
        };
        let value = parse_value(&field.kind, text).ok_or_else(|| {
            let help = format!("it takes {}", field.placeholder());
            RecipeError::new(format!("`{text}` is no value for `{key}`"), help)
        })?;
        self.set_value(key, value);
        Ok(())
    }

    /// Sets one dotted key to a value that was taken from other layers.
    pub fn set_value(&mut self, key: &str, value: Value) {
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let table = match section {
            "" => Some(&mut self.table),
            _ => self
                .table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()))
                .as_table_mut(),
        };
        if let Some(table) = table {
            table.insert(name.into(), value);
        }
    }

    /// The value given for a key, if it was given.
    pub fn get(&self, key: &str) -> Option<&Value> {
        value_of(&self.table, key)
    }

    /// The complete recipe: `defaults` with these layers on top.
    pub fn over(&self, defaults: &Recipe) -> Result<Recipe, RecipeError> {
        let mut table = Table::try_from(defaults)
            .map_err(|e| RecipeError::new(format!("default recipe: {e}"), "report this"))?;
        let mut given = self.table.clone();
        for (section, tag) in [
            ("model", "architecture"),
            ("optimizer", "name"),
            ("schedule", "name"),
        ] {
            switch_variant(&mut table, &mut given, section, tag);
        }
        overlay(&mut table, given);
        table.try_into().map_err(explain)
    }
}

/// The value of a dotted key in a recipe, if it is there.
pub fn value_of<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((section, name)) => table.get(section)?.get(name),
        None => table.get(key),
    }
}

/// Another variant does not inherit the settings of the default one: its own defaults apply.
fn switch_variant(table: &mut Table, given: &mut Table, section: &str, tag: &str) {
    let Some(chosen) = given.get(section).and_then(|s| s.get(tag)).cloned() else {
        return;
    };
    let old = table.get(section).and_then(|s| s.get(tag));
    if old != Some(&chosen) {
        let fresh = Table::from_iter([(tag.to_string(), chosen)]);
        table.insert(section.into(), Value::Table(fresh));
    }
}

fn overlay(base: &mut Table, top: Table) {
    for (key, value) in top {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(top)) => overlay(base, top),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Whether a TOML value is of the type that a setting takes.
fn suits(kind: &FieldKind, value: &Value) -> bool {
    let all = |test: fn(&Value) -> bool| value.as_array().is_some_and(|a| a.iter().all(test));
    match kind {
        FieldKind::Text => value.is_str(),
        FieldKind::Integer => value.is_integer(),
        FieldKind::Number => value.is_float() || value.is_integer(),
        FieldKind::Boolean => value.is_bool(),
        FieldKind::Integers => all(Value::is_integer),
        FieldKind::Texts => all(Value::is_str),
        FieldKind::Choice(words) => value
            .as_str()
            .is_some_and(|v| words.iter().any(|(word, _)| word == v)),
    }
}

fn leaves<'a>(table: &'a Table, prefix: &str, keys: &mut Vec<(String, &'a Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(inner) => leaves(inner, &key, keys),
            _ => keys.push((key, value)),
        }
    }
}

/// Makes serde's message about a wrong type or a setting of another variant readable.
fn explain(error: toml::de::Error) -> RecipeError {
    let message = error.message().to_string();
    let help = match message
        .strip_prefix("unknown field `")
        .and_then(|m| m.split('`').next())
    {
        Some(name) => {
            let owners: Vec<String> = fields()
                .iter()
                .filter(|f| f.key.ends_with(&format!(".{name}")) && !f.only_for.is_empty())
                .map(|f| format!("`{}` is a setting of {}", f.key, f.only_for.join(" and ")))
                .collect();
            owners.join("; ")
        }
        None => "see `modelwright recipe --reference` for what each setting takes".into(),
    };
    RecipeError::new(message, help)
}

/// A value of a setting from text.
pub fn parse_value(kind: &FieldKind, text: &str) -> Option<Value> {
    let text = text.trim();
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    let items = || inner.split(',').map(str::trim).filter(|t| !t.is_empty());
    match kind {
        FieldKind::Text => Some(Value::String(text.into())),
        FieldKind::Integer => text.replace('_', "").parse().ok().map(Value::Integer),
        FieldKind::Number => text.parse::<f64>().ok().map(Value::Float),
        FieldKind::Boolean => text.parse().ok().map(Value::Boolean),
        FieldKind::Integers => items()
            .map(|t| t.parse().ok().map(Value::Integer))
            .collect::<Option<_>>()
            .map(Value::Array),
        FieldKind::Texts => Some(Value::Array(
            items()
                .map(|t| Value::String(t.trim_matches('"').into()))
                .collect(),
        )),
        FieldKind::Choice(words) => words
            .iter()
            .any(|(word, _)| word == text)
            .then(|| Value::String(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::OptimizerConfig;
    use modelwright_models::{MlpConfig, ModelConfig};

    fn defaults() -> Recipe {
        Recipe {
            task: "image-classification".into(),
            data: Default::default(),
            model: ModelConfig::Mlp(MlpConfig::default()),
            optimizer: Default::default(),
            schedule: Default::default(),
            augment: Default::default(),
            training: Default::default(),
        }
    }

    #[test]
    fn later_layers_win_and_the_rest_stays() {
        let mut layers = Layers::default();
        layers
            .add_toml("r.toml", "[training]\nepochs = 3\n[model]\nhidden = [8]\n")
            .unwrap();
        layers.set("training.epochs", "5").unwrap();
        layers.set("optimizer.name", "sgd").unwrap();
        layers.set("optimizer.momentum", "0.5").unwrap();
        let recipe = layers.over(&defaults()).unwrap();
        assert_eq!(
            (recipe.training.epochs, recipe.training.batch_size),
            (5, 64)
        );
        let OptimizerConfig::Sgd(sgd) = recipe.optimizer else {
            panic!("not sgd")
        };
        assert_eq!((sgd.momentum, sgd.learning_rate), (0.5, 0.01));
        let again: Recipe = toml::from_str(&layers.over(&defaults()).unwrap().to_toml()).unwrap();
        assert_eq!(again, layers.over(&defaults()).unwrap());
    }

    #[test]
    fn mistakes_are_explained() {
        let mut layers = Layers::default();
        let error = layers.set("training.epoch", "3").unwrap_err();
        assert!(error.help.contains("training.epochs"), "{error:?}");
        let error = layers
            .add_toml("r.toml", "[training]\nbatchsize = 3\n")
            .unwrap_err();
        assert!(error.help.contains("training.batch_size"), "{error:?}");
        let error = layers.set("training.epochs", "many").unwrap_err();
        assert!(error.message.contains("`many`"), "{error:?}");
        layers.set("optimizer.momentum", "0.5").unwrap();
        let error = layers.over(&defaults()).unwrap_err();
        assert!(error.help.contains("sgd and rmsprop"), "{error:?}");
    }
}
