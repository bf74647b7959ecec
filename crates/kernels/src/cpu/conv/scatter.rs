//! The weight gradient: a sum over output pixels of outer products.

use super::Geometry;
use super::lanes::{Kernels, ROWS, Shared, kernels};
use super::outer::{Outer, Pair};
use super::plan::{Axis, Padded};
use super::weights::{Layout, unpack};
use crate::buffer::scratch;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// Output pixels that are summed in registers before the sum is added to memory; their gradients
/// stay in the second-level cache for all taps.
const BLOCK: usize = 256;
/// Multiplications below which everything stays on one thread.
const ALONE: usize = 1 << 19;
/// Bytes of sums, over all threads, above which pixels are not divided between threads.
const MOST: usize = 8 << 20;

/// One unit of work: part of a panel, summed over part of the pixels.
struct Item {
    /// Group, (first column, columns, columns with padding).
    panel: (usize, (usize, usize, usize)),
    /// Tiles of rows of the panel.
    tiles: std::ops::Range<usize>,
    /// Output pixels.
    pixels: std::ops::Range<usize>,
    /// Which copy of the sums.
    part: usize,
}

/// What all units share.
struct Pass<'a, T> {
    g: &'a Geometry,
    y: Axis,
    x: Axis,
    layout: Layout,
    kernels: Kernels<T>,
    input: &'a [T],
    dy: &'a [T],
    padded: Option<Padded<T>>,
    /// Taps (offsets along both axes); with a padded copy a single one.
    taps: Vec<(isize, isize)>,
    /// Offsets of the rows of a panel that share a tap.
    offsets: Vec<usize>,
    sums: Shared<T>,
}

/// `dw[o, c, i, j] = sum over output pixels of dy[.., o] x[pixel moved by the tap, c]`.
pub(super) fn backward_weights<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    input: &[T],
    dy: &[T],
    dw: &mut [T],
) {
    let [y, x] = g.forward_axes(out);
    let (cin, cout) = (g.cin / g.groups, g.cout / g.groups);
    let layout = Layout::forward(g.groups, cin, cout, g.kernel[0] * g.kernel[1]);
    let rows = y.taps.iter().map(|(i, _)| i * g.kernel[1]);
    let used: Vec<usize> = rows
        .flat_map(|i| x.taps.iter().map(move |(j, _)| i + j))
        .collect();
    let pixels = g.n * out[0] * out[1];
    if pixels == 0 || used.is_empty() {
        return dw.fill(T::ZERO);
    }
    let padded = match g.groups {
        1 => Padded::of(input, g.n, cin, &y, &x),
        _ => None,
    };
    let (taps, offsets) = match &padded {
        Some(copy) => {
            let down = y
                .taps
                .iter()
                .map(|tap| (tap.1 - y.taps[0].1) as usize * copy.w * cin);
            let runs = down.flat_map(|down| down..down + x.taps.len() * cin);
            (vec![(0, 0)], runs.collect())
        }
        None => {
            let all = y
                .taps
                .iter()
                .flat_map(|i| x.taps.iter().map(move |j| (i.1, j.1)));
            (all.collect(), (0..cin).collect::<Vec<_>>())
        }
    };

    let kernels = kernels::<T>();
    let size = used.len() * cin * kernels.padded(cout) * g.groups;
    let work = pixels * g.cout * used.len() * cin;
    let threads = if work < ALONE { 1 } else { par::threads() };
    let tiles = taps.len() * offsets.len().div_ceil(ROWS);
    let panels: Vec<_> = (0..g.groups)
        .flat_map(|group| kernels.panels(cout).into_iter().map(move |p| (group, p)))
        .collect();
    let (cuts, parts) = division(threads, panels.len(), tiles, pixels, size * size_of::<T>());
    let mut items = Vec::new();
    let (deep, long) = (tiles.div_ceil(cuts), pixels.div_ceil(parts));
    let parts = pixels.div_ceil(long);
    let mut sums = scratch::<T>(parts * size);
    for &panel in &panels {
        for first in (0..tiles).step_by(deep) {
            for (part, pixel) in (0..pixels).step_by(long).enumerate() {
                items.push(Item {
                    panel,
                    tiles: first..(first + deep).min(tiles),
                    pixels: pixel..(pixel + long).min(pixels),
                    part,
                });
            }
        }
    }
    let pass = Pass {
        g,
        y,
        x,
        layout,
        kernels,
        input,
        dy,
        padded,
        taps,
        offsets,
        sums: Shared::new(&mut sums),
    };
    match threads {
        1 => items.iter().for_each(|item| pass.item(item, size)),
        _ => items.par_iter().for_each(|item| pass.item(item, size)),
    }
    unpack(&sums, parts, &pass.layout, &used, &pass.kernels, dw);
}

