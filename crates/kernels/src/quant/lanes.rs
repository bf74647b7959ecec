//! Registers of rows: a lane is a row of the matrix.
//!
//! The kernels of this folder and the attention over a cache keep blocks of sums in registers, so they
//! are written on [`Lanes`]: intrinsics where there are some, arrays elsewhere.

use super::half::{bf16_to_f32, f16_to_f32, f32_to_f16};
use crate::isa::{Portable, Target};
use crate::real::Real;

/// What the registers of an instruction set hold and can do.
///
/// Every method is unsafe for one reason: the code that it is inlined into must have been compiled for
/// the instruction set of the implementation. Pointers must be valid for the elements named, aligned
/// or not.
pub(crate) trait Lanes: Copy {
    /// Rows of a register.
    const ROWS: usize;
    /// Whether there are 32 registers, enough for the sums of eight tokens.
    const MANY: bool;
    /// How elementary functions are compiled.
    type Target: Target;
    /// Four weights of each row, 8 bits without a sign; or two of 16 bits.
    type Codes: Copy;
    /// A whole number of each row.
    type Ints: Copy;
    /// An f32 of each row.
    type Floats: Copy;

    /// `4 ROWS` bytes.
    unsafe fn codes(from: *const u8) -> Self::Codes;
    /// The lower half of each byte.
    unsafe fn low(codes: Self::Codes) -> Self::Codes;
    /// The upper half of each byte.
    unsafe fn high(codes: Self::Codes) -> Self::Codes;
    /// Adds 16 to each code whose bit is set, `4 ROWS` bits.
    unsafe fn with_fifth(codes: Self::Codes, bits: *const u8) -> Self::Codes;
    /// Adds 16 times the two bits in place `field` of each byte of `upper`.
    unsafe fn with_sixth(codes: Self::Codes, upper: Self::Codes, field: usize) -> Self::Codes;
    /// `2 ROWS` bytes without a sign, as numbers of 16 bits.
    unsafe fn pairs(from: *const u8) -> Self::Codes;

