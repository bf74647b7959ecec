//! A convolution by Winograd: the forward pass, and with turned filters the gradient of the input.

use super::Shape3x3;
use super::filter::{Filter, FilterTransform};
use super::image::{Gather, Image, Scatter};
use super::panels::{APART, Panels, Scratch, Shared};
use super::product::TileProduct;
use super::transform::Scheme;
use super::vector::Vector;
use crate::cpu::epilogue::Epilogue;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// Transformed filters of up to this many bytes are made once and read by all blocks of tiles.
const FILTERS_KEPT: usize = 3 << 20;
/// Bytes of transformed tiles, in and out, of a block, if the filters share the second cache with
/// them and if they do not.
const BLOCK: [usize; 2] = [256 << 10, 512 << 10];
/// Transformed filters of up to this many bytes stay in the second cache.
const FILTERS_NEAR: usize = 640 << 10;
/// Bytes of transformed tiles which all threads share, where filters are made for each panel.
const SHARED: usize = 12 << 20;
/// Bytes of transformed filters of a panel at a time.
const FILTERS_AT_ONCE: usize = 600 << 10;

/// A layer and its operands.
pub(super) struct Layer<'a, T> {
    /// Sizes.
    pub(super) shape: Shape3x3,
    /// Input images.
    pub(super) x: &'a [T],
    /// Filters.
    pub(super) filter: Filter<T>,
    /// The same filters transformed, if they are.
    pub(super) ready: Option<&'a [T]>,
    /// One value for each output channel.
    pub(super) bias: Option<&'a [T]>,
    /// What comes after the convolution.
    pub(super) after: Option<&'a Epilogue<'a, T>>,
    /// Output images.
    pub(super) y: Shared<T>,
}

/// The images which a pass reads and writes, cut into tiles.
pub(super) fn input_tiles<T: Real>(s: &Shape3x3, x: Shared<T>, m: usize) -> Image<T> {
    let (oh, ow) = s.output();
    Image {
        data: x,
        h: s.h,
        w: s.w,
        c: s.cin,
        down: oh.div_ceil(m),
        across: ow.div_ceil(m),
        step: m,
        top: s.pad[0],
        left: s.pad[1],
    }
}

/// As [`input_tiles`], for the output.
pub(super) fn output_tiles<T: Real>(s: &Shape3x3, y: Shared<T>, m: usize) -> Image<T> {
    let (oh, ow) = s.output();
    let (down, across) = (oh.div_ceil(m), ow.div_ceil(m));
    Image {
        data: y,
        h: oh,
        w: ow,
        c: s.cout,
        down,
        across,
        step: m,
        top: 0,
        left: 0,
    }
}

/// Sizes of the filters of a layer when they are transformed at once.
pub(super) struct Whole {
    /// Panels of output channels.
    panels: usize,
    /// Distance between points.
    point: usize,
    /// Elements.
    pub(super) len: usize,
}

impl Whole {
    /// If they are few enough for that, and used often enough.
    fn of<V: Vector, const M: usize, const A: usize>(s: &Shape3x3) -> Option<Self> {
        let (oh, ow) = s.output();
        let tiles = s.n * oh.div_ceil(M) * ow.div_ceil(M);
        let (panels, point) = (s.cout.div_ceil(V::PANEL), s.cin * V::PANEL + APART);
        let bytes = A * A * size_of::<V::Elem>() * s.cin * s.cout.next_multiple_of(V::PANEL);
        let whole = Self {
            panels,
            point,
            len: panels * A * A * point,
        };
        (bytes <= FILTERS_KEPT && tiles >= V::ROWS * par::threads()).then_some(whole)
    }

    /// Transforms all filters to `out`, of `len` elements.
    ///
    /// # Safety
    /// The processor must have the instruction set of `V`; the filters must have the shape's sizes.
    unsafe fn transform<V, S, const M: usize, const A: usize>(
        &self,
        s: &Shape3x3,
        filter: Filter<V::Elem>,
        out: Shared<V::Elem>,
    ) where
        V: Vector,
        S: Scheme<M, A>,
    {
        (0..self.panels).into_par_iter().for_each(|panel| {
            // SAFETY: every task writes its own panel, for which there is room.
            unsafe {
                V::enter(FilterTransform::<V, S::Filter, A> {
                    filter,
                    panel,
                    channels: 0..s.cin,
                    out: Shared(out.get().add(panel * A * A * self.point)),
                    out_point: self.point,
                    line: PhantomData,
                });
            }
        });
    }
}

/// How many elements the filters of a layer are when they are transformed at once.
pub(super) struct Measure {
    /// Sizes.
    pub(super) shape: Shape3x3,
}

