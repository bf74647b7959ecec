//! Scaled dot-product attention with many heads, without the matrix of scores in memory.
//!
//! `o = softmax(scale · q kᵀ) v` for every head, in one pass over the keys with a running maximum
//! (Milakov and Gimelshein, 2018), and its gradient, which recomputes the probabilities (Dao,
//! FlashAttention-2, 2023).
//!
//! Queries, keys and values stay where the projections put them: rows of heads next to each other,
//! alone or all three in one buffer, addressed through a [`View`].

mod backward;
mod forward;
mod lanes;
mod rows;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use backward::backward;
pub use forward::forward;
pub use rows::{Rows, RowsMut, View};

use crate::par;
use rows::{Ahead, Extent, Shared, Strip};
use tile::Sight;

/// Sizes of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Sequences.
    pub batch: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` consecutive heads of queries
    /// (grouped-query attention, Ainslie et al., 2023).
    pub kv_heads: usize,
    /// Queries in a sequence.
    pub q_len: usize,
    /// Keys in a sequence.
    pub kv_len: usize,
    /// Numbers in a row of one head.
    pub dim: usize,
}
/// Where gradients go. Elements that belong to no head are left as they are.
#[derive(Debug)]
pub enum Gradients<'a, T> {
    /// A buffer for each.
    Separate {
        /// For queries.
        q: RowsMut<'a, T>,
        /// For keys.
        k: RowsMut<'a, T>,
        /// For values.
        v: RowsMut<'a, T>,
    },
    /// Keys and values in the columns of one buffer, of equal strides.
    FusedKeysValues {
        /// For queries.
        q: RowsMut<'a, T>,
        /// For keys and values.
        kv: &'a mut [T],
        /// Where keys are.
        k: View,
        /// Where values are.
        v: View,
    },
    /// All in the columns of one buffer, of equal strides.
    Fused {
        /// For queries, keys and values.
        qkv: &'a mut [T],
        /// Where queries are.
        q: View,
        /// Where keys are.
        k: View,
        /// Where values are.
        v: View,
    },
}

/// Which keys count, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Query `i` sees only keys `j <= i + kv_len - q_len`: both sequences end together.
    pub causal: bool,
    /// `[batch, kv_len]`, true for keys that may be seen.
    pub mask: Option<&'a [bool]>,
    /// Factor of the scores, usually `1 / √dim`.
    pub scale: f64,
}

/// Multiplications below which a call stays on one thread (about 10 µs).
const ALONE: usize = 512 * 1024;

impl Shape {
    fn check(&self) {
        let &Self {
            batch,
            heads,
            q_len,
            kv_len,
            dim,
            ..
        } = self;
        assert!(
            heads > 0 && dim > 0,
            "attention: no heads, or heads without elements"
        );
        // All further products are of sizes, and smaller than this one.
        let sizes = [batch.max(1), heads, q_len.max(1), kv_len.max(1), dim];
        let product = sizes
            .iter()
            .try_fold(1usize, |all, size| all.checked_mul(*size));
        assert!(product.is_some(), "attention: sizes overflow");
        assert!(
            self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads),
            "attention: {} heads are not groups of {} heads of keys",
            self.heads,
            self.kv_heads
        );
    }

    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    fn panels(&self, n: usize) -> usize {
        self.dim.div_ceil(n)
    }

    /// Into how many pieces `jobs` of equal work are cut: some for each thread, so that sequences
    /// with few visible keys do not leave threads without work.
    fn pieces(&self, jobs: usize) -> usize {
        let work = self.batch * self.heads * self.q_len * self.kv_len * self.dim;
        if work < ALONE {
            1
        } else {
            jobs.min(4 * par::threads())
        }
    }
}

impl Options<'_> {
    fn check(&self, shape: &Shape) {
        if let Some(mask) = self.mask {
            assert_eq!(
                mask.len(),
                shape.batch * shape.kv_len,
                "attention: mask of another shape"
            );
        }
    }

    fn sight(&self, shape: &Shape, batch: usize) -> Sight<'_> {
        let kv = shape.kv_len;
        let mask = self.mask.map(|mask| &mask[batch * kv..(batch + 1) * kv]);
        let keys = mask.map_or(kv, |mask| {
            mask.iter().rposition(|m| *m).map_or(0, |i| i + 1)
        });
        let ahead = self.causal.then_some(kv as isize - shape.q_len as isize);
        Sight { keys, mask, ahead }
    }
}
#[cfg(test)]
mod tests;
