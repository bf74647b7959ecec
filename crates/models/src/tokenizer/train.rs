//! Learning a tokenizer from texts.

use super::layout::{self, Layout};
use super::merges::{self, Word};
use super::{TokenizerKind, words};
use crate::error::ModelError;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

/// Sizes of a vocabulary: all bytes and the special tokens fit into the smallest.
const SIZES: std::ops::RangeInclusive<usize> = 300..=1_000_000;
/// Different words that the unigram model looks at, the most frequent: it goes over all their parts.
const UNIGRAM_WORDS: usize = 50_000;
/// Stands for a blank in the tokens of the unigram model.
const BLANK: char = '▁';
/// An end of words that no text has: cleaning takes it out.
const END: char = '\u{f8ff}';

/// The `tokenizer.json` of a tokenizer learned from `texts`.
pub(super) fn learn<'a>(
    kind: TokenizerKind,
    vocabulary: usize,
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<u8>, ModelError> {
    check_size(vocabulary)?;
    let shell = layout_of(kind, empty_model(kind)).to_json();
    let shell = tokenizers::Tokenizer::from_bytes(shell).map_err(|e| failed(&e.to_string()))?;
    // In bytes a word is longer than in characters.
    let longest = if kind == TokenizerKind::Bpe { 400 } else { 100 };
    let words = words::count(&shell, texts, longest);
    if words.is_empty() {
        return Err(failed(
            "the texts are empty, so there is nothing to learn it from",
        ));
    }
    let model = match kind {
        TokenizerKind::Wordpiece => wordpiece(&words, vocabulary),
        TokenizerKind::Bpe => bpe(&words, vocabulary),
        TokenizerKind::Unigram => unigram(words, vocabulary).map_err(|e| failed(&e))?,
    };
    Ok(layout_of(kind, model).to_json())
}

/// An error unless a vocabulary can have this size.
pub(super) fn check_size(vocabulary: usize) -> Result<(), ModelError> {
    if SIZES.contains(&vocabulary) {
        return Ok(());
    }
    Err(ModelError::Config {
        key: "vocabulary",
        problem: format!(
            "{vocabulary} is out of range; choose from {} to {}",
            SIZES.start(),
            SIZES.end()
        ),
    })
}

pub(super) fn failed(problem: &str) -> ModelError {
    ModelError::Tokenizer {
        place: "the training texts".into(),
        problem: problem.into(),
    }
}

/// Cleaning, words and special tokens are BERT's for all kinds; only the pieces of words differ.
fn layout_of(kind: TokenizerKind, model: Value) -> Layout {
    let mark = json!({
        "type": "Metaspace", "replacement": BLANK, "prepend_scheme": "always", "split": false
    });
    let after_words =
        |more: Value| json!({ "type": "Sequence", "pretokenizers": [layout::bert_words(), more] });
    let (pre_tokenizer, decoder) = match kind {
        TokenizerKind::Wordpiece => (
            layout::bert_words(),
            json!({ "type": "WordPiece", "prefix": layout::CONTINUING, "cleanup": true }),
        ),
        TokenizerKind::Bpe => (
            after_words(layout::byte_level(true, false)),
            layout::byte_level(true, false),
        ),
        TokenizerKind::Unigram => (after_words(mark.clone()), mark),
    };
    Layout {
        special: layout::SPECIAL
            .map(String::from)
            .into_iter()
            .zip(0..)
            .collect(),
        normalizer: layout::bert_normalizer(true, None, true),
        pre_tokenizer,
        post_processor: layout::bert_template((layout::CLASS, 2), (layout::SEPARATOR, 3)),
        decoder,
        model,
    }
}

/// A model that knows nothing, with which texts are cut into words.
fn empty_model(kind: TokenizerKind) -> Value {
    let special = layout::SPECIAL.map(String::from);
    match kind {
        TokenizerKind::Wordpiece => layout::wordpiece(layout::UNKNOWN, layout::numbered(&special)),
        TokenizerKind::Bpe => layout::bpe(layout::numbered(&special), Vec::new()),
        TokenizerKind::Unigram => unigram_model(Vec::new()),
    }
}

