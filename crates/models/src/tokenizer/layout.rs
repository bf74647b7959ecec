//! The `tokenizer.json` of a tokenizer that has no such file yet.

use serde_json::{Map, Value, json};

/// Fills up shorter texts.
pub(super) const PAD: &str = "[PAD]";
/// Stands for what is not in the vocabulary.
pub(super) const UNKNOWN: &str = "[UNK]";
/// Begins every text.
pub(super) const CLASS: &str = "[CLS]";
/// Ends a text.
pub(super) const SEPARATOR: &str = "[SEP]";
/// Hides a word from a model that is to guess it.
pub(super) const MASK: &str = "[MASK]";
/// BERT's special tokens, in the order of their numbers where we choose them.
pub(super) const SPECIAL: [&str; 5] = [PAD, UNKNOWN, CLASS, SEPARATOR, MASK];
/// Marks a piece that goes on with a word.
pub(super) const CONTINUING: &str = "##";

/// The parts of a tokenizer, in the words of the file format.
pub(super) struct Layout {
    /// Special tokens with their numbers.
    pub special: Vec<(String, u32)>,
    /// How a text is cleaned.
    pub normalizer: Value,
    /// How it is cut into words.
    pub pre_tokenizer: Value,
    /// What goes around it.
    pub post_processor: Value,
    /// From tokens to text.
    pub decoder: Value,
    /// From words to tokens.
    pub model: Value,
}

impl Layout {
    /// The file.
    pub fn to_json(&self) -> Vec<u8> {
        let added = |(content, id): &(String, u32)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true
            })
        };
        let document = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": self.special.iter().map(added).collect::<Vec<_>>(),
            "normalizer": self.normalizer,
            "pre_tokenizer": self.pre_tokenizer,
            "post_processor": self.post_processor,
            "decoder": self.decoder,
            "model": self.model,
        });
        document.to_string().into_bytes()
    }
}

/// BERT's cleaning: no control characters, Chinese characters apart, and as asked.
pub(super) fn bert_normalizer(chinese: bool, accents: Option<bool>, lower_case: bool) -> Value {
    json!({
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": chinese,
        "strip_accents": accents, "lowercase": lower_case
    })
}

/// BERT's words: between blanks, and every punctuation mark for itself.
pub(super) fn bert_words() -> Value {
    json!({ "type": "BertPreTokenizer" })
}

/// `[CLS] text [SEP]` and `[CLS] text [SEP] text [SEP]`.
pub(super) fn bert_template(class: (&str, u32), separator: (&str, u32)) -> Value {
    let special =
        |name: &str, kind: u32| json!({ "SpecialToken": { "id": name, "type_id": kind } });
    let text = |name: &str, kind: u32| json!({ "Sequence": { "id": name, "type_id": kind } });
    let mut tokens = Map::new();
    for (name, id) in [class, separator] {
        let token = json!({ "id": name, "ids": [id], "tokens": [name] });
        tokens.insert(name.into(), token);
    }
    let single = [special(class.0, 0), text("A", 0), special(separator.0, 0)];
    let second = [text("B", 1), special(separator.0, 1)];
    let pair = [&single[..], &second].concat();
    json!({
        "type": "TemplateProcessing",
        "single": single,
        "pair": pair,
        "special_tokens": tokens,
    })
}

/// WordPiece with the numbers in `vocabulary`.
pub(super) fn wordpiece(unknown: &str, vocabulary: Map<String, Value>) -> Value {
    json!({
        "type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": CONTINUING,
        "max_input_chars_per_word": 100, "vocab": vocabulary
    })
}

/// Byte pair encoding with the numbers in `vocabulary`.
pub(super) fn bpe(vocabulary: Map<String, Value>, merges: Vec<[String; 2]>) -> Value {
    json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
        "ignore_merges": false, "vocab": vocabulary, "merges": merges
    })
}

/// Bytes as printable characters; `blank` puts a blank before every word, `split` finds the words.
pub(super) fn byte_level(blank: bool, split: bool) -> Value {
    json!({
        "type": "ByteLevel", "add_prefix_space": blank, "trim_offsets": true, "use_regex": split
    })
}

/// Tokens with the numbers 0, 1, 2 …
pub(super) fn numbered(tokens: &[String]) -> Map<String, Value> {
    tokens.iter().cloned().zip((0..).map(Value::from)).collect()
}
