//! Operands in the order in which [`super::tile`] reads them.
//!
//! Two neighbouring terms of a sum, rounded to bf16, make a *pair*: 32 bits, the first term in the
//! lower half, as the processor's dot product takes them. The left operand keeps the pairs of a row
//! together, of the right one the pairs of all columns of a panel that belong to the same two terms.

use crate::cpu::transpose::swap_axes;
use std::arch::x86_64::*;

/// Rows, and pairs, of a block that is packed in registers.
pub(super) const SIDE: usize = 16;

/// Lines of one operand: rows of the left one, columns of the right one. Term `k` of line `i` is at
/// `i * line + k * term`, and one of the two distances is 1.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    data: *const f32,
    line: usize,
    term: usize,
}

// SAFETY: elements are only read, and the operand stays borrowed for the whole product.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    /// Of a slice that stays borrowed while they are used.
    pub(super) fn new(data: &[f32], line: usize, term: usize) -> Self {
        assert!(line == 1 || term == 1, "bf16 product: a factor with gaps");
        Self {
            data: data.as_ptr(),
            line,
            term,
        }
    }

    /// Those from line `i` and term `k` on.
    pub(super) fn from(self, i: usize, k: usize) -> Self {
        Self {
            data: self.data.wrapping_add(i * self.line + k * self.term),
            ..self
        }
    }
}

/// What lies together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The pairs of a line: `to[line * step + pair]`.
    Along,
    /// The lines of a pair: `to[pair * step + line]`.
    Across,
}

/// Packs `terms` of `lines` lines; what is missing to whole blocks of [`SIDE`] lines and pairs is
/// filled with zeros.
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16; the elements are readable and `to` has room for whole
/// blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn pack(
    from: Lines,
    lines: usize,
    terms: usize,
    to: *mut u32,
    step: usize,
    order: Order,
) {
    for i in (0..lines).step_by(SIDE) {
        for k in (0..terms).step_by(2 * SIDE) {
            let offset = match order {
                Order::Along => i * step + k / 2,
                Order::Across => k / 2 * step + i,
            };
            let (lines, terms) = ((lines - i).min(SIDE), (terms - k).min(2 * SIDE));
            // SAFETY: the block lies inside of what the caller promises.
            unsafe { block(from.from(i, k), lines, terms, to.add(offset), step, order) };
        }
    }
}

/// One block of up to [`SIDE`] lines and pairs.
///
/// # Safety
/// As for [`pack`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn block(from: Lines, lines: usize, terms: usize, to: *mut u32, step: usize, order: Order) {
    let along = from.term == 1;
    // SAFETY: as the caller promises; the registers are lines or pairs as `along` says.
    let mut registers = unsafe {
        match along {
            true => lines_of_pairs(from, lines, terms),
            false => pairs_of_lines(from, lines, terms),
        }
    };
    if along != (order == Order::Along) {
        registers = swap_axes(registers);
    }
    for (i, register) in registers.into_iter().enumerate() {
        // SAFETY: the caller has room for a whole block.
        unsafe { _mm512_storeu_ps(to.add(i * step).cast(), register) };
    }
}

/// A register for each line, its lanes the pairs, from lines whose terms lie together.
///
/// # Safety
/// As for [`pack`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn lines_of_pairs(from: Lines, lines: usize, terms: usize) -> [__m512; SIDE] {
    let (low, high) = (mask(terms), mask(terms.saturating_sub(SIDE)));
    let mut registers = [_mm512_setzero_ps(); SIDE];
    for (i, register) in registers.iter_mut().enumerate() {
        if i < lines {
            let line = from.data.wrapping_add(i * from.line);
            // SAFETY: `terms` elements of the line are readable; masked ones are not read.
            *register = unsafe {
                let first = _mm512_maskz_loadu_ps(low, line);
                let second = _mm512_maskz_loadu_ps(high, line.wrapping_add(SIDE));
                bits(_mm512_cvtne2ps_pbh(second, first))
            };
        }
    }
    registers
}

/// A register for each pair, its lanes the lines, from terms whose lines lie together.
///
/// # Safety
/// As for [`pack`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pairs_of_lines(from: Lines, lines: usize, terms: usize) -> [__m512; SIDE] {
    // Element 2 i from the first half, 2 i + 1 from the second.
    let interleaved: [u16; 32] = std::array::from_fn(|i| (i / 2 + i % 2 * SIDE) as u16);
    // SAFETY: the array has the size of a register.
    let interleaved = unsafe { _mm512_loadu_si512(interleaved.as_ptr().cast()) };
    let used = mask(lines);
    let mut registers = [_mm512_setzero_ps(); SIDE];
    for (pair, register) in registers.iter_mut().enumerate() {
        let line = |term: usize| {
            let there = if term < terms { used } else { 0 };
            let place = from.data.wrapping_add(term * from.term);
            // SAFETY: `lines` elements of a term that exists are readable; masked ones are not read.
            unsafe { _mm512_maskz_loadu_ps(there, place) }
        };
        if 2 * pair < terms {
            let halves = _mm512_cvtne2ps_pbh(line(2 * pair + 1), line(2 * pair));
            let halves = _mm512_castps_si512(bits(halves));
            *register = _mm512_castsi512_ps(_mm512_permutexvar_epi16(interleaved, halves));
        }
    }
    registers
}

/// The first `count` lanes, at most all.
fn mask(count: usize) -> __mmask16 {
    if count >= SIDE {
        __mmask16::MAX
    } else {
        (1 << count) - 1
    }
}

/// The register as 32-bit lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn bits(pairs: __m512bh) -> __m512 {
    // SAFETY: both are 512 bits, all of which are valid in either.
    unsafe { std::mem::transmute::<__m512bh, __m512>(pairs) }
}
