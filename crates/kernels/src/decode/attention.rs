//! Attention of new tokens to those in the cache.
//!
//! Rows of one conversation that follow each other make tiles: a page of keys is widened to f32 once for
//! all queries of a tile, those of the heads that share it included. All scores of a tile are kept, so
//! that the softmax is exact and the values are summed in registers, in the order of the tokens.

use super::pages::{KvPages, head_len, padded};
use crate::buffer::scratch;
use crate::cpu::conv::Shared;
use crate::cpu::math::Math;
use crate::cpu::rows::{largest, sum};
use crate::quant::lanes::{Lanes, for_each_level};
use rayon::prelude::*;

/// What a query sees: the first `length` tokens of a conversation (the last of them is usually its own).
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Pages of the conversation, in order. Rows with the same slice are computed together.
    pub pages: &'a [u32],
    /// Tokens.
    pub length: usize,
}

/// Queries of a tile, at least one row.
const QUERIES: usize = 16;
/// Multiplications for which another thread is worth waking.
const GRAIN: usize = 256 << 10;

/// `out = softmax(q Kᵀ / √dim) V` for queries `[n, heads, dim]` of a layer; row `i` sees `seen[i]`, of that
/// the last `window` tokens if there is one (Beltagy et al. 2020). Each head of keys serves `heads / kv_heads`
/// neighbouring heads of queries (Ainslie et al. 2023). A row that sees nothing gets zeros.
///
/// # Panics
/// If lengths do not fit each other, or a page is not in the cache.
pub fn paged_attention(
    q: &[f32],
    heads: usize,
    cache: &KvPages,
    layer: usize,
    seen: &[Seen],
    window: Option<usize>,
    out: &mut [f32],
) {
    let (dim, kv_heads) = (cache.head_dim(), cache.kv_heads());
    let width = heads * dim;
    assert_eq!(
        q.len(),
        seen.len() * width,
        "attention: length of the queries"
    );
    assert_eq!(out.len(), q.len(), "attention: length of the output");
    assert!(
        heads.is_multiple_of(kv_heads),
        "attention: {heads} heads share {kv_heads}"
    );
    let spans: Vec<Span> = seen.iter().map(|s| Span::new(*s, window, cache)).collect();
    let group = heads / kv_heads;
    let tiles = tiles(seen, (QUERIES / group).max(1));
    let (pages, page_len) = cache.layer(layer);
    let out = Shared::new(out);
    let run = |i: usize| {
        let (rows, head) = (tiles[i / kv_heads].clone(), i % kv_heads);
        let first = rows.start * width + head * group * dim;
        let spans = &spans[rows.clone()];
        let most = rows.max_by_key(|row| seen[*row].length);
        let task = Task {
            q: q[first..].as_ptr(),
            out: out.at(first),
            width,
            group,
            dim,
            spans,
            pages: most.map_or(&[], |row| seen[row].pages),
            cache: pages[head * head_len(dim)..].as_ptr(),
            page_len,
        };
        // SAFETY: queries and outputs of these rows and heads are inside of the slices, and no two tasks
        // share any; the spans are inside of the pages, and these inside of the cache, as `Span::new` has
        // seen. `out` stays borrowed.
        unsafe { attend(&task) };
    };
    let work: usize = spans.iter().map(|s| s.end - s.start).sum::<usize>() * 2 * width;
    let tasks = tiles.len() * kv_heads;
    match work > GRAIN && tasks > 1 {
        true => (0..tasks).into_par_iter().for_each(run),
        false => (0..tasks).for_each(run),
    }
}

/// The tokens that a row sees.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn new(seen: Seen, window: Option<usize>, cache: &KvPages) -> Self {
        let end = seen.length;
        let pages = end.div_ceil(KvPages::PAGE);
        assert!(
            pages <= seen.pages.len(),
            "attention: {end} tokens on {} pages",
            seen.pages.len()
        );
        let inside = seen.pages[..pages]
            .iter()
            .all(|p| (*p as usize) < cache.pages());
        assert!(inside, "attention: a page that is not in the cache");
        Self {
            start: end - window.map_or(end, |w| w.min(end)),
            end,
        }
    }
}

/// Neighbouring rows of one conversation, up to `most` together.
fn tiles(seen: &[Seen], most: usize) -> Vec<std::ops::Range<usize>> {
    let mut tiles: Vec<std::ops::Range<usize>> = Vec::with_capacity(seen.len().div_ceil(most));
    for (i, row) in seen.iter().enumerate() {
        match tiles.last_mut() {
            Some(last) if last.len() < most && std::ptr::eq(seen[last.start].pages, row.pages) => {
                last.end = i + 1;
            }
            _ => tiles.push(i..i + 1),
        }
    }
    tiles
}

