//! Rotary position embedding (Su et al. 2021): pairs of features are turned by an angle that grows with
//! the position, so that the product of a query and a key depends on how far apart they are.

use crate::dispatch;
use crate::par;
use crate::real::Real;
use std::sync::{Arc, OnceLock};

/// Positions whose cosines and sines are computed together.
const CHUNK: usize = 256;
/// Chunks that are kept; positions beyond (a million and more) are computed at every use.
const CHUNKS: usize = 4096;

/// The rotation for heads of one width. Clones share its tables.
#[derive(Clone)]
pub struct Rotary(Arc<Angles>);

struct Angles {
    /// By how much each angle grows from one position to the next, `[dim / 2]`.
    frequencies: Vec<f32>,
    /// Of each chunk of positions, once it is used: `[position][cosines, sines]`.
    tables: Vec<OnceLock<Box<[f32]>>>,
}

impl std::fmt::Debug for Rotary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rotary(dim {})", self.dim())
    }
}

impl Rotary {
    /// At position `p` features `i` and `i + dim / 2` of a head are turned by `p frequencies[i]`;
    /// `dim = 2 frequencies.len()`. Usual are `frequencies[i] = base^(-2 i / dim)`.
    pub fn new(frequencies: &[f32]) -> Self {
        Self(Arc::new(Angles {
            frequencies: frequencies.to_vec(),
            tables: (0..CHUNKS).map(|_| OnceLock::new()).collect(),
        }))
    }

    /// Features of a head.
    pub fn dim(&self) -> usize {
        2 * self.0.frequencies.len()
    }

    /// Turns the heads of x, `[n, heads, dim]`, row `i` as at `positions[i]`.
    ///
    /// # Panics
    /// If x has another length.
    pub fn apply(&self, x: &mut [f32], heads: usize, positions: &[u32]) {
        self.turn(x, heads, positions, false);
    }

    /// [`Self::apply`], or its inverse, which is also its transpose: gradients go back through it.
    pub(crate) fn turn<T: Real>(&self, x: &mut [T], heads: usize, positions: &[u32], back: bool) {
        let row = heads * self.dim();
        assert_eq!(x.len(), positions.len() * row, "rotary embedding: length");
        if x.is_empty() {
            return;
        }
        let pieces = par::pieces(x.len());
        par::split_mut(x, row, pieces, |first, part| {
            for (row, position) in part.chunks_exact_mut(row).zip(&positions[first..]) {
                self.with_angles(*position as usize, |angles| turn_row(row, angles, back));
            }
        });
    }

    /// Calls `f` with the cosines and then the sines of a position.
    fn with_angles(&self, position: usize, f: impl FnOnce(&[f32])) {
        let (chunk, at) = (position / CHUNK, position % CHUNK);
        match self.0.tables.get(chunk) {
            Some(table) => {
                let table = table.get_or_init(|| self.angles(chunk * CHUNK, CHUNK));
                f(&table[at * self.dim()..][..self.dim()])
            }
            None => f(&self.angles(position, 1)),
        }
    }

    /// Cosines and sines of `count` positions from `first` on.
    fn angles(&self, first: usize, count: usize) -> Box<[f32]> {
        let rows = (first..first + count).flat_map(|position| {
            let angle = move |step: &f32| position as f64 * f64::from(*step);
            let steps = self.0.frequencies.iter();
            let cosines = steps.clone().map(move |s| angle(s).cos() as f32);
            cosines.chain(steps.map(move |s| angle(s).sin() as f32))
        });
        rows.collect()
    }
}

dispatch! {
    /// Turns all heads of a row by the same angles.
    fn turn_row<T>(row: &mut [T], angles: &[f32], back: bool) {
        let half = angles.len() / 2;
        let (cosines, sines) = angles.split_at(half);
        let sign = if back { -T::ONE } else { T::ONE };
        for head in row.chunks_exact_mut(2 * half) {
            let (a, b) = head.split_at_mut(half);
            for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cosines).zip(sines) {
                let (cos, sin) = (T::of(f64::from(*cos)), sign * T::of(f64::from(*sin)));
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};

    #[test]
    fn pairs_turn_by_the_angle_of_their_position_and_back() {
        for (dim, heads) in [(8, 3), (64, 2), (2, 1)] {
            let positions = [0, 1, 300, 2_000_000];
            let x: Vec<f32> = Rng(6).normals(positions.len() * heads * dim);
            let frequencies: Vec<f32> = (0..dim / 2)
                .map(|i| 10_000f32.powf(-2.0 * i as f32 / dim as f32))
                .collect();
            let rotary = Rotary::new(&frequencies);
            let mut found = x.clone();
            rotary.apply(&mut found, heads, &positions);
            let mut exact: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            for (row, position) in exact.chunks_mut(heads * dim).zip(positions) {
                for head in row.chunks_mut(dim) {
                    for (i, step) in frequencies.iter().enumerate() {
                        let (sin, cos) = (f64::from(position) * f64::from(*step)).sin_cos();
                        let (a, b) = (head[i], head[i + dim / 2]);
                        (head[i], head[i + dim / 2]) = (a * cos - b * sin, b * cos + a * sin);
                    }
                }
            }
            assert!(error(&found, &exact) < 1e-6);
            rotary.turn(&mut found, heads, &positions, true);
            assert!(error(&found, &x) < 1e-6);
        }
    }
}
