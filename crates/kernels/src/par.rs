//! Work shared between threads, and only where it is worth it.

use rayon::prelude::*;

/// Elements below which a memory-bound loop stays on one thread: waking another costs about 5 µs.
pub const GRAIN: usize = 32 * 1024;

/// Threads that kernels may use: those of the current rayon pool.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// How many pieces `work` elements are cut into: one for each thread, none smaller than [`GRAIN`].
pub fn pieces(work: usize) -> usize {
    (work / GRAIN).clamp(1, threads())
}

/// Calls `f(first, part)` for `pieces` nearly equal parts of `data`, each a multiple of `unit`
/// elements (a row); `first` is the index of the part's first unit.
pub fn split_mut<T: Send>(
    data: &mut [T],
    unit: usize,
    pieces: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    let units = data.len() / unit.max(1);
    if pieces <= 1 || units <= 1 {
        return f(0, data);
    }
    let each = units.div_ceil(pieces);
    data.par_chunks_mut(each * unit)
        .enumerate()
        .for_each(|(i, part)| f(i * each, part));
}

/// Calls `f(range)` for `pieces` nearly equal parts of `0..units` and returns the results in order.
pub fn map_ranges<R: Send>(
    units: usize,
    pieces: usize,
    f: impl Fn(std::ops::Range<usize>) -> R + Sync,
) -> Vec<R> {
    if pieces <= 1 || units <= 1 {
        return vec![f(0..units)];
    }
    let each = units.div_ceil(pieces);
    (0..units.div_ceil(each))
        .into_par_iter()
        .map(|i| f(i * each..((i + 1) * each).min(units)))
        .collect()
}
