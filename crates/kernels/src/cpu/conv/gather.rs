//! Forward and data gradient: every output pixel gathers the inputs it needs.

use super::lanes::{Kernels, ROWS, Shared, kernels};
use super::plan::{Axis, Padded};
use super::tile::Tile;
use super::weights::{Layout, pack};
use crate::cpu::epilogue::Epilogue;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// Tiles whose inputs are used while a panel of weights is in the second-level cache.
const BLOCK: usize = 32;
/// Rows of a panel that are used at a time: 128 KB of f32 with the widest panel.
const DEPTH: usize = 512;
/// Pixels of an image up to which the same pixel of different images is taken together. So near the
/// border much is padding, and pixels at the same position have the same taps in it.
const SMALL: usize = 64;
/// Multiplications below which everything stays on one thread.
const ALONE: usize = 1 << 19;

/// Sizes of source `[n, h, w, channels]` and result.
pub(super) struct Sizes {
    /// Images.
    pub n: usize,
    /// Source height, width, channels.
    pub from: [usize; 3],
    /// Result height, width, channels.
    pub to: [usize; 3],
    /// Columns of the kernel.
    pub kernel_width: usize,
    /// Whether every channel only meets itself (the layout then has one input).
    pub depthwise: bool,
}

/// Runs of inputs: (segments of a panel, elements of each) for one pass over the outputs.
struct Chunk {
    segments: std::ops::Range<usize>,
    skip: usize,
    len: usize,
}

/// Cuts `segments` runs of `len` into chunks of about [`DEPTH`] rows of a panel.
fn chunks(segments: usize, len: usize) -> Vec<Chunk> {
    if segments * len == 0 {
        // Outputs without any tap still get their bias.
        return vec![Chunk {
            segments: 0..0,
            skip: 0,
            len: 0,
        }];
    }
    if len <= DEPTH {
        let pieces = (segments * len).div_ceil(DEPTH).min(segments);
        let each = segments.div_ceil(pieces);
        let starts = (0..segments).step_by(each);
        return starts
            .map(|s| Chunk {
                segments: s..(s + each).min(segments),
                skip: 0,
                len,
            })
            .collect();
    }
    let each = len.div_ceil(len.div_ceil(DEPTH));
    let mut all = Vec::new();
    for s in 0..segments {
        for skip in (0..len).step_by(each) {
            all.push(Chunk {
                segments: s..s + 1,
                skip,
                len: each.min(len - skip),
            });
        }
    }
    all
}

/// A group, and (first column, columns, columns with padding) of one of its panels.
type Panel = (usize, (usize, usize, usize));

/// Addresses for the tiles of a block.
struct Table<T> {
    /// Addresses of runs: by tile, place, pixel of the tile.
    runs: Vec<*const T>,
    /// The segments of the panel that the tiles need, in order.
    places: Vec<usize>,
    /// Where the places of each tile begin, and the end.
    starts: Vec<usize>,
    /// Addresses of the outputs.
    out: Vec<*mut T>,
}

/// One pass over the outputs of a pair of axes.
struct Pass<'a, T> {
    sizes: &'a Sizes,
    y: &'a Axis,
    x: &'a Axis,
    layout: &'a Layout,
    kernels: &'a Kernels<T>,
    source: &'a [T],
    padded: Option<Padded<T>>,
    /// Whether pixels are numbered by position and then by image.
    images_together: bool,
    zeros: Vec<T>,
    packed: &'a [T],
    bias: Option<&'a [T]>,
    after: Option<&'a Epilogue<'a, T>>,
    out: Shared<T>,
}

