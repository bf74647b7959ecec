//! From what was typed into the form to the settings of a recipe.

use crate::page::Ctx;
use crate::pages::words::seen;
use crate::uploads::Entry;
use modelwright_tasks::TaskError;
use modelwright_train::recipe::{Field, Layers, fields};
use modelwright_train::{Recipe, TrainError, time_limit};
use std::collections::BTreeMap;
use std::time::Duration;
use toml::{Table, Value};

/// Settings that are chosen on the page of the data.
const OF_DATA: [&str; 8] = [
    "task",
    "data.source",
    "data.data_dir",
    "data.target",
    "data.text",
    "data.exclude",
    "data.encoding",
    "data.skip_bad",
];

/// How much time a training may take, compared with the recommended one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// A quarter of the passes.
    Quick,
    /// As recommended.
    #[default]
    Usual,
    /// Twice the passes.
    Thorough,
}

impl Effort {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Usual, Self::Thorough];

    /// The word in the form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Usual => "usual",
            Self::Thorough => "thorough",
        }
    }

    fn epochs(self, recommended: usize) -> usize {
        match self {
            Self::Quick => recommended.div_ceil(4),
            Self::Usual => recommended,
            Self::Thorough => recommended.saturating_mul(2),
        }
    }
}

/// What was asked for.
pub struct Asked {
    /// The data set.
    pub data: String,
    /// How much time.
    pub effort: Effort,
    /// The time limit, as it was typed.
    pub minutes: String,
    /// Settings by key, as they were typed.
    pub values: BTreeMap<String, String>,
}

/// Something in the form that cannot be used.
pub struct Fault {
    /// The setting, if it is one.
    pub key: Option<String>,
    words: Words,
}

enum Words {
    /// Ours, in both languages.
    Key(&'static str),
    /// From the libraries.
    Text(String),
}

impl Fault {
    fn ours(key: &str, words: &'static str) -> Self {
        Self {
            key: Some(key.into()),
            words: Words::Key(words),
        }
    }

    /// An error of a plan, beside the setting that it names.
    pub fn of(error: &TaskError) -> Self {
        let (key, text) = match error {
            TaskError::Train(TrainError::Setting { key, problem }) => {
                (Some(key.clone()), problem.clone())
            }
            _ => {
                let help = error.help().unwrap_or_default();
                let text = format!("{error}. {help}");
                let named = |f: &Field| text.contains(&format!("`{}`", f.key));
                let key = fields().into_iter().find(named).map(|f| f.key);
                (key, text)
            }
        };
        Self {
            key,
            words: Words::Text(text.trim().into()),
        }
    }

    /// What is wrong.
    pub fn text(&self, ctx: &Ctx) -> String {
        match &self.words {
            Words::Key(key) => ctx.t(key),
            Words::Text(text) => text.clone(),
        }
    }
}

impl Asked {
    /// A form that nothing was typed into.
    pub fn nothing(data: &str) -> Self {
        Self {
            data: data.into(),
            effort: Effort::default(),
            minutes: String::new(),
            values: BTreeMap::new(),
        }
    }

    /// What a form has sent.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        let mut asked = Self::nothing("");
        for (key, value) in pairs {
            match key.as_str() {
                "data" => asked.data = value,
                "minutes" => asked.minutes = value.trim().into(),
                "effort" => {
                    let found = Effort::ALL.into_iter().find(|e| e.name() == value);
                    asked.effort = found.unwrap_or_default();
                }
                _ => {
                    asked.values.insert(key, value.trim().into());
                }
            }
        }
        asked
    }

    /// The settings of the recipe and the time limit.
    ///
    /// Only what differs from the recommended recipe is set: a setting that is not touched stays
    /// open, so that another architecture or optimizer brings its own.
    ///
    /// # Errors
    /// All settings whose values cannot be read.
    pub fn read(
        &self,
        entry: &Entry,
        recommended: &Recipe,
    ) -> Result<(Layers, Option<Duration>), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut layers = entry.layers().unwrap_or_else(|error| {
            faults.push(Fault::of(&error.into()));
            Layers::default()
        });
        let epochs = self.effort.epochs(recommended.training.epochs);
        if self.effort != Effort::Usual {
            layers.set_value("training.epochs", Value::Integer(epochs as i64));
        }
        let base = texts(recommended);
        for field in shown(recommended) {
            let Some(given) = self.values.get(&field.key) else {
                continue;
            };
            let usual = base.get(&field.key).map_or("", String::as_str);
            if given == usual || (given.is_empty() && self.switched(&field, &base)) {
                continue;
            }
            if given.is_empty() {
                faults.push(Fault::ours(&field.key, "fault-empty"));
            } else if let Err(error) = layers.set(&field.key, given) {
                let fault = Fault::of(&error.into());
                faults.push(Fault {
                    key: Some(field.key.clone()),
                    ..fault
                });
            }
        }
        let limit = self.limit().unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        match faults.is_empty() {
            true => Ok((layers, limit)),
            false => Err(faults),
        }
    }

    /// Whether another variant of the field's section was chosen than the recommended one.
    fn switched(&self, field: &Field, base: &BTreeMap<String, String>) -> bool {
        let tag = tag(field.section());
        !field.only_for.is_empty()
            && self
                .values
                .get(&tag)
                .is_some_and(|v| base.get(&tag) != Some(v))
    }

    fn limit(&self) -> Result<Option<Duration>, Fault> {
        if self.minutes.is_empty() {
            return Ok(None);
        }
        match time_limit(&self.minutes.replace(',', ".")) {
            None => Err(Fault::ours("minutes", "fault-minutes")),
            limit => Ok(limit),
        }
    }
}

/// The key that chooses between the variants of a section.
pub fn tag(section: &str) -> String {
    match section {
        "model" => "model.architecture".into(),
        section => format!("{section}.name"),
    }
}

/// The settings that are shown for a recipe: those of the data are chosen elsewhere, and a table has
/// no pictures to change.
pub fn shown(recipe: &Recipe) -> Vec<Field> {
    let seen = seen(&recipe.task);
    let suits = |field: &Field| {
        let of_pictures = field.section() == "augment" || field.key == "data.image_size";
        !OF_DATA.contains(&field.key.as_str())
            && (seen == "pictures" || !of_pictures)
            && (recipe.task == "text-classification" || field.key != "data.label_separator")
            && (recipe.task == "question-answering" || field.key != "training.answer_threshold")
            && (recipe.task == "tabular-classification" || field.key != "training.reweigh")
    };
    fields().into_iter().filter(suits).collect()
}

/// The values of a recipe as they are typed.
pub fn texts(recipe: &Recipe) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let sections = Table::try_from(recipe).unwrap_or_default();
    for (section, value) in sections {
        match value {
            Value::Table(table) => found.extend(
                table
                    .into_iter()
                    // Sizes that come with weights are no setting.
                    .filter(|(_, value)| !value.is_table())
                    .map(|(name, value)| (format!("{section}.{name}"), text(&value))),
            ),
            value => {
                found.insert(section, text(&value));
            }
        }
    }
    found
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
