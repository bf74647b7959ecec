//! Gradients of [`batch_norm`](crate::cpu::batch_norm): normalization, residual addition and ReLU.
//!
//! With `dz` the gradient before the ReLU (`dy` where `y > 0`), `x̂ = (x - mean) / sqrt(variance + eps)`
//! and `n` rows:
//!
//! - `dbeta = Σ dz`, `dgamma = Σ dz x̂`, `dresidual = dz`;
//! - statistics of the batch: `dx = gamma / sqrt(variance + eps) (dz - dbeta / n - x̂ dgamma / n)`;
//! - constant statistics: `dx = gamma / sqrt(variance + eps) dz`.

use crate::cpu::batch_norm_sums::masked;
use crate::cpu::batch_norm_sums::reduce;
use crate::cpu::channel_lanes::Lanes;
use crate::dispatch;
use crate::isa::Target;
use crate::par;
use crate::real::Real;

/// Gradients of [`forward_train`](crate::cpu::batch_norm::forward_train).
///
/// `x`, `y` (its output, read only if `relu`), `dy`, `dx` and `dresidual` are `[rows, c]`; the others
/// are `[c]`. `mean` and `variance` are those that it returned. Two passes: one for the sums (which
/// also writes `dresidual`), one for `dx`.
#[allow(clippy::too_many_arguments)] // operands and results of one fused operation
pub fn backward_train<T: Real>(
    x: &[T],
    y: &[T],
    dy: &[T],
    c: usize,
    gamma: &[T],
    mean: &[T],
    variance: &[T],
    eps: f64,
    relu: bool,
    dx: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
    mut dresidual: Option<&mut [T]>,
) {
    check(x, y, dy, c, relu, dx, dresidual.as_deref());
    check_channels(c, &[gamma, mean, variance, dgamma, dbeta]);
    let lanes = Lanes::new(c);
    let y = relu.then_some(y);
    let centre = lanes.spread(|ch| mean[ch]);
    let sums = reduce(
        x,
        y,
        dy,
        lanes,
        &centre,
        &centre,
        dresidual.as_deref_mut(),
        None,
    );

    let rows = ((x.len() / c) as f64).max(1.0);
    let (mut by_dz, mut by_x, mut constant) =
        (vec![T::ZERO; c], vec![T::ZERO; c], vec![T::ZERO; c]);
    for ch in 0..c {
        let inverse = 1.0 / (variance[ch].wide() + eps).sqrt();
        dbeta[ch] = T::of(sums.dz[ch]);
        dgamma[ch] = T::of(sums.product[ch] * inverse);
        let factor = gamma[ch].wide() * inverse;
        by_dz[ch] = T::of(factor);
        by_x[ch] = T::of(-factor * inverse * inverse * sums.product[ch] / rows);
        constant[ch] = T::of(-factor * sums.dz[ch] / rows);
    }
    let [by_dz, by_x, constant] = [by_dz, by_x, constant].map(|v| lanes.spread(|ch| v[ch]));
    // What has become dresidual is dz: one stream to read where y and dy would be two.
    let (y, dz) = match &dresidual {
        Some(dz) => (None, &**dz),
        None => (y, dy),
    };
    par::split_mut(dx, c, par::pieces(x.len()), |first, dx| {
        let range = first * c..first * c + dx.len();
        let y = y.map(|y| &y[range.clone()]);
        distribute(
            &x[range.clone()],
            y,
            &dz[range],
            &centre,
            &by_dz,
            &by_x,
            &constant,
            dx,
        );
    });
}

/// Gradients of a normalization whose statistics are constants, in one pass.
///
/// Arguments as for [`backward_train`], with `mean` and `variance` the running statistics.
#[allow(clippy::too_many_arguments)] // operands and results of one fused operation
pub fn backward_frozen<T: Real>(
    x: &[T],
    y: &[T],
    dy: &[T],
    c: usize,
    gamma: &[T],
    mean: &[T],
    variance: &[T],
    eps: f64,
    relu: bool,
    dx: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
    dresidual: Option<&mut [T]>,
) {
    check(x, y, dy, c, relu, dx, dresidual.as_deref());
    check_channels(c, &[gamma, mean, variance, dgamma, dbeta]);
    let lanes = Lanes::new(c);
    let inverse: Vec<f64> = variance
        .iter()
        .map(|v| 1.0 / (v.wide() + eps).sqrt())
        .collect();
    let centre = lanes.spread(|ch| mean[ch]);
    let factor = lanes.spread(|ch| T::of(gamma[ch].wide() * inverse[ch]));
    let y = relu.then_some(y);
    let sums = reduce(x, y, dy, lanes, &centre, &factor, dresidual, Some(dx));
    for ch in 0..c {
        dbeta[ch] = T::of(sums.dz[ch]);
        dgamma[ch] = T::of(sums.product[ch] * inverse[ch]);
    }
}

