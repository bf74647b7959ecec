//! Some rows of a matrix times some rows of the other factor, tile by tile.
//!
//! A tile has one register of rows, so that the weights are one stream from memory: two streams side by
//! side are read at half the speed.

use super::lanes::Lanes;
use super::packed::ROWS;
use std::ops::Range;

/// What a kernel computes: `out[token, row] = Σ weights[row, …] x[token, …]`.
#[derive(Clone, Copy)]
pub(super) struct Job {
    /// The first group of rows.
    pub(super) weights: *const u8,
    /// Bytes of a group.
    pub(super) group: usize,
    /// Rows; the last group may have fewer than 16.
    pub(super) rows: usize,
    /// Units of a row.
    pub(super) units: usize,
    /// Rows of the other factor, `[tokens, units]` of what a kernel takes for a unit.
    pub(super) x: *const u8,
    /// Bytes of a row of it.
    pub(super) x_row: usize,
    /// How many.
    pub(super) tokens: usize,
    /// The result for the first row.
    pub(super) out: *mut f32,
    /// Distance between its tokens.
    pub(super) out_row: usize,
}

/// The most tokens of a tile …
const TOKENS: usize = 8;
/// … and with 16 registers.
const FEW: usize = 4;

/// Bytes of the other factor that are used for all rows before the next: half of a second cache.
const BLOCK: usize = 512 << 10;

impl Job {
    /// The group of register `part` of the rows, and where in the group it begins.
    ///
    /// # Safety
    /// The job has that register.
    #[inline(always)]
    pub(super) unsafe fn part<L: Lanes>(&self, part: usize) -> (*const u8, usize) {
        let row = part * L::ROWS;
        // SAFETY: the caller's contract; groups follow each other.
        (
            unsafe { self.weights.add(row / ROWS * self.group) },
            row % ROWS,
        )
    }

    /// Row `token` of the other factor.
    ///
    /// # Safety
    /// The job has that token.
    #[inline(always)]
    pub(super) unsafe fn token<B>(&self, token: usize) -> *const B {
        // SAFETY: the caller's contract.
        unsafe { self.x.add(token * self.x_row).cast() }
    }

    /// Writes the sums of a tile.
    ///
    /// # Safety
    /// The contract of [`Lanes`]; the job has this register and these tokens.
    #[inline(always)]
    pub(super) unsafe fn store<L: Lanes, const T: usize>(
        &self,
        part: usize,
        token: usize,
        sums: [L::Floats; T],
    ) {
        let row = part * L::ROWS;
        for (t, sums) in sums.into_iter().enumerate() {
            // SAFETY: the caller's contract: inside of the result, and no more rows than it has.
            unsafe {
                let to = self.out.add((token + t) * self.out_row + row);
                L::store_part(sums, to, self.rows - row);
            }
        }
    }
}

/// A kernel for tiles of a register of rows by `T` tokens.
pub(super) trait Tile {
    /// Computes the tile at register `part` and token `token` of the job.
    ///
    /// # Safety
    /// The contract of [`Lanes`]; everything that the fields of the job describe is readable, or
    /// writable, and it has this register and these tokens.
    unsafe fn run<L: Lanes, const T: usize>(job: &Job, part: usize, token: usize);
}

/// All tiles of a job.
///
/// # Safety
/// The contract of [`Lanes`]; everything that the fields describe is readable, or writable.
#[inline(always)]
pub(super) unsafe fn all<L: Lanes, K: Tile>(job: &Job) {
    let most = (BLOCK / job.x_row.max(1)).max(TOKENS);
    let blocks = job.tokens.div_ceil(most);
    for block in 0..blocks {
        let tokens = job.tokens * block / blocks..job.tokens * (block + 1) / blocks;
        for part in 0..job.rows.div_ceil(L::ROWS) {
            // SAFETY: the caller's contract; this register and these tokens are there.
            unsafe { strip::<L, K>(job, part, tokens.clone()) };
        }
    }
}

/// A register of rows times a range of tokens.
///
/// # Safety
/// As for [`all`]; the job has that register and these tokens.
#[inline(always)]
unsafe fn strip<L: Lanes, K: Tile>(job: &Job, part: usize, tokens: Range<usize>) {
    let most = if L::MANY { TOKENS } else { FEW };
    let strips = tokens.len().div_ceil(most);
    let mut token = tokens.start;
    for i in 0..strips {
        let count = (tokens.end - token).div_ceil(strips - i);
        macro_rules! choose {
            ($($n:literal)*) => {
                match count {
                    // SAFETY: the caller's contract.
                    $($n => unsafe { K::run::<L, $n>(job, part, token) },)*
                    _ => unreachable!("a tile of {count} tokens"),
                }
            };
        }
        if L::MANY {
            choose!(1 2 3 4 5 6 7 8);
        } else {
            choose!(1 2 3 4);
        }
        token += count;
    }
}

/// Four neighbouring codes of the other factor.
///
/// # Safety
/// The array is readable, and `at + 4 <= N`.
#[inline(always)]
pub(super) unsafe fn four<const N: usize>(codes: *const [i8; N], at: usize) -> i32 {
    // SAFETY: the caller's contract.
    unsafe { codes.cast::<i8>().add(at).cast::<i32>().read_unaligned() }
}
