//! Matrix products, on the `gemm` crate.

use crate::par;
use crate::real::Real;
use gemm::Parallelism;

/// A matrix in a slice: element `(i, j)` is at `i * row + j * col`.
#[derive(Debug, Clone, Copy)]
pub struct Mat<'a, T> {
    /// Elements.
    pub data: &'a [T],
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub col: usize,
}

impl<'a, T> Mat<'a, T> {
    /// Row-major with `cols` columns.
    pub fn rows(data: &'a [T], cols: usize) -> Self {
        Self {
            data,
            row: cols,
            col: 1,
        }
    }

    /// The transpose; no element moves.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            row: self.col,
            col: self.row,
        }
    }
}

/// Multiplications below which a product stays on one thread.
const ALONE: usize = 48 * 48 * 256;

/// `c = beta c + a b` for row-major `c` of `m` rows `ldc` apart; `a` is `[m, k]`, `b` is `[k, n]`.
///
/// `threads` is the most that may be used; 0 for all of the pool.
#[allow(clippy::too_many_arguments)] // the usual signature of a product
pub fn gemm<T: Real>(
    m: usize,
    k: usize,
    n: usize,
    a: Mat<T>,
    b: Mat<T>,
    beta: T,
    c: &mut [T],
    ldc: usize,
    threads: usize,
) {
    if m == 0 || n == 0 {
        return;
    }
    let last = |rows: usize, cols: usize, rs: usize, cs: usize| (rows - 1) * rs + (cols - 1) * cs;
    assert!(
        last(m, n, ldc, 1) < c.len() && n <= ldc,
        "gemm: c is too small"
    );
    if k > 0 {
        assert!(
            last(m, k, a.row, a.col) < a.data.len(),
            "gemm: a is too small"
        );
        assert!(
            last(k, n, b.row, b.col) < b.data.len(),
            "gemm: b is too small"
        );
    }
    let most = if threads == 0 {
        par::threads()
    } else {
        threads
    };
    let parallelism = match most > 1 && m * n * k > ALONE {
        true => Parallelism::Rayon(most),
        false => Parallelism::None,
    };
    // SAFETY: the asserts above keep every index that the product reads or writes inside the slices,
    // and `c` is borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            ldc as isize,
            beta != T::ZERO,
            a.data.as_ptr(),
            a.col as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.col as isize,
            b.row as isize,
            beta,
            T::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
}
