//! The gradient of the filters by Winograd: with `V = Bᵀ d B` and `Z = A dY Aᵀ`,
//! `dU[ξ] = Σ_tiles V[ξ]ᵀ Z[ξ]` and `dW = Gᵀ dU G`.

use super::Shape3x3;
use super::filter::{Accumulate, FilterGradient};
use super::forward::{input_tiles, output_tiles};
use super::image::Gather;
use super::panels::{APART, Panels, Scratch, Shared};
use super::product::FilterProduct;
use super::transform::Scheme;
use super::vector::Vector;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// Sums of up to this many bytes are kept by every thread for itself.
const SUMS_OWNED: usize = 3 << 20;
/// Bytes of transformed tiles of a block of a thread which owns its sums.
const BLOCK: usize = 512 << 10;
/// Bytes of transformed tiles which all threads share otherwise.
const SHARED: usize = 16 << 20;
/// Input channels of a block of sums.
const CHANNELS: usize = 64;

/// A layer's input and the gradient of its output.
pub(super) struct Gradient<'a, T> {
    /// Sizes.
    pub(super) shape: Shape3x3,
    /// Input images.
    pub(super) x: &'a [T],
    /// Gradient of the output images.
    pub(super) dy: &'a [T],
    /// Gradient of the filters, `[cout, cin, 3, 3]`.
    pub(super) dw: Shared<T>,
}

/// The sums are cut into blocks of input channels and panels of output channels.
#[derive(Clone, Copy)]
struct Blocks {
    cin: usize,
    down: usize,
    count: usize,
    /// Distance between the points of a block.
    point: usize,
    /// Elements of a block.
    room: usize,
}

impl Blocks {
    fn new<V: Vector>(s: &Shape3x3, points: usize) -> Self {
        let down = s.cin.div_ceil(CHANNELS);
        let point = CHANNELS.min(s.cin) * V::PANEL + APART;
        let count = down * s.cout.div_ceil(V::PANEL);
        Self {
            cin: s.cin,
            down,
            count,
            point,
            room: points * point,
        }
    }

    /// The panel of output channels and the input channels of a block.
    fn place(&self, block: usize) -> (usize, Range<usize>) {
        let (panel, start) = (block / self.down, block % self.down * CHANNELS);
        (panel, start..(start + CHANNELS).min(self.cin))
    }
}

