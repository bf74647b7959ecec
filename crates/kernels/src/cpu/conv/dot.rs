//! The kernel for few output pixels: products of long rows, as they lie in memory.

use super::lanes::Lanes;

/// What one call computes: `R` windows by `V` rows of weights.
pub(super) struct Dot<T> {
    /// Windows `[R, depth]`.
    pub windows: *const T,
    /// Weights `[V, depth]`.
    pub weights: *const T,
    /// Length of a row.
    pub depth: usize,
    /// Outputs `[R, V]`, added to.
    pub out: *mut T,
    /// Distance between rows of outputs.
    pub step: usize,
}

/// `out[r, v] += sum over the depth of windows[r] * weights[v]`.
///
/// # Safety
///
/// The addresses must be valid as [`Dot`] describes, and the caller compiled for the set of `L`.
#[inline(always)]
pub(super) unsafe fn dot<L: Lanes, const R: usize, const V: usize>(a: &Dot<L::T>) {
    // SAFETY: the whole body only follows addresses that the caller promises.
    unsafe {
        let mut sum = [[L::splat(L::T::default()); V]; R];
        let mut i = 0;
        while i < a.depth {
            let part = L::N.min(a.depth - i);
            let mut weights = [L::splat(L::T::default()); V];
            for (v, weights) in weights.iter_mut().enumerate() {
                *weights = some::<L>(a.weights.add(v * a.depth + i), part);
            }
            for (r, sum) in sum.iter_mut().enumerate() {
                let window = some::<L>(a.windows.add(r * a.depth + i), part);
                for (sum, weights) in sum.iter_mut().zip(&weights) {
                    *sum = window.fma(*weights, *sum);
                }
            }
            i += L::N;
        }
        for (r, sum) in sum.iter().enumerate() {
            for (v, sum) in sum.iter().enumerate() {
                *a.out.add(r * a.step + v) += sum.total();
            }
        }
    }
}

/// A register of `count` elements and zeros.
#[inline(always)]
unsafe fn some<L: Lanes>(from: *const L::T, count: usize) -> L {
    // SAFETY: the caller promises `count` elements.
    unsafe {
        match count == L::N {
            true => L::load(from),
            false => L::load_part(from, count),
        }
    }
}
