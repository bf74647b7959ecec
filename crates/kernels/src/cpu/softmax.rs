//! Softmax and its logarithm over rows `[rows, c]`, forwards and backwards.

use crate::cpu::math::Math;
use crate::cpu::rows::{LANES, join, largest, padded, reduce2, rows_each, run, sum};
use crate::dispatch_math;
use crate::isa::Target;

/// Writes `e^(x - shift)` to `y` and returns the sum.
#[inline(always)]
pub(crate) fn exp_sum<T: Math, I: Target>(x: &[T], shift: T, y: &mut [T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (xs, x_tail) = x.as_chunks::<LANES>();
    let (ys, y_tail) = y.as_chunks_mut::<LANES>();
    for (x, y) in xs.iter().zip(ys) {
        let mut chunk = *x;
        for v in &mut chunk {
            *v = (*v - shift).exp::<I>();
        }
        for (lane, v) in lanes.iter_mut().zip(&chunk) {
            *lane += *v;
        }
        *y = chunk;
    }
    if !x_tail.is_empty() {
        // A row of fewer elements than lanes costs as much as one full chunk.
        let mut chunk = padded(x_tail, T::NEG_INFINITY);
        for (lane, v) in lanes.iter_mut().zip(&mut chunk) {
            *v = (*v - shift).exp::<I>();
            *lane += *v;
        }
        y_tail.copy_from_slice(&chunk[..y_tail.len()]);
    }
    join(lanes, |a, b| a + b)
}

dispatch_math! {
    fn softmax_rows<T: Math>(x: &[T], y: &mut [T], c: usize) {
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
            let scale = T::ONE / exp_sum::<T, I>(x, largest(x), y);
            for y in y {
                *y *= scale;
            }
        }
    }
}

dispatch_math! {
    fn softmax_slopes<T: Math>(y: &[T], dy: &[T], dx: &mut [T], c: usize) {
        let rows = y.chunks_exact(c).zip(dy.chunks_exact(c)).zip(dx.chunks_exact_mut(c));
        for ((y, dy), dx) in rows {
            let dot = reduce2(y, dy, |acc, y, d| y.fma::<I>(d, acc));
            for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = *y * (*dy - dot);
            }
        }
    }
}

dispatch_math! {
    fn log_softmax_rows<T: Math>(x: &[T], y: &mut [T], c: usize) {
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
            let shift = largest(x);
            let log = T::of(exp_sum::<T, I>(x, shift, y).wide().ln());
            for (y, x) in y.iter_mut().zip(x) {
                // Two subtractions: their sum would round away the logarithm of a large offset.
                *y = (*x - shift) - log;
            }
        }
    }
}

dispatch_math! {
    fn log_softmax_slopes<T: Math>(y: &[T], dy: &[T], dx: &mut [T], c: usize) {
        let rows = y.chunks_exact(c).zip(dy.chunks_exact(c)).zip(dx.chunks_exact_mut(c));
        for ((y, dy), dx) in rows {
            let total = -sum(dy);
            for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = y.exp::<I>().fma::<I>(total, *dy);
            }
        }
    }
}

/// Shares the rows of a forward pass.
fn forward<T: Math>(x: &[T], c: usize, y: &mut [T], f: fn(&[T], &mut [T], usize)) {
    assert!(
        c > 0 && x.len().is_multiple_of(c),
        "softmax: x is not whole rows"
    );
    assert_eq!(x.len(), y.len(), "softmax: x and y differ in length");
    let part = rows_each(x.len() / c, c) * c;
    let jobs = y.chunks_mut(part).zip(x.chunks(part)).collect();
    run(jobs, |_, (y, x)| f(x, y, c));
}

/// Shares the rows of a backward pass.
fn backward<T: Math>(
    y: &[T],
    dy: &[T],
    c: usize,
    dx: &mut [T],
    f: fn(&[T], &[T], &mut [T], usize),
) {
    assert!(
        c > 0 && y.len().is_multiple_of(c),
        "softmax: y is not whole rows"
    );
    assert_eq!(y.len(), dy.len(), "softmax: y and dy differ in length");
    assert_eq!(y.len(), dx.len(), "softmax: y and dx differ in length");
    let part = rows_each(y.len() / c, c) * c;
    let jobs = dx
        .chunks_mut(part)
        .zip(y.chunks(part))
        .zip(dy.chunks(part))
        .collect();
    run(jobs, |_, ((dx, y), dy)| f(y, dy, dx, c));
}

