//! Hybrid search: passages by rare words (BM25) and by meaning (cosine of embeddings), put together by
//! reciprocal rank fusion (Cormack et al. 2009). Without an embedder, or for a language that it does not
//! know, words alone decide.

use crate::bm25::{Bm25, Words};
use crate::embedder::Embedder;
use crate::error::AssistantError;
use crate::passages::Passage;
use crate::text;
use modelwright_tasks::Evidence;
use modelwright_tasks::index::Vectors;
use std::collections::{BTreeSet, HashMap};

/// The constant of the fusion: 1 / (60 + rank).
const FUSION: f32 = 60.0;
/// What the rank by words counts beside that by meaning, for a passage that has all words of a question.
const WORDS: f32 = 0.25;
/// Passages of each ranking that are looked at.
const CANDIDATES: usize = 50;
/// What the share of the question's words counts beside the cosine, in what is known of a match: little,
/// as the questions that certainty is learned from keep their words, and those of people do not.
const COVERED: f32 = 0.1;

/// The passages, ready to be searched.
pub struct Searcher {
    words: Bm25,
    meaning: Option<Meaning>,
    /// Passages that say the same, or are parts of one section, have one number.
    same: Vec<u32>,
}

/// Vectors, with the encoder that makes more of them.
pub struct Meaning {
    /// The encoder.
    pub embedder: Embedder,
    /// Of each passage.
    pub vectors: Vectors,
    /// Languages that it knows.
    pub languages: BTreeSet<String>,
}

/// What is known of a question before passages are ranked.
pub struct Query {
    words: Words,
    cosines: Option<Vec<f32>>,
}

/// Passages in the order in which they fit a question.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The best first.
    pub passages: Vec<u32>,
    /// How well the first fits.
    pub evidence: Evidence,
}

impl Searcher {
    /// Over some passages.
    pub fn new(passages: &[Passage], meaning: Option<Meaning>) -> Self {
        Self {
            words: Bm25::new(passages),
            meaning,
            same: same(passages),
        }
    }

    /// The words of the passages.
    pub fn words(&self) -> &Bm25 {
        &self.words
    }

    /// The vectors and their encoder, if there are any.
    pub fn meaning(&self) -> Option<&Meaning> {
        self.meaning.as_ref()
    }

    /// The encoder, if it knows a language.
    pub fn embedder(&self, language: &str) -> Option<&Embedder> {
        let meaning = self.meaning.as_ref()?;
        meaning
            .languages
            .contains(language)
            .then_some(&meaning.embedder)
    }

    /// Reads a question.
    ///
    /// # Errors
    /// The embedder broke off.
    pub fn query(&self, question: &str) -> Result<Query, AssistantError> {
        let language = text::language(question).unwrap_or(text::ENGLISH);
        let vector = match self.embedder(language) {
            Some(embedder) => Some(embedder.vector(question)?),
            None => None,
        };
        Ok(self.query_with(question, vector.as_deref()))
    }

    /// As [`query`](Self::query), with the vector of the question if it has one.
    pub fn query_with(&self, question: &str, vector: Option<&[f32]>) -> Query {
        let cosines = self.meaning.as_ref().zip(vector);
        Query {
            words: self.words.words(question),
            cosines: cosines.map(|(meaning, vector)| meaning.vectors.cosines(vector)),
        }
    }

    /// Ranks the passages, without those that `left_out` names.
    pub fn rank(&self, query: &Query, left_out: impl Fn(u32) -> bool) -> Ranked {
        let mut fused: HashMap<u32, f32> = HashMap::new();
        let mut add = |scores: &[f32], weight: &dyn Fn(u32) -> f32| {
            for (rank, row) in best(scores, &left_out).into_iter().enumerate() {
                *fused.entry(row).or_default() += weight(row) / (FUSION + rank as f32 + 1.0);
            }
        };
        match &query.cosines {
            None => add(&query.words.scores, &|_| 1.0),
            Some(cosines) => {
                // The best by words may have few of them.
                let covered = |row: u32| WORDS * query.words.covered[row as usize];
                add(&query.words.scores, &covered);
                add(cosines, &|_| 1.0);
            }
        }
        let mut order: Vec<(u32, f32)> = fused.into_iter().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let passages: Vec<u32> = order.into_iter().map(|(row, _)| row).collect();
        let evidence = self.evidence(query, &passages);
        Ranked { passages, evidence }
    }

