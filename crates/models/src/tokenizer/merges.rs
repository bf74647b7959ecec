//! Learning which pairs of pieces to join (byte pair encoding, Sennrich et al. 2016).
//!
//! The crate `tokenizers` has this as well, but there the order of a hash table decides between pairs
//! that are equally frequent, so that the same texts do not always give the same vocabulary. Here the
//! pair with the smaller numbers goes first, and no order of a table matters.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

/// Rarer pairs are not joined.
const FEWEST: u64 = 2;

type Pair = (u32, u32);

/// A word in pieces.
pub(super) struct Word {
    /// Numbers of tokens.
    pub pieces: Vec<u32>,
    /// How often the word occurs.
    pub count: u64,
}

/// Joins the most frequent pair of neighbours in `words`, again and again, until there are `size`
/// tokens or no pair occurs twice. New tokens are put behind `tokens`; returns the pairs in their order.
/// `join` is the text of two tokens as one.
pub(super) fn learn(
    tokens: &mut Vec<String>,
    words: Vec<Word>,
    size: usize,
    join: impl Fn(&str, &str) -> String,
) -> Vec<Pair> {
    let mut numbers: HashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let mut table = Table::new(words);
    let mut merges = Vec::new();
    while tokens.len() < size
        && let Some(pair) = table.most_frequent()
    {
        let text = join(&tokens[pair.0 as usize], &tokens[pair.1 as usize]);
        // Two ways may lead to the same token: `a` + `bc` and `ab` + `c`.
        let new = *numbers.entry(text).or_insert_with_key(|text| {
            tokens.push(text.clone());
            tokens.len() as u32 - 1
        });
        merges.push(pair);
        table.merge(pair, new);
    }
    merges
}

/// The words, and for each pair how often it occurs and in which of them.
struct Table {
    words: Vec<Word>,
    counts: HashMap<Pair, u64>,
    /// Words in which a pair occurs, or did.
    places: HashMap<Pair, Vec<u32>>,
    /// Counts as they once were; one that has changed since is put right when it comes up.
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
}

impl Table {
    fn new(words: Vec<Word>) -> Self {
        let mut table = Self {
            words: Vec::new(),
            counts: HashMap::new(),
            places: HashMap::new(),
            queue: BinaryHeap::new(),
        };
        for (i, word) in words.iter().enumerate() {
            for pair in pairs(&word.pieces) {
                *table.counts.entry(pair).or_default() += word.count;
                table.note(pair, i as u32);
            }
        }
        table.words = words;
        let queue = table
            .counts
            .iter()
            .map(|(pair, count)| (*count, Reverse(*pair)));
        table.queue = queue.collect();
        table
    }

    fn note(&mut self, pair: Pair, word: u32) {
        let places = self.places.entry(pair).or_default();
        if places.last() != Some(&word) {
            places.push(word);
        }
    }

    /// The most frequent pair; of several the one with the smallest numbers.
    fn most_frequent(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.counts.get(&pair).copied().unwrap_or(0);
            if now == count && count >= FEWEST {
                return Some(pair);
            }
            // A count that has grown is in the queue already, with its new value.
            if now < count && now >= FEWEST {
                self.queue.push((now, Reverse(pair)));
            }
        }
        None
    }

    /// Puts `new` wherever `pair` is.
    fn merge(&mut self, pair: Pair, new: u32) {
        let mut grown = BTreeSet::new();
        for i in self.places.remove(&pair).unwrap_or_default() {
            let word = &self.words[i as usize];
            let joined = joined(&word.pieces, pair, new);
            if joined.len() == word.pieces.len() {
                continue;
            }
            let count = word.count;
            let before = std::mem::replace(&mut self.words[i as usize].pieces, joined);
            for gone in pairs(&before) {
                if let Some(total) = self.counts.get_mut(&gone) {
                    *total -= count;
                }
            }
            let after: Vec<Pair> = pairs(&self.words[i as usize].pieces).collect();
            for pair in after {
                *self.counts.entry(pair).or_default() += count;
                if pair.0 == new || pair.1 == new {
                    self.note(pair, i);
                    grown.insert(pair);
                }
            }
        }
        self.counts.remove(&pair);
        let grown = grown.into_iter();
        let entry = |pair| (self.counts.get(&pair).copied().unwrap_or(0), Reverse(pair));
        self.queue.extend(grown.map(entry));
    }
}

