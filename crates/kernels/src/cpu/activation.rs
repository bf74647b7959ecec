//! Activation functions on slices, forwards and backwards, alone or fused with a bias.

use crate::cpu::math::Math;
use crate::cpu::rows::{rows_each, run};
use crate::dispatch_math;
use crate::isa::Target;
use crate::par;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x Φ(x)` with the normal distribution function, exact (Hendrycks and Gimpel 2016).
    Gelu,
    /// GELU with Φ approximated by `(1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`.
    GeluTanh,
    /// `x σ(x)`, also called swish.
    Silu,
    /// `max(x, 0)`; the derivative at 0 is 0.
    Relu,
    /// `σ(x) = 1 / (1 + e^-x)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

/// Sums of a bias gradient that are kept at a time, at least.
const WIDE: usize = 64;
/// Rows that are summed in working precision before the sum is added to a double.
const BLOCK: usize = 128;

/// A function of one element, and its derivative from what the forward pass kept.
trait Unary {
    fn value<T: Math, I: Target>(x: T) -> T;
    fn slope<T: Math, I: Target>(kept: T) -> T;
}

struct Gelu;
struct GeluTanh;
struct Silu;
struct Relu;
struct Sigmoid;
struct Tanh;

/// 1/√(2π), the density of the standard normal at 0.
const PEAK: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// Φ(x), the distribution function of the standard normal.
#[inline(always)]
fn normal<T: Math, I: Target>(x: T) -> T {
    let half = T::of(0.5);
    let e = (x * T::of(FRAC_1_SQRT_2)).erf::<I>();
    half.fma::<I>(e, half)
}

impl Unary for Gelu {
    #[inline(always)]
    fn value<T: Math, I: Target>(x: T) -> T {
        x * normal::<T, I>(x)
    }
    #[inline(always)]
    fn slope<T: Math, I: Target>(x: T) -> T {
        let density = T::of(PEAK) * (x * x * T::of(-0.5)).exp::<I>();
        x.fma::<I>(density, normal::<T, I>(x))
    }
}

/// √(8/π): the tangent's argument is doubled, because `(1 + tanh u) / 2 = σ(2u)`.
const GELU_SCALE: f64 = 1.595_769_121_605_730_8;
const GELU_CUBE: f64 = 0.044715;

/// Φ(x) as the tanh form of GELU approximates it.
#[inline(always)]
fn nearly_normal<T: Math, I: Target>(x: T) -> T {
    let cube = T::of(GELU_SCALE * GELU_CUBE);
    (x * cube.fma::<I>(x * x, T::of(GELU_SCALE))).sigmoid::<I>()
}

impl Unary for GeluTanh {
    #[inline(always)]
    fn value<T: Math, I: Target>(x: T) -> T {
        x * nearly_normal::<T, I>(x)
    }
    #[inline(always)]
    fn slope<T: Math, I: Target>(x: T) -> T {
        let s = nearly_normal::<T, I>(x);
        let cube = T::of(3.0 * GELU_SCALE * GELU_CUBE);
        let inner = cube.fma::<I>(x * x, T::of(GELU_SCALE));
        (x * s * (T::ONE - s)).fma::<I>(inner, s)
    }
}

impl Unary for Silu {
    #[inline(always)]
    fn value<T: Math, I: Target>(x: T) -> T {
        x * x.sigmoid::<I>()
    }
    #[inline(always)]
    fn slope<T: Math, I: Target>(x: T) -> T {
        let s = x.sigmoid::<I>();
        (x * s).fma::<I>(T::ONE - s, s)
    }
}

impl Unary for Relu {
    #[inline(always)]
    fn value<T: Math, I: Target>(x: T) -> T {
        // In this order a NaN stays.
        if x < T::ZERO { T::ZERO } else { x }
    }
    #[inline(always)]
    fn slope<T: Math, I: Target>(x: T) -> T {
        if x > T::ZERO { T::ONE } else { T::ZERO }
    }
}

impl Unary for Sigmoid {
    #[inline(always)]
    fn value<T: Math, I: Target>(x: T) -> T {
        x.sigmoid::<I>()
    }
    #[inline(always)]
    fn slope<T: Math, I: Target>(y: T) -> T {
        y * (T::ONE - y)
    }
}

impl Unary for Tanh {
    #[inline(always)]
    fn value<T: Math, I: Target>(x: T) -> T {
        x.tanh::<I>()
    }
    #[inline(always)]
    fn slope<T: Math, I: Target>(y: T) -> T {
        T::ONE - y * y
    }
}

dispatch_math! {
    fn values<T: Math, F: Unary>(x: &[T], y: &mut [T]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = F::value::<T, I>(*x);
        }
    }
}

