//! Numbers of 16 bits.

/// An f16 as f32; exact.
#[inline(always)]
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let sign = (bits & 0x8000) << 16;
    let rest = bits & 0x7fff;
    let magnitude = match rest {
        // Infinity and what is not a number: all bits of the exponent stay set.
        0x7c00.. => f32::from_bits(0x7f80_0000 | (rest & 0x3ff) << 13),
        // The exponents differ by 112.
        0x400.. => f32::from_bits((rest << 13) + (112 << 23)),
        // Below the smallest normal f16: a whole number of 2⁻²⁴.
        _ => rest as f32 * f32::from_bits((127 - 24) << 23),
    };
    f32::from_bits(magnitude.to_bits() | sign)
}

/// The nearest f16, of two equally near ones the even one; what is too large becomes infinite.
#[inline(always)]
pub(crate) fn f32_to_f16(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16 & 0x8000) as u16;
    let rest = value.to_bits() & 0x7fff_ffff;
    let magnitude = match rest {
        0x7f80_0001.. => 0x7e00,
        // From 65520 on.
        0x477f_f000.. => 0x7c00,
        // From 2⁻¹⁴ on: 13 digits less. The carry of rounding may go up into the exponent.
        0x3880_0000.. => {
            let even = rest >> 13 & 1;
            ((rest + 0xfff + even - (112 << 23)) >> 13) as u16
        }
        // Whole numbers of 2⁻²⁴: adding 0.5 leaves so many digits that the sum rounds to them.
        _ => (f32::from_bits(rest) + 0.5)
            .to_bits()
            .wrapping_sub(0.5f32.to_bits()) as u16,
    };
    magnitude | sign
}

/// A bf16 as f32; exact.
#[inline(always)]
pub(crate) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_comes_back_and_the_middle_goes_to_even() {
        for bits in 0..=u16::MAX {
            let value = f16_to_f32(bits);
            if value.is_nan() {
                assert!(f16_to_f32(f32_to_f16(value)).is_nan());
                continue;
            }
            assert_eq!(f32_to_f16(value), bits, "{value}");
            let above = f16_to_f32(bits.wrapping_add(1));
            let positive = bits < 0x7bff;
            if positive {
                let middle = (value + above) / 2.0;
                let even = if bits.is_multiple_of(2) {
                    bits
                } else {
                    bits + 1
                };
                assert_eq!(f32_to_f16(middle), even, "{middle}");
                assert_eq!(f32_to_f16(-middle), even | 0x8000, "-{middle}");
                assert_eq!(f32_to_f16(middle.next_up()), bits + 1);
                assert_eq!(f32_to_f16(middle.next_down()), bits);
            }
        }
        for (value, bits) in [
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (1e6, 0x7c00),
        ] {
            assert_eq!(f32_to_f16(value), bits);
            assert!(bits == 0x7c00 || f16_to_f32(bits) == value);
        }
        assert_eq!(f32_to_f16(65519.99), 0x7bff);
        assert_eq!(f32_to_f16(65520.0), 0x7c00);
        assert_eq!(f32_to_f16(f32::NEG_INFINITY), 0xfc00);
        assert_eq!(bf16_to_f32(0x3f80), 1.0);
    }
}
