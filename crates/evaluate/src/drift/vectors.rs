//! Vectors before and after, such as embeddings of texts and pictures.

use crate::classification::ratio;
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// Most vectors of each side that distances are taken of, chosen by lot.
const MAX_VECTORS: usize = 400;
/// Random draws of the permutation test.
const ROUNDS: usize = 500;

/// How vectors differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorDrift {
    /// Vectors of the training.
    pub reference: usize,
    /// New vectors.
    pub current: usize,
    /// Distance between the two means, in units of the training vectors' root mean squared distance
    /// from theirs.
    pub mean_shift: f64,
    /// Energy distance (Székely & Rizzo 2013) as a share of the largest possible: 0 if both are of one
    /// distribution, 1 if each side is a single point of its own.
    pub energy: f64,
    /// How probable an energy distance at least this large would be if new and old vectors were mixed
    /// by lot (permutation test).
    pub chance: f64,
}

impl VectorDrift {
    /// Compares vectors of so many `dimensions`, one after the other; `None` unless there are two of
    /// each side.
    pub fn new(reference: &[f32], current: &[f32], dimensions: usize, seed: u64) -> Option<Self> {
        let vectors = |all: &[f32]| all.len() / dimensions.max(1);
        let (old, new) = (vectors(reference), vectors(current));
        if dimensions == 0 || old < 2 || new < 2 {
            return None;
        }
        let mut random = Random::new(seed, 0);
        let mut drawn = |all: &[f32], n: usize| -> Vec<f32> {
            let chosen = random.sample(n, MAX_VECTORS);
            let vectors = chosen.iter().map(|i| &all[i * dimensions..][..dimensions]);
            vectors.flatten().copied().collect()
        };
        let mut pool = drawn(reference, old);
        let first = pool.len() / dimensions;
        pool.extend(drawn(current, new));
        let (energy, chance) = Distances::new(&pool, dimensions).test(first, &mut random);
        Some(Self {
            reference: old,
            current: new,
            mean_shift: mean_shift(reference, current, dimensions),
            energy,
            chance,
        })
    }
}

fn mean_shift(reference: &[f32], current: &[f32], dimensions: usize) -> f64 {
    let (old, new) = (mean(reference, dimensions), mean(current, dimensions));
    let shift = squared(old.iter().copied(), &new);
    let vectors = reference.chunks_exact(dimensions);
    let away = |v: &[f32]| squared(v.iter().map(|x| f64::from(*x)), &old);
    let spread = vectors.clone().map(away).sum::<f64>() / vectors.len() as f64;
    ratio(shift, spread).sqrt()
}

fn mean(vectors: &[f32], dimensions: usize) -> Vec<f64> {
    let mut sums = vec![0.0; dimensions];
    let vectors = vectors.chunks_exact(dimensions);
    let n = vectors.len() as f64;
    for vector in vectors {
        for (sum, x) in sums.iter_mut().zip(vector) {
            *sum += f64::from(*x) / n;
        }
    }
    sums
}

fn squared(vector: impl Iterator<Item = f64>, other: &[f64]) -> f64 {
    vector.zip(other).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// Distances between all vectors of both sides.
struct Distances {
    n: usize,
    /// `n x n`, row by row.
    of: Vec<f32>,
    sum: f64,
}

impl Distances {
    fn new(vectors: &[f32], dimensions: usize) -> Self {
        let rows: Vec<&[f32]> = vectors.chunks_exact(dimensions).collect();
        let n = rows.len();
        let mut of = vec![0.0; n * n];
        let mut sum = 0.0;
        for i in 0..n {
            for j in 0..i {
                let pairs = rows[i].iter().zip(rows[j]);
                let distance = pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f32>().sqrt();
                of[i * n + j] = distance;
                of[j * n + i] = distance;
                sum += 2.0 * f64::from(distance);
            }
        }
        Self { n, of, sum }
    }

    /// The share of the energy distance between the `first` vectors and the others, and how probable
    /// one at least as large is.
    fn test(&self, first: usize, random: &mut Random) -> (f64, f64) {
        let mut order: Vec<usize> = (0..self.n).collect();
        let observed = self.energy(&order, first);
        let mut as_large = 0;
        for _ in 0..ROUNDS {
            random.shuffle(&mut order);
            as_large += usize::from(self.energy(&order, first) >= observed - 1e-9);
        }
        (observed, (as_large + 1) as f64 / (ROUNDS + 1) as f64)
    }

    /// 2 E|X - Y| - E|X - X'| - E|Y - Y'| as a share of 2 E|X - Y|, where X are the vectors that stand
    /// first in an order.
    fn energy(&self, order: &[usize], first: usize) -> f64 {
        let (one, other) = order.split_at(first);
        let within = |side: &[usize]| -> f64 {
            let row = |i: &usize| {
                let row = &self.of[i * self.n..][..self.n];
                side.iter().map(|j| f64::from(row[*j])).sum::<f64>()
            };
            side.iter().map(row).sum()
        };
        let (x, y) = (within(one), within(other));
        let (n, m) = (one.len() as f64, other.len() as f64);
        let across = (self.sum - x - y) / (n * m);
        ratio(across - x / (n * n) - y / (m * m), across).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::close;
    use serde_json::Value;

    fn cloud(seed: u64, vectors: usize, shift: f64) -> Vec<f32> {
        let mut random = Random::new(seed, 0);
        (0..vectors * 8)
            .map(|i| random.normal() + if i % 8 == 0 { shift } else { 0.0 })
            .map(|x| x as f32)
            .collect()
    }

    /// Values made by `tests/golden/drift.py` with SciPy.
    #[test]
    fn energy_distance_equals_scipys() {
        let golden = include_str!("../../../../tests/golden/drift.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let g = &golden["energy"];
        let list = |key: &str| serde_json::from_value::<Vec<f32>>(g[key].clone()).unwrap();
        let drift = VectorDrift::new(&list("a"), &list("b"), 1, 1).unwrap();
        close(drift.energy, &g["share"], 1e-5);
        close(drift.mean_shift, &g["mean_shift"], 1e-5);
    }

    #[test]
    fn clouds_that_moved_are_told_from_those_that_did_not() {
        let reference = cloud(1, 300, 0.0);
        let same = VectorDrift::new(&reference, &cloud(2, 200, 0.0), 8, 1).unwrap();
        assert!(same.chance > 0.05 && same.mean_shift < 0.15, "{same:?}");
        let moved = VectorDrift::new(&reference, &cloud(3, 200, 1.0), 8, 1).unwrap();
        // One unit in one of eight directions.
        assert!(
            (moved.mean_shift - 0.125f64.sqrt()).abs() < 0.06,
            "{moved:?}"
        );
        assert!(moved.chance < 0.01 && moved.energy > same.energy);
        // The same mean but another spread.
        let wider: Vec<f32> = cloud(4, 200, 0.0).iter().map(|x| 2.0 * x).collect();
        let wider = VectorDrift::new(&reference, &wider, 8, 1).unwrap();
        assert!(wider.chance < 0.01, "{wider:?}");
    }

    #[test]
    fn few_and_equal_vectors_are_no_trouble() {
        assert_eq!(VectorDrift::new(&[1.0; 8], &[1.0; 80], 8, 1), None);
        let equal = VectorDrift::new(&[1.0; 80], &[1.0; 80], 8, 1).unwrap();
        assert_eq!(
            (equal.mean_shift, equal.energy, equal.chance),
            (0.0, 0.0, 1.0)
        );
    }
}
