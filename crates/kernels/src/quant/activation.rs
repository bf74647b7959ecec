//! The other factor of a product, rounded to whole numbers as llama.cpp rounds it, so that products are
//! the same to the order of their sums.

use super::format::{BLOCK, SUPER};
use super::half::{f16_to_f32, f32_to_f16};
use crate::buffer::{Scratch, scratch};
use crate::dispatch;
use crate::par;

/// 32 numbers `x ≈ scale q` (ggml's Q8_0 and Q8_1).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Block {
    /// `max |x| / 127` as an f16 holds it.
    pub(super) scale: f32,
    /// `scale Σ q` as an f16 holds it: what a minimum of the weights is multiplied with.
    pub(super) weighted: f32,
    /// `-Σ q`: what an offset of the codes is multiplied with.
    pub(super) negated: i32,
    spare: u32,
    /// q.
    pub(super) codes: [i8; BLOCK],
}

/// 256 numbers `x ≈ scale q` (ggml's Q8_K).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct SuperBlock {
    /// The number of largest size is -127 times it.
    pub(super) scale: f32,
    spare: [u32; 3],
    /// Σ q of each 32.
    pub(super) sums: [i16; SUPER / 32],
    /// `-Σ q` of each 16.
    pub(super) negated: [i32; SUPER / 16],
    /// q.
    pub(super) codes: [i8; SUPER],
}

// SAFETY: `repr(C)` without padding (4 + 4 + 4 + 4 + 32), all zeros are a value.
unsafe impl bytemuck::Zeroable for Block {}
// SAFETY: as above, and any bytes are values of its fields.
unsafe impl bytemuck::Pod for Block {}
// SAFETY: `repr(C)` without padding (4 + 12 + 16 + 64 + 256), all zeros are a value.
unsafe impl bytemuck::Zeroable for SuperBlock {}
// SAFETY: as above, and any bytes are values of its fields.
unsafe impl bytemuck::Pod for SuperBlock {}

/// 1.5 · 2²³: a number of size up to 2²² added to it is rounded to a whole one, the even one of two.
const ROUND: f32 = 12_582_912.0;

/// The nearest whole number of a value of size up to 2²².
#[inline(always)]
fn nearest(value: f32) -> i32 {
    (value + ROUND)
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .cast_signed()
}

/// The largest |x|, lanes first, so that the compiler may use registers.
#[inline(always)]
fn largest<const N: usize>(x: &[f32; N]) -> f32 {
    const LANES: usize = 16;
    let mut most = [0.0f32; LANES];
    for part in x.as_chunks::<LANES>().0 {
        for (most, v) in most.iter_mut().zip(part) {
            let size = v.abs();
            *most = if size > *most { size } else { *most };
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            most[i] = if most[i + width] > most[i] {
                most[i + width]
            } else {
                most[i]
            };
        }
        width /= 2;
    }
    most[0]
}

dispatch! {
    /// Rounds whole blocks of 32.
    fn round_small<T>(x: &[f32], blocks: &mut [Block]) {
        for (x, block) in x.as_chunks::<BLOCK>().0.iter().zip(blocks) {
            let most = largest(x);
            let scale = most / 127.0;
            let inverse = if most == 0.0 { 0.0 } else { 127.0 / most };
            let mut sum = 0;
            for (x, code) in x.iter().zip(&mut block.codes) {
                let q = nearest(x * inverse);
                sum += q;
                *code = q as i8;
            }
            block.scale = f16_to_f32(f32_to_f16(scale));
            block.weighted = f16_to_f32(f32_to_f16(scale * sum as f32));
            block.negated = -sum;
            block.spare = 0;
        }
    }
}

dispatch! {
    /// Rounds whole blocks of 256.
    fn round_super<T>(x: &[f32], blocks: &mut [SuperBlock]) {
        for (x, block) in x.as_chunks::<SUPER>().0.iter().zip(blocks) {
            let most = largest(x);
            // The sign of the first of that size.
            let peak = x.iter().copied().find(|v| v.abs() == most).unwrap_or(0.0);
            let inverse = if most == 0.0 { 0.0 } else { -127.0 / peak };
            for (x, code) in x.iter().zip(&mut block.codes) {
                *code = nearest(x * inverse).min(127) as i8;
            }
            let codes = block.codes.as_chunks::<16>().0;
            for (negated, codes) in block.negated.iter_mut().zip(codes) {
                *negated = -codes.iter().map(|q| i32::from(*q)).sum::<i32>();
            }
            let halves = block.negated.as_chunks::<2>().0;
            for (sum, [a, b]) in block.sums.iter_mut().zip(halves) {
                *sum = -(a + b) as i16;
            }
            block.scale = if most == 0.0 { 0.0 } else { 1.0 / inverse };
            block.spare = [0; 3];
        }
    }
}

/// `[n, cols]` rounded, `cols` a multiple of 32.
pub(super) fn small(x: &[f32]) -> Scratch<Block> {
    let mut blocks = scratch::<Block>(x.len() / BLOCK);
    par::split_mut(&mut blocks, 1, par::pieces(x.len()), |first, part| {
        round_small::<f32>(&x[first * BLOCK..], part);
    });
    blocks
}

/// `[n, cols]` rounded, `cols` a multiple of 256.
pub(super) fn large(x: &[f32]) -> Scratch<SuperBlock> {
    let mut blocks = scratch::<SuperBlock>(x.len() / SUPER);
    par::split_mut(&mut blocks, 1, par::pieces(x.len()), |first, part| {
        round_super::<f32>(&x[first * SUPER..], part);
    });
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::Rng;

    #[test]
    fn blocks_of_32_are_within_half_a_step() {
        let mut x: Vec<f32> = Rng(3).normals(32 * 9);
        x[64..96].fill(0.0);
        for (x, block) in x.chunks(32).zip(small(&x).iter()) {
            let exact = x.iter().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0;
            assert!((block.scale - exact).abs() <= exact / 2048.0);
            let sum: i32 = block.codes.iter().map(|q| i32::from(*q)).sum();
            assert_eq!(block.negated, -sum);
            assert!(
                (block.weighted - exact * sum as f32).abs() <= (exact * sum as f32).abs() / 2048.0
            );
            for (x, q) in x.iter().zip(block.codes) {
                assert!((x - exact * f32::from(q)).abs() <= exact * 0.5001);
            }
        }
    }

    #[test]
    fn blocks_of_256_are_within_half_a_step() {
        let mut x: Vec<f32> = Rng(4).normals(256 * 4);
        x[256..512].fill(0.0);
        x[700] = 20.0;
        for (x, block) in x.chunks(256).zip(large(&x).iter()) {
            let step = block.scale.abs();
            for (i, (x, q)) in x.iter().zip(block.codes).enumerate() {
                assert!(
                    (x - block.scale * f32::from(q)).abs() <= step * 0.5001,
                    "{i}"
                );
            }
            let sum = |codes: &[i8]| codes.iter().map(|q| i32::from(*q)).sum::<i32>();
            assert!(block.codes.chunks(16).map(|c| -sum(c)).eq(block.negated));
            assert!(
                block
                    .codes
                    .chunks(32)
                    .map(sum)
                    .eq(block.sums.map(i32::from))
            );
        }
    }
}
