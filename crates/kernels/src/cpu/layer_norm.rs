//! Layer normalization (Ba, Kiros and Hinton 2016) and root-mean-square normalization (Zhang and
//! Sennrich 2019) of rows `[rows, c]`, fused with the residual connection around them.
//!
//! `y = gamma (x - mean) / √(var + eps) + beta`, with the biased variance; the root-mean-square form
//! leaves out the mean and `beta`.

use crate::cpu::norm_rows::{Backward, Forward, backward_rows, forward_rows};
use crate::cpu::rows::{add_parts, cut, rows_each, run};
use crate::real::Real;

/// Both normalizations forwards, shared by the threads.
fn forward<T: Real>(job: Forward<T>, gamma: &[T], beta: Option<&[T]>, eps: f64) {
    let (c, len) = (gamma.len(), job.x.len());
    assert!(
        c > 0 && len.is_multiple_of(c),
        "norm: x is not whole rows of gamma's length"
    );
    let rows = len / c;
    assert_eq!(job.y.len(), len, "norm: x and y differ in length");
    assert_eq!(
        job.inv_std.len(),
        rows,
        "norm: inv_std needs one element for a row"
    );
    assert!(
        beta.is_none_or(|b| b.len() == c),
        "norm: gamma and beta differ in length"
    );
    assert!(
        job.residual.is_none_or(|r| r.len() == len),
        "norm: residual and x differ in length"
    );
    assert!(
        job.sum.as_ref().is_none_or(|s| s.len() == len),
        "norm: sum and x differ in length"
    );
    let means = job.mean.as_ref().map_or(rows, |m| m.len());
    assert_eq!(means, rows, "norm: mean needs one element for a row");

    let each = rows_each(rows, c);
    let jobs = job
        .y
        .chunks_mut(each * c)
        .zip(cut(job.sum, each * c))
        .zip(cut(job.mean, each))
        .zip(job.inv_std.chunks_mut(each))
        .collect();
    run(jobs, |i, (((y, sum), mean), inv_std)| {
        let range = i * each * c..i * each * c + y.len();
        let x = &job.x[range.clone()];
        let residual = job.residual.map(|r| &r[range]);
        let part = Forward {
            x,
            residual,
            sum,
            y,
            mean,
            inv_std,
        };
        forward_rows(part, gamma, beta, T::of(eps));
    });
}

/// Both normalizations backwards, shared by the threads; the gradients of the parameters are summed
/// over the threads in order.
fn backward<T: Real>(job: Backward<T>, gamma: &[T], dgamma: &mut [T], mut dbeta: Option<&mut [T]>) {
    let (c, len) = (gamma.len(), job.x.len());
    assert!(
        c > 0 && len.is_multiple_of(c),
        "norm: x is not whole rows of gamma's length"
    );
    let rows = len / c;
    assert_eq!(job.dy.len(), len, "norm: x and dy differ in length");
    assert_eq!(job.dx.len(), len, "norm: x and dx differ in length");
    assert_eq!(
        job.inv_std.len(),
        rows,
        "norm: inv_std needs one element for a row"
    );
    assert!(
        job.mean.is_none_or(|m| m.len() == rows),
        "norm: mean needs one element for a row"
    );
    assert!(
        job.extra.is_none_or(|e| e.len() == len),
        "norm: extra and x differ in length"
    );
    assert_eq!(dgamma.len(), c, "norm: gamma and dgamma differ in length");
    assert!(
        dbeta.as_ref().is_none_or(|b| b.len() == c),
        "norm: gamma and dbeta differ in length"
    );

    let each = rows_each(rows, c);
    let jobs = job.dx.chunks_mut(each * c).collect();
    let wanted = dbeta.is_some();
    let parts = run(jobs, |i, dx: &mut [T]| {
        let range = i * each * c..i * each * c + dx.len();
        let own = i * each..i * each + dx.len() / c;
        let part = Backward {
            x: &job.x[range.clone()],
            dy: &job.dy[range.clone()],
            mean: job.mean.map(|m| &m[own.clone()]),
            inv_std: &job.inv_std[own],
            extra: job.extra.map(|e| &e[range]),
            dx,
        };
        let (mut dgamma, mut dbeta) = (vec![T::ZERO; c], vec![T::ZERO; c]);
        backward_rows(part, gamma, &mut dgamma, wanted.then_some(&mut dbeta[..]));
        (dgamma, dbeta)
    });
    let (gammas, betas): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    add_parts(&gammas, dgamma);
    if let Some(dbeta) = &mut dbeta {
        add_parts(&betas, dbeta);
    }
}