fn check<T>(x: &[T], y: &[T], dy: &[T], c: usize, relu: bool, dx: &[T], dresidual: Option<&[T]>) {
    let n = x.len();
    assert!(c > 0, "batch norm: at least one channel");
    assert!(
        n.is_multiple_of(c),
        "batch norm: x is not whole rows of {c} channels"
    );
    assert!(
        dy.len() == n && dx.len() == n,
        "batch norm: dy and dx must be as long as x"
    );
    assert!(!relu || y.len() == n, "batch norm: y must be as long as x");
    assert!(
        dresidual.is_none_or(|d| d.len() == n),
        "batch norm: dresidual must be as long as x"
    );
}

fn check_channels<T>(c: usize, channels: &[&[T]]) {
    assert!(
        channels.iter().all(|v| v.len() == c),
        "batch norm: what belongs to channels must have {c} elements"
    );
}

dispatch! {
    /// The second pass on one thread: `dx = by_dz dz + by_x (x - centre) + constant`, where `dz` is
    /// masked by `y` if that is given. The factors are for lanes.
    #[allow(clippy::too_many_arguments)] // operands of one fused operation
    fn distribute<T>(
        x: &[T],
        y: Option<&[T]>,
        dz: &[T],
        centre: &[T],
        by_dz: &[T],
        by_x: &[T],
        constant: &[T],
        dx: &mut [T],
    ) {
        let width = centre.len();
        let output = y.unwrap_or(x);
        let rows = dx.chunks_mut(width).zip(x.chunks(width));
        for ((dx, x), (row, dz)) in rows.zip(output.chunks(width).zip(dz.chunks(width))) {
            if y.is_some() {
                distribute_row::<T, I, true>(x, row, dz, centre, by_dz, by_x, constant, dx);
            } else {
                distribute_row::<T, I, false>(x, row, dz, centre, by_dz, by_x, constant, dx);
            }
        }
    }
}

