//! Filters in PyTorch's layout `[cout, cin, 3, 3]` to transformed panels and back.

use super::panels::Shared;
use super::transform::{Line, Places, transform};
use super::vector::{Job, Vector};
use crate::real::Real;
use std::marker::PhantomData;
use std::ops::Range;

/// The most lanes of any vector.
const MOST: usize = 16;
/// Input channels that are transposed together: small enough for the first cache.
const GROUP: usize = 16;

/// How a layer reads its filters; the backward pass reads the same weights with the channels swapped
/// and the filter turned by 180°.
#[derive(Clone, Copy)]
pub(super) struct Filter<T> {
    /// The weights.
    pub(super) data: Shared<T>,
    /// Output channels of this pass.
    pub(super) outs: usize,
    /// Distance between output channels.
    pub(super) out_step: usize,
    /// Distance between input channels.
    pub(super) in_step: usize,
    /// Whether the filter is turned.
    pub(super) turned: bool,
}

/// Lanes by columns to columns by lanes: `to[j * LANES + l] = from[l * step + j]`, zero for lanes
/// from `lanes` on.
///
/// # Safety
/// Inside [`Vector::enter`], with all those elements readable and writable.
#[inline(always)]
unsafe fn to_lanes<V: Vector>(
    from: *const V::Elem,
    step: usize,
    lanes: usize,
    columns: usize,
    to: *mut V::Elem,
) {
    for start in (0..columns).step_by(V::LANES) {
        let count = (columns - start).min(V::LANES);
        // SAFETY: as the caller promises.
        unsafe {
            let mut square = [V::splat(V::Elem::ZERO); MOST];
            for (l, row) in square.iter_mut().enumerate().take(V::LANES) {
                if l < lanes {
                    *row = V::load_part(from.add(l * step + start), count);
                }
            }
            V::transpose(&mut square[..V::LANES]);
            for (j, row) in square.iter().enumerate().take(V::LANES) {
                if j < count {
                    row.store(to.add((start + j) * V::LANES));
                }
            }
        }
    }
}

/// The reverse of [`to_lanes`].
///
/// # Safety
/// Inside [`Vector::enter`], with all those elements readable and writable.
#[inline(always)]
unsafe fn from_lanes<V: Vector>(
    from: *const V::Elem,
    columns: usize,
    to: *mut V::Elem,
    step: usize,
    lanes: usize,
) {
    for start in (0..columns).step_by(V::LANES) {
        let count = (columns - start).min(V::LANES);
        // SAFETY: as the caller promises.
        unsafe {
            let mut square = [V::splat(V::Elem::ZERO); MOST];
            for (j, row) in square.iter_mut().enumerate().take(V::LANES) {
                if j < count {
                    *row = V::load(from.add((start + j) * V::LANES));
                }
            }
            V::transpose(&mut square[..V::LANES]);
            for (l, row) in square.iter().enumerate().take(V::LANES) {
                if l < lanes {
                    row.store_part(to.add(l * step + start), count);
                }
            }
        }
    }
}

/// `U = G g Gᵀ` for one panel of output channels, `[ξ][input channel][output channel]`.
pub(super) struct FilterTransform<V: Vector, L, const A: usize> {
    /// The filters.
    pub(super) filter: Filter<V::Elem>,
    /// The panel.
    pub(super) panel: usize,
    /// Which input channels.
    pub(super) channels: Range<usize>,
    /// U.
    pub(super) out: Shared<V::Elem>,
    /// Distance between the points of U.
    pub(super) out_point: usize,
    /// The transform.
    pub(super) line: PhantomData<L>,
}

/// The points of a filter at `data`.
///
/// # Safety
/// They must exist.
#[inline(always)]
unsafe fn points<T, const A: usize>(data: *mut T, distance: usize) -> [[*mut T; A]; A] {
    let mut places = [[data; A]; A];
    for (i, place) in places.as_flattened_mut().iter_mut().enumerate() {
        // SAFETY: as the caller promises.
        *place = unsafe { data.add(i * distance) };
    }
    places
}