impl Measure {
    pub(super) fn run<V: Vector, S: Scheme<M, A>, const M: usize, const A: usize>(
        &self,
    ) -> Option<usize> {
        Whole::of::<V, M, A>(&self.shape).map(|whole| whole.len)
    }
}

/// All filters of a layer, transformed.
pub(super) struct Prepare<T> {
    /// Sizes.
    pub(super) shape: Shape3x3,
    /// Filters.
    pub(super) filter: Filter<T>,
    /// Room for as many as [`Measure`] says.
    pub(super) out: Shared<T>,
}

impl<T: Real> Prepare<T> {
    /// # Safety
    /// The processor must have the instruction set of `V`; the operands must have their sizes.
    pub(super) unsafe fn run<V, S, const M: usize, const A: usize>(&self)
    where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        if let Some(whole) = Whole::of::<V, M, A>(&self.shape) {
            // SAFETY: as the caller promises.
            unsafe { whole.transform::<V, S, M, A>(&self.shape, self.filter, self.out) }
        }
    }
}

impl<T: Real> Layer<'_, T> {
    /// Computes y with vectors `V` and tiles of `M x M` outputs.
    ///
    /// # Safety
    /// The processor must have the instruction set of `V`; the operands must have the shape's sizes.
    pub(super) unsafe fn run<V, S, const M: usize, const A: usize>(&self)
    where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let s = &self.shape;
        let tiles = s.n * s.output().0.div_ceil(M) * s.output().1.div_ceil(M);
        let bytes = A * A * size_of::<T>();
        let filters = bytes * s.cin * s.cout.next_multiple_of(V::PANEL);
        let (cin, cout) = (
            s.cin.next_multiple_of(V::PANEL),
            s.cout.next_multiple_of(V::PANEL),
        );
        let room = BLOCK[usize::from(filters > FILTERS_NEAR)];
        let most = (room / (bytes * (cin + cout)) / V::ROWS).max(1) * V::ROWS;
        // SAFETY: as the caller promises.
        unsafe {
            if let Some(whole) = Whole::of::<V, M, A>(s) {
                let most = most.min(tiles.div_ceil(par::threads()).next_multiple_of(V::ROWS));
                self.by_tiles::<V, S, M, A>(whole, tiles, most);
            } else {
                let most = (SHARED / (bytes * cin)).max(8 * V::ROWS);
                let rounds = tiles.div_ceil(most);
                for round in 0..rounds {
                    let range = round * tiles / rounds..(round + 1) * tiles / rounds;
                    self.by_channels::<V, S, M, A>(range);
                }
            }
        }
    }

    /// Every task takes a block of tiles through all three steps; the filters are made once.
    unsafe fn by_tiles<V, S, const M: usize, const A: usize>(
        &self,
        whole: Whole,
        tiles: usize,
        block: usize,
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let s = &self.shape;
        let mut fresh;
        let u = match self.ready {
            Some(ready) => Shared::reading(ready),
            None => {
                fresh = Scratch::<T>::new(whole.len);
                // SAFETY: as the caller promises; there is room.
                unsafe { whole.transform::<V, S, M, A>(s, self.filter, fresh.ptr()) };
                fresh.ptr()
            }
        };
        let zeros = vec![T::ZERO; s.cin];
        let blocks = tiles.div_ceil(block);
        par::map_ranges(blocks, par::threads() * 3, |range| {
            let mut v = Scratch::<T>::new(Panels::<V>::room(A * A, block, s.cin));
            let mut m = Scratch::<T>::new(Panels::<V>::room(A * A, block, s.cout));
            let mut dump = Scratch::<T>::new(s.cout);
            for i in range {
                let tiles = i * block..((i + 1) * block).min(tiles);
                let v = Panels::<V>::new(v.ptr(), block, s.cin);
                let m = Panels::<V>::new(m.ptr(), block, s.cout);
                // SAFETY: v and m have room for the block; tasks write different tiles of y.
                unsafe {
                    self.gather::<V, S, M, A>(tiles.clone(), v, 0, &zeros);
                    V::enter(TileProduct {
                        points: A * A,
                        tiles: v,
                        rows: 0..tiles.len(),
                        depth: 0..s.cin,
                        filter: u,
                        filter_point: whole.point,
                        panels: whole.panels,
                        out: m,
                        add: false,
                    });
                    self.scatter::<V, S, M, A>(tiles, m, 0..s.cout, dump.ptr());
                }
            }
        });
    }

    /// All tiles are transformed first; then every task makes the filters of a panel of output
    /// channels, which never leave its second cache, and finishes that panel.
    unsafe fn by_channels<V, S, const M: usize, const A: usize>(&self, tiles: Range<usize>)
    where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let s = &self.shape;
        let panels = s.cout.div_ceil(V::PANEL);
        let count = tiles.len();
        let zeros = vec![T::ZERO; s.cin];
        let mut v = Scratch::<T>::new(Panels::<V>::room(A * A, count, s.cin));
        let v = Panels::<V>::new(v.ptr(), count, s.cin);
        par::map_ranges(count, par::threads() * 3, |part| {
            let some = tiles.start + part.start..tiles.start + part.end;
            // SAFETY: v has room for all tiles, and every task writes its own.
            unsafe { self.gather::<V, S, M, A>(some, v, part.start, &zeros) }
        });
        // With few panels for the threads the tiles are shared out too; filters are then made twice.
        let tasks = if par::threads() > 1 {
            2 * par::threads()
        } else {
            1
        };
        let parts = tasks.div_ceil(panels).min(count.div_ceil(2 * V::ROWS));
        let most = count.div_ceil(parts);
        let at_once = FILTERS_AT_ONCE / (A * A * V::PANEL * size_of::<T>());
        let rounds = s.cin.div_ceil(at_once.next_multiple_of(V::PANEL));
        let depth = s.cin.div_ceil(rounds).next_multiple_of(V::PANEL);
        let filter_point = depth * V::PANEL + APART;
        par::map_ranges(panels * parts, panels * parts, |range| {
            let mut u = Scratch::<T>::new(A * A * filter_point);
            let mut m = Scratch::<T>::new(Panels::<V>::room(A * A, most, V::PANEL));
            let mut dump = Scratch::<T>::new(s.cout);
            for task in range {
                let (panel, part) = (task / parts, task % parts);
                let rows = part * count / parts..(part + 1) * count / parts;
                let channels = panel * V::PANEL..((panel + 1) * V::PANEL).min(s.cout);
                let m = Panels::<V>::new(m.ptr(), most, V::PANEL);
                for start in (0..s.cin).step_by(depth) {
                    let channels = start..(start + depth).min(s.cin);
                    // SAFETY: u has room for `depth` channels of a panel, m for the rows.
                    unsafe {
                        V::enter(FilterTransform::<V, S::Filter, A> {
                            filter: self.filter,
                            panel,
                            channels: channels.clone(),
                            out: u.ptr(),
                            out_point: filter_point,
                            line: PhantomData,
                        });
                        V::enter(TileProduct {
                            points: A * A,
                            tiles: v,
                            rows: rows.clone(),
                            depth: channels,
                            filter: u.ptr(),
                            filter_point,
                            panels: 1,
                            out: m,
                            add: start > 0,
                        });
                    }
                }
                let tiles = tiles.start + rows.start..tiles.start + rows.end;
                // SAFETY: tasks write different tiles or channels of y.
                unsafe { self.scatter::<V, S, M, A>(tiles, m, channels, dump.ptr()) }
            }
        });
    }

    unsafe fn gather<V, S, const M: usize, const A: usize>(
        &self,
        tiles: Range<usize>,
        panels: Panels<V>,
        row: usize,
        zeros: &[T],
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let image = input_tiles(&self.shape, Shared::reading(self.x), M);
        let (zeros, line) = (Shared::reading(zeros), PhantomData);
        // SAFETY: as the caller promises.
        unsafe {
            V::enter(Gather::<V, S::Input, A, A> {
                image,
                tiles,
                panels,
                row,
                zeros,
                line,
            })
        }
    }

    unsafe fn scatter<V, S, const M: usize, const A: usize>(
        &self,
        tiles: Range<usize>,
        panels: Panels<V>,
        channels: Range<usize>,
        dump: Shared<T>,
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let image = output_tiles(&self.shape, self.y, M);
        let (bias, line) = (self.bias.map(Shared::reading), PhantomData);
        // SAFETY: as the caller promises.
        unsafe {
            V::enter(Scatter::<V, S::Output, M, A> {
                panels,
                image,
                tiles: tiles.clone(),
                channels: channels.clone(),
                bias,
                dump,
                line,
            });
        }
        if let Some(after) = self.after {
            for tile in tiles {
                image.lines(tile, |first, len| self.finish(after, first, len, &channels));
            }
        }
    }

    /// What comes after the sums, for some channels of `len` elements of y from `first` on.
    fn finish(&self, after: &Epilogue<T>, first: usize, len: usize, channels: &Range<usize>) {
        let all = self.shape.cout;
        let step = if channels.len() == all { len } else { all };
        for pixel in (first..first + len).step_by(step) {
            let at = pixel + channels.start;
            let len = if step == len { len } else { channels.len() };
            // SAFETY: inside of y, whose size the callers have checked; tasks have different tiles
            // or channels.
            let y = unsafe { std::slice::from_raw_parts_mut(self.y.get().add(at), len) };
            after.apply(y, at, channels.clone());
        }
    }
}
