//! The tokenizer files of a model's folder.

use super::layout::{self, Layout};
use crate::error::ModelError;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The files that are read.
pub(super) const FILES: [&str; 5] = [JSON, VOCAB_TXT, VOCAB_JSON, MERGES, SETTINGS];
const JSON: &str = "tokenizer.json";
const VOCAB_TXT: &str = "vocab.txt";
const VOCAB_JSON: &str = "vocab.json";
const MERGES: &str = "merges.txt";
const SETTINGS: &str = "tokenizer_config.json";
/// Larger files are no tokenizers; the largest in use have some tens of megabytes.
const LARGEST: u64 = 128 << 20;

/// `tokenizer.json`, as it is there or made from the older files, and the file that it is from.
pub(super) fn read(folder: &Path) -> Result<(PathBuf, Vec<u8>), ModelError> {
    if let Some(json) = file(folder, JSON)? {
        return Ok((folder.join(JSON), json));
    }
    if let Some(vocabulary) = file(folder, VOCAB_TXT)? {
        let layout = bert(&vocabulary, &settings(folder)?);
        return made(folder.join(VOCAB_TXT), layout);
    }
    if let Some(vocabulary) = file(folder, VOCAB_JSON)? {
        let path = folder.join(VOCAB_JSON);
        let Some(merges) = file(folder, MERGES)? else {
            return Err(broken(&path, format!("{MERGES} is not beside it")));
        };
        let layout = roberta(&vocabulary, &merges, &settings(folder)?);
        return made(path, layout);
    }
    let problem = match ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model"]
        .into_iter()
        .find(|name| folder.join(name).exists())
    {
        Some(name) => format!(
            "{name} is not read; open the model in `transformers` and save its tokenizer, which writes {JSON}"
        ),
        None => format!("no {JSON}, {VOCAB_TXT} or {VOCAB_JSON} with {MERGES} in this folder"),
    };
    Err(broken(folder, problem))
}

fn made(path: PathBuf, layout: Result<Layout, String>) -> Result<(PathBuf, Vec<u8>), ModelError> {
    match layout {
        Ok(layout) => Ok((path, layout.to_json())),
        Err(problem) => Err(broken(&path, problem)),
    }
}

fn broken(place: &Path, problem: String) -> ModelError {
    ModelError::Tokenizer {
        place: place.display().to_string(),
        problem,
    }
}

/// A file of the folder; `None` if it is not there.
fn file(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, ModelError> {
    let path = folder.join(name);
    let size = match std::fs::metadata(&path) {
        Ok(facts) => facts.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(broken(&path, e.to_string())),
    };
    if size > LARGEST {
        let most = LARGEST >> 20;
        return Err(broken(&path, format!("it is larger than {most} MiB")));
    }
    let bytes = std::fs::read(&path);
    bytes.map(Some).map_err(|e| broken(&path, e.to_string()))
}

/// `tokenizer_config.json`, as far as the older files need it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    add_prefix_space: Option<bool>,
    unk_token: Option<Special>,
    cls_token: Option<Special>,
    sep_token: Option<Special>,
    pad_token: Option<Special>,
    mask_token: Option<Special>,
}

/// A special token, with or without how it is to be looked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Special {
    Plain(String),
    Full { content: String },
}

fn settings(folder: &Path) -> Result<Settings, ModelError> {
    let Some(bytes) = file(folder, SETTINGS)? else {
        return Ok(Settings::default());
    };
    serde_json::from_slice(&bytes).map_err(|e| broken(&folder.join(SETTINGS), e.to_string()))
}

impl Settings {
    /// The special tokens: unknown, class, separator, pad, mask; `usual` where nothing is said.
    fn special(&self, usual: [&str; 5]) -> [String; 5] {
        let said = [
            &self.unk_token,
            &self.cls_token,
            &self.sep_token,
            &self.pad_token,
            &self.mask_token,
        ];
        let mut names = usual.map(String::from);
        for (name, said) in names.iter_mut().zip(said) {
            if let Some(Special::Plain(text) | Special::Full { content: text }) = said {
                name.clone_from(text);
            }
        }
        names
    }
}

/// Numbers of the special tokens; the first three must be in the vocabulary.
fn numbers(
    names: &[String; 5],
    file: &str,
    vocabulary: &Map<String, Value>,
) -> Result<Vec<(String, u32)>, String> {
    let mut found = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let id = vocabulary.get(name).and_then(Value::as_u64);
        match id.and_then(|id| u32::try_from(id).ok()) {
            Some(id) => found.push((name.clone(), id)),
            None if i < 3 => {
                return Err(format!(
                    "{file} has no `{name}`; is it the vocabulary of this model?"
                ));
            }
            None => {}
        }
    }
    Ok(found)
}

/// BERT and its kin: one token a line, the number is the line.
fn bert(vocabulary: &[u8], settings: &Settings) -> Result<Layout, String> {
    let text = std::str::from_utf8(vocabulary).map_err(|e| {
        let good = &vocabulary[..e.valid_up_to()];
        let line = 1 + good.iter().filter(|b| **b == b'\n').count();
        format!("line {line} is not UTF-8")
    })?;
    let lines: Vec<String> = text.lines().map(String::from).collect();
    let vocabulary = layout::numbered(&lines);
    let names = settings.special([
        layout::UNKNOWN,
        layout::CLASS,
        layout::SEPARATOR,
        layout::PAD,
        layout::MASK,
    ]);
    let special = numbers(&names, VOCAB_TXT, &vocabulary)?;
    let [unknown, class, separator] = [&special[0], &special[1], &special[2]];
    Ok(Layout {
        normalizer: layout::bert_normalizer(
            settings.tokenize_chinese_chars.unwrap_or(true),
            settings.strip_accents,
            settings.do_lower_case.unwrap_or(true),
        ),
        pre_tokenizer: layout::bert_words(),
        post_processor: layout::bert_template((&class.0, class.1), (&separator.0, separator.1)),
        decoder: json!({ "type": "WordPiece", "prefix": layout::CONTINUING, "cleanup": true }),
        model: layout::wordpiece(&unknown.0, vocabulary),
        special,
    })
}

/// RoBERTa and its kin: byte pairs.
fn roberta(vocabulary: &[u8], merges: &[u8], settings: &Settings) -> Result<Layout, String> {
    let vocabulary: Map<String, Value> = serde_json::from_slice(vocabulary)
        .map_err(|e| format!("it is not a JSON object of tokens and numbers ({e})"))?;
    let merges = std::str::from_utf8(merges).map_err(|_| format!("{MERGES} is not UTF-8"))?;
    let mut pairs = Vec::new();
    for (i, line) in merges.lines().enumerate() {
        if line.is_empty() || line.starts_with("#version") {
            continue;
        }
        match line.split_once(' ') {
            Some((a, b)) if !b.contains(' ') => pairs.push([a.to_string(), b.to_string()]),
            _ => return Err(format!("{MERGES}, line {}: not two tokens", i + 1)),
        }
    }
    let names = settings.special(["<unk>", "<s>", "</s>", "<pad>", "<mask>"]);
    let special = numbers(&names, VOCAB_JSON, &vocabulary)?;
    let blank = settings.add_prefix_space.unwrap_or(false);
    Ok(Layout {
        normalizer: Value::Null,
        pre_tokenizer: layout::byte_level(blank, true),
        post_processor: json!({
            "type": "RobertaProcessing", "sep": special[2], "cls": special[1],
            "trim_offsets": true, "add_prefix_space": blank
        }),
        decoder: layout::byte_level(true, true),
        model: layout::bpe(vocabulary, pairs),
        special,
    })
}
