//! Averages of whole pictures `[n, size, c]`, `size` pixels each.

use crate::cpu::channel_lanes::Lanes;
use crate::dispatch;
use crate::par;
use crate::real::Real;

/// Average over all pixels: `x` `[n, size, c]`, `y` `[n, c]`.
pub fn global_forward<T: Real>([n, size, c]: [usize; 3], x: &[T], y: &mut [T]) {
    assert!(size > 0 && c > 0, "pool: an empty picture has no average");
    assert!(x.len() == n * size * c, "pool: x must be [n, size, c]");
    assert!(y.len() == n * c, "pool: y must be [n, c]");
    par::split_mut(y, c, par::pieces(x.len()), |first, y| {
        global_part(size, c, &x[first * size * c..], y);
    });
}

/// Gradient of [`global_forward`]; all of `dx` is written.
pub fn global_backward<T: Real>([n, size, c]: [usize; 3], dy: &[T], dx: &mut [T]) {
    assert!(size > 0 && c > 0, "pool: an empty picture has no average");
    assert!(dx.len() == n * size * c, "pool: dx must be [n, size, c]");
    assert!(dy.len() == n * c, "pool: dy must be [n, c]");
    let factor = T::of(1.0 / size as f64);
    let lanes = Lanes::new(c);
    par::split_mut(dx, size * c, par::pieces(dx.len()), |first, dx| {
        for (i, dx) in dx.chunks_exact_mut(size * c).enumerate() {
            let dy = &dy[(first + i) * c..][..c];
            let row = lanes.spread(|ch| dy[ch] * factor);
            for dx in dx.chunks_mut(lanes.width) {
                dx.copy_from_slice(&row[..dx.len()]);
            }
        }
    });
}

dispatch! {
    /// Averages of whole pictures of `size` pixels, one for each `c` elements of `y`.
    fn global_part<T>(size: usize, c: usize, x: &[T], y: &mut [T]) {
        let lanes = Lanes::new(c);
        let width = lanes.width;
        let mut sum = vec![T::ZERO; width];
        let mut wide = vec![0.0; width];
        let mut total = vec![0.0; c];
        for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(size * c)) {
            sum.fill(T::ZERO);
            let mut blocks = x.chunks_exact(4 * width);
            for block in blocks.by_ref() {
                let (ab, cd) = block.split_at(2 * width);
                let ((a, b), (c, d)) = (ab.split_at(width), cd.split_at(width));
                for ((((sum, a), b), c), d) in sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *sum += (*a + *b) + (*c + *d);
                }
            }
            for row in blocks.remainder().chunks(width) {
                for (sum, x) in sum.iter_mut().zip(row) {
                    *sum += *x;
                }
            }
            for (wide, sum) in wide.iter_mut().zip(&sum) {
                *wide = sum.wide();
            }
            total.fill(0.0);
            lanes.collect(&wide, &mut total);
            for (y, total) in y.iter_mut().zip(&total) {
                *y = T::of(total / size as f64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};

    #[test]
    fn averages_match_and_repeat() {
        let mut rng = Rng(1);
        for [n, size, c] in [
            [3, 1, 1],
            [2, 50_176, 3],
            [4, 49, 130],
            [1, 7, 2100],
            [0, 4, 5],
        ] {
            let x: Vec<f32> = rng.normals(n * size * c);
            let mut exact = vec![0.0f64; n * c];
            for (i, x) in x.iter().enumerate() {
                exact[i / (size * c) * c + i % c] += f64::from(*x) / size as f64;
            }
            let (mut y, mut again) = (vec![7.0; n * c], vec![8.0; n * c]);
            global_forward([n, size, c], &x, &mut y);
            global_forward([n, size, c], &x, &mut again);
            let off = y.iter().zip(&exact).map(|(a, b)| (f64::from(*a) - b).abs());
            assert!(off.fold(0.0, f64::max) < 5e-7 && y == again);
            let (mut dx, expected) = (vec![7.0; x.len()], |i: usize| {
                f64::from(y[i / (size * c) * c + i % c]) / size as f64
            });
            global_backward([n, size, c], &y, &mut dx);
            let expected: Vec<f64> = (0..x.len()).map(expected).collect();
            assert!(error(&dx, &expected) < 2e-7);
        }
    }
}
