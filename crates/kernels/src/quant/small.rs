//! The kernel for formats with blocks of 32.

use super::activation::Block;
use super::lanes::{Lanes, for_each_level};
use super::packed::ROWS;
use super::tiles::{Job, Tile, all, four};
use super::unpack::{Codes, Layout};
use std::marker::PhantomData;

/// Tiles of a format.
struct Small<F>(PhantomData<F>);

#[inline(always)]
unsafe fn body<L: Lanes, F: Layout>(job: &Job) {
    // SAFETY: the contract of `run`, and of `Lanes` by the compilation.
    unsafe { all::<L, Small<F>>(job) }
}

for_each_level! {
    /// A product with a matrix of format `F`; a unit of x is a [`Block`].
    ///
    /// # Safety
    /// Everything that the fields of the job describe is readable, or writable.
    pub(super) unsafe fn run[F: Layout](job: &Job) = body;
}

impl<F: Layout> Tile for Small<F> {
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // constant bounds, so that everything stays in registers
    unsafe fn run<L: Lanes, const T: usize>(job: &Job, part: usize, token: usize) {
        // SAFETY: the caller's contract: `job.units` units of the rows, as many blocks of each token.
        unsafe {
            let (mut unit, row) = job.part::<L>(part);
            let mut x: [*const Block; T] = std::array::from_fn(|t| job.token(token + t));
            let mut sums = [L::splat(0.0); T];
            for _ in 0..job.units {
                // Loops rather than closures, which may stay calls.
                let mut dots = [L::shifted(0, 0); T];
                if !F::UNIT.minima {
                    for t in 0..T {
                        dots[t] = L::shifted((*x[t]).negated, F::SHIFT);
                    }
                }
                for i in 0..4 {
                    let codes = F::Codes::two::<L>(unit.add(F::UNIT.codes_at()), row, i);
                    for j in 0..2 {
                        for t in 0..T {
                            let four = four(&raw const (*x[t]).codes, 8 * i + 4 * j);
                            dots[t] = F::Codes::dot::<L>(dots[t], codes[j], four);
                        }
                    }
                }
                let d = L::halves(unit.add(2 * row).cast());
                for t in 0..T {
                    let scaled = L::times(L::float(dots[t]), L::splat((*x[t]).scale));
                    sums[t] = L::fma(scaled, d, sums[t]);
                }
                if F::UNIT.minima {
                    let m = L::halves(unit.add(2 * (ROWS + row)).cast());
                    for t in 0..T {
                        sums[t] = L::fma(L::splat((*x[t]).weighted), m, sums[t]);
                    }
                }
                unit = unit.add(F::UNIT.bytes());
                for t in 0..T {
                    x[t] = x[t].add(1);
                }
            }
            job.store::<L, T>(part, token, sums);
        }
    }
}
