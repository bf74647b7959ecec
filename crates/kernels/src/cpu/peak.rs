//! The roof over every product: how fast the processor multiplies and adds with all numbers in
//! registers.

use crate::isa::{Isa, isa};
use std::hint::black_box;

/// Chains of sums that do not wait for each other: more than a multiply-add takes cycles times the
/// units that do it (4 or 5 times 2).
const CHAINS: usize = 12;

/// The instruction sets that this process may use, the best last.
pub fn sets() -> Vec<Isa> {
    let all = [Isa::Portable, Isa::Avx2, Isa::Avx512];
    all.into_iter().filter(|set| *set <= isa()).collect()
}

/// Makes `rounds` rounds of f32 multiply-adds on the calling thread; returns how many floating-point
/// operations those were.
///
/// # Panics
/// If the process may not use the set (see [`sets`]).
pub fn multiply_add(set: Isa, rounds: usize) -> f64 {
    assert!(set <= isa(), "peak: {set:?} is not in use, {:?} is", isa());
    let lanes = match set {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            // SAFETY: `isa` returns a set only if the processor reports all its features.
            black_box(unsafe { avx512(rounds) });
            16
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => {
            // SAFETY: as above.
            black_box(unsafe { avx2(rounds) });
            8
        }
        _ => {
            black_box(portable(rounds));
            4
        }
    };
    (2 * CHAINS * lanes * rounds) as f64
}

/// `a = a b + c` for chains of registers; `b` and `c` keep `a` near 1.
macro_rules! chains {
    ($rounds:expr, $start:expr, $b:expr, $c:expr, $fma:expr) => {{
        let (mut sums, b, c) = ([$start; CHAINS], $b, $c);
        for _ in 0..$rounds {
            for sum in &mut sums {
                *sum = $fma(*sum, b, c);
            }
        }
        sums
    }};
}

const FACTOR: f32 = 0.999;
const TERM: f32 = 0.001;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn avx512(rounds: usize) -> [std::arch::x86_64::__m512; CHAINS] {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let [one, b, c] = black_box([1.0, FACTOR, TERM]).map(|v| _mm512_set1_ps(v));
    chains!(rounds, one, b, c, |a, b, c| _mm512_fmadd_ps(a, b, c))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(rounds: usize) -> [std::arch::x86_64::__m256; CHAINS] {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let [one, b, c] = black_box([1.0, FACTOR, TERM]).map(|v| _mm256_set1_ps(v));
    chains!(rounds, one, b, c, |a, b, c| _mm256_fmadd_ps(a, b, c))
}

/// Four lanes, as every 64-bit processor has them.
fn portable(rounds: usize) -> [[f32; 4]; CHAINS] {
    let [one, b, c] = black_box([1.0, FACTOR, TERM]).map(|v: f32| [v; 4]);
    chains!(
        rounds,
        one,
        b,
        c,
        |a: [f32; 4], b: [f32; 4], c: [f32; 4]| {
            std::array::from_fn(|i| match cfg!(target_arch = "aarch64") {
                true => a[i].mul_add(b[i], c[i]),
                false => a[i] * b[i] + c[i],
            })
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_for_every_set() {
        for (set, lanes) in sets().into_iter().zip([4.0, 8.0, 16.0]) {
            assert_eq!(multiply_add(set, 1000), 2.0 * 12.0 * lanes * 1000.0);
        }
    }
}
