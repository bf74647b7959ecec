//! What row-wise kernels share: pieces for threads, and reductions over one row.

use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// Independent accumulators of a reduction: float additions are not reordered by the compiler, so
/// fewer would wait for each other.
pub(crate) const LANES: usize = 32;

/// Rows in each piece when `rows` rows of `c` elements are shared by the threads.
pub(crate) fn rows_each(rows: usize, c: usize) -> usize {
    rows.div_ceil(par::pieces(rows * c)).max(1)
}

/// Calls `f(index, job)` for every job, on several threads if there are several, and returns the
/// results in order.
pub(crate) fn run<J: Send, R: Send>(jobs: Vec<J>, f: impl Fn(usize, J) -> R + Sync) -> Vec<R> {
    if jobs.len() <= 1 {
        return jobs
            .into_iter()
            .enumerate()
            .map(|(i, job)| f(i, job))
            .collect();
    }
    jobs.into_par_iter()
        .enumerate()
        .map(|(i, job)| f(i, job))
        .collect()
}

/// Cuts an optional slice into parts of `each` elements; `None` for every part without a slice.
pub(crate) fn cut<T>(
    data: Option<&mut [T]>,
    each: usize,
) -> impl Iterator<Item = Option<&mut [T]>> {
    let (slice, missing) = match data {
        Some(slice) => (slice, false),
        None => (&mut [] as &mut [T], true),
    };
    slice
        .chunks_mut(each)
        .map(Some)
        .chain(std::iter::repeat_with(|| None).take_while(move |_| missing))
}

/// Adds `parts` to each other in order and writes the sums to `total`.
pub(crate) fn add_parts<T: Real>(parts: &[Vec<T>], total: &mut [T]) {
    total.fill(T::ZERO);
    for part in parts {
        for (t, p) in total.iter_mut().zip(part) {
            *t += *p;
        }
    }
}

/// Joins the lanes by halving.
#[inline(always)]
pub(crate) fn join<T: Real>(lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut half = [T::ZERO; LANES / 2];
    let (low, high) = lanes.split_at(LANES / 2);
    for ((half, a), b) in half.iter_mut().zip(low).zip(high) {
        *half = f(*a, *b);
    }
    // Without the barrier the compiler vectorizes the loop before to suit the last pairs below: two
    // lanes to a register.
    let mut lanes = *std::hint::black_box(&half);
    let mut width = LANES / 4;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// `x` filled up with `pad` to a whole chunk.
#[inline(always)]
pub(crate) fn padded<T: Real>(x: &[T], pad: T) -> [T; LANES] {
    let mut full = [pad; LANES];
    full[..x.len()].copy_from_slice(x);
    full
}

/// Reduces `x`: lanes start at `start`, take elements by `step` and are joined by `f`. `pad` is an
/// element that changes nothing.
///
/// The closures must be small: the compiler decides whether they are inlined.
#[inline(always)]
pub(crate) fn reduce<T: Real>(
    x: &[T],
    start: T,
    pad: T,
    step: impl Fn(T, T) -> T,
    f: impl Fn(T, T) -> T,
) -> T {
    let mut lanes = [start; LANES];
    let (chunks, tail) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, *v);
        }
    }
    if !tail.is_empty() {
        let chunk = padded(tail, pad);
        for (lane, v) in lanes.iter_mut().zip(&chunk) {
            *lane = step(*lane, *v);
        }
    }
    join(lanes, f)
}

/// [`reduce`] to a sum over two slices of one length; `step` adds what belongs to a pair, and pairs
/// of zeros must add nothing.
#[inline(always)]
pub(crate) fn reduce2<T: Real>(a: &[T], b: &[T], step: impl Fn(T, T, T) -> T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (a, a_tail) = a.as_chunks::<LANES>();
    let (b, b_tail) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = step(*lane, *a, *b);
        }
    }
    if !a_tail.is_empty() {
        let (a, b) = (padded(a_tail, T::ZERO), padded(b_tail, T::ZERO));
        for ((lane, a), b) in lanes.iter_mut().zip(&a).zip(&b) {
            *lane = step(*lane, *a, *b);
        }
    }
    join(lanes, |a, b| a + b)
}

/// Σ x.
#[inline(always)]
pub(crate) fn sum<T: Real>(x: &[T]) -> T {
    reduce(x, T::ZERO, T::ZERO, |a, v| a + v, |a, b| a + b)
}

/// The largest element; -∞ of an empty slice.
#[inline(always)]
pub(crate) fn largest<T: Real>(x: &[T]) -> T {
    let least = T::NEG_INFINITY;
    reduce(x, least, least, |a, v| a.larger(v), |a, b| a.larger(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};

    #[test]
    fn reductions() {
        for n in [0, 1, 31, 32, 33, 64, 1000] {
            let x: Vec<f32> = Rng(n as u64).normals(n);
            let y: Vec<f32> = Rng(n as u64 + 1).normals(n);
            let exact: f64 = x.iter().map(|v| f64::from(*v)).sum();
            assert!((f64::from(sum(&x)) - exact).abs() < 1e-4);
            let dot = reduce2(&x, &y, |acc, a, b| acc + a * b);
            let exact: f64 = x.iter().zip(&y).map(|(a, b)| f64::from(a * b)).sum();
            assert!((f64::from(dot) - exact).abs() < 1e-4);
            let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(&x), most);
        }
    }

    #[test]
    fn pieces() {
        let mut data = [1, 2, 3, 4, 5];
        let parts: Vec<_> = cut(Some(&mut data[..]), 2)
            .map(|p| p.unwrap().len())
            .collect();
        assert_eq!(parts, [2, 2, 1]);
        assert!(cut::<f32>(None, 2).take(3).all(|p| p.is_none()));
        assert_eq!(run(vec![5, 6, 7], |i, j| i * 10 + j), [5, 16, 27]);
        let mut total = [f32::NAN; 2];
        add_parts(&[vec![1.0, 2.0], vec![3.0, 4.0]], &mut total);
        assert_eq!(error(&total, &[4.0f32, 6.0]), 0.0);
    }
}
