//! Operations of decoder-only language models: gradients against central differences in f64, and frozen
//! layers against layers with the same weights.

mod common;

use burn::tensor::{DType, Tensor};
use common::{Input, Rng, View, assert_close, check_gradients, flat, run};
use modelwright_kernels::nn::{FrozenLinear, Rotary, rotary, swiglu};
use modelwright_kernels::precision::{self, Precision};
use modelwright_kernels::quant::{Format, Matrix, dequantize, quantize_q8_0};
use std::sync::Arc;

#[test]
fn rotary_embedding() {
    for view in View::ALL {
        for (heads, dim) in [(2, 6), (3, 16)] {
            let frequencies: Vec<f32> = (0..dim / 2).map(|i| 0.9f32.powi(i)).collect();
            let turn = Rotary::new(&frequencies);
            let positions: Arc<[u32]> = [0, 1, 2, 0, 7, 300].into();
            let shape = [2, 3, heads * dim as usize];
            let inputs = [Input::laid(&mut Rng(30), &shape, view)];
            check_gradients(&format!("rotary {shape:?} {view:?}"), &inputs, |a| {
                flat(rotary(a.get(0), heads, &turn, &positions))
            });
        }
    }
}

#[test]
fn gated_unit() {
    for view in View::ALL {
        let mut rng = Rng(31);
        let inputs = [
            Input::laid(&mut rng, &[3, 2, 19], view).map(|v| 2.0 * v),
            Input::laid(&mut rng, &[3, 2, 19], View::Dense),
        ];
        check_gradients(&format!("swiglu {view:?}"), &inputs, |a| {
            flat(swiglu::<3>(a.get(0), a.get(1)))
        });
    }
}

/// A matrix of 8 bits, and its weights.
fn eight_bits(rows: usize, cols: usize) -> (Matrix, Vec<f64>) {
    let normals = Rng(32).normals(rows * cols);
    let bytes = quantize_q8_0(&normals.iter().map(|v| *v as f32).collect::<Vec<_>>());
    let mut weights = vec![0.0; rows * cols];
    dequantize(Format::Q8_0, &bytes, &mut weights);
    let matrix = Matrix::new(Format::Q8_0, rows, cols, &bytes).unwrap();
    (matrix, weights.into_iter().map(f64::from).collect())
}

#[test]
fn frozen_layer() {
    for view in View::ALL {
        let (matrix, _) = eight_bits(21, 32);
        let layer = FrozenLinear::new(matrix);
        let inputs = [Input::laid(&mut Rng(33), &[2, 3, 32], view)];
        check_gradients(&format!("frozen linear {view:?}"), &inputs, |a| {
            flat(layer.forward::<3>(a.get(0)))
        });
    }
}

#[test]
fn a_frozen_layer_is_a_layer_with_its_weights() {
    let (rows, cols) = (50, 96);
    let (matrix, weights) = eight_bits(rows, cols);
    let layer = FrozenLinear::new(matrix);
    assert_eq!((layer.matrix().rows(), layer.matrix().cols()), (rows, cols));
    let inputs = [Input::normal(&mut Rng(34), &[40, cols])];
    for (precision, tolerance) in [(Precision::F32, 1e-5), (Precision::Bf16, 2e-2)] {
        let frozen = run(&inputs, DType::F32, |a| {
            precision::with(precision, || flat(layer.forward::<2>(a.get(0))))
        });
        let usual = run(&inputs, DType::F32, |a| {
            let weight: Tensor<2> = a.constant(&weights, [rows, cols]);
            let x: Tensor<2> = a.get(0);
            flat(x.matmul(weight.transpose()))
        });
        assert_close("output", &frozen.output, &usual.output, tolerance);
        assert_close("gradient", frozen.gradient(0), usual.gradient(0), tolerance);
    }
}
