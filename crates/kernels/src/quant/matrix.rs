//! A matrix of weights that stay as they are stored, and products with it.

use super::activation::{self, Block, SuperBlock};
use super::columns;
use super::dense::{self, BrainHalf, Half, Single};
use super::format::{BLOCK, Format, SUPER};
use super::packed::{ROWS, pack, unit_bytes, unpack_row};
use super::tiles::Job;
use super::unpack::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
use super::{large, small};
use crate::buffer::{Scratch, scratch};
use crate::cpu::conv::Shared;
use crate::par;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Weights `[rows, cols]` in one of the formats of GGUF files. Clones share them.
#[derive(Clone)]
pub struct Matrix(Arc<Weights>);

struct Weights {
    format: Format,
    rows: usize,
    cols: usize,
    /// Groups of 16 rows, see `packed`.
    groups: Scratch<u8>,
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Weights {
            format, rows, cols, ..
        } = &*self.0;
        write!(f, "Matrix([{rows}, {cols}], {format})")
    }
}

impl Matrix {
    /// From the blocks of a file, row after row. The weights are not rounded again; they are laid out for
    /// the kernels, which takes at most a twentieth more memory.
    ///
    /// # Errors
    /// A row is not whole blocks, or there are not as many bytes as the rows take.
    pub fn new(format: Format, rows: usize, cols: usize, bytes: &[u8]) -> Result<Self, String> {
        let Some(row) = format.bytes(cols).filter(|row| *row > 0) else {
            return Err(format!(
                "a {format} matrix of {cols} columns: a row must be one or more blocks of {} weights",
                format.block()
            ));
        };
        if row.checked_mul(rows) != Some(bytes.len()) {
            return Err(format!(
                "a {format} matrix of {rows} rows by {cols} columns takes {rows} x {row} bytes, \
                 but there are {}",
                bytes.len()
            ));
        }
        let group = cols / format.block() * unit_bytes(format);
        let Some(size) = rows.div_ceil(ROWS).checked_mul(group) else {
            return Err(format!(
                "a {format} matrix of {rows} rows by {cols} columns is too large"
            ));
        };
        let mut groups = scratch::<u8>(size);
        let parts = groups.par_chunks_exact_mut(group);
        parts
            .zip(bytes.par_chunks(row * ROWS))
            .for_each(|(to, rows)| pack(format, cols, rows, to));
        Ok(Self(Arc::new(Weights {
            format,
            rows,
            cols,
            groups,
        })))
    }

    /// How many outputs a product has.
    pub fn rows(&self) -> usize {
        self.0.rows
    }

    /// How many inputs.
    pub fn cols(&self) -> usize {
        self.0.cols
    }

    /// How the weights are stored.
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.0.groups.len()
    }

    /// Bytes of a group.
    fn group(&self) -> usize {
        self.0.cols / self.0.format.block() * unit_bytes(self.0.format)
    }

    /// Row `i` as f32, as [`dequantize`](super::dequantize) has it: what an embedding looks up.
    ///
    /// # Panics
    /// If there is no such row, or `out` has another length.
    pub fn row(&self, i: usize, out: &mut [f32]) {
        assert!(
            i < self.rows(),
            "row {i} of a matrix of {} rows",
            self.rows()
        );
        assert_eq!(
            out.len(),
            self.cols(),
            "a row of a matrix: length of the output"
        );
        let group = &self.0.groups[i / ROWS * self.group()..][..self.group()];
        unpack_row(self.format(), group, i % ROWS, out);
    }

    /// `out[n, rows] = x[n, cols] Wᵀ`.
    ///
    /// For formats with codes x is rounded to 8 bits, in blocks of 32 or 256, as llama.cpp does it; other
    /// formats take x as it is.
    ///
    /// # Panics
    /// If x is not whole rows, or `out` has another number of rows.
    pub fn product(&self, x: &[f32], out: &mut [f32]) {
        products([self], x, [out]);
    }
}

/// [`Matrix::product`] of several matrices with the same x, which is rounded once (queries, keys and
/// values; gate and up). The threads share all of them as one.
///
/// # Panics
/// As there, or if the matrices have different numbers of columns.
pub fn products<const N: usize>(matrices: [&Matrix; N], x: &[f32], out: [&mut [f32]; N]) {
    let Some(cols) = matrices.first().map(|m| m.cols()) else {
        return;
    };
    let n = x.len() / cols;
    assert_eq!(n * cols, x.len(), "product: x is not rows of {cols}");
    let out = out.map(|out| (out.len(), Shared::new(out)));
    for (matrix, (len, _)) in matrices.iter().zip(&out) {
        assert_eq!(matrix.cols(), cols, "product: matrices of one x");
        assert_eq!(*len, n * matrix.rows(), "product: length of the output");
    }
    if n == 0 {
        return;
    }
    let factor = Factor::new(x, matrices.iter().map(|m| m.format()));
    let groups = matrices.map(|m| m.rows().div_ceil(ROWS));
    let all: usize = groups.iter().sum();
    let run = |range: Range<usize>| {
        let mut first = 0;
        for i in 0..N {
            let own = range.start.max(first)..range.end.min(first + groups[i]);
            if !own.is_empty() {
                let own = own.start - first..own.end - first;
                matrices[i].groups_product(own, &factor, n, out[i].1);
            }
            first += groups[i];
        }
    };
    share(all, n * all * ROWS * cols, n, run);
}

/// Multiplications for which another thread is worth waking.
const GRAIN: usize = 192 << 10;