/// The weights of a product.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a, T> {
    /// As PyTorch has them.
    Plain(&'a [T]),
    /// In panels of all taps, as [`pack`] makes them.
    Packed(&'a [T]),
}

/// `out[n, .., channels] = bias + source gathered over the taps x weight`, for the outputs of the
/// axes, and then what comes after. The results do not depend on the number of threads: each is one sum, by one thread.
#[allow(clippy::too_many_arguments)] // all of them are sizes or operands of one product
pub(super) fn gather<T: Real>(
    sizes: &Sizes,
    y: &Axis,
    x: &Axis,
    layout: &Layout,
    source: &[T],
    weight: Weights<T>,
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    out: &mut [T],
) {
    let pixels = sizes.n * y.count * x.count;
    if pixels == 0 || layout.outputs == 0 {
        return;
    }
    let kernels = kernels::<T>();
    let rows = y.taps.iter().map(|(i, _)| i * sizes.kernel_width);
    let taps: Vec<usize> = rows
        .flat_map(|i| x.taps.iter().map(move |(j, _)| i + j))
        .collect();
    let padded = match layout.groups {
        1 if !sizes.depthwise => Padded::of(source, sizes.n, sizes.from[2], y, x),
        _ => None,
    };
    let fresh;
    let packed = match weight {
        Weights::Packed(packed) => packed,
        Weights::Plain(weight) => {
            fresh = pack(weight, layout, &taps, &kernels);
            &fresh
        }
    };
    let pass = Pass {
        sizes,
        y,
        x,
        layout,
        kernels: &kernels,
        source,
        padded,
        images_together: 2 * sizes.n >= ROWS && y.count * x.count <= SMALL && taps.len() > 1,
        zeros: vec![T::ZERO; sizes.from[2]],
        packed,
        bias,
        after,
        out: Shared::new(out),
    };
    let panels: Vec<_> = (0..layout.groups)
        .flat_map(|g| {
            kernels
                .panels(layout.outputs)
                .into_iter()
                .map(move |p| (g, p))
        })
        .collect();
    let tiles = pixels.div_ceil(ROWS);
    let work = pixels * layout.groups * layout.outputs * (taps.len() * layout.inputs + 1);
    let threads = if work < ALONE { 1 } else { par::threads() };
    // Small images have few blocks: then threads share a block and take different panels.
    let blocks = tiles
        .div_ceil(BLOCK)
        .max(threads.min(tiles.div_ceil(BLOCK / 4)));
    let each = tiles.div_ceil(blocks);
    let blocks = tiles.div_ceil(each);
    let parts = match threads {
        1 => 1,
        _ => (2 * threads).div_ceil(blocks).min(panels.len()),
    };
    let part = panels.len().div_ceil(parts);
    let item = |i: usize| {
        let first = i / parts * each * ROWS;
        let last = (first + each * ROWS).min(pixels);
        let mine = (i % parts * part).min(panels.len())..((i % parts + 1) * part).min(panels.len());
        pass.block(first..last, &panels[mine]);
    };
    match threads {
        1 => (0..blocks * parts).for_each(item),
        _ => (0..blocks * parts).into_par_iter().for_each(item),
    }
}

/// [`gather`] for every pair of axes, with nothing after it.
pub(super) fn gather_all<T: Real>(
    sizes: &Sizes,
    [rows, columns]: &[Vec<Axis>; 2],
    layout: &Layout,
    source: &[T],
    weight: Weights<T>,
    bias: Option<&[T]>,
    out: &mut [T],
) {
    for y in rows {
        for x in columns {
            gather(sizes, y, x, layout, source, weight, bias, None, out);
        }
    }
}

impl<T: Real> Pass<'_, T> {
    /// (segments of a pixel, elements of each).
    fn segments(&self) -> (usize, usize) {
        match self.padded {
            Some(_) => (self.y.taps.len(), self.x.taps.len() * self.layout.inputs),
            None => (self.y.taps.len() * self.x.taps.len(), self.layout.inputs),
        }
    }

    /// Where everything is for the given pixels.
    fn table(&self, pixels: std::ops::Range<usize>) -> Table<T> {
        let (segments, _) = self.segments();
        let mut table = Table {
            runs: Vec::with_capacity(pixels.len().next_multiple_of(ROWS) * segments),
            places: Vec::with_capacity(pixels.len().div_ceil(ROWS) * segments),
            starts: Vec::with_capacity(pixels.len().div_ceil(ROWS) + 1),
            out: Vec::with_capacity(pixels.len()),
        };
        let mut pixel = self.first(pixels.start);
        let mut at = [(0, 0, 0); ROWS];
        for first in pixels.clone().step_by(ROWS) {
            let rows = ROWS.min(pixels.end - first);
            for at in &mut at[..rows] {
                *at = pixel;
                let (image, qy, qx) = pixel;
                let row = image * self.sizes.to[0] + self.y.start + qy * self.y.step;
                let to = row * self.sizes.to[1] + self.x.start + qx * self.x.step;
                table.out.push(self.out.at(to * self.sizes.to[2]));
                pixel = self.next(pixel);
            }
            table.starts.push(table.places.len());
            self.runs(&at[..rows], &mut table);
        }
        table.starts.push(table.places.len());
        table
    }

    /// Pixel number `i` as (image, row, column).
    fn first(&self, i: usize) -> (usize, usize, usize) {
        let (h, w) = (self.y.count, self.x.count);
        match self.images_together {
            true => (i % self.sizes.n, i / self.sizes.n / w, i / self.sizes.n % w),
            false => (i / w / h, i / w % h, i % w),
        }
    }

    /// The pixel after one.
    #[inline(always)]
    fn next(&self, (image, y, x): (usize, usize, usize)) -> (usize, usize, usize) {
        let (image, carry) = match self.images_together {
            true if image + 1 < self.sizes.n => return (image + 1, y, x),
            true => (0, 0),
            false => (image, 1),
        };
        if x + 1 < self.x.count {
            (image, y, x + 1)
        } else if y + 1 < self.y.count {
            (image, y + 1, 0)
        } else {
            (image + carry, 0, 0)
        }
    }

    /// Appends the runs of one tile; those that are padding for all its pixels are left out.
    #[inline(always)]
    fn runs(&self, at: &[(usize, usize, usize)], table: &mut Table<T>) {
        let [height, width, channels] = self.sizes.from;
        let (down, right) = (self.y.advance, self.x.advance);
        if let Some(padded) = &self.padded {
            let mut first = [std::ptr::null(); ROWS];
            for (first, &(image, qy, qx)) in first.iter_mut().zip(at) {
                *first =
                    padded.data[padded.window(image, qy * down, qx * right, channels)..].as_ptr();
            }
            for (place, (_, offset)) in self.y.taps.iter().enumerate() {
                let step = (offset - self.y.taps[0].1) as usize * padded.w * channels;
                table.places.push(place);
                table.runs.extend(
                    first[..at.len()]
                        .iter()
                        .map(|first| first.wrapping_add(step)),
                );
            }
            return;
        }
        // Row, column and element of the input that a tap without offset would read.
        let mut origin = [(0, 0, 0); ROWS];
        for (origin, &(image, qy, qx)) in origin.iter_mut().zip(at) {
            let (y, x) = (qy * down, qx * right);
            *origin = (
                y as isize,
                x as isize,
                (((image * height + y) * width + x) * channels) as isize,
            );
        }
        let origin = &origin[..at.len()];
        let taps = self
            .y
            .taps
            .iter()
            .flat_map(|i| self.x.taps.iter().map(move |j| (i.1, j.1)));
        for (place, (down, right)) in taps.enumerate() {
            let step = (down * width as isize + right) * channels as isize;
            let begin = table.runs.len();
            let mut real = false;
            table.runs.extend(origin.iter().map(|&(y, x, element)| {
                // Negative positions are large as unsigned numbers.
                if ((y + down) as usize) < height && ((x + right) as usize) < width {
                    real = true;
                    self.source.as_ptr().wrapping_offset(element + step)
                } else {
                    self.zeros.as_ptr()
                }
            }));
            match real {
                true => table.places.push(place),
                false => table.runs.truncate(begin),
            }
        }
    }

    /// The given panels of the outputs of some pixels.
    fn block(&self, pixels: std::ops::Range<usize>, panels: &[Panel]) {
        let (segments, len) = self.segments();
        let depth = segments * len;
        let group = depth * self.kernels.padded(self.layout.outputs);
        let table = self.table(pixels);
        let mut cuts = Vec::with_capacity(table.starts.len());
        for (i, chunk) in chunks(segments, len).iter().enumerate() {
            cuts.clear();
            cuts.extend(table.starts.windows(2).map(|tile| {
                let places = &table.places[tile[0]..tile[1]];
                let find = |s: usize| tile[0] + places.partition_point(|place| *place < s);
                (find(chunk.segments.start), find(chunk.segments.end))
            }));
            for &(g, (first, used, padded)) in panels {
                let vectors = padded / self.kernels.lanes;
                let column = g * self.layout.outputs + first;
                let panel = g * group + depth * first + chunk.skip * padded;
                let (kernel, skip) = match self.sizes.depthwise {
                    true => (&self.kernels.channels, first),
                    false => (&self.kernels.tile, g * self.layout.inputs + chunk.skip),
                };
                let mut tile = Tile {
                    runs: std::ptr::null(),
                    segments: 0,
                    skip,
                    len: chunk.len,
                    panel: self.packed[panel..].as_ptr(),
                    places: std::ptr::null(),
                    step: len * padded,
                    out: std::ptr::null(),
                    column,
                    bias: self
                        .bias
                        .map_or(std::ptr::null(), |bias| bias[column..].as_ptr()),
                    add: i > 0,
                    tail: used - (vectors - 1) * self.kernels.lanes,
                };
                for ((out, start), (from, to)) in
                    table.out.chunks(ROWS).zip(&table.starts).zip(&cuts)
                {
                    if i > 0 && from == to {
                        continue;
                    }
                    // Tiles before this one are full, so their runs have `ROWS` addresses.
                    let run = start * ROWS + (from - start) * out.len();
                    tile.runs = table.runs[run..].as_ptr();
                    tile.segments = to - from;
                    tile.places = table.places[*from..].as_ptr();
                    tile.out = out.as_ptr();
                    // SAFETY: every run is all channels of a pixel inside the images, or of zeros (in
                    // the padded copy, all taps of a kernel row), so `skip + len` elements may be
                    // read; the panel has `len` rows at each place, of which those from `skip` on
                    // are at most what the run has (depthwise, the columns of the
                    // panel are channels of the run); outputs are pixels of `out`, and no other item
                    // has the same pixels and panels. The table was made for this machine.
                    unsafe { kernel[out.len() - 1][vectors - 1](&tile) };
                }
            }
        }
        if let (Some(after), Some(first), Some(last)) = (self.after, panels.first(), panels.last())
        {
            let column = |(g, (first, ..)): &Panel| g * self.layout.outputs + first;
            self.finish(after, &table.out, column(first)..column(last) + last.1.1);
        }
    }

    /// What comes after the sums, for some channels of the outputs of a block.
    fn finish(&self, after: &Epilogue<T>, out: &[*mut T], channels: std::ops::Range<usize>) {
        let all = self.sizes.to[2];
        let beside = |a: &*mut T, b: &*mut T| channels.len() == all && a.wrapping_add(all) == *b;
        for run in out.chunk_by(beside) {
            let first = run[0].wrapping_add(channels.start);
            let len = (run.len() - 1) * all + channels.len();
            // SAFETY: pixels of `out`, one behind the other if there are several, of which no other
            // item has these channels; both addresses are inside of `out`.
            let (y, at) = unsafe {
                let at = first.offset_from(self.out.at(0)) as usize;
                (std::slice::from_raw_parts_mut(first, len), at)
            };
            after.apply(y, at, channels.clone());
        }
    }
}