/// Layer normalization of rows `[rows, c]`.
///
/// `residual` is added to `x` first; the sum, which goes on as the residual stream and is what the
/// backward pass takes as `x`, is written to `sum`. `mean` and `inv_std` (`1 / √(var + eps)`) get one
/// element for a row.
#[allow(clippy::too_many_arguments)] // all of them are tensors of one operation
pub fn layer_norm_forward<T: Real>(
    x: &[T],
    c: usize,
    gamma: &[T],
    beta: &[T],
    eps: f64,
    residual: Option<&[T]>,
    sum: Option<&mut [T]>,
    y: &mut [T],
    mean: &mut [T],
    inv_std: &mut [T],
) {
    assert_eq!(gamma.len(), c, "norm: gamma needs c elements");
    let job = Forward {
        x,
        residual,
        sum,
        y,
        mean: Some(mean),
        inv_std,
    };
    forward(job, gamma, Some(beta), eps);
}

/// Backwards through [`layer_norm_forward`]: with `x̂ = (x - mean) inv_std` and `g = dy gamma`,
/// `dx = inv_std (g - mean(g) - x̂ mean(g x̂)) + extra`, `dgamma = Σ dy x̂`, `dbeta = Σ dy`.
///
/// `x` is what was normalized (the sum, if there was a residual); `extra` is the gradient that
/// arrives at it along the residual stream. `dx` is also the gradient of the residual.
#[allow(clippy::too_many_arguments)] // all of them are tensors of one operation
pub fn layer_norm_backward<T: Real>(
    x: &[T],
    c: usize,
    gamma: &[T],
    mean: &[T],
    inv_std: &[T],
    dy: &[T],
    extra: Option<&[T]>,
    dx: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
) {
    assert_eq!(gamma.len(), c, "norm: gamma needs c elements");
    let job = Backward {
        x,
        dy,
        mean: Some(mean),
        inv_std,
        extra,
        dx,
    };
    backward(job, gamma, dgamma, Some(dbeta));
}

/// Root-mean-square normalization `y = gamma x / √(mean(x²) + eps)` of rows `[rows, c]`; arguments as
/// in [`layer_norm_forward`].
#[allow(clippy::too_many_arguments)] // all of them are tensors of one operation
pub fn rms_norm_forward<T: Real>(
    x: &[T],
    c: usize,
    gamma: &[T],
    eps: f64,
    residual: Option<&[T]>,
    sum: Option<&mut [T]>,
    y: &mut [T],
    inv_std: &mut [T],
) {
    assert_eq!(gamma.len(), c, "norm: gamma needs c elements");
    let job = Forward {
        x,
        residual,
        sum,
        y,
        mean: None,
        inv_std,
    };
    forward(job, gamma, None, eps);
}

