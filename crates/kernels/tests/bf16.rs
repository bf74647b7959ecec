//! Training in bf16: outputs and gradients near those of f32, and f32 wherever nothing is recorded.

mod common;

use burn::tensor::{DType, Device, Tensor};
use common::{Args, Input, Rng, flat, run};
use modelwright_kernels::nn::{Activation, Init, Linear};
use modelwright_kernels::ops::{self, ConvShape};
use modelwright_kernels::precision::{self, Precision};

/// The root of the mean squared difference, as a share of the root of the mean square.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let difference = square(&mut a.iter().zip(b).map(|(a, b)| a - b));
    (difference / square(&mut b.iter().copied())).sqrt()
}

/// Asserts that `op` in bf16 is near to, and not the same as, `op` in f32, with all its gradients.
fn assert_near(what: &str, inputs: &[Input], op: impl Fn(&Args) -> Tensor<1>) {
    if !ops::enabled() {
        return;
    }
    let exact = run(inputs, DType::F32, &op);
    let rounded = run(inputs, DType::F32, |a| {
        precision::with(Precision::Bf16, || op(a))
    });
    // The bias gradient is a sum, which has no products.
    for (i, name) in ["x", "weight"].iter().enumerate() {
        let d = distance(rounded.gradient(i), exact.gradient(i));
        assert!(
            d > 0.0 && d < 2e-2,
            "{what}: gradient of {name} is {d} away"
        );
    }
    let d = distance(&rounded.output, &exact.output);
    assert!(d > 0.0 && d < 2e-2, "{what}: output is {d} away");
}

#[test]
fn linear_layers_are_near_those_in_f32() {
    let mut rng = Rng(11);
    for [rows, inputs, outputs] in [[3, 5, 2], [33, 70, 45], [64, 300, 130]] {
        for activation in [None, Some(Activation::Tanh), Some(Activation::Gelu)] {
            let shapes: [&[usize]; 3] = [&[rows, inputs], &[outputs, inputs], &[outputs]];
            let share = 1.0 / (inputs as f64).sqrt();
            let inputs = shapes.map(|s| Input::normal(&mut rng, s).map(|v| v * share));
            assert_near(&format!("{shapes:?} {activation:?}"), &inputs, |a| {
                let x: Tensor<2> = a.get(0);
                flat(common::linear(x, a.get(1), Some(a.get(2)), activation))
            });
        }
    }
}

#[test]
fn pointwise_convolutions_are_near_those_in_f32() {
    let mut rng = Rng(12);
    let shapes: [&[usize]; 3] = [&[2, 7, 5, 40], &[50, 40, 1, 1], &[50]];
    let inputs = shapes.map(|s| Input::normal(&mut rng, s));
    let shape = ConvShape {
        stride: [1; 2],
        pad: [0; 4],
        dilation: [1; 2],
        groups: 1,
    };
    assert_near("1x1", &inputs, |a| {
        flat(common::conv2d(a.get(0), a.get(1), Some(a.get(2)), shape))
    });
}

#[test]
fn what_is_not_recorded_is_in_f32() {
    let device = Device::flex();
    let layer = Linear::new(40, 30, Init::Default, &device);
    let x = Tensor::<2>::ones([20, 40], &device) * 0.123_456_7;
    let plain = layer.forward(x.clone()).into_data();
    let inside = precision::with(Precision::Bf16, || layer.forward(x)).into_data();
    assert_eq!(plain, inside);
}
