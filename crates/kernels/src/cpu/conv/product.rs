//! Matrix products whose right factor is read where it lies, without packing it.
//!
//! Worth it while a block of the right factor stays in the first cache for all rows that meet it, or
//! is met by so few rows that reading it once is the work.

use super::lanes::{Lanes, ROWS, Shared, kernels};
use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// The left factor: element `(i, l)` is at `i * row + l * step`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left<'a, T> {
    /// Elements.
    pub data: &'a [T],
    /// Distance between rows.
    pub row: usize,
    /// Distance between the elements of a row.
    pub step: usize,
}

/// What one call computes: `R` rows by up to `V` registers of columns.
pub(super) struct Block<T> {
    /// First element of the left factor.
    pub a: *const T,
    /// Distance between its rows.
    pub a_row: usize,
    /// Distance between the elements of a row.
    pub a_step: usize,
    /// First element of the right factor.
    pub b: *const T,
    /// Distance between its rows.
    pub b_row: usize,
    /// Terms of each sum.
    pub depth: usize,
    /// First sum.
    pub c: *mut T,
    /// Distance between rows of sums.
    pub c_row: usize,
    /// Whether to add to what is there.
    pub add: bool,
    /// Columns in the last register, at least 1.
    pub tail: usize,
}

/// `c[r] = (c[r] or 0) + sum over l of a[r, l] b[l]`.
///
/// # Safety
///
/// The addresses must be valid as [`Block`] describes, and the caller compiled for the set of `L`.
#[inline(always)]
pub(super) unsafe fn block<L: Lanes, const R: usize, const V: usize>(a: &Block<L::T>) {
    // SAFETY: the contract is the same.
    unsafe {
        match a.tail == L::N {
            true => sum_rows::<L, R, V, true>(a),
            false => sum_rows::<L, R, V, false>(a),
        }
    }
}

/// [`block`]; with `WHOLE` the last register is full.
#[inline(always)]
unsafe fn sum_rows<L: Lanes, const R: usize, const V: usize, const WHOLE: bool>(a: &Block<L::T>) {
    // SAFETY: the whole body only follows addresses that the caller promises.
    unsafe {
        let row = |from: *const L::T| {
            let mut all = [L::splat(L::T::default()); V];
            for (v, one) in all.iter_mut().enumerate() {
                *one = match !WHOLE && v + 1 == V {
                    true => L::load_part(from.add(v * L::N), a.tail),
                    false => L::load(from.add(v * L::N)),
                };
            }
            all
        };
        let mut sum = [[L::splat(L::T::default()); V]; R];
        if a.add {
            for (r, sum) in sum.iter_mut().enumerate() {
                *sum = row(a.c.add(r * a.c_row));
            }
        }
        let (mut left, mut right) = (a.a, a.b);
        for _ in 0..a.depth {
            let weights = row(right);
            for (r, sum) in sum.iter_mut().enumerate() {
                let input = L::splat(*left.add(r * a.a_row));
                for (sum, weight) in sum.iter_mut().zip(&weights) {
                    *sum = input.fma(*weight, *sum);
                }
            }
            left = left.wrapping_add(a.a_step);
            right = right.wrapping_add(a.b_row);
        }
        for (r, sum) in sum.iter().enumerate() {
            for (v, sum) in sum.iter().enumerate() {
                let to = a.c.add(r * a.c_row + v * L::N);
                match !WHOLE && v + 1 == V {
                    true => sum.store_part(to, a.tail),
                    false => sum.store(to),
                }
            }
        }
    }
}

/// Terms summed at a time: 64 rows of 64 columns are half of the first cache.
const DEPTH: usize = 64;
/// Rows up to which the right factor is met once or twice and streams from memory: then its rows are
/// read a few at a time, so that each is one long run.
const STREAMED: usize = 2 * ROWS;
/// Terms summed at a time when the right factor streams.
const DEPTH_STREAMED: usize = 16;

/// `c[m, n] = a[m, depth] b[depth, n]`, with `b` and `c` row-major.
pub(super) fn product<T: Real>([m, depth, n]: [usize; 3], a: Left<T>, b: &[T], c: &mut [T]) {
    assert_eq!(b.len(), depth * n, "product: right factor");
    assert_eq!(c.len(), m * n, "product: result");
    if m == 0 || n == 0 {
        return;
    }
    if depth == 0 {
        return c.fill(T::ZERO);
    }
    assert!(
        (m - 1) * a.row + (depth - 1) * a.step < a.data.len(),
        "product: left factor"
    );
    let kernels = kernels::<T>();
    let to = Shared::new(c);
    let terms = if m <= STREAMED { DEPTH_STREAMED } else { DEPTH };
    let part = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        for first in (0..depth).step_by(terms) {
            for (column, used, padded) in kernels.panels(columns.len()) {
                let column = columns.start + column;
                let registers = padded / kernels.lanes;
                for row in rows.clone().step_by(ROWS) {
                    let count = ROWS.min(rows.end - row);
                    let block = Block {
                        a: a.data[row * a.row + first * a.step..].as_ptr(),
                        a_row: a.row,
                        a_step: a.step,
                        b: b[first * n + column..].as_ptr(),
                        b_row: n,
                        depth: terms.min(depth - first),
                        c: to.at(row * n + column),
                        c_row: n,
                        add: first > 0,
                        tail: used + kernels.lanes - padded,
                    };
                    // SAFETY: by the asserts above, `count` rows, `used` columns and the terms lie in
                    // the factors, and nothing else writes these sums. The table was made for this
                    // machine.
                    unsafe { kernels.block[count - 1][registers - 1](&block) };
                }
            }
        }
    };
    let pieces = par::pieces(m * n * depth / 16);
    if pieces <= 1 {
        return part(0..m, 0..n);
    }
    // Where there are enough columns they are divided, so that each thread reads its own of `b`.
    let by_columns = n.div_ceil(kernels.width()) >= 2 * pieces;
    let (units, unit) = match by_columns {
        true => (n, kernels.width()),
        false => (m, ROWS),
    };
    let each = units.div_ceil(pieces).next_multiple_of(unit);
    (0..units.div_ceil(each)).into_par_iter().for_each(|i| {
        let range = i * each..((i + 1) * each).min(units);
        match by_columns {
            true => part(0..m, range),
            false => part(range, 0..n),
        }
    });
}
