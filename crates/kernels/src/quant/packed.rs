//! How the weights of a matrix lie in memory: 16 rows together, so that a lane of a register is a row
//! and no sum goes across lanes.
//!
//! A *group* of 16 rows is a sequence of *units*, one for each block of columns. A unit has the scales of
//! its 16 rows first, then their codes, 32 columns (a *chunk*) at a time. A register of a chunk is four
//! neighbouring columns of each row, what one dot product of bytes takes.

use super::blocks::{Small, Super, offset};
use super::format::{BLOCK, Format, SUPER};
use super::half::{bf16_to_f32, f16_to_f32};

/// Rows of a group.
pub(super) const ROWS: usize = 16;

/// Bits of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    /// Two registers share 64 bytes: the even one has the lower halves.
    Four,
    /// The same, then 8 bytes of fifth bits for each register.
    Five,
    /// The same, then 64 bytes for each four registers with two bits of each.
    Six,
    /// A byte each.
    Eight,
}

impl Bits {
    /// Bytes of a chunk.
    pub(super) const fn chunk(self) -> usize {
        match self {
            Self::Four => 256,
            Self::Five => 256 + 64,
            Self::Six => 256 + 128,
            Self::Eight => 512,
        }
    }

    /// Adds the code of a row and a column to a chunk of zeros.
    fn put(self, chunk: &mut [u8], row: usize, column: usize, q: u8) {
        let (register, byte) = (column / 4, 4 * row + column % 4);
        if self == Self::Eight {
            chunk[64 * register + byte] = q;
            return;
        }
        chunk[register / 2 * 64 + byte] |= (q & 15) << (register % 2 * 4);
        let upper = q >> 4;
        match self {
            Self::Five => chunk[256 + 8 * register + byte / 8] |= upper << (byte % 8),
            Self::Six => chunk[256 + register / 4 * 64 + byte] |= upper << (register % 4 * 2),
            Self::Four | Self::Eight => {}
        }
    }

    /// The code of a row and a column.
    fn get(self, chunk: &[u8], row: usize, column: usize) -> u8 {
        let (register, byte) = (column / 4, 4 * row + column % 4);
        if self == Self::Eight {
            return chunk[64 * register + byte];
        }
        let low = chunk[register / 2 * 64 + byte] >> (register % 2 * 4) & 15;
        low | match self {
            Self::Five => (chunk[256 + 8 * register + byte / 8] >> (byte % 8) & 1) << 4,
            Self::Six => (chunk[256 + register / 4 * 64 + byte] >> (register % 4 * 2) & 3) << 4,
            Self::Four | Self::Eight => 0,
        }
    }
}

/// What a unit of a format consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Bits of its codes; of no meaning for numbers with a point.
    pub(super) bits: Bits,
    /// Whether there are minima.
    pub(super) minima: bool,
    /// For a K format, scales of a row.
    pub(super) scales: usize,
    /// Chunks.
    pub(super) chunks: usize,
}

impl Unit {
    /// Of a format with codes.
    pub(super) const fn of(format: Format) -> Self {
        let (bits, minima, scales) = match format {
            Format::Q4_0 => (Bits::Four, false, 0),
            Format::Q4_1 => (Bits::Four, true, 0),
            Format::Q5_0 => (Bits::Five, false, 0),
            Format::Q5_1 => (Bits::Five, true, 0),
            Format::Q4K => (Bits::Four, true, 8),
            Format::Q5K => (Bits::Five, true, 8),
            Format::Q6K => (Bits::Six, false, 16),
            _ => (Bits::Eight, false, 0),
        };
        Self {
            bits,
            minima,
            scales,
            chunks: if scales > 0 { SUPER / BLOCK } else { 1 },
        }
    }

    /// Where the scales of the scales' rows begin: behind d and m, 16 f16 each.
    pub(super) const fn scales_at(self) -> usize {
        2 * ROWS * (1 + self.minima as usize)
    }

    /// Where the minima of a K format begin, 16 pairs of bytes for each 64 columns.
    pub(super) const fn minima_at(self) -> usize {
        self.scales_at() + ROWS * self.scales
    }

    /// Where the chunks begin.
    pub(super) const fn codes_at(self) -> usize {
        let with_minima = self.scales > 0 && self.minima;
        self.minima_at() + if with_minima { 8 * ROWS } else { 0 }
    }

    /// Bytes of all.
    pub(super) const fn bytes(self) -> usize {
        self.codes_at() + self.chunks * self.bits.chunk()
    }
}

/// Bytes of a unit of any format.
pub(super) const fn unit_bytes(format: Format) -> usize {
    match format.block() {
        1 => ROWS * format.block_bytes(),
        _ => Unit::of(format).bytes(),
    }
}

/// Writes a group from up to 16 rows of a file's blocks; rows that are missing are zeros.
pub(super) fn pack(format: Format, columns: usize, rows: &[u8], group: &mut [u8]) {
    group.fill(0);
    let each = columns / format.block() * format.block_bytes();
    for (i, row) in rows.chunks_exact(each).enumerate() {
        let blocks = row.chunks_exact(format.block_bytes());
        for (block, unit) in blocks.zip(group.chunks_exact_mut(unit_bytes(format))) {
            match format.block() {
                1 => unit[i * block.len()..][..block.len()].copy_from_slice(block),
                BLOCK => put_small(format, block, i, unit),
                _ => put_super(format, block, i, unit),
            }
        }
    }
}

