//! Transformed data in memory, and the work on it that threads share.

use super::vector::Vector;
use crate::real::Real;

/// Memory that is written before it is read, aligned like the widest register.
pub(super) struct Scratch<T>(crate::buffer::Scratch<T>);

impl<T: Real> Scratch<T> {
    /// Room for `len` elements.
    pub(super) fn new(len: usize) -> Self {
        Self(crate::buffer::scratch(len))
    }

    /// Where it lies.
    pub(super) fn ptr(&mut self) -> Shared<T> {
        Shared(self.0.as_mut_ptr())
    }
}

/// A pointer into memory of which every task reads or writes its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared<T>(pub(super) *mut T);

// SAFETY: it is only a number; who dereferences it (always in an unsafe block) answers for the
// tasks' parts being disjoint.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Read-only memory as such a pointer; nothing is written through it.
    pub(super) fn reading(slice: &[T]) -> Self {
        Self(slice.as_ptr().cast_mut())
    }

    /// The pointer (a method, so that closures capture the whole of `self`).
    pub(super) fn get(self) -> *mut T {
        self.0
    }
}

/// Distance of the planes of different points, beyond the data: with it, equal places of all planes
/// fall into different sets of the cache.
pub(super) const APART: usize = 16;

/// Transformed tiles, `[point][panel of channels][row][channel in the panel]`: the product reads rows
/// of one panel at a constant distance, and nothing has to be packed for it.
pub(super) struct Panels<V: Vector> {
    /// The first element.
    pub(super) data: Shared<V::Elem>,
    /// Rows (tiles) of a panel.
    pub(super) rows: usize,
    /// Distance of the points' planes.
    pub(super) plane: usize,
}

impl<V: Vector> Clone for Panels<V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V: Vector> Copy for Panels<V> {}

impl<V: Vector> Panels<V> {
    /// A view for `rows` tiles of `channels` of memory which has room for [`Panels::room`].
    pub(super) fn new(data: Shared<V::Elem>, rows: usize, channels: usize) -> Self {
        Self {
            data,
            rows,
            plane: Self::plane(rows, channels),
        }
    }

    /// Elements of `points` planes.
    pub(super) fn room(points: usize, rows: usize, channels: usize) -> usize {
        points * Self::plane(rows, channels)
    }

    fn plane(rows: usize, channels: usize) -> usize {
        rows * channels.next_multiple_of(V::PANEL) + APART
    }

    /// The first element of a row of a panel of a point.
    ///
    /// # Safety
    /// All three must be in range.
    #[inline(always)]
    pub(super) unsafe fn at(&self, point: usize, panel: usize, row: usize) -> *mut V::Elem {
        // SAFETY: as the caller promises.
        unsafe {
            self.data
                .get()
                .add(point * self.plane + (panel * self.rows + row) * V::PANEL)
        }
    }
}
