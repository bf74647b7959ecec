//! How alike two questions are by their letters: words, neighbouring words, runs of characters, each
//! weighted by how rare it is (TF-IDF), and the cosine between them. Knows no language.

use crate::ngrams::{self, is_unspaced};
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Letters of the runs within words, which find a word in spite of a slip or another ending.
const LETTERS: [usize; 2] = [3, 4];
/// Their hashes have nothing in common with those of words.
const SEED: u64 = 3;
/// A run of letters counts this much of a word: a word has many of them.
const SHARE: f32 = 0.5;

/// The questions of a FAQ by their n-grams.
pub(super) struct Lexicon {
    texts: usize,
    /// The texts that have each n-gram, and its part of their length.
    places: HashMap<u64, Vec<(u32, f32)>>,
}

/// The n-grams of a text and how often it has them, in the order of their hashes; those of letters in
/// words by their share.
fn counts(text: &str) -> Vec<(u64, f32)> {
    let mut found: Vec<(u64, bool)> = Vec::new();
    ngrams::each(text, |hash| found.push((hash, true)));
    let text = text.to_lowercase();
    for word in text.split(|c: char| !c.is_alphanumeric() || is_unspaced(c)) {
        let framed: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
        for length in LETTERS {
            // The whole word is there already.
            for run in framed.windows(length).filter(|_| framed.len() > length) {
                let run: String = run.iter().collect();
                found.push((xxh3_64_with_seed(run.as_bytes(), SEED), false));
            }
        }
    }
    found.sort_unstable();
    found
        .chunk_by(|a, b| a == b)
        .map(|same| {
            let share = if same[0].1 { 1.0 } else { SHARE };
            (same[0].0, share * (1.0 + (same.len() as f32).ln()))
        })
        .collect()
}

impl Lexicon {
    /// Of some texts.
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        let mut lexicon = Self {
            texts: texts.len(),
            places: HashMap::new(),
        };
        let rows: Vec<Vec<(u64, f32)>> = texts.iter().map(|t| counts(t.as_ref())).collect();
        for (row, counts) in (0..).zip(&rows) {
            for (hash, count) in counts {
                lexicon.places.entry(*hash).or_default().push((row, *count));
            }
        }
        let lengths: Vec<f32> = rows.iter().map(|counts| lexicon.length(counts)).collect();
        let Self { texts, places } = &mut lexicon;
        for list in places.values_mut() {
            let rarity = rarity(*texts, list.len());
            for (row, value) in list {
                *value *= rarity / lengths[*row as usize].max(f32::MIN_POSITIVE);
            }
        }
        lexicon
    }

    /// The weight of an n-gram.
    fn rarity(&self, hash: u64) -> f32 {
        rarity(self.texts, self.places.get(&hash).map_or(0, Vec::len))
    }

    fn length(&self, counts: &[(u64, f32)]) -> f32 {
        let squares = counts
            .iter()
            .map(|(hash, count)| (count * self.rarity(*hash)).powi(2));
        squares.sum::<f32>().sqrt()
    }

    /// The cosine of a text with each of the texts, from 0 to 1.
    pub fn cosines(&self, text: &str) -> Vec<f32> {
        let counts = counts(text);
        let length = self.length(&counts).max(f32::MIN_POSITIVE);
        let mut cosines = vec![0.0; self.texts];
        for (hash, count) in counts {
            let weight = count * self.rarity(hash) / length;
            for (row, value) in self.places.get(&hash).into_iter().flatten() {
                cosines[*row as usize] += weight * value;
            }
        }
        cosines
    }
}

/// Inverse document frequency, smoothed: what no text has is as if one had it.
fn rarity(texts: usize, having: usize) -> f32 {
    ((1 + texts) as f32 / (1 + having) as f32).ln() + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(texts: &[&str], asked: &str) -> (usize, f32) {
        let cosines = Lexicon::new(texts).cosines(asked);
        let best = (0..texts.len()).max_by(|a, b| cosines[*a].total_cmp(&cosines[*b]));
        let best = best.unwrap();
        (best, cosines[best])
    }

    #[test]
    fn a_text_is_nearest_to_itself_and_to_its_slips() {
        let texts = [
            "How do I reset my password?",
            "How do I change my address?",
            "Where is my parcel?",
        ];
        let (best, cosine) = nearest(&texts, texts[0]);
        assert!(best == 0 && (cosine - 1.0).abs() < 1e-5, "{best} {cosine}");
        assert_eq!(nearest(&texts, "pasword reset").0, 0);
        assert_eq!(nearest(&texts, "parcels").0, 2);
        assert_eq!(nearest(&texts, "ADDRESS").0, 1);
        let (_, far) = nearest(&texts, "weather tomorrow");
        assert!(far < 0.2, "{far}");
    }

    #[test]
    fn chinese_needs_no_spaces() {
        let texts = ["如何修改密码", "怎么查询订单", "你们几点下班"];
        assert_eq!(nearest(&texts, "密码怎么改").0, 0);
        assert_eq!(nearest(&texts, "我的订单在哪里").0, 1);
        assert_eq!(nearest(&texts, "下班时间").0, 2);
    }

    #[test]
    fn texts_without_a_letter_are_like_nothing() {
        assert_eq!(Lexicon::new(&["", "a b"]).cosines(""), [0.0, 0.0]);
        assert_eq!(Lexicon::new(&["", "a b"]).cosines("a b")[0], 0.0);
    }
}
