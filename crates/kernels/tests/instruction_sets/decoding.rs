//! What decoder-only language models need: operations, quantized products, attention over a cache.

use super::common::{Rng, flat};
use super::{normal, print, print_values};
use modelwright_kernels::decode::{KvPages, Seen, paged_attention};
use modelwright_kernels::nn::{self, FrozenLinear, Rotary};
use modelwright_kernels::quant::{Format, Matrix};
use std::sync::Arc;

/// Those with a backward pass.
pub fn operations() {
    let rotary = Rotary::new(&[1.0, 0.5, 0.1, 0.02, 1e-3]);
    let positions: Arc<[u32]> = (0..12).map(|i| i * 40).collect();
    let inputs = normal(54, &[&[2, 6, 30]]);
    print("rotary", &inputs, |a| {
        flat(nn::rotary(a.get(0), 3, &rotary, &positions))
    });
    let inputs = normal(55, &[&[3, 37], &[3, 37]]);
    print("swiglu", &inputs, |a| {
        flat(nn::swiglu::<2>(a.get(0), a.get(1)))
    });
    for format in Format::ALL {
        let layer = FrozenLinear::new(matrix(format, 50, 256));
        let inputs = normal(56, &[&[7, 256]]);
        print(&format!("frozen_linear_{format}"), &inputs, |a| {
            flat(layer.forward::<2>(a.get(0)))
        });
    }
}

/// A matrix of random codes with scales of usual size.
fn matrix(format: Format, rows: usize, cols: usize) -> Matrix {
    let mut rng = Rng(57);
    let size = format.bytes(rows * cols).expect("whole blocks");
    let mut bytes: Vec<u8> = (0..size).map(|_| rng.below(256) as u8).collect();
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        // f16 of -1.5 to 1.5; for numbers with a point their upper half.
        let mut scale = |at: usize| {
            block[at] = rng.below(256) as u8;
            block[at + 1] = 0x38 + rng.below(6) as u8 + 128 * rng.coin() as u8;
        };
        match format {
            Format::F32 => scale(2),
            Format::Q6K => scale(208),
            Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => {
                [0, 2].into_iter().for_each(scale)
            }
            _ => scale(0),
        }
    }
    Matrix::new(format, rows, cols, &bytes).expect("sizes that fit")
}

/// Those of inference.
pub fn kernels() {
    let numbers = |n: usize| -> Vec<f32> { Rng(58).normals(n).iter().map(|v| *v as f32).collect() };
    let wide = |out: &[f32]| -> Vec<f64> { out.iter().map(|v| f64::from(*v)).collect() };
    for format in Format::ALL {
        for n in [1, 7] {
            let weights = matrix(format, 50, 768);
            let mut out = vec![0.0; n * 50];
            weights.product(&numbers(n * 768), &mut out);
            print_values(&format!("product_{format}_{n}"), &wide(&out));
        }
    }
    let (tokens, width) = (70, 3 * 24);
    let mut cache = KvPages::new(1, 1, 24, 3);
    let slots: Vec<_> = (0..tokens).map(|i| (2 - i / 32, i % 32)).collect();
    let values = numbers(2 * 70 * 24);
    cache.write(0, &slots, &values[..70 * 24], &values[70 * 24..]);
    let lengths = [1, 33, 68, 69, 70];
    let seen = lengths.map(|length| Seen {
        pages: &[2, 1, 0],
        length,
    });
    for window in [None, Some(40)] {
        let mut out = vec![0.0; 5 * width];
        paged_attention(&numbers(5 * width), 3, &cache, 0, &seen, window, &mut out);
        print_values(&format!("paged_attention_{window:?}"), &wide(&out));
    }
}
