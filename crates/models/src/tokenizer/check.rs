//! What must hold of a `tokenizer.json` before the crate that reads it gets it: that one takes some of
//! it on trust, and a damaged file would end the program instead of being an error.

use serde_json::{Map, Value};
use std::collections::HashSet;

/// Larger numbers of tokens are a mistake: an embedding of so many rows fits into no memory.
const MOST_TOKENS: u64 = 1 << 24;

/// Checks what depends on the text of the file alone.
pub(super) fn document(json: &Value) -> Result<(), String> {
    let model = &json["model"];
    if !model.is_object() {
        return Err("it has no `model`; is it the `tokenizer.json` of a tokenizer?".into());
    }
    match kind(model)? {
        "Unigram" => unigram(model)?,
        "BPE" => {
            let vocabulary = vocabulary(model)?;
            merges(model, &vocabulary)?;
        }
        _ => {
            let vocabulary = vocabulary(model)?;
            let unknown = model["unk_token"].as_str().unwrap_or("");
            if !vocabulary.contains(unknown) {
                return Err(format!(
                    "its token for unknown words, `{unknown}`, is not in the vocabulary"
                ));
            }
        }
    }
    post_processor(&json["post_processor"])
}

/// Checks that the added tokens have the numbers that the file gives them: those that the model does
/// not know are numbered by the reader, from the end of the vocabulary.
pub(super) fn added_tokens(json: &Value, inner: &tokenizers::Tokenizer) -> Result<(), String> {
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let (Some(text), Some(id)) = (token["content"].as_str(), token["id"].as_u64()) else {
            return Err("one of its `added_tokens` has no `content` or no `id`".into());
        };
        // Those without text are left out by the reader.
        if !text.is_empty() && inner.token_to_id(text).map(u64::from) != Some(id) {
            return Err(format!(
                "its added token `{text}` has number {id}, which does not follow from its vocabulary"
            ));
        }
    }
    Ok(())
}

/// The number of the token for what is not in the vocabulary.
pub(super) fn unknown(model: &Value) -> Option<u32> {
    let id = match model["unk_token"].as_str() {
        Some(text) => model["vocab"].get(text)?.as_u64(),
        None => model["unk_id"].as_u64(),
    };
    id.and_then(|id| u32::try_from(id).ok())
}

/// The kind of model; files of the first versions do not name it.
fn kind(model: &Value) -> Result<&str, String> {
    const KNOWN: [&str; 4] = ["WordPiece", "BPE", "Unigram", "WordLevel"];
    match model["type"].as_str() {
        Some(kind) if KNOWN.contains(&kind) => Ok(kind),
        Some(other) => Err(format!(
            "its kind of model, `{other}`, is not known; known are {}",
            KNOWN.join(", ")
        )),
        None if model["merges"].is_array() => Ok("BPE"),
        None if model["vocab"].is_array() => Ok("Unigram"),
        None => Ok("WordPiece"),
    }
}

/// The tokens of a vocabulary with numbers.
fn vocabulary(model: &Value) -> Result<HashSet<&str>, String> {
    let entries: &Map<String, Value> = model["vocab"].as_object().ok_or("it has no vocabulary")?;
    for (token, id) in entries {
        if id.as_u64().is_none_or(|id| id >= MOST_TOKENS) {
            return Err(format!("its token `{token}` has no usable number ({id})"));
        }
    }
    Ok(entries.keys().map(String::as_str).collect())
}

/// A merge joins two tokens into a third one, and all three must be there.
fn merges(model: &Value, vocabulary: &HashSet<&str>) -> Result<(), String> {
    let list = model["merges"].as_array().ok_or("it has no `merges`")?;
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or("");
    for (i, merge) in list.iter().enumerate() {
        let (first, second) = match merge {
            Value::String(line) if line.starts_with("#version") => continue,
            Value::String(line) => match line.split_once(' ') {
                Some((a, b)) if !b.contains(' ') => (a, b),
                _ => return Err(format!("its merge {} is not two tokens", i + 1)),
            },
            _ => match (merge[0].as_str(), merge[1].as_str()) {
                (Some(a), Some(b)) => (a, b),
                _ => return Err(format!("its merge {} is not two tokens", i + 1)),
            },
        };
        let rest = second.strip_prefix(prefix).ok_or_else(|| {
            format!(
                "its merge {} has `{second}` without the prefix `{prefix}`",
                i + 1
            )
        })?;
        let joined = format!("{first}{rest}");
        for token in [first, second, &joined] {
            if !vocabulary.contains(token) {
                return Err(format!(
                    "its merge {} needs `{token}`, which is not in the vocabulary",
                    i + 1
                ));
            }
        }
    }
    Ok(())
}

fn unigram(model: &Value) -> Result<(), String> {
    let list = model["vocab"].as_array().ok_or("it has no vocabulary")?;
    if list.len() as u64 >= MOST_TOKENS {
        return Err(format!("its vocabulary has {} tokens", list.len()));
    }
    let is_entry = |entry: &Value| entry[0].is_string() && entry[1].is_number();
    if let Some(i) = list.iter().position(|entry| !is_entry(entry)) {
        return Err(format!("its token {i} is not a text with a score"));
    }
    match model["unk_id"].as_u64() {
        Some(id) if id < list.len() as u64 => Ok(()),
        _ => Err("it has no token for unknown characters (`unk_id`)".into()),
    }
}

/// A template names texts and special tokens; the reader looks up both without asking.
fn post_processor(value: &Value) -> Result<(), String> {
    for inner in value["processors"].as_array().into_iter().flatten() {
        post_processor(inner)?;
    }
    if value["type"].as_str() != Some("TemplateProcessing") {
        return Ok(());
    }
    for (name, texts) in [("single", &["A"][..]), ("pair", &["A", "B"])] {
        for piece in value[name].as_array().into_iter().flatten() {
            if let Some(text) = piece["Sequence"]["id"].as_str()
                && !texts.contains(&text)
            {
                return Err(format!("its template `{name}` uses text `{text}`"));
            }
            if let Some(token) = piece["SpecialToken"]["id"].as_str()
                && value["special_tokens"][token]["ids"].as_array().is_none()
            {
                return Err(format!(
                    "its template `{name}` uses `{token}`, which is not among its special tokens"
                ));
            }
        }
    }
    Ok(())
}
