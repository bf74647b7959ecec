//! Convolutions with a handful of output pixels, such as the last stages of a network on small
//! images: reading the weights once is then most of the work, so they are used where they lie.
//!
//! In the order of PyTorch's weights a window is `[cin, kh, kw]`, and the three passes are products
//! with the weights, or their gradient, as one matrix `[cout, cin kh kw]`.

use super::Geometry;
use super::dot::Dot;
use super::lanes::{ROWS, Shared, kernels};
use super::plan::Axis;
use super::product::{Left, product};
use crate::buffer::scratch;
use crate::cpu::transpose::transpose;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;
use std::borrow::Cow;

/// The most output pixels for the gradients.
const PIXELS: usize = 64;
/// The most output pixels that are forwarded as products of rows with rows of weights; for more, the
/// windows are transposed and become the right factor.
pub(super) const PIXELS_DOT: usize = 24;
/// Multiplications that take as long as moving a weight (measured: 0.65 ns against 55 a ns).
const REARRANGE: f64 = 36.0;
/// The fewest weights for which rearranging them would matter.
const WEIGHTS: usize = 1 << 14;

/// Whether the convolution and its gradients are computed here.
pub(super) fn takes(g: &Geometry, out: [usize; 2]) -> bool {
    let pixels = g.n * out[0] * out[1];
    if g.groups > 1 || pixels == 0 || pixels > PIXELS || g.weight_len() < WEIGHTS {
        return false;
    }
    // Here padding is multiplied like everything else; elsewhere it is left out, but the weights of
    // all taps that are not only padding must be rearranged.
    let (mut real, mut used) = (1.0, 1.0);
    for (axis, kernel) in g.forward_axes(out).iter().zip(g.kernel) {
        let inputs = axis.taps.iter().map(|tap| {
            let real = (0..axis.count).filter(|q| axis.input(*q, tap.1).is_some());
            real.count()
        });
        real *= inputs.sum::<usize>() as f64 / (axis.count * kernel) as f64;
        used *= axis.taps.len() as f64 / kernel as f64;
    }
    pixels as f64 * (1.0 - real) <= REARRANGE * used
}

/// Calls `f(output pixel, input pixel, tap)` for every tap that is not padding.
fn each_tap(g: &Geometry, out: [usize; 2], mut f: impl FnMut(usize, usize, usize)) {
    let [y, x]: [Axis; 2] = g.forward_axes(out);
    for pixel in 0..g.n * out[0] * out[1] {
        let (line, qx) = (pixel / out[1], pixel % out[1]);
        let (image, qy) = (line / out[0], line % out[0]);
        for (i, down) in &y.taps {
            for (j, right) in &x.taps {
                if let (Some(iy), Some(ix)) = (y.input(qy, *down), x.input(qx, *right)) {
                    f(pixel, (image * g.h + iy) * g.w + ix, i * g.kernel[1] + j);
                }
            }
        }
    }
}

/// Windows `[pixels, cin, kh, kw]`: of a pointwise convolution the pixels themselves.
fn windows<'a, T: Real>(g: &Geometry, out: [usize; 2], x: &'a [T]) -> Cow<'a, [T]> {
    if g.kernel == [1, 1] && g.stride == [1, 1] && g.pad == [0; 4] && out == [g.h, g.w] {
        return Cow::Borrowed(x);
    }
    let area = g.kernel[0] * g.kernel[1];
    let depth = g.cin * area;
    let mut all = vec![T::ZERO; g.n * out[0] * out[1] * depth];
    each_tap(g, out, |pixel, from, tap| {
        let window = all[pixel * depth..(pixel + 1) * depth].chunks_exact_mut(area);
        for (to, value) in window.zip(&x[from * g.cin..(from + 1) * g.cin]) {
            to[tap] = *value;
        }
    });
    Cow::Owned(all)
}

