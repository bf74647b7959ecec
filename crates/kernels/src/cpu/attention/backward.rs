//! The gradient of attention: probabilities are computed again, from scores and `lse`.

use super::lanes::{Block, Lanes, each_isa};
use super::tile::{
    Sight, add_product, add_product_t, load, pack, pack_all, store, transpose, unpack_row, zeros,
};
use super::{Ahead, Extent, Gradients, Options, Rows, Shape, Shared, Strip, View};
use crate::par;
use crate::real::Real;
use std::f64::consts::{LN_2, LOG2_E};
use std::ops::Range;

/// Blocks of queries and of keys whose probabilities exist at a time.
const Q_TILE: usize = 4;
const K_TILE: usize = 8;

/// Gradients for `q`, `k` and `v` of [`forward`](super::forward), given its results `o` and `lse`
/// and the gradient `d_o` of `o`; shapes are those of `forward`.
///
/// With `p` the probabilities: `dv = pᵀ do`, `dp = do vᵀ`, `ds = p (dp - Σ_d do · o)`,
/// `dq = scale · ds k`, `dk = scale · dsᵀ q`; a head of keys and values receives the sums over the
/// heads which it serves.
#[allow(clippy::too_many_arguments)] // three operands, two results, their gradients
pub fn backward<T: Real>(
    shape: &Shape,
    q: Rows<T>,
    k: Rows<T>,
    v: Rows<T>,
    options: &Options,
    o: &[T],
    lse: &[T],
    d_o: &[T],
    gradients: Gradients<T>,
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
        d_o.len(),
        o.len(),
        "attention: the gradient of o has another size"
    );
    assert_eq!(
        lse.len(),
        batch * heads * q_len,
        "attention: lse has another size"
    );
    let [dq, dk, dv] = match gradients {
        Gradients::Separate { q, k, v } => [
            Shared::new(q, queries, "the gradient of q"),
            Shared::new(k, keys, "the gradient of k"),
            Shared::new(v, keys, "the gradient of v"),
        ],
        Gradients::FusedKeysValues { q, kv, k, v } => {
            let names = ["the gradient of k", "the gradient of v"];
            let [dk, dv] = Shared::fused(kv, [k, v], [keys, keys], names);
            [Shared::new(q, queries, "the gradient of q"), dk, dv]
        }
        Gradients::Fused { qkv, q, k, v } => {
            let names = [
                "the gradient of q",
                "the gradient of k",
                "the gradient of v",
            ];
            Shared::fused(qkv, [q, k, v], [queries, keys, keys], names)
        }
    };
    let view = View::contiguous(q_len, heads * dim);
    let (o, d_o) = (Rows { data: o, view }, Rows { data: d_o, view });
    let call = Call {
        shape,
        q,
        k,
        v,
        options,
        o,
        d_o,
        lse,
        dq,
        dk,
        dv,
    };
    let jobs = batch * shape.kv_heads;
    par::map_ranges(jobs, shape.pieces(jobs), |jobs| run(&call, jobs));
}

/// The arguments of a call.
struct Call<'a, T> {
    shape: &'a Shape,
    q: Rows<'a, T>,
    k: Rows<'a, T>,
    v: Rows<'a, T>,
    options: &'a Options<'a>,
    o: Rows<'a, T>,
    d_o: Rows<'a, T>,
    lse: &'a [T],
    dq: Shared<'a, T>,
    dk: Shared<'a, T>,
    dv: Shared<'a, T>,
}

impl<'a, T: Copy> Call<'a, T> {
    /// Queries, output and its gradient, keys and values of a head, counted through all sequences.
    fn strips(&self, index: usize) -> [Strip<'a, T>; 5] {
        let (b, h) = (index / self.shape.heads, index % self.shape.heads);
        let (queries, keys) = (Extent::queries(self.shape), Extent::keys(self.shape));
        let strip = |rows| Strip::new(rows, queries, b, h);
        let kv = |rows| Strip::new(rows, keys, b, h / self.shape.group());
        [
            strip(self.q),
            strip(self.o),
            strip(self.d_o),
            kv(self.k),
            kv(self.v),
        ]
    }
}

each_isa!(fn run<T> = kv_heads(call: &Call<T>, jobs: Range<usize>));