dispatch_math! {
    fn slopes<T: Math, F: Unary>(kept: &[T], dy: &[T], dx: &mut [T]) {
        for ((dx, dy), kept) in dx.iter_mut().zip(dy).zip(kept) {
            *dx = *dy * F::slope::<T, I>(*kept);
        }
    }
}

dispatch_math! {
    fn bias_values_in_place<T: Math, F: Unary>(pre: &mut [T], bias: &[T], post: &mut [T]) {
        let c = bias.len();
        for (pre, post) in pre.chunks_exact_mut(c).zip(post.chunks_exact_mut(c)) {
            for ((pre, b), post) in pre.iter_mut().zip(bias).zip(post) {
                let z = *pre + *b;
                *pre = z;
                *post = F::value::<T, I>(z);
            }
        }
    }
}

dispatch_math! {
    fn bias_values_over<T: Math, F: Unary>(x: &mut [T], bias: &[T]) {
        for row in x.chunks_exact_mut(bias.len()) {
            for (x, b) in row.iter_mut().zip(bias) {
                *x = F::value::<T, I>(*x + *b);
            }
        }
    }
}

dispatch_math! {
    fn bias_slopes<T: Math, F: Unary>(kept: &[T], dy: &[T], dx: &mut [T], dbias: &mut [T]) {
        let c = dbias.len();
        let rows = kept.chunks_exact(c).zip(dy.chunks_exact(c)).zip(dx.chunks_exact_mut(c));
        for ((kept, dy), dx) in rows {
            for (((kept, dy), dx), db) in kept.iter().zip(dy).zip(dx).zip(dbias.iter_mut()) {
                let d = *dy * F::slope::<T, I>(*kept);
                *dx = d;
                *db += d;
            }
        }
    }
}

/// Calls a generic function with the type that belongs to an activation.
macro_rules! chosen {
    ($which:expr, $f:ident($($arg:expr),*)) => {
        match $which {
            Activation::Gelu => $f::<T, Gelu>($($arg),*),
            Activation::GeluTanh => $f::<T, GeluTanh>($($arg),*),
            Activation::Silu => $f::<T, Silu>($($arg),*),
            Activation::Relu => $f::<T, Relu>($($arg),*),
            Activation::Sigmoid => $f::<T, Sigmoid>($($arg),*),
            Activation::Tanh => $f::<T, Tanh>($($arg),*),
        }
    };
}

impl Activation {
    /// Whether the backward pass takes the output of the forward pass (sigmoid and tanh) rather than
    /// its input.
    pub fn keeps_output(self) -> bool {
        matches!(self, Self::Sigmoid | Self::Tanh)
    }

    /// `y = f(x)`, elementwise.
    pub fn forward<T: Math>(self, x: &[T], y: &mut [T]) {
        assert_eq!(x.len(), y.len(), "activation: x and y differ in length");
        par::split_mut(y, 1, par::pieces(x.len()), |first, y| {
            let x = &x[first..first + y.len()];
            chosen!(self, values(x, y));
        });
    }

