//! A tokenizer for language models, learned from texts: pairs of bytes are merged, and nothing is lost.

use super::layout::{self, Layout};
use super::merges::{self, Word};
use super::{Tokenizer, train, words};
use crate::error::ModelError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

/// Bytes of the longest word that merges are learned from.
const LONGEST: usize = 400;

impl Tokenizer {
    /// Learns byte pair encoding as GPT-2 has it (Radford et al. 2019) from texts: any text becomes at
    /// most `vocabulary` different tokens, and the tokens become the same text again. The `special`
    /// tokens have the numbers from 0 and are never part of another one.
    ///
    /// The same texts in the same order give the same tokenizer, whatever the number of threads.
    ///
    /// # Errors
    /// There is no text, or the size is out of range.
    pub fn train_bytes<'a>(
        vocabulary: usize,
        special: &[&str],
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ModelError> {
        train::check_size(vocabulary)?;
        let special: Vec<String> = special.iter().map(|token| token.to_string()).collect();
        let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        bytes.sort_unstable();
        let mut tokens = special.clone();
        tokens.extend(bytes.iter().map(char::to_string));
        let shell = layout_of(&special, layout::bpe(layout::numbered(&tokens), Vec::new()));
        let shell = tokenizers::Tokenizer::from_bytes(shell.to_json());
        let shell = shell.map_err(|e| train::failed(&e.to_string()))?;
        let words = words::count(&shell, texts, LONGEST);
        if words.is_empty() {
            return Err(train::failed(
                "the texts are empty, so there is nothing to learn it from",
            ));
        }
        let numbers: BTreeMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
        let word = |(text, count): (String, u64)| {
            let piece = |c: char| numbers.get(c.to_string().as_str()).copied();
            let pieces: Option<Vec<u32>> = text.chars().map(piece).collect();
            pieces.map(|pieces| Word { pieces, count })
        };
        let words = words.into_iter().filter_map(word).collect();
        let pairs = merges::learn(&mut tokens, words, vocabulary, |a, b| format!("{a}{b}"));
        let text = |token: u32| tokens[token as usize].clone();
        let joined = pairs.into_iter().map(|(a, b)| [text(a), text(b)]).collect();
        let model = layout::bpe(layout::numbered(&tokens), joined);
        let file = layout_of(&special, model).to_json();
        Self::from_json("the tokenizer that was learned", &file)
    }
}

/// GPT-2's: words by its pattern, nothing is cleaned and nothing put around a text.
fn layout_of(special: &[String], model: Value) -> Layout {
    let mut bytes = layout::byte_level(false, true);
    // Blanks belong to their tokens.
    bytes["trim_offsets"] = json!(false);
    Layout {
        special: special.iter().cloned().zip(0..).collect(),
        normalizer: Value::Null,
        pre_tokenizer: bytes.clone(),
        post_processor: bytes.clone(),
        decoder: bytes,
        model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "The shop is open.  The shop is closed!\n\nTheir shops' hours: 9–5. 店铺九点开门 🙂";

    fn tokenizer() -> Tokenizer {
        Tokenizer::train_bytes(320, &["<|end|>", "<|user|>"], [TEXT; 5]).unwrap()
    }

    #[test]
    fn every_text_comes_back() {
        let tokenizer = tokenizer();
        assert!(tokenizer.vocabulary() <= 320);
        for text in [
            TEXT,
            "another text\twith Ünïcödé\r\n  and blanks ",
            " ",
            "\n",
        ] {
            let ids = tokenizer.encode_plain(text).ids;
            assert_eq!(tokenizer.decode(&ids, false), text);
        }
        let words = tokenizer.encode_plain(" shop").ids;
        assert_eq!(words.len(), 1, "a frequent word is one token");
    }

    #[test]
    fn special_tokens_stand_alone_and_pieces_cover_the_text() {
        let tokenizer = tokenizer();
        let text = "<|user|>The shop<|end|>";
        let encoded = tokenizer.encode_plain(text);
        assert_eq!(encoded.ids[0], 1);
        assert_eq!(encoded.ids.last(), Some(&0));
        assert_eq!(encoded.pieces[0], 0..8);
        let mut end = 0;
        for piece in &encoded.pieces {
            assert_eq!(piece.start, end);
            end = piece.end;
        }
        assert_eq!(end, text.len());
    }

    #[test]
    fn without_text_there_is_nothing_to_learn() {
        assert!(Tokenizer::train_bytes(320, &[], [""]).is_err());
        assert!(Tokenizer::train_bytes(3, &[], [TEXT]).is_err());
    }
}
