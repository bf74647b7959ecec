//! Average pooling: sliding windows, adaptive bins and the whole picture, on `[n, h, w, c]`.
//!
//! All are one kernel: an axis is a list of windows and each window has a factor, so that
//! `y[oy, ox] = rows[oy] cols[ox] Σ x` over the window.

use crate::cpu::pool::{Axis, Cover, Pool, Span, block, block_mut, channel_blocks};
use crate::cpu::pool_global::{global_backward, global_forward};
use crate::dispatch;
use crate::par;
use crate::real::Real;

/// Average pooling: `x` `[n, h, w, c]`, `y` `[n, oh, ow, c]`.
///
/// Padding counts as zeros if `include_padding`; otherwise windows are divided by the elements that they
/// really cover.
pub fn average_forward<T: Real>(g: &Pool, include_padding: bool, x: &[T], y: &mut [T]) {
    forward(&sliding(g, include_padding), [g.n, g.h, g.w, g.c], x, y);
}

/// Gradient of [`average_forward`]; all of `dx` `[n, h, w, c]` is written.
pub fn average_backward<T: Real>(g: &Pool, include_padding: bool, dy: &[T], dx: &mut [T]) {
    backward(&sliding(g, include_padding), [g.n, g.h, g.w, g.c], dy, dx);
}

/// Average over `out = [oh, ow]` bins: `x` of `shape = [n, h, w, c]`, `y` `[n, oh, ow, c]`.
///
/// Bin `o` of `oh` covers rows `floor(o h / oh)` to `ceil((o + 1) h / oh)`, as in PyTorch; neighbours
/// overlap where the sizes do not divide. `[1, 1]` is the average of the whole picture.
pub fn adaptive_forward<T: Real>(shape: [usize; 4], out: [usize; 2], x: &[T], y: &mut [T]) {
    let [n, h, w, c] = shape;
    if out != [1, 1] {
        return forward(&adaptive(h, w, out), shape, x, y);
    }
    global_forward([n, h * w, c], x, y);
}

/// Gradient of [`adaptive_forward`]; all of `dx` is written.
pub fn adaptive_backward<T: Real>(shape: [usize; 4], out: [usize; 2], dy: &[T], dx: &mut [T]) {
    let [n, h, w, c] = shape;
    if out != [1, 1] {
        return backward(&adaptive(h, w, out), shape, dy, dx);
    }
    global_backward([n, h * w, c], dy, dx);
}

/// Windows of both axes with the factor of each.
struct Windows {
    axes: [Axis; 2],
    factors: [Vec<f64>; 2],
}

fn sliding(g: &Pool, include_padding: bool) -> Windows {
    let axes = g.axes();
    let factors = [0, 1].map(|a| {
        if include_padding {
            vec![1.0 / g.kernel[a] as f64; axes[a].windows.len()]
        } else {
            inverse_lengths(&axes[a])
        }
    });
    Windows { axes, factors }
}

fn adaptive(h: usize, w: usize, out: [usize; 2]) -> Windows {
    assert!(out[0] > 0 && out[1] > 0, "pool: at least one bin");
    assert!(h > 0 && w > 0, "pool: an empty picture has no average");
    let axis = |size: usize, out: usize| {
        let bin = |o: usize| (o * size / out, ((o + 1) * size).div_ceil(out));
        Axis::new(size, (0..out).map(bin).collect())
    };
    let axes = [axis(h, out[0]), axis(w, out[1])];
    let factors = [inverse_lengths(&axes[0]), inverse_lengths(&axes[1])];
    Windows { axes, factors }
}

fn inverse_lengths(axis: &Axis) -> Vec<f64> {
    axis.windows
        .iter()
        .map(|w| 1.0 / (w.1 - w.0) as f64)
        .collect()
}

