//! Layer and root-mean-square normalization of the rows of one thread.
//!
//! A row is read from memory once and stays in the first cache for the exact two-pass variance.

use crate::cpu::rows::{LANES, join, reduce, sum};
use crate::dispatch_math;
use crate::real::Real;

/// What a thread normalizes.
pub(crate) struct Forward<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) residual: Option<&'a [T]>,
    pub(crate) sum: Option<&'a mut [T]>,
    pub(crate) y: &'a mut [T],
    pub(crate) mean: Option<&'a mut [T]>,
    pub(crate) inv_std: &'a mut [T],
}

/// What a thread takes backwards.
pub(crate) struct Backward<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) mean: Option<&'a [T]>,
    pub(crate) inv_std: &'a [T],
    pub(crate) extra: Option<&'a [T]>,
    pub(crate) dx: &'a mut [T],
}

dispatch_math! {
    /// Normalizes rows; `gamma` gives their length. Without a `mean` slice the rows are not centred.
    pub(crate) fn forward_rows<T: Real>(job: Forward<'_, T>, gamma: &[T], beta: Option<&[T]>, eps: T) {
        let Forward { x, residual, sum: mut total, y, mut mean, inv_std } = job;
        let c = gamma.len();
        let share = T::ONE / T::of(c as f64);
        // Holds the sum of a row where nobody wants it.
        let mut spare = vec![T::ZERO; if residual.is_some() && total.is_none() { c } else { 0 }];
        for (i, y) in y.chunks_exact_mut(c).enumerate() {
            let range = i * c..(i + 1) * c;
            let mut row = &x[range.clone()];
            if let Some(residual) = residual {
                let out = match &mut total {
                    Some(total) => &mut total[range.clone()],
                    None => &mut spare[..],
                };
                for ((o, a), b) in out.iter_mut().zip(row).zip(&residual[range]) {
                    *o = *a + *b;
                }
                row = out;
            } else if let Some(total) = &mut total {
                total[range].copy_from_slice(row);
            }
            let centre = match &mut mean {
                Some(mean) => {
                    mean[i] = sum(row) * share;
                    mean[i]
                }
                None => T::ZERO,
            };
            let squares = reduce(
                row,
                T::ZERO,
                centre,
                |acc, v| (v - centre).fma::<I>(v - centre, acc),
                |a, b| a + b,
            );
            let scale = T::ONE / (squares * share + eps).sqrt();
            inv_std[i] = scale;
            match beta {
                Some(beta) => {
                    for (((y, v), g), b) in y.iter_mut().zip(row).zip(gamma).zip(beta) {
                        *y = ((*v - centre) * scale).fma::<I>(*g, *b);
                    }
                }
                None => {
                    for ((y, v), g) in y.iter_mut().zip(row).zip(gamma) {
                        *y = (*v - centre) * scale * *g;
                    }
                }
            }
        }
    }
}

dispatch_math! {
    /// Takes rows backwards and adds to `dgamma` and `dbeta`.
    pub(crate) fn backward_rows<T: Real>(
        job: Backward<'_, T>,
        gamma: &[T],
        dgamma: &mut [T],
        dbeta: Option<&mut [T]>,
    ) {
        let Backward { x, dy, mean, inv_std, extra, dx } = job;
        let c = gamma.len();
        let share = T::ONE / T::of(c as f64);
        // Without a mean, dbeta is not wanted, but one loop for both is simpler and no slower.
        let mut spare = Vec::new();
        let dbeta = match dbeta {
            Some(dbeta) => dbeta,
            None => {
                spare.resize(c, T::ZERO);
                &mut spare[..]
            }
        };
        for (i, dx) in dx.chunks_exact_mut(c).enumerate() {
            let range = i * c..(i + 1) * c;
            let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
            let (centre, scale) = (mean.map_or(T::ZERO, |m| m[i]), inv_std[i]);

            // The sums of g and g x̂, where g = dy gamma is the gradient of x̂.
            let (mut sums, mut dots) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            let (xs, x_tail) = x.as_chunks::<LANES>();
            let (ds, d_tail) = dy.as_chunks::<LANES>();
            let (gs, g_tail) = gamma.as_chunks::<LANES>();
            let (dgs, dg_tail) = dgamma.as_chunks_mut::<LANES>();
            let (dbs, db_tail) = dbeta.as_chunks_mut::<LANES>();
            for ((((x, d), g), dg), db) in xs.iter().zip(ds).zip(gs).zip(dgs).zip(dbs) {
                // Copies, so that the stores cannot be thought to change what is still to be read.
                let (x, d, g, mut a, mut b) = (*x, *d, *g, *dg, *db);
                #[allow(clippy::needless_range_loop)] // zipping seven arrays says less
                for j in 0..LANES {
                    let hat = (x[j] - centre) * scale;
                    let inner = d[j] * g[j];
                    a[j] = d[j].fma::<I>(hat, a[j]);
                    b[j] += d[j];
                    sums[j] += inner;
                    dots[j] = inner.fma::<I>(hat, dots[j]);
                }
                (*dg, *db) = (a, b);
            }
            let (mut total, mut dot) = (join(sums, |a, b| a + b), join(dots, |a, b| a + b));
            let tail = x_tail.iter().zip(d_tail).zip(g_tail).zip(dg_tail).zip(db_tail);
            for ((((x, d), g), dg), db) in tail {
                let hat = (*x - centre) * scale;
                *dg += *d * hat;
                *db += *d;
                total += *d * *g;
                dot += *d * *g * hat;
            }
            // dx = (g - mean(g) - x̂ mean(g x̂)) / std; without centring there is no mean(g).
            let shift = if mean.is_some() { -(total * share) * scale } else { T::ZERO };
            let slope = -(dot * share) * scale * scale;
            let terms = dx.iter_mut().zip(x).zip(dy).zip(gamma);
            match extra {
                Some(extra) => {
                    for ((((dx, x), d), g), e) in terms.zip(&extra[range]) {
                        let rest = (*x - centre).fma::<I>(slope, *e + shift);
                        *dx = (*d * *g).fma::<I>(scale, rest);
                    }
                }
                None => {
                    for (((dx, x), d), g) in terms {
                        let rest = (*x - centre).fma::<I>(slope, shift);
                        *dx = (*d * *g).fma::<I>(scale, rest);
                    }
                }
            }
        }
    }
}