/// One wide row, perhaps cut short at the end.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // operands of one fused operation
fn distribute_row<T: Real, I: Target, const RELU: bool>(
    x: &[T],
    y: &[T],
    dz: &[T],
    centre: &[T],
    by_dz: &[T],
    by_x: &[T],
    constant: &[T],
    dx: &mut [T],
) {
    let n = dx.len();
    let (x, y, dz) = (&x[..n], &y[..n], &dz[..n]);
    let (centre, by_dz, by_x, constant) = (&centre[..n], &by_dz[..n], &by_x[..n], &constant[..n]);
    for i in 0..n {
        let d = if RELU { masked(y[i], dz[i]) } else { dz[i] };
        let rest = (x[i] - centre[i]).fma::<I>(by_x[i], constant[i]);
        dx[i] = d.fma::<I>(by_dz[i], rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::batch_norm::{fold, forward_train, infer};
    use crate::cpu::testing::{Rng, check_gradient, error};

    struct Grads<T> {
        dx: Vec<T>,
        dgamma: Vec<T>,
        dbeta: Vec<T>,
        dresidual: Vec<T>,
    }

    /// Operands: x, residual, dy, gamma, beta.
    fn operands(rows: usize, c: usize, seed: u64) -> [Vec<f64>; 5] {
        let mut rng = Rng(seed);
        [rows * c, rows * c, rows * c, c, c].map(|n| rng.normals(n))
    }

    fn narrow(v: &[f64]) -> Vec<f32> {
        v.iter().map(|v| *v as f32).collect()
    }

    fn forward<T: Real>(o: [&[T]; 4], c: usize, residual: bool, relu: bool) -> [Vec<T>; 3] {
        let [x, r, gamma, beta] = o;
        let (mut y, mut mean, mut var) = (vec![T::ONE; x.len()], vec![T::ONE; c], vec![T::ONE; c]);
        let r = residual.then_some(r);
        forward_train(
            x, c, gamma, beta, 1e-5, r, relu, &mut y, &mut mean, &mut var,
        );
        [y, mean, var]
    }

    fn train<T: Real>(o: [&[T]; 5], c: usize, residual: bool, relu: bool) -> Grads<T> {
        let [x, r, dy, gamma, beta] = o;
        let [y, mean, var] = forward([x, r, gamma, beta], c, residual, relu);
        let garbage = |n: usize| vec![T::of(7.0); n];
        let (mut dx, mut dgamma, mut dbeta) = (garbage(x.len()), garbage(c), garbage(c));
        let mut dresidual = garbage(x.len());
        let dr = residual.then_some(&mut dresidual[..]);
        backward_train(
            x,
            &y,
            dy,
            c,
            gamma,
            &mean,
            &var,
            1e-5,
            relu,
            &mut dx,
            &mut dgamma,
            &mut dbeta,
            dr,
        );
        Grads {
            dx,
            dgamma,
            dbeta,
            dresidual,
        }
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn gradients_with_batch_statistics_match_differences() {
        for (rows, c) in [(7, 1), (5, 3), (9, 16), (6, 37)] {
            for (residual, relu) in [(false, false), (false, true), (true, false), (true, true)] {
                let o = operands(rows, c, 11);
                let [x, r, dy, gamma, beta] = [0, 1, 2, 3, 4].map(|i| &o[i][..]);
                let g = train([x, r, dy, gamma, beta], c, residual, relu);
                let loss = |o: [&[f64]; 4]| dot(&forward(o, c, residual, relu)[0], dy);
                check_gradient(x, &g.dx, |x| loss([x, r, gamma, beta]));
                check_gradient(gamma, &g.dgamma, |gamma| loss([x, r, gamma, beta]));
                check_gradient(beta, &g.dbeta, |beta| loss([x, r, gamma, beta]));
                if residual {
                    check_gradient(r, &g.dresidual, |r| loss([x, r, gamma, beta]));
                }
            }
        }
    }

    #[test]
    fn gradients_with_constant_statistics_match_differences() {
        for (rows, c) in [(7, 1), (5, 3), (6, 37)] {
            for (residual, relu) in [(false, false), (false, true), (true, false), (true, true)] {
                let o = operands(rows, c, 12);
                let [x, r, dy, gamma, beta] = [0, 1, 2, 3, 4].map(|i| &o[i][..]);
                let mut rng = Rng(13);
                let mean: Vec<f64> = rng.normals(c);
                let var: Vec<f64> = (0..c).map(|_| 0.5 + rng.uniform()).collect();
                let apply = |o: [&[f64]; 4]| {
                    let (scale, shift) = fold(o[2], o[3], &mean, &var, 1e-5);
                    let mut y = vec![5.0; o[0].len()];
                    infer(
                        o[0],
                        c,
                        &scale,
                        &shift,
                        residual.then_some(o[1]),
                        relu,
                        &mut y,
                    );
                    y
                };
                let y = apply([x, r, gamma, beta]);
                let (mut dx, mut dr) = (vec![7.0; x.len()], vec![7.0; x.len()]);
                let (mut dgamma, mut dbeta) = (vec![7.0; c], vec![7.0; c]);
                let out = residual.then_some(&mut dr[..]);
                backward_frozen(
                    x,
                    &y,
                    dy,
                    c,
                    gamma,
                    &mean,
                    &var,
                    1e-5,
                    relu,
                    &mut dx,
                    &mut dgamma,
                    &mut dbeta,
                    out,
                );
                let loss = |o: [&[f64]; 4]| dot(&apply(o), dy);
                check_gradient(x, &dx, |x| loss([x, r, gamma, beta]));
                check_gradient(gamma, &dgamma, |gamma| loss([x, r, gamma, beta]));
                check_gradient(beta, &dbeta, |beta| loss([x, r, gamma, beta]));
                if residual {
                    check_gradient(r, &dr, |r| loss([x, r, gamma, beta]));
                }
            }
        }
    }

    #[test]
    fn single_precision_is_close_on_large_and_odd_shapes_and_repeats() {
        // Several chunks, a tail, and several threads.
        for (rows, c) in [(100_003, 1), (40_001, 3), (3001, 64), (700, 257)] {
            let o = operands(rows, c, 14);
            let n = o.each_ref().map(|v| narrow(v));
            let wide = n
                .each_ref()
                .map(|v| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>());
            let exact = train(wide.each_ref().map(|v| &v[..]), c, true, false);
            let close = train(n.each_ref().map(|v| &v[..]), c, true, false);
            let again = train(n.each_ref().map(|v| &v[..]), c, true, false);
            assert!(error(&close.dx, &exact.dx) < 2e-6);
            assert!(error(&close.dgamma, &exact.dgamma) < 1e-5);
            assert!(error(&close.dbeta, &exact.dbeta) < 1e-5);
            assert!(close.dresidual == n[2]);
            assert!(close.dx == again.dx && close.dgamma == again.dgamma);
        }
    }

    #[test]
    fn no_rows_give_no_gradient() {
        let g = train::<f32>([&[], &[], &[], &[1.0; 5], &[0.0; 5]], 5, true, true);
        assert_eq!((g.dgamma, g.dbeta), (vec![0.0; 5], vec![0.0; 5]));
    }
}
