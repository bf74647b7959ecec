//! The words of texts, and how often each occurs.

use rayon::prelude::*;
use std::collections::HashMap;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

/// Bytes of text that are cut into words at once.
const BLOCK: usize = 1 << 20;
/// Different words that are remembered.
const MOST: usize = 500_000;

/// How often each word occurs, the most frequent first; of two that are equally frequent the one that
/// comes first in the alphabet. Words of more than `longest` characters are left out.
///
/// Where there are more than [`MOST`] words, the rarest are forgotten, and again whenever the table is
/// full (lossy counting): what is frequent is found anyhow.
pub(super) fn count<'a>(
    shell: &tokenizers::Tokenizer,
    texts: impl IntoIterator<Item = &'a str>,
    longest: usize,
) -> Vec<(String, u64)> {
    let mut texts = texts.into_iter();
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut least = 0;
    loop {
        let block = block(&mut texts);
        if block.is_empty() {
            break;
        }
        let found: Vec<Vec<String>> = block.par_iter().map(|text| words(shell, text)).collect();
        for word in found.into_iter().flatten() {
            // A character is at least a byte, so short words need not be counted.
            if word.len() <= longest || word.chars().count() <= longest {
                *counts.entry(word).or_default() += 1;
            }
        }
        while counts.len() > MOST {
            least += 1;
            counts.retain(|_, count| *count > least);
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// The next texts, cut where one alone is larger than a block.
fn block<'a>(texts: &mut impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut block = Vec::new();
    let mut bytes = 0;
    for text in texts {
        let text = &text[..text.floor_char_boundary(BLOCK)];
        bytes += text.len();
        block.push(text);
        if bytes >= BLOCK {
            break;
        }
    }
    block
}

/// The words of a text as a model gets them: cleaned and cut. A text that cannot be cleaned has none.
fn words(shell: &tokenizers::Tokenizer, text: &str) -> Vec<String> {
    let mut text = NormalizedString::from(text);
    if let Some(normalizer) = shell.get_normalizer()
        && normalizer.normalize(&mut text).is_err()
    {
        return Vec::new();
    }
    let mut cut = PreTokenizedString::from(text);
    if let Some(pre_tokenizer) = shell.get_pre_tokenizer()
        && pre_tokenizer.pre_tokenize(&mut cut).is_err()
    {
        return Vec::new();
    }
    cut.get_splits(OffsetReferential::Original, OffsetType::Byte)
        .into_iter()
        .map(|(word, ..)| word.to_string())
        .collect()
}
