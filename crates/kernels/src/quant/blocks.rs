//! What is in a block of a GGUF file: whole numbers with their scales.

use super::format::{BLOCK, Format, SUPER};
use super::half::{bf16_to_f32, f16_to_f32, f32_to_f16};

/// A block of 32: `w = d q + m`, with `m` = 0 or, for formats without a minimum, `w = d (q - offset)`.
pub(super) struct Small {
    /// Scale, f16.
    pub(super) d: u16,
    /// Minimum, f16.
    pub(super) m: u16,
    /// Codes without a sign.
    pub(super) q: [u8; BLOCK],
}

/// A block of 256: `w = d s (q - offset) - m t`.
pub(super) struct Super {
    /// Scale of the scales, f16.
    pub(super) d: u16,
    /// Scale of the minima, f16.
    pub(super) m: u16,
    /// Scales s: of each 16 weights with a sign (Q6_K), or the first 8 of each 32.
    pub(super) s: [u8; 16],
    /// Minima t of each 32 weights.
    pub(super) t: [u8; 8],
    /// Codes without a sign.
    pub(super) q: [u8; SUPER],
}

/// What codes without a sign are too large by.
pub(super) const fn offset(format: Format) -> i32 {
    match format {
        Format::Q4_0 => 8,
        Format::Q5_0 => 16,
        Format::Q6K => 32,
        Format::Q8_0 => 128,
        _ => 0,
    }
}

fn u16_at(bytes: &[u8], i: usize) -> u16 {
    u16::from_le_bytes([bytes[i], bytes[i + 1]])
}

impl Small {
    /// Reads a block of a format with blocks of 32.
    pub(super) fn read(format: Format, bytes: &[u8]) -> Self {
        let with_minimum = matches!(format, Format::Q4_1 | Format::Q5_1);
        let (d, m) = (
            u16_at(bytes, 0),
            if with_minimum { u16_at(bytes, 2) } else { 0 },
        );
        let rest = &bytes[if with_minimum { 4 } else { 2 }..];
        let mut q = [0; BLOCK];
        match format {
            Format::Q8_0 => {
                for (q, byte) in q.iter_mut().zip(rest) {
                    *q = byte ^ 0x80;
                }
            }
            Format::Q4_0 | Format::Q4_1 => nibbles(rest, &mut q),
            _ => {
                nibbles(&rest[4..], &mut q);
                let fifth = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
                for (i, q) in q.iter_mut().enumerate() {
                    *q |= ((fifth >> i & 1) << 4) as u8;
                }
            }
        }
        Self { d, m, q }
    }
}

/// The lower halves of 16 bytes, then the upper ones.
fn nibbles(bytes: &[u8], q: &mut [u8; BLOCK]) {
    let (low, high) = q.split_at_mut(BLOCK / 2);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
        *low = byte & 15;
        *high = byte >> 4;
    }
}

impl Super {
    /// Reads a block of a K format.
    pub(super) fn read(format: Format, bytes: &[u8]) -> Self {
        match format {
            Format::Q6K => Self::read_q6(bytes),
            _ => Self::read_q4_or_q5(format, bytes),
        }
    }

    /// d, m, 12 bytes of scales and minima, with Q5_K 32 bytes of fifth bits, 128 bytes of lower bits:
    /// each 32 of them are 32 weights in the lower halves and the next 32 in the upper ones.
    fn read_q4_or_q5(format: Format, bytes: &[u8]) -> Self {
        let (mut s, mut t, mut q) = ([0; 16], [0; 8], [0; SUPER]);
        let packed = &bytes[4..16];
        for i in 0..4 {
            s[i] = packed[i] & 63;
            t[i] = packed[i + 4] & 63;
            s[i + 4] = packed[i + 8] & 15 | packed[i] >> 6 << 4;
            t[i + 4] = packed[i + 8] >> 4 | packed[i + 4] >> 6 << 4;
        }
        let (fifth, low) = match format {
            Format::Q5K => (Some(&bytes[16..48]), &bytes[48..176]),
            _ => (None, &bytes[16..144]),
        };
        for (i, q) in q.iter_mut().enumerate() {
            let (part, at) = (i / 32, i % 32);
            let byte = low[part / 2 * 32 + at];
            *q = if part % 2 == 0 { byte & 15 } else { byte >> 4 };
            if let Some(fifth) = fifth {
                *q |= (fifth[at] >> part & 1) << 4;
            }
        }
        Self {
            d: u16_at(bytes, 0),
            m: u16_at(bytes, 2),
            s,
            t,
            q,
        }
    }

