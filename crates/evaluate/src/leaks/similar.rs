//! Texts that are nearly the same, found by MinHash (Broder 1997): the chance that the smallest hash of two
//! sets is the same one is the share of their members that they have in common.

use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Hashes of a set, in bands: sets are compared if all hashes of a band are the same. With 32 bands of 4
/// a pair that has 0.6 in common is missed in one of 100 cases, one with 0.7 in one of 5,000.
const BANDS: u64 = 32;
const OF_BAND: usize = 4;
/// Most sets of one part and band that others are compared with: those that are nearly the same need no
/// more, and the work stays linear however many they are.
const COMPARED: usize = 4;
/// A smaller set must be the same: of a short text a word more or less changes what it says.
const SMALLEST: usize = 8;

/// A set and the most similar one of an earlier part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimilarSet {
    /// The set.
    pub example: usize,
    /// The most similar one of an earlier part.
    pub like: usize,
    /// Members in common over members in all (Jaccard 1912), from 0 to 1.
    pub similarity: f64,
}

/// Finds for each set the most similar one of an earlier part (a smaller number), if they have at least the
/// share `at_least` in common. `sets` are hashes of the pieces of a text, in any order; an empty set is like
/// none. What is found is compared piece by piece, so nothing is found that is not there; of what is just
/// above the share, a hundredth is missed. The time grows with the number of sets.
pub fn similar_sets(sets: &[Vec<u64>], parts: &[usize], at_least: f64) -> Vec<SimilarSet> {
    let sorted: Vec<Vec<u64>> = sets.iter().map(|set| sorted(set)).collect();
    let mut best: Vec<Option<SimilarSet>> = vec![None; sets.len()];
    let mut met: Vec<Vec<usize>> = vec![Vec::new(); sets.len()];
    let last = parts.iter().copied().max().unwrap_or(0);
    for band in 0..BANDS {
        let keys: Vec<u64> = sorted.iter().map(|set| key(set, band)).collect();
        let mut alike: HashMap<u64, Vec<Vec<usize>>> = HashMap::new();
        let earlier = (0..sets.len()).filter(|i| parts[*i] < last && !sorted[*i].is_empty());
        for i in earlier {
            let of_parts = alike.entry(keys[i]).or_default();
            of_parts.resize(of_parts.len().max(parts[i] + 1), Vec::new());
            let group = &mut of_parts[parts[i]];
            if group.len() < COMPARED {
                group.push(i);
            }
        }
        let later = (0..sets.len()).filter(|i| parts[*i] > 0 && !sorted[*i].is_empty());
        for i in later {
            let of_parts = alike.get(&keys[i]).into_iter().flatten();
            for like in of_parts.take(parts[i]).flatten() {
                if !met[i].contains(like) {
                    met[i].push(*like);
                    let found = compared(&sorted, i, *like, at_least);
                    best[i] = better(best[i], found);
                }
            }
        }
    }
    best.into_iter().flatten().collect()
}

fn sorted(set: &[u64]) -> Vec<u64> {
    let mut sorted = set.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// The smallest hashes of a band, put together.
fn key(set: &[u64], band: u64) -> u64 {
    let mut random = Random::new(0, band);
    (0..OF_BAND).fold(0, |key, _| {
        // Multiply-shift hashing (Dietzfelbinger et al. 1997): an odd factor and a summand.
        let (factor, summand) = (random.bits() | 1, random.bits());
        let hash = |member: &u64| factor.wrapping_mul(*member).wrapping_add(summand) >> 32;
        let smallest = set.iter().map(hash).min().unwrap_or(0);
        (key ^ smallest)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
    })
}

fn compared(sets: &[Vec<u64>], example: usize, like: usize, at_least: f64) -> Option<SimilarSet> {
    let (a, b) = (&sets[example], &sets[like]);
    let similarity = jaccard(a, b);
    let enough = similarity >= at_least && (similarity == 1.0 || a.len().min(b.len()) >= SMALLEST);
    enough.then_some(SimilarSet {
        example,
        like,
        similarity,
    })
}

/// Members in common over members in all, of sorted sets.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        common += usize::from(x == y);
        (i, j) = (i + usize::from(x <= y), j + usize::from(y <= x));
    }
    common as f64 / (a.len() + b.len() - common).max(1) as f64
}

/// The more similar one; of equally similar ones the first.
fn better(best: Option<SimilarSet>, found: Option<SimilarSet>) -> Option<SimilarSet> {
    match (best, found) {
        (Some(b), Some(f)) => {
            let first = (f.similarity, b.like) > (b.similarity, f.like);
            Some(if first { f } else { b })
        }
        (best, found) => found.or(best),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of 20 random members; those of the second part are the first ones with `changed` others.
    fn planted(random: &mut Random, pairs: usize, changed: usize) -> (Vec<Vec<u64>>, Vec<usize>) {
        let draw = |random: &mut Random| (0..20).map(|_| random.bits()).collect::<Vec<u64>>();
        let mut sets: Vec<Vec<u64>> = (0..2 * pairs).map(|_| draw(random)).collect();
        let mut parts = vec![0; sets.len()];
        for i in 0..pairs {
            let mut near = sets[i].clone();
            near[..changed].fill_with(|| random.bits());
            random.shuffle(&mut near);
            sets.push(near);
            parts.push(2);
        }
        (sets, parts)
    }

    #[test]
    fn what_is_nearly_the_same_is_found_with_its_similarity() {
        let mut random = Random::new(3, 0);
        for changed in 0..=4 {
            let (sets, parts) = planted(&mut random, 200, changed);
            let found = similar_sets(&sets, &parts, 0.6);
            let common = 20 - changed;
            let expected = common as f64 / (40 - common) as f64;
            assert!(found.len() >= 197, "{changed}: {}", found.len());
            for one in &found {
                assert_eq!(one.like + 400, one.example);
                assert!((one.similarity - expected).abs() < 1e-12, "{one:?}");
            }
        }
        // Half of the members are too few.
        let (sets, parts) = planted(&mut random, 200, 10);
        assert!(similar_sets(&sets, &parts, 0.6).is_empty());
    }

    #[test]
    fn only_earlier_parts_count_and_small_sets_must_be_the_same() {
        let set = |from: u64, to: u64| (from..to).collect::<Vec<u64>>();
        let sets = [
            set(0, 20),
            set(0, 20),
            set(1, 20),
            set(0, 5),
            set(0, 4),
            set(0, 5),
            vec![],
        ];
        let found = similar_sets(&sets, &[1, 0, 1, 0, 1, 2, 2], 0.6);
        let pairs: Vec<(usize, usize)> = found.iter().map(|f| (f.example, f.like)).collect();
        assert_eq!(pairs, [(0, 1), (2, 1), (5, 3)]);
        assert_eq!(found[1].similarity, 0.95);
        assert!(similar_sets(&[], &[], 0.5).is_empty());
    }

    #[test]
    fn many_copies_of_one_text_do_no_harm() {
        let sets = vec![(0..30).collect::<Vec<u64>>(); 20_000];
        let parts: Vec<usize> = (0..20_000).map(|i| i % 3).collect();
        let found = similar_sets(&sets, &parts, 0.6);
        assert_eq!(found.len(), 13_333);
        assert!(found.iter().all(|f| parts[f.like] < parts[f.example]));
    }
}
