//! Max pooling on channels-last pictures `[n, h, w, c]`.

use crate::cpu::pool::{Axis, Cover, Pool, Span, block, block_mut, channel_blocks};
use crate::dispatch;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// Max pooling: `y` `[n, oh, ow, c]` is the largest element of every window and `index` its position
/// `iy * w + ix` in its picture.
///
/// Of equal elements the first in the order of rows wins, and NaN beats every number, as in PyTorch.
pub fn max_forward<T: Real>(g: &Pool, x: &[T], y: &mut [T], index: &mut [u32]) {
    let [oh, ow] = g.output();
    let out = g.n * oh * ow * g.c;
    assert!(
        x.len() == g.n * g.h * g.w * g.c,
        "max pool: x must be [n, h, w, c]"
    );
    assert!(
        y.len() == out && index.len() == out,
        "max pool: y and index must be [n, oh, ow, c]"
    );
    assert!(
        u32::try_from(g.h * g.w).is_ok(),
        "max pool: the picture is too large for the index"
    );
    if out == 0 {
        return;
    }
    let axes = g.axes();
    let (rows, unit) = (g.n * oh, ow * g.c);
    let each = rows.div_ceil(par::pieces(x.len()));
    let part = |i: usize, y: &mut [T], index: &mut [u32]| {
        max_rows(g, &axes, i * each, x, y, index);
    };
    if each == rows {
        return part(0, y, index);
    }
    y.par_chunks_mut(each * unit)
        .zip(index.par_chunks_mut(each * unit))
        .enumerate()
        .for_each(|(i, (y, index))| part(i, y, index));
}

dispatch! {
    /// Output rows from `first` on, counted over all pictures.
    fn max_rows<T>(g: &Pool, axes: &[Axis; 2], first: usize, x: &[T], y: &mut [T], index: &mut [u32]) {
        let (c, size) = (g.c, g.h * g.w * g.c);
        let [oh, ow] = [axes[0].windows.len(), axes[1].windows.len()];
        // Slices are cut from the arguments by index: through iterators the compiler loses that they
        // do not overlap, and does not vectorize.
        for r in 0..y.len() / (ow * c) {
            let (picture, oy) = ((first + r) / oh, (first + r) % oh);
            let x = &x[picture * size..][..size];
            let ys = axes[0].windows[oy];
            for (ox, &xs) in axes[1].windows.iter().enumerate() {
                let at = (r * ow + ox) * c;
                max_window(g.w, c, ys, xs, x, &mut y[at..at + c], &mut index[at..at + c]);
            }
        }
    }
}

/// One window, all channels.
#[inline(always)]
fn max_window<T: Real>(
    w: usize,
    c: usize,
    ys: Span,
    xs: Span,
    x: &[T],
    y: &mut [T],
    index: &mut [u32],
) {
    let corner = ys.0 * w + xs.0;
    match (ys.1 - ys.0, xs.1 - xs.0) {
        (2, 2) => max_taps::<T, 4, true>(rectangle::<4, 2>(corner, w), c, x, y, index),
        (2, 3) => max_taps::<T, 6, true>(rectangle::<6, 3>(corner, w), c, x, y, index),
        (3, 2) => max_taps::<T, 6, true>(rectangle::<6, 2>(corner, w), c, x, y, index),
        (3, 3) => max_taps::<T, 9, true>(rectangle::<9, 3>(corner, w), c, x, y, index),
        (height, width) => {
            max_taps::<T, 1, true>([corner], c, x, y, index);
            for row in (0..height).map(|r| corner + r * w) {
                for first in (0..width).step_by(4) {
                    // The last position may come twice, which changes nothing.
                    let taps = std::array::from_fn(|t| row + (first + t).min(width - 1));
                    max_taps::<T, 4, false>(taps, c, x, y, index);
                }
            }
        }
    }
}

/// Positions of a window of `N / W` rows and `W` columns, in order.
#[inline(always)]
fn rectangle<const N: usize, const W: usize>(corner: usize, w: usize) -> [usize; N] {
    std::array::from_fn(|t| corner + t / W * w + t % W)
}

/// The largest of the elements at `taps`, and if not `FIRST` of what `y` and `index` hold already.
#[inline(always)]
fn max_taps<T: Real, const N: usize, const FIRST: bool>(
    taps: [usize; N],
    c: usize,
    x: &[T],
    y: &mut [T],
    index: &mut [u32],
) {
    channel_blocks!(c, at, max_block::<T, N, FIRST>(taps, c, at, x, y, index));
}

