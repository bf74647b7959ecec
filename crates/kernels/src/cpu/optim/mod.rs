//! Optimizer steps in place: one pass over the parameters, their gradients and their state.
//!
//! The update rules and the order of their operations are those of PyTorch's `torch.optim`
//! (`_single_tensor_*`), in the precision of the parameters; hyper-parameters are f64 and rounded
//! once. No operation is fused, so every instruction set and every thread count gives the same bits.
//!
//! Each step takes `scale`, a factor for the gradients (norm clipping, loss scaling); 1 is exact.

mod adam;
mod rmsprop;
mod sgd;

pub use adam::{Adam, adam};
pub use rmsprop::{RmsProp, rmsprop};
pub use sgd::{Sgd, sgd};

use crate::dispatch;
use crate::par;
use crate::real::Real;

/// Sum of squares, accumulated in f64 in an order which does not depend on the number of threads.
pub fn square_sum<T: Real>(g: &[T]) -> f64 {
    const BLOCK: usize = 16 * 1024;
    let blocks = g.len().div_ceil(BLOCK);
    let sums = par::map_ranges(blocks, par::pieces(g.len()), |range| {
        let block = |i: usize| square_sum_part(&g[i * BLOCK..((i + 1) * BLOCK).min(g.len())]);
        range.map(block).collect::<Vec<f64>>()
    });
    sums.iter().flatten().sum()
}

/// Elements of one thread's part: whole cache lines, and all of a small slice.
fn part(n: usize) -> usize {
    n.div_ceil(par::pieces(n)).next_multiple_of(1024).max(1024)
}

/// `torch.lerp`: from the nearer end, which is exact at both.
#[derive(Clone, Copy)]
struct Lerp<T> {
    factor: T,
    from_start: bool,
}

impl<T: Real> Lerp<T> {
    fn new(weight: f64) -> Self {
        let from_start = weight < 0.5;
        let factor = if from_start { weight } else { weight - 1.0 };
        Self {
            factor: T::of(factor),
            from_start,
        }
    }

    #[inline(always)]
    fn at(self, start: T, end: T) -> T {
        let base = if self.from_start { start } else { end };
        base + self.factor * (end - start)
    }
}

dispatch! {
    fn square_sum_part<T>(g: &[T]) -> f64 {
        const LANES: usize = 32;
        let mut sums = [0.0f64; LANES];
        let (blocks, rest) = g.as_chunks::<LANES>();
        for block in blocks {
            for (sum, g) in sums.iter_mut().zip(block) {
                let g = g.wide();
                *sum += g * g;
            }
        }
        for (sum, g) in sums.iter_mut().zip(rest) {
            let g = g.wide();
            *sum += g * g;
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::Rng;

    pub(super) const SIZES: [usize; 5] = [0, 1, 37, 1029, 70_001];
    pub(super) const STEPS: u64 = 4;

    /// Parameters and the gradients of all steps.
    pub(super) fn start(n: usize) -> (Vec<f32>, Vec<Vec<f32>>) {
        let mut rng = Rng(n as u64 + 1);
        (rng.normals(n), (0..STEPS).map(|_| rng.normals(n)).collect())
    }

    /// Runs `step(t, p, g, states)` element by element, one state array for each element.
    pub(super) fn reference(
        p: &[f32],
        gs: &[Vec<f32>],
        step: impl Fn(u64, &mut f32, f32, &mut [f32; 3]),
    ) -> Vec<f32> {
        let mut p = p.to_vec();
        for (i, p) in p.iter_mut().enumerate() {
            let mut state = [0.0; 3];
            for t in 1..=STEPS {
                step(t, p, gs[t as usize - 1][i], &mut state);
            }
        }
        p
    }

    #[test]
    fn square_sums_agree_for_any_number_of_threads() {
        for n in SIZES {
            let g: Vec<f32> = Rng(3).normals(n);
            let wanted: f64 = g.iter().map(|g| f64::from(*g).powi(2)).sum();
            let sums = [1, 2, 5].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| square_sum(&g))
            });
            assert!(sums.iter().all(|s| *s == sums[0]));
            assert!((sums[0] - wanted).abs() <= 1e-12 * wanted);
        }
        assert_eq!(
            square_sum(&[1e30f32, 1e30]),
            2.0 * f64::from(1e30f32).powi(2)
        );
    }
}
