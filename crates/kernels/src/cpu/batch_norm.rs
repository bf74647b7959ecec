//! Batch normalization fused with a residual addition and ReLU: statistics, forward and inference.
//!
//! On rows `[rows, c]` (a picture `[n, h, w, c]` has `n * h * w` rows), for every channel
//!
//! `y = act(gamma (x - mean) / sqrt(variance + eps) + beta + residual)`
//!
//! with `act` either ReLU or nothing (Ioffe and Szegedy, *Batch Normalization*, 2015). The gradients
//! are in [`batch_norm_backward`](crate::cpu::batch_norm_backward).

use crate::cpu::batch_norm_statistics::statistics;
use crate::cpu::channel_lanes::Lanes;
use crate::dispatch;
use crate::isa::Target;
use crate::par;
use crate::real::Real;

/// Normalizes with the statistics of the batch, and returns them.
///
/// `x`, `residual` and `y` are `[rows, c]`; `gamma`, `beta`, `mean` and `variance` are `[c]`. The
/// variance is the biased one (divided by `rows`); keeping running statistics is up to the caller.
/// For no rows both statistics are 0. `x` is read twice: once for the statistics, once for `y`.
#[allow(clippy::too_many_arguments)] // operands and results of one fused operation
pub fn forward_train<T: Real>(
    x: &[T],
    c: usize,
    gamma: &[T],
    beta: &[T],
    eps: f64,
    residual: Option<&[T]>,
    relu: bool,
    y: &mut [T],
    mean: &mut [T],
    variance: &mut [T],
) {
    check(x, c, &[gamma, beta, mean, variance], residual, y);
    let lanes = Lanes::new(c);
    let total = statistics(x, lanes);
    let mut shift = Vec::with_capacity(c);
    let mut scale = Vec::with_capacity(c);
    for ch in 0..c {
        let (exact, var) = (total.mean[ch], total.variance(ch));
        mean[ch] = T::of(exact);
        variance[ch] = T::of(var);
        let factor = gamma[ch].wide() / (var + eps).sqrt();
        scale.push(T::of(factor));
        // What rounding takes from the mean goes into the shift: with a mean of 1000 and a
        // deviation of 1 it would otherwise be the largest error of y.
        shift.push(T::of(beta[ch].wide() + (mean[ch].wide() - exact) * factor));
    }
    normalize(x, lanes, mean, &scale, &shift, residual, relu, y);
}

/// Normalizes with constants: `y = act(scale x + shift + residual)`.
///
/// `x`, `residual` and `y` are `[rows, c]`; `scale` and `shift` are `[c]`, as from [`fold`].
pub fn infer<T: Real>(
    x: &[T],
    c: usize,
    scale: &[T],
    shift: &[T],
    residual: Option<&[T]>,
    relu: bool,
    y: &mut [T],
) {
    check(x, c, &[scale, shift], residual, y);
    let zero = vec![T::ZERO; c];
    normalize(x, Lanes::new(c), &zero, scale, shift, residual, relu, y);
}

/// Scale and shift of a normalization whose statistics are constants, all `[c]`:
/// `scale = gamma / sqrt(variance + eps)` and `shift = beta - scale * mean`.
pub fn fold<T: Real>(
    gamma: &[T],
    beta: &[T],
    running_mean: &[T],
    running_var: &[T],
    eps: f64,
) -> (Vec<T>, Vec<T>) {
    let c = gamma.len();
    assert!(
        [beta, running_mean, running_var]
            .iter()
            .all(|v| v.len() == c),
        "batch norm: gamma, beta and the running statistics differ in length"
    );
    (0..c)
        .map(|ch| {
            let scale = gamma[ch].wide() / (running_var[ch].wide() + eps).sqrt();
            let shift = beta[ch].wide() - scale * running_mean[ch].wide();
            (T::of(scale), T::of(shift))
        })
        .unzip()
}

fn check<T>(x: &[T], c: usize, channels: &[&[T]], residual: Option<&[T]>, y: &[T]) {
    assert!(c > 0, "batch norm: at least one channel");
    assert!(
        x.len().is_multiple_of(c),
        "batch norm: x is not whole rows of {c} channels"
    );
    assert!(x.len() == y.len(), "batch norm: y must be as long as x");
    assert!(
        residual.is_none_or(|r| r.len() == x.len()),
        "batch norm: the residual must be as long as x"
    );
    assert!(
        channels.iter().all(|v| v.len() == c),
        "batch norm: what belongs to channels must have {c} elements"
    );
}

