//! What the files of a model say of conversations: the template, and which tokens begin and end.

use crate::error::ModelError;
use crate::gguf::Header;
use crate::text::folder::{CONFIG, Folder};
use crate::tokenizer::Tokenizer;
use serde_json::Value;

/// Files of a folder that are read beside config, tokenizer and weights.
pub(super) const FILES: [&str; 5] = [
    GENERATION,
    JINJA,
    JSON,
    "adapter_config.json",
    crate::ADAPTER,
];
const GENERATION: &str = "generation_config.json";
const JINJA: &str = "chat_template.jinja";
const JSON: &str = "chat_template.json";
const TOKENIZER: &str = "tokenizer_config.json";
/// Longer templates are no templates.
const LONGEST: usize = 1 << 20;

/// Texts that end a turn wherever they are special tokens; files often name only one of them.
const TURN_ENDS: [&str; 10] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<EOT>",
    "<|turn_end|>",
];

/// Special tokens and template, as far as files name them.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub template: Option<String>,
    bos: Option<u32>,
    eos: Option<u32>,
    add_bos: bool,
    stops: Vec<u32>,
}

/// Special tokens that the tokenizer has.
pub(super) struct Resolved {
    pub bos: Option<u32>,
    pub eos: Option<u32>,
    pub add_bos: bool,
    pub stops: Vec<u32>,
}

impl Words {
    /// From a file's metadata.
    pub fn of_gguf(header: &Header, tokenizer: &Tokenizer) -> Self {
        let id = |name: &str| {
            let id = header.unsigned(&format!("tokenizer.ggml.{name}_token_id"))?;
            u32::try_from(id).ok()
        };
        let ends = ["eos", "eot", "eom"];
        Self {
            template: header
                .text("tokenizer.chat_template")
                .filter(|text| text.len() <= LONGEST)
                .map(String::from),
            bos: id("bos"),
            eos: id("eos"),
            add_bos: tokenizer.begins_with(id("bos")),
            stops: ends.into_iter().filter_map(id).collect(),
        }
    }

    /// From the files of a folder.
    pub fn of_folder(folder: &Folder, tokenizer: &Tokenizer) -> Result<Self, ModelError> {
        let settings = folder.json(TOKENIZER)?;
        let config = folder.json(CONFIG)?;
        let generation = folder.json(GENERATION)?;
        let named = |key: &str| {
            let text = settings[key]
                .as_str()
                .or(settings[key]["content"].as_str())?;
            tokenizer.id(text)
        };
        let numbers = |file: &Value, key: &str| -> Vec<u32> {
            let value = &file[key];
            let all = value.as_array().into_iter().flatten().chain([value]);
            all.filter_map(Value::as_u64)
                .filter_map(|id| u32::try_from(id).ok())
                .collect()
        };
        let first = |key: &str| {
            let of = |file| numbers(file, key).first().copied();
            of(&generation).or(of(&config))
        };
        let bos = named("bos_token").or(first("bos_token_id"));
        let mut stops = numbers(&generation, "eos_token_id");
        stops.extend(numbers(&config, "eos_token_id"));
        stops.extend(named("eos_token"));
        Ok(Self {
            template: template(folder, &settings)?,
            bos,
            eos: named("eos_token").or(first("eos_token_id")),
            add_bos: tokenizer.begins_with(bos),
            stops,
        })
    }

    /// Those tokens that `tokenizer` has; every special token that is known to end a turn does.
    pub fn resolve(&self, tokenizer: &Tokenizer) -> Resolved {
        let there = |id: &u32| tokenizer.token(*id).is_some();
        let known = TURN_ENDS.iter().filter_map(|text| {
            let id = tokenizer.id(text)?;
            tokenizer.is_special(id).then_some(id)
        });
        let mut stops: Vec<u32> = self
            .stops
            .iter()
            .copied()
            .chain(self.eos)
            .chain(known)
            .collect();
        stops.retain(there);
        stops.sort_unstable();
        stops.dedup();
        Resolved {
            bos: self.bos.filter(there),
            eos: self.eos.filter(there),
            add_bos: self.add_bos,
            stops,
        }
    }
}

/// The template of a folder: a file of its own, or an entry of the tokenizer's settings.
fn template(folder: &Folder, settings: &Value) -> Result<Option<String>, ModelError> {
    let path = folder.path().join(JINJA);
    if let Ok(facts) = std::fs::metadata(&path) {
        let too_long = || folder.unusable(format!("{JINJA} is longer than {LONGEST} bytes"));
        if facts.len() > LONGEST as u64 {
            return Err(too_long());
        }
        let text = std::fs::read_to_string(&path);
        return text
            .map(Some)
            .map_err(|e| folder.unusable(format!("{JINJA}: {e}")));
    }
    let value = match &settings["chat_template"] {
        Value::Null => folder.json(JSON)?["chat_template"].clone(),
        value => value.clone(),
    };
    let text = match &value {
        Value::String(text) => Some(text.as_str()),
        // One for each use: to chat, to call tools …
        Value::Array(several) => {
            let usual = several.iter().find(|entry| entry["name"] == "default");
            usual
                .or(several.first())
                .and_then(|entry| entry["template"].as_str())
        }
        _ => None,
    };
    Ok(text.filter(|text| text.len() <= LONGEST).map(String::from))
}