fn pairs(pieces: &[u32]) -> impl Iterator<Item = Pair> {
    pieces.windows(2).map(|two| (two[0], two[1]))
}

/// The pieces with `new` for each occurrence of `pair`, from the left.
fn joined(pieces: &[u32], pair: Pair, new: u32) -> Vec<u32> {
    let mut out = Vec::with_capacity(pieces.len());
    let mut i = 0;
    while i < pieces.len() {
        let here = i + 1 < pieces.len() && (pieces[i], pieces[i + 1]) == pair;
        out.push(if here { new } else { pieces[i] });
        i += if here { 2 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(words: &[(&str, u64)], size: usize) -> Vec<String> {
        let mut letters: Vec<char> = words.iter().flat_map(|(w, _)| w.chars()).collect();
        letters.sort_unstable();
        letters.dedup();
        let mut tokens: Vec<String> = letters.iter().map(char::to_string).collect();
        let number = |c: char| letters.binary_search(&c).unwrap() as u32;
        let words = words.iter().map(|(word, count)| Word {
            pieces: word.chars().map(number).collect(),
            count: *count,
        });
        learn(&mut tokens, words.collect(), size, |a, b| format!("{a}{b}"));
        tokens.split_off(letters.len())
    }

    #[test]
    fn the_most_frequent_pair_is_joined_first() {
        // The example of the paper: low, lower, newest, widest.
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        assert_eq!(learned(&words, 100)[..4], ["es", "est", "lo", "low"]);
        assert_eq!(learned(&words, 11), ["es"]);
    }

    #[test]
    fn a_row_of_equal_letters_and_pairs_that_occur_once() {
        assert_eq!(learned(&[("aaaaa", 2)], 100), ["aa", "aaa", "aaaaa"]);
        assert!(learned(&[("abc", 1)], 100).is_empty());
    }

    #[test]
    fn counts_stay_true() {
        // Against counting anew at every step.
        let words = [("banana", 3), ("bandana", 2), ("ananas", 4), ("cabana", 5)];
        let mut texts: Vec<(Vec<String>, u64)> = words
            .iter()
            .map(|(w, n)| (w.chars().map(String::from).collect(), *n))
            .collect();
        let letters = ["a", "b", "c", "d", "n", "s"];
        let mut order: Vec<String> = letters.map(String::from).to_vec();
        let mut expected = Vec::new();
        loop {
            let number = |t: &String| order.iter().position(|o| o == t).unwrap();
            let mut counts: HashMap<(usize, usize), u64> = HashMap::new();
            for (pieces, n) in &texts {
                for two in pieces.windows(2) {
                    *counts
                        .entry((number(&two[0]), number(&two[1])))
                        .or_default() += n;
                }
            }
            let best = counts
                .into_iter()
                .max_by_key(|(pair, n)| (*n, Reverse(*pair)));
            let Some(((a, b), _)) = best.filter(|(_, n)| *n >= FEWEST) else {
                break;
            };
            let (a, b) = (order[a].clone(), order[b].clone());
            let both = format!("{a}{b}");
            for (pieces, _) in &mut texts {
                let mut i = 0;
                while i + 1 < pieces.len() {
                    if pieces[i] == a && pieces[i + 1] == b {
                        pieces[i] = both.clone();
                        pieces.remove(i + 1);
                    }
                    i += 1;
                }
            }
            if !order.contains(&both) {
                order.push(both.clone());
                expected.push(both);
            }
        }
        assert_eq!(learned(&words, 100), expected);
    }
}
