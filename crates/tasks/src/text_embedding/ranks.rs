//! Where the right texts stand when all are ordered by their cosine with a query.

use crate::index::{Near, Vectors};
use modelwright_evaluate::{QueryOutcome, RetrievalReport};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// How a query went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rank {
    /// Of the first right text, from 1. A wrong text that is just as near comes before it: a network
    /// that gives every text the same vector has found nothing.
    pub rank: usize,
    /// The nearest text.
    pub nearest: Near,
}

/// Pairs with their vectors, to look for the second texts among all of them.
#[derive(Debug, Clone)]
pub(super) struct Paired {
    /// Vectors of the different first texts.
    queries: Vectors,
    /// Vectors of the different second texts.
    pool: Vectors,
    /// The right texts of each query.
    right: Vec<BTreeSet<u32>>,
    /// The first pair that each query is in.
    pair_of_query: Vec<usize>,
    /// The first pair that each of the texts is in.
    pair_of_text: Vec<usize>,
}

impl Paired {
    /// Row `i` of `first` and of `second` are a pair; texts of one number are equal.
    pub fn new(first: &Vectors, second: &Vectors, numbers: [&[u32]; 2]) -> Self {
        let (pair_of_query, query_of) = unique(numbers[0]);
        let (pair_of_text, text_of) = unique(numbers[1]);
        let mut right = vec![BTreeSet::new(); pair_of_query.len()];
        for (query, text) in query_of.iter().zip(text_of) {
            right[*query as usize].insert(text);
        }
        Self {
            queries: first.select(pair_of_query.iter().copied()),
            pool: second.select(pair_of_text.iter().copied()),
            right,
            pair_of_query,
            pair_of_text,
        }
    }

    /// The queries whose nearest text is wrong, the worst first: a pair of each, the pair that the
    /// nearest text is from, and its cosine.
    pub fn wrong(&self) -> Vec<(usize, usize, f32)> {
        let ranks = self.ranks();
        let mut wrong: Vec<usize> = (0..ranks.len()).filter(|q| ranks[*q].rank > 1).collect();
        wrong.sort_by_key(|query| std::cmp::Reverse(ranks[*query].rank));
        let told = |query: usize| {
            let nearest = ranks[query].nearest;
            let text = self.pair_of_text[nearest.row as usize];
            (self.pair_of_query[query], text, nearest.score)
        };
        wrong.into_iter().map(told).collect()
    }

    /// Texts that are searched.
    pub fn candidates(&self) -> usize {
        self.pool.rows()
    }

    /// How each of the different first texts went, in the order in which they come.
    pub fn ranks(&self) -> Vec<Rank> {
        let queries = self.queries.values();
        let cosine = |query: usize, text: u32| -> f32 {
            let (a, b) = (self.queries.row(query), self.pool.row(text as usize));
            a.iter().zip(b).map(|(a, b)| a * b).sum()
        };
        let best = |(query, right): (usize, &BTreeSet<u32>)| {
            let cosines = right.iter().map(|text| cosine(query, *text));
            cosines.fold(f32::NEG_INFINITY, f32::max)
        };
        let best: Vec<f32> = self.right.iter().enumerate().map(best).collect();
        let none = Rank {
            rank: 1,
            nearest: Near {
                row: 0,
                score: f32::NEG_INFINITY,
            },
        };
        let mut ranks = vec![none; best.len()];
        self.pool.products(queries, |asked, texts, scores| {
            let of_query = ranks[asked.clone()].par_iter_mut().zip(asked);
            let scores = scores.par_chunks(texts.len());
            of_query.zip(scores).for_each(|((rank, query), scores)| {
                for (row, score) in (texts.start as u32..).zip(scores) {
                    let near = Near { row, score: *score };
                    rank.nearest = rank.nearest.max(near);
                    // Rounding differs a little between the two ways to compute a cosine.
                    let before = *score > best[query] - 1e-6;
                    rank.rank += usize::from(before && !self.right[query].contains(&row));
                }
            });
        });
        ranks
    }

    /// Recall and MRR.
    pub fn report(&self) -> RetrievalReport {
        let outcome = |rank: &Rank| QueryOutcome {
            in_scope: true,
            rank: Some(rank.rank),
            confidence: 0.0,
        };
        let outcomes: Vec<QueryOutcome> = self.ranks().iter().map(outcome).collect();
        RetrievalReport::new(&outcomes, self.candidates(), None)
    }
}

/// The first row of each different number, and which of these numbers each row has.
fn unique(numbers: &[u32]) -> (Vec<usize>, Vec<u32>) {
    let mut places = HashMap::new();
    let mut rows = Vec::new();
    let of_row = numbers.iter().enumerate().map(|(row, number)| {
        *places.entry(*number).or_insert_with(|| {
            rows.push(row);
            rows.len() as u32 - 1
        })
    });
    let of_row = of_row.collect();
    (rows, of_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors in the plane, by their angle in degrees.
    fn at(angles: &[f32]) -> Vectors {
        let point = |angle: &f32| [angle.to_radians().cos(), angle.to_radians().sin()];
        Vectors::new(angles.iter().flat_map(point).collect(), 2)
    }

    fn ranks(first: &[f32], second: &[f32], numbers: [&[u32]; 2]) -> Vec<usize> {
        let paired = Paired::new(&at(first), &at(second), numbers);
        paired.ranks().iter().map(|r| r.rank).collect()
    }

    #[test]
    fn ranks_count_the_wrong_texts_that_are_nearer() {
        let own: [&[u32]; 2] = [&[0, 1, 2], &[0, 1, 2]];
        assert_eq!(ranks(&[0., 90., 180.], &[5., 95., 175.], own), [1, 1, 1]);
        assert_eq!(ranks(&[0., 90., 180.], &[80., 10., 170.], own), [2, 3, 1]);
    }

    #[test]
    fn equal_vectors_find_nothing() {
        let own: [&[u32]; 2] = [&[0, 1, 2], &[0, 1, 2]];
        assert_eq!(ranks(&[0.; 3], &[0.; 3], own), [3, 3, 3]);
    }

    #[test]
    fn every_text_that_is_paired_with_a_query_is_right() {
        // The first text is there twice, with two right texts; the second of them also belongs to
        // the other query.
        let numbers: [&[u32]; 2] = [&[0, 0, 1], &[0, 1, 1]];
        let paired = Paired::new(&at(&[0., 0., 90.]), &at(&[80., 10., 10.]), numbers);
        assert_eq!(paired.candidates(), 2);
        let ranks = paired.ranks();
        assert_eq!((ranks.len(), ranks[0].rank, ranks[1].rank), (2, 1, 2));
        assert_eq!((ranks[0].nearest.row, ranks[1].nearest.row), (1, 0));
        assert_eq!(paired.report().recall_at_1, 0.5);
        let [(pair, text, _)] = paired.wrong()[..] else {
            panic!("one query is wrong")
        };
        assert_eq!((pair, text), (2, 0));
    }
}
