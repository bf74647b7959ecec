//! The block formats of GGUF files (ggml's names), and their sizes.

/// How the weights of a matrix are stored.
///
/// Weights `w` come in blocks with a common scale `d` (f16), some with a minimum `m`; codes `q` are
/// whole numbers. The K formats have blocks of 256 with scales of their own for each 16 or 32 weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32-bit floating point.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// bfloat16: the upper half of an f32.
    Bf16,
    /// `w = d q`, q of 8 bits with a sign.
    Q8_0,
    /// `w = d (q - 8)`, q of 4 bits.
    Q4_0,
    /// `w = d q + m`, q of 4 bits.
    Q4_1,
    /// `w = d (q - 16)`, q of 5 bits.
    Q5_0,
    /// `w = d q + m`, q of 5 bits.
    Q5_1,
    /// `w = d s q - m t`, q of 4 bits, s and t of 6 bits for each 32 weights.
    Q4K,
    /// `w = d s q - m t`, q of 5 bits, s and t of 6 bits for each 32 weights.
    Q5K,
    /// `w = d s (q - 32)`, q of 6 bits, s of 8 bits with a sign for each 16 weights.
    Q6K,
}

/// Weights in a block of the simple formats.
pub(super) const BLOCK: usize = 32;
/// Weights in a block of the K formats.
pub(super) const SUPER: usize = 256;

impl Format {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Weights in a block: 1, 32 or 256.
    pub const fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => BLOCK,
            Self::Q4K | Self::Q5K | Self::Q6K => SUPER,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of so many weights; `None` if they are not whole blocks or more than memory has addresses.
    pub fn bytes(self, elements: usize) -> Option<usize> {
        if !elements.is_multiple_of(self.block()) {
            return None;
        }
        (elements / self.block()).checked_mul(self.block_bytes())
    }

    /// The name that ggml gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_have_a_size() {
        assert_eq!(Format::Q4_1.bytes(64), Some(40));
        assert_eq!(Format::Q6K.bytes(512), Some(420));
        assert_eq!(Format::F16.bytes(3), Some(6));
        assert_eq!(Format::Q4_1.bytes(33), None);
        assert_eq!(Format::Q4K.bytes(32), None);
        assert_eq!(Format::F32.bytes(usize::MAX), None);
        for format in Format::ALL {
            assert_eq!(format.bytes(0), Some(0));
            assert_eq!(format.bytes(format.block()), Some(format.block_bytes()));
        }
    }
}