    /// How well the first of some passages fits, and how much better than the best that says another
    /// thing.
    fn evidence(&self, query: &Query, passages: &[u32]) -> Evidence {
        let Some(first) = passages.first() else {
            return Evidence {
                top: 0.0,
                margin: 0.0,
            };
        };
        let top = query.fit(*first);
        let others = passages.iter().filter(|row| !self.is_same(**row, *first));
        let other = others.map(|row| query.fit(*row)).fold(0.0, f32::max);
        Evidence {
            top,
            margin: top - other,
        }
    }

    /// Whether two passages say the same, or are parts of one section.
    pub fn is_same(&self, a: u32, b: u32) -> bool {
        self.same[a as usize] == self.same[b as usize]
    }
}

impl Query {
    /// How well a passage fits, from 0 to 1: the mean of the cosine and of the share of the question's
    /// words that it has.
    pub fn fit(&self, row: u32) -> f32 {
        let row = row as usize;
        let covered = self.words.covered[row];
        match &self.cosines {
            None => covered,
            Some(cosines) => (cosines[row].max(0.0) + COVERED * covered) / (1.0 + COVERED),
        }
    }
}

/// The best rows by scores above 0.
fn best(scores: &[f32], left_out: impl Fn(u32) -> bool) -> Vec<u32> {
    let all = (0..)
        .zip(scores)
        .filter(|(row, score)| **score > 0.0 && !left_out(*row));
    let mut rows: Vec<(u32, f32)> = all.map(|(row, score)| (row, *score)).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    rows.truncate(CANDIDATES);
    rows.into_iter().map(|(row, _)| row).collect()
}

/// A number for each passage: equal for parts of one section, and for equal texts or questions.
fn same(passages: &[Passage]) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..passages.len() as u32).collect();
    let mut known: HashMap<(u8, &str, String), u32> = HashMap::new();
    for (row, passage) in passages.iter().enumerate() {
        let keys = [
            (0, passage.file.as_str(), text::folded(&passage.path())),
            (1, "", text::folded(&passage.text)),
        ];
        let first = keys
            .iter()
            .find_map(|key| known.get(key))
            .map(|row| numbers[*row as usize]);
        numbers[row] = first.unwrap_or(row as u32);
        for key in keys {
            known.entry(key).or_insert(row as u32);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bm25::tests::passage;

    fn searcher() -> Searcher {
        Searcher::new(
            &[
                passage("How long does delivery take?", "Two days."),
                passage("Can I return my order?", "Within thirty days."),
                passage("Is a return free?", "Within thirty days."),
                passage("怎么退货", "三十天内。"),
            ],
            None,
        )
    }

    #[test]
    fn words_alone_find_passages() {
        let searcher = searcher();
        let query = searcher
            .query("how many days does the delivery take")
            .unwrap();
        let ranked = searcher.rank(&query, |_| false);
        assert_eq!(ranked.passages[0], 0);
        assert!(ranked.evidence.top > 0.5 && ranked.evidence.margin > 0.0);
        let without = searcher.rank(&query, |row| row == 0);
        assert!(without.evidence.top < ranked.evidence.top);
        let nothing = searcher.rank(&searcher.query("zebra").unwrap(), |_| false);
        assert!(nothing.passages.is_empty() && nothing.evidence.top == 0.0);
    }

    #[test]
    fn passages_that_say_the_same_are_no_rivals() {
        let searcher = searcher();
        assert!(searcher.is_same(1, 2) && !searcher.is_same(0, 1));
    }

    #[test]
    fn ranks_of_words_and_meaning_are_fused() {
        let query = Query {
            words: Words {
                scores: vec![3.0, 2.0, 0.0, 0.0],
                covered: vec![0.2, 0.1, 0.0, 0.0],
            },
            cosines: Some(vec![0.1, 0.8, 0.7, 0.0]),
        };
        let ranked = searcher().rank(&query, |_| false);
        assert_eq!(ranked.passages, [1, 0, 2]);
        assert!((query.fit(1) - (0.8 + COVERED * 0.1) / (1.0 + COVERED)).abs() < 1e-6);
        // The rival says another thing.
        assert!((ranked.evidence.margin - (query.fit(1) - query.fit(0))).abs() < 1e-6);
    }
}