fn check(windows: &Windows, shape: [usize; 4], input: usize, output: usize) -> bool {
    let [n, h, w, c] = shape;
    let [oh, ow] = [windows.axes[0].windows.len(), windows.axes[1].windows.len()];
    assert!(input == n * h * w * c, "pool: x or dx must be [n, h, w, c]");
    assert!(
        output == n * oh * ow * c,
        "pool: y or dy must be [n, oh, ow, c]"
    );
    input > 0
}

fn forward<T: Real>(windows: &Windows, shape: [usize; 4], x: &[T], y: &mut [T]) {
    if check(windows, shape, x.len(), y.len()) {
        let unit = windows.axes[1].windows.len() * shape[3];
        par::split_mut(y, unit, par::pieces(x.len()), |first, y| {
            average_rows(windows, shape, first, x, y);
        });
    }
}

fn backward<T: Real>(windows: &Windows, shape: [usize; 4], dy: &[T], dx: &mut [T]) {
    if check(windows, shape, dx.len(), dy.len()) {
        let unit = shape[2] * shape[3];
        par::split_mut(dx, unit, par::pieces(dx.len()), |first, dx| {
            average_back_rows(windows, shape, first, dy, dx);
        });
    }
}

dispatch! {
    /// Output rows from `first` on, counted over all pictures.
    fn average_rows<T>(windows: &Windows, shape: [usize; 4], first: usize, x: &[T], y: &mut [T]) {
        let [_, h, w, c] = shape;
        let [rows, cols] = &windows.axes;
        let (oh, ow) = (rows.windows.len(), cols.windows.len());
        for (r, y) in y.chunks_exact_mut(ow * c).enumerate() {
            let (picture, oy) = ((first + r) / oh, (first + r) % oh);
            let x = &x[picture * h * w * c..][..h * w * c];
            let ys = rows.windows[oy];
            for (ox, y) in y.chunks_exact_mut(c).enumerate() {
                let xs = cols.windows[ox];
                let factor = T::of(windows.factors[0][oy] * windows.factors[1][ox]);
                channel_blocks!(c, at, average_block::<T>(w, c, ys, xs, factor, x, at, y));
            }
        }
    }
}

/// One window and `B` channels from `at`.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // what the loops around it know
fn average_block<T: Real, const B: usize>(
    w: usize,
    c: usize,
    ys: Span,
    xs: Span,
    factor: T,
    x: &[T],
    at: usize,
    y: &mut [T],
) {
    let mut total = [T::ZERO; B];
    for iy in ys.0..ys.1 {
        // Rows are summed on their own, so that rounding grows with height plus width only.
        let mut sum = [T::ZERO; B];
        for ix in xs.0..xs.1 {
            let x = block::<T, B>(x, (iy * w + ix) * c + at);
            for l in 0..B {
                sum[l] += x[l];
            }
        }
        for l in 0..B {
            total[l] += sum[l];
        }
    }
    let y = block_mut::<T, B>(y, at);
    for l in 0..B {
        y[l] = total[l] * factor;
    }
}

dispatch! {
    /// Input rows from `first` on, counted over all pictures.
    fn average_back_rows<T>(
        windows: &Windows,
        shape: [usize; 4],
        first: usize,
        dy: &[T],
        dx: &mut [T],
    ) {
        let [_, h, w, c] = shape;
        let [rows, cols] = &windows.axes;
        let (oh, ow) = (rows.windows.len(), cols.windows.len());
        // The factor of every window.
        let factors: Vec<T> = windows.factors[0]
            .iter()
            .flat_map(|row| windows.factors[1].iter().map(move |col| T::of(row * col)))
            .collect();
        let f = &factors[..];
        for r in 0..dx.len() / (w * c) {
            let (picture, iy) = ((first + r) / h, (first + r) % h);
            let dy = &dy[picture * oh * ow * c..][..oh * ow * c];
            let oys = rows.covers[iy];
            for (ix, &oxs) in cols.covers.iter().enumerate() {
                let dx = &mut dx[(r * w + ix) * c..][..c];
                let mut rest = Cover::new(oys, oxs, ow);
                match rest.len() {
                    1 => average_back_taps::<T, 1, true>(rest.take(), f, c, dy, dx),
                    2 => average_back_taps::<T, 2, true>(rest.take(), f, c, dy, dx),
                    4 => average_back_taps::<T, 4, true>(rest.take(), f, c, dy, dx),
                    _ => dx.fill(T::ZERO),
                }
                while rest.len() >= 4 {
                    average_back_taps::<T, 4, false>(rest.take(), f, c, dy, dx);
                }
                while rest.len() > 0 {
                    average_back_taps::<T, 1, false>(rest.take(), f, c, dy, dx);
                }
            }
        }
    }
}

