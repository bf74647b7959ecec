//! The kernel for formats with blocks of 256.

use super::activation::SuperBlock;
use super::format::{BLOCK, SUPER};
use super::lanes::{Lanes, for_each_level};
use super::packed::ROWS;
use super::tiles::{Job, Tile, all, four};
use super::unpack::{Codes, Layout};
use std::marker::PhantomData;

/// Tiles of a format.
struct Large<F>(PhantomData<F>);

#[inline(always)]
unsafe fn body<L: Lanes, F: Layout>(job: &Job) {
    // SAFETY: the contract of `run`, and of `Lanes` by the compilation.
    unsafe { all::<L, Large<F>>(job) }
}

for_each_level! {
    /// A product with a matrix of format `F`; a unit of x is a [`SuperBlock`].
    ///
    /// # Safety
    /// Everything that the fields of the job describe is readable, or writable.
    pub(super) unsafe fn run[F: Layout](job: &Job) = body;
}

/// Whole sums of a unit: those of the codes times their scales.
///
/// # Safety
/// The contract of [`Lanes`]; the unit is whole, x its blocks.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // constant bounds, so that everything stays in registers
unsafe fn scaled<L: Lanes, F: Layout, const T: usize>(
    unit: *const u8,
    row: usize,
    x: &[*const SuperBlock; T],
) -> [L::Ints; T] {
    // SAFETY: the caller's contract.
    unsafe {
        let mut totals = [L::shifted(0, 0); T];
        // Pairs of registers whose codes share a scale.
        let pairs = SUPER / 8 / F::UNIT.scales;
        for at in 0..F::UNIT.scales {
            let column = at * pairs * 8;
            let chunk = unit.add(F::UNIT.codes_at() + column / BLOCK * F::Codes::BITS.chunk());
            // Loops rather than closures, which may stay calls.
            let mut dots = [L::shifted(0, 0); T];
            if !F::UNIT.minima {
                for t in 0..T {
                    dots[t] = L::shifted((*x[t]).negated[at], F::SHIFT);
                }
            }
            for i in 0..pairs {
                let codes = F::Codes::two::<L>(chunk, row, column % BLOCK / 8 + i);
                for j in 0..2 {
                    for t in 0..T {
                        let four = four(&raw const (*x[t]).codes, column + 8 * i + 4 * j);
                        dots[t] = F::Codes::dot::<L>(dots[t], codes[j], four);
                    }
                }
            }
            let from = unit.add(F::UNIT.scales_at() + ROWS * at + row);
            let scale = if F::UNIT.minima {
                L::bytes(from)
            } else {
                L::signed_bytes(from)
            };
            for t in 0..T {
                totals[t] = L::add_product(totals[t], dots[t], scale);
            }
        }
        totals
    }
}

/// Whole sums of a unit: those of x times the minima.
///
/// # Safety
/// As for [`scaled`]; the format has minima.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // as above
unsafe fn minima<L: Lanes, F: Layout, const T: usize>(
    unit: *const u8,
    row: usize,
    x: &[*const SuperBlock; T],
) -> [L::Ints; T] {
    // SAFETY: the caller's contract.
    unsafe {
        let mut totals = [L::shifted(0, 0); T];
        for i in 0..4 {
            let pairs = L::pairs(unit.add(F::UNIT.minima_at() + 2 * (ROWS * i + row)));
            for t in 0..T {
                let two = (&raw const (*x[t]).sums).cast::<i32>().add(i);
                totals[t] = L::dot_pairs(totals[t], pairs, two.read_unaligned());
            }
        }
        totals
    }
}

impl<F: Layout> Tile for Large<F> {
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // as above
    unsafe fn run<L: Lanes, const T: usize>(job: &Job, part: usize, token: usize) {
        // SAFETY: the caller's contract: `job.units` units of the rows, as many blocks of each token.
        unsafe {
            let (mut unit, row) = job.part::<L>(part);
            let mut x: [*const SuperBlock; T] = std::array::from_fn(|t| job.token(token + t));
            let mut sums = [L::splat(0.0); T];
            for _ in 0..job.units {
                let totals = scaled::<L, F, T>(unit, row, &x);
                let d = L::halves(unit.add(2 * row).cast());
                for t in 0..T {
                    let scaled = L::times(L::float(totals[t]), L::splat((*x[t]).scale));
                    sums[t] = L::fma(scaled, d, sums[t]);
                }
                if F::UNIT.minima {
                    let totals = minima::<L, F, T>(unit, row, &x);
                    let m = L::halves(unit.add(2 * (ROWS + row)).cast());
                    for t in 0..T {
                        let scaled = L::times(L::float(totals[t]), L::splat(-(*x[t]).scale));
                        sums[t] = L::fma(scaled, m, sums[t]);
                    }
                }
                unit = unit.add(F::UNIT.bytes());
                for x in &mut x {
                    *x = x.add(1);
                }
            }
            job.store::<L, T>(part, token, sums);
        }
    }
}
