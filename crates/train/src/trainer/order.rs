//! The order of the training examples in an epoch.

use rand::Rng;
use rand::seq::SliceRandom;

/// Batches whose examples are sorted by length together.
const CHUNK: usize = 64;
/// An epoch has at least this many chunks, or the same examples would meet in a batch again and again.
const FEWEST_CHUNKS: usize = 4;

/// All examples in a drawn order.
pub(super) fn shuffled(examples: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..examples).collect();
    order.shuffle(rng);
    order
}

/// All examples in a drawn order in which those of a batch are of like length, so that little of it is
/// padding. Batches of all lengths follow each other in a drawn order as well.
pub(super) fn by_length(lengths: &[u32], batch: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut order = shuffled(lengths.len(), rng);
    // The last batch of an epoch may be smaller. It stays last and is drawn from all lengths: else the
    // longest examples would be in it every time.
    let rest = order.split_off(lengths.len() / batch * batch);
    let batches = order.len() / batch;
    let chunk = (batches / FEWEST_CHUNKS).clamp(1, CHUNK) * batch;
    for chunk in order.chunks_mut(chunk) {
        // Stable: examples of one length stay in the drawn order.
        chunk.sort_by_key(|example| lengths[*example]);
    }
    let mut batches: Vec<&[usize]> = order.chunks(batch).collect();
    batches.shuffle(rng);
    batches
        .into_iter()
        .chain([rest.as_slice()])
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::rng::{Purpose, stream};
    use proptest::prelude::*;

    fn drawn(lengths: &[u32], batch: usize, epoch: u64) -> Vec<usize> {
        by_length(lengths, batch, &mut stream(7, Purpose::Shuffle, (epoch, 0)))
    }

    /// The share of a batch that is padding, over all batches.
    fn padding(order: &[usize], lengths: &[u32], batch: usize) -> f64 {
        let of = |rows: &[usize]| {
            let lengths = rows.iter().map(|i| u64::from(lengths[*i]));
            let (longest, sum) = lengths.fold((0, 0), |(l, s), n| (n.max(l), s + n));
            (longest * rows.len() as u64, sum)
        };
        let (padded, real) = order
            .chunks(batch)
            .map(of)
            .fold((0, 0), |(p, r), (a, b)| (p + a, r + b));
        1.0 - real as f64 / padded as f64
    }

    proptest! {
        #[test]
        fn every_example_comes_once_and_the_seed_decides(
            lengths in prop::collection::vec(0u32..300, 0..900),
            batch in 1usize..40,
        ) {
            let order = drawn(&lengths, batch, 3);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..lengths.len()).collect::<Vec<_>>());
            prop_assert_eq!(drawn(&lengths, batch, 3), order);
        }

        #[test]
        fn little_of_a_batch_is_padding(
            lengths in prop::collection::vec(1u32..256, 2000..3000),
            batch in 8usize..33,
        ) {
            let plain = shuffled(lengths.len(), &mut stream(7, Purpose::Shuffle, (0, 0)));
            let before = padding(&plain, &lengths, batch);
            let after = padding(&drawn(&lengths, batch, 0), &lengths, batch);
            prop_assert!(after < 0.25 * before, "{} of {}", after, before);
        }
    }

    #[test]
    fn another_epoch_mixes_batches_anew() {
        let lengths: Vec<u32> = (0..640).map(|i| i * 37 % 640).collect();
        let (first, second) = (drawn(&lengths, 8, 0), drawn(&lengths, 8, 1));
        let mates = |order: &[usize]| {
            let at = order.iter().position(|i| *i == 5).unwrap() / 8;
            let mut mates = order[at * 8..][..8].to_vec();
            mates.sort_unstable();
            mates
        };
        assert_ne!(mates(&first), mates(&second));
        // Long and short batches alternate.
        let longest: Vec<u32> = first
            .chunks(8)
            .map(|b| b.iter().map(|i| lengths[*i]).max().unwrap())
            .collect();
        assert!(longest.windows(2).any(|w| w[0] < w[1]) && longest.windows(2).any(|w| w[0] > w[1]));
    }
}
