//! Elementary functions that vectorize.
//!
//! The f32 versions are plain arithmetic without branches or calls, so a loop over a slice inside
//! [`dispatch_math!`](crate::dispatch_math) runs them in vector registers. The f64 versions serve
//! gradient checks and call the standard library.

use crate::cpu::erf::erf;
use crate::isa::Target;
use crate::real::Real;

/// Element types with elementary functions.
pub trait Math: Real {
    /// `e^self`. f32: within 2e-7 of the value; 0 below the smallest normal number, ∞ on overflow.
    fn exp<I: Target>(self) -> Self;
    /// Hyperbolic tangent. f32: within 3e-7 of the value.
    fn tanh<I: Target>(self) -> Self;
    /// Error function `2/√π ∫₀ˣ e^(-t²) dt`. f32: within 2e-7; f64: within 1e-15.
    fn erf<I: Target>(self) -> Self;
    /// `ln(1 + self)` for arguments in `[0, 1]`. f32: within 3e-7 of the value.
    fn ln_1p<I: Target>(self) -> Self;
    /// `1 / (1 + e^-self)`.
    #[inline(always)]
    fn sigmoid<I: Target>(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp::<I>())
    }
}

/// Evaluates a polynomial at `x`, coefficients from the highest power down.
#[inline(always)]
fn horner<T: Real, I: Target, const N: usize>(x: T, coefficients: [T; N]) -> T {
    let mut value = coefficients[0];
    for c in &coefficients[1..] {
        value = value.fma::<I>(x, *c);
    }
    value
}

impl Math for f32 {
    /// `2^n e^r` with `n` the nearest whole number to `x / ln 2`; ln 2 is subtracted in two parts
    /// (Cody and Waite), `e^r` is the polynomial of Cephes' `expf`.
    #[inline(always)]
    fn exp<I: Target>(self) -> Self {
        // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
        const ROUND: f32 = 12_582_912.0;
        // The first part has few bits, so that its product with `n` is exact without a fused
        // multiply-add.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        // The logarithms of the smallest normal and of the largest number.
        const LOWEST: f32 = -87.336_54;
        const HIGHEST: f32 = 88.722_84;
        let shifted = self.fma::<I>(std::f32::consts::LOG2_E, ROUND);
        let n = shifted - ROUND;
        let r = n.fma::<I>(-LN2_HIGH, self);
        let r = n.fma::<I>(-LN2_LOW, r);
        let p = horner::<f32, I, 6>(
            r,
            [
                1.987_569_1e-4,
                1.398_2e-3,
                8.333_452e-3,
                4.166_579_6e-2,
                1.666_666_5e-1,
                0.5,
            ],
        );
        let p = p.fma::<I>(r * r, r) + 1.0;
        // Adding `n` to the exponent also reaches n = 128, where p < 1; 2^128 itself overflows.
        // A NaN leaves no low bits in `shifted` and stays NaN.
        let scaled = f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23));
        let scaled = if self > HIGHEST {
            f32::INFINITY
        } else {
            scaled
        };
        if self < LOWEST { 0.0 } else { scaled }
    }

    /// An odd polynomial near 0 (Cephes' `tanhf`), otherwise `1 - 2 / (e^2x + 1)`.
    #[inline(always)]
    fn tanh<I: Target>(self) -> Self {
        let size = self.abs();
        let square = self * self;
        let p = horner::<f32, I, 5>(
            square,
            [
                -5.704_988_7e-3,
                2.063_909e-2,
                -5.373_971_6e-2,
                1.333_144_2e-1,
                -3.333_328e-1,
            ],
        );
        let near = p.fma::<I>(square * self, self);
        let far = 1.0 - 2.0 / (Math::exp::<I>(size + size) + 1.0);
        if size < 0.625 {
            near
        } else {
            far.copysign(self)
        }
    }

    /// An odd polynomial near 0, otherwise `1 - e^p(x)` with a polynomial for the logarithm of the
    /// complement (the minimax coefficients published by N. Juffa).
    #[inline(always)]
    fn erf<I: Target>(self) -> Self {
        let size = self.abs();
        let square = self * self;
        let p = horner::<f32, I, 6>(
            square,
            [
                -5.967_617e-4,
                4.991_194e-3,
                -2.676_813_5e-2,
                1.128_199_2e-1,
                -3.761_253_4e-1,
                1.283_791_7e-1,
            ],
        );
        let near = p.fma::<I>(self, self);
        let q = horner::<f32, I, 7>(
            size,
            [
                -1.728_534_7e-5,
                3.831_971_3e-4,
                -3.883_964_4e-3,
                2.425_462_2e-2,
                -1.067_778_8e-1,
                -6.348_467e-1,
                -1.287_175_1e-1,
            ],
        );
        let far = 1.0 - Math::exp::<I>(q.fma::<I>(size, -size));
        if size > 0.927_734_4 {
            far.copysign(self)
        } else {
            near
        }
    }

    /// `2 artanh(u / (2 + u))` by its series, of which the argument is at most 1/3.
    #[inline(always)]
    fn ln_1p<I: Target>(self) -> Self {
        let s = self / (2.0 + self);
        let p = horner::<f32, I, 7>(
            s * s,
            [
                2.0 / 15.0,
                2.0 / 13.0,
                2.0 / 11.0,
                2.0 / 9.0,
                2.0 / 7.0,
                2.0 / 5.0,
                2.0 / 3.0,
            ],
        );
        (p * (s * s)).fma::<I>(s, s + s)
    }
}

