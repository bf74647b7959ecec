//! The kernel of forward and data gradient: pixels times a panel of weights, gathered by address.
//!
//! Instead of copying the window of every output pixel into a row of a matrix (im2col), the kernel
//! is given the address of every run of inputs that a pixel needs: "The Indirect Convolution
//! Algorithm", Dukhan 2019. Padding is the address of a run of zeros.

use super::lanes::Lanes;

/// What one call computes: `R` pixels by up to `V` registers of output channels.
pub(super) struct Tile<T> {
    /// Addresses `[segments, R]` of runs of `skip + len` inputs.
    pub runs: *const *const T,
    /// Runs of a pixel.
    pub segments: usize,
    /// Elements to skip at the start of each run.
    pub skip: usize,
    /// Elements used of each run.
    pub len: usize,
    /// Weights `[.., len, V registers]`: the panel, after `skip` rows.
    pub panel: *const T,
    /// Which segment of the panel each run meets, `[segments]`.
    pub places: *const usize,
    /// Elements between segments of the panel.
    pub step: usize,
    /// Addresses `[R]` of the outputs.
    pub out: *const *mut T,
    /// Columns after `out` where this panel begins.
    pub column: usize,
    /// Bias of this panel, or null.
    pub bias: *const T,
    /// Whether to add to what the outputs hold.
    pub add: bool,
    /// Columns in the last register, at least 1.
    pub tail: usize,
}

/// `out[r][column..] = (out[r] or bias or 0) + sum over runs of input * panel`.
///
/// # Safety
///
/// The addresses must be valid as [`Tile`] describes, and the caller compiled for the set of `L`.
#[inline(always)]
pub(super) unsafe fn tile<L: Lanes, const R: usize, const V: usize>(a: &Tile<L::T>) {
    // SAFETY: the whole body only follows addresses that the caller promises.
    unsafe {
        let mut sum = start::<L, R, V>(a);
        for s in 0..a.segments {
            let mut from = [std::ptr::null::<L::T>(); R];
            for (r, from) in from.iter_mut().enumerate() {
                *from = (*a.runs.add(s * R + r)).add(a.skip);
            }
            let mut panel = a.panel.add(*a.places.add(s) * a.step);
            for c in 0..a.len {
                let mut weight = [L::splat(L::T::default()); V];
                for (v, weight) in weight.iter_mut().enumerate() {
                    *weight = L::load(panel.add(v * L::N));
                }
                for (sum, from) in sum.iter_mut().zip(&from) {
                    let input = L::splat(*from.add(c));
                    for (sum, weight) in sum.iter_mut().zip(&weight) {
                        *sum = input.fma(*weight, *sum);
                    }
                }
                panel = panel.add(V * L::N);
            }
        }
        finish(a, &sum);
    }
}

/// As [`tile`] where every output channel has one input channel, its own: `len` is 1, and a run
/// holds the inputs of the columns from `skip` on.
///
/// # Safety
///
/// As for [`tile`].
#[inline(always)]
pub(super) unsafe fn channels<L: Lanes, const R: usize, const V: usize>(a: &Tile<L::T>) {
    // SAFETY: the whole body only follows addresses that the caller promises.
    unsafe {
        let mut sum = start::<L, R, V>(a);
        for s in 0..a.segments {
            let panel = a.panel.add(*a.places.add(s) * a.step);
            let mut weight = [L::splat(L::T::default()); V];
            for (v, weight) in weight.iter_mut().enumerate() {
                *weight = L::load(panel.add(v * L::N));
            }
            for (r, sum) in sum.iter_mut().enumerate() {
                let from = (*a.runs.add(s * R + r)).add(a.skip);
                for (v, (sum, weight)) in sum.iter_mut().zip(&weight).enumerate() {
                    let input = part::<L>(from.add(v * L::N), v + 1 == V, a.tail);
                    *sum = input.fma(*weight, *sum);
                }
            }
        }
        finish(a, &sum);
    }
}

/// What the sums begin with.
#[inline(always)]
unsafe fn start<L: Lanes, const R: usize, const V: usize>(a: &Tile<L::T>) -> [[L; V]; R] {
    // SAFETY: the addresses are those that the kernels promise.
    unsafe {
        let mut sum = [[L::splat(L::T::default()); V]; R];
        if a.add {
            for (r, sum) in sum.iter_mut().enumerate() {
                let out = (*a.out.add(r)).add(a.column);
                for (v, sum) in sum.iter_mut().enumerate() {
                    *sum = part::<L>(out.add(v * L::N), v + 1 == V, a.tail);
                }
            }
        } else if !a.bias.is_null() {
            let mut bias = [L::splat(L::T::default()); V];
            for (v, bias) in bias.iter_mut().enumerate() {
                *bias = part::<L>(a.bias.add(v * L::N), v + 1 == V, a.tail);
            }
            sum = [bias; R];
        }
        sum
    }
}

/// Writes the outputs.
#[inline(always)]
unsafe fn finish<L: Lanes, const R: usize, const V: usize>(a: &Tile<L::T>, sum: &[[L; V]; R]) {
    // SAFETY: the addresses are those that the kernels promise.
    unsafe {
        for (r, sum) in sum.iter().enumerate() {
            let out = (*a.out.add(r)).add(a.column);
            for (v, sum) in sum.iter().enumerate() {
                match v + 1 == V && a.tail < L::N {
                    true => sum.store_part(out.add(v * L::N), a.tail),
                    false => sum.store(out.add(v * L::N)),
                }
            }
        }
    }
}

/// A whole register, or its first `tail` elements if it is the last.
#[inline(always)]
unsafe fn part<L: Lanes>(from: *const L::T, last: bool, tail: usize) -> L {
    // SAFETY: the caller promises `N` elements, or `tail` if this is the last register.
    unsafe {
        match last && tail < L::N {
            true => L::load_part(from, tail),
            false => L::load(from),
        }
    }
}
