//! The settings of a recipe, read from its JSON Schema.

use super::Recipe;
use serde_json::Value;

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Dotted key, such as `optimizer.momentum`.
    pub key: String,
    /// First paragraph of its documentation.
    pub doc: String,
    /// What it takes.
    pub kind: FieldKind,
    /// Default as TOML, where it does not depend on the data.
    pub default: Option<String>,
    /// The variants that have it, such as `sgd` and `rmsprop`; empty if it is always there.
    pub only_for: Vec<String>,
}

/// What a setting takes.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// A list of whole numbers.
    Integers,
    /// A list of texts.
    Texts,
    /// One of these words, each with its explanation.
    Choice(Vec<(String, String)>),
}

impl Field {
    /// The section, such as `optimizer`; empty for top-level settings.
    pub fn section(&self) -> &str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// The command-line flag, without dashes. A section's choice is named after the section.
    pub fn flag(&self) -> String {
        let name = match self.key.split_once('.') {
            Some((section, "name")) => section,
            Some((_, name)) => name,
            None => &self.key,
        };
        name.replace('_', "-")
    }

    /// What to show for the value in help.
    pub fn placeholder(&self) -> String {
        match &self.kind {
            FieldKind::Text => "TEXT".into(),
            FieldKind::Integer | FieldKind::Number => "N".into(),
            FieldKind::Boolean => "true|false".into(),
            FieldKind::Integers => "N,N,…".into(),
            FieldKind::Texts => "TEXT,TEXT,…".into(),
            FieldKind::Choice(words) => words
                .iter()
                .map(|(word, _)| word.as_str())
                .collect::<Vec<_>>()
                .join("|"),
        }
    }
}

/// Every setting, in the order of its declaration.
pub fn fields() -> Vec<Field> {
    let schema = schemars::schema_for!(Recipe).to_value();
    let mut found = Vec::new();
    let walker = Walker { root: &schema };
    walker.object(&schema, "", None, &mut found);
    found
}

