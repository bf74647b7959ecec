//! The kernel of the weight gradient: a sum of outer products of inputs and output gradients.

use super::lanes::Lanes;

/// An input pixel and the output gradient that it meets.
#[derive(Clone, Copy)]
pub(super) struct Pair<T> {
    /// First channel of the input pixel.
    pub x: *const T,
    /// First column of the panel of the output gradient.
    pub dy: *const T,
}

/// What one call computes: `R` weights by `V` registers of output channels.
pub(super) struct Outer<T> {
    /// Pairs to sum over.
    pub pairs: *const Pair<T>,
    /// How many.
    pub count: usize,
    /// Offsets `[R]` from `Pair::x`.
    pub offsets: *const usize,
    /// Sums `[R, V registers]`.
    pub sum: *mut T,
    /// Whether to add to what the sums hold.
    pub add: bool,
}

/// `sum[r] = (sum[r] or 0) + sum over pairs of x[offsets[r]] * dy`.
///
/// # Safety
///
/// The addresses must be valid as [`Outer`] describes, and the caller compiled for the set of `L`.
#[inline(always)]
pub(super) unsafe fn outer<L: Lanes, const R: usize, const V: usize>(a: &Outer<L::T>) {
    // SAFETY: the whole body only follows addresses that the caller promises.
    unsafe {
        let mut sum = [[L::splat(L::T::default()); V]; R];
        let mut offsets = [0; R];
        for (r, offset) in offsets.iter_mut().enumerate() {
            *offset = *a.offsets.add(r);
        }
        for i in 0..a.count {
            let pair = *a.pairs.add(i);
            let mut gradient = [L::splat(L::T::default()); V];
            for (v, gradient) in gradient.iter_mut().enumerate() {
                *gradient = L::load(pair.dy.add(v * L::N));
            }
            for (sum, offset) in sum.iter_mut().zip(&offsets) {
                let input = L::splat(*pair.x.add(*offset));
                for (sum, gradient) in sum.iter_mut().zip(&gradient) {
                    *sum = input.fma(*gradient, *sum);
                }
            }
        }
        let one = L::splat(<L::T as crate::real::Real>::ONE);
        for (r, sum) in sum.iter().enumerate() {
            for (v, sum) in sum.iter().enumerate() {
                let to = a.sum.add((r * V + v) * L::N);
                let total = match a.add {
                    true => sum.fma(one, L::load(to)),
                    false => *sum,
                };
                total.store(to);
            }
        }
    }
}