/// `y = act(scale (x - centre) + shift + residual)` on all threads.
#[allow(clippy::too_many_arguments)] // operands of one fused operation
fn normalize<T: Real>(
    x: &[T],
    lanes: Lanes,
    centre: &[T],
    scale: &[T],
    shift: &[T],
    residual: Option<&[T]>,
    relu: bool,
    y: &mut [T],
) {
    let c = lanes.c;
    let [centre, scale, shift] = [centre, scale, shift].map(|v| lanes.spread(|ch| v[ch]));
    par::split_mut(y, c, par::pieces(x.len()), |first, y| {
        let range = first * c..first * c + y.len();
        let residual = residual.map(|r| &r[range.clone()]);
        apply(&x[range], &centre, &scale, &shift, residual, relu, y);
    });
}

dispatch! {
    /// [`normalize`] on one thread; `centre`, `scale` and `shift` are for lanes.
    fn apply<T>(
        x: &[T],
        centre: &[T],
        scale: &[T],
        shift: &[T],
        residual: Option<&[T]>,
        relu: bool,
        y: &mut [T],
    ) {
        let width = centre.len();
        let other = residual.unwrap_or(x);
        let rows = y.chunks_mut(width).zip(x.chunks(width)).zip(other.chunks(width));
        for ((y, x), other) in rows {
            match (residual.is_some(), relu) {
                (false, false) => apply_row::<T, I, false, false>(x, centre, scale, shift, other, y),
                (false, true) => apply_row::<T, I, false, true>(x, centre, scale, shift, other, y),
                (true, false) => apply_row::<T, I, true, false>(x, centre, scale, shift, other, y),
                (true, true) => apply_row::<T, I, true, true>(x, centre, scale, shift, other, y),
            }
        }
    }
}

