//! [`Lanes`] of x86-64.
//!
//! The contract of every method is that of the trait: code compiled for the instruction set, pointers
//! valid for the elements named.

use super::Lanes;
use crate::isa::Fused;
use std::arch::x86_64::*;

/// 16 rows: AVX-512 with VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Sixteen;

impl Lanes for Sixteen {
    const ROWS: usize = 16;
    const MANY: bool = true;
    type Target = Fused;
    type Codes = __m512i;
    type Ints = __m512i;
    type Floats = __m512;

    #[inline(always)]
    unsafe fn codes(from: *const u8) -> __m512i {
        // SAFETY: here and below, the contract of the trait.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn low(codes: __m512i) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_and_si512(codes, _mm512_set1_epi8(15)) }
    }
    #[inline(always)]
    unsafe fn high(codes: __m512i) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_and_si512(_mm512_srli_epi16::<4>(codes), _mm512_set1_epi8(15)) }
    }
    #[inline(always)]
    unsafe fn with_fifth(codes: __m512i, bits: *const u8) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe {
            let set = bits.cast::<u64>().read_unaligned();
            _mm512_mask_add_epi8(codes, set, codes, _mm512_set1_epi8(16))
        }
    }
    #[inline(always)]
    unsafe fn with_sixth(codes: __m512i, upper: __m512i, field: usize) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe {
            // What moves over from the next byte is masked off.
            let moved = match field {
                0 => _mm512_slli_epi16::<4>(upper),
                1 => _mm512_slli_epi16::<2>(upper),
                2 => upper,
                _ => _mm512_srli_epi16::<2>(upper),
            };
            _mm512_or_si512(codes, _mm512_and_si512(moved, _mm512_set1_epi8(48)))
        }
    }
    #[inline(always)]
    unsafe fn pairs(from: *const u8) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_cvtepu8_epi16(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn column(codes: __m512i, i: usize) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe {
            let moved = _mm512_srlv_epi32(codes, _mm512_set1_epi32(8 * i as i32));
            _mm512_and_si512(moved, _mm512_set1_epi32(255))
        }
    }
    #[inline(always)]
    unsafe fn shifted(value: i32, shift: u32) -> __m512i {
        // SAFETY: the contract of the trait. The compiler knows the shift, and makes it a constant.
        unsafe { _mm512_sllv_epi32(_mm512_set1_epi32(value), _mm512_set1_epi32(shift as i32)) }
    }
    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    unsafe fn dot(sums: __m512i, codes: __m512i, x: i32) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_dpbusd_epi32(sums, codes, _mm512_set1_epi32(x)) }
    }
    #[inline(always)]
    unsafe fn dot_wide(sums: __m512i, codes: __m512i, x: i32) -> __m512i {
        // SAFETY: the contract of the trait. The sums of four products do not saturate.
        unsafe { Self::dot(sums, codes, x) }
    }
    #[inline(always)]
    unsafe fn dot_pairs(sums: __m512i, codes: __m512i, x: i32) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_dpwssd_epi32(sums, codes, _mm512_set1_epi32(x)) }
    }
    #[inline(always)]
    unsafe fn add_product(sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_add_epi32(sums, _mm512_mullo_epi32(a, b)) }
    }
    #[inline(always)]
    unsafe fn float(ints: __m512i) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_cvtepi32_ps(ints) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn halves(from: *const u16) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    unsafe fn brain_halves(from: *const u16) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
    }
    #[inline(always)]
    unsafe fn times(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn store(values: __m512, to: *mut f32) {
        // SAFETY: the contract of the trait.
        unsafe { _mm512_storeu_ps(to, values) };
    }
    #[inline(always)]
    unsafe fn store_halves(values: __m512, to: *mut u16) {
        // SAFETY: the contract of the trait.
        unsafe {
            // To nearest even, whatever the mode of the thread, without an exception.
            let halves =
                _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(values);
            _mm256_storeu_si256(to.cast(), halves);
        }
    }
}

/// 8 rows: AVX2.
#[derive(Clone, Copy)]
pub(crate) struct Eight;