/// `y = e^(x - max x) / Σ e^(x - max x)` for every row of `c` elements. An element of -∞ gets 0; a
/// row of nothing else gets NaN.
pub fn softmax_forward<T: Math>(x: &[T], c: usize, y: &mut [T]) {
    forward(x, c, y, softmax_rows);
}

/// Backwards through [`softmax_forward`]: `dx = y (dy - Σ y dy)`.
pub fn softmax_backward<T: Math>(y: &[T], dy: &[T], c: usize, dx: &mut [T]) {
    backward(y, dy, c, dx, softmax_slopes);
}

/// `y = x - max x - ln Σ e^(x - max x)` for every row of `c` elements.
pub fn log_softmax_forward<T: Math>(x: &[T], c: usize, y: &mut [T]) {
    forward(x, c, y, log_softmax_rows);
}

/// Backwards through [`log_softmax_forward`]: `dx = dy - e^y Σ dy`.
pub fn log_softmax_backward<T: Math>(y: &[T], dy: &[T], c: usize, dx: &mut [T]) {
    backward(y, dy, c, dx, log_softmax_slopes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    const SHAPES: [(usize, usize); 8] = [
        (0, 3),
        (1, 1),
        (3, 2),
        (4, 31),
        (2, 32),
        (3, 33),
        (5, 1000),
        (150, 400),
    ];

    /// The definition, in f64.
    fn naive(x: &[f64], c: usize, log: bool) -> Vec<f64> {
        let mut y = Vec::new();
        for row in x.chunks(c) {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = row.iter().map(|v| (v - most).exp()).sum();
            y.extend(row.iter().map(|v| match log {
                true => v - most - total.ln(),
                false => (v - most).exp() / total,
            }));
        }
        y
    }

    #[test]
    fn forward_against_definition() {
        for (rows, c) in SHAPES {
            let mut rng = Rng(c as u64);
            let x: Vec<f32> = (0..rows * c)
                .map(|_| (rng.normal() * 5.0 + 50.0) as f32)
                .collect();
            let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            let mut y = vec![f32::NAN; rows * c];
            softmax_forward(&x, c, &mut y);
            assert!(error(&y, &naive(&wide, c, false)) < 1e-6);
            y.fill(f32::NAN);
            log_softmax_forward(&x, c, &mut y);
            assert!(error(&y, &naive(&wide, c, true)) < 1e-6);
            let again = y.clone();
            log_softmax_forward(&x, c, &mut y);
            assert_eq!(y, again);
        }
    }

    #[test]
    fn gradients() {
        for (rows, c) in [(3, 2), (2, 35), (2, 1)] {
            let x: Vec<f64> = Rng(1).normals(rows * c);
            let dy: Vec<f64> = Rng(2).normals(rows * c);
            let narrow = |v: &[f64]| -> Vec<f32> { v.iter().map(|v| *v as f32).collect() };
            for log in [false, true] {
                let y = naive(&x, c, log);
                let (mut dx, mut small) = (vec![f64::NAN; rows * c], vec![f32::NAN; rows * c]);
                if log {
                    log_softmax_backward(&y, &dy, c, &mut dx);
                    log_softmax_backward(&narrow(&y), &narrow(&dy), c, &mut small);
                } else {
                    softmax_backward(&y, &dy, c, &mut dx);
                    softmax_backward(&narrow(&y), &narrow(&dy), c, &mut small);
                }
                check_gradient(&x, &dx, |x| {
                    naive(x, c, log).iter().zip(&dy).map(|(y, d)| y * d).sum()
                });
                if c > 1 {
                    assert!(error(&small, &dx) < 1e-6);
                }
            }
        }
    }

    #[test]
    fn masked_and_extreme() {
        let mut y = [f32::NAN; 4];
        softmax_forward(
            &[f32::NEG_INFINITY, 1e30, f32::NEG_INFINITY, 1e30],
            4,
            &mut y,
        );
        assert_eq!(y, [0.0, 0.5, 0.0, 0.5]);
        softmax_forward(&[f32::NEG_INFINITY; 4], 4, &mut y);
        assert!(y.iter().all(|v| v.is_nan()));
        softmax_forward(&[1.0, f32::NAN, 2.0, 3.0], 4, &mut y);
        assert!(y.iter().all(|v| v.is_nan()));
    }
}