    /// `dx = dy f'(x)`, elementwise; `kept` is the output if [`Self::keeps_output`], else the input.
    pub fn backward<T: Math>(self, kept: &[T], dy: &[T], dx: &mut [T]) {
        assert_eq!(
            kept.len(),
            dx.len(),
            "activation: kept and dx differ in length"
        );
        assert_eq!(dy.len(), dx.len(), "activation: dy and dx differ in length");
        par::split_mut(dx, 1, par::pieces(dy.len()), |first, dx| {
            let range = first..first + dx.len();
            let (kept, dy) = (&kept[range.clone()], &dy[range]);
            chosen!(self, slopes(kept, dy, dx));
        });
    }

    /// `pre += bias`, `post = f(pre)` for rows `[rows, c]` and a bias `[c]`.
    pub fn bias_forward_in_place<T: Math>(self, pre: &mut [T], bias: &[T], post: &mut [T]) {
        let c = bias.len();
        assert!(
            c > 0 && pre.len().is_multiple_of(c),
            "bias: pre is not whole rows"
        );
        assert_eq!(pre.len(), post.len(), "bias: pre and post differ in length");
        let part = rows_each(pre.len() / c, c) * c;
        let jobs = pre.chunks_mut(part).zip(post.chunks_mut(part)).collect();
        run(jobs, |_, (pre, post)| {
            chosen!(self, bias_values_in_place(pre, bias, post))
        });
    }

    /// `x = f(x + bias)` in place, where the backward pass needs no input (or there is none).
    pub fn bias_forward_over<T: Math>(self, x: &mut [T], bias: &[T]) {
        let c = bias.len();
        assert!(
            c > 0 && x.len().is_multiple_of(c),
            "bias: x is not whole rows"
        );
        let part = rows_each(x.len() / c, c) * c;
        let jobs = x.chunks_mut(part).collect();
        run(jobs, |_, x: &mut [T]| {
            chosen!(self, bias_values_over(x, bias))
        });
    }

    /// Backwards through [`Self::bias_forward_in_place`]: `dx = dy f'`, and `dbias` the sum of its rows.
    ///
    /// `kept` is `post` if [`Self::keeps_output`], else `pre`. Blocks of rows are summed in the
    /// precision of the elements, blocks in f64.
    pub fn bias_backward<T: Math>(self, kept: &[T], dy: &[T], dx: &mut [T], dbias: &mut [T]) {
        let c = dbias.len();
        assert!(
            c > 0 && dx.len().is_multiple_of(c),
            "bias: dx is not whole rows"
        );
        assert_eq!(kept.len(), dx.len(), "bias: kept and dx differ in length");
        assert_eq!(dy.len(), dx.len(), "bias: dy and dx differ in length");
        // Several rows of few columns are one row of more.
        let wide = (WIDE / c).max(1) * c;
        let part = rows_each(dx.len() / c, c).next_multiple_of(wide / c) * c;
        let jobs = dx
            .chunks_mut(part)
            .zip(kept.chunks(part))
            .zip(dy.chunks(part))
            .collect();
        let parts = run(jobs, |_, ((dx, kept), dy)| {
            let (mut block, mut sums) = (vec![T::ZERO; wide], vec![0.0; c]);
            let each = BLOCK * wide;
            let blocks = dx
                .chunks_mut(each)
                .zip(kept.chunks(each))
                .zip(dy.chunks(each));
            for ((dx, kept), dy) in blocks {
                // Only the last block may end in a row that is not as wide.
                block.fill(T::ZERO);
                chosen!(self, bias_slopes(kept, dy, dx, &mut block));
                let whole = dx.len() / wide * wide;
                let (kept, dy, dx) = (&kept[whole..], &dy[whole..], &mut dx[whole..]);
                chosen!(self, bias_slopes(kept, dy, dx, &mut block[..c]));
                for row in block.chunks_exact(c) {
                    sums.iter_mut()
                        .zip(row)
                        .for_each(|(sum, d)| *sum += d.wide());
                }
            }
            sums
        });
        for (i, db) in dbias.iter_mut().enumerate() {
            *db = T::of(parts.iter().map(|sums| sums[i]).sum());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};
    use crate::isa::Portable;

    const ALL: [Activation; 6] = [
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
    ];

    /// The definition.
    fn naive(which: Activation, x: f64) -> f64 {
        let s = 1.0 / (1.0 + (-x).exp());
        match which {
            Activation::Gelu => 0.5 * x * (1.0 + Math::erf::<Portable>(x * FRAC_1_SQRT_2)),
            Activation::GeluTanh => {
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + u.tanh())
            }
            Activation::Silu => x * s,
            Activation::Relu => x.max(0.0),
            Activation::Sigmoid => s,
            Activation::Tanh => x.tanh(),
        }
    }

