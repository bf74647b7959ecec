//! Dropout (Srivastava et al. 2014) whose mask is a function of a seed and the element's index.
//!
//! No mask is stored: the backward pass computes it again. Nor does it depend on how the elements
//! are shared by threads or on the instruction set.

use crate::cpu::rows::LANES;
use crate::dispatch_math;
use crate::par;
use crate::real::Real;

/// A bijection of 32 bits in which every input bit changes every output bit with a probability near
/// one half (C. Wellons' "lowbias32").
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Two keys for the 2^32 elements that share the upper half of their index (splitmix64).
fn keys(seed: u64, upper: u64) -> (u32, u32) {
    let scramble = |mut z: u64| {
        z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let z = scramble(scramble(seed) ^ upper);
    (z as u32, (z >> 32) as u32)
}

/// What decides about a range of elements.
#[derive(Clone, Copy)]
struct Rule {
    /// Index of the first element, lower half.
    first: u32,
    /// The keys between the rounds.
    keys: (u32, u32),
    /// Elements with fewer random bits than this are dropped.
    threshold: u32,
}

/// Drops or scales the element of an index.
#[inline(always)]
fn one<T: Real>(rule: Rule, index: u32, scale: T, x: T) -> T {
    // Two rounds: after one, seeds would give permutations of each other's masks.
    let bits = mix(mix(index ^ rule.keys.0).wrapping_add(rule.keys.1));
    let kept = x * scale;
    if bits < rule.threshold { T::ZERO } else { kept }
}

dispatch_math! {
    fn drop_range<T: Real>(rule: Rule, scale: T, x: &[T], y: &mut [T]) {
        let mut index = rule.first;
        let (xs, x_tail) = x.as_chunks::<LANES>();
        let (ys, y_tail) = y.as_chunks_mut::<LANES>();
        for (x, y) in xs.iter().zip(ys) {
            // With iterators the compiler does not vectorize the index, a tenth of the speed.
            #[allow(clippy::needless_range_loop)]
            for i in 0..LANES {
                y[i] = one(rule, index.wrapping_add(i as u32), scale, x[i]);
            }
            index = index.wrapping_add(LANES as u32);
        }
        for (x, y) in x_tail.iter().zip(y_tail) {
            *y = one(rule, index, scale, *x);
            index = index.wrapping_add(1);
        }
    }
}

/// [`dropout`] of elements that start at index `first`.
fn drop_from<T: Real>(seed: u64, first: u64, p: f64, mut x: &[T], mut y: &mut [T]) {
    let threshold = (p * 4_294_967_296.0).round() as u32;
    let scale = T::of(1.0 / (1.0 - p));
    let mut at = first;
    while !x.is_empty() {
        // A range ends where the upper half of the index changes.
        let room = usize::try_from((1u64 << 32) - (at & 0xffff_ffff)).unwrap_or(usize::MAX);
        let n = x.len().min(room);
        let (here, rest) = y.split_at_mut(n);
        let rule = Rule {
            first: at as u32,
            keys: keys(seed, at >> 32),
            threshold,
        };
        drop_range(rule, scale, &x[..n], here);
        (x, y, at) = (&x[n..], rest, at + n as u64);
    }
}

/// Drops each element with probability `p` and scales the others: `y = x / (1 - p)` or 0.
///
/// The backward pass is the same function with the same seed, from `dy` to `dx`.
pub fn dropout<T: Real>(seed: u64, p: f64, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "dropout: x and y differ in length");
    assert!(
        (0.0..=1.0).contains(&p),
        "dropout: {p} is not a probability"
    );
    par::split_mut(y, 1, par::pieces(x.len()), |first, y| {
        let x = &x[first..first + y.len()];
        // Within rounding of 0 or 1 nothing is left to chance (and the threshold would overflow).
        if p < 1e-9 {
            y.copy_from_slice(x);
        } else if p > 1.0 - 1e-9 {
            y.fill(T::ZERO);
        } else {
            drop_from(seed, first as u64, p, x, y);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::Rng;

    /// 1.0 for kept elements, as many as asked for.
    fn mask(seed: u64, p: f64, n: usize) -> Vec<f64> {
        let mut y = vec![f32::NAN; n];
        dropout(seed, p, &vec![1.0; n], &mut y);
        y.iter()
            .map(|v| if *v == 0.0 { 0.0 } else { 1.0 })
            .collect()
    }

    /// How many standard deviations the mean of products of kept-minus-expected lies from 0.
    fn correlation(a: &[f64], b: &[f64], p: f64) -> f64 {
        let q = 1.0 - p;
        let total: f64 = a.iter().zip(b).map(|(a, b)| (a - q) * (b - q)).sum();
        total / (p * q) / (a.len().min(b.len()) as f64).sqrt()
    }

    #[test]
    fn rate_and_scale() {
        let n = 1_000_000;
        for p in [0.01, 0.1, 0.5, 0.9] {
            for seed in [0, 1, 12345, u64::MAX] {
                let kept: f64 = mask(seed, p, n).iter().sum();
                let deviation = (p * (1.0 - p) * n as f64).sqrt();
                assert!(
                    (kept - (1.0 - p) * n as f64).abs() < 4.5 * deviation,
                    "{p} {seed}"
                );
            }
        }
        let x: Vec<f64> = Rng(1).normals(1000);
        let mut y = vec![f64::NAN; 1000];
        dropout(7, 0.2, &x, &mut y);
        assert!(
            x.iter()
                .zip(&y)
                .all(|(x, y)| *y == 0.0 || (y - x / 0.8).abs() < 1e-12)
        );
        dropout(7, 0.0, &x, &mut y);
        assert_eq!(x, y);
        dropout(7, 1.0, &x, &mut y);
        assert!(y.iter().all(|v| *v == 0.0));
        dropout::<f32>(7, 0.5, &[], &mut []);
    }

    #[test]
    fn independence() {
        let n = 1_000_000;
        for p in [0.1, 0.5] {
            let first = mask(3, p, n);
            for lag in [1, 2, 3, 4, 8, 16, 32, 64, 256, 1024, 65536] {
                assert!(
                    correlation(&first, &first[lag..], p).abs() < 4.5,
                    "{p}, lag {lag}"
                );
            }
            // Seeds that differ in one bit, or as steps do.
            for other in [2, 4, 3 + (1 << 32), 3 + (1 << 63)] {
                for lag in [0, 1, 5] {
                    let second = mask(other, p, n);
                    assert!(
                        correlation(&first, &second[lag..], p).abs() < 4.5,
                        "{p}, {other}"
                    );
                }
            }
        }
        // Runs of 8 elements: all 256 patterns equally often (χ² with 255 degrees of freedom).
        let mut counts = [0.0f64; 256];
        for run in mask(5, 0.5, 8 * n).chunks(8) {
            counts[run.iter().fold(0, |v, b| v * 2 + *b as usize)] += 1.0;
        }
        let expected = n as f64 / 256.0;
        let chi: f64 = counts
            .iter()
            .map(|c| (c - expected).powi(2) / expected)
            .sum();
        assert!(
            (chi - 255.0).abs() < 4.5 * (2.0f64 * 255.0).sqrt(),
            "χ² {chi}"
        );
    }

    #[test]
    fn same_mask_in_parts_and_past_32_bits() {
        let x: Vec<f32> = Rng(2).normals(200_000);
        let [mut whole, mut parts] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
        dropout(11, 0.3, &x, &mut whole);
        for (i, (x, y)) in x.chunks(777).zip(parts.chunks_mut(777)).enumerate() {
            drop_from(11, i as u64 * 777, 0.3, x, y);
        }
        assert_eq!(whole, parts);

        let border = 1u64 << 32;
        let [mut across, mut after] = [(); 2].map(|()| vec![f32::NAN; 1000]);
        drop_from(11, border - 400, 0.3, &[1.0; 1000], &mut across);
        drop_from(11, border, 0.3, &[1.0; 1000], &mut after);
        assert_eq!(across[400..], after[..600]);
        drop_from(11, 0, 0.3, &[1.0; 1000], &mut across);
        assert_ne!(across, after);
    }
}