/// Some rows of one conversation with the heads of queries that share a head of keys.
struct Task<'a> {
    /// The first query.
    q: *const f32,
    /// Its output.
    out: *mut f32,
    /// Distance between rows of both.
    width: usize,
    /// Heads of queries, next to each other.
    group: usize,
    dim: usize,
    /// What each row sees.
    spans: &'a [Span],
    pages: &'a [u32],
    /// The keys of this head on page 0.
    cache: *const u16,
    /// Distance between pages.
    page_len: usize,
}

for_each_level! {
    /// # Safety
    /// The queries and outputs are there, and the spans inside of the pages, and these of the cache.
    unsafe fn attend[](task: &Task) = attend_body;
}

#[inline(always)]
unsafe fn attend_body<L: Lanes>(task: &Task) {
    let start = task.spans.iter().map(|s| s.start).min().unwrap_or(0);
    let end = task.spans.iter().map(|s| s.end).max().unwrap_or(0);
    let queries = task.spans.len() * task.group;
    let tile = Scores {
        first: start / KvPages::PAGE,
        start,
        end,
        stride: end.next_multiple_of(KvPages::PAGE) - start / KvPages::PAGE * KvPages::PAGE,
    };
    let mut scores = scratch::<f32>(queries * tile.stride);
    let mut inverse = [0.0f32; QUERIES];
    let most = if L::MANY { 8 } else { 4 };
    let steps = queries.div_ceil(most);
    let at = scores.as_mut_ptr();
    for step in 0..steps {
        let (from, to) = (queries * step / steps, queries * (step + 1) / steps);
        // SAFETY: queries of the tile, and as many rows of scores; one wide head may have more queries
        // than `inverse` has places, so these are used step by step.
        unsafe {
            let rows = at.add(from * tile.stride);
            some_scores::<L>(task, &tile, from, to - from, rows);
            for (i, inverse) in inverse.iter_mut().enumerate().take(to - from) {
                let row = std::slice::from_raw_parts_mut(rows.add(i * tile.stride), tile.stride);
                let span = task.spans[(from + i) / task.group];
                *inverse = softmax::<L>(row, &tile, span, task.dim);
            }
            some_values::<L>(task, &tile, from, to - from, rows, &inverse);
        }
    }
}

/// Which tokens the scores of a tile are for.
struct Scores {
    /// The page of the first.
    first: usize,
    start: usize,
    end: usize,
    /// Distance between the scores of two queries: whole pages.
    stride: usize,
}

/// Scores to exponentials relative to the largest; 0 for what the row does not see. Returns one over
/// their sum.
#[inline(always)]
fn softmax<L: Lanes>(row: &mut [f32], tile: &Scores, span: Span, dim: usize) -> f32 {
    let base = tile.first * KvPages::PAGE;
    row[..span.start - base].fill(0.0);
    row[span.end - base..].fill(0.0);
    if span.start == span.end {
        return 0.0;
    }
    let own = &mut row[span.start - base..span.end - base];
    let (most, scale) = (largest(own), 1.0 / (dim as f32).sqrt());
    for score in own.iter_mut() {
        *score = Math::exp::<L::Target>((*score - most) * scale);
    }
    1.0 / sum(own)
}

/// Runs a kernel for 1 to 8 queries.
macro_rules! for_queries {
    ($count:expr, $kernel:ident::<$lanes:ident>($($arg:expr),*)) => {
        match $count {
            1 => $kernel::<$lanes, 1>($($arg),*),
            2 => $kernel::<$lanes, 2>($($arg),*),
            3 => $kernel::<$lanes, 3>($($arg),*),
            4 => $kernel::<$lanes, 4>($($arg),*),
            5 if $lanes::MANY => $kernel::<$lanes, 5>($($arg),*),
            6 if $lanes::MANY => $kernel::<$lanes, 6>($($arg),*),
            7 if $lanes::MANY => $kernel::<$lanes, 7>($($arg),*),
            8 if $lanes::MANY => $kernel::<$lanes, 8>($($arg),*),
            other => unreachable!("{other} queries at a time"),
        }
    };
}

/// # Safety
/// That of [`attend`] and [`Lanes`]; the task has the queries, `rows` is as many rows of scores.
#[inline(always)]
unsafe fn some_scores<L: Lanes>(
    task: &Task,
    tile: &Scores,
    from: usize,
    count: usize,
    rows: *mut f32,
) {
    // SAFETY: the caller's contract.
    unsafe { for_queries!(count, scores_of::<L>(task, tile, from, rows)) }
}

