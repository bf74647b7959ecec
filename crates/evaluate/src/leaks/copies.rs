//! Examples that lie in two parts of the data, as they are or nearly so.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Side of the small grey picture that a key is made of; one more column for the differences.
const SIDE: usize = 8;
/// Fewest differences that a picture must have on either side; nearly flat pictures are all alike.
const FEWEST_EDGES: u32 = 4;

/// Examples that occur in more than one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// Examples with the same key, each list in order and over at least two parts.
    pub groups: Vec<Vec<usize>>,
    /// `across[a][b]`, how many examples of part `b` have a copy in part `a`; zero where both are one.
    pub across: Vec<Vec<usize>>,
}

/// An example and a similar one of an earlier part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearCopy {
    /// The example.
    pub example: usize,
    /// The most similar example of an earlier part.
    pub like: usize,
    /// Bits in which their keys differ.
    pub distance: u32,
}

/// Finds equal keys in different parts. An example is its key, such as a hash of its content, and its
/// part, a number from 0.
pub fn copies(examples: &[(u64, usize)]) -> Copies {
    let parts = examples.iter().map(|e| e.1 + 1).max().unwrap_or(0);
    let mut by_key: HashMap<u64, Vec<usize>> = HashMap::new();
    for (example, (key, _)) in examples.iter().enumerate() {
        by_key.entry(*key).or_default().push(example);
    }
    let part = |example: &usize| examples[*example].1;
    let mut groups: Vec<Vec<usize>> = by_key
        .into_values()
        .filter(|group| group.iter().any(|e| part(e) != part(&group[0])))
        .collect();
    groups.sort_unstable();
    let mut across = vec![vec![0; parts]; parts];
    for group in &groups {
        let mut counts = vec![0; parts];
        group.iter().for_each(|e| counts[part(e)] += 1);
        for (a, row) in across
            .iter_mut()
            .enumerate()
            .filter(|(a, _)| counts[*a] > 0)
        {
            for (b, n) in row.iter_mut().enumerate().filter(|(b, _)| *b != a) {
                *n += counts[b];
            }
        }
    }
    Copies { groups, across }
}

/// Finds for each example the most similar one of an earlier part (a smaller number), if their keys
/// differ in at most `within` of their 64 bits.
///
/// Keys cut into `within + 1` pieces agree in at least one, so that only those with a common piece are
/// compared.
pub fn near_copies(examples: &[(u64, usize)], within: u32) -> Vec<NearCopy> {
    let pieces = within.min(63) + 1;
    let mut best: Vec<Option<NearCopy>> = vec![None; examples.len()];
    for piece in 0..pieces {
        let (from, to) = (64 * piece / pieces, 64 * (piece + 1) / pieces);
        let mask = (u64::MAX >> (64 - (to - from))) << from;
        let mut alike: HashMap<u64, Vec<usize>> = HashMap::new();
        for (example, (key, _)) in examples.iter().enumerate() {
            alike.entry(key & mask).or_default().push(example);
        }
        for group in alike.values().filter(|group| group.len() > 1) {
            for example in group {
                nearest(examples, *example, group, within, &mut best[*example]);
            }
        }
    }
    best.into_iter().flatten().collect()
}

/// Looks for a better one of an earlier part in a group; of equally similar ones the first counts.
fn nearest(
    examples: &[(u64, usize)],
    example: usize,
    group: &[usize],
    within: u32,
    best: &mut Option<NearCopy>,
) {
    let (key, part) = examples[example];
    for like in group
        .iter()
        .copied()
        .filter(|like| examples[*like].1 < part)
    {
        let distance = (key ^ examples[like].0).count_ones();
        let found = (distance, like);
        if distance <= within && best.is_none_or(|b| found < (b.distance, b.like)) {
            *best = Some(NearCopy {
                example,
                like,
                distance,
            });
        }
    }
}

