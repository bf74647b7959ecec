//! The tokenizer in the metadata of a GGUF file.
//!
//! The file has tokens, merges or scores, and the name of a way to cut texts into words; all of it
//! becomes a `tokenizer.json`, which is checked like any other.

use super::layout;
use super::splits::Splits;
use crate::gguf::{Header, Value as Fact};
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::HashSet;

/// Kinds of tokens, by llama.cpp's numbers.
const NORMAL: u64 = 1;
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;
/// Longer tokens are not made by merging; to look for the merges of one takes the square of its length.
const LONGEST_MERGED: usize = 512;
/// A blank, in SentencePiece's vocabularies.
pub(super) const BLANK: &str = "▁";

/// A `tokenizer.json` of what the header of a file says; the error is a sentence.
pub(super) fn read(header: &Header) -> Result<Vec<u8>, String> {
    let Some(model) = header.text("tokenizer.ggml.model") else {
        return Err("metadata has no `tokenizer.ggml.model`".into());
    };
    let facts = Facts::read(header)?;
    let document = match model {
        "gpt2" => facts.byte_pairs(header)?,
        "llama" => facts.sentence_pieces(header)?,
        other => {
            return Err(format!(
                "`tokenizer.ggml.model` is {other}, which is not supported; supported are gpt2 (byte \
                 pairs) and llama (SentencePiece)"
            ));
        }
    };
    Ok(document.to_string().into_bytes())
}

/// Tokens and what is said of them.
struct Facts<'a> {
    tokens: Vec<&'a str>,
    kinds: Vec<u64>,
}

fn list<'a>(header: &'a Header, name: &str) -> Option<&'a [Fact]> {
    header.list(&format!("tokenizer.ggml.{name}"))
}

impl<'a> Facts<'a> {
    fn read(header: &'a Header) -> Result<Self, String> {
        let tokens: Option<Vec<&str>> =
            list(header, "tokens").and_then(|tokens| tokens.iter().map(Fact::text).collect());
        let Some(tokens) = tokens.filter(|tokens| !tokens.is_empty()) else {
            return Err("`tokenizer.ggml.tokens` is no list of texts".into());
        };
        let kinds = match list(header, "token_type") {
            None => vec![NORMAL; tokens.len()],
            Some(kinds) => {
                let kinds: Option<Vec<u64>> = kinds.iter().map(Fact::unsigned).collect();
                kinds.ok_or("`tokenizer.ggml.token_type` is no list of numbers")?
            }
        };
        match kinds.len() == tokens.len() {
            true => Ok(Self { tokens, kinds }),
            false => Err(format!(
                "`tokenizer.ggml.tokens` has {} entries and `tokenizer.ggml.token_type` {}",
                tokens.len(),
                kinds.len()
            )),
        }
    }

    /// The number of each token; of two that are the same text the first.
    fn vocabulary(&self) -> Map<String, Value> {
        let mut vocabulary = Map::new();
        for (id, token) in self.tokens.iter().enumerate() {
            vocabulary.entry(*token).or_insert_with(|| id.into());
        }
        vocabulary
    }

    /// Tokens that are looked for in texts before anything else.
    fn added(&self, vocabulary: &Map<String, Value>) -> Vec<Value> {
        let tokens = self.tokens.iter().zip(&self.kinds).enumerate();
        tokens
            .filter(|(_, (_, kind))| [CONTROL, USER_DEFINED, UNKNOWN].contains(kind))
            .filter(|(id, (token, _))| {
                !token.is_empty() && vocabulary.get(**token) == Some(&Value::from(*id))
            })
            .map(|(id, (token, kind))| {
                json!({
                    "id": id, "content": token, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": *kind != USER_DEFINED
                })
            })
            .collect()
    }

    /// The text of the token that metadata names for a use.
    fn named(&self, header: &Header, name: &str) -> Option<(&'a str, u64)> {
        let id = header.unsigned(&format!("tokenizer.ggml.{name}_token_id"))?;
        let token = *self.tokens.get(usize::try_from(id).ok()?)?;
        Some((token, id))
    }

