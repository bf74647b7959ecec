//! The element types of kernels: f32 for work, f64 for gradient checks.

use crate::isa::Target;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// f32 or f64.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + std::iter::Sum
    + bytemuck::Pod
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// -∞.
    const NEG_INFINITY: Self;

    /// `self * b + c`, rounded once where the instruction set can.
    fn fma<I: Target>(self, b: Self, c: Self) -> Self;
    /// From f64, rounded.
    fn of(value: f64) -> Self;
    /// To f64, exact.
    fn wide(self) -> f64;
    /// √.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The larger; compiles to one instruction (`a > b ? a : b`).
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    /// The smaller.
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    /// The value if `keep`, else 0, in a way that is never compiled to a branch.
    fn kept_if(self, keep: bool) -> Self;
    /// f32 view, if this is f32: lets a generic kernel call a hand-written f32 one.
    fn as_f32(slice: &[Self]) -> Option<&[f32]>;
    /// Mutable f32 view, if this is f32.
    fn as_f32_mut(slice: &mut [Self]) -> Option<&mut [f32]>;
}

macro_rules! real {
    ($t:ty, $bits:ty, $f32:expr, $f32_mut:expr) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = <$t>::NEG_INFINITY;

            #[inline(always)]
            fn fma<I: Target>(self, b: Self, c: Self) -> Self {
                if I::FMA {
                    self.mul_add(b, c)
                } else {
                    self * b + c
                }
            }
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn kept_if(self, keep: bool) -> Self {
                <$t>::from_bits(self.to_bits() & (<$bits>::from(keep)).wrapping_neg())
            }
            #[inline(always)]
            fn as_f32(slice: &[Self]) -> Option<&[f32]> {
                $f32(slice)
            }
            #[inline(always)]
            fn as_f32_mut(slice: &mut [Self]) -> Option<&mut [f32]> {
                $f32_mut(slice)
            }
        }
    };
}
real!(f32, u32, Some, Some);
real!(f64, u64, |_| None, |_| None);
