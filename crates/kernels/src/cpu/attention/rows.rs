//! Where rows of heads are, and access to them: to read, to fetch early, to write from many threads.

use super::Shape;
use std::marker::PhantomData;

/// Where the rows of heads are: `(b, t, h, d)` is at
/// `offset + b * batch_stride + t * row_stride + h * dim + d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The first element.
    pub offset: usize,
    /// Distance between sequences.
    pub batch_stride: usize,
    /// Distance between rows of a sequence.
    pub row_stride: usize,
}

impl View {
    /// Of a contiguous `[batch, seq, width]`.
    pub fn contiguous(seq: usize, width: usize) -> Self {
        Self::columns(seq, width, 0)
    }

    /// Of the columns from `first` of a contiguous `[batch, seq, width]`.
    pub fn columns(seq: usize, width: usize, first: usize) -> Self {
        Self {
            offset: first,
            batch_stride: seq * width,
            row_stride: width,
        }
    }
}

/// Rows of heads to read.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// Elements.
    pub data: &'a [T],
    /// Where the heads are in it.
    pub view: View,
}

/// Rows of heads to write.
#[derive(Debug)]
pub struct RowsMut<'a, T> {
    /// Elements.
    pub data: &'a mut [T],
    /// Where the heads are in it.
    pub view: View,
}

/// Sizes of one operand.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) batch: usize,
    pub(super) heads: usize,
    pub(super) rows: usize,
    pub(super) dim: usize,
}

impl Extent {
    pub(super) fn queries(shape: &Shape) -> Self {
        let &Shape {
            batch,
            heads,
            q_len: rows,
            dim,
            ..
        } = shape;
        Self {
            batch,
            heads,
            rows,
            dim,
        }
    }

    pub(super) fn keys(shape: &Shape) -> Self {
        let &Shape {
            batch,
            kv_heads: heads,
            kv_len: rows,
            dim,
            ..
        } = shape;
        Self {
            batch,
            heads,
            rows,
            dim,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch * self.heads * self.rows == 0
    }

    /// Asserts that all elements are within `len`.
    pub(super) fn check(&self, view: View, len: usize, name: &str) {
        if !self.is_empty() {
            // Strides of any size must not wrap around to an end that seems inside.
            let batches = (self.batch - 1).saturating_mul(view.batch_stride);
            let rows = (self.rows - 1).saturating_mul(view.row_stride);
            let end = (self.heads * self.dim)
                .saturating_add(view.offset)
                .saturating_add(batches)
                .saturating_add(rows);
            assert!(
                end <= len,
                "attention: {name} needs {end} elements and has {len}"
            );
        }
    }

    /// Asserts that rows of `width` elements at these strides do not overlap.
    pub(super) fn check_apart(&self, view: View, width: usize, name: &str) {
        let View {
            batch_stride: batch,
            row_stride: row,
            ..
        } = view;
        let inner = |rows: usize, stride: usize| {
            let before = rows.saturating_sub(1).saturating_mul(stride);
            before.saturating_add(width)
        };
        let rows_apart = self.rows <= 1 || row >= width;
        let batches_apart = self.batch <= 1 || batch >= width;
        let nested = self.batch <= 1
            || self.rows <= 1
            || batch >= inner(self.rows, row)
            || row >= inner(self.batch, batch);
        let apart = self.is_empty() || (rows_apart && batches_apart && nested);
        assert!(apart, "attention: rows of {name} overlap");
    }
}

/// The rows of one head of one sequence, to read.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a, T> {
    data: &'a [T],
    stride: usize,
    pub(super) rows: usize,
    dim: usize,
}

impl<'a, T> Strip<'a, T> {
    pub(super) fn new(from: Rows<'a, T>, extent: Extent, batch: usize, head: usize) -> Self {
        let Extent { rows, dim, .. } = extent;
        let View {
            offset,
            batch_stride,
            row_stride: stride,
        } = from.view;
        let data = match rows {
            0 => &[],
            _ => &from.data[offset + batch * batch_stride + head * dim..],
        };
        Self {
            data,
            stride,
            rows,
            dim,
        }
    }

    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> &'a [T] {
        &self.data[i * self.stride..][..self.dim]
    }

    /// Asks for a row to come into the second-level cache.
    #[inline(always)]
    pub(super) fn fetch(&self, i: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in self.row(i).chunks(64 / size_of::<T>()) {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            // SAFETY: a hint, which changes nothing but caches; every x86-64 processor takes it.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = i;
    }
}

/// The rows of the next head, fetched into the cache while this one is computed. Heads are strips
/// of a buffer, which processors do not foresee: without this, waiting for them took a tenth of the time.
pub(super) struct Ahead<'a, T, const M: usize> {
    strips: Option<[Strip<'a, T>; M]>,
    next: usize,
    each: usize,
}