    /// What goes around a text: the token that begins it, the one that ends it.
    fn template(&self, header: &Header, usual_bos: bool) -> Value {
        let wanted = |key: &str, usual: bool| {
            let key = format!("tokenizer.ggml.{key}");
            header.bool(&key).unwrap_or(usual)
        };
        let bos = wanted("add_bos_token", usual_bos);
        let eos = wanted("add_eos_token", false);
        let bos = self.named(header, "bos").filter(|_| bos);
        let eos = self.named(header, "eos").filter(|_| eos);
        let special =
            |token: &(&str, u64)| json!({ "SpecialToken": { "id": token.0, "type_id": 0 } });
        let text = |name: &str| json!({ "Sequence": { "id": name, "type_id": 0 } });
        let around = |texts: &[&str]| -> Vec<Value> {
            let texts = texts.iter().map(|name| text(name));
            let bos = bos.iter().map(special);
            bos.chain(texts).chain(eos.iter().map(special)).collect()
        };
        let tokens: Map<String, Value> = [bos, eos]
            .into_iter()
            .flatten()
            .map(|(name, id)| {
                let token = json!({ "id": name, "ids": [id], "tokens": [name] });
                (name.to_string(), token)
            })
            .collect();
        json!({
            "type": "TemplateProcessing",
            "single": around(&["A"]),
            "pair": around(&["A", "B"]),
            "special_tokens": tokens,
        })
    }

