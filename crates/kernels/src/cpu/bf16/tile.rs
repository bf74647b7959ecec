//! The innermost product: up to 14 rows by 32 columns of sums in registers.

use super::pack::SIDE;
use std::arch::x86_64::*;

/// Rows of sums: 28 of the 32 registers hold sums, two the right operand, one the left.
pub(super) const ROWS: usize = 14;
/// Columns of sums, and of a panel of the right operand.
pub(super) const COLUMNS: usize = 2 * SIDE;
/// The most pairs in one pass: a panel of the right operand takes half of the first cache.
pub(super) const PAIRS: usize = 128;
/// Distance between rows of the left operand. It is a constant, so that rows are offsets from one
/// address, and a cache line more than the pairs take, so that they do not fall into one set of the
/// cache.
pub(super) const ROW: usize = PAIRS + SIDE;

/// A block of rows times panels of columns.
pub(super) struct Block {
    /// Packed rows, [`ROW`] apart.
    pub(super) left: *const u32,
    /// How many.
    pub(super) rows: usize,
    /// Packed panels, `[panel][pair][column]`.
    pub(super) right: *const u32,
    /// Distance between panels.
    pub(super) panel: usize,
    /// Columns of the result, in as many panels as they need.
    pub(super) columns: usize,
    /// Pairs of the sums.
    pub(super) pairs: usize,
    /// Where the sums start: nothing (null), a bias, or what is in the result.
    pub(super) start: *const f32,
    /// Distance between its rows.
    pub(super) start_row: usize,
    /// The result.
    pub(super) out: *mut f32,
    /// Distance between its rows.
    pub(super) out_row: usize,
}

impl Block {
    /// Computes it.
    ///
    /// # Safety
    /// The processor has AVX-512 F and BF16, and everything that the fields describe is readable, or
    /// writable, and whole panels are packed.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) unsafe fn run(&self) {
        let strips = self.rows.div_ceil(ROWS);
        for first in (0..self.columns).step_by(COLUMNS) {
            let columns = (self.columns - first).min(COLUMNS);
            let mut row = 0;
            for i in 0..strips {
                let rows = (self.rows - row).div_ceil(strips - i);
                // SAFETY: `row .. row + rows` and `first .. first + columns` are inside the block.
                unsafe { self.strip(row, rows, first, columns) };
                row += rows;
            }
        }
    }

    /// [`Self::tile`] for numbers of rows and columns known at run time.
    ///
    /// # Safety
    /// As for [`Self::run`], with rows and columns of the block.
    #[inline(always)]
    unsafe fn strip(&self, row: usize, rows: usize, first: usize, columns: usize) {
        macro_rules! choose {
            ($($n:literal)*) => {
                match (rows, columns > SIDE) {
                    // SAFETY: as the caller promises.
                    $(($n, true) => unsafe { self.tile::<$n, 2>(row, first, columns) },
                    // SAFETY: as the caller promises.
                    ($n, false) => unsafe { self.tile::<$n, 1>(row, first, columns) },)*
                    _ => unreachable!("a strip of {rows} rows"),
                }
            };
        }
        choose!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    }

    /// `R` rows by `C` registers of columns, of which `columns` exist.
    ///
    /// # Safety
    /// As for [`Self::strip`].
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // constant bounds, so that everything stays in registers
    unsafe fn tile<const R: usize, const C: usize>(
        &self,
        row: usize,
        first: usize,
        columns: usize,
    ) {
        // SAFETY: the caller vouches for the rows and columns; masked lanes are neither read nor
        // written, and the packed operands are whole registers.
        unsafe {
            let masks: [__mmask16; C] = std::array::from_fn(|j| {
                let used = (columns - j * SIDE).min(SIDE);
                (u32::MAX >> (32 - used)) as __mmask16
            });
            let mut sums = [[_mm512_setzero_ps(); C]; R];
            if !self.start.is_null() {
                let start = self.start.add(row * self.start_row + first);
                for i in 0..R {
                    for j in 0..C {
                        let place = start.add(i * self.start_row + j * SIDE);
                        sums[i][j] = _mm512_maskz_loadu_ps(masks[j], place);
                    }
                }
            }
            let mut left = self.left.add(row * ROW);
            let mut right = self.right.add(first / COLUMNS * self.panel);
            for _ in 0..self.pairs {
                let columns: [__m512bh; C] =
                    std::array::from_fn(|j| pairs(_mm512_loadu_si512(right.add(j * SIDE).cast())));
                for i in 0..R {
                    let value = pairs(_mm512_set1_epi32(*left.add(i * ROW).cast()));
                    for j in 0..C {
                        sums[i][j] = _mm512_dpbf16_ps(sums[i][j], value, columns[j]);
                    }
                }
                left = left.add(1);
                right = right.add(COLUMNS);
            }
            let out = self.out.add(row * self.out_row + first);
            for i in 0..R {
                for j in 0..C {
                    let place = out.add(i * self.out_row + j * SIDE);
                    _mm512_mask_storeu_ps(place, masks[j], sums[i][j]);
                }
            }
        }
    }
}

/// 32-bit lanes as pairs.
#[inline(always)]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits, all of which are valid in either.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(bits) }
}