impl<V: Vector, L: Line<3, A>, const A: usize> Job<V> for FilterTransform<V, L, A> {
    #[inline(always)]
    unsafe fn run(self) {
        let f = self.filter;
        for half in 0..2 {
            let out = self.panel * V::PANEL + half * V::LANES;
            let lanes = f.outs.saturating_sub(out).min(V::LANES);
            let from = f.data.get().wrapping_add(out * f.out_step);
            for start in self.channels.clone().step_by(GROUP) {
                let count = (self.channels.end - start).min(GROUP);
                // SAFETY: the caller has made filter and target for these channels; lanes beyond the
                // output channels are not read.
                unsafe {
                    let mut turned = [V::splat(V::Elem::ZERO); GROUP * 9];
                    let turned = turned.as_mut_ptr().cast::<V::Elem>();
                    if f.in_step == 9 {
                        to_lanes::<V>(
                            from.wrapping_add(start * 9),
                            f.out_step,
                            lanes,
                            count * 9,
                            turned,
                        );
                    } else {
                        for k in 0..count {
                            let from = from.wrapping_add((start + k) * f.in_step);
                            to_lanes::<V>(from, f.out_step, lanes, 9, turned.add(k * 9 * V::LANES));
                        }
                    }
                    let mut taps = points::<V::Elem, 3>(turned, V::LANES);
                    if f.turned {
                        taps.as_flattened_mut().reverse();
                    }
                    let to: Places<V, A> = points::<V::Elem, A>(self.out.get(), self.out_point);
                    for k in 0..count {
                        let jump = (start - self.channels.start + k) * V::PANEL + half * V::LANES;
                        let skip = k * 9 * V::LANES;
                        transform::<V, L, 3, A>(&taps, skip, &to, jump, V::LANES, true, None);
                    }
                }
            }
        }
    }
}

/// `dW = Gᵀ dU G` for one panel of output channels.
pub(super) struct FilterGradient<V: Vector, L, const A: usize> {
    /// dU, `[ξ][input channel of channels][output channel]`.
    pub(super) from: Shared<V::Elem>,
    /// Distance between the points of dU.
    pub(super) from_point: usize,
    /// The panel.
    pub(super) panel: usize,
    /// Which input channels.
    pub(super) channels: Range<usize>,
    /// dW `[outs, ins, 3, 3]`.
    pub(super) out: Shared<V::Elem>,
    /// Output channels.
    pub(super) outs: usize,
    /// Input channels.
    pub(super) ins: usize,
    /// The transform.
    pub(super) line: PhantomData<L>,
}

impl<V: Vector, L: Line<A, 3>, const A: usize> Job<V> for FilterGradient<V, L, A> {
    #[inline(always)]
    unsafe fn run(self) {
        for half in 0..2 {
            let out = self.panel * V::PANEL + half * V::LANES;
            let lanes = self.outs.saturating_sub(out).min(V::LANES);
            if lanes == 0 {
                return;
            }
            for start in self.channels.clone().step_by(GROUP) {
                let count = (self.channels.end - start).min(GROUP);
                // SAFETY: the caller has made dU and dW for these channels; lanes beyond the output
                // channels are not written.
                unsafe {
                    let mut turned = [V::splat(V::Elem::ZERO); GROUP * 9];
                    let turned = turned.as_mut_ptr().cast::<V::Elem>();
                    let taps: Places<V, 3> = points::<V::Elem, 3>(turned, V::LANES);
                    let from = points::<V::Elem, A>(self.from.get(), self.from_point);
                    for k in 0..count {
                        let skip = (start - self.channels.start + k) * V::PANEL + half * V::LANES;
                        let jump = k * 9 * V::LANES;
                        transform::<V, L, A, 3>(&from, skip, &taps, jump, V::LANES, true, None);
                    }
                    let to = self.out.get().add((out * self.ins + start) * 9);
                    from_lanes::<V>(turned, count * 9, to, self.ins * 9, lanes);
                }
            }
        }
    }
}

/// `to += from`, for sums of several threads.
pub(super) struct Accumulate<V: Vector> {
    /// What is added.
    pub(super) from: Shared<V::Elem>,
    /// The sum.
    pub(super) to: Shared<V::Elem>,
    /// Elements, a multiple of [`Vector::LANES`].
    pub(super) len: usize,
}

impl<V: Vector> Job<V> for Accumulate<V> {
    #[inline(always)]
    unsafe fn run(self) {
        for i in (0..self.len).step_by(V::LANES) {
            // SAFETY: the caller has made both for `len` elements.
            unsafe {
                let to = self.to.get().add(i);
                V::load(to).add(V::load(self.from.get().add(i))).store(to);
            }
        }
    }
}