impl<T: Real> Gradient<'_, T> {
    /// Computes dW with vectors `V` and tiles of `M x M` outputs.
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
        let blocks = Blocks::new::<V>(s, A * A);
        let (cin, cout) = (
            s.cin.next_multiple_of(V::PANEL),
            s.cout.next_multiple_of(V::PANEL),
        );
        let row = A * A * (cin + cout) * size_of::<T>();
        let sums = blocks.count * blocks.room * size_of::<T>();
        // SAFETY: as the caller promises.
        unsafe {
            if sums <= SUMS_OWNED && tiles * row > sums {
                self.owned::<V, S, M, A>(tiles, (BLOCK / row).clamp(32, 128), blocks);
            } else {
                self.shared::<V, S, M, A>(tiles, (SHARED / row).max(128), blocks);
            }
        }
    }

    /// Every thread takes its share of the tiles and has its own sums, which are added at the end.
    unsafe fn owned<V, S, const M: usize, const A: usize>(
        &self,
        tiles: usize,
        most: usize,
        blocks: Blocks,
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let s = &self.shape;
        let zeros = vec![T::ZERO; s.cin.max(s.cout)];
        let mut sums = par::map_ranges(tiles, par::threads(), |range| {
            let mut sums = Scratch::<T>::new(blocks.count * blocks.room);
            let mut v = Scratch::<T>::new(Panels::<V>::room(A * A, most, s.cin));
            let mut z = Scratch::<T>::new(Panels::<V>::room(A * A, most, s.cout));
            let v = Panels::<V>::new(v.ptr(), most, s.cin);
            let z = Panels::<V>::new(z.ptr(), most, s.cout);
            let rounds = range.len().div_ceil(most);
            for round in 0..rounds {
                let first = range.start + round * range.len() / rounds;
                let end = range.start + (round + 1) * range.len() / rounds;
                // SAFETY: v, z and sums belong to this task and have room for all this.
                unsafe {
                    self.gather::<V, S, M, A>(first..end, v, z, 0, &zeros);
                    for block in 0..blocks.count {
                        let sums = Shared(sums.ptr().get().add(block * blocks.room));
                        self.product::<V, A>(end - first, v, z, blocks, block, sums, round > 0);
                    }
                }
            }
            sums
        });
        let parts: Vec<Shared<T>> = sums.iter_mut().map(Scratch::ptr).collect();
        (0..blocks.count).into_par_iter().for_each(|block| {
            // SAFETY: every task adds and reads one block of all sums, and writes its part of dw.
            unsafe {
                let place = |part: Shared<T>| Shared(part.get().add(block * blocks.room));
                let to = place(parts[0]);
                for &part in &parts[1..] {
                    V::enter(Accumulate::<V> {
                        from: place(part),
                        to,
                        len: blocks.room,
                    });
                }
                self.finish::<V, S, M, A>(blocks, block, to);
            }
        });
    }

    /// All threads transform tiles together and then share out the blocks of sums. If all tiles are
    /// transformed at once, a block's sums are finished in the second cache.
    unsafe fn shared<V, S, const M: usize, const A: usize>(
        &self,
        tiles: usize,
        most: usize,
        blocks: Blocks,
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let s = &self.shape;
        let zeros = vec![T::ZERO; s.cin.max(s.cout)];
        let rounds = tiles.div_ceil(most);
        let most = tiles.div_ceil(rounds);
        let mut v = Scratch::<T>::new(Panels::<V>::room(A * A, most, s.cin));
        let mut z = Scratch::<T>::new(Panels::<V>::room(A * A, most, s.cout));
        let v = Panels::<V>::new(v.ptr(), most, s.cin);
        let z = Panels::<V>::new(z.ptr(), most, s.cout);
        let mut sums = Scratch::<T>::new(if rounds > 1 {
            blocks.count * blocks.room
        } else {
            0
        });
        let sums = sums.ptr();
        for round in 0..rounds {
            let (first, end) = (round * tiles / rounds, (round + 1) * tiles / rounds);
            par::map_ranges(end - first, par::threads() * 3, |part| {
                let tiles = first + part.start..first + part.end;
                // SAFETY: v and z have room for all tiles of a round, and every task writes its own.
                unsafe { self.gather::<V, S, M, A>(tiles, v, z, part.start, &zeros) }
            });
            par::map_ranges(blocks.count, par::threads() * 4, |range| {
                let mut own = Scratch::<T>::new(if rounds > 1 { 0 } else { blocks.room });
                for block in range {
                    // SAFETY: every task writes its own block of sums and its own part of dw.
                    unsafe {
                        let sums = match rounds {
                            1 => own.ptr(),
                            _ => Shared(sums.get().add(block * blocks.room)),
                        };
                        self.product::<V, A>(end - first, v, z, blocks, block, sums, round > 0);
                        if round + 1 == rounds {
                            self.finish::<V, S, M, A>(blocks, block, sums);
                        }
                    }
                }
            });
        }
    }

    unsafe fn gather<V, S, const M: usize, const A: usize>(
        &self,
        tiles: Range<usize>,
        v: Panels<V>,
        z: Panels<V>,
        row: usize,
        zeros: &[T],
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let zeros = Shared::reading(zeros);
        // SAFETY: as the caller promises.
        unsafe {
            V::enter(Gather::<V, S::Input, A, A> {
                image: input_tiles(&self.shape, Shared::reading(self.x), M),
                tiles: tiles.clone(),
                panels: v,
                row,
                zeros,
                line: PhantomData,
            });
            V::enter(Gather::<V, S::OutputAdjoint, M, A> {
                image: output_tiles(&self.shape, Shared::reading(self.dy), M),
                tiles,
                panels: z,
                row,
                zeros,
                line: PhantomData,
            });
        }
    }

    #[allow(clippy::too_many_arguments)] // the two callers differ in all of them
    unsafe fn product<V: Vector<Elem = T>, const A: usize>(
        &self,
        depth: usize,
        tiles: Panels<V>,
        gradient: Panels<V>,
        blocks: Blocks,
        block: usize,
        out: Shared<T>,
        add: bool,
    ) {
        let (panel, channels) = blocks.place(block);
        let (points, out_point) = (A * A, blocks.point);
        // SAFETY: as the caller promises.
        unsafe {
            V::enter(FilterProduct {
                points,
                tiles,
                gradient,
                depth,
                channels,
                panel,
                out,
                out_point,
                add,
            });
        }
    }

    unsafe fn finish<V, S, const M: usize, const A: usize>(
        &self,
        blocks: Blocks,
        block: usize,
        from: Shared<T>,
    ) where
        V: Vector<Elem = T>,
        S: Scheme<M, A>,
    {
        let (panel, channels) = blocks.place(block);
        // SAFETY: as the caller promises.
        unsafe {
            V::enter(FilterGradient::<V, S::FilterAdjoint, A> {
                from,
                from_point: blocks.point,
                panel,
                channels,
                out: self.dw,
                outs: self.shape.cout,
                ins: self.shape.cin,
                line: PhantomData,
            });
        }
    }
}
