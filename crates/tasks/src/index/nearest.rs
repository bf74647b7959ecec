//! The nearest of many vectors, exactly: every cosine is computed.

use modelwright_kernels::cpu::conv::{self, Geometry};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::ops::Range;

/// Vectors that are compared at once; their products with [`QUERIES`] stay in the cache.
const ROWS: usize = 4096;
/// Queries that are compared at once.
const QUERIES: usize = 256;

/// Vectors of length 1, row by row, so that a product is a cosine.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    values: Vec<f32>,
    dimension: usize,
}

/// A row and its cosine with a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Its number.
    pub row: u32,
    /// The cosine.
    pub score: f32,
}

impl Eq for Near {}

/// The nearer one is the larger one; of equally near ones, the one that comes first.
impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(other.row.cmp(&self.row))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Vectors {
    /// `values` are rows of `dimension` numbers, each row of length 1.
    pub fn new(values: Vec<f32>, dimension: usize) -> Self {
        assert!(
            dimension > 0 && values.len().is_multiple_of(dimension),
            "vectors: a row is not complete"
        );
        Self { values, dimension }
    }

    /// Number of vectors.
    pub fn rows(&self) -> usize {
        self.values.len() / self.dimension
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// All numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All numbers, row by row.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// One vector.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimension..(row + 1) * self.dimension]
    }

    /// Some of the vectors, in that order.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let values = rows.into_iter().flat_map(|r| self.row(r)).copied();
        Self::new(values.collect(), self.dimension)
    }

    /// The cosines of `query` with every vector.
    pub fn cosines(&self, query: &[f32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.rows());
        self.products(query, |_, _, scores| all.extend_from_slice(scores));
        all
    }

    /// Calls `each(queries, vectors, cosines)` for blocks that cover every pair once; the cosines are
    /// those of these queries, row by row, with these vectors.
    pub fn products(
        &self,
        queries: &[f32],
        mut each: impl FnMut(Range<usize>, Range<usize>, &[f32]),
    ) {
        let width = self.dimension;
        let mut scores = vec![0.0; QUERIES.min(queries.len() / width) * ROWS.min(self.rows())];
        for (i, group) in queries.chunks(QUERIES * width).enumerate() {
            let asked = i * QUERIES..i * QUERIES + group.len() / width;
            for (j, block) in self.values.chunks(ROWS * width).enumerate() {
                let rows = j * ROWS..j * ROWS + block.len() / width;
                let scores = &mut scores[..asked.len() * rows.len()];
                let g = Geometry::linear(asked.len(), width, rows.len());
                conv::forward(&g, group, block, None, scores);
                each(asked.clone(), rows, scores);
            }
        }
    }

    /// The `k` nearest vectors of each query, the nearest first.
    pub fn nearest(&self, queries: &[f32], k: usize) -> Vec<Vec<Near>> {
        let mut found = vec![Vec::new(); queries.len() / self.dimension];
        self.products(queries, |asked, rows, scores| {
            let lists = found[asked].par_iter_mut();
            let rows_scores = scores.par_chunks(rows.len());
            lists.zip(rows_scores).for_each(|(best, scores)| {
                for (row, score) in rows.clone().zip(scores) {
                    keep(best, k, row as u32, *score);
                }
            });
        });
        found
    }
}

/// Puts a row into the list of the best `k`, if it is one of them.
fn keep(best: &mut Vec<Near>, k: usize, row: u32, score: f32) {
    let near = Near { row, score };
    if best.len() < k || best.last().is_some_and(|worst| near > *worst) {
        best.insert(best.partition_point(|b| *b > near), near);
        best.truncate(k);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use modelwright_data::rng::{Purpose, stream};
    use rand::RngExt;

    /// Vectors of length 1 in random directions.
    pub fn random(rows: usize, dimension: usize, seed: u64) -> Vectors {
        let mut rng = stream(seed, Purpose::Init, (0, 0));
        let values = (0..rows * dimension).map(|_| rng.random_range(-1.0..1.0));
        let mut values: Vec<f32> = values.collect();
        for row in values.chunks_exact_mut(dimension) {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.iter_mut().for_each(|v| *v /= length);
        }
        Vectors::new(values, dimension)
    }

    #[test]
    fn the_nearest_are_those_of_a_plain_loop() {
        for (rows, queries, dimension) in [(5000, 300, 24), (7, 1, 384), (ROWS, 3, 16), (1, 2, 8)] {
            let (vectors, asked) = (random(rows, dimension, 1), random(queries, dimension, 2));
            let found = vectors.nearest(asked.values(), 5);
            assert_eq!(found.len(), queries);
            for (i, found) in found.iter().enumerate() {
                let dot = |row: usize| -> f32 {
                    let pairs = vectors.row(row).iter().zip(asked.row(i));
                    pairs.map(|(a, b)| a * b).sum()
                };
                let mut all: Vec<f32> = (0..rows).map(dot).collect();
                for near in found {
                    assert!((dot(near.row as usize) - near.score).abs() < 1e-5);
                }
                all.sort_by(|a, b| b.total_cmp(a));
                for (near, score) in found.iter().zip(&all) {
                    assert!((near.score - score).abs() < 1e-5);
                }
                assert_eq!(found.len(), rows.min(5));
            }
        }
    }

    #[test]
    fn of_equally_near_rows_the_first_wins() {
        let vectors = Vectors::new([1.0, 0.0].repeat(5), 2);
        let rows: Vec<u32> = vectors.nearest(&[1.0, 0.0], 3)[0]
            .iter()
            .map(|n| n.row)
            .collect();
        assert_eq!(rows, [0, 1, 2]);
        assert!(vectors.nearest(&[1.0, 0.0], 0)[0].is_empty());
    }
}
