//! From text to the numbers that a network reads, and back to places in the text.
//!
//! The work itself is done by the crate `tokenizers`. Here are the ways to get a tokenizer (out of a
//! model's folder, or learned from a person's own texts), what must hold before a file of somebody else
//! reaches that crate, and the two things that models ask for: one text, or a question with the windows
//! of a long text. Nothing is fetched, and no code runs from a file.

mod bytes;
mod check;
mod folder;
mod frame;
mod gguf;
mod layout;
mod merges;
mod pieces;
mod splits;
#[cfg(test)]
mod tests;
mod train;
mod words;

use crate::error::ModelError;
use frame::Slot;
use pieces::Spelling;
pub use pieces::StreamDecoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// No token stands for more characters than this on average in any text worth reading; what is longer
/// than the tokens that are asked for can hold is not even looked at.
const CHARACTERS_OF_A_TOKEN: usize = 100;
/// Characters that are always looked at.
const FEWEST_CHARACTERS: usize = 1000;

/// How a tokenizer that is learned from texts cuts words into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerKind {
    /// The longest known piece first, as BERT does (Schuster & Nakajima 2012).
    #[default]
    Wordpiece,
    /// Byte pairs are merged in the order in which they were learned, as RoBERTa does: nothing is unknown.
    Bpe,
    /// The most probable pieces (Kudo 2018), as XLM-R does.
    Unigram,
}

/// A text as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// With the special tokens that the model wants around a text; never empty.
    pub ids: Vec<u32>,
    /// Whether the text was too long and its end is missing.
    pub truncated: bool,
    /// The bytes of the text that each token stands for; empty for special tokens.
    pub pieces: Vec<Range<usize>>,
}

/// A question with a part of a longer text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// With the special tokens that the model wants.
    pub ids: Vec<u32>,
    /// For each token 0 or 1: of the question or of the text, as the model counts them.
    pub types: Vec<u32>,
    /// Which of the tokens are of the text.
    pub context: Range<usize>,
    /// The bytes of the whole text that each token stands for; empty outside of `context`.
    pub offsets: Vec<Range<usize>>,
}

/// A tokenizer; a copy shares its tables.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    json: Arc<[u8]>,
    single: Vec<Slot>,
    pair: Vec<Slot>,
    vocabulary: usize,
    pad: u32,
    unknown: Option<u32>,
    /// Added tokens: text, and whether it is special.
    added: Arc<BTreeMap<u32, (String, bool)>>,
    spelling: Spelling,
    /// The same without special tokens, once it is asked for.
    raw: Arc<OnceLock<tokenizers::Tokenizer>>,
}

impl Tokenizer {
    /// The files of a model's folder that [`open`](Self::open) reads.
    pub const FILES: [&str; 5] = folder::FILES;