/// [`super::forward`].
pub(super) fn forward<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let depth = g.cin * g.kernel[0] * g.kernel[1];
    let windows = windows(g, out, x);
    assert_eq!(
        windows.len(),
        g.n * out[0] * out[1] * depth,
        "convolution: windows"
    );
    match windows.len() / depth <= PIXELS_DOT {
        true => forward_dot(g, &windows, weight, bias, y),
        false => forward_transposed(g, &windows, weight, bias, y),
    }
}

/// With the pixels as columns: `yᵀ = W windowsᵀ`, both transpositions much smaller than the weights.
fn forward_transposed<T: Real>(
    g: &Geometry,
    windows: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let depth = weight.len() / g.cout;
    let pixels = windows.len() / depth;
    let mut columns = scratch::<T>(windows.len());
    transpose(windows, depth, &mut columns, pixels, pixels, depth);
    let mut sums = scratch::<T>(y.len());
    let a = Left {
        data: weight,
        row: depth,
        step: 1,
    };
    product([g.cout, depth, pixels], a, &columns, &mut sums);
    transpose(&sums, pixels, y, g.cout, g.cout, pixels);
    if let Some(bias) = bias {
        for row in y.chunks_exact_mut(g.cout) {
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += *b);
        }
    }
}

/// With rows of weights as they lie, each meeting up to [`ROWS`] windows at a time.
fn forward_dot<T: Real>(
    g: &Geometry,
    windows: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let depth = weight.len() / g.cout;
    match bias {
        Some(bias) => y
            .chunks_exact_mut(g.cout)
            .for_each(|row| row.copy_from_slice(bias)),
        None => y.fill(T::ZERO),
    }
    let kernels = kernels::<T>();
    let each = kernels.vectors;
    let to = Shared::new(y);
    let unit = |first: usize| {
        let used = each.min(g.cout - first);
        for (i, windows) in windows.chunks(ROWS * depth).enumerate() {
            let rows = windows.len() / depth;
            let dot = Dot {
                windows: windows.as_ptr(),
                weights: weight[first * depth..(first + used) * depth].as_ptr(),
                depth,
                out: to.at(i * ROWS * g.cout + first),
                step: g.cout,
            };
            // SAFETY: `rows` windows, `used` rows of weights, and their outputs, which no other unit
            // has. The table was made for this machine.
            unsafe { kernels.dot[rows - 1][used - 1](&dot) };
        }
    };
    let firsts = 0..g.cout.div_ceil(each);
    match par::pieces(weight.len()) {
        1 => firsts.for_each(|i| unit(i * each)),
        _ => firsts.into_par_iter().for_each(|i| unit(i * each)),
    }
}

/// [`super::backward_data`].
pub(super) fn backward_data<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    weight: &[T],
    dy: &[T],
    bias: Option<&[T]>,
    dx: &mut [T],
) {
    let area = g.kernel[0] * g.kernel[1];
    let depth = g.cin * area;
    let pixels = g.n * out[0] * out[1];
    let mut windows = scratch::<T>(pixels * depth);
    let a = Left {
        data: dy,
        row: g.cout,
        step: 1,
    };
    product([pixels, g.cout, depth], a, weight, &mut windows);
    match bias {
        Some(bias) => dx
            .chunks_exact_mut(g.cin)
            .for_each(|row| row.copy_from_slice(bias)),
        None => dx.fill(T::ZERO),
    }
    each_tap(g, out, |pixel, to, tap| {
        let window = windows[pixel * depth..(pixel + 1) * depth].chunks_exact(area);
        for (to, from) in dx[to * g.cin..(to + 1) * g.cin].iter_mut().zip(window) {
            *to += from[tap];
        }
    });
}

/// [`super::backward_weights`].
pub(super) fn backward_weights<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    x: &[T],
    dy: &[T],
    dw: &mut [T],
) {
    let depth = g.cin * g.kernel[0] * g.kernel[1];
    let windows = windows(g, out, x);
    let pixels = dy.len() / g.cout;
    let a = Left {
        data: dy,
        row: 1,
        step: g.cout,
    };
    product([g.cout, pixels, depth], a, &windows, dw);
}
