//! Is a sentence in the passages? Its words must be, weighted by how rare they are, and its numbers
//! without exception; a sentence that says no where the passage says yes (or the other way round) counts
//! half. This finds what is made up, not every wrong conclusion from right words.

use crate::bm25::Bm25;
use crate::passages::Passage;
use crate::text;
use modelwright_tasks::is_unspaced;
use std::collections::{BTreeSet, HashSet};

/// How much a sentence that turns a yes into a no keeps.
const TURNED: f32 = 0.5;
/// Words of English by which a sentence says no.
const NO: [&str; 17] = [
    "not", "no", "never", "cannot", "can't", "don't", "doesn't", "won't", "isn't", "aren't",
    "without", "nor", "neither", "none", "nothing", "wasn't", "didn't",
];
/// The same in Chinese.
const CHINESE_NO: [&str; 7] = ["不", "没", "无法", "无需", "未", "勿", "非"];

/// What supports a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// From 0, nothing of it, to 1, all of its words and numbers.
    pub share: f32,
    /// Which of the passages supports it best.
    pub passage: usize,
    /// The words of that passage that are nearest to it.
    pub quote: String,
}

/// The support of a sentence by the best of some passages.
pub fn support(sentence: &str, passages: &[&Passage], words: &Bm25) -> Support {
    let all = passages.iter().enumerate();
    let each = all.map(|(i, passage)| by_one(sentence, i, passage, words));
    each.max_by(|a, b| a.share.total_cmp(&b.share).then(b.passage.cmp(&a.passage)))
        .unwrap_or(Support {
            share: 0.0,
            passage: 0,
            quote: String::new(),
        })
}

fn by_one(sentence: &str, number: usize, passage: &Passage, words: &Bm25) -> Support {
    let whole = format!("{}\n{}", passage.about(), passage.text);
    let quote = quote(sentence, passage, words);
    let mut share = covered(sentence, &whole, words);
    if !text::numbers(sentence).is_subset(&text::numbers(&whole)) {
        share = 0.0;
    } else if says_no(sentence) != says_no(&quote) {
        share *= TURNED;
    }
    Support {
        share,
        passage: number,
        quote,
    }
}

/// Share of the words of one text that another has, by their rarity; 0 without any words. Of Chinese, the
/// mean of the shares of its pairs and of its characters, whose order may differ.
pub fn covered(sentence: &str, whole: &str, words: &Bm25) -> f32 {
    let share = of_terms(sentence, whole, words);
    let telling = |text: &str| -> HashSet<char> {
        text.chars()
            .filter(|c| is_unspaced(*c) && text::tells(*c))
            .collect()
    };
    let (said, there) = (telling(sentence), telling(whole));
    match said.is_empty() {
        true => share,
        false => (share + said.intersection(&there).count() as f32 / said.len() as f32) / 2.0,
    }
}

fn of_terms(sentence: &str, whole: &str, words: &Bm25) -> f32 {
    // Numbers are compared by their value, elsewhere.
    let is_number = |term: &String| term.bytes().all(|b| b.is_ascii_digit());
    let mut terms: BTreeSet<String> = text::terms(sentence).into_iter().collect();
    if !terms.iter().all(is_number) {
        terms.retain(|term| !is_number(term));
    }
    let there: HashSet<String> = text::terms(whole).into_iter().collect();
    let (mut all, mut found) = (0.0, 0.0);
    for term in &terms {
        let rarity = words.rarity(term);
        all += rarity;
        found += if there.contains(term) { rarity } else { 0.0 };
    }
    match terms.is_empty() {
        true => 0.0,
        false => found / f32::max(all, f32::MIN_POSITIVE),
    }
}

/// The sentence of a passage that has most words of another.
pub fn quote(sentence: &str, passage: &Passage, words: &Bm25) -> String {
    let sentences = text::sentences(&passage.text);
    let shares = sentences.iter().map(|s| (covered(sentence, s, words), *s));
    let best = shares.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or_else(
        || passage.text.clone(),
        |(_, sentence)| sentence.to_string(),
    )
}

/// Whether a sentence says no: an odd number of times.
fn says_no(sentence: &str) -> bool {
    let folded = text::folded(sentence);
    let english = folded.split(' ').filter(|word| NO.contains(word)).count();
    let chinese: usize = CHINESE_NO
        .iter()
        .map(|no| sentence.matches(no).count())
        .sum();
    (english + chinese) % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bm25::tests::passage;

    fn share(sentence: &str) -> f32 {
        let passages = [
            passage(
                "Returns",
                "You can return shoes within 30 days. Sale items cannot be returned.",
            ),
            passage("Delivery", "Delivery costs 4.90 euros. It takes two days."),
            passage("退货", "鞋子可以在30天内退货。特价商品不能退货。"),
        ];
        let words = Bm25::new(&passages);
        support(sentence, &passages.each_ref(), &words).share
    }

    #[test]
    fn what_is_said_is_supported() {
        for sentence in [
            "You can return shoes within 30 days.",
            "Shoes can be returned within 30 days.",
            "Delivery costs €4.9.",
            "Sale items cannot be returned.",
            "鞋子30天内可以退货。",
        ] {
            assert!(share(sentence) > 0.7, "{sentence}: {}", share(sentence));
        }
    }

    #[test]
    fn what_is_made_up_is_not() {
        for sentence in [
            "You can return shoes within 60 days.",
            "Sale items can be returned.",
            "You get a free helicopter flight.",
            "特价商品能退货。",
            "鞋子可以在90天内退货。",
            "",
        ] {
            assert!(share(sentence) <= 0.5, "{sentence}: {}", share(sentence));
        }
    }

    #[test]
    fn the_nearest_sentence_is_quoted() {
        let passages = [passage(
            "Delivery",
            "Delivery costs 4.90 euros. It takes two days.",
        )];
        let words = Bm25::new(&passages);
        let found = support("It will take two days", &passages.each_ref(), &words);
        assert_eq!(found.quote, "It takes two days.");
        assert_eq!(support("x", &[], &words).share, 0.0);
    }
}
