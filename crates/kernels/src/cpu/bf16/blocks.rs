//! The product in blocks: the right operand is packed once for all threads, the left one by each task
//! for its own rows.

use super::pack::{Lines, Order, SIDE, pack};
use super::tile::{Block, COLUMNS, PAIRS, ROW, ROWS};
use crate::buffer::scratch;
use crate::cpu::conv::Shared;
use crate::par;
use rayon::prelude::*;

/// The sizes of a product `[m, k] [k, n]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    m: usize,
    k: usize,
    n: usize,
}

impl Sizes {
    /// Of `m` rows, sums of `k` terms and `n` columns.
    pub(super) fn new(m: usize, k: usize, n: usize) -> Self {
        Self { m, k, n }
    }
}

/// A matrix in a slice: element `(i, j)` is at `i * row + j * col`, and one of the two is 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mat<'a> {
    data: &'a [f32],
    row: usize,
    col: usize,
}

impl<'a> Mat<'a> {
    /// Row-major with `columns` columns.
    pub(super) fn rows(data: &'a [f32], columns: usize) -> Self {
        Self {
            data,
            row: columns,
            col: 1,
        }
    }

    /// The transpose; no element moves.
    pub(super) fn t(self) -> Self {
        Self {
            row: self.col,
            col: self.row,
            ..self
        }
    }

    /// Asserts that so many rows and columns lie inside the slice.
    fn check(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.row + (columns - 1) * self.col;
        assert!(
            last < self.data.len(),
            "bf16 product: a factor is too small"
        );
    }
}

/// Strips of rows of a task: its packed rows take a part of the second cache.
const STRIPS: usize = 14;
/// Pairs of the right operand that are packed at a time, for all columns together (512 KB): it is read
/// by every task, so it should stay in the second cache.
const PACKED: usize = 1 << 17;
/// Multiplications below which a product stays on one thread.
const ALONE: usize = 1 << 20;

/// How the result is shared out: tasks of `rows` rows by `columns` columns.
struct Grid {
    rows: usize,
    columns: usize,
}

impl Grid {
    fn new(m: usize, n: usize, threads: usize) -> Self {
        let strips = m.div_ceil(ROWS);
        // Every thread gets as many tasks as the others.
        let tasks = strips
            .div_ceil(STRIPS)
            .next_multiple_of(threads)
            .min(strips);
        let rows = strips.div_ceil(tasks);
        let panels = n.div_ceil(COLUMNS);
        let groups = threads.div_ceil(strips.div_ceil(rows)).min(panels);
        Self {
            rows: rows * ROWS,
            columns: panels.div_ceil(groups) * COLUMNS,
        }
    }
}

/// `c[m, n] = a[m, k] b[k, n] + bias[n]` for sizes above 0, on a processor with AVX-512 BF16. The result
/// is the same for any number of threads.
pub(super) fn product(sizes: Sizes, a: Mat, b: Mat, bias: Option<&[f32]>, c: &mut [f32]) {
    let Sizes { m, k, n } = sizes;
    assert_eq!(c.len(), m * n, "bf16 product: length of the result");
    a.check(m, k);
    b.check(k, n);
    let left = Lines::new(a.data, a.row, a.col);
    let right = Lines::new(b.data, b.col, b.row);
    let threads = match m * n * k > ALONE {
        true => par::threads(),
        false => 1,
    };
    let panels = n.div_ceil(COLUMNS);
    let most = (PACKED / (panels * COLUMNS)).max(1).next_multiple_of(PAIRS) * 2;
    for first in (0..k).step_by(most) {
        let terms = (k - first).min(most);
        let panel = terms.div_ceil(2).next_multiple_of(SIDE) * COLUMNS;
        let mut packed = scratch::<u32>(panels * panel);
        let fill = |(i, to): (usize, &mut [u32])| {
            let lines = (n - i * COLUMNS).min(COLUMNS);
            let from = right.from(i * COLUMNS, first);
            // SAFETY: `native` has seen the instructions; the asserts, that all lines and terms are in the
            // operand; `to` holds a panel of whole blocks.
            unsafe { pack(from, lines, terms, to.as_mut_ptr(), COLUMNS, Order::Across) };
        };
        match threads {
            1 => packed.chunks_exact_mut(panel).enumerate().for_each(fill),
            _ => packed
                .par_chunks_exact_mut(panel)
                .enumerate()
                .for_each(fill),
        }
        let pass = Pass {
            sizes,
            left: left.from(0, first),
            terms,
            packed: &packed,
            panel,
            bias: bias.filter(|_| first == 0),
            add: first > 0,
            out: Shared::new(c),
        };
        pass.run(Grid::new(m, n, threads), threads);
    }
}

/// The sums over the terms whose right operand is packed.
struct Pass<'a> {
    sizes: Sizes,
    left: Lines,
    terms: usize,
    packed: &'a [u32],
    /// Length of a panel.
    panel: usize,
    /// Where the sums start, with zeros if there is none …
    bias: Option<&'a [f32]>,
    /// … or with what is in the result.
    add: bool,
    out: Shared<f32>,
}

impl Pass<'_> {
    fn run(&self, grid: Grid, threads: usize) {
        let across = self.sizes.n.div_ceil(grid.columns);
        let task = |i: usize| self.task(&grid, i / across, i % across);
        let tasks = 0..self.sizes.m.div_ceil(grid.rows) * across;
        match threads {
            1 => tasks.for_each(task),
            _ => tasks.into_par_iter().with_max_len(1).for_each(task),
        }
    }

    /// One rectangle of the result.
    fn task(&self, grid: &Grid, down: usize, right: usize) {
        let Sizes { m, n, .. } = self.sizes;
        let (row, column) = (down * grid.rows, right * grid.columns);
        let (rows, columns) = ((m - row).min(grid.rows), (n - column).min(grid.columns));
        let mut rows_packed = scratch::<u32>(rows.next_multiple_of(SIDE) * ROW);
        let out = self.out.at(row * n + column);
        for first in (0..self.terms).step_by(2 * PAIRS) {
            let terms = (self.terms - first).min(2 * PAIRS);
            let from = self.left.from(row, first);
            let to = rows_packed.as_mut_ptr();
            let (start, start_row) = match self.bias {
                _ if self.add || first > 0 => (out.cast_const(), n),
                Some(bias) => (bias[column..].as_ptr(), 0),
                None => (std::ptr::null(), 0),
            };
            let block = Block {
                left: to,
                rows,
                right: self.packed[column / COLUMNS * self.panel + first / 2 * COLUMNS..].as_ptr(),
                panel: self.panel,
                columns,
                pairs: terms.div_ceil(2),
                start,
                start_row,
                out,
                out_row: n,
            };
            // SAFETY: `native` has seen the instructions; the asserts, that all rows and terms are in the
            // operand. The packed rows have room for whole blocks, and their pairs for `PAIRS`. Tasks
            // write rectangles of the result that do not overlap.
            unsafe {
                pack(from, rows, terms, to, ROW, Order::Along);
                block.run();
            }
        }
    }
}
