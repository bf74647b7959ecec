//! Attention: the output and the logarithms of the sums of its softmax.

use super::lanes::{Block, Lanes, each_isa};
use super::tile::{
    Sight, add_product, add_product_t, load, pack, pack_all, store, transpose, unpack_row, zeros,
};
use super::{Ahead, Extent, Options, Rows, RowsMut, Shape, Shared, Strip, View};
use crate::par;
use crate::real::Real;
use std::f64::consts::{LN_2, LOG2_E};
use std::ops::Range;

/// Blocks of keys whose scores exist at a time.
const TILE: usize = 16;

/// Stands for the maximum of no scores; a finite number, so that differences are never NaN.
const LOWEST: f64 = -1e30;

/// `o = softmax(scale · q kᵀ) v` for each head.
///
/// `q` is `[batch, q_len, heads * dim]`, `k` and `v` are `[batch, kv_len, kv_heads * dim]`, at the
/// strides of their views; `o` is `[batch, q_len, heads * dim]`, contiguous. `lse`, of
/// `[batch, heads, q_len]`, receives `ln Σ exp(score)` for [`backward`](super::backward). A query
/// that sees no key gets 0, and a `lse` of -∞.
#[allow(clippy::too_many_arguments)] // three operands and two results
pub fn forward<T: Real>(
    shape: &Shape,
    q: Rows<T>,
    k: Rows<T>,
    v: Rows<T>,
    options: &Options,
    o: &mut [T],
    lse: &mut [T],
) {
    shape.check();
    options.check(shape);
    let (queries, keys) = (Extent::queries(shape), Extent::keys(shape));
    queries.check(q.view, q.data.len(), "q");
    keys.check(k.view, k.data.len(), "k");
    keys.check(v.view, v.data.len(), "v");
    let &Shape {
        batch,
        heads,
        q_len,
        dim,
        ..
    } = shape;
    assert_eq!(
        o.len(),
        batch * q_len * heads * dim,
        "attention: o has another size"
    );
    assert_eq!(
        lse.len(),
        batch * heads * q_len,
        "attention: lse has another size"
    );
    if queries.is_empty() {
        return;
    }
    let o = RowsMut {
        data: o,
        view: View::contiguous(q_len, heads * dim),
    };
    let lse = RowsMut {
        data: lse,
        view: View {
            offset: 0,
            batch_stride: heads * q_len,
            row_stride: heads * q_len,
        },
    };
    let sums = Extent {
        batch,
        heads,
        rows: 1,
        dim: q_len,
    };
    let call = Call {
        shape,
        q,
        k,
        v,
        options,
        o: Shared::new(o, queries, "o"),
        lse: Shared::new(lse, sums, "lse"),
    };
    // Heads of a group share packed keys and values, unless that leaves threads without work.
    let grouped = batch * shape.kv_heads >= par::threads();
    let each = if grouped { shape.group() } else { 1 };
    let jobs = batch * heads / each;
    par::map_ranges(jobs, shape.pieces(jobs), |jobs| {
        run(&call, jobs.start * each..jobs.end * each);
    });
}

/// The arguments of a call.
struct Call<'a, T> {
    shape: &'a Shape,
    q: Rows<'a, T>,
    k: Rows<'a, T>,
    v: Rows<'a, T>,
    options: &'a Options<'a>,
    o: Shared<'a, T>,
    lse: Shared<'a, T>,
}

impl<'a, T: Copy> Call<'a, T> {
    /// Queries, keys and values of a head, counted through all sequences.
    fn strips(&self, index: usize) -> [Strip<'a, T>; 3] {
        let (b, h) = (index / self.shape.heads, index % self.shape.heads);
        let (queries, keys) = (Extent::queries(self.shape), Extent::keys(self.shape));
        let kv = |rows| Strip::new(rows, keys, b, h / self.shape.group());
        [Strip::new(self.q, queries, b, h), kv(self.k), kv(self.v)]
    }
}

each_isa!(fn run<T> = q_heads(call: &Call<T>, heads: Range<usize>));

/// Attention of some heads, counted through all sequences.
#[inline(always)]
fn q_heads<T: Real, V: Lanes<T, N>, const N: usize>(call: &Call<T>, heads: Range<usize>) {
    let shape = call.shape;
    let panels = shape.panels(N);
    let blocks = shape.kv_len.div_ceil(N);
    let mut k = vec![Block::<T, N>::ZERO; blocks * panels];
    let mut v = k.clone();
    let mut scratch = Scratch::new(blocks.min(TILE), panels);
    let mut packed = usize::MAX;
    for index in heads.clone() {
        let (b, h) = (index / shape.heads, index % shape.heads);
        let sight = call.options.sight(shape, b);
        let kv_head = index / shape.group();
        let [q, keys, values] = call.strips(index);
        if packed != kv_head {
            packed = kv_head;
            pack_all::<T, V, N>(keys, sight.keys, panels, &mut k);
            pack_all::<T, V, N>(values, sight.keys, panels, &mut v);
        }
        let next = heads.contains(&(index + 1)).then(|| call.strips(index + 1));
        let mut ahead = Ahead::new(next, shape.q_len.div_ceil(N) * blocks);
        // SAFETY: this thread alone has the head `h` of the sequence `b`, and asks once.
        let lse = unsafe { call.lse.row(b, h, 0) };
        for first in (0..shape.q_len).step_by(N) {
            let factor = T::of(call.options.scale * LOG2_E);
            pack::<T, V, N>(q, first, factor, &mut scratch.q);
            let rows = N.min(shape.q_len - first);
            scratch.queries::<V>(first, sight, &k, &v, &mut ahead);
            for (i, lse) in lse[first..first + rows].iter_mut().enumerate() {
                // SAFETY: as above; the row ends with the iteration.
                let o = unsafe { call.o.row(b, h, first + i) };
                unpack_row::<T, V, N>(&scratch.o, i, T::ONE, o);
                *lse = scratch.lse[i];
            }
        }
    }
}