/// Adds the gradients of the windows `taps` to `dx`, which counts as zero if `FIRST`.
#[inline(always)]
fn average_back_taps<T: Real, const N: usize, const FIRST: bool>(
    taps: [usize; N],
    factors: &[T],
    c: usize,
    dy: &[T],
    dx: &mut [T],
) {
    let factors: [T; N] = std::array::from_fn(|t| factors[taps[t]]);
    channel_blocks!(
        c,
        at,
        average_back_block::<T, N, FIRST>(taps, factors, c, at, dy, dx)
    );
}

/// [`average_back_taps`] for `B` channels from `at`.
#[inline(always)]
fn average_back_block<T: Real, const N: usize, const FIRST: bool, const B: usize>(
    taps: [usize; N],
    factors: [T; N],
    c: usize,
    at: usize,
    dy: &[T],
    dx: &mut [T],
) {
    let dy: [&[T; B]; N] = std::array::from_fn(|t| block(dy, taps[t] * c + at));
    let dx = block_mut::<T, B>(dx, at);
    let mut sums = [T::ZERO; B];
    for l in 0..B {
        let mut sum = if FIRST { T::ZERO } else { dx[l] };
        for t in 0..N {
            sum += factors[t] * dy[t][l];
        }
        sums[l] = sum;
    }
    *dx = sums;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    fn pools() -> Vec<Pool> {
        let pool = |hw: [usize; 2], c, kernel, stride, padding| Pool {
            n: 2,
            h: hw[0],
            w: hw[1],
            c,
            kernel,
            stride,
            padding,
        };
        vec![
            pool([6, 4], 3, [2, 2], [2, 2], [0; 4]),
            pool([7, 5], 1, [3, 3], [2, 2], [1; 4]),
            pool([5, 6], 17, [3, 2], [1, 3], [2, 1, 0, 1]),
            pool([4, 5], 2, [4, 5], [1, 1], [2, 3, 3, 0]),
        ]
    }

    /// From the definition, padding and all.
    fn naive(g: &Pool, include: bool, x: &[f64]) -> Vec<f64> {
        let ([oh, ow], [t, l, ..]) = (g.output(), g.padding);
        let mut y = vec![];
        for o in 0..g.n * oh * ow * g.c {
            let (ch, ox, oy) = (o % g.c, o / g.c % ow, o / g.c / ow % oh);
            let picture = o / g.c / ow / oh;
            let (mut sum, mut count) = (0.0, 0.0);
            for py in oy * g.stride[0]..oy * g.stride[0] + g.kernel[0] {
                for px in ox * g.stride[1]..ox * g.stride[1] + g.kernel[1] {
                    if (t..t + g.h).contains(&py) && (l..l + g.w).contains(&px) {
                        sum += x[((picture * g.h + py - t) * g.w + px - l) * g.c + ch];
                        count += 1.0;
                    } else if include {
                        count += 1.0;
                    }
                }
            }
            y.push(sum / count);
        }
        y
    }

    fn naive_adaptive(shape: [usize; 4], out: [usize; 2], x: &[f64]) -> Vec<f64> {
        let [n, h, w, c] = shape;
        let mut y = vec![];
        for o in 0..n * out[0] * out[1] * c {
            let (ch, ox, oy) = (o % c, o / c % out[1], o / c / out[1] % out[0]);
            let picture = o / c / out[1] / out[0];
            let (mut sum, mut count) = (0.0, 0.0);
            for iy in oy * h / out[0]..((oy + 1) * h).div_ceil(out[0]) {
                for ix in ox * w / out[1]..((ox + 1) * w).div_ceil(out[1]) {
                    sum += x[((picture * h + iy) * w + ix) * c + ch];
                    count += 1.0;
                }
            }
            y.push(sum / count);
        }
        y
    }

    /// Values in f64 and f32, and the gradient by differences.
    fn check_all(
        input: usize,
        expected: impl Fn(&[f64]) -> Vec<f64>,
        forward: impl Fn(&[f64], &mut [f64]),
        forward32: impl Fn(&[f32], &mut [f32]),
        backward: impl Fn(&[f64], &mut [f64]),
    ) {
        let mut rng = Rng(1);
        let x: Vec<f64> = rng.normals(input);
        let right = expected(&x);
        let mut y = vec![7.0; right.len()];
        forward(&x, &mut y);
        assert!(error(&y, &right) < 1e-13);
        let narrow: Vec<f32> = x.iter().map(|x| *x as f32).collect();
        let mut y32 = vec![7.0; right.len()];
        forward32(&narrow, &mut y32);
        assert!(error(&y32, &right) < 1e-6);
        let dy: Vec<f64> = rng.normals(right.len());
        let mut dx = vec![7.0; input];
        backward(&dy, &mut dx);
        // Linear: the gradient is exact for any size of step, so one product stands for all elements
        // of large inputs.
        let inner: f64 = dx.iter().zip(&x).map(|(d, x)| d * x).sum();
        let outer: f64 = dy.iter().zip(&right).map(|(d, y)| d * y).sum();
        assert!((inner - outer).abs() < 1e-9 * (1.0 + outer.abs()));
        if input < 1000 {
            check_gradient(&x, &dx, |x| {
                dy.iter().zip(&expected(x)).map(|(d, y)| d * y).sum()
            });
        }
    }

    #[test]
    fn windows_with_and_without_padding() {
        for g in pools() {
            for include in [false, true] {
                check_all(
                    g.n * g.h * g.w * g.c,
                    |x| naive(&g, include, x),
                    |x, y| average_forward(&g, include, x, y),
                    |x, y| average_forward(&g, include, x, y),
                    |dy, dx| average_backward(&g, include, dy, dx),
                );
            }
        }
    }

    #[test]
    fn bins_and_whole_pictures() {
        let small = [
            ([2, 7, 5, 3], [3, 2]),
            ([1, 5, 4, 20], [5, 4]),
            ([2, 3, 2, 2], [5, 7]),
        ];
        let whole = [
            ([3, 7, 5, 1], [1, 1]),
            ([2, 9, 3, 5], [1, 1]),
            ([5, 41, 43, 70], [1, 1]),
        ];
        for (shape, out) in small
            .into_iter()
            .chain(whole)
            .chain([([4, 33, 35, 65], [7, 6])])
        {
            check_all(
                shape.iter().product(),
                |x| naive_adaptive(shape, out, x),
                |x, y| adaptive_forward(shape, out, x, y),
                |x, y| adaptive_forward(shape, out, x, y),
                |dy, dx| adaptive_backward(shape, out, dy, dx),
            );
        }
    }

    #[test]
    fn an_empty_batch_is_fine() {
        for out in [[1, 1], [2, 2]] {
            adaptive_forward::<f32>([0, 4, 4, 3], out, &[], &mut []);
            adaptive_backward::<f32>([0, 4, 4, 3], out, &[], &mut []);
        }
        let g = Pool { n: 0, ..pools()[0] };
        average_forward::<f32>(&g, true, &[], &mut []);
        average_backward::<f32>(&g, true, &[], &mut []);
    }
}