impl Lanes for Eight {
    const ROWS: usize = 8;
    const MANY: bool = false;
    type Target = Fused;
    type Codes = __m256i;
    type Ints = __m256i;
    type Floats = __m256;

    #[inline(always)]
    unsafe fn codes(from: *const u8) -> __m256i {
        // SAFETY: here and below, the contract of the trait.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn low(codes: __m256i) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_and_si256(codes, _mm256_set1_epi8(15)) }
    }
    #[inline(always)]
    unsafe fn high(codes: __m256i) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_and_si256(_mm256_srli_epi16::<4>(codes), _mm256_set1_epi8(15)) }
    }
    #[inline(always)]
    unsafe fn with_fifth(codes: __m256i, bits: *const u8) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe {
            // The byte of its bit beside each code, then that bit alone.
            let all = _mm256_set1_epi32(bits.cast::<i32>().read_unaligned());
            let byte = _mm256_setr_epi8(
                0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3,
                3, 3, 3, 3,
            );
            let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
            let set = _mm256_and_si256(_mm256_shuffle_epi8(all, byte), bit);
            let set = _mm256_cmpeq_epi8(set, bit);
            _mm256_or_si256(codes, _mm256_and_si256(set, _mm256_set1_epi8(16)))
        }
    }
    #[inline(always)]
    unsafe fn with_sixth(codes: __m256i, upper: __m256i, field: usize) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe {
            let moved = match field {
                0 => _mm256_slli_epi16::<4>(upper),
                1 => _mm256_slli_epi16::<2>(upper),
                2 => upper,
                _ => _mm256_srli_epi16::<2>(upper),
            };
            _mm256_or_si256(codes, _mm256_and_si256(moved, _mm256_set1_epi8(48)))
        }
    }
    #[inline(always)]
    unsafe fn pairs(from: *const u8) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn column(codes: __m256i, i: usize) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe {
            let moved = _mm256_srlv_epi32(codes, _mm256_set1_epi32(8 * i as i32));
            _mm256_and_si256(moved, _mm256_set1_epi32(255))
        }
    }
    #[inline(always)]
    unsafe fn shifted(value: i32, shift: u32) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_set1_epi32(value << shift) }
    }
    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())) }
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast())) }
    }
    #[inline(always)]
    unsafe fn dot(sums: __m256i, codes: __m256i, x: i32) -> __m256i {
        // SAFETY: the contract of the trait. Two products of a code below 64 fit into 16 bits.
        unsafe {
            let products = _mm256_maddubs_epi16(codes, _mm256_set1_epi32(x));
            _mm256_add_epi32(sums, _mm256_madd_epi16(products, _mm256_set1_epi16(1)))
        }
    }
    #[inline(always)]
    unsafe fn dot_wide(sums: __m256i, codes: __m256i, x: i32) -> __m256i {
        // SAFETY: the contract of the trait. Halves of the codes, since whole ones would saturate.
        unsafe {
            let sums = Self::dot(sums, Self::low(codes), x);
            let products = _mm256_maddubs_epi16(Self::high(codes), _mm256_set1_epi32(x));
            _mm256_add_epi32(sums, _mm256_madd_epi16(products, _mm256_set1_epi16(16)))
        }
    }
    #[inline(always)]
    unsafe fn dot_pairs(sums: __m256i, codes: __m256i, x: i32) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(codes, _mm256_set1_epi32(x))) }
    }
    #[inline(always)]
    unsafe fn add_product(sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_add_epi32(sums, _mm256_mullo_epi32(a, b)) }
    }
    #[inline(always)]
    unsafe fn float(ints: __m256i) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_cvtepi32_ps(ints) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn halves(from: *const u16) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    unsafe fn brain_halves(from: *const u16) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
        }
    }
    #[inline(always)]
    unsafe fn times(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn store(values: __m256, to: *mut f32) {
        // SAFETY: the contract of the trait.
        unsafe { _mm256_storeu_ps(to, values) };
    }
    #[inline(always)]
    unsafe fn store_halves(values: __m256, to: *mut u16) {
        // SAFETY: the contract of the trait.
        unsafe {
            let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(values);
            _mm_storeu_si128(to.cast(), halves);
        }
    }
}