/// Gradients of some heads of keys and values, counted through all sequences, and of the heads of
/// queries which they serve.
#[inline(always)]
fn kv_heads<T: Real, V: Lanes<T, N>, const N: usize>(call: &Call<T>, jobs: Range<usize>) {
    let shape = call.shape;
    let panels = shape.panels(N);
    let mut kv = KeysValues::new(shape.kv_len.div_ceil(N) * panels);
    let mut scratch = Scratch::new(panels);
    let steps = shape.q_len.div_ceil(N) * shape.kv_len.div_ceil(N);
    let heads = jobs.start * shape.group()..jobs.end * shape.group();
    for job in jobs {
        let (b, kv_head) = (job / shape.kv_heads, job % shape.kv_heads);
        let sight = call.options.sight(shape, b);
        let [.., keys, values] = call.strips(job * shape.group());
        pack_all::<T, V, N>(keys, sight.keys, panels, &mut kv.k);
        pack_all::<T, V, N>(values, sight.keys, panels, &mut kv.v);
        kv.dk.fill(Block::ZERO);
        kv.dv.fill(Block::ZERO);
        for index in job * shape.group()..(job + 1) * shape.group() {
            let h = index % shape.heads;
            let [q, o, d_o, ..] = call.strips(index);
            let next = heads.contains(&(index + 1)).then(|| call.strips(index + 1));
            let mut ahead = Ahead::new(next, steps);
            let lse = &call.lse[(b * shape.heads + h) * shape.q_len..][..shape.q_len];
            for first in (0..shape.q_len).step_by(Q_TILE * N) {
                let factor = T::of(call.options.scale * LOG2_E);
                let rows = (Q_TILE * N).min(shape.q_len - first);
                let count = rows.div_ceil(N);
                scratch.read::<V>(first, count, factor, q, o, d_o, lse);
                scratch.tile::<V>(first, count, sight, &mut kv, &mut ahead);
                for (block, dqt) in scratch.dqt.chunks_exact(panels).take(count).enumerate() {
                    transpose::<T, V, N>(dqt, &mut scratch.turned);
                    for i in block * N..rows.min((block + 1) * N) {
                        // SAFETY: this thread alone has the heads of queries which the head of keys
                        // serves; the row ends with the iteration.
                        let dq = unsafe { call.dq.row(b, h, first + i) };
                        let factor = T::of(call.options.scale);
                        unpack_row::<T, V, N>(&scratch.turned, i % N, factor, dq);
                    }
                }
            }
        }
        for j in 0..shape.kv_len {
            let blocks = (j / N) * panels..(j / N + 1) * panels;
            // SAFETY: this thread alone has this head of keys and values; rows end with the iteration.
            let (dk, dv) = unsafe { (call.dk.row(b, kv_head, j), call.dv.row(b, kv_head, j)) };
            // Queries were packed times scale / ln 2.
            unpack_row::<T, V, N>(&kv.dk[blocks.clone()], j % N, T::of(LN_2), dk);
            unpack_row::<T, V, N>(&kv.dv[blocks], j % N, T::ONE, dv);
        }
    }
}

/// One head of keys and values, and its gradients.
struct KeysValues<T, const N: usize> {
    k: Vec<Block<T, N>>,
    v: Vec<Block<T, N>>,
    dk: Vec<Block<T, N>>,
    dv: Vec<Block<T, N>>,
}

impl<T: Real, const N: usize> KeysValues<T, N> {
    fn new(blocks: usize) -> Self {
        let blocks = || vec![Block::ZERO; blocks];
        Self {
            k: blocks(),
            v: blocks(),
            dk: blocks(),
            dv: blocks(),
        }
    }
}

/// What a thread needs for one tile of queries; `t` names what is transposed.
struct Scratch<T, const N: usize> {
    /// Queries times `scale / ln 2`.
    q: Vec<Block<T, N>>,
    qt: Vec<Block<T, N>>,
    d_o: Vec<Block<T, N>>,
    d_ot: Vec<Block<T, N>>,
    dqt: Vec<Block<T, N>>,
    turned: Vec<Block<T, N>>,
    /// Probabilities and gradients of scores: a row for each key, `K_TILE` blocks for each of queries.
    p: Vec<Block<T, N>>,
    ds: Vec<Block<T, N>>,
    /// `lse / ln 2`, and +∞ for queries which see nothing or do not exist.
    lse: [[T; N]; Q_TILE],
    /// `Σ_d do · o`.
    delta: [[T; N]; Q_TILE],
}

impl<T: Real, const N: usize> Scratch<T, N> {
    fn new(panels: usize) -> Self {
        let blocks = |n: usize| vec![Block::ZERO; n];
        let tile = Q_TILE * panels;
        Self {
            q: blocks(tile),
            qt: blocks(tile),
            d_o: blocks(tile),
            d_ot: blocks(tile),
            dqt: blocks(tile),
            turned: blocks(panels),
            p: blocks(Q_TILE * K_TILE),
            ds: blocks(Q_TILE * K_TILE),
            lse: [[T::ZERO; N]; Q_TILE],
            delta: [[T::ZERO; N]; Q_TILE],
        }
    }

    /// Reads `count` blocks of queries from `first`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // which queries, and four operands
    fn read<V: Lanes<T, N>>(
        &mut self,
        first: usize,
        count: usize,
        factor: T,
        q: Strip<T>,
        o: Strip<T>,
        d_o: Strip<T>,
        lse: &[T],
    ) {
        let panels = self.turned.len();
        for block in 0..count {
            let (at, blocks) = (first + block * N, block * panels..(block + 1) * panels);
            pack::<T, V, N>(q, at, factor, &mut self.q[blocks.clone()]);
            pack::<T, V, N>(d_o, at, T::ONE, &mut self.d_o[blocks]);
            for i in 0..N {
                let (lse2, delta) = (&mut self.lse[block][i], &mut self.delta[block][i]);
                (*lse2, *delta) = (-T::NEG_INFINITY, T::ZERO);
                if at + i < q.rows {
                    *delta = dot::<T, V, N>(o.row(at + i), d_o.row(at + i));
                    if lse[at + i] != T::NEG_INFINITY {
                        *lse2 = T::of(lse[at + i].wide() * LOG2_E);
                    }
                }
            }
        }
        transpose::<T, V, N>(&self.q[..count * panels], &mut self.qt);
        transpose::<T, V, N>(&self.d_o[..count * panels], &mut self.d_ot);
    }