/// [`max_taps`] for `B` channels from `at`.
#[inline(always)]
fn max_block<T: Real, const N: usize, const FIRST: bool, const B: usize>(
    taps: [usize; N],
    c: usize,
    at: usize,
    x: &[T],
    y: &mut [T],
    index: &mut [u32],
) {
    let rows: [&[T; B]; N] = std::array::from_fn(|t| block(x, taps[t] * c + at));
    let (y, index) = (block_mut::<T, B>(y, at), block_mut::<u32, B>(index, at));
    // Local results, which cannot overlap the input: the loop vectorizes without a check.
    let (mut bests, mut winners) = ([T::ZERO; B], [0; B]);
    for l in 0..B {
        let (mut best, mut winner) = if FIRST {
            (rows[0][l], taps[0] as u32)
        } else {
            (y[l], index[l])
        };
        for t in usize::from(FIRST)..N {
            let v = rows[t][l];
            #[allow(clippy::eq_op)] // NaN
            let take = (v > best) | (v != v);
            best = if take { v } else { best };
            winner = if take { taps[t] as u32 } else { winner };
        }
        bests[l] = best;
        winners[l] = winner;
    }
    *y = bests;
    *index = winners;
}

/// Gradient of [`max_forward`]: `dy` `[n, oh, ow, c]` goes to the positions in `index`; all of `dx`
/// `[n, h, w, c]` is written.
pub fn max_backward<T: Real>(g: &Pool, index: &[u32], dy: &[T], dx: &mut [T]) {
    let [oh, ow] = g.output();
    let out = g.n * oh * ow * g.c;
    assert!(
        dx.len() == g.n * g.h * g.w * g.c,
        "max pool: dx must be [n, h, w, c]"
    );
    assert!(
        dy.len() == out && index.len() == out,
        "max pool: dy and index must be [n, oh, ow, c]"
    );
    if dx.is_empty() {
        return;
    }
    let axes = g.axes();
    par::split_mut(dx, g.w * g.c, par::pieces(dx.len()), |first, dx| {
        max_back_rows(g, &axes, first, index, dy, dx);
    });
}

dispatch! {
    /// Input rows from `first` on, counted over all pictures.
    fn max_back_rows<T>(
        g: &Pool,
        axes: &[Axis; 2],
        first: usize,
        index: &[u32],
        dy: &[T],
        dx: &mut [T],
    ) {
        let c = g.c;
        let [oh, ow] = [axes[0].windows.len(), axes[1].windows.len()];
        let size = oh * ow * c;
        for r in 0..dx.len() / (g.w * c) {
            let (picture, iy) = ((first + r) / g.h, (first + r) % g.h);
            let dy = &dy[picture * size..][..size];
            let index = &index[picture * size..][..size];
            let oys = axes[0].covers[iy];
            for (ix, &oxs) in axes[1].covers.iter().enumerate() {
                let own = (iy * g.w + ix) as u32;
                let dx = &mut dx[(r * g.w + ix) * c..][..c];
                let mut rest = Cover::new(oys, oxs, ow);
                match rest.len() {
                    1 => max_back_taps::<T, 1, true>(own, rest.take(), c, index, dy, dx),
                    2 => max_back_taps::<T, 2, true>(own, rest.take(), c, index, dy, dx),
                    4 => max_back_taps::<T, 4, true>(own, rest.take(), c, index, dy, dx),
                    _ => dx.fill(T::ZERO),
                }
                while rest.len() >= 4 {
                    max_back_taps::<T, 4, false>(own, rest.take(), c, index, dy, dx);
                }
                while rest.len() > 0 {
                    max_back_taps::<T, 1, false>(own, rest.take(), c, index, dy, dx);
                }
            }
        }
    }
}

/// Adds the gradients of the windows `taps` that position `own` has won to `dx`, which counts as zero
/// if `FIRST`.
#[inline(always)]
fn max_back_taps<T: Real, const N: usize, const FIRST: bool>(
    own: u32,
    taps: [usize; N],
    c: usize,
    index: &[u32],
    dy: &[T],
    dx: &mut [T],
) {
    channel_blocks!(
        c,
        at,
        max_back_block::<T, N, FIRST>(own, taps, c, at, index, dy, dx)
    );
}

