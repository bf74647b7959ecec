//! Rows looked up in a table by their ids, and the gradient of the table.
//!
//! The gradients add up the occurrences of an id in the order of their positions, whatever the number
//! of threads.

use crate::cpu::rows::run;
use crate::par;
use crate::real::Real;
use std::ops::Range;

/// Asserts that every id names one of `vocab` rows.
fn check(ids: &[i64], vocab: usize) {
    for id in ids {
        let known = usize::try_from(*id).is_ok_and(|id| id < vocab);
        assert!(known, "embedding: id {id} in a table of {vocab} rows");
    }
}

/// `y[i] = table[ids[i]]` for a table `[vocab, c]`; `y` is `[ids, c]`.
///
/// # Panics
/// If an id is negative or not below `vocab`.
pub fn embedding_forward<T: Real>(table: &[T], c: usize, ids: &[i64], y: &mut [T]) {
    assert!(
        c > 0 && table.len().is_multiple_of(c),
        "embedding: the table is not whole rows"
    );
    assert_eq!(y.len(), ids.len() * c, "embedding: y is not [ids, c]");
    check(ids, table.len() / c);
    par::split_mut(y, c, par::pieces(y.len()), |first, y| {
        for (y, id) in y.chunks_exact_mut(c).zip(&ids[first..]) {
            let id = *id as usize;
            y.copy_from_slice(&table[id * c..(id + 1) * c]);
        }
    });
}

/// `a += b`. Two loads, an addition and a store: the baseline instruction set is as fast as memory.
fn add<T: Real>(a: &mut [T], b: &[T]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += *b;
    }
}

/// Cuts the table's rows into one range for each piece with about equal work: a row costs one unit
/// to clear, and two units each time it is added to.
fn shares(ids: &[i64], vocab: usize, pieces: usize) -> Vec<Range<usize>> {
    if pieces <= 1 {
        return std::iter::once(0..vocab).collect();
    }
    let mut uses = vec![0u32; vocab];
    ids.iter().for_each(|id| uses[*id as usize] += 1);
    let each = (vocab + 2 * ids.len()).div_ceil(pieces);
    let (mut ranges, mut first, mut work) = (Vec::new(), 0, 0);
    for (row, uses) in uses.iter().enumerate() {
        work += 1 + 2 * *uses as usize;
        if work >= each {
            ranges.push(first..row + 1);
            (first, work) = (row + 1, 0);
        }
    }
    if first < vocab {
        ranges.push(first..vocab);
    }
    ranges
}

/// Gradient of the whole table `[vocab, c]`: cleared, then `dtable[ids[i]] += dy[i]`.
///
/// Each thread owns a range of the table's rows.
///
/// # Panics
/// If an id is negative or not below `vocab`.
pub fn embedding_backward<T: Real>(dy: &[T], c: usize, ids: &[i64], dtable: &mut [T]) {
    assert!(
        c > 0 && dtable.len().is_multiple_of(c),
        "embedding: the table is not whole rows"
    );
    assert_eq!(dy.len(), ids.len() * c, "embedding: dy is not [ids, c]");
    let vocab = dtable.len() / c;
    check(ids, vocab);
    let mut jobs = Vec::new();
    let mut rest = dtable;
    for range in shares(ids, vocab, par::pieces(dy.len() + rest.len())) {
        let (own, others) = rest.split_at_mut(range.len() * c);
        jobs.push((range, own));
        rest = others;
    }
    run(jobs, |_, (range, own)| {
        own.fill(T::ZERO);
        for (id, dy) in ids.iter().zip(dy.chunks_exact(c)) {
            let id = *id as usize;
            if range.contains(&id) {
                let at = (id - range.start) * c;
                add(&mut own[at..at + c], dy);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};

    /// (ids, vocab, c), small and large enough for threads.
    const SHAPES: [(usize, usize, usize); 6] = [
        (0, 5, 3),
        (1, 1, 1),
        (20, 7, 3),
        (50, 1000, 5),
        (700, 900, 129),
        (3000, 2, 64),
    ];

    fn ids(n: usize, vocab: usize) -> Vec<i64> {
        let mut rng = Rng(n as u64);
        // Small ids are the most frequent, as they are in language.
        (0..n)
            .map(|_| (rng.uniform().powi(3) * vocab as f64) as i64)
            .collect()
    }

    #[test]
    fn forward_and_backward() {
        for (n, vocab, c) in SHAPES {
            let table: Vec<f32> = Rng(1).normals(vocab * c);
            let dy: Vec<f32> = Rng(2).normals(n * c);
            let ids = ids(n, vocab);
            let mut y = vec![f32::NAN; n * c];
            embedding_forward(&table, c, &ids, &mut y);
            let mut exact = vec![0.0f64; vocab * c];
            for (i, id) in ids.iter().enumerate() {
                for j in 0..c {
                    assert_eq!(y[i * c + j], table[*id as usize * c + j]);
                    exact[*id as usize * c + j] += f64::from(dy[i * c + j]);
                }
            }
            let mut dtable = vec![f32::NAN; vocab * c];
            embedding_backward(&dy, c, &ids, &mut dtable);
            assert!(error(&dtable, &exact) < 1e-5);
        }
    }

    #[test]
    fn gradient_does_not_depend_on_threads() {
        let (n, vocab, c) = (700, 900, 129);
        let dy: Vec<f32> = Rng(2).normals(n * c);
        let ids = ids(n, vocab);
        let compute = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let mut dtable = vec![f32::NAN; vocab * c];
            pool.install(|| embedding_backward(&dy, c, &ids, &mut dtable));
            dtable
        };
        let alone = compute(1);
        assert!(
            [2, 3, 5]
                .into_iter()
                .all(|threads| compute(threads) == alone)
        );
    }

    #[test]
    fn shares_cover_the_table() {
        for (n, vocab, _) in SHAPES {
            for pieces in 1..6 {
                let shares = shares(&ids(n, vocab), vocab, pieces);
                assert!(shares.len() <= pieces);
                assert_eq!(shares.first().map(|r| r.start), Some(0));
                assert_eq!(shares.last().map(|r| r.end), Some(vocab));
                assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }

    #[test]
    #[should_panic(expected = "id 4 in a table of 4 rows")]
    fn unknown_id() {
        embedding_forward(&[0.0f32; 8], 2, &[1, 4], &mut [0.0; 4]);
    }

    #[test]
    #[should_panic(expected = "id -1 in a table of 4 rows")]
    fn negative_id() {
        embedding_backward(&[0.0f32; 2], 2, &[-1], &mut [0.0; 8]);
    }
}