/// Calls `run` for ranges of `groups` on as many threads as `work` multiplications of `n` tokens are worth.
fn share(groups: usize, work: usize, n: usize, run: impl Fn(Range<usize>) + Sync) {
    let threads = par::threads().min(work / GRAIN);
    if threads <= 1 {
        return run(0..groups);
    }
    // Where there is much to do, smaller pieces let the threads finish together.
    let pieces = threads * if n > 4 { 4 } else { 1 };
    let each = groups.div_ceil(pieces);
    (0..groups.div_ceil(each))
        .into_par_iter()
        .with_max_len(1)
        .for_each(|i| run(i * each..((i + 1) * each).min(groups)));
}

/// x in the forms that the formats need.
struct Factor<'a> {
    plain: &'a [f32],
    small: Option<Scratch<Block>>,
    large: Option<Scratch<SuperBlock>>,
}

impl<'a> Factor<'a> {
    fn new(x: &'a [f32], formats: impl Iterator<Item = Format> + Clone) -> Self {
        let any = |block| formats.clone().any(|f| f.block() == block);
        Self {
            plain: x,
            small: any(BLOCK).then(|| activation::small(x)),
            large: any(SUPER).then(|| activation::large(x)),
        }
    }

    /// The form for a format: its first byte, and bytes of a unit.
    fn of(&self, format: Format) -> (*const u8, usize) {
        match (format.block(), &self.small, &self.large) {
            (BLOCK, Some(blocks), _) => (blocks.as_ptr().cast(), size_of::<Block>()),
            (SUPER, _, Some(blocks)) => (blocks.as_ptr().cast(), size_of::<SuperBlock>()),
            _ => (self.plain.as_ptr().cast(), size_of::<f32>()),
        }
    }
}

impl Matrix {
    /// Outputs of a range of groups.
    fn groups_product(&self, groups: Range<usize>, x: &Factor, n: usize, out: Shared<f32>) {
        let Weights {
            format, rows, cols, ..
        } = *self.0;
        let units = cols / format.block();
        let (x, unit) = x.of(format);
        let row = groups.start * ROWS;
        let job = Job {
            weights: self.0.groups[groups.start * self.group()..].as_ptr(),
            group: self.group(),
            rows: rows.min(groups.end * ROWS) - row,
            units,
            x,
            x_row: units * unit,
            tokens: n,
            out: out.at(row),
            out_row: rows,
        };
        let run: unsafe fn(&Job) = match format {
            Format::F32 => dense::run::<Single>,
            Format::F16 => dense::run::<Half>,
            Format::Bf16 => dense::run::<BrainHalf>,
            Format::Q8_0 => small::run::<Q8_0>,
            Format::Q4_0 => small::run::<Q4_0>,
            Format::Q4_1 => small::run::<Q4_1>,
            Format::Q5_0 => small::run::<Q5_0>,
            Format::Q5_1 => small::run::<Q5_1>,
            Format::Q4K => large::run::<Q4K>,
            Format::Q5K => large::run::<Q5K>,
            Format::Q6K => large::run::<Q6K>,
        };
        // SAFETY: the groups are whole and inside of the matrix; `Factor` made n rows of as many units, in
        // the form of the format; the output has n rows, checked by `products`, which keeps it borrowed,
        // and no two ranges of groups share a row.
        unsafe { run(&job) };
    }
}

impl Matrix {
    /// The weights of a range of rows as f32, transposed: `out[cols, rows]`. The range begins at a multiple
    /// of 16.
    pub(crate) fn columns(&self, range: Range<usize>, out: &mut [f32]) {
        assert!(
            range.start.is_multiple_of(ROWS) && range.end <= self.rows(),
            "rows {range:?}"
        );
        assert_eq!(
            out.len(),
            range.len() * self.cols(),
            "columns: length of the output"
        );
        let format = self.format();
        let run: unsafe fn(&columns::Job) = match format {
            Format::F32 => columns::dense::<Single>,
            Format::F16 => columns::dense::<Half>,
            Format::Bf16 => columns::dense::<BrainHalf>,
            Format::Q8_0 => columns::small::<Q8_0>,
            Format::Q4_0 => columns::small::<Q4_0>,
            Format::Q4_1 => columns::small::<Q4_1>,
            Format::Q5_0 => columns::small::<Q5_0>,
            Format::Q5_1 => columns::small::<Q5_1>,
            Format::Q4K => columns::large::<Q4K>,
            Format::Q5K => columns::large::<Q5K>,
            Format::Q6K => columns::large::<Q6K>,
        };
        let stride = range.len();
        let work = out.len();
        let out = Shared::new(out);
        let groups = self.0.groups[range.start / ROWS * self.group()..].chunks_exact(self.group());
        let groups: Vec<&[u8]> = groups.take(stride.div_ceil(ROWS)).collect();
        let one = |(i, group): (usize, &&[u8])| {
            let job = columns::Job {
                group: group.as_ptr(),
                units: self.cols() / format.block(),
                rows: (stride - i * ROWS).min(ROWS),
                out: out.at(i * ROWS),
                stride,
            };
            // SAFETY: the group is whole; the output has all columns of these rows, which no other group
            // writes, and stays borrowed.
            unsafe { run(&job) };
        };
        match par::pieces(work) {
            0 | 1 => groups.iter().enumerate().for_each(one),
            _ => groups.par_iter().enumerate().for_each(one),
        }
    }
}