    /// Byte `i` of each row's four.
    unsafe fn column(codes: Self::Codes, i: usize) -> Self::Ints;
    /// `value * 2^shift` in every row.
    unsafe fn shifted(value: i32, shift: u32) -> Self::Ints;
    /// A byte for each row, without a sign.
    unsafe fn bytes(from: *const u8) -> Self::Ints;
    /// A byte for each row, with a sign.
    unsafe fn signed_bytes(from: *const u8) -> Self::Ints;
    /// Adds to each row the products of its four codes below 64 with the four signed bytes of `x`.
    unsafe fn dot(sums: Self::Ints, codes: Self::Codes, x: i32) -> Self::Ints;
    /// The same for codes of all 8 bits.
    unsafe fn dot_wide(sums: Self::Ints, codes: Self::Codes, x: i32) -> Self::Ints;
    /// Adds to each row the products of its two numbers of 16 bits with the two of `x`.
    unsafe fn dot_pairs(sums: Self::Ints, codes: Self::Codes, x: i32) -> Self::Ints;
    /// `sums + a b`, which must not be more than 32 bits.
    unsafe fn add_product(sums: Self::Ints, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// As f32, rounded.
    unsafe fn float(ints: Self::Ints) -> Self::Floats;

    /// The same f32 in every row.
    unsafe fn splat(value: f32) -> Self::Floats;
    /// `ROWS` f32.
    unsafe fn load(from: *const f32) -> Self::Floats;
    /// `ROWS` f16.
    unsafe fn halves(from: *const u16) -> Self::Floats;
    /// `ROWS` bf16.
    unsafe fn brain_halves(from: *const u16) -> Self::Floats;
    /// `a b`.
    unsafe fn times(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a b + c`.
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// Writes `ROWS` f32.
    unsafe fn store(values: Self::Floats, to: *mut f32);
    /// Writes `ROWS` f16, rounded to nearest even.
    unsafe fn store_halves(values: Self::Floats, to: *mut u16);
    /// Writes the first `count` f32, at most all.
    #[inline(always)]
    unsafe fn store_part(values: Self::Floats, to: *mut f32, count: usize) {
        if count >= Self::ROWS {
            // SAFETY: the caller has room for all.
            return unsafe { Self::store(values, to) };
        }
        let mut all = [0.0f32; 16];
        // SAFETY: no register has more than 16 rows; the caller has room for `count`.
        unsafe {
            Self::store(values, all.as_mut_ptr());
            std::ptr::copy_nonoverlapping(all.as_ptr(), to, count);
        }
    }
}

/// 16 rows in arrays: whatever the machine.
#[derive(Clone, Copy)]
pub(crate) struct Arrays;

/// Rows of [`Arrays`].
const N: usize = 16;

impl Lanes for Arrays {
    const ROWS: usize = N;
    const MANY: bool = false;
    type Target = Portable;
    type Codes = [u8; 4 * N];
    type Ints = [i32; N];
    type Floats = [f32; N];

    #[inline(always)]
    unsafe fn codes(from: *const u8) -> [u8; 4 * N] {
        // SAFETY: here and below, the contract of the trait; arrays of bytes have no alignment.
        unsafe { from.cast::<[u8; 4 * N]>().read() }
    }
    #[inline(always)]
    unsafe fn low(codes: [u8; 4 * N]) -> [u8; 4 * N] {
        codes.map(|q| q & 15)
    }
    #[inline(always)]
    unsafe fn high(codes: [u8; 4 * N]) -> [u8; 4 * N] {
        codes.map(|q| q >> 4)
    }
    #[inline(always)]
    unsafe fn with_fifth(mut codes: [u8; 4 * N], bits: *const u8) -> [u8; 4 * N] {
        // SAFETY: the contract of the trait.
        let bits = u64::from_le_bytes(unsafe { bits.cast::<[u8; 8]>().read() });
        for (i, q) in codes.iter_mut().enumerate() {
            *q |= ((bits >> i & 1) << 4) as u8;
        }
        codes
    }
    #[inline(always)]
    unsafe fn with_sixth(mut codes: [u8; 4 * N], upper: [u8; 4 * N], field: usize) -> [u8; 4 * N] {
        for (q, upper) in codes.iter_mut().zip(upper) {
            *q |= (upper >> (2 * field) & 3) << 4;
        }
        codes
    }
    #[inline(always)]
    unsafe fn pairs(from: *const u8) -> [u8; 4 * N] {
        // SAFETY: the contract of the trait.
        let bytes = unsafe { from.cast::<[u8; 2 * N]>().read() };
        let mut wide = [0; 4 * N];
        for (i, byte) in bytes.into_iter().enumerate() {
            wide[2 * i] = byte;
        }
        wide
    }

    #[inline(always)]
    unsafe fn column(codes: [u8; 4 * N], i: usize) -> [i32; N] {
        std::array::from_fn(|row| i32::from(codes[4 * row + i]))
    }
    #[inline(always)]
    unsafe fn shifted(value: i32, shift: u32) -> [i32; N] {
        [value << shift; N]
    }
    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> [i32; N] {
        // SAFETY: the contract of the trait.
        unsafe { from.cast::<[u8; N]>().read() }.map(i32::from)
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> [i32; N] {
        // SAFETY: the contract of the trait.
        unsafe { from.cast::<[i8; N]>().read() }.map(i32::from)
    }
    #[inline(always)]
    unsafe fn dot(mut sums: [i32; N], codes: [u8; 4 * N], x: i32) -> [i32; N] {
        let x = x.to_le_bytes().map(|b| i32::from(b.cast_signed()));
        for (i, sum) in sums.iter_mut().enumerate() {
            for (j, x) in x.iter().enumerate() {
                *sum += i32::from(codes[4 * i + j]) * x;
            }
        }
        sums
    }
    #[inline(always)]
    unsafe fn dot_wide(sums: [i32; N], codes: [u8; 4 * N], x: i32) -> [i32; N] {
        // SAFETY: the contract of the trait.
        unsafe { Self::dot(sums, codes, x) }
    }
    #[inline(always)]
    unsafe fn dot_pairs(mut sums: [i32; N], codes: [u8; 4 * N], x: i32) -> [i32; N] {
        let [low, high] = [x as i16, (x >> 16) as i16].map(i32::from);
        for (i, sum) in sums.iter_mut().enumerate() {
            let of =
                |j: usize| i32::from(i16::from_le_bytes([codes[4 * i + j], codes[4 * i + j + 1]]));
            *sum += of(0) * low + of(2) * high;
        }
        sums
    }
    #[inline(always)]
    unsafe fn add_product(mut sums: [i32; N], a: [i32; N], b: [i32; N]) -> [i32; N] {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
        sums
    }
    #[inline(always)]
    unsafe fn float(ints: [i32; N]) -> [f32; N] {
        ints.map(|i| i as f32)
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; N] {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; N] {
        // SAFETY: the contract of the trait.
        unsafe { from.cast::<[f32; N]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn halves(from: *const u16) -> [f32; N] {
        // SAFETY: the contract of the trait.
        unsafe { from.cast::<[u16; N]>().read_unaligned() }.map(f16_to_f32)
    }
    #[inline(always)]
    unsafe fn brain_halves(from: *const u16) -> [f32; N] {
        // SAFETY: the contract of the trait.
        let bits = unsafe { from.cast::<[u16; N]>().read_unaligned() };
        bits.map(bf16_to_f32)
    }
    #[inline(always)]
    unsafe fn times(mut a: [f32; N], b: [f32; N]) -> [f32; N] {
        for (a, b) in a.iter_mut().zip(b) {
            *a *= b;
        }
        a
    }
    #[inline(always)]
    unsafe fn fma(a: [f32; N], b: [f32; N], mut c: [f32; N]) -> [f32; N] {
        for ((c, a), b) in c.iter_mut().zip(a).zip(b) {
            *c = Real::fma::<Portable>(a, b, *c);
        }
        c
    }
    #[inline(always)]
    unsafe fn store(values: [f32; N], to: *mut f32) {
        // SAFETY: the contract of the trait.
        unsafe { to.cast::<[f32; N]>().write_unaligned(values) };
    }
    #[inline(always)]
    unsafe fn store_halves(values: [f32; N], to: *mut u16) {
        // SAFETY: the contract of the trait.
        unsafe {
            to.cast::<[u16; N]>()
                .write_unaligned(values.map(f32_to_f16))
        };
    }
}

/// The instruction sets that these kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Arrays.
    Portable,
    /// AVX2 with fused multiply-add and conversions of f16.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with its dot products of bytes.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

/// The one in use.
#[cfg(target_arch = "x86_64")]
pub(crate) fn level() -> Level {
    use crate::isa::{Isa, isa};
    // Each of these is a look at a word in memory.
    let halves = is_x86_feature_detected!("f16c");
    match isa() {
        Isa::Avx512 if halves && is_x86_feature_detected!("avx512vnni") => Level::Vnni,
        Isa::Avx512 | Isa::Avx2 if halves => Level::Avx2,
        _ => Level::Portable,
    }
}

/// The one in use.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn level() -> Level {
    Level::Portable
}

/// Compiles `$body::<L, …>(argument)` for every instruction set and chooses at run time. The function
/// is `#[inline(always)]`, unsafe for the sake of [`Lanes`] alone or by a contract that the caller
/// of `$name` takes over.
macro_rules! for_each_level {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident[$($g:ident: $bound:path),*]($arg:ident: $ty:ty) = $body:ident;) => {
        $(#[$meta])*
        $vis unsafe fn $name<$($g: $bound),*>($arg: $ty) {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::quant::lanes::{Level, level, x86};
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
                unsafe fn vnni<$($g: $bound),*>($arg: $ty) {
                    // SAFETY: the caller's contract; the features are enabled.
                    unsafe { $body::<x86::Sixteen, $($g),*>($arg) }
                }
                #[target_feature(enable = "avx2,fma,f16c")]
                unsafe fn avx2<$($g: $bound),*>($arg: $ty) {
                    // SAFETY: the caller's contract; the features are enabled.
                    unsafe { $body::<x86::Eight, $($g),*>($arg) }
                }
                match level() {
                    // SAFETY: the caller's contract; the processor has all the features.
                    Level::Vnni => return unsafe { vnni::<$($g),*>($arg) },
                    // SAFETY: as above.
                    Level::Avx2 => return unsafe { avx2::<$($g),*>($arg) },
                    Level::Portable => {}
                }
            }
            // SAFETY: the caller's contract.
            unsafe { $body::<$crate::quant::lanes::Arrays, $($g),*>($arg) }
        }
    };
}
pub(crate) use for_each_level;

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;