/// One wide row, perhaps cut short at the end.
#[inline(always)]
fn apply_row<T: Real, I: Target, const ADD: bool, const RELU: bool>(
    x: &[T],
    centre: &[T],
    scale: &[T],
    shift: &[T],
    other: &[T],
    y: &mut [T],
) {
    let n = y.len();
    let (x, other) = (&x[..n], &other[..n]);
    let (centre, scale, shift) = (&centre[..n], &scale[..n], &shift[..n]);
    for i in 0..n {
        let mut v = (x[i] - centre[i]).fma::<I>(scale[i], shift[i]);
        if ADD {
            v += other[i];
        }
        // In this order NaN stays NaN.
        y[i] = if RELU { T::ZERO.larger(v) } else { v };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};

    /// y, mean and variance in f64, in two passes.
    fn naive(
        x: &[f64],
        c: usize,
        gamma: &[f64],
        beta: &[f64],
        r: &[f64],
        relu: bool,
    ) -> [Vec<f64>; 3] {
        let rows = (x.len() / c) as f64;
        let column = |ch: usize| x.iter().skip(ch).step_by(c);
        let mean: Vec<f64> = (0..c).map(|ch| column(ch).sum::<f64>() / rows).collect();
        let variance: Vec<f64> = (0..c)
            .map(|ch| column(ch).map(|v| (v - mean[ch]).powi(2)).sum::<f64>() / rows)
            .collect();
        let y = x
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let ch = i % c;
                let xhat = (x - mean[ch]) / (variance[ch] + 1e-5).sqrt();
                let v = gamma[ch] * xhat + beta[ch] + r.get(i).unwrap_or(&0.0);
                if relu { v.max(0.0) } else { v }
            })
            .collect();
        [y, mean, variance]
    }

    fn widen(v: &[f32]) -> Vec<f64> {
        v.iter().map(|v| f64::from(*v)).collect()
    }

    fn run(
        x: &[f32],
        c: usize,
        seed: u64,
        residual: bool,
        relu: bool,
    ) -> ([Vec<f32>; 3], [Vec<f64>; 3]) {
        let mut rng = Rng(seed);
        let (gamma, beta): (Vec<f32>, Vec<f32>) = (rng.normals(c), rng.normals(c));
        let r: Vec<f32> = rng.normals(if residual { x.len() } else { 0 });
        let (mut y, mut mean, mut var) = (vec![7.0; x.len()], vec![7.0; c], vec![7.0; c]);
        let option = residual.then_some(&r[..]);
        forward_train(
            x, c, &gamma, &beta, 1e-5, option, relu, &mut y, &mut mean, &mut var,
        );
        let exact = naive(
            &widen(x),
            c,
            &widen(&gamma),
            &widen(&beta),
            &widen(&r),
            relu,
        );
        ([y, mean, var], exact)
    }

    #[test]
    fn matches_the_definition_on_odd_shapes() {
        let mut rng = Rng(1);
        let shapes = [
            (2, 1),
            (9, 1),
            (1000, 1),
            (70_001, 1),
            (5, 3),
            (30_011, 3),
            (77, 16),
        ];
        for (rows, c) in shapes
            .into_iter()
            .chain([(3, 33), (2050, 64), (65, 257), (9, 5003)])
        {
            let x: Vec<f32> = rng.normals(rows * c);
            for (residual, relu) in [(false, false), (false, true), (true, false), (true, true)] {
                let ([y, mean, var], exact) = run(&x, c, 2, residual, relu);
                assert!(error(&y, &exact[0]) < 2e-6, "y of [{rows}, {c}]");
                let off = mean
                    .iter()
                    .zip(&exact[1])
                    .map(|(a, b)| (f64::from(*a) - b).abs());
                assert!(off.fold(0.0, f64::max) < 1e-6, "mean of [{rows}, {c}]");
                assert!(error(&var, &exact[2]) < 2e-6, "variance of [{rows}, {c}]");
            }
        }
    }

    #[test]
    fn a_large_mean_costs_no_accuracy() {
        let mut rng = Rng(3);
        for (rows, c) in [(100_000, 1), (50_000, 3), (4096, 64)] {
            let x: Vec<f32> = (0..rows * c)
                .map(|_| (1000.0 + rng.normal()) as f32)
                .collect();
            let ([y, mean, var], exact) = run(&x, c, 4, false, false);
            assert!(error(&y, &exact[0]) < 2e-6, "{}", error(&y, &exact[0]));
            assert!(error(&mean, &exact[1]) < 1e-7);
            assert!(error(&var, &exact[2]) < 2e-6, "{}", error(&var, &exact[2]));
        }
    }

    #[test]
    fn outliers_at_the_start_and_steps_cost_no_accuracy() {
        let mut rng = Rng(5);
        for c in [1, 3, 64] {
            let x: Vec<f32> = (0..90_000 * c)
                .map(|i| {
                    let level = if i < 300 {
                        0.0
                    } else {
                        1000.0 + 500.0 * (i / 200_000) as f64
                    };
                    (level + rng.normal()) as f32
                })
                .collect();
            let ([_, mean, var], exact) = run(&x, c, 6, false, false);
            assert!(error(&mean, &exact[1]) < 1e-6);
            assert!(error(&var, &exact[2]) < 1e-5, "{}", error(&var, &exact[2]));
        }
    }

    #[test]
    fn folded_constants_give_the_same() {
        let mut rng = Rng(7);
        for (rows, c) in [(11, 1), (130, 3), (40, 70)] {
            let (x, r): (Vec<f64>, Vec<f64>) = (rng.normals(rows * c), rng.normals(rows * c));
            let (gamma, beta): (Vec<f64>, Vec<f64>) = (rng.normals(c), rng.normals(c));
            let [expected, mean, var] = naive(&x, c, &gamma, &beta, &r, true);
            let (scale, shift) = fold(&gamma, &beta, &mean, &var, 1e-5);
            let mut y = vec![7.0; x.len()];
            infer(&x, c, &scale, &shift, Some(&r), true, &mut y);
            assert!(error(&y, &expected) < 1e-12);
        }
    }

    #[test]
    fn no_rows_one_row_and_nan() {
        let ([y, mean, var], _) = run(&[], 4, 8, true, true);
        assert_eq!((y.len(), mean, var), (0, vec![0.0; 4], vec![0.0; 4]));
        let ([_, mean, var], _) = run(&[1.0, 2.0, 3.0], 3, 8, false, false);
        assert_eq!((mean, var), (vec![1.0, 2.0, 3.0], vec![0.0; 3]));
        let mut x = vec![1.0; 2 * 5000];
        x[6] = f32::NAN;
        let ([y, mean, var], _) = run(&x, 2, 8, false, true);
        assert!(mean[0].is_nan() && var[0].is_nan() && y[4000].is_nan());
        assert!(mean[1] == 1.0 && var[1] == 0.0 && !y[4001].is_nan());
    }

    #[test]
    fn results_repeat() {
        let x: Vec<f32> = Rng(9).normals(300_000);
        let (a, b) = (run(&x, 3, 10, true, true).0, run(&x, 3, 10, true, true).0);
        assert!(a == b);
    }
}
