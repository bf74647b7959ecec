//! Codes of a chunk as registers.

use super::format::Format;
use super::lanes::Lanes;
use super::packed::{Bits, Unit};

/// Codes of so many bits; see [`Bits`] for how they lie.
pub(super) trait Codes {
    /// How many.
    const BITS: Bits;
    /// Registers `2 i` and `2 i + 1` of a chunk, for the rows that begin at `row`.
    ///
    /// # Safety
    /// The contract of [`Lanes`]; `chunk` is a whole chunk; `i < 4` and `row + L::ROWS <= 16`.
    unsafe fn two<L: Lanes>(chunk: *const u8, row: usize, i: usize) -> [L::Codes; 2];
    /// Adds to each row the products of four codes with four bytes of the other factor.
    ///
    /// # Safety
    /// The contract of [`Lanes`].
    #[inline(always)]
    unsafe fn dot<L: Lanes>(sums: L::Ints, codes: L::Codes, x: i32) -> L::Ints {
        // SAFETY: the caller's contract; codes of up to 6 bits are below 64.
        unsafe { L::dot(sums, codes, x) }
    }
}

pub(super) struct Four;
pub(super) struct Five;
pub(super) struct Six;
pub(super) struct Eight;

impl Codes for Four {
    const BITS: Bits = Bits::Four;
    #[inline(always)]
    unsafe fn two<L: Lanes>(chunk: *const u8, row: usize, i: usize) -> [L::Codes; 2] {
        // SAFETY: the caller's contract: 256 bytes of lower bits.
        unsafe {
            let both = L::codes(chunk.add(64 * i + 4 * row));
            [L::low(both), L::high(both)]
        }
    }
}

impl Codes for Five {
    const BITS: Bits = Bits::Five;
    #[inline(always)]
    unsafe fn two<L: Lanes>(chunk: *const u8, row: usize, i: usize) -> [L::Codes; 2] {
        // SAFETY: the caller's contract: 8 bytes of fifth bits for each register after the lower bits,
        // half a byte of them for a row.
        unsafe {
            let [even, odd] = Four::two::<L>(chunk, row, i);
            let bits = chunk.add(256 + 16 * i + row / 2);
            [L::with_fifth(even, bits), L::with_fifth(odd, bits.add(8))]
        }
    }
}

impl Codes for Six {
    const BITS: Bits = Bits::Six;
    #[inline(always)]
    unsafe fn two<L: Lanes>(chunk: *const u8, row: usize, i: usize) -> [L::Codes; 2] {
        // SAFETY: the caller's contract: 64 bytes of upper bits for each four registers after the lower
        // bits.
        unsafe {
            let [even, odd] = Four::two::<L>(chunk, row, i);
            let upper = L::codes(chunk.add(256 + 64 * (i / 2) + 4 * row));
            let field = i % 2 * 2;
            [
                L::with_sixth(even, upper, field),
                L::with_sixth(odd, upper, field + 1),
            ]
        }
    }
}

impl Codes for Eight {
    const BITS: Bits = Bits::Eight;
    #[inline(always)]
    unsafe fn two<L: Lanes>(chunk: *const u8, row: usize, i: usize) -> [L::Codes; 2] {
        // SAFETY: the caller's contract: 512 bytes.
        unsafe {
            let from = chunk.add(128 * i + 4 * row);
            [L::codes(from), L::codes(from.add(64))]
        }
    }
    #[inline(always)]
    unsafe fn dot<L: Lanes>(sums: L::Ints, codes: L::Codes, x: i32) -> L::Ints {
        // SAFETY: the caller's contract.
        unsafe { L::dot_wide(sums, codes, x) }
    }
}

/// A quantized format as the kernels see it.
pub(super) trait Layout {
    /// Its codes.
    type Codes: Codes;
    /// Which it is.
    const FORMAT: Format;
    /// What its units consist of.
    const UNIT: Unit = Unit::of(Self::FORMAT);
    /// Codes are `2^SHIFT` too large, where there are no minima.
    const SHIFT: u32 = match Self::FORMAT {
        Format::Q4_0 => 3,
        Format::Q5_0 => 4,
        Format::Q6K => 5,
        _ => 7,
    };
}

macro_rules! layouts {
    ($($name:ident: $codes:ident),+) => {$(
        pub(super) struct $name;
        impl Layout for $name {
            type Codes = $codes;
            const FORMAT: Format = Format::$name;
        }
    )+};
}
layouts!(Q4_0: Four, Q4_1: Four, Q5_0: Five, Q5_1: Five, Q8_0: Eight, Q4K: Four, Q5K: Five, Q6K: Six);
