//! Which passages share rare words with a question? BM25 (Robertson & Zaragoza 2009), with pairs of
//! characters as words where a script has no spaces.

use crate::passages::Passage;
use crate::text::terms;
use std::collections::{BTreeSet, HashMap};

/// How fast more of the same word stops to count.
const K1: f32 = 1.2;
/// How much long passages are held against their length.
const B: f32 = 0.75;
/// What a word in the title, heading or question counts beside one in the text.
const HEADING: f32 = 2.0;
/// A word that no passage has is taken for one that differs in so many letters.
const SLIP: usize = 1;
/// Shorter words are too like each other for that.
const SLIP_FROM: usize = 5;

/// The words of all passages.
pub struct Bm25 {
    /// Passages that have each word, with how often: headings count more.
    places: HashMap<String, Vec<(u32, f32)>>,
    lengths: Vec<f32>,
    mean: f32,
}

/// What the words of a question say of each passage.
pub struct Words {
    /// BM25.
    pub scores: Vec<f32>,
    /// Share of the question's words, by their rarity, that the passage has.
    pub covered: Vec<f32>,
}

impl Bm25 {
    /// Of some passages.
    pub fn new(passages: &[Passage]) -> Self {
        let mut places: HashMap<String, Vec<(u32, f32)>> = HashMap::new();
        let mut lengths = Vec::with_capacity(passages.len());
        for (row, passage) in (0..).zip(passages) {
            let mut counts: HashMap<String, f32> = HashMap::new();
            let mut length = 0.0;
            for (text, weight) in [(passage.about(), HEADING), (passage.text.clone(), 1.0)] {
                for term in terms(&text) {
                    *counts.entry(term).or_default() += weight;
                    length += weight;
                }
            }
            lengths.push(length);
            for (term, count) in counts {
                places.entry(term).or_default().push((row, count));
            }
        }
        let mean = lengths.iter().sum::<f32>() / lengths.len().max(1) as f32;
        Self {
            places,
            lengths,
            mean: mean.max(1.0),
        }
    }

    /// How rare a word is: ln(1 + (N - n + 0.5) / (n + 0.5)).
    pub fn rarity(&self, term: &str) -> f32 {
        let (all, having) = (self.lengths.len() as f32, self.having(term) as f32);
        (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
    }

    fn having(&self, term: &str) -> usize {
        self.places.get(term).map_or(0, Vec::len)
    }

    /// What the words of a question say.
    pub fn words(&self, question: &str) -> Words {
        let known = |term: String| match self.having(&term) {
            0 => self.slip(&term).unwrap_or(term),
            _ => term,
        };
        // In a fixed order, so that sums are the same each time.
        let asked: BTreeSet<String> = terms(question).into_iter().map(known).collect();
        let mut words = Words {
            scores: vec![0.0; self.lengths.len()],
            covered: vec![0.0; self.lengths.len()],
        };
        let mut total = 0.0;
        for term in &asked {
            let rarity = self.rarity(term);
            total += rarity;
            for (row, count) in self.places.get(term).into_iter().flatten() {
                let row = *row as usize;
                let length = 1.0 - B + B * self.lengths[row] / self.mean;
                words.scores[row] += rarity * count * (K1 + 1.0) / (count + K1 * length);
                words.covered[row] += rarity;
            }
        }
        words
            .covered
            .iter_mut()
            .for_each(|share| *share /= f32::max(total, f32::MIN_POSITIVE));
        words
    }

    /// The word of the passages that a word with a slip is taken for: the most frequent of the nearest.
    fn slip(&self, term: &str) -> Option<String> {
        let letters: Vec<char> = term.chars().collect();
        if letters.len() < SLIP_FROM || !letters.iter().all(char::is_ascii_lowercase) {
            return None;
        }
        let near =
            |known: &&String| known.len().abs_diff(term.len()) <= SLIP && is_near(&letters, known);
        let best = self.places.keys().filter(near);
        // The order of a hash map is another one each time.
        best.max_by_key(|known| (self.having(known), std::cmp::Reverse(known.as_str())))
            .cloned()
    }
}

/// Whether two words differ by one letter that is missing, too many, wrong, or in its neighbour's place
/// (Damerau 1964).
fn is_near(a: &[char], b: &str) -> bool {
    let b: Vec<char> = b.chars().collect();
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    match (a, b) {
        ([a, c], [b, d]) => a == d && b == c,
        (a, b) => a.len() <= 1 && b.len() <= 1,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::documents::Kind;

    /// A passage with a heading and a text.
    pub fn passage(heading: &str, text: &str) -> Passage {
        Passage {
            id: format!("{heading}/{text}"),
            file: "a.md".into(),
            title: String::new(),
            heading: vec![heading.into()],
            kind: Kind::Faq,
            text: text.into(),
            language: crate::text::language(text).unwrap_or("en").into(),
        }
    }

    fn best(passages: &[Passage], question: &str) -> usize {
        let words = Bm25::new(passages).words(question);
        let order =
            (0..passages.len()).max_by(|a, b| words.scores[*a].total_cmp(&words.scores[*b]));
        order.unwrap()
    }

    #[test]
    fn rare_words_and_headings_decide() {
        let passages = [
            passage("Delivery", "We deliver within two days in the country."),
            passage(
                "Returns",
                "You can return what we deliver within thirty days.",
            ),
            passage("配送", "国内两天送达。"),
            passage("退货", "三十天内可以退货。"),
        ];
        assert_eq!(best(&passages, "how long does delivery take"), 0);
        assert_eq!(best(&passages, "Can I return it?"), 1);
        assert_eq!(best(&passages, "几天能送达"), 2);
        assert_eq!(best(&passages, "怎么退货"), 3);
        assert_eq!(best(&passages, "can I retrun it"), 1);
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        let passages = [
            passage("", "apple banana"),
            passage("", "apple apple cherry"),
        ];
        let words = Bm25::new(&passages).words("apple cherry");
        let rarity = |n: f32| (1.0f32 + (2.0 - n + 0.5) / (n + 0.5)).ln();
        let one =
            |count: f32, length: f32| count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 2.5));
        assert!((words.scores[0] - rarity(2.0) * one(1.0, 2.0)).abs() < 1e-5);
        let second = rarity(2.0) * one(2.0, 3.0) + rarity(1.0) * one(1.0, 3.0);
        assert!((words.scores[1] - second).abs() < 1e-5);
        assert!((words.covered[1] - 1.0).abs() < 1e-6);
        assert!((words.covered[0] - rarity(2.0) / (rarity(2.0) + rarity(1.0))).abs() < 1e-6);
    }

    #[test]
    fn slips_of_one_letter_are_seen_through() {
        let letters = |word: &str| word.chars().collect::<Vec<_>>();
        for (a, b, near) in [
            ("return", "retrun", true),
            ("return", "retun", true),
            ("return", "returns", true),
            ("return", "retorn", true),
            ("return", "retort", false),
            ("return", "nruter", false),
        ] {
            assert_eq!(is_near(&letters(a), b), near, "{a} {b}");
        }
    }

    #[test]
    fn words_that_nobody_has_are_no_words() {
        let passages = [passage("a", "b c")];
        let words = Bm25::new(&passages).words("zebra unknown");
        assert_eq!((words.scores[0], words.covered[0]), (0.0, 0.0));
        assert_eq!(Bm25::new(&[]).words("x").scores.len(), 0);
    }
}
