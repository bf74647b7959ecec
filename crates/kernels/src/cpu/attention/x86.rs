//! Vectors of AVX-512 and AVX2.

use super::lanes::{Block, EXP2, Lanes};
use crate::cpu::transpose::swap_axes;
use crate::real::Real;
use std::arch::x86_64::*;
use std::marker::PhantomData;

/// 16 f32 in one AVX-512 register.
#[derive(Clone, Copy)]
pub(super) struct Avx512<T>(__m512, PhantomData<T>);

impl<T> Avx512<T> {
    #[inline(always)]
    fn of(value: __m512) -> Self {
        Self(value, PhantomData)
    }
}

// SAFETY of every block below: `each_isa!` runs this code only on processors with AVX-512; and
// 16 elements of `T`, which are plain numbers of at least 4 bytes, hold the 64 bytes that move.
#[allow(clippy::undocumented_unsafe_blocks)] // one reason for all of them, above
impl<T: Real> Lanes<T, 16> for Avx512<T> {
    #[inline(always)]
    fn load(from: &[T; 16]) -> Self {
        Self::of(unsafe { _mm512_loadu_ps(from.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, to: &mut [T; 16]) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn splat(value: T) -> Self {
        Self::of(unsafe { _mm512_set1_ps(value.wide() as f32) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::of(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::of(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::of(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self::of(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        Self::of(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn exp2(self) -> Self {
        unsafe {
            let x = self.0;
            let whole = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT }>(x);
            let r = _mm512_sub_ps(x, whole);
            let mut sum = _mm512_set1_ps(EXP2[0]);
            for c in &EXP2[1..] {
                sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(*c));
            }
            sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(1.0));
            let above = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x, _mm512_set1_ps(-126.0));
            Self::of(_mm512_maskz_scalef_ps(above, sum, whole))
        }
    }
    #[inline(always)]
    fn transpose(from: &Block<T, 16>, to: &mut Block<T, 16>) {
        unsafe {
            let mut rows = [_mm512_setzero_ps(); 16];
            for (to, row) in rows.iter_mut().zip(&from.0) {
                *to = Self::load(row).0;
            }
            for (row, column) in to.0.iter_mut().zip(swap_axes(rows)) {
                Self::of(column).store(row);
            }
        }
    }
}

/// 8 f32 in one AVX register.
#[derive(Clone, Copy)]
pub(super) struct Avx2<T>(__m256, PhantomData<T>);

impl<T> Avx2<T> {
    #[inline(always)]
    fn of(value: __m256) -> Self {
        Self(value, PhantomData)
    }
}

// SAFETY of every block below: `each_isa!` runs this code only on processors with AVX2 and FMA; and
// 8 elements of `T`, which are plain numbers of at least 4 bytes, hold the 32 bytes that move.
#[allow(clippy::undocumented_unsafe_blocks)] // one reason for all of them, above
impl<T: Real> Lanes<T, 8> for Avx2<T> {
    #[inline(always)]
    fn load(from: &[T; 8]) -> Self {
        Self::of(unsafe { _mm256_loadu_ps(from.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, to: &mut [T; 8]) {
        unsafe { _mm256_storeu_ps(to.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn splat(value: T) -> Self {
        Self::of(unsafe { _mm256_set1_ps(value.wide() as f32) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::of(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::of(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::of(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self::of(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        Self::of(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn exp2(self) -> Self {
        unsafe {
            let x = self.0;
            let whole = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
            let r = _mm256_sub_ps(x, whole);
            let mut sum = _mm256_set1_ps(EXP2[0]);
            for c in &EXP2[1..] {
                sum = _mm256_fmadd_ps(sum, r, _mm256_set1_ps(*c));
            }
            let one = _mm256_set1_ps(1.0);
            sum = _mm256_fmadd_ps(sum, r, one);
            let exponent = _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(whole));
            let power = _mm256_add_epi32(exponent, _mm256_castps_si256(one));
            let above = _mm256_cmp_ps::<_CMP_NLT_UQ>(x, _mm256_set1_ps(-126.0));
            Self::of(_mm256_and_ps(
                above,
                _mm256_mul_ps(sum, _mm256_castsi256_ps(power)),
            ))
        }
    }
}