fn wordpiece(words: &[(String, u64)], size: usize) -> Value {
    let symbols = |word: &str| -> Vec<String> {
        let symbol = |(i, c): (usize, char)| match i {
            0 => c.to_string(),
            _ => format!("{}{c}", layout::CONTINUING),
        };
        word.chars().enumerate().map(symbol).collect()
    };
    let all = words.iter().map(|(word, count)| (symbols(word), *count));
    let mut tokens = layout::SPECIAL.map(String::from).to_vec();
    tokens.extend(alphabet(all.clone(), most_single(size)));
    merged(&mut tokens, all, size, |a, b| {
        format!("{a}{}", b.strip_prefix(layout::CONTINUING).unwrap_or(b))
    });
    layout::wordpiece(layout::UNKNOWN, layout::numbered(&tokens))
}

fn bpe(words: &[(String, u64)], size: usize) -> Value {
    let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    bytes.sort_unstable();
    let mut tokens = layout::SPECIAL.map(String::from).to_vec();
    tokens.extend(bytes.iter().map(char::to_string));
    let symbols = |word: &str| word.chars().map(String::from).collect();
    let all = words.iter().map(|(word, count)| (symbols(word), *count));
    let pairs = merged(&mut tokens, all, size, |a, b| format!("{a}{b}"));
    let text = |token: u32| tokens[token as usize].clone();
    let merges = pairs.into_iter().map(|(a, b)| [text(a), text(b)]).collect();
    layout::bpe(layout::numbered(&tokens), merges)
}

/// Learns merges from the words all of whose symbols are among `tokens`.
fn merged(
    tokens: &mut Vec<String>,
    words: impl Iterator<Item = (Vec<String>, u64)>,
    size: usize,
    join: impl Fn(&str, &str) -> String,
) -> Vec<(u32, u32)> {
    let numbers: HashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let number = |symbol: &String| numbers.get(symbol).copied();
    let words = words.filter_map(|(symbols, count)| {
        let pieces = symbols.iter().map(number).collect::<Option<Vec<u32>>>()?;
        Some(Word { pieces, count })
    });
    merges::learn(tokens, words.collect(), size, join)
}

/// How many tokens of a vocabulary may be single characters: Chinese has thousands, and the rest is for
/// longer pieces.
fn most_single(size: usize) -> usize {
    (size - layout::SPECIAL.len()) * 3 / 4
}

/// The most frequent symbols.
fn alphabet(words: impl Iterator<Item = (Vec<String>, u64)>, most: usize) -> Vec<String> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for (symbols, count) in words {
        for symbol in symbols {
            *counts.entry(symbol).or_default() += count;
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
        .into_iter()
        .map(|(symbol, _)| symbol)
        .take(most)
        .collect()
}

/// The unigram model is learned by the crate. Its order is made ours: words come sorted, one thread
/// adds up, and pieces of equal probability are sorted by their text.
fn unigram(mut words: Vec<(String, u64)>, size: usize) -> Result<Value, String> {
    words.truncate(UNIGRAM_WORDS);
    let symbols = |word: &str| -> Vec<String> { word.chars().map(String::from).collect() };
    let all = words.iter().map(|(word, count)| (symbols(word), *count));
    let known: HashSet<String> = alphabet(all, most_single(size)).into_iter().collect();
    words.retain(|(word, _)| symbols(word).iter().all(|s| known.contains(s)));
    // Its counts have 32 bits, and so has their sum.
    let total: u64 = words.iter().map(|(_, count)| count).sum();
    let scale = (total >> 31) + 1;
    // Considered as a piece is what goes on in several ways. A word as a whole only ends, so it is told
    // once more with another end.
    let told = |(word, n): (String, u64)| {
        let ended = (n > 1).then(|| (format!("{word}{END}"), 1));
        ended.into_iter().chain([(word, (n / scale).max(1) as u32)])
    };
    let mut sentences: Vec<(String, u32)> = words.into_iter().flat_map(told).collect();
    // As words of their own, no character is so rare that it is dropped.
    sentences.extend(known.into_iter().map(|character| (character, 1)));
    sentences.sort_unstable();

    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size((size - layout::SPECIAL.len()) as u32 + 1)
        .build()
        .map_err(|e| e.to_string())?;
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|e| e.to_string())?;
    let mut model = Unigram::default();
    alone
        .install(|| trainer.do_train(sentences, &mut model))
        .map_err(|e| e.to_string())?;
    let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
    pieces.retain(|(piece, _)| !piece.contains(END));
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(unigram_model(pieces))
}

fn unigram_model(pieces: Vec<(String, f64)>) -> Value {
    let special = layout::SPECIAL.map(|token| (token.to_string(), 0.0));
    let vocabulary: Vec<(String, f64)> = special.into_iter().chain(pieces).collect();
    json!({ "type": "Unigram", "unk_id": 1, "vocab": vocabulary, "byte_fallback": false })
}