/// What a thread needs for one block of queries.
struct Scratch<T, const N: usize> {
    /// Queries, as rows and transposed, times `scale / ln 2`.
    q: Vec<Block<T, N>>,
    qt: Vec<Block<T, N>>,
    /// Scores, then probabilities, of a tile of keys: a row for each key.
    p: Vec<Block<T, N>>,
    /// Output, transposed and as rows.
    ot: Vec<Block<T, N>>,
    o: Vec<Block<T, N>>,
    lse: [T; N],
}

impl<T: Real, const N: usize> Scratch<T, N> {
    fn new(tile: usize, panels: usize) -> Self {
        let blocks = |n| vec![Block::ZERO; n];
        Self {
            q: blocks(panels),
            qt: blocks(panels),
            p: blocks(tile),
            ot: blocks(panels),
            o: blocks(panels),
            lse: [T::ZERO; N],
        }
    }

    /// Attention of the queries in `q`, the first of which is `first`, to the packed keys.
    #[inline(always)]
    fn queries<V: Lanes<T, N>>(
        &mut self,
        first: usize,
        sight: Sight,
        k: &[Block<T, N>],
        v: &[Block<T, N>],
        ahead: &mut Ahead<T, 3>,
    ) {
        let panels = self.q.len();
        transpose::<T, V, N>(&self.q, &mut self.qt);
        let blocks = sight.keys_until(first + N - 1).div_ceil(N);
        let (mut largest, mut sum) = (V::splat(T::of(LOWEST)), V::splat(T::ZERO));
        for tile in (0..blocks).step_by(TILE) {
            let end = blocks.min(tile + TILE);
            let (k, v) = (
                &k[tile * panels..end * panels],
                &v[tile * panels..end * panels],
            );
            let p = &mut self.p[..end - tile];
            let before = largest;
            for (j, (k, p)) in k.chunks_exact(panels).zip(&mut *p).enumerate() {
                ahead.step();
                let mut scores = zeros();
                for (k, q) in k.iter().zip(&self.qt) {
                    scores = add_product::<T, V, N>(scores, k, q);
                }
                store(scores, p);
                let key = (tile + j) * N;
                if sight.hides::<N>(first, key) {
                    sight.hide(first, key, p);
                }
                for row in &p.0 {
                    largest = V::load(row).larger(largest);
                }
            }
            let keep = before.sub(largest).exp2();
            sum = sum.mul(keep);
            // Several sums, because an addition waits for the one before it.
            let mut sums = [V::splat(T::ZERO); 4];
            for block in &mut *p {
                for (i, row) in block.0.iter_mut().enumerate() {
                    let e = V::load(row).sub(largest).exp2();
                    e.store(row);
                    sums[i % 4] = sums[i % 4].add(e);
                }
            }
            sum = sum.add(sums[0].add(sums[1]).add(sums[2].add(sums[3])));
            for (panel, ot) in self.ot.iter_mut().enumerate() {
                let mut sums = if tile == 0 { zeros() } else { load(ot, keep) };
                for (v, p) in v.chunks_exact(panels).zip(&*p) {
                    sums = add_product_t::<T, V, N>(sums, &v[panel], p);
                }
                store(sums, ot);
            }
        }
        self.finish(largest, sum, blocks == 0);
    }

    /// Divides by the sums and turns the output into rows.
    #[inline(always)]
    fn finish<V: Lanes<T, N>>(&mut self, largest: V, sum: V, nothing: bool) {
        if nothing {
            self.o.fill(Block::ZERO);
            self.lse = [T::NEG_INFINITY; N];
            return;
        }
        let (mut factors, mut maxima) = ([T::ZERO; N], [T::ZERO; N]);
        sum.store(&mut factors);
        largest.store(&mut maxima);
        for ((factor, largest), lse) in factors.iter_mut().zip(maxima).zip(&mut self.lse) {
            // NaN must come out as NaN, not as a query that sees nothing.
            if *factor == T::ZERO {
                *lse = T::NEG_INFINITY;
            } else {
                *lse = T::of(LN_2 * (largest.wide() + factor.wide().log2()));
                *factor = T::ONE / *factor;
            }
        }
        let factors = V::load(&factors);
        for (ot, o) in self.ot.iter_mut().zip(&mut self.o) {
            let turned = load(ot, factors);
            store(turned, ot);
            V::transpose(ot, o);
        }
    }
}
