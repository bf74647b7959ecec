//! Linear layers, activations, layer norm, softmax, dropout.

use crate::common::{self, Input, Rng, View, assert_close, flat, forward};
use crate::{ACTIVATIONS, SHAPES, compare, row};
use burn::tensor::activation as burns;
use burn::tensor::{DType, Tensor};
use modelwright_kernels::nn::{self, Activation, activate};

/// An activation by Burn.
fn activated<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Gelu => burns::gelu(x),
        Activation::GeluTanh => burns::gelu_approximate(x),
        Activation::Silu => burns::silu(x),
        Activation::Relu => burns::relu(x),
        Activation::Sigmoid => burns::sigmoid(x),
        Activation::Tanh => burns::tanh(x),
    }
}

#[test]
fn linear_layer() {
    let mut rng = Rng(28);
    for i in 0..SHAPES {
        let [batch, seq, from, to] = [3, 20, 90, 90].map(|most| rng.between(1, most));
        let activation = (i % 7 < 6).then(|| ACTIVATIONS[i % 7]);
        let (view, other, bias) = (rng.pick(&View::ALL), rng.pick(&View::ALL), rng.coin());
        // Values before the activation of about the size of the inputs.
        let scale = 1.0 / (from as f64).sqrt();
        let mut inputs = vec![
            Input::laid(&mut rng, &[batch, seq, from], view),
            Input::laid(&mut rng, &[to, from], other).map(|v| v * scale),
        ];
        if bias {
            inputs.push(Input::normal(&mut rng, &[to]));
        }
        compare(
            &format!("linear [{batch}, {seq}, {from}] to {to} {activation:?} {view:?} {other:?}"),
            &inputs,
            |a| {
                let bias = bias.then(|| a.get(2));
                let x: Tensor<3> = a.get(0);
                flat(common::linear(x, a.get(1), bias, activation))
            },
            |a| {
                let weight: Tensor<2> = a.get(1);
                let x = a.get::<3>(0).reshape([batch * seq, from]);
                let mut y = x.matmul(weight.transpose());
                if bias {
                    y = y + row::<2>(a.get(2));
                }
                flat(match activation {
                    Some(activation) => activated(y, activation),
                    None => y,
                })
            },
        );
    }
}

#[test]
fn activations() {
    let mut rng = Rng(29);
    for i in 0..SHAPES {
        let activation = ACTIVATIONS[i % 6];
        let shape: [usize; 3] = [4, 20, 50].map(|most| rng.between(1, most));
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &shape, view).map(|v| 3.0 * v)];
        compare(
            &format!("{activation:?} of {shape:?} {view:?}"),
            &inputs,
            |a| flat(activate::<3>(a.get(0), activation)),
            |a| flat(activated::<3>(a.get(0), activation)),
        );
    }
}