/// # Safety
/// As for [`some_scores`].
#[inline(always)]
unsafe fn some_values<L: Lanes>(
    task: &Task,
    tile: &Scores,
    from: usize,
    count: usize,
    rows: *const f32,
    inverse: &[f32],
) {
    // SAFETY: the caller's contract.
    unsafe { for_queries!(count, values_of::<L>(task, tile, from, rows, inverse)) }
}

impl Task<'_> {
    /// Where query `i` of the tile begins, counted from the first.
    #[inline(always)]
    fn place(&self, i: usize) -> usize {
        i / self.group * self.width + i % self.group * self.dim
    }

    /// The keys of this head on the conversation's page `i`.
    ///
    /// # Safety
    /// It has that page.
    #[inline(always)]
    unsafe fn keys(&self, i: usize) -> *const u16 {
        // SAFETY: the caller's contract; pages are inside of the cache.
        unsafe { self.cache.add(self.pages[i] as usize * self.page_len) }
    }
}

/// Products of `Q` queries with the keys of all pages of the tile.
///
/// # Safety
/// As for [`some_scores`].
#[inline(always)]
#[allow(clippy::needless_range_loop)] // constant bounds, so that everything stays in registers
unsafe fn scores_of<L: Lanes, const Q: usize>(
    task: &Task,
    tile: &Scores,
    from: usize,
    rows: *mut f32,
) {
    // SAFETY: the caller's contract: `dim` features of each query, `dim` rows of `PAGE` keys on each page,
    // and `PAGE` scores of each query for it.
    unsafe {
        let q: [*const f32; Q] = std::array::from_fn(|i| task.q.add(task.place(from + i)));
        for page in tile.first..tile.end.div_ceil(KvPages::PAGE) {
            let keys = task.keys(page);
            let to = rows.add((page - tile.first) * KvPages::PAGE);
            for token in (0..KvPages::PAGE).step_by(2 * L::ROWS) {
                let mut sums = [[L::splat(0.0); 2]; Q];
                for d in 0..task.dim {
                    let from = keys.add(d * KvPages::PAGE + token);
                    let (a, b) = (L::halves(from), L::halves(from.add(L::ROWS)));
                    for i in 0..Q {
                        let value = L::splat(*q[i].add(d));
                        sums[i] = [L::fma(value, a, sums[i][0]), L::fma(value, b, sums[i][1])];
                    }
                }
                for i in 0..Q {
                    let to = to.add(i * tile.stride + token);
                    L::store(sums[i][0], to);
                    L::store(sums[i][1], to.add(L::ROWS));
                }
            }
        }
    }
}

/// Sums of the values of all tokens of the tile, weighted for `Q` queries.
///
/// # Safety
/// As for [`some_scores`].
#[inline(always)]
#[allow(clippy::needless_range_loop)] // as above
unsafe fn values_of<L: Lanes, const Q: usize>(
    task: &Task,
    tile: &Scores,
    from: usize,
    rows: *const f32,
    inverse: &[f32],
) {
    // SAFETY: the caller's contract: `padded` features of each token on a page, behind its keys, and a
    // score of each query for it.
    unsafe {
        for d in (0..task.dim).step_by(2 * L::ROWS) {
            let mut sums = [[L::splat(0.0); 2]; Q];
            for page in tile.first..tile.end.div_ceil(KvPages::PAGE) {
                let base = page * KvPages::PAGE;
                let values = task.keys(page).add(task.dim * KvPages::PAGE + d);
                let weights = rows.add(base - tile.first * KvPages::PAGE);
                let tokens = tile.start.max(base) - base..tile.end.min(base + KvPages::PAGE) - base;
                for token in tokens {
                    let from = values.add(token * padded(task.dim));
                    let (a, b) = (L::halves(from), L::halves(from.add(L::ROWS)));
                    for i in 0..Q {
                        let weight = L::splat(*weights.add(i * tile.stride + token));
                        sums[i] = [L::fma(weight, a, sums[i][0]), L::fma(weight, b, sums[i][1])];
                    }
                }
            }
            for i in 0..Q {
                let to = task.out.add(task.place(from + i) + d);
                let scale = L::splat(inverse[i]);
                for (j, sum) in sums[i].into_iter().enumerate() {
                    let left = task.dim.saturating_sub(d + j * L::ROWS);
                    L::store_part(L::times(sum, scale), to.wrapping_add(j * L::ROWS), left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