/// [`max_back_taps`] for `B` channels from `at`.
#[inline(always)]
fn max_back_block<T: Real, const N: usize, const FIRST: bool, const B: usize>(
    own: u32,
    taps: [usize; N],
    c: usize,
    at: usize,
    index: &[u32],
    dy: &[T],
    dx: &mut [T],
) {
    let index: [&[u32; B]; N] = std::array::from_fn(|t| block(index, taps[t] * c + at));
    let dy: [&[T; B]; N] = std::array::from_fn(|t| block(dy, taps[t] * c + at));
    let dx = block_mut::<T, B>(dx, at);
    let mut sums = [T::ZERO; B];
    for l in 0..B {
        let mut sum = if FIRST { T::ZERO } else { dx[l] };
        for t in 0..N {
            // A branch would be mispredicted at every fourth element of 2x2 windows.
            sum += dy[t][l].kept_if(index[t][l] == own);
        }
        sums[l] = sum;
    }
    *dx = sums;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    const fn pool(
        n: usize,
        hw: [usize; 2],
        c: usize,
        k: usize,
        s: usize,
        padding: [usize; 4],
    ) -> Pool {
        Pool {
            n,
            h: hw[0],
            w: hw[1],
            c,
            kernel: [k, k],
            stride: [s, s],
            padding,
        }
    }

    fn shapes() -> Vec<Pool> {
        let mut uneven = pool(2, [9, 7], 5, 3, 2, [1, 0, 2, 1]);
        uneven.kernel = [4, 6];
        uneven.padding = [3, 5, 0, 2];
        vec![
            pool(2, [6, 8], 64, 2, 2, [0; 4]),
            pool(3, [7, 5], 1, 2, 2, [0; 4]),
            pool(2, [9, 11], 17, 3, 2, [1; 4]),
            pool(1, [5, 5], 83, 3, 1, [1; 4]),
            pool(2, [7, 7], 3, 1, 3, [0; 4]),
            pool(1, [12, 13], 2, 5, 1, [2; 4]),
            pool(8, [33, 31], 33, 3, 2, [1, 0, 1, 2]),
            uneven,
        ]
    }

    fn forward<T: Real>(g: &Pool, x: &[T]) -> (Vec<T>, Vec<u32>) {
        let [oh, ow] = g.output();
        let out = g.n * oh * ow * g.c;
        let (mut y, mut index) = (vec![T::of(7.0); out], vec![u32::MAX; out]);
        max_forward(g, x, &mut y, &mut index);
        (y, index)
    }

    /// As PyTorch's loop is written.
    fn naive<T: Real>(g: &Pool, x: &[T]) -> (Vec<T>, Vec<u32>) {
        let ([oh, ow], [t, l, ..]) = (g.output(), g.padding);
        let (mut y, mut index) = (vec![], vec![]);
        for o in 0..g.n * oh * ow * g.c {
            let (ch, ox, oy) = (o % g.c, o / g.c % ow, o / g.c / ow % oh);
            let picture = o / g.c / ow / oh;
            let (mut best, mut winner) = (T::NEG_INFINITY, None);
            for iy in
                (oy * g.stride[0]..oy * g.stride[0] + g.kernel[0]).filter_map(|i| i.checked_sub(t))
            {
                for ix in (ox * g.stride[1]..ox * g.stride[1] + g.kernel[1])
                    .filter_map(|i| i.checked_sub(l))
                {
                    if iy < g.h && ix < g.w {
                        let v = x[((picture * g.h + iy) * g.w + ix) * g.c + ch];
                        winner = winner.or(Some(iy * g.w + ix));
                        if v > best || v.wide().is_nan() {
                            (best, winner) = (v, Some(iy * g.w + ix));
                        }
                    }
                }
            }
            y.push(best);
            index.push(winner.expect("no window is empty") as u32);
        }
        (y, index)
    }

    #[test]
    fn largest_and_index_match_with_ties_infinities_and_nan() {
        let mut rng = Rng(1);
        for g in shapes() {
            let n = g.n * g.h * g.w * g.c;
            let ties: Vec<f32> = (0..n).map(|_| rng.below(3) as f32).collect();
            let odd = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -1.0, 2.0];
            let special: Vec<f32> = (0..n).map(|_| odd[rng.below(5)]).collect();
            for x in [rng.normals(n), ties, special, vec![f32::NEG_INFINITY; n]] {
                let ((y, index), (ys, indices)) = (forward(&g, &x), naive(&g, &x));
                assert!(index == indices, "{g:?}");
                assert!(
                    y.iter()
                        .zip(&ys)
                        .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
                );
            }
        }
    }

    #[test]
    fn gradient_goes_to_the_winners() {
        let mut rng = Rng(2);
        for g in shapes() {
            let n = g.n * g.h * g.w * g.c;
            let x: Vec<f32> = (0..n).map(|_| rng.below(4) as f32).collect();
            let (y, index) = forward(&g, &x);
            let dy: Vec<f32> = rng.normals(y.len());
            let mut expected = vec![0.0f64; n];
            let each = y.len() / g.n;
            for (o, (index, dy)) in index.iter().zip(&dy).enumerate() {
                let pixel = o / each * g.h * g.w + *index as usize;
                expected[pixel * g.c + o % g.c] += f64::from(*dy);
            }
            let mut dx = vec![7.0; n];
            max_backward(&g, &index, &dy, &mut dx);
            assert!(error(&dx, &expected) < 1e-6, "{g:?}");
            let mut again = vec![9.0; n];
            max_backward(&g, &index, &dy, &mut again);
            assert!(dx == again);
        }
    }

    #[test]
    fn gradient_matches_differences() {
        let g = pool(1, [5, 6], 2, 3, 2, [1; 4]);
        let mut rng = Rng(3);
        let x: Vec<f64> = rng.normals(60);
        let (y, index) = forward(&g, &x);
        let dy: Vec<f64> = rng.normals(y.len());
        let mut dx = vec![7.0; x.len()];
        max_backward(&g, &index, &dy, &mut dx);
        check_gradient(&x, &dx, |x| {
            forward(&g, x).0.iter().zip(&dy).map(|(a, b)| a * b).sum()
        });
    }

    #[test]
    fn an_empty_batch_is_fine() {
        let g = pool(0, [4, 4], 3, 2, 2, [0; 4]);
        let (_, index) = forward::<f32>(&g, &[]);
        max_backward::<f32>(&g, &index, &[], &mut []);
    }
}