    /// 128 bytes of lower bits, 64 of upper ones, 16 scales, d. Each half of the weights has half of the
    /// bytes: 32 weights each in the lower and upper halves of 64 bytes, and in the four pairs of bits of
    /// 32 bytes.
    fn read_q6(bytes: &[u8]) -> Self {
        let mut q = [0; SUPER];
        for (i, q) in q.iter_mut().enumerate() {
            let (half, part, at) = (i / 128, i / 32 % 4, i % 32);
            let low = bytes[half * 64 + part % 2 * 32 + at];
            let low = if part < 2 { low & 15 } else { low >> 4 };
            let high = bytes[128 + half * 32 + at] >> (2 * part) & 3;
            *q = low | high << 4;
        }
        let mut s = [0; 16];
        s.copy_from_slice(&bytes[192..208]);
        Self {
            d: u16_at(bytes, 208),
            m: 0,
            s,
            t: [0; 8],
            q,
        }
    }

    /// Scale and minimum of weight `i`.
    pub(super) fn affine(&self, format: Format, i: usize) -> (f32, f32) {
        let d = f16_to_f32(self.d);
        match format {
            Format::Q6K => (d * f32::from(self.s[i / 16].cast_signed()), 0.0),
            _ => {
                let minimum = f16_to_f32(self.m) * f32::from(self.t[i / 32]);
                (d * f32::from(self.s[i / 32]), minimum)
            }
        }
    }
}

/// Weights of whole blocks as f32.
///
/// # Panics
/// If `bytes` is not what `out.len()` weights take, or these are not whole blocks.
pub fn dequantize(format: Format, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(
        format.bytes(out.len()),
        Some(bytes.len()),
        "{format}: bytes of {} weights",
        out.len()
    );
    let blocks = bytes.chunks_exact(format.block_bytes());
    for (block, out) in blocks.zip(out.chunks_exact_mut(format.block())) {
        match format {
            Format::F32 => out[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]),
            Format::F16 => out[0] = f16_to_f32(u16_at(block, 0)),
            Format::Bf16 => out[0] = bf16_to_f32(u16_at(block, 0)),
            _ if format.block() == BLOCK => {
                let block = Small::read(format, block);
                let (d, m) = (f16_to_f32(block.d), f16_to_f32(block.m));
                for (out, q) in out.iter_mut().zip(block.q) {
                    *out = d * (i32::from(q) - offset(format)) as f32 + m;
                }
            }
            _ => {
                let block = Super::read(format, block);
                for (i, (out, q)) in out.iter_mut().zip(block.q).enumerate() {
                    let (d, m) = block.affine(format, i);
                    *out = d * (i32::from(q) - offset(format)) as f32 - m;
                }
            }
        }
    }
}

/// Weights as [`Format::Q8_0`]: `d = max |w| / 127` of each 32, rounded to nearest.
///
/// # Panics
/// If they are not whole blocks.
pub fn quantize_q8_0(x: &[f32]) -> Vec<u8> {
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    assert!(
        rest.is_empty(),
        "Q8_0: {} weights are not whole blocks of {BLOCK}",
        x.len()
    );
    let mut bytes = Vec::with_capacity(blocks.len() * Format::Q8_0.block_bytes());
    for block in blocks {
        let largest = block.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let d = largest / 127.0;
        let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
        bytes.extend(f32_to_f16(d).to_le_bytes());
        // `as` keeps what is not a number from being more than wrong.
        bytes.extend(
            block
                .iter()
                .map(|v| ((v * inverse).round() as i8).cast_unsigned()),
        );
    }
    bytes
}
