//! From tokens back to text.

use super::gguf::BLANK;
use super::{Encoded, Tokenizer};
use crate::error::ModelError;
use crate::gguf::Header;
use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of a text that every tokenizer can cut into words in one go.
const WHOLE: usize = 1 << 14;

/// How a token's name stands for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Each character is a byte, by GPT-2's table.
    Bytes,
    /// SentencePiece's: `▁` is a blank, `<0x0A>` a byte. `leading`: the blank that begins a text was
    /// put there by the tokenizer.
    Pieces { leading: bool },
    /// A token is its text; `prefix` marks those that go on with a word, all others begin one.
    Words { prefix: Option<&'static str> },
}

impl Spelling {
    /// Of a `tokenizer.json`.
    pub fn of(json: &Value) -> Self {
        let mut kinds = Vec::new();
        kinds_of(&json["decoder"], &mut kinds);
        let has = |kind: &str| kinds.contains(&kind);
        if has("ByteLevel") {
            return Self::Bytes;
        }
        if has("ByteFallback") || has("Metaspace") || json["model"]["byte_fallback"] == true {
            let leading = has("Strip") || has("Metaspace");
            return Self::Pieces { leading };
        }
        match has("WordPiece") {
            true => Self::Words { prefix: Some("##") },
            false => Self::Words { prefix: None },
        }
    }

    /// The bytes of a token's name.
    fn bytes(self, name: &str) -> Vec<u8> {
        match self {
            Self::Bytes => {
                let bytes: Option<Vec<u8>> = name.chars().map(byte_of).collect();
                bytes.unwrap_or_else(|| name.as_bytes().to_vec())
            }
            Self::Pieces { .. } => match byte_token(name) {
                Some(byte) => vec![byte],
                None => name.replace(BLANK, " ").into_bytes(),
            },
            Self::Words { prefix: None } => name.as_bytes().to_vec(),
            Self::Words {
                prefix: Some(prefix),
            } => match name.strip_prefix(prefix) {
                Some(rest) => rest.as_bytes().to_vec(),
                None => format!(" {name}").into_bytes(),
            },
        }
    }

    /// Whether a blank at the start of a text is none of the text.
    fn strips(self) -> bool {
        matches!(
            self,
            Self::Pieces { leading: true } | Self::Words { prefix: Some(_) }
        )
    }
}

fn kinds_of<'a>(decoder: &'a Value, found: &mut Vec<&'a str>) {
    found.extend(decoder["type"].as_str());
    for inner in decoder["decoders"].as_array().into_iter().flatten() {
        kinds_of(inner, found);
    }
}

/// The byte that a character stands for in GPT-2's vocabularies: printable ones for themselves, the
/// others, in their order, are the characters from 256 on.
fn byte_of(c: char) -> Option<u8> {
    let printable = |b: u32| matches!(b, 33..=126 | 161..=172 | 174..=255);
    let code = u32::from(c);
    if code < 256 {
        return printable(code).then_some(code as u8);
    }
    let mut hidden = (0u8..=255).filter(|b| !printable((*b).into()));
    hidden.nth((code - 256) as usize)
}

/// The byte of a token such as `<0x0A>`.
fn byte_token(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("<0x")?.strip_suffix('>')?;
    match digits.len() {
        2 => u8::from_str_radix(digits, 16).ok(),
        _ => None,
    }
}

/// Tokens that a `tokenizer.json` adds to its model's, with whether they are special.
pub(super) fn added(json: &Value) -> BTreeMap<u32, (String, bool)> {
    let tokens = json["added_tokens"].as_array().into_iter().flatten();
    tokens
        .filter_map(|token| {
            let id = u32::try_from(token["id"].as_u64()?).ok()?;
            let text = token["content"].as_str()?.to_string();
            Some((id, (text, token["special"] == true)))
        })
        .collect()
}

impl Tokenizer {
    /// The tokenizer in the metadata of a GGUF file; `place` names the file in messages.
    ///
    /// # Errors
    /// Its kind is not known, or it contradicts itself.
    pub fn from_gguf(place: &str, header: &Header) -> Result<Self, ModelError> {
        let fail = |problem: String| ModelError::Tokenizer {
            place: place.into(),
            problem,
        };
        let json = super::gguf::read(header).map_err(fail)?;
        Self::from_json(place, &json)
    }