    /// Gradients of `count` blocks of queries from `first` with all their keys: adds to those of the keys and
    /// values, and leaves that of the queries in `dqt`, without `scale`.
    #[inline(always)]
    fn tile<V: Lanes<T, N>>(
        &mut self,
        first: usize,
        count: usize,
        sight: Sight,
        kv: &mut KeysValues<T, N>,
        ahead: &mut Ahead<T, 5>,
    ) {
        let panels = self.turned.len();
        let blocks = |q: usize| sight.keys_until(first + (q + 1) * N - 1).div_ceil(N);
        self.dqt.fill(Block::ZERO);
        for tile in (0..blocks(count - 1)).step_by(K_TILE) {
            let end = blocks(count - 1).min(tile + K_TILE);
            for q in 0..count {
                self.scores::<V>(first, q, tile..blocks(q).min(end), sight, kv, ahead);
            }
            for j in tile..end {
                // Earlier blocks of queries do not see these keys.
                let seen = (0..count).position(|q| blocks(q) > j).unwrap_or(count);
                let at = j * panels..(j + 1) * panels;
                let (dk, dv) = (&mut kv.dk[at.clone()], &mut kv.dv[at]);
                for panel in 0..panels {
                    let mut sums = load(&dv[panel], V::splat(T::ONE));
                    for q in seen..count {
                        let p = &self.p[q * K_TILE + j - tile];
                        sums = add_product::<T, V, N>(sums, p, &self.d_o[q * panels + panel]);
                    }
                    store(sums, &mut dv[panel]);
                    let mut sums = load(&dk[panel], V::splat(T::ONE));
                    for q in seen..count {
                        let ds = &self.ds[q * K_TILE + j - tile];
                        sums = add_product::<T, V, N>(sums, ds, &self.q[q * panels + panel]);
                    }
                    store(sums, &mut dk[panel]);
                }
            }
        }
    }

    /// Probabilities and gradients of scores of one block of queries with some blocks of keys, and
    /// what they add to the gradient of the queries.
    #[inline(always)]
    fn scores<V: Lanes<T, N>>(
        &mut self,
        first: usize,
        q: usize,
        keys: Range<usize>,
        sight: Sight,
        kv: &KeysValues<T, N>,
        ahead: &mut Ahead<T, 5>,
    ) {
        if keys.is_empty() {
            return;
        }
        let panels = self.turned.len();
        let query = first + q * N;
        let (qt, d_ot) = (&self.qt[q * panels..], &self.d_ot[q * panels..]);
        let (lse, delta) = (V::load(&self.lse[q]), V::load(&self.delta[q]));
        let (p, ds) = (&mut self.p[q * K_TILE..], &mut self.ds[q * K_TILE..]);
        for (i, j) in keys.clone().enumerate() {
            let at = j * panels..(j + 1) * panels;
            ahead.step();
            let mut scores = zeros();
            for (k, q) in kv.k[at.clone()].iter().zip(qt) {
                scores = add_product::<T, V, N>(scores, k, q);
            }
            store(scores, &mut p[i]);
            if sight.hides::<N>(query, j * N) {
                sight.hide(query, j * N, &mut p[i]);
            }
            let mut dp = zeros();
            for (v, d_o) in kv.v[at].iter().zip(d_ot) {
                dp = add_product::<T, V, N>(dp, v, d_o);
            }
            for ((p, ds), dp) in p[i].0.iter_mut().zip(&mut ds[i].0).zip(dp) {
                let e = V::load(p).sub(lse).exp2();
                e.store(p);
                e.mul(dp.sub(delta)).store(ds);
            }
        }
        let k = &kv.k[keys.start * panels..keys.end * panels];
        for (panel, dqt) in self.dqt[q * panels..(q + 1) * panels]
            .iter_mut()
            .enumerate()
        {
            let mut sums = load(dqt, V::splat(T::ONE));
            for (k, ds) in k.chunks_exact(panels).zip(&*ds) {
                sums = add_product_t::<T, V, N>(sums, &k[panel], ds);
            }
            store(sums, dqt);
        }
    }
}

/// `Σ a b` over a row.
#[inline(always)]
fn dot<T: Real, V: Lanes<T, N>, const N: usize>(a: &[T], b: &[T]) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<N>(), b.as_chunks::<N>());
    let mut sum = V::splat(T::ZERO);
    for (a, b) in a.iter().zip(b) {
        sum = V::load(a).fma(V::load(b), sum);
    }
    let rest: T = a_rest.iter().zip(b_rest).map(|(a, b)| *a * *b).sum();
    sum.sum() + rest
}