/// Writes the f16 of row `i` among 16.
fn put_half(unit: &mut [u8], at: usize, i: usize, half: u16) {
    unit[at + 2 * i..][..2].copy_from_slice(&half.to_le_bytes());
}

fn half_at(unit: &[u8], at: usize, i: usize) -> f32 {
    f16_to_f32(u16::from_le_bytes([unit[at + 2 * i], unit[at + 2 * i + 1]]))
}

fn put_small(format: Format, block: &[u8], i: usize, unit: &mut [u8]) {
    let (block, shape) = (Small::read(format, block), Unit::of(format));
    put_half(unit, 0, i, block.d);
    if shape.minima {
        put_half(unit, 2 * ROWS, i, block.m);
    }
    let chunk = &mut unit[shape.codes_at()..];
    for (column, q) in block.q.into_iter().enumerate() {
        shape.bits.put(chunk, i, column, q);
    }
}

fn put_super(format: Format, block: &[u8], i: usize, unit: &mut [u8]) {
    let (block, shape) = (Super::read(format, block), Unit::of(format));
    put_half(unit, 0, i, block.d);
    for (at, scale) in block.s.into_iter().enumerate().take(shape.scales) {
        unit[shape.scales_at() + ROWS * at + i] = scale;
    }
    if shape.minima {
        put_half(unit, 2 * ROWS, i, block.m);
        for (at, minimum) in block.t.into_iter().enumerate() {
            unit[shape.minima_at() + at / 2 * 2 * ROWS + 2 * i + at % 2] = minimum;
        }
    }
    let chunks = unit[shape.codes_at()..].chunks_exact_mut(shape.bits.chunk());
    for (chunk, codes) in chunks.zip(block.q.chunks_exact(BLOCK)) {
        for (column, q) in codes.iter().enumerate() {
            shape.bits.put(chunk, i, column, *q);
        }
    }
}

/// The weights of row `i` of a group.
pub(super) fn unpack_row(format: Format, group: &[u8], i: usize, out: &mut [f32]) {
    let units = group.chunks_exact(unit_bytes(format));
    for (unit, out) in units.zip(out.chunks_exact_mut(format.block())) {
        match format.block() {
            1 => out[0] = number(format, &unit[i * format.block_bytes()..]),
            BLOCK => row_of_small(format, unit, i, out),
            _ => row_of_super(format, unit, i, out),
        }
    }
}

/// The first number of some bytes.
fn number(format: Format, bytes: &[u8]) -> f32 {
    let half = u16::from_le_bytes([bytes[0], bytes[1]]);
    match format {
        Format::F16 => f16_to_f32(half),
        Format::Bf16 => bf16_to_f32(half),
        _ => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
    }
}

/// What is added to the numbers of row `i`, or taken from them.
fn minimum(shape: &Unit, unit: &[u8], i: usize) -> f32 {
    match shape.minima {
        true => half_at(unit, 2 * ROWS, i),
        false => 0.0,
    }
}

fn row_of_small(format: Format, unit: &[u8], i: usize, out: &mut [f32]) {
    let shape = Unit::of(format);
    let d = half_at(unit, 0, i);
    let m = minimum(&shape, unit, i);
    let chunk = &unit[shape.codes_at()..];
    for (column, out) in out.iter_mut().enumerate() {
        let q = i32::from(shape.bits.get(chunk, i, column));
        *out = d * (q - offset(format)) as f32 + m;
    }
}

fn row_of_super(format: Format, unit: &[u8], i: usize, out: &mut [f32]) {
    let shape = Unit::of(format);
    let d = half_at(unit, 0, i);
    let m = minimum(&shape, unit, i);
    for (column, out) in out.iter_mut().enumerate() {
        let at = column * shape.scales / SUPER;
        let byte = unit[shape.scales_at() + ROWS * at + i];
        let scale = match format {
            Format::Q6K => f32::from(byte.cast_signed()),
            _ => f32::from(byte),
        };
        let minimum = match shape.minima {
            true => m * f32::from(unit[shape.minima_at() + at / 2 * 2 * ROWS + 2 * i + at % 2]),
            false => 0.0,
        };
        let chunk = &unit[shape.codes_at() + column / BLOCK * shape.bits.chunk()..];
        let q = i32::from(shape.bits.get(chunk, i, column % BLOCK));
        *out = d * scale * (q - offset(format)) as f32 - minimum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_little() {
        for format in Format::ALL {
            let file = ROWS * format.block_bytes();
            let here = unit_bytes(format);
            assert!(
                here >= file && here * 100 <= file * 105,
                "{format}: {here} of {file}"
            );
        }
    }

    #[test]
    fn every_code_has_a_place_of_its_own() {
        for (bits, most) in [
            (Bits::Four, 15),
            (Bits::Five, 31),
            (Bits::Six, 63),
            (Bits::Eight, 255),
        ] {
            let mut chunk = vec![0; bits.chunk()];
            let code = |row: usize, column: usize| ((row * 37 + column * 11) % (most + 1)) as u8;
            for row in 0..ROWS {
                for column in 0..BLOCK {
                    bits.put(&mut chunk, row, column, code(row, column));
                }
            }
            for row in 0..ROWS {
                for column in 0..BLOCK {
                    assert_eq!(bits.get(&chunk, row, column), code(row, column), "{bits:?}");
                }
            }
        }
    }
}
