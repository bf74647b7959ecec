//! Weights back as f32, for products that do not round the other factor: transposed, since a lane is a
//! row of the matrix.

use super::dense::Number;
use super::format::{BLOCK, SUPER};
use super::lanes::{Lanes, for_each_level};
use super::packed::ROWS;
use super::unpack::{Codes, Layout};

/// The weights of up to 16 rows, `out[column, row]`.
pub(super) struct Job {
    /// Their group.
    pub(super) group: *const u8,
    /// Its units.
    pub(super) units: usize,
    /// Rows that are wanted.
    pub(super) rows: usize,
    /// The first column of the first row.
    pub(super) out: *mut f32,
    /// Distance between columns.
    pub(super) stride: usize,
}

impl Job {
    /// Writes a column, for the rows that begin at `row`.
    ///
    /// # Safety
    /// The contract of [`Lanes`]; the group has that column and the output is valid for the job.
    #[inline(always)]
    unsafe fn put<L: Lanes>(&self, column: usize, row: usize, values: L::Floats) {
        let left = self.rows.saturating_sub(row);
        // SAFETY: the caller's contract; what is left of the rows may be none.
        unsafe {
            L::store_part(
                values,
                self.out.wrapping_add(column * self.stride + row),
                left,
            )
        };
    }
}

for_each_level! {
    /// Of a format with blocks of 32.
    ///
    /// # Safety
    /// The group is whole, and the output valid for `rows` rows of all columns.
    pub(super) unsafe fn small[F: Layout](job: &Job) = small_body;
}

for_each_level! {
    /// Of a format with blocks of 256.
    ///
    /// # Safety
    /// As for [`small`].
    pub(super) unsafe fn large[F: Layout](job: &Job) = large_body;
}

for_each_level! {
    /// Of numbers with a point.
    ///
    /// # Safety
    /// As for [`small`].
    pub(super) unsafe fn dense[W: Number](job: &Job) = dense_body;
}

/// `d (q - offset) + m` of a register of four columns.
///
/// # Safety
/// As for [`Job::put`], with four columns.
#[inline(always)]
unsafe fn put_four<L: Lanes, F: Layout>(
    job: &Job,
    column: usize,
    row: usize,
    codes: L::Codes,
    [d, m]: [L::Floats; 2],
) {
    let offset = if F::UNIT.minima {
        0.0
    } else {
        -((1 << F::SHIFT) as f32)
    };
    for i in 0..4 {
        // SAFETY: the caller's contract.
        unsafe {
            let q = L::float(L::column(codes, i));
            let q = L::fma(q, L::splat(1.0), L::splat(offset));
            job.put::<L>(column + i, row, L::fma(q, d, m));
        }
    }
}

#[inline(always)]
unsafe fn small_body<L: Lanes, F: Layout>(job: &Job) {
    // SAFETY: the contract of `small`: whole units of a scale, perhaps a minimum, and a chunk.
    unsafe {
        for at in 0..job.units {
            let unit = job.group.add(at * F::UNIT.bytes());
            for row in (0..ROWS).step_by(L::ROWS) {
                let d = L::halves(unit.add(2 * row).cast());
                let m = match F::UNIT.minima {
                    true => L::halves(unit.add(2 * (ROWS + row)).cast()),
                    false => L::splat(0.0),
                };
                for i in 0..4 {
                    let two = F::Codes::two::<L>(unit.add(F::UNIT.codes_at()), row, i);
                    for (j, codes) in two.into_iter().enumerate() {
                        let column = at * BLOCK + 8 * i + 4 * j;
                        put_four::<L, F>(job, column, row, codes, [d, m]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn large_body<L: Lanes, F: Layout>(job: &Job) {
    // SAFETY: the contract of `large`: whole units of scales, perhaps minima, and eight chunks.
    unsafe {
        for at in 0..job.units {
            let unit = job.group.add(at * F::UNIT.bytes());
            for row in (0..ROWS).step_by(L::ROWS) {
                for i in 0..SUPER / 8 {
                    let scale = 8 * i * F::UNIT.scales / SUPER;
                    let affine = affine::<L, F>(unit, row, scale);
                    let chunk = F::UNIT.codes_at() + i / 4 * F::Codes::BITS.chunk();
                    let two = F::Codes::two::<L>(unit.add(chunk), row, i % 4);
                    for (j, codes) in two.into_iter().enumerate() {
                        let column = at * SUPER + 8 * i + 4 * j;
                        put_four::<L, F>(job, column, row, codes, affine);
                    }
                }
            }
        }
    }
}

/// Scale `at` of a unit and the negative of its minimum.
///
/// # Safety
/// The contract of [`Lanes`]; the unit is whole.
#[inline(always)]
unsafe fn affine<L: Lanes, F: Layout>(unit: *const u8, row: usize, at: usize) -> [L::Floats; 2] {
    // SAFETY: the caller's contract.
    unsafe {
        let d = L::halves(unit.add(2 * row).cast());
        let from = unit.add(F::UNIT.scales_at() + ROWS * at + row);
        if !F::UNIT.minima {
            return [L::times(d, L::float(L::signed_bytes(from))), L::splat(0.0)];
        }
        let m = L::halves(unit.add(2 * (ROWS + row)).cast());
        let pairs = L::pairs(unit.add(F::UNIT.minima_at() + 2 * (at / 2 * ROWS + row)));
        let minimum = L::times(m, L::float(L::column(pairs, at % 2 * 2)));
        [
            L::times(d, L::float(L::bytes(from))),
            L::times(minimum, L::splat(-1.0)),
        ]
    }
}

#[inline(always)]
unsafe fn dense_body<L: Lanes, W: Number>(job: &Job) {
    // SAFETY: the contract of `dense`: 16 numbers of each column.
    unsafe {
        for column in 0..job.units {
            for row in (0..ROWS).step_by(L::ROWS) {
                let from = job.group.add((column * ROWS + row) * W::BYTES);
                job.put::<L>(column, row, W::load::<L>(from));
            }
        }
    }
}
