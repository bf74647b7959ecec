//! Elementwise losses with the gradient computed in the forward pass, so that the backward pass is a
//! scaling.

use crate::cpu::math::Math;
use crate::cpu::rows::{reduce2, run, sum};
use crate::dispatch_math;
use crate::par;

/// Elements that stay in the first cache between two looks at them, and whose losses are added up
/// before they join the f64 total.
const BLOCK: usize = 512;

dispatch_math! {
    fn binary_range<T: Math>(z: &[T], t: &[T], grad: &mut [T]) -> f64 {
        let mut total = 0.0;
        let blocks = z.chunks(BLOCK).zip(t.chunks(BLOCK)).zip(grad.chunks_mut(BLOCK));
        for ((z, t), grad) in blocks {
            let mut losses = [T::ZERO; BLOCK];
            for (((z, t), g), l) in z.iter().zip(t).zip(grad).zip(&mut losses) {
                let e = (-z.abs()).exp::<I>();
                *l = z.larger(T::ZERO) - *z * *t + e.ln_1p::<I>();
                // σ(z) from e^-|z|.
                let top = if *z < T::ZERO { e } else { T::ONE };
                *g = top / (T::ONE + e) - *t;
            }
            total += sum(&losses).wide();
        }
        total
    }
}

dispatch_math! {
    fn square_range<T: Math>(x: &[T], t: &[T], grad: &mut [T]) -> f64 {
        let mut total = 0.0;
        let blocks = x.chunks(BLOCK).zip(t.chunks(BLOCK)).zip(grad.chunks_mut(BLOCK));
        for ((x, t), grad) in blocks {
            for ((x, t), g) in x.iter().zip(t).zip(grad) {
                let d = *x - *t;
                *g = d + d;
            }
            let square = reduce2(x, t, |acc, x, t| (x - t).fma::<I>(x - t, acc));
            total += square.wide();
        }
        total
    }
}

/// Shares the elements of a loss and adds the parts in order.
fn elementwise<T: Math>(
    x: &[T],
    target: &[T],
    grad: &mut [T],
    f: fn(&[T], &[T], &mut [T]) -> f64,
) -> f64 {
    assert_eq!(
        x.len(),
        target.len(),
        "loss: input and target differ in length"
    );
    assert_eq!(x.len(), grad.len(), "loss: input and grad differ in length");
    let part = x.len().div_ceil(par::pieces(x.len())).max(1);
    let jobs = x
        .chunks(part)
        .zip(target.chunks(part))
        .zip(grad.chunks_mut(part))
        .collect();
    run(jobs, |_, ((x, target), grad)| f(x, target, grad))
        .iter()
        .sum()
}

/// Binary cross-entropy of logits, `Σ max(z, 0) - z t + ln(1 + e^-|z|)`, which no `z` overflows;
/// `grad` is that of the sum, `σ(z) - t`.
pub fn binary_cross_entropy<T: Math>(logits: &[T], target: &[T], grad: &mut [T]) -> f64 {
    elementwise(logits, target, grad, binary_range)
}

/// Squared error `Σ (x - t)²`; `grad` is that of the sum, `2 (x - t)`.
pub fn squared_error<T: Math>(x: &[T], target: &[T], grad: &mut [T]) -> f64 {
    elementwise(x, target, grad, square_range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    #[test]
    fn elementwise_losses() {
        for n in [0, 1, 40, 1200, 100_001] {
            let mut rng = Rng(n as u64);
            let x: Vec<f64> = (0..n).map(|_| rng.normal() * 8.0).collect();
            let t: Vec<f64> = (0..n).map(|_| rng.uniform()).collect();
            let narrow = |v: &[f64]| -> Vec<f32> { v.iter().map(|v| *v as f32).collect() };
            let binary = |x: &[f64]| -> f64 {
                let one = |(x, t): (&f64, &f64)| (1.0 + x.exp()).ln() - x * t;
                x.iter().zip(&t).map(one).sum()
            };
            let square =
                |x: &[f64]| -> f64 { x.iter().zip(&t).map(|(x, t)| (x - t).powi(2)).sum() };
            let (mut grad, mut small) = (vec![f64::NAN; n], vec![f32::NAN; n]);

            let got = binary_cross_entropy(&x, &t, &mut grad);
            assert!((got - binary(&x)).abs() <= 1e-10 * got.abs());
            let got = binary_cross_entropy(&narrow(&x), &narrow(&t), &mut small);
            assert!((got - binary(&x)).abs() <= 1e-6 * got.abs());
            assert!(error(&small, &grad) < 1e-6);
            if n <= 40 {
                check_gradient(&x, &grad, binary);
            }
            let got = squared_error(&x, &t, &mut grad);
            assert!((got - square(&x)).abs() <= 1e-10 * got.abs());
            let got = squared_error(&narrow(&x), &narrow(&t), &mut small);
            assert!((got - square(&x)).abs() <= 1e-6 * got.abs());
            assert!(error(&small, &grad) < 1e-6);
            if n <= 40 {
                check_gradient(&x, &grad, square);
            }
        }
        let mut grad = [f32::NAN; 3];
        let got = binary_cross_entropy(&[1e30, -1e30, 0.0], &[1.0, 0.0, 0.5], &mut grad);
        assert!((got - f64::from(std::f32::consts::LN_2)).abs() < 1e-6);
        assert_eq!(grad, [0.0; 3]);
    }
}