#[test]
fn layer_norm_and_rms_norm() {
    let mut rng = Rng(30);
    for _ in 0..SHAPES {
        // Few features would compare the noise of gradients that cancel.
        let shape = [rng.between(1, 4), rng.between(1, 20), rng.between(8, 200)];
        let view = rng.pick(&View::ALL);
        let features = shape[2];
        let mut inputs = vec![
            Input::laid(&mut rng, &shape, view).map(|v| 2.0 * v + 0.5),
            Input::normal(&mut rng, &[features]),
            Input::normal(&mut rng, &[features]),
        ];
        compare(
            &format!("layer norm {shape:?} {view:?}"),
            &inputs,
            |a| {
                let affine = [a.get(1), a.get(2)];
                flat(common::layer_norm::<3>(a.get(0), affine, 1e-5))
            },
            |a| {
                let x: Tensor<3> = a.get(0);
                let x = x.clone() - x.mean_dim(2);
                let variance = (x.clone() * x.clone()).mean_dim(2);
                let x = x / variance.add_scalar(1e-5).sqrt();
                flat(x * row::<3>(a.get(1)) + row::<3>(a.get(2)))
            },
        );
        let residual = Input::laid(&mut rng, &shape, view);
        inputs.push(residual.clone());
        compare(
            &format!("layer norm of a sum {shape:?} {view:?}"),
            &inputs,
            |a| {
                let (y, sum) =
                    common::layer_norm_add(a.get::<3>(0), a.get(3), [a.get(1), a.get(2)], 1e-5);
                Tensor::cat(vec![flat(y), flat(sum)], 0)
            },
            |a| {
                let sum: Tensor<3> = a.get::<3>(0) + a.get(3);
                let x = sum.clone() - sum.clone().mean_dim(2);
                let variance = (x.clone() * x.clone()).mean_dim(2);
                let x = x / variance.add_scalar(1e-5).sqrt();
                let y = x * row::<3>(a.get(1)) + row::<3>(a.get(2));
                Tensor::cat(vec![flat(y), flat(sum)], 0)
            },
        );
        inputs.truncate(2);
        compare(
            &format!("rms norm {shape:?} {view:?}"),
            &inputs,
            |a| flat(common::rms_norm::<3>(a.get(0), a.get(1), 1e-6)),
            |a| {
                let x: Tensor<3> = a.get(0);
                let square = (x.clone() * x.clone()).mean_dim(2);
                flat(x / square.add_scalar(1e-6).sqrt() * row::<3>(a.get(1)))
            },
        );
    }
}

#[test]
fn dropout_drops_a_share_and_scales_the_rest() {
    let mut rng = Rng(31);
    for i in 0..SHAPES {
        let (rows, columns) = (rng.between(1, 30), rng.between(1, 50));
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &[rows, columns], view)];
        let probability = 0.1 + 0.8 * rng.uniform();
        let seed = i as u64;
        let x = forward(&inputs, DType::F32, |a| flat(a.get::<2>(0)));
        let y = forward(&inputs, DType::F32, |a| {
            flat(common::dropout::<2>(a.get(0), seed, probability))
        });
        let mask: Vec<f64> = y
            .iter()
            .map(|y| f64::from(u8::from(*y != 0.0)) / (1.0 - probability))
            .collect();
        let scaled: Vec<f64> = x.iter().zip(&mask).map(|(x, m)| x * m).collect();
        assert_close("dropout", &y, &scaled, 1e-6);
        // Within five standard deviations.
        let count = x.len() as f64;
        let kept = y.iter().filter(|y| **y != 0.0).count() as f64;
        let spread = 5.0 * (count * probability * (1.0 - probability)).sqrt();
        assert!((kept - count * (1.0 - probability)).abs() <= spread);
        // The gradient goes through the same mask.
        compare(
            &format!("dropout of {probability} [{rows}, {columns}] {view:?}"),
            &inputs,
            |a| flat(common::dropout::<2>(a.get(0), seed, probability)),
            |a| flat(a.get::<2>(0) * a.constant(&mask, [rows, columns])),
        );
    }
}

#[test]
fn softmax_and_its_logarithm() {
    let mut rng = Rng(40);
    for _ in 0..SHAPES {
        let shape: [usize; 3] = [3, 20, 200].map(|most| rng.between(1, most));
        let view = rng.pick(&View::ALL);
        // One class alone has no gradient but noise.
        let shape = [shape[0], shape[1], shape[2] + 1];
        let inputs = [Input::laid(&mut rng, &shape, view).map(|v| 3.0 * v)];
        compare(
            &format!("softmax {shape:?} {view:?}"),
            &inputs,
            |a| flat(nn::softmax::<3>(a.get(0))),
            |a| flat(burns::softmax::<3>(a.get(0), 2)),
        );
        compare(
            &format!("log softmax {shape:?} {view:?}"),
            &inputs,
            |a| flat(nn::log_softmax::<3>(a.get(0))),
            |a| flat(burns::log_softmax::<3>(a.get(0), 2)),
        );
    }
}