/// (ranges of tiles, ranges of pixels) so that every thread has something to do. Rows are divided
/// before pixels, because that needs no second copy of the sums.
fn division(
    threads: usize,
    panels: usize,
    tiles: usize,
    pixels: usize,
    bytes: usize,
) -> (usize, usize) {
    if threads == 1 {
        return (1, 1);
    }
    // A cut repeats the packing of gradients, so it should keep some tiles together.
    let cuts = (2 * threads).div_ceil(panels).min(tiles.div_ceil(4));
    let missing = (2 * threads).div_ceil(panels * cuts);
    let parts = missing.min(MOST / bytes.max(1)).min(pixels / BLOCK).max(1);
    (cuts, parts)
}

impl<T: Real> Pass<'_, T> {
    /// The sums of an item.
    fn item(&self, item: &Item, size: usize) {
        let (group, (first, used, padded)) = item.panel;
        let depth = self.taps.len() * self.offsets.len();
        let base = item.part * size
            + group * depth * self.kernels.padded(self.layout.outputs)
            + depth * first;
        let column = group * self.layout.outputs + first;
        let per_tap = self.offsets.len().div_ceil(ROWS);
        let mut gradients = vec![T::ZERO; BLOCK * padded];
        let mut pairs = Vec::with_capacity(BLOCK);
        for start in item.pixels.clone().step_by(BLOCK) {
            let pixels = start..(start + BLOCK).min(item.pixels.end);
            let rows = self.dy[start * self.g.cout..].chunks(self.g.cout);
            for (to, row) in gradients
                .chunks_exact_mut(padded)
                .zip(rows)
                .take(pixels.len())
            {
                to[..used].copy_from_slice(&row[column..column + used]);
            }
            let mut tap = usize::MAX;
            for tile in item.tiles.clone() {
                if tile / per_tap != tap {
                    tap = tile / per_tap;
                    self.pairs(tap, group, pixels.clone(), &gradients, padded, &mut pairs);
                }
                let offset = tile % per_tap * ROWS;
                let rows = ROWS.min(self.offsets.len() - offset);
                let vectors = padded / self.kernels.lanes;
                let row = tap * self.offsets.len() + offset;
                let outer = Outer {
                    pairs: pairs.as_ptr(),
                    count: pairs.len(),
                    offsets: self.offsets[offset..].as_ptr(),
                    sum: self.sums.at(base + row * padded),
                    add: start > item.pixels.start,
                };
                // SAFETY: each pair has a pixel of the input (or of the padded copy, from where all
                // offsets stay inside) and a row of `gradients`; the sums are rows of a panel that
                // only this item has, and that
                // the first block has written when others add to them. The table was made for this machine.
                unsafe { self.kernels.outer[rows - 1][vectors - 1](&outer) };
            }
        }
    }

    /// The pixels of a tap that are not padding, with the gradients that they meet.
    fn pairs(
        &self,
        tap: usize,
        group: usize,
        pixels: std::ops::Range<usize>,
        gradients: &[T],
        padded: usize,
        pairs: &mut Vec<Pair<T>>,
    ) {
        pairs.clear();
        let (down, right) = self.taps[tap];
        let (mut line, mut qx) = (pixels.start / self.x.count, pixels.start % self.x.count);
        let mut left = &gradients[..pixels.len() * padded];
        while !left.is_empty() {
            let (image, qy) = (line / self.y.count, line % self.y.count);
            let end = self.x.count.min(qx + left.len() / padded);
            let (now, later) = left.split_at((end - qx) * padded);
            let rows = (qx..end).zip(now.chunks_exact(padded));
            match &self.padded {
                Some(copy) => {
                    let first = copy.window(image, qy * self.y.advance, 0, self.g.cin);
                    let data = &copy.data[first..];
                    let step = self.x.advance * self.g.cin;
                    pairs.extend(rows.map(|(qx, row)| Pair {
                        x: data[qx * step..].as_ptr(),
                        dy: row.as_ptr(),
                    }));
                }
                None => {
                    if let Some(iy) = self.y.input(qy, down) {
                        let first = (image * self.g.h + iy) * self.g.w * self.g.cin;
                        let data = &self.input[first + group * self.layout.inputs..];
                        pairs.extend(rows.filter_map(|(qx, row)| {
                            let ix = self.x.input(qx, right)?;
                            Some(Pair {
                                x: data[ix * self.g.cin..].as_ptr(),
                                dy: row.as_ptr(),
                            })
                        }));
                    }
                }
            }
            (line, qx, left) = (line + 1, 0, later);
        }
    }
}