    /// The tokenizer in a model's folder: `tokenizer.json`, or else `vocab.txt` (BERT), or else
    /// `vocab.json` with `merges.txt` (RoBERTa).
    ///
    /// # Errors
    /// None of them is there, or one is not what it should be.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let (file, json) = folder::read(folder)?;
        Self::from_json(&file.display().to_string(), &json)
    }

    /// The tokenizer in the bytes of a `tokenizer.json`; `place` names it in messages.
    ///
    /// # Errors
    /// The bytes are not a tokenizer, or one that contradicts itself.
    pub fn from_json(place: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        Self::parse(bytes).map_err(|problem| ModelError::Tokenizer {
            place: place.into(),
            problem,
        })
    }

    /// Learns a tokenizer of about `vocabulary` tokens from texts. Words are lower-cased, accents taken
    /// off, and Chinese characters stand alone. `[PAD]` is 0, `[UNK]` `[CLS]` `[SEP]` `[MASK]` follow.
    ///
    /// The same texts in the same order give the same tokenizer, whatever the number of threads. Memory
    /// is bounded: where there are more different words than a table holds, the rarest are forgotten.
    ///
    /// # Errors
    /// No text has a word in it, or the size is out of range.
    pub fn train<'a>(
        kind: TokenizerKind,
        vocabulary: usize,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ModelError> {
        let json = train::learn(kind, vocabulary, texts)?;
        Self::from_json("the tokenizer that was learned", &json)
    }

    /// As `tokenizer.json`: the bytes that it was made of.
    pub fn to_json(&self) -> Vec<u8> {
        self.json.to_vec()
    }

    /// One more than the largest number of a token: the rows that an embedding needs.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The token that fills up shorter texts.
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The token for what is not in the vocabulary; `None` if everything is, as with bytes.
    pub fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// A text in at most `max_length` tokens, special tokens included; its end is cut off if need be.
    pub fn encode(&self, text: &str, max_length: usize) -> Encoded {
        let room = max_length.saturating_sub(frame::special(&self.single));
        let start = beginning(text, room);
        let tokens = self.tokens(start);
        let kept = tokens.ids.len().min(room);
        let mut encoded = Encoded {
            ids: Vec::with_capacity(max_length.min(kept + self.single.len())),
            truncated: start.len() < text.len() || kept < tokens.ids.len(),
            pieces: Vec::with_capacity(max_length.min(kept + self.single.len())),
        };
        for slot in &self.single {
            match slot {
                Slot::Special { id, .. } => {
                    encoded.ids.push(*id);
                    encoded.pieces.push(0..0);
                }
                Slot::Text { .. } => {
                    encoded.ids.extend(&tokens.ids[..kept]);
                    encoded.pieces.extend_from_slice(&tokens.pieces[..kept]);
                }
            }
        }
        // Without special tokens an empty text would leave a network nothing to look at.
        if encoded.ids.is_empty() {
            encoded.ids.push(self.pad);
            encoded.pieces.push(0..0);
        }
        encoded
    }

    /// A question with every part of a text, in windows of at most `max_length` tokens. Neighbouring
    /// windows share `stride` tokens of the text, so that an answer at an edge is whole in one of them;
    /// never more than half a window. A question that would leave the text less than half is cut.
    pub fn encode_pair(
        &self,
        first: &str,
        second: &str,
        max_length: usize,
        stride: usize,
    ) -> Vec<Window> {
        let room = max_length.saturating_sub(frame::special(&self.pair));
        let mut question = self.tokens(beginning(first, room)).ids;
        question.truncate(room / 2);
        let text = self.tokens(second);
        let width = (room - question.len()).max(1);
        let step = width - stride.min(width / 2);
        let mut windows = Vec::new();
        let mut start = 0;
        loop {
            let end = (start + width).min(text.ids.len());
            windows.push(self.window(&question, &text, start..end));
            if end == text.ids.len() {
                return windows;
            }
            start += step;
        }
    }

    fn window(&self, question: &[u32], text: &Tokens, part: Range<usize>) -> Window {
        let mut window = Window {
            ids: Vec::new(),
            types: Vec::new(),
            context: 0..0,
            offsets: Vec::new(),
        };
        for slot in &self.pair {
            let start = window.ids.len();
            match slot {
                Slot::Special { id, .. } => window.ids.push(*id),
                Slot::Text { which: 0, .. } => window.ids.extend(question),
                Slot::Text { .. } => {
                    window.ids.extend(&text.ids[part.clone()]);
                    window.context = start..window.ids.len();
                    window.offsets.extend_from_slice(&text.pieces[part.clone()]);
                }
            }
            window.types.resize(window.ids.len(), slot.kind());
            window.offsets.resize(window.ids.len(), 0..0);
        }
        window
    }

    /// The tokens of a text without special ones. A text on which the rules of a strange tokenizer give
    /// up is as one without words.
    fn tokens(&self, text: &str) -> Tokens {
        let Ok(found) = self.inner.encode(text, false) else {
            return Tokens::default();
        };
        Tokens {
            ids: found.get_ids().to_vec(),
            pieces: found
                .get_offsets()
                .iter()
                .map(|o| piece(text, *o))
                .collect(),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let json: Value =
            serde_json::from_slice(bytes).map_err(|e| format!("it is not JSON ({e})"))?;
        check::document(&json)?;
        let mut inner =
            tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| format!("it is damaged ({e})"))?;
        // How long texts may be and what fills them up is asked with each text.
        inner.with_padding(None);
        let whole = inner.with_truncation(None).map(|_| ());
        whole.map_err(|e| e.to_string())?;
        without_chance(&mut inner);
        check::added_tokens(&json, &inner)?;
        let largest = inner.get_vocab(true).into_values().max();
        let vocabulary = largest.ok_or("its vocabulary is empty")? as usize + 1;
        Ok(Self {
            single: frame::read(&inner, false, vocabulary)?,
            pair: frame::read(&inner, true, vocabulary)?,
            vocabulary,
            pad: pad(&json, &inner),
            unknown: check::unknown(&json["model"]),
            added: Arc::new(pieces::added(&json)),
            spelling: Spelling::of(&json),
            raw: Arc::default(),
            json: bytes.into(),
            inner: Arc::new(inner),
        })
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokenizer({} tokens)", self.vocabulary)
    }
}

#[derive(Default)]
struct Tokens {
    ids: Vec<u32>,
    pieces: Vec<Range<usize>>,
}

/// Takes out the random skipping of merges, with which some tokenizers were saved: the same text must
/// always be the same numbers.
fn without_chance(inner: &mut tokenizers::Tokenizer) {
    if let tokenizers::ModelWrapper::BPE(model) = inner.get_model()
        && model.dropout.is_some()
    {
        let mut model = model.clone();
        model.dropout = None;
        inner.with_model(model);
    }
}

fn pad(json: &Value, inner: &tokenizers::Tokenizer) -> u32 {
    let named = || {
        inner
            .token_to_id(layout::PAD)
            .or(inner.token_to_id("<pad>"))
    };
    let written = json["padding"]["pad_id"].as_u64();
    let written = written.and_then(|id| u32::try_from(id).ok());
    written
        .filter(|id| inner.id_to_token(*id).is_some())
        .or_else(named)
        .unwrap_or(0)
}

/// As much of a text as `tokens` tokens can hold.
fn beginning(text: &str, tokens: usize) -> &str {
    let most = tokens
        .saturating_mul(CHARACTERS_OF_A_TOKEN)
        .saturating_add(FEWEST_CHARACTERS);
    // A character is at least a byte, so shorter texts need not be counted.
    match text.len() > most {
        true => text
            .char_indices()
            .nth(most)
            .map_or(text, |(end, _)| &text[..end]),
        false => text,
    }
}

/// The bytes of a token in its text: whole characters, without blanks at the ends.
fn piece(text: &str, (start, end): (usize, usize)) -> Range<usize> {
    let start = text.floor_char_boundary(start);
    let end = text.ceil_char_boundary(end).max(start);
    let word = &text[start..end];
    let start = start + (word.len() - word.trim_start().len());
    start..start + word.trim().len()
}