    /// Byte pair encoding as of GPT-2 (Radford et al. 2019).
    fn byte_pairs(&self, header: &Header) -> Result<Value, String> {
        let splits = Splits::named(header.text("tokenizer.ggml.pre"))?;
        let merges = list(header, "merges").ok_or("it has no `tokenizer.ggml.merges`")?;
        let merges: Option<Vec<&str>> = merges.iter().map(Fact::text).collect();
        let merges = merges.ok_or("`tokenizer.ggml.merges` is no list of texts")?;
        let vocabulary = self.vocabulary();
        let added = self.added(&vocabulary);
        Ok(json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": added,
            "normalizer": splits.normalizer(),
            "pre_tokenizer": splits.pre_tokenizer(),
            "post_processor": self.template(header, splits.begins()),
            "decoder": layout::byte_level(true, true),
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null,
                "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
                "byte_fallback": false, "ignore_merges": splits.ignores_merges(),
                "vocab": vocabulary, "merges": merges
            },
        }))
    }

    /// SentencePiece's byte pair encoding (Kudo & Richardson 2018): of all neighbours, the two are
    /// merged whose token has the highest score. What has no token is spelt in bytes.
    fn sentence_pieces(&self, header: &Header) -> Result<Value, String> {
        let scores = list(header, "scores").ok_or("it has no `tokenizer.ggml.scores`")?;
        let scores: Option<Vec<f64>> = scores.iter().map(Fact::float).collect();
        let scores = scores.filter(|scores| scores.len() == self.tokens.len());
        let scores =
            scores.ok_or("`tokenizer.ggml.scores` is no list of a number for each token")?;
        let unknown = self.named(header, "unknown").map(|(token, _)| token);
        let blank = header
            .bool("tokenizer.ggml.add_space_prefix")
            .unwrap_or(true);
        let vocabulary = self.vocabulary();
        let added = self.added(&vocabulary);
        let replaced = json!({ "type": "Replace", "pattern": { "String": " " }, "content": BLANK });
        let prepended = json!({ "type": "Prepend", "prepend": BLANK });
        let mut decoders = vec![
            json!({ "type": "Replace", "pattern": { "String": BLANK }, "content": " " }),
            json!({ "type": "ByteFallback" }),
            json!({ "type": "Fuse" }),
        ];
        let mut normalizers = vec![replaced];
        if blank {
            normalizers.insert(0, prepended);
            decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
        }
        Ok(json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": added,
            "normalizer": { "type": "Sequence", "normalizers": normalizers },
            "pre_tokenizer": null,
            "post_processor": self.template(header, true),
            "decoder": { "type": "Sequence", "decoders": decoders },
            "model": {
                "type": "BPE", "dropout": null, "unk_token": unknown,
                "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": true,
                "byte_fallback": true, "ignore_merges": false,
                "merges": self.merges(&scores), "vocab": vocabulary
            },
        }))
    }

    /// All ways to make a token of two others, the token with the highest score first.
    fn merges(&self, scores: &[f64]) -> Vec<[&'a str; 2]> {
        let known: HashSet<&str> = self.tokens.iter().copied().collect();
        let mut found: Vec<(f64, [&str; 2])> = Vec::new();
        let mut seen = HashSet::new();
        for (i, token) in self.tokens.iter().enumerate() {
            let merged = [NORMAL, USER_DEFINED].contains(&self.kinds[i]);
            if !merged || token.len() > LONGEST_MERGED || !seen.insert(*token) {
                continue;
            }
            for (middle, _) in token.char_indices().skip(1) {
                let (first, second) = token.split_at(middle);
                if known.contains(first) && known.contains(second) {
                    found.push((scores[i], [first, second]));
                }
            }
        }
        let length = |text: &str| Reverse(text.chars().count());
        found.sort_by(|(a, x), (b, y)| {
            let lengths = |[first, second]: &[&str; 2]| (length(first), length(second));
            b.total_cmp(a).then_with(|| lengths(x).cmp(&lengths(y)))
        });
        found.into_iter().map(|(_, pair)| pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Tokenizer;

    fn header(entries: Vec<(&str, Fact)>) -> Header {
        let metadata = entries.into_iter();
        Header {
            version: 3,
            metadata: metadata
                .map(|(key, value)| (format!("tokenizer.ggml.{key}"), value))
                .collect(),
            tensors: Default::default(),
            data: 0,
        }
    }

    fn texts(values: &[&str]) -> Fact {
        Fact::List(values.iter().map(|v| Fact::Text(v.to_string())).collect())
    }

    fn open(header: &Header) -> Result<Tokenizer, String> {
        Tokenizer::from_gguf("x.gguf", header).map_err(|e| e.to_string())
    }

    const PIECES: [&str; 20] = [
        "<unk>", "<s>", "</s>", "<0xE4>", "<0xBD>", "<0xA0>", "▁", "a", "b", "c", "ab", "bc",
        "abc", "▁a", "▁ab", "ca", "cab", "▁b", "aa", "▁▁",
    ];

    fn pieces() -> Vec<(&'static str, Fact)> {
        let kinds = [UNKNOWN, CONTROL, CONTROL, 6, 6, 6];
        let kinds = (0..PIECES.len()).map(|i| kinds.get(i).copied().unwrap_or(NORMAL));
        let scores = (0..PIECES.len()).map(|i| Fact::Float(-((i * 7 % 19) as f64)));
        vec![
            ("model", Fact::Text("llama".into())),
            ("tokens", texts(&PIECES)),
            ("scores", Fact::List(scores.collect())),
            (
                "token_type",
                Fact::List(kinds.map(Fact::Unsigned).collect()),
            ),
            ("bos_token_id", Fact::Unsigned(1)),
            ("eos_token_id", Fact::Unsigned(2)),
            ("unknown_token_id", Fact::Unsigned(0)),
        ]
    }

    /// What SentencePiece does, step by step.
    fn merged(text: &str) -> Vec<String> {
        let text = format!("▁{}", text.replace(' ', "▁"));
        let mut parts: Vec<String> = text.chars().map(String::from).collect();
        loop {
            let score = |i: usize| {
                let both = format!("{}{}", parts[i], parts[i + 1]);
                let id = PIECES[6..].iter().position(|p| *p == both)? + 6;
                Some((-((id * 7 % 19) as i64), Reverse(i)))
            };
            let best = (0..parts.len().saturating_sub(1)).filter_map(score).max();
            let Some((_, Reverse(i))) = best else {
                return parts;
            };
            let second = parts.remove(i + 1);
            parts[i].push_str(&second);
        }
    }

    #[test]
    fn pieces_are_merged_by_score() {
        let tokenizer = open(&header(pieces())).unwrap();
        let letters = ['a', 'b', 'c', ' '];
        for n in 0..2000usize {
            let digits = (0..7).map(|d| letters[n * 2_654_435_761 % 16_411 / 4usize.pow(d) % 4]);
            let text: String = digits.collect();
            let encoded = tokenizer.encode_plain(&text);
            let found: Vec<String> = encoded
                .ids
                .iter()
                .map(|id| tokenizer.token(*id).unwrap())
                .collect();
            assert_eq!(found, merged(&text), "{text:?}");
            assert_eq!(tokenizer.decode(&encoded.ids, true), text);
        }
    }

    #[test]
    fn what_has_no_piece_is_spelt_in_bytes() {
        let tokenizer = open(&header(pieces())).unwrap();
        let encoded = tokenizer.encode("a你", 10);
        assert_eq!(encoded.ids, [1, 13, 3, 4, 5], "it begins with <s>");
        assert_eq!(tokenizer.decode(&encoded.ids, true), "a你");
        assert!(tokenizer.begins_with(Some(1)));
        assert_eq!(tokenizer.special_tokens().len(), 3);
    }

    fn pairs() -> Vec<(&'static str, Fact)> {
        vec![
            ("model", Fact::Text("gpt2".into())),
            ("pre", Fact::Text("smollm".into())),
            (
                "tokens",
                texts(&["<|x|>", "a", "b", "1", "2", "Ġ", "ab", "Ġab", "12"]),
            ),
            (
                "token_type",
                Fact::List([3, 1, 1, 1, 1, 1, 1, 1, 1].map(Fact::Unsigned).to_vec()),
            ),
            ("merges", texts(&["a b", "Ġ ab", "1 2"])),
        ]
    }

    #[test]
    fn byte_pairs_are_cut_first() {
        let ids = |name: &str, text: &str| {
            let mut entries = pairs();
            entries[1].1 = Fact::Text(name.into());
            open(&header(entries)).unwrap().encode_plain(text).ids
        };
        assert_eq!(ids("smollm", "ab ab12<|x|>"), [6, 7, 3, 4, 0]);
        assert_eq!(ids("gpt-2", "ab ab12<|x|>"), [6, 7, 8, 0]);
        assert_eq!(ids("llama-bpe", "ab12"), [6, 8]);
        assert_eq!(ids("qwen2", "ab12"), [6, 3, 4]);
        assert_eq!(ids("default", "ab12"), [6, 8]);
        assert_eq!(ids("tekken", "ab12"), [6, 3, 4]);
    }

    #[test]
    fn no_text_is_too_strange_to_be_cut() {
        let mut entries = pairs();
        entries[1].1 = Fact::Text("llama-bpe".into());
        let tokenizer = open(&header(entries)).unwrap();
        let text = format!("ab{}12", " ".repeat(1_500_000));
        let encoded = tokenizer.encode_plain(&text);
        assert_eq!(tokenizer.decode(&encoded.ids, true), text);
        assert_eq!(encoded.pieces.last().unwrap().end, text.len());
    }

    #[test]
    fn what_is_wrong_with_metadata_is_said() {
        let change = |entries: Vec<(&'static str, Fact)>, key: &str, value: Option<Fact>| {
            let mut entries = entries;
            entries.retain(|(k, _)| *k != key);
            entries.extend(value.map(|v| (if key == "pre" { "pre" } else { "merges" }, v)));
            open(&header(entries)).unwrap_err()
        };
        assert!(change(pairs(), "model", None).contains("no `tokenizer.ggml.model`"));
        assert!(change(pairs(), "tokens", None).contains("no list of texts"));
        assert!(change(pairs(), "merges", None).contains("no `tokenizer.ggml.merges`"));
        assert!(change(pieces(), "scores", None).contains("scores"));
        let strange = Some(Fact::Text("klingon".into()));
        let error = change(pairs(), "pre", strange);
        assert!(
            error.contains("klingon") && error.contains("llama-bpe"),
            "{error}"
        );
        let dangling = Some(texts(&["a z"]));
        assert!(
            change(pairs(), "merges", dangling).contains("`z`, which is not in the vocabulary")
        );
    }
}