/// Backwards through [`rms_norm_forward`]; arguments as in [`layer_norm_backward`].
#[allow(clippy::too_many_arguments)] // all of them are tensors of one operation
pub fn rms_norm_backward<T: Real>(
    x: &[T],
    c: usize,
    gamma: &[T],
    inv_std: &[T],
    dy: &[T],
    extra: Option<&[T]>,
    dx: &mut [T],
    dgamma: &mut [T],
) {
    assert_eq!(gamma.len(), c, "norm: gamma needs c elements");
    let job = Backward {
        x,
        dy,
        mean: None,
        inv_std,
        extra,
        dx,
    };
    backward(job, gamma, dgamma, None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    const EPS: f64 = 1e-5;
    const SHAPES: [(usize, usize); 7] = [
        (0, 4),
        (1, 1),
        (3, 5),
        (2, 32),
        (4, 33),
        (7, 100),
        (300, 256),
    ];

    /// The definition, in f64.
    fn naive(x: &[f64], gamma: &[f64], beta: Option<&[f64]>) -> Vec<f64> {
        let c = gamma.len();
        let mut y = Vec::new();
        for row in x.chunks(c) {
            let mean = if beta.is_some() {
                row.iter().sum::<f64>() / c as f64
            } else {
                0.0
            };
            let var = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / c as f64;
            for (j, v) in row.iter().enumerate() {
                y.push((v - mean) / (var + EPS).sqrt() * gamma[j] + beta.map_or(0.0, |b| b[j]));
            }
        }
        y
    }

    /// Inputs of one type: x, residual, gamma, beta, dy, extra.
    fn inputs<T: Real>(rows: usize, c: usize) -> [Vec<T>; 6] {
        let mut rng = Rng((rows * 1000 + c) as u64);
        [rows * c, rows * c, c, c, rows * c, rows * c].map(|n| rng.normals(n))
    }

    /// Everything that both passes write: sum, y, dx, dgamma, dbeta.
    fn both<T: Real>(c: usize, data: &[Vec<T>; 6], centred: bool) -> [Vec<T>; 5] {
        let [x, residual, gamma, beta, dy, extra] = data;
        let rows = x.len() / c;
        let bad = T::of(f64::NAN);
        let [mut sum, mut y, mut dx] = [(); 3].map(|()| vec![bad; x.len()]);
        let [mut mean, mut inv_std] = [(); 2].map(|()| vec![bad; rows]);
        let (mut dgamma, mut dbeta) = (vec![bad; c], vec![T::ZERO; c]);
        let (residual, total, extra) = (Some(&residual[..]), Some(&mut sum[..]), Some(&extra[..]));
        if centred {
            layer_norm_forward(
                x,
                c,
                gamma,
                beta,
                EPS,
                residual,
                total,
                &mut y,
                &mut mean,
                &mut inv_std,
            );
            layer_norm_backward(
                &sum,
                c,
                gamma,
                &mean,
                &inv_std,
                dy,
                extra,
                &mut dx,
                &mut dgamma,
                &mut dbeta,
            );
        } else {
            rms_norm_forward(x, c, gamma, EPS, residual, total, &mut y, &mut inv_std);
            rms_norm_backward(&sum, c, gamma, &inv_std, dy, extra, &mut dx, &mut dgamma);
        }
        [sum, y, dx, dgamma, dbeta]
    }

    #[test]
    fn against_definition() {
        for (rows, c) in SHAPES {
            for centred in [true, false] {
                let data = inputs::<f32>(rows, c);
                let wide = data
                    .each_ref()
                    .map(|v| v.iter().map(|v| f64::from(*v)).collect());
                let [_, y, dx, dgamma, dbeta] = both(c, &data, centred);
                let [sum, wide_y, wide_dx, wide_dgamma, wide_dbeta] = both(c, &wide, centred);
                let exact = naive(&sum, &wide[2], centred.then_some(&wide[3][..]));
                assert!(error(&wide_y, &exact) < 1e-12);
                // A single channel centres to 0, where only the absolute error is small.
                assert!(error(&y, &exact) < 1e-5);
                if c > 1 {
                    assert!(error(&dx, &wide_dx) < 1e-5);
                    assert!(error(&dgamma, &wide_dgamma) < 1e-5);
                    assert!(error(&dbeta, &wide_dbeta) < 1e-5);
                }
            }
        }
    }

    #[test]
    fn gradients() {
        for (rows, c) in [(3, 5), (2, 37), (3, 1)] {
            for centred in [true, false] {
                let data = inputs::<f64>(rows, c);
                let [sum, _, dx, dgamma, dbeta] = both(c, &data, centred);
                let [_, _, gamma, beta, dy, extra] = &data;
                let loss = |sum: &[f64], gamma: &[f64], beta: &[f64]| -> f64 {
                    let y = naive(sum, gamma, centred.then_some(beta));
                    let out: f64 = y.iter().zip(dy).map(|(y, d)| y * d).sum();
                    out + sum.iter().zip(extra).map(|(s, e)| s * e).sum::<f64>()
                };
                check_gradient(&sum, &dx, |v| loss(v, gamma, beta));
                check_gradient(gamma, &dgamma, |v| loss(&sum, v, beta));
                check_gradient(beta, &dbeta, |v| loss(&sum, gamma, v));
            }
        }
    }

    #[test]
    fn optional_arguments_change_nothing_else() {
        let c = 40;
        let [x, residual, gamma, beta, dy, _] = inputs::<f32>(6, c);
        let sum: Vec<f32> = x.iter().zip(&residual).map(|(a, b)| a + b).collect();
        let run = |x: &[f32], residual: Option<&[f32]>, total: Option<&mut [f32]>| {
            let (mut y, mut mean, mut inv) = (vec![f32::NAN; x.len()], vec![0.0; 6], vec![0.0; 6]);
            layer_norm_forward(
                x, c, &gamma, &beta, EPS, residual, total, &mut y, &mut mean, &mut inv,
            );
            (y, mean, inv)
        };
        let expected = run(&sum, None, None);
        let mut total = vec![f32::NAN; x.len()];
        assert_eq!(run(&x, Some(&residual), Some(&mut total)), expected);
        assert_eq!(total, sum);
        assert_eq!(run(&x, Some(&residual), None), expected);
        total.fill(f32::NAN);
        assert_eq!(run(&sum, None, Some(&mut total)), expected);
        assert_eq!(total, sum);

        let (_, mean, inv) = expected;
        let grads = |extra: Option<&[f32]>| {
            let (mut dx, mut dg, mut db) = (vec![f32::NAN; x.len()], vec![0.0; c], vec![0.0; c]);
            layer_norm_backward(
                &sum, c, &gamma, &mean, &inv, &dy, extra, &mut dx, &mut dg, &mut db,
            );
            (dx, dg, db)
        };
        assert_eq!(grads(None), grads(Some(&vec![0.0; x.len()])));
    }

    #[test]
    fn large_offset_and_repeatability() {
        // A variance from E[x²] - E[x]² would be lost in rounding.
        let x: Vec<f32> = Rng(9).normals::<f32>(64).iter().map(|v| v + 1e4).collect();
        let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        let (mut y, mut mean, mut inv) = (vec![0.0; 64], vec![0.0], vec![0.0]);
        let (one, zero) = (vec![1.0; 64], vec![0.0; 64]);
        layer_norm_forward(
            &x, 64, &one, &zero, EPS, None, None, &mut y, &mut mean, &mut inv,
        );
        assert!(error(&y, &naive(&wide, &[1.0; 64], Some(&[0.0; 64]))) < 1e-3);

        let data = inputs::<f32>(1000, 96);
        assert_eq!(both(96, &data, true), both(96, &data, true));
    }
}
