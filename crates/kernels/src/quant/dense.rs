//! The kernel for weights that are numbers with a point: F32, F16, BF16. The other factor stays f32.

use super::lanes::{Lanes, for_each_level};
use super::packed::ROWS;
use super::tiles::{Job, Tile, all};
use std::marker::PhantomData;

/// How such a number is stored.
pub(super) trait Number {
    /// Its bytes.
    const BYTES: usize;
    /// `L::ROWS` of them.
    ///
    /// # Safety
    /// The contract of [`Lanes`].
    unsafe fn load<L: Lanes>(from: *const u8) -> L::Floats;
}

pub(super) struct Single;
pub(super) struct Half;
pub(super) struct BrainHalf;

impl Number for Single {
    const BYTES: usize = 4;
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const u8) -> L::Floats {
        // SAFETY: the caller's contract.
        unsafe { L::load(from.cast()) }
    }
}

impl Number for Half {
    const BYTES: usize = 2;
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const u8) -> L::Floats {
        // SAFETY: the caller's contract.
        unsafe { L::halves(from.cast()) }
    }
}

impl Number for BrainHalf {
    const BYTES: usize = 2;
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const u8) -> L::Floats {
        // SAFETY: the caller's contract.
        unsafe { L::brain_halves(from.cast()) }
    }
}

/// Tiles of weights of a kind.
struct Dense<W>(PhantomData<W>);

#[inline(always)]
unsafe fn body<L: Lanes, W: Number>(job: &Job) {
    // SAFETY: the contract of `run`, and of `Lanes` by the compilation.
    unsafe { all::<L, Dense<W>>(job) }
}

for_each_level! {
    /// A product with a matrix of numbers; a unit of x is an f32.
    ///
    /// # Safety
    /// Everything that the fields of the job describe is readable, or writable.
    pub(super) unsafe fn run[W: Number](job: &Job) = body;
}

impl<W: Number> Tile for Dense<W> {
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // constant bounds, so that everything stays in registers
    unsafe fn run<L: Lanes, const T: usize>(job: &Job, part: usize, token: usize) {
        // SAFETY: the caller's contract: `job.units` columns of the rows and of each token.
        unsafe {
            let (group, row) = job.part::<L>(part);
            let weights = group.add(row * W::BYTES);
            let x: [*const f32; T] = std::array::from_fn(|t| job.token(token + t));
            let mut sums = [L::splat(0.0); T];
            for i in 0..job.units {
                let column = W::load::<L>(weights.add(i * ROWS * W::BYTES));
                for t in 0..T {
                    sums[t] = L::fma(L::splat(*x[t].add(i)), column, sums[t]);
                }
            }
            job.store::<L, T>(part, token, sums);
        }
    }
}
