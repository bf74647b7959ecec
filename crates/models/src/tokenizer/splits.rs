//! How byte pair encodings cut a text into words before merging, by the names that GGUF files use.

use super::layout;
use serde_json::{Value, json};

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A way to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Splits {
    /// Contractions, words, numbers, other signs; a blank goes with what follows it.
    Gpt2,
    /// The same after every digit has been put apart.
    Digits,
    /// Numbers in threes, line ends with the signs before them.
    Llama3,
    /// As Llama 3, every digit for itself.
    Qwen2,
    /// Mistral's: words change where small letters turn to capitals.
    Tekken,
    /// llama.cpp's for files that do not say.
    Usual,
}

/// Names in files.
const NAMES: [(&str, Splits); 26] = [
    ("gpt-2", Splits::Gpt2),
    ("phi-2", Splits::Gpt2),
    ("mpt", Splits::Gpt2),
    ("olmo", Splits::Gpt2),
    ("jais", Splits::Gpt2),
    ("roberta-bpe", Splits::Gpt2),
    ("smollm", Splits::Digits),
    ("starcoder", Splits::Digits),
    ("refact", Splits::Digits),
    ("command-r", Splits::Digits),
    ("codeshell", Splits::Digits),
    ("exaone", Splits::Digits),
    ("minerva-7b", Splits::Digits),
    ("llama-bpe", Splits::Llama3),
    ("llama3", Splits::Llama3),
    ("llama-v3", Splits::Llama3),
    ("falcon3", Splits::Llama3),
    ("smaug-bpe", Splits::Llama3),
    ("dbrx", Splits::Llama3),
    ("qwen2", Splits::Qwen2),
    ("deepseek-r1-qwen", Splits::Qwen2),
    ("stablelm2", Splits::Qwen2),
    ("hunyuan", Splits::Qwen2),
    ("megrez", Splits::Qwen2),
    ("tekken", Splits::Tekken),
    ("default", Splits::Usual),
];

impl Splits {
    /// By the name in a file; the error is a sentence.
    pub fn named(name: Option<&str>) -> Result<Self, String> {
        let Some(name) = name else {
            return Ok(Self::Usual);
        };
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, splits)| *splits).ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!(
                "`tokenizer.ggml.pre` is {name}, which is not known; known are {}",
                known.join(", ")
            )
        })
    }

    /// How texts are cleaned.
    pub fn normalizer(self) -> Value {
        match self {
            Self::Qwen2 => json!({ "type": "NFC" }),
            _ => Value::Null,
        }
    }

    /// How texts are cut.
    pub fn pre_tokenizer(self) -> Value {
        let split = |pattern: &str| {
            json!({
                "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated",
                "invert": false
            })
        };
        let mut steps = match self {
            Self::Gpt2 => return layout::byte_level(false, true),
            Self::Digits => {
                let digits = json!({ "type": "Digits", "individual_digits": true });
                vec![digits, split(GPT2)]
            }
            Self::Llama3 => vec![split(LLAMA3)],
            Self::Qwen2 => vec![split(QWEN2)],
            Self::Tekken => vec![split(TEKKEN)],
            Self::Usual => {
                let signs = r"[\p{P}\$\+<=>\^~\|]+";
                vec![
                    split(signs),
                    split(GPT2),
                    split(r"\p{N}+"),
                    split("[0-9][0-9][0-9]"),
                ]
            }
        };
        steps.push(layout::byte_level(false, false));
        json!({ "type": "Sequence", "pretokenizers": steps })
    }

    /// Whether a word that is a token is taken whole, whatever merges would make of it.
    pub fn ignores_merges(self) -> bool {
        matches!(self, Self::Llama3 | Self::Tekken)
    }

    /// Whether texts begin with a token of their own where the file does not say.
    pub fn begins(self) -> bool {
        self == Self::Llama3
    }
}