impl<'a, T, const M: usize> Ahead<'a, T, M> {
    /// Fetches evenly over `steps` calls of `step`.
    pub(super) fn new(strips: Option<[Strip<'a, T>; M]>, steps: usize) -> Self {
        let rows = strips
            .iter()
            .flatten()
            .map(|strip| strip.rows)
            .max()
            .unwrap_or(0);
        Self {
            strips,
            next: 0,
            each: rows.div_ceil(steps.max(1)),
        }
    }

    #[inline(always)]
    pub(super) fn step(&mut self) {
        if let Some(strips) = &self.strips {
            for row in self.next..self.next + self.each {
                strips
                    .iter()
                    .filter(|strip| row < strip.rows)
                    .for_each(|strip| strip.fetch(row));
            }
            self.next += self.each;
        }
    }
}

/// Rows of heads that several threads write, each its own heads.
pub(super) struct Shared<'a, T> {
    start: *mut T,
    view: View,
    extent: Extent,
    life: PhantomData<&'a mut [T]>,
}

// SAFETY: like `&mut [T]`; two threads never use the same row (see `Shared::row`).
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Checks that all rows are inside `data` and do not overlap.
    pub(super) fn new(rows: RowsMut<'a, T>, extent: Extent, name: &str) -> Self {
        let RowsMut { data, view } = rows;
        extent.check_apart(view, extent.heads * extent.dim, name);
        let [shared] = Self::columns(data, [view], [extent], [name]);
        shared
    }

    /// As `new`, for operands in columns of one buffer which do not overlap.
    pub(super) fn fused<const M: usize>(
        data: &'a mut [T],
        views: [View; M],
        extents: [Extent; M],
        names: [&str; M],
    ) -> [Self; M] {
        let width = |i: usize| extents[i].heads * extents[i].dim;
        let first = (0..M).map(|i| views[i].offset).min().unwrap_or(0);
        let last = (0..M)
            .map(|i| views[i].offset + width(i))
            .max()
            .unwrap_or(0);
        let (batch, row) = (views[0].batch_stride, views[0].row_stride);
        let rows = extents.iter().map(|e| e.rows).max().unwrap_or(0);
        for i in 0..M {
            let same = views[i].batch_stride == batch && views[i].row_stride == row;
            assert!(
                same,
                "attention: {} has other strides in the same buffer",
                names[i]
            );
            for j in 0..i {
                let apart = views[i].offset + width(i) <= views[j].offset
                    || views[j].offset + width(j) <= views[i].offset;
                assert!(apart, "attention: {} overlaps {}", names[i], names[j]);
            }
            Extent { rows, ..extents[i] }.check_apart(views[i], last - first, names[i]);
        }
        Self::columns(data, views, extents, names)
    }

    fn columns<const M: usize>(
        data: &'a mut [T],
        views: [View; M],
        extents: [Extent; M],
        names: [&str; M],
    ) -> [Self; M] {
        let (start, len) = (data.as_mut_ptr(), data.len());
        std::array::from_fn(|i| {
            extents[i].check(views[i], len, names[i]);
            Self {
                start,
                view: views[i],
                extent: extents[i],
                life: PhantomData,
            }
        })
    }

    /// A row of a head.
    ///
    /// # Safety
    ///
    /// While the row is in use nobody may ask for the same row, head and sequence of this operand.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // exclusive by the contract above
    pub(super) unsafe fn row(&self, batch: usize, head: usize, row: usize) -> &mut [T] {
        let Extent {
            batch: batches,
            heads,
            rows,
            dim,
        } = self.extent;
        assert!(batch < batches && head < heads && row < rows);
        let View {
            offset,
            batch_stride,
            row_stride,
        } = self.view;
        let at = offset + batch * batch_stride + row * row_stride + head * dim;
        // SAFETY: `new` and `fused` checked that rows of all sequences and heads are inside the
        // buffer and apart from each other, and from those of the operands which share it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), dim) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "overlaps")]
    fn overlapping_gradients_are_refused() {
        let mut data = vec![0.0f32; 64];
        let extent = Extent {
            batch: 1,
            heads: 1,
            rows: 4,
            dim: 8,
        };
        let views = [View::columns(4, 16, 0), View::columns(4, 16, 7)];
        Shared::fused(&mut data, views, [extent; 2], ["a", "b"]);
    }

    #[test]
    #[should_panic(expected = "rows of a overlap")]
    fn overlapping_rows_are_refused() {
        let mut data = vec![0.0f32; 64];
        let extent = Extent {
            batch: 2,
            heads: 2,
            rows: 2,
            dim: 8,
        };
        let view = View {
            offset: 0,
            batch_stride: 24,
            row_stride: 16,
        };
        Shared::new(
            RowsMut {
                data: &mut data,
                view,
            },
            extent,
            "a",
        );
    }

    #[test]
    #[should_panic(expected = "elements and has 64")]
    fn strides_do_not_wrap_around() {
        let mut data = vec![0.0f32; 64];
        let extent = Extent {
            batch: 3,
            heads: 1,
            rows: 2,
            dim: 8,
        };
        let view = View {
            offset: 0,
            batch_stride: usize::MAX / 2 + 1,
            row_stride: 8,
        };
        Shared::new(
            RowsMut {
                data: &mut data,
                view,
            },
            extent,
            "a",
        );
    }
}
