//! Tiles of images, gathered into panels and scattered from them.

use super::panels::{Panels, Shared};
use super::transform::{Line, Places, transform};
use super::vector::{Job, Vector};
use crate::real::Real;
use std::marker::PhantomData;
use std::ops::Range;

/// Images `[n, h, w, c]` cut into squares of `size` pixels, `size` apart or overlapping.
#[derive(Clone, Copy)]
pub(super) struct Image<T> {
    /// The first element.
    pub(super) data: Shared<T>,
    /// Rows of pixels.
    pub(super) h: usize,
    /// Pixels of a row.
    pub(super) w: usize,
    /// Channels.
    pub(super) c: usize,
    /// Tiles of a column of tiles.
    pub(super) down: usize,
    /// Tiles of a row of tiles.
    pub(super) across: usize,
    /// Distance between tiles.
    pub(super) step: usize,
    /// Rows above the image where the first tile starts.
    pub(super) top: usize,
    /// Pixels left of the image where the first tile starts.
    pub(super) left: usize,
}

impl<T: Real> Image<T> {
    /// Calls `f(row, elements)` for each row of pixels of a tile that is inside of the image, with
    /// the first element of that row and how many there are. The image begins where the tiles do.
    pub(super) fn lines(&self, tile: usize, mut f: impl FnMut(usize, usize)) {
        let (rest, tx) = (tile / self.across, tile % self.across);
        let (image, ty) = (rest / self.down, rest % self.down);
        let (y, x) = (ty * self.step, tx * self.step);
        let pixels = self.step.min(self.w.saturating_sub(x));
        for y in y..(y + self.step).min(self.h) {
            f(
                ((image * self.h + y) * self.w + x) * self.c,
                pixels * self.c,
            );
        }
    }

    /// Where the `R x R` pixels of a tile are; `outside` stands for those beyond the image.
    ///
    /// # Safety
    /// The tile must exist.
    #[inline(always)]
    unsafe fn window<const R: usize>(&self, tile: usize, outside: *mut T) -> [[*mut T; R]; R] {
        let (rest, tx) = (tile / self.across, tile % self.across);
        let (image, ty) = (rest / self.down, rest % self.down);
        let mut places = [[outside; R]; R];
        for (i, line) in places.iter_mut().enumerate() {
            // Above or left of the image the difference wraps and is not below the size.
            let y = (ty * self.step + i).wrapping_sub(self.top);
            if y >= self.h {
                continue;
            }
            for (j, place) in line.iter_mut().enumerate() {
                let x = (tx * self.step + j).wrapping_sub(self.left);
                if x < self.w {
                    // SAFETY: the pixel is inside the image.
                    *place = unsafe {
                        self.data
                            .get()
                            .add(((image * self.h + y) * self.w + x) * self.c)
                    };
                }
            }
        }
        places
    }
}

/// Where the points of one row of panels are.
///
/// # Safety
/// The row must exist.
#[inline(always)]
unsafe fn points<V: Vector, const A: usize>(panels: &Panels<V>, row: usize) -> Places<V, A> {
    let mut places = [[std::ptr::null_mut(); A]; A];
    for (i, line) in places.iter_mut().enumerate() {
        for (j, place) in line.iter_mut().enumerate() {
            // SAFETY: as the caller promises.
            *place = unsafe { panels.at(i * A + j, 0, row) };
        }
    }
    places
}

/// Transforms tiles of `R x R` pixels by `L` into rows of panels; pixels outside the image are zero.
pub(super) struct Gather<V: Vector, L, const R: usize, const A: usize> {
    /// Where from.
    pub(super) image: Image<V::Elem>,
    /// Which tiles.
    pub(super) tiles: Range<usize>,
    /// Where to.
    pub(super) panels: Panels<V>,
    /// The row of the first tile.
    pub(super) row: usize,
    /// As many zeros as the image has channels.
    pub(super) zeros: Shared<V::Elem>,
    /// The transform.
    pub(super) line: PhantomData<L>,
}

impl<V: Vector, L: Line<R, A>, const R: usize, const A: usize> Job<V> for Gather<V, L, R, A> {
    #[inline(always)]
    unsafe fn run(self) {
        let panel = self.panels.rows * V::PANEL;
        for (row, tile) in self.tiles.enumerate() {
            // SAFETY: the caller has made image and panels for these tiles and channels.
            unsafe {
                let from = self.image.window::<R>(tile, self.zeros.get());
                let to = points::<V, A>(&self.panels, self.row + row);
                for c in (0..self.image.c.next_multiple_of(V::PANEL)).step_by(V::LANES) {
                    let jump = c / V::PANEL * panel + c % V::PANEL;
                    let count = self.image.c.saturating_sub(c).min(V::LANES);
                    if count == V::LANES {
                        transform::<V, L, R, A>(&from, c, &to, jump, V::LANES, true, None);
                    } else {
                        let c = c.min(self.image.c);
                        transform::<V, L, R, A>(&from, c, &to, jump, count, true, None);
                    }
                }
            }
        }
    }
}

/// Transforms rows of panels by `L` into tiles of `R x R` pixels and adds a bias; pixels outside the
/// image are dropped.
pub(super) struct Scatter<V: Vector, L, const R: usize, const A: usize> {
    /// Where from; its row 0 is the first of the tiles, its panel 0 starts at `channels.start`.
    pub(super) panels: Panels<V>,
    /// Where to.
    pub(super) image: Image<V::Elem>,
    /// Which tiles.
    pub(super) tiles: Range<usize>,
    /// Which channels; the first is a multiple of a panel.
    pub(super) channels: Range<usize>,
    /// One value for each channel of the image.
    pub(super) bias: Option<Shared<V::Elem>>,
    /// Room for one pixel that nobody reads.
    pub(super) dump: Shared<V::Elem>,
    /// The transform.
    pub(super) line: PhantomData<L>,
}

impl<V: Vector, L: Line<A, R>, const R: usize, const A: usize> Job<V> for Scatter<V, L, R, A> {
    #[inline(always)]
    unsafe fn run(self) {
        let panel = self.panels.rows * V::PANEL;
        for (row, tile) in self.tiles.enumerate() {
            // SAFETY: the caller has made image and panels for these tiles and channels.
            unsafe {
                let to: Places<V, R> = self.image.window::<R>(tile, self.dump.get());
                let from = points::<V, A>(&self.panels, row);
                for c in self.channels.clone().step_by(V::LANES) {
                    let inside = c - self.channels.start;
                    let skip = inside / V::PANEL * panel + inside % V::PANEL;
                    let count = (self.channels.end - c).min(V::LANES);
                    let bias = match self.bias {
                        Some(bias) => V::load_part(bias.get().add(c), count),
                        None => V::splat(V::Elem::ZERO),
                    };
                    if count == V::LANES {
                        transform::<V, L, A, R>(&from, skip, &to, c, V::LANES, false, Some(bias));
                    } else {
                        transform::<V, L, A, R>(&from, skip, &to, c, count, false, Some(bias));
                    }
                }
            }
        }
    }
}