impl Math for f64 {
    #[inline(always)]
    fn exp<I: Target>(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn tanh<I: Target>(self) -> Self {
        f64::tanh(self)
    }
    #[inline(always)]
    fn erf<I: Target>(self) -> Self {
        erf(self)
    }
    #[inline(always)]
    fn ln_1p<I: Target>(self) -> Self {
        f64::ln_1p(self)
    }
}

/// [`dispatch!`](crate::dispatch) for any type parameters with any bounds.
///
/// Compiles the body for every instruction set and chooses at run time; the body may use the type
/// parameter `I: Target` besides those of the function.
///
/// ```ignore
/// dispatch_math! {
///     /// y = e^x.
///     pub fn exp<T: Math>(x: &[T], y: &mut [T]) {
///         for (y, x) in y.iter_mut().zip(x) { *y = x.exp::<I>(); }
///     }
/// }
/// ```
#[macro_export]
macro_rules! dispatch_math {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident<$($param:ident: $bound:path),+>(
            $($arg:ident: $ty:ty),* $(,)?
        ) $(-> $ret:ty)? $body:block
    ) => {
        $(#[$meta])*
        $vis fn $name<$($param: $bound),+>($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            // A kernel without fused multiply-add does not ask which set it is compiled for.
            #[allow(clippy::extra_unused_type_parameters)]
            fn body<$($param: $bound,)+ I: $crate::isa::Target>($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512<$($param: $bound),+>($($arg: $ty),*) $(-> $ret)? {
                    body::<$($param,)+ $crate::isa::Fused>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$($param: $bound),+>($($arg: $ty),*) $(-> $ret)? {
                    body::<$($param,)+ $crate::isa::Fused>($($arg),*)
                }
                match $crate::isa::isa() {
                    // SAFETY: `isa` returns a set only if the processor reports all its features.
                    $crate::isa::Isa::Avx512 => return unsafe { avx512::<$($param),+>($($arg),*) },
                    // SAFETY: as above.
                    $crate::isa::Isa::Avx2 => return unsafe { avx2::<$($param),+>($($arg),*) },
                    $crate::isa::Isa::Portable => {}
                }
            }
            body::<$($param,)+ $crate::isa::Portable>($($arg),*)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Portable;

    /// Defines a vectorized function on slices.
    macro_rules! mapped {
        ($($name:ident),+) => {$(
            dispatch_math! {
                fn $name<T: Math>(x: &[T], y: &mut [T]) {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = Math::$name::<I>(*x);
                    }
                }
            }
        )+};
    }
    mapped!(exp, tanh, erf, ln_1p, sigmoid);

    /// `f` at `n` points of a range, and the points.
    fn sweep(f: fn(&[f32], &mut [f32]), low: f32, high: f32, n: usize) -> Vec<(f64, f64)> {
        let step = (high - low) / n as f32;
        let x: Vec<f32> = (0..=n).map(|i| low + step * i as f32).collect();
        let mut y = vec![f32::NAN; x.len()];
        f(&x, &mut y);
        x.iter()
            .zip(&y)
            .map(|(x, y)| (f64::from(*x), f64::from(*y)))
            .collect()
    }

    /// Asserts a relative error of at most `bound`.
    fn relative(points: Vec<(f64, f64)>, exact: fn(f64) -> f64, bound: f64) {
        for (x, y) in points {
            let e = exact(x);
            assert!((y - e).abs() <= bound * e.abs(), "at {x}: {y}, not {e}");
        }
    }

    #[test]
    fn exp_f32() {
        relative(sweep(exp, -87.336, 88.72, 1_000_000), f64::exp, 2e-7);
        relative(sweep(exp, -1.0, 1.0, 100_000), f64::exp, 1.5e-7);
        let x = [
            f32::NEG_INFINITY,
            -1e30,
            -104.0,
            -88.0,
            0.0,
            88.73,
            1e30,
            f32::INFINITY,
        ];
        let mut y = [f32::NAN; 8];
        exp(&x, &mut y);
        assert_eq!(
            y,
            [
                0.0,
                0.0,
                0.0,
                0.0,
                1.0,
                f32::INFINITY,
                f32::INFINITY,
                f32::INFINITY
            ]
        );
        exp(&[f32::NAN; 8], &mut y);
        assert!(y.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn tanh_and_sigmoid_f32() {
        relative(sweep(tanh, -12.0, 12.0, 500_000), f64::tanh, 3e-7);
        relative(sweep(tanh, -1e-3, 1e-3, 1000), f64::tanh, 3e-7);
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        relative(sweep(sigmoid, -87.0, 100.0, 500_000), s, 3e-7);
        let mut y = [0.0; 4];
        let x = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -0.0];
        tanh(&x, &mut y);
        assert!(y[0] == 1.0 && y[1] == -1.0 && y[2].is_nan() && y[3] == 0.0);
        sigmoid(&x, &mut y);
        assert!(y[0] == 1.0 && y[1] == 0.0 && y[2].is_nan() && y[3] == 0.5);
    }

    #[test]
    fn erf_f32() {
        for (x, y) in sweep(erf, -6.0, 6.0, 300_000) {
            let e = Math::erf::<Portable>(x);
            assert!((y - e).abs() <= 1.3e-7, "at {x}: {y}, not {e}");
        }
        let x = [f32::INFINITY, -1e30, f32::NAN, 0.0];
        let mut y = [0.5; 4];
        erf(&x, &mut y);
        assert!(y[0] == 1.0 && y[1] == -1.0 && y[2].is_nan() && y[3] == 0.0);
    }

    #[test]
    fn ln_1p_f32() {
        relative(sweep(ln_1p, 0.0, 1.0, 300_000), f64::ln_1p, 3e-7);
        relative(sweep(ln_1p, 0.0, 1e-3, 1000), f64::ln_1p, 3e-7);
    }
}