/// The closest known key to an unknown one, as a sentence; empty if none is close.
pub fn unknown_key(key: &str) -> String {
    let last = |k: &str| k.rsplit('.').next().unwrap_or(k).to_string();
    // Between equal last parts the whole key decides.
    let score = |field: &Field| {
        let whole = strsim::jaro_winkler(key, &field.key);
        let part = strsim::jaro_winkler(&last(key), &last(&field.key));
        (whole.max(part), whole)
    };
    let fields = fields();
    let best = fields.iter().max_by(|a, b| {
        let (a, b) = (score(a), score(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    match best {
        Some(field) if score(field).0 > 0.75 => format!("did you mean `{}`?", field.key),
        _ => "see `modelwright recipe --reference` for all settings".into(),
    }
}

/// The reference of all settings, in Markdown.
pub fn reference() -> String {
    let mut out = String::from(
        "# Recipe reference\n\nMade by `modelwright recipe --reference` from the declaration in the code. Every \
         setting is a key in a TOML file, an argument of `--set KEY=VALUE` and a flag of `modelwright train`.\n",
    );
    let mut section = None;
    for field in fields() {
        if section.as_deref() != Some(field.section()) {
            section = Some(field.section().to_string());
            let title = if field.section().is_empty() {
                "recipe"
            } else {
                field.section()
            };
            out += &format!(
                "\n## {title}\n\n| key | flag | takes | default | what it does |\n|---|---|---|---|---|\n"
            );
        }
        let takes = match &field.kind {
            FieldKind::Choice(words) => words
                .iter()
                .map(|(w, _)| format!("`{w}`"))
                .collect::<Vec<_>>()
                .join(", "),
            _ => field.placeholder().replace('|', " or "),
        };
        let mut doc = field.doc.clone();
        if !field.only_for.is_empty() {
            doc += &format!(" ({} only)", field.only_for.join(", "));
        }
        let default = field
            .default
            .as_ref()
            .map(|d| format!("`{d}`"))
            .unwrap_or_default();
        out += &format!(
            "| `{}` | `--{}` | {takes} | {default} | {doc} |\n",
            field.key,
            field.flag()
        );
        if let FieldKind::Choice(words) = &field.kind {
            for (word, doc) in words.iter().filter(|(_, doc)| !doc.is_empty()) {
                out += &format!("| | | `{word}` | | {doc} |\n");
            }
        }
    }
    out
}

struct Walker<'a> {
    root: &'a Value,
}

impl Walker<'_> {
    /// Adds the settings of an object schema below `prefix`.
    fn object(&self, schema: &Value, prefix: &str, variant: Option<&str>, found: &mut Vec<Field>) {
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, property) in properties {
            let key = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            let target = self.resolve(property);
            if let Some(variants) = tagged_variants(target) {
                self.tagged(&key, property, variants, found);
            } else if target["properties"].is_object() {
                self.object(target, &key, None, found);
            } else if property.get("const").is_none() {
                self.leaf(key, property, variant, found);
            }
        }
    }

    /// A section that is one of several tables, told apart by a tag: one choice, then all settings.
    fn tagged(&self, key: &str, property: &Value, variants: &[Value], found: &mut Vec<Field>) {
        let Some(tag) = tag_of(&variants[0]) else {
            return;
        };
        let name = |v: &Value| {
            v["properties"][&tag]["const"]
                .as_str()
                .unwrap_or("")
                .to_string()
        };
        found.push(Field {
            key: format!("{key}.{tag}"),
            doc: doc(property)
                .or_else(|| doc(self.resolve(property)))
                .unwrap_or_default(),
            kind: FieldKind::Choice(
                variants
                    .iter()
                    .map(|v| (name(v), doc(v).unwrap_or_default()))
                    .collect(),
            ),
            default: property["default"][&tag]
                .as_str()
                .map(|d| format!("\"{d}\"")),
            only_for: Vec::new(),
        });
        for variant in variants {
            let inner = self.resolve(variant);
            self.object(inner, key, Some(&name(variant)), found);
        }
    }

    fn leaf(&self, key: String, property: &Value, variant: Option<&str>, found: &mut Vec<Field>) {
        if let Some(known) = found.iter_mut().find(|f| f.key == key) {
            known.only_for.extend(variant.map(String::from));
            // Variants may differ in their default; then there is no common one to show.
            if known.default != default(property) {
                known.default = None;
            }
            return;
        }
        found.push(Field {
            doc: doc(property)
                .or_else(|| doc(self.resolve(property)))
                .unwrap_or_default(),
            kind: self.kind(property),
            default: default(property),
            only_for: variant.map(String::from).into_iter().collect(),
            key,
        });
    }

    fn kind(&self, property: &Value) -> FieldKind {
        let target = self.resolve(property);
        if let Some(options) = target["oneOf"].as_array() {
            let words = options
                .iter()
                .flat_map(|option| match option["enum"].as_array() {
                    Some(words) => words.iter().map(|w| (text(w), String::new())).collect(),
                    None => vec![(text(&option["const"]), doc(option).unwrap_or_default())],
                });
            return FieldKind::Choice(words.collect());
        }
        let types = match &target["type"] {
            Value::Array(types) => types.iter().map(text).collect(),
            single => vec![text(single)],
        };
        let items = self.resolve(&target["items"]);
        match types[0].as_str() {
            "integer" => FieldKind::Integer,
            "number" => FieldKind::Number,
            "boolean" => FieldKind::Boolean,
            "array" if items["type"] == "integer" => FieldKind::Integers,
            "array" => FieldKind::Texts,
            _ => FieldKind::Text,
        }
    }

    fn resolve<'b>(&'b self, schema: &'b Value) -> &'b Value {
        match schema["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
            Some(pointer) => self.root.pointer(pointer).unwrap_or(schema),
            None => schema,
        }
    }
}

/// The variants of an internally tagged enum, if `schema` is one.
fn tagged_variants(schema: &Value) -> Option<&Vec<Value>> {
    let variants = schema["oneOf"].as_array()?;
    tag_of(variants.first()?).map(|_| variants)
}

fn tag_of(variant: &Value) -> Option<String> {
    let properties = variant["properties"].as_object()?;
    properties
        .iter()
        .find(|(_, p)| p.get("const").is_some())
        .map(|(name, _)| name.clone())
}

fn doc(schema: &Value) -> Option<String> {
    let text = schema["description"].as_str()?;
    Some(text.split("\n\n").next().unwrap_or("").replace('\n', " "))
}

fn default(property: &Value) -> Option<String> {
    match &property["default"] {
        Value::Null => None,
        Value::String(s) if s.is_empty() => None,
        Value::Array(a) if a.is_empty() => None,
        value => Some(value.to_string()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_doc_and_a_flag_of_its_own() {
        let fields = fields();
        let mut flags: Vec<String> = fields.iter().map(Field::flag).collect();
        for field in &fields {
            assert!(!field.doc.is_empty(), "{} has no doc", field.key);
        }
        flags.sort();
        let count = flags.len();
        flags.dedup();
        assert_eq!(flags.len(), count, "two settings share a flag");
        assert!(count > 35, "{count}");
    }

    #[test]
    fn settings_of_variants_are_found() {
        let fields = fields();
        let find = |key: &str| fields.iter().find(|f| f.key == key).unwrap();
        assert_eq!(find("optimizer.momentum").only_for, ["sgd", "rmsprop"]);
        assert_eq!(find("model.hidden").kind, FieldKind::Integers);
        assert_eq!(find("optimizer.name").flag(), "optimizer");
        let count = modelwright_models::catalog::all().len();
        assert!(
            matches!(&find("model.architecture").kind, FieldKind::Choice(c) if c.len() == count)
        );
        assert_eq!(find("training.clip_norm").kind, FieldKind::Number);
        assert!(unknown_key("optimizer.learning_rat").contains("optimizer.learning_rate"));
    }
}
