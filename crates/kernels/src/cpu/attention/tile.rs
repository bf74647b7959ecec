//! Blocks of `N` × `N` numbers: their products, and how rows of heads become blocks and come back.
//!
//! A matrix of blocks is row-major: block `(i, p)` of `panels` to a row is at `i * panels + p`, and
//! is itself `N` rows of `N`. Products keep a whole block of sums in registers, a row of it in one:
//! in each step a row of the right factor meets single numbers of the left one, which processors
//! spread over a vector as they load them. So neither factor has to be transposed or repacked,
//! and the lanes of the result are those of the right factor.

use super::Strip;
use super::lanes::{Block, Lanes};
use crate::real::Real;

/// A block of sums, in registers.
pub(super) type Sums<V, const N: usize> = [V; N];

/// `sums + a b`.
#[inline(always)]
pub(super) fn add_product<T: Real, V: Lanes<T, N>, const N: usize>(
    mut sums: Sums<V, N>,
    a: &Block<T, N>,
    b: &Block<T, N>,
) -> Sums<V, N> {
    for (k, row) in b.0.iter().enumerate() {
        let row = V::load(row);
        for (sum, a) in sums.iter_mut().zip(&a.0) {
            *sum = V::splat(a[k]).fma(row, *sum);
        }
    }
    sums
}

/// `sums + aᵀ b`.
#[inline(always)]
pub(super) fn add_product_t<T: Real, V: Lanes<T, N>, const N: usize>(
    mut sums: Sums<V, N>,
    a: &Block<T, N>,
    b: &Block<T, N>,
) -> Sums<V, N> {
    for (a, row) in a.0.iter().zip(&b.0) {
        let row = V::load(row);
        for (sum, a) in sums.iter_mut().zip(a) {
            *sum = V::splat(*a).fma(row, *sum);
        }
    }
    sums
}

/// Sums of 0.
#[inline(always)]
pub(super) fn zeros<T: Real, V: Lanes<T, N>, const N: usize>() -> Sums<V, N> {
    [V::splat(T::ZERO); N]
}

/// The block as sums, each row times `factor`.
#[inline(always)]
pub(super) fn load<T: Real, V: Lanes<T, N>, const N: usize>(
    from: &Block<T, N>,
    factor: V,
) -> Sums<V, N> {
    let mut sums = zeros();
    for (sum, row) in sums.iter_mut().zip(&from.0) {
        *sum = V::load(row).mul(factor);
    }
    sums
}

/// Writes sums to a block.
#[inline(always)]
pub(super) fn store<T: Real, V: Lanes<T, N>, const N: usize>(
    sums: Sums<V, N>,
    to: &mut Block<T, N>,
) {
    for (sum, row) in sums.into_iter().zip(&mut to.0) {
        sum.store(row);
    }
}

/// Copies rows `first..first + N` of a head, times `factor`, to a row of blocks; 0 beyond its ends.
#[inline(always)]
pub(super) fn pack<T: Real, V: Lanes<T, N>, const N: usize>(
    from: Strip<T>,
    first: usize,
    factor: T,
    to: &mut [Block<T, N>],
) {
    let factors = V::splat(factor);
    for i in 0..N {
        if first + i >= from.rows {
            to.iter_mut().for_each(|block| block.0[i] = [T::ZERO; N]);
            continue;
        }
        let (chunks, rest) = from.row(first + i).as_chunks::<N>();
        for (chunk, block) in chunks.iter().zip(&mut *to) {
            V::load(chunk).mul(factors).store(&mut block.0[i]);
        }
        if !rest.is_empty() {
            let row = &mut to[chunks.len()].0[i];
            *row = [T::ZERO; N];
            for (to, from) in row.iter_mut().zip(rest) {
                *to = *from * factor;
            }
        }
    }
}

/// All of a head as rows of blocks, the first `rows` of it.
#[inline(always)]
pub(super) fn pack_all<T: Real, V: Lanes<T, N>, const N: usize>(
    from: Strip<T>,
    rows: usize,
    panels: usize,
    to: &mut [Block<T, N>],
) {
    for (i, to) in to[..rows.div_ceil(N) * panels]
        .chunks_exact_mut(panels)
        .enumerate()
    {
        pack::<T, V, N>(from, i * N, T::ONE, to);
    }
}

/// Transposes every block of a row of them.
#[inline(always)]
pub(super) fn transpose<T: Real, V: Lanes<T, N>, const N: usize>(
    from: &[Block<T, N>],
    to: &mut [Block<T, N>],
) {
    for (from, to) in from.iter().zip(to) {
        V::transpose(from, to);
    }
}

/// Copies row `i` of a row of blocks, times `factor`, to a row of a head.
#[inline(always)]
pub(super) fn unpack_row<T: Real, V: Lanes<T, N>, const N: usize>(
    from: &[Block<T, N>],
    i: usize,
    factor: T,
    to: &mut [T],
) {
    let factors = V::splat(factor);
    let (chunks, rest) = to.as_chunks_mut::<N>();
    let full = chunks.len();
    for (chunk, block) in chunks.iter_mut().zip(from) {
        V::load(&block.0[i]).mul(factors).store(chunk);
    }
    if !rest.is_empty() {
        for (to, from) in rest.iter_mut().zip(&from[full].0[i]) {
            *to = *from * factor;
        }
    }
}

/// Which keys which queries see, within one sequence.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Keys up to the last that any query may see.
    pub keys: usize,
    /// True for keys that may be seen.
    pub mask: Option<&'a [bool]>,
    /// Query `i` sees no key beyond `i + ahead`, if causal.
    pub ahead: Option<isize>,
}

impl Sight<'_> {
    /// Keys that are seen by any of the queries up to `last`.
    #[inline(always)]
    pub fn keys_until(self, last: usize) -> usize {
        match self.ahead {
            Some(ahead) => (last as isize + ahead + 1).clamp(0, self.keys as isize) as usize,
            None => self.keys,
        }
    }

    /// Whether some query of the block at `query` does not see some key of the block at `key`.
    #[inline(always)]
    pub fn hides<const N: usize>(self, query: usize, key: usize) -> bool {
        let last = (key + N - 1) as isize;
        key + N > self.keys
            || self
                .ahead
                .is_some_and(|ahead| last > query as isize + ahead)
            || self
                .mask
                .is_some_and(|mask| mask[key..key + N].contains(&false))
    }

    /// Replaces the scores which do not count by -∞; a row of the block is a key, a lane a query.
    #[inline(always)]
    pub fn hide<T: Real, const N: usize>(self, query: usize, key: usize, scores: &mut Block<T, N>) {
        for (j, row) in scores.0.iter_mut().enumerate() {
            let j = key + j;
            let unseen = if j >= self.keys || self.mask.is_some_and(|mask| !mask[j]) {
                N
            } else {
                let ahead = self.ahead.unwrap_or(j as isize);
                (j as isize - ahead - query as isize).clamp(0, N as isize) as usize
            };
            for (lane, score) in row.iter_mut().enumerate() {
                *score = if lane < unseen {
                    T::NEG_INFINITY
                } else {
                    *score
                };
            }
        }
    }
}