/// A key of which similar pictures share most bits: whether a grey picture of 9 x 8 gets brighter from
/// each pixel to the next (difference hash). `grey` is row by row. `None` for pictures without a size
/// and for nearly flat ones, which would all be alike.
pub fn picture_key(grey: &[u8], width: usize) -> Option<u64> {
    let height = grey.len().checked_div(width)?;
    if height == 0 {
        return None;
    }
    let mean = |row: usize, column: usize| {
        let mut sum = 0.0;
        for (y, part) in covered(row, SIDE, height) {
            let line = &grey[y * width..][..width];
            let across = covered(column, SIDE + 1, width);
            sum += part
                * across
                    .map(|(x, part)| part * f64::from(line[x]))
                    .sum::<f64>();
        }
        // Rounding errors are no difference.
        (16.0 * sum).round() as u32
    };
    let mut key = 0u64;
    for row in 0..SIDE {
        let means: Vec<u32> = (0..=SIDE).map(|column| mean(row, column)).collect();
        for pair in means.windows(2) {
            key = (key << 1) | u64::from(pair[0] < pair[1]);
        }
    }
    (FEWEST_EDGES..=64 - FEWEST_EDGES)
        .contains(&key.count_ones())
        .then_some(key)
}

/// The pixels that one of so many equal pieces of a side covers, each with its share of the piece.
fn covered(piece: usize, pieces: usize, side: usize) -> impl Iterator<Item = (usize, f64)> {
    let size = side as f64 / pieces as f64;
    let (from, to) = (piece as f64 * size, (piece + 1) as f64 * size);
    let pixels = from as usize..(to.ceil() as usize).min(side);
    pixels.map(move |i| {
        let inside = to.min((i + 1) as f64) - from.max(i as f64);
        (i, inside.max(0.0) / size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn copies_across_parts_are_counted() {
        let examples = [
            (7, 0),
            (8, 0),
            (7, 2),
            (9, 1),
            (7, 0),
            (8, 0),
            (9, 2),
            (9, 2),
        ];
        let copies = copies(&examples);
        // 8 occurs twice, but in one part.
        assert_eq!(copies.groups, [vec![0, 2, 4], vec![3, 6, 7]]);
        assert_eq!(copies.across, [[0, 0, 1], [0, 0, 2], [2, 1, 0]]);
        assert_eq!(super::copies(&[]).across.len(), 0);
    }

    #[test]
    fn near_keys_are_found_however_the_bits_lie() {
        let mut random = Random::new(1, 0);
        let mut examples: Vec<(u64, usize)> = (0..500).map(|_| (random.bits(), 0)).collect();
        for i in 0..50 {
            let mut key = examples[i * 7].0;
            for _ in 0..i % 5 {
                key ^= 1 << random.below(64);
            }
            examples.push((key, 1 + i % 2));
        }
        // Within a part nothing counts.
        examples.push((examples[3].0, 0));
        let near = near_copies(&examples, 4);
        assert_eq!(near.len(), 50);
        for (i, copy) in near.iter().enumerate() {
            assert_eq!((copy.example, copy.like), (500 + i, i * 7));
            assert!(copy.distance as usize <= i % 5);
        }
        assert!(near_copies(&examples, 0).iter().all(|c| c.distance == 0));
    }

    #[test]
    fn pictures_that_look_alike_have_near_keys() {
        let draw = |width: usize, height: usize, of: &dyn Fn(f64, f64) -> f64| -> Vec<u8> {
            let at = |i: usize, side: usize| (i as f64 + 0.5) / side as f64;
            let pixel = |i: usize| of(at(i % width, width), at(i / width, height));
            (0..width * height)
                .map(|i| pixel(i).clamp(0.0, 255.0) as u8)
                .collect()
        };
        let waves = |x: f64, y: f64| 128.0 + 90.0 * (9.0 * x + 4.0 * y).sin() * (7.0 * y).cos();
        let key = picture_key(&draw(64, 48, &waves), 64).unwrap();
        let distance = |other: Option<u64>| (key ^ other.unwrap()).count_ones();
        // Smaller, and brighter.
        assert!(distance(picture_key(&draw(40, 30, &waves), 40)) <= 6);
        assert!(
            distance(picture_key(
                &draw(64, 48, &|x, y| 1.1 * waves(x, y) + 9.0),
                64
            )) <= 6
        );
        // Another picture.
        let other = |x: f64, y: f64| 128.0 + 90.0 * (15.0 * (x - y)).cos();
        assert!(distance(picture_key(&draw(64, 48, &other), 64)) > 15);
        assert_eq!(picture_key(&[200; 300], 20), None);
        assert_eq!((picture_key(&[], 0), picture_key(&[], 8)), (None, None));
        assert!(picture_key(&draw(3, 2, &waves), 3).is_none_or(|k| k > 0));
    }
}