    /// The number of the token with this name; of special tokens the name is the text.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.inner.token_to_id(name)
    }

    /// The name of a token, as the vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Whether the token steers a model and is no part of a text, such as `<|im_end|>`.
    pub fn is_special(&self, id: u32) -> bool {
        self.added.get(&id).is_some_and(|(_, special)| *special)
    }

    /// All special tokens with their texts.
    pub fn special_tokens(&self) -> Vec<(u32, String)> {
        let special = self.added.iter().filter(|(_, (_, special))| *special);
        special.map(|(id, (text, _))| (*id, text.clone())).collect()
    }

    /// The bytes that a token stands for in a text, which may end inside of a character; of special
    /// tokens their own text. `None` if there is no such token.
    pub fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        if let Some((text, _)) = self.added.get(&id) {
            return Some(text.clone().into_bytes());
        }
        Some(self.spelling.bytes(&self.token(id)?))
    }

    /// Whether texts that go to a model begin with this token.
    pub fn begins_with(&self, token: Option<u32>) -> bool {
        let first = self.single.first();
        token.is_some_and(
            |token| matches!(first, Some(super::Slot::Special { id, .. }) if *id == token),
        )
    }

    /// All tokens of a text with nothing around it and nothing cut. Special tokens that stand in the
    /// text become those tokens. Pieces lie one after the other and together are the whole text; of a
    /// character that is several tokens, the first has it and the others nothing.
    pub fn encode_plain(&self, text: &str) -> Encoded {
        pieces_of(text, &self.inner)
    }

    /// The tokens of a text in which special tokens are text like any other: for what strangers write.
    pub fn encode_raw(&self, text: &str) -> Vec<u32> {
        let raw = self.raw.get_or_init(|| {
            let mut raw = tokenizers::Tokenizer::clone(&self.inner);
            raw.set_encode_special_tokens(true);
            raw
        });
        pieces_of(text, raw).ids
    }

    /// The text of tokens; special ones are left out if `skip_special`.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let mut stream = StreamDecoder {
            skip_special,
            ..StreamDecoder::new(self)
        };
        let mut text: String = ids.iter().map(|id| stream.push(*id)).collect();
        text.push_str(&stream.finish());
        text
    }
}

fn pieces_of(text: &str, inner: &tokenizers::Tokenizer) -> Encoded {
    let mut encoded = Encoded {
        ids: Vec::new(),
        truncated: false,
        pieces: Vec::new(),
    };
    if append(text, 0, inner, &mut encoded) {
        return encoded;
    }
    // Expressions give up on what needs too many attempts, such as a million blanks.
    let mut start = 0;
    while start < text.len() {
        let end = text.ceil_char_boundary(start + WHOLE).min(text.len());
        append(&text[start..end], start, inner, &mut encoded);
        start = end;
    }
    encoded
}

/// Adds the tokens of a part that begins at byte `start` of its text; whether the rules of the tokenizer
/// could be used on it.
fn append(part: &str, start: usize, inner: &tokenizers::Tokenizer, encoded: &mut Encoded) -> bool {
    let Ok(found) = inner.encode(part, false) else {
        return false;
    };
    encoded.ids.extend(found.get_ids());
    let mut from = start;
    for (_, end) in found.get_offsets() {
        let end = (start + part.ceil_char_boundary(*end)).max(from);
        encoded.pieces.push(from..end);
        from = end;
    }
    true
}

/// Text from tokens one at a time; the bytes of a character wait until it is whole.
#[derive(Debug, Clone)]
pub struct StreamDecoder {
    tokenizer: Tokenizer,
    skip_special: bool,
    waiting: Vec<u8>,
    started: bool,
}

impl StreamDecoder {
    /// At the start of a text; special tokens are left out.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        Self {
            tokenizer: tokenizer.clone(),
            skip_special: true,
            waiting: Vec::new(),
            started: false,
        }
    }

    /// The text that one more token adds: whole characters. What can be none is `U+FFFD`.
    pub fn push(&mut self, id: u32) -> String {
        let special = self.tokenizer.is_special(id);
        if special && self.skip_special {
            return String::new();
        }
        let bytes = self.tokenizer.token_bytes(id).unwrap_or_default();
        let strips = !self.started && !special && self.tokenizer.spelling.strips();
        self.started |= !bytes.is_empty();
        let bytes = match strips {
            true => bytes.strip_prefix(b" ").unwrap_or(&bytes),
            false => &bytes,
        };
        self.waiting.extend_from_slice(bytes);
        self.take()
    }

    /// What is left when no more tokens come: `U+FFFD` for a character that was cut.
    pub fn finish(&mut self) -> String {
        let left = std::mem::take(&mut self.waiting);
        String::from_utf8_lossy(&left).into_owned()
    }

    /// All whole characters that wait.
    fn take(&mut self) -> String {
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.waiting) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.waiting.clear();
                    return text;
                }
                Err(e) => {
                    let (whole, rest) = self.waiting.split_at(e.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(whole));
                    let Some(bad) = e.error_len() else {
                        self.waiting = rest.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.waiting = rest[bad..].to_vec();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_byte_level_names_are_bytes() {
        assert_eq!(Spelling::Bytes.bytes("Ġthe"), b" the");
        assert_eq!(Spelling::Bytes.bytes("Ċ"), b"\n");
        assert_eq!(Spelling::Bytes.bytes("ä½ł"), "你".as_bytes());
        let all: std::collections::BTreeSet<u8> = (0..0x200u32)
            .filter_map(char::from_u32)
            .filter_map(byte_of)
            .collect();
        assert_eq!(all.len(), 256);
    }

    #[test]
    fn sentence_pieces_have_blanks_and_bytes() {
        let spelling = Spelling::Pieces { leading: true };
        assert_eq!(spelling.bytes("▁the▁"), b" the ");
        assert_eq!(spelling.bytes("<0x0A>"), b"\n");
        assert_eq!(spelling.bytes("<0xZZ>"), b"<0xZZ>");
    }
}