    fn kept<T: Math>(which: Activation, x: &[T]) -> Vec<T> {
        let mut y = x.to_vec();
        if which.keeps_output() {
            which.forward(x, &mut y);
        }
        y
    }

    #[test]
    fn forward_against_definition() {
        for which in ALL {
            for n in [0, 1, 17, 1000, 100_003] {
                let x: Vec<f32> = Rng(n as u64)
                    .normals::<f32>(n)
                    .iter()
                    .map(|v| v * 3.0)
                    .collect();
                let exact: Vec<f64> = x.iter().map(|v| naive(which, f64::from(*v))).collect();
                let mut y = vec![f32::NAN; n];
                which.forward(&x, &mut y);
                assert!(error(&y, &exact) < 2e-7, "{which:?}");
            }
        }
    }

    #[test]
    fn gradients() {
        for which in ALL {
            let x: Vec<f64> = Rng(1).normals::<f64>(40).iter().map(|v| v * 2.0).collect();
            let dy: Vec<f64> = Rng(2).normals(40);
            let mut dx = vec![f64::NAN; 40];
            which.backward(&kept(which, &x), &dy, &mut dx);
            check_gradient(&x, &dx, |x| {
                x.iter().zip(&dy).map(|(x, d)| naive(which, *x) * d).sum()
            });

            let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
            let slope: Vec<f32> = dy.iter().map(|v| *v as f32).collect();
            let mut got = vec![f32::NAN; 40];
            which.backward(&kept(which, &narrow), &slope, &mut got);
            assert!(error(&got, &dx) < 1e-6, "{which:?}");
        }
    }

    #[test]
    fn bias_is_fused() {
        for (rows, c) in [(0, 3), (1, 1), (5, 7), (40_001, 3), (300, 256)] {
            for which in ALL {
                let x: Vec<f32> = Rng(3).normals(rows * c);
                let bias: Vec<f32> = Rng(4).normals(c);
                let dy: Vec<f32> = Rng(5).normals(rows * c);
                let sum: Vec<f32> = (0..rows * c).map(|i| x[i] + bias[i % c]).collect();
                let mut expected = vec![0.0; rows * c];
                which.forward(&sum, &mut expected);
                let [mut pre, mut post, mut dx] = [(); 3].map(|()| vec![f32::NAN; rows * c]);
                pre.copy_from_slice(&x);
                which.bias_forward_in_place(&mut pre, &bias, &mut post);
                assert_eq!(error(&pre, &sum), 0.0);
                assert!(error(&post, &expected) < 1e-6);

                let kept = kept(which, &sum);
                let mut expected = vec![0.0; rows * c];
                which.backward(&kept, &dy, &mut expected);
                let mut dbias = vec![f32::NAN; c];
                which.bias_backward(&kept, &dy, &mut dx, &mut dbias);
                assert!(error(&dx, &expected) < 1e-6);
                let mut sums = vec![0.0f64; c];
                expected
                    .iter()
                    .enumerate()
                    .for_each(|(i, d)| sums[i % c] += f64::from(*d));
                assert!(error(&dbias, &sums) < 1e-5);
            }
        }
    }
}
