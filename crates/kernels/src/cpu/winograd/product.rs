//! The products: for every point, rows of transformed tiles times a panel of columns.

use super::panels::{Panels, Shared};
use super::vector::{Job, Vector};
use crate::real::Real;
use std::ops::Range;

/// `c[i][j] (+)= Σ_k a[i, k] b[k][j]` for `R` rows and one panel of columns, in registers.
///
/// `k` runs over `runs` of up to `run` values each, `depth` altogether. Within a run `a[i, k]` is at
/// `i * PANEL + k`, or, if `ACROSS`, at `k * PANEL + i`; the next run is `jump` further on. Rows of
/// `b` and of `c` are a panel wide.
///
/// # Safety
/// Inside [`Vector::enter`], with all those elements readable and writable.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // the innermost function: a struct would live in memory
#[allow(clippy::needless_range_loop)] // constant bounds, so that everything stays in registers
unsafe fn rows<V: Vector, const R: usize, const ACROSS: bool>(
    mut depth: usize,
    run: usize,
    jump: usize,
    mut a: *const V::Elem,
    mut b: *const V::Elem,
    c: *mut V::Elem,
    add: bool,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let zero = V::splat(V::Elem::ZERO);
        let mut sums = [[zero; 2]; R];
        while depth > 0 {
            let now = depth.min(run);
            let mut left = a;
            for _ in 0..now {
                let (b0, b1) = (V::load(b), V::load(b.add(V::LANES)));
                for i in 0..R {
                    let a = V::splat(*left.add(if ACROSS { i } else { i * V::PANEL }));
                    sums[i][0] = a.fma(b0, sums[i][0]);
                    sums[i][1] = a.fma(b1, sums[i][1]);
                }
                b = b.add(V::PANEL);
                left = left.add(if ACROSS { V::PANEL } else { 1 });
            }
            a = a.add(jump);
            depth -= now;
        }
        for i in 0..R {
            for j in 0..2 {
                let place = c.add(i * V::PANEL + j * V::LANES);
                let sum = if add {
                    V::load(place).add(sums[i][j])
                } else {
                    sums[i][j]
                };
                sum.store(place);
            }
        }
    }
}

/// [`rows`] for a number of rows up to [`Vector::ROWS`] known at run time.
///
/// # Safety
/// As for [`rows`].
#[inline(always)]
#[allow(clippy::too_many_arguments)] // as for `rows`
unsafe fn strip<V: Vector, const ACROSS: bool>(
    count: usize,
    depth: usize,
    run: usize,
    jump: usize,
    a: *const V::Elem,
    b: *const V::Elem,
    c: *mut V::Elem,
    add: bool,
) {
    macro_rules! choose {
        ($($n:literal)*) => {
            match count {
                $($n if $n <= V::ROWS => {
                    // SAFETY: as the caller promises.
                    unsafe { rows::<V, $n, ACROSS>(depth, run, jump, a, b, c, add) }
                })*
                _ => unreachable!("a strip of {count} rows"),
            }
        };
    }
    choose!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}

/// `M[ξ] (+)= V[ξ] U[ξ]` for all points ξ: tiles by input channels times input by output channels.
pub(super) struct TileProduct<V: Vector> {
    /// Points.
    pub(super) points: usize,
    /// V, tiles of input channels.
    pub(super) tiles: Panels<V>,
    /// The rows of it that take part.
    pub(super) rows: Range<usize>,
    /// The input channels that take part; the first is a multiple of a panel.
    pub(super) depth: Range<usize>,
    /// U, `[panel of output channels][ξ][input channel of depth][column]`.
    pub(super) filter: Shared<V::Elem>,
    /// Distance between the points of U.
    pub(super) filter_point: usize,
    /// Panels of output channels; those of U lie `points * filter_point` apart.
    pub(super) panels: usize,
    /// M; row 0 belongs to the first of `rows`.
    pub(super) out: Panels<V>,
    /// Adds to M instead of overwriting it.
    pub(super) add: bool,
}

impl<V: Vector> Job<V> for TileProduct<V> {
    #[inline(always)]
    unsafe fn run(self) {
        let strips = self.rows.len().div_ceil(V::ROWS);
        let first = self.depth.start / V::PANEL;
        for point in 0..self.points {
            for panel in 0..self.panels {
                let mut row = 0;
                for i in 0..strips {
                    let count = (self.rows.len() - row).div_ceil(strips - i);
                    // SAFETY: the caller has made the views for these rows, channels and panels.
                    unsafe {
                        strip::<V, false>(
                            count,
                            self.depth.len(),
                            V::PANEL,
                            self.tiles.rows * V::PANEL,
                            self.tiles.at(point, first, self.rows.start + row),
                            self.filter
                                .get()
                                .add((panel * self.points + point) * self.filter_point),
                            self.out.at(point, panel, row),
                            self.add,
                        );
                    }
                    row += count;
                }
            }
        }
    }
}

/// `dU[ξ] (+)= V[ξ]ᵀ Z[ξ]` for all points ξ, a block of input channels and a panel of output channels.
pub(super) struct FilterProduct<V: Vector> {
    /// Points.
    pub(super) points: usize,
    /// V, tiles of input channels.
    pub(super) tiles: Panels<V>,
    /// Z, tiles of gradients of output channels.
    pub(super) gradient: Panels<V>,
    /// How many tiles take part.
    pub(super) depth: usize,
    /// The input channels; the first is a multiple of a panel.
    pub(super) channels: Range<usize>,
    /// The panel of output channels.
    pub(super) panel: usize,
    /// dU, `[ξ][input channel of channels][column]`.
    pub(super) out: Shared<V::Elem>,
    /// Distance between the points of dU.
    pub(super) out_point: usize,
    /// Adds to dU instead of overwriting it.
    pub(super) add: bool,
}

impl<V: Vector> Job<V> for FilterProduct<V> {
    #[inline(always)]
    unsafe fn run(self) {
        for point in 0..self.points {
            for start in self.channels.clone().step_by(V::PANEL) {
                let channels = (self.channels.end - start).min(V::PANEL);
                let strips = channels.div_ceil(V::ROWS);
                let mut row = 0;
                for i in 0..strips {
                    let count = (channels - row).div_ceil(strips - i);
                    // SAFETY: the caller has made the views for these rows, channels and panels.
                    unsafe {
                        strip::<V, true>(
                            count,
                            self.depth,
                            self.depth,
                            0,
                            self.tiles.at(point, start / V::PANEL, 0).add(row),
                            self.gradient.at(point, self.panel, 0),
                            self.out.get().add(
                                point * self.out_point
                                    + (start - self.channels.start + row) * V::PANEL,
                            ),
                            self.add,
                        );
                    }
                    row += count;
                }
            }
        }
    }
}
