//! Operations against Burn's own, in f32, over random shapes and layouts.

mod common;

use burn::tensor::activation::{
    gelu, gelu_approximate, log_sigmoid, log_softmax, relu, sigmoid, silu, softmax, tanh,
};
use burn::tensor::module as burns;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{DType, Tensor};
use common::{Args, Input, Rng, View, assert_close, flat, forward, integers, run};
use modelwright_kernels::nn::{
    Activation, AttentionConfig, Labels, activate, attention, cross_entropy,
};
use modelwright_kernels::ops::{ConvShape, NormConfig, PoolShape};

/// Random shapes for each operation.
const SHAPES: usize = 30;
/// Difference that is accepted, as a share of the largest value.
const TOLERANCE: f64 = 1e-4;

/// Compares outputs and gradients.
fn compare(
    what: &str,
    inputs: &[Input],
    ours: impl Fn(&Args) -> Tensor<1>,
    burns: impl Fn(&Args) -> Tensor<1>,
) {
    let (ours, burns) = (
        run(inputs, DType::F32, ours),
        run(inputs, DType::F32, burns),
    );
    assert_close(
        &format!("{what}: output"),
        &ours.output,
        &burns.output,
        TOLERANCE,
    );
    for i in 0..inputs.len() {
        assert_close(
            &format!("{what}: gradient {i}"),
            ours.gradient(i),
            burns.gradient(i),
            TOLERANCE,
        );
    }
}

/// All elements in a row; in another order if `turned`, so that the gradient comes back as a view.
fn lined(y: Tensor<4>, turned: bool) -> Tensor<1> {
    flat(if turned { y.permute([3, 1, 0, 2]) } else { y })
}

fn nchw(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

fn nhwc(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// A row as a tensor of rank `D` to be broadcast.
fn row<const D: usize>(x: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[D - 1] = x.dims()[0];
    x.reshape(shape)
}

/// A convolution by both.
fn compare_conv(
    rng: &mut Rng,
    x: [usize; 4],
    weight: [usize; 4],
    shape: ConvShape,
    turned: bool,
    bias: bool,
) {
    let (view, other) = (rng.pick(&View::ALL), rng.pick(&View::ALL));
    let mut inputs = vec![Input::laid(rng, &x, view), Input::laid(rng, &weight, other)];
    if bias {
        inputs.push(Input::normal(rng, &weight[..1]));
    }
    let [top, left, bottom, right] = shape.pad;
    compare(
        &format!("conv {x:?} {weight:?} {shape:?} {view:?} {other:?}"),
        &inputs,
        |a| {
            let bias = bias.then(|| a.get(2));
            lined(common::conv2d(a.get(0), a.get(1), bias, shape), turned)
        },
        |a| {
            let bias = bias.then(|| a.get(2));
            let options = ConvOptions::new_with_padding(
                shape.stride,
                [(top, bottom), (left, right)],
                shape.dilation,
                shape.groups,
            );
            let y = burns::conv2d(nchw(a.get(0)), a.get(1), bias, options);
            lined(nhwc(y), turned)
        },
    );
}

#[test]
fn convolution() {
    let mut rng = Rng(21);
    for i in 0..SHAPES {
        let kernel = [rng.pick(&[1, 2, 3, 5]), rng.pick(&[1, 2, 3, 4])];
        let dilation = [rng.between(1, 2), rng.between(1, 2)];
        let stride = [rng.between(1, 3), rng.between(1, 3)];
        let reach = [0, 1].map(|d| dilation[d] * (kernel[d] - 1) + 1);
        let (groups, cin, cout) = match i % 5 {
            // A layer in groups, and a depthwise one.
            3 => {
                let groups = rng.between(2, 3);
                (
                    groups,
                    groups * rng.between(1, 9),
                    groups * rng.between(1, 9),
                )
            }
            4 => {
                let channels = rng.between(2, 40);
                (channels, channels, channels * rng.between(1, 2))
            }
            _ => (1, rng.between(1, 40), rng.between(1, 40)),
        };
        let side = |rng: &mut Rng, d: usize| reach[d] + rng.below(9);
        let x = [rng.between(1, 3), side(&mut rng, 0), side(&mut rng, 1), cin];
        let pad = [reach[0], reach[1], reach[0], reach[1]].map(|reach| rng.below(reach.min(3)));
        let shape = ConvShape {
            stride,
            pad,
            dilation,
            groups,
        };
        let weight = [cout, cin / groups, kernel[0], kernel[1]];
        let bias = rng.coin();
        compare_conv(&mut rng, x, weight, shape, i % 3 == 0, bias);
    }
}

#[test]
fn convolution_of_3x3() {
    let mut rng = Rng(22);
    for i in 0..SHAPES {
        let (cin, cout) = (rng.between(1, 70), rng.between(1, 70));
        let x = [
            rng.between(1, 3),
            rng.between(3, 13),
            rng.between(3, 13),
            cin,
        ];
        let shape = ConvShape {
            stride: [1; 2],
            pad: std::array::from_fn(|_| rng.below(3)),
            dilation: [1; 2],
            groups: 1,
        };
        let bias = rng.coin();
        compare_conv(&mut rng, x, [cout, cin, 3, 3], shape, i % 3 == 0, bias);
    }
}

#[test]
fn transposed_convolution() {
    let mut rng = Rng(23);
    for i in 0..SHAPES {
        let kernel = rng.between(1, 4);
        let stride = rng.between(1, kernel);
        let (cin, cout) = (rng.between(1, 33), rng.between(1, 33));
        let x = [rng.between(1, 3), rng.between(1, 7), rng.between(1, 7), cin];
        let (view, bias) = (rng.pick(&View::ALL), rng.coin());
        let mut inputs = vec![
            Input::laid(&mut rng, &x, view),
            Input::normal(&mut rng, &[cin, cout, kernel, kernel]),
        ];
        if bias {
            inputs.push(Input::normal(&mut rng, &[cout]));
        }
        let turned = i % 3 == 0;
        compare(
            &format!("transposed conv {x:?} to {cout}, {kernel} by {stride}, {view:?}"),
            &inputs,
            |a| {
                let bias = bias.then(|| a.get(2));
                let y = common::conv_transpose2d(a.get(0), a.get(1), bias, stride);
                lined(y, turned)
            },
            |a| {
                let bias = bias.then(|| a.get(2));
                let options = ConvTransposeOptions::new([stride; 2], [0; 2], [0; 2], [1; 2], 1);
                let y = burns::conv_transpose2d(nchw(a.get(0)), a.get(1), bias, options);
                lined(nhwc(y), turned)
            },
        );
    }
}

/// x, γ, β and perhaps a residual of a batch norm, and what it does besides.
fn norm_case(rng: &mut Rng, i: usize) -> ([usize; 4], Vec<Input>, bool, NormConfig, View) {
    // Few rows would compare the noise of gradients that cancel.
    let x = [
        rng.between(1, 4),
        rng.between(3, 9),
        rng.between(3, 9),
        rng.between(1, 70),
    ];
    let (view, residual) = (rng.pick(&View::ALL), i.is_multiple_of(2));
    let mut inputs = vec![
        Input::laid(rng, &x, view).map(|v| 1.5 * v + 1.0),
        Input::normal(rng, &x[3..]),
        Input::normal(rng, &x[3..]),
    ];
    if residual {
        inputs.push(Input::laid(rng, &x, view));
    }
    let config = NormConfig {
        epsilon: 1e-5,
        relu: i % 4 < 2,
    };
    (x, inputs, residual, config, view)
}

/// What follows a norm.
fn finish(y: Tensor<4>, residual: Option<Tensor<4>>, config: NormConfig) -> Tensor<4> {
    let y = match residual {
        Some(residual) => y + residual,
        None => y,
    };
    if config.relu { relu(y) } else { y }
}

#[test]
fn batch_norm_with_the_statistics_of_the_batch() {
    let mut rng = Rng(24);
    for i in 0..SHAPES {
        let (x, inputs, residual, config, view) = norm_case(&mut rng, i);
        let what = format!("batch norm {x:?} {config:?} {residual} {view:?}");
        let turned = i % 3 == 0;
        compare(
            &what,
            &inputs,
            |a| {
                let rest = residual.then(|| a.get(3));
                let affine = [a.get(1), a.get(2)];
                let (y, _, _) = common::batch_norm_train(a.get(0), affine, rest, config);
                lined(y, turned)
            },
            |a| {
                let rest = residual.then(|| a.get(3));
                let x = nchw(a.get(0));
                let y = burns::batch_norm_train(x, a.get(1), a.get(2), config.epsilon).output;
                lined(finish(nhwc(y), rest, config), turned)
            },
        );
        let statistics = [
            forward(&inputs, DType::F32, |a| {
                let affine = [a.get(1), a.get(2)];
                let (_, mean, variance) =
                    common::batch_norm_train::<4>(a.get(0), affine, None, config);
                Tensor::cat(vec![mean, variance], 0)
            }),
            forward(&inputs, DType::F32, |a| {
                let x = nchw(a.get(0));
                let all = burns::batch_norm_train(x, a.get(1), a.get(2), config.epsilon);
                Tensor::cat(vec![all.mean, all.variance], 0)
            }),
        ];
        let name = format!("{what}: statistics");
        assert_close(&name, &statistics[0], &statistics[1], TOLERANCE);
    }
}

#[test]
fn batch_norm_with_frozen_statistics() {
    let mut rng = Rng(25);
    for i in 0..SHAPES {
        let (x, inputs, residual, config, view) = norm_case(&mut rng, i);
        let channels = x[3];
        let mean = rng.normals(channels);
        let variance: Vec<f64> = (0..channels).map(|_| 0.2 + rng.uniform()).collect();
        let turned = i % 3 == 0;
        compare(
            &format!("frozen batch norm {x:?} {config:?} {residual} {view:?}"),
            &inputs,
            |a| {
                let rest = residual.then(|| a.get(3));
                let fixed = [&mean, &variance].map(|v| a.constant(v, [channels]));
                let affine = [a.get(1), a.get(2)];
                let y = common::batch_norm(a.get(0), affine, fixed, rest, config);
                lined(y, turned)
            },
            |a| {
                let rest = residual.then(|| a.get(3));
                let [mean, variance] = [&mean, &variance].map(|v| a.constant(v, [channels]));
                let std = variance.add_scalar(config.epsilon).sqrt();
                let x: Tensor<4> = a.get(0);
                let x = (x - row::<4>(mean)) / row::<4>(std);
                let y = x * row::<4>(a.get(1)) + row::<4>(a.get(2));
                lined(finish(y, rest, config), turned)
            },
        );
    }
}

#[test]
fn max_pooling() {
    let mut rng = Rng(26);
    for i in 0..SHAPES {
        let kernel = rng.between(1, 5);
        let pool = PoolShape {
            kernel,
            stride: rng.between(1, 3),
            pad: rng.below(kernel / 2 + 1),
        };
        let x = [
            rng.between(1, 3),
            kernel + rng.below(8),
            kernel + rng.below(8),
            rng.between(1, 70),
        ];
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &x, view)];
        let turned = i % 3 == 0;
        compare(
            &format!("max pool {x:?} {pool:?} {view:?}"),
            &inputs,
            |a| lined(common::max_pool2d(a.get(0), pool), turned),
            |a| {
                let options = MaxPoolOptions::new([kernel; 2])
                    .with_stride([pool.stride; 2])
                    .with_padding([pool.pad; 2]);
                lined(nhwc(burns::max_pool2d(nchw(a.get(0)), options)), turned)
            },
        );
    }
}

#[test]
fn global_average_pooling() {
    let mut rng = Rng(27);
    for _ in 0..SHAPES {
        let x: [usize; 4] = [3, 9, 9, 70].map(|most| rng.between(1, most));
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &x, view)];
        compare(
            &format!("global average {x:?} {view:?}"),
            &inputs,
            |a| flat(common::global_avg_pool(a.get(0))),
            |a| flat(a.get::<4>(0).mean_dim(1).mean_dim(2)),
        );
    }
}

/// An activation by Burn.
fn activated<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => gelu_approximate(x),
        Activation::Silu => silu(x),
        Activation::Relu => relu(x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => tanh(x),
    }
}

const ACTIVATIONS: [Activation; 6] = [
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
];

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
        inputs.pop();
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
fn embedding() {
    let mut rng = Rng(32);
    for i in 0..SHAPES {
        let [vocabulary, features, batch, seq] = [50, 70, 4, 30].map(|most| rng.between(1, most));
        let ids: Vec<usize> = (0..batch * seq).map(|_| rng.below(vocabulary)).collect();
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &[vocabulary, features], view)];
        // Every other time the ids are a view as well.
        let turned = i % 2 == 1;
        compare(
            &format!("embedding {vocabulary} {features} {batch} {seq} {view:?}"),
            &inputs,
            |a| {
                let ids = match turned {
                    true => integers(&ids, [seq, batch], &a.device()).transpose(),
                    false => integers(&ids, [batch, seq], &a.device()),
                };
                flat(common::embedding(a.get(0), ids))
            },
            |a| {
                let mut ids = integers(&ids, [batch * seq], &a.device());
                if turned {
                    ids = ids.reshape([seq, batch]).transpose().reshape([batch * seq]);
                }
                flat(a.get::<2>(0).select(0, ids))
            },
        );
    }
}

/// Attention composed of products and a softmax.
fn attention_of_burn(a: &Args, [batch, seq, heads, dim]: [usize; 4], causal: bool) -> Tensor<1> {
    let width = heads * dim;
    let part = |i: usize| -> Tensor<4> {
        let x = a.get::<3>(0).narrow(2, i * width, width);
        x.reshape([batch, seq, heads, dim]).swap_dims(1, 2)
    };
    let scores = part(0).matmul(part(1).transpose());
    let mut scores = scores.mul_scalar(1.0 / (dim as f64).sqrt());
    if causal {
        let hidden = |i: usize| if i % seq > i / seq { -1e30 } else { 0.0 };
        let mask: Vec<f64> = (0..seq * seq).map(hidden).collect();
        scores = scores + a.constant(&mask, [1, 1, seq, seq]);
    }
    let y = softmax(scores, 3).matmul(part(2));
    flat(y.swap_dims(1, 2))
}

#[test]
fn attention_causal_and_not() {
    let mut rng = Rng(33);
    for i in 0..SHAPES {
        let [batch, seq, heads, dim] = [3, 75, 4, 40].map(|most| rng.between(1, most));
        let config = AttentionConfig {
            heads,
            causal: i % 2 == 0,
        };
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &[batch, seq, 3 * heads * dim], view)];
        compare(
            &format!("attention {batch} {seq} {dim} {config:?} {view:?}"),
            &inputs,
            |a| flat(attention(a.get(0), config)),
            |a| attention_of_burn(a, [batch, seq, heads, dim], config.causal),
        );
    }
}

#[test]
fn cross_entropy_with_weights_and_smoothing() {
    let mut rng = Rng(34);
    for i in 0..SHAPES {
        let (rows, classes) = (rng.between(1, 40), rng.between(2, 200));
        let labels: Vec<usize> = (0..rows).map(|_| rng.below(classes)).collect();
        let weights: Vec<f64> = (0..classes).map(|_| 0.1 + rng.uniform()).collect();
        let (weighted, smoothing) = (i % 2 == 0, rng.pick(&[0.0, 0.1, 0.5]));
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &[rows, classes], view).map(|v| 3.0 * v)];
        let of_row = |label: &usize| if weighted { weights[*label] } else { 1.0 };
        let of_rows: Vec<f64> = labels.iter().map(of_row).collect();
        let total: f64 = of_rows.iter().sum();
        compare(
            &format!("cross-entropy [{rows}, {classes}] {weighted} {smoothing} {view:?}"),
            &inputs,
            |a| {
                let labels: Vec<u32> = labels.iter().map(|l| *l as u32).collect();
                let weights: Vec<f32> = match weighted {
                    true => weights.iter().map(|w| *w as f32).collect(),
                    false => Vec::new(),
                };
                cross_entropy(
                    a.get(0),
                    &Labels::new(&labels, &weights, &a.device()),
                    smoothing,
                )
            },
            |a| {
                let log_p = log_softmax(a.get::<2>(0), 1);
                let index = integers(&labels, [rows, 1], &a.device());
                let picked = log_p.clone().gather(1, index);
                let hard = (picked * a.constant(&of_rows, [rows, 1])).sum();
                if weighted {
                    let soft = (log_p * a.constant(&weights, [1, classes])).sum();
                    mixed(hard, soft, smoothing, classes, total)
                } else {
                    mixed(hard, log_p.sum(), smoothing, classes, total)
                }
            },
        );
    }
}

/// `-((1 - ε) hard + ε/K soft) / total`.
fn mixed(
    hard: Tensor<1>,
    soft: Tensor<1>,
    smoothing: f64,
    classes: usize,
    total: f64,
) -> Tensor<1> {
    let hard = hard.mul_scalar((smoothing - 1.0) / total);
    hard - soft.mul_scalar(smoothing / classes as f64 / total)
}

#[test]
fn losses_of_single_elements() {
    let mut rng = Rng(35);
    for _ in 0..SHAPES {
        let shape = [rng.between(1, 40), rng.between(1, 60)];
        let targets: Vec<f64> = (0..shape[0] * shape[1]).map(|_| rng.uniform()).collect();
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &shape, view).map(|v| 4.0 * v)];
        compare(
            &format!("binary cross-entropy {shape:?} {view:?}"),
            &inputs,
            |a| common::binary_cross_entropy_sum(a.get(0), a.constant(&targets, shape)),
            |a| {
                let (z, t): (Tensor<2>, _) = (a.get(0), a.constant(&targets, shape));
                (z.clone() - z.clone() * t - log_sigmoid(z)).sum()
            },
        );
        compare(
            &format!("squared error {shape:?} {view:?}"),
            &inputs,
            |a| common::squared_error_sum(a.get(0), a.constant(&targets, shape)),
            |a| {
                let d = a.get::<2>(0) - a.constant(&targets, shape);
                (d.clone() * d).sum()
            },
        );
    }
}

/// Runs an operation on a batch of 3 and then of 0: the second output is empty and its gradients are
/// zeros, also where memory of the first run is used again.
fn check_empty(what: &str, shapes: &[&[usize]], op: impl Fn(&Args) -> Tensor<1>) {
    for batch in [3, 0] {
        let mut rng = Rng(36);
        let mut inputs: Vec<Input> = shapes.iter().map(|s| Input::normal(&mut rng, s)).collect();
        let mut first = shapes[0].to_vec();
        first[0] = batch;
        inputs[0] = Input::normal(&mut rng, &first);
        let done = run(&inputs, DType::F32, &op);
        if batch > 0 {
            continue;
        }
        assert!(done.output.iter().all(|y| *y == 0.0), "{what}: output");
        assert_eq!(done.gradient(0).len(), 0, "{what}: gradient of nothing");
        for i in 1..inputs.len() {
            let zero = done.gradient(i).iter().all(|g| *g == 0.0);
            assert!(zero, "{what}: gradient {i}");
        }
    }
}

#[test]
fn empty_batches() {
    let plain = ConvShape {
        stride: [1; 2],
        pad: [1; 4],
        dilation: [1; 2],
        groups: 1,
    };
    for (cin, groups) in [(3, 1), (32, 1), (32, 32)] {
        let shape = ConvShape { groups, ..plain };
        let weight = [64, cin / groups, 3, 3];
        let shapes: [&[usize]; 3] = [&[3, 8, 8, cin], &weight, &[64]];
        check_empty(&format!("conv of {cin} in {groups}"), &shapes, |a| {
            flat(common::conv2d(a.get(0), a.get(1), Some(a.get(2)), shape))
        });
    }
    let shapes: [&[usize]; 3] = [&[3, 4, 4, 32], &[32, 48, 2, 2], &[48]];
    check_empty("transposed conv", &shapes, |a| {
        let bias = Some(a.get(2));
        flat(common::conv_transpose2d(a.get(0), a.get(1), bias, 2))
    });
    for relu in [false, true] {
        let config = NormConfig {
            epsilon: 1e-5,
            relu,
        };
        let shapes: [&[usize]; 3] = [&[3, 4, 4, 20], &[20], &[20]];
        check_empty("batch norm", &shapes, |a| {
            let affine = [a.get(1), a.get(2)];
            flat(common::batch_norm_train::<4>(a.get(0), affine, None, config).0)
        });
        check_empty("frozen batch norm", &shapes, |a| {
            let fixed = [0.5, 2.0].map(|v| a.constant(&[v; 20], [20]));
            let affine = [a.get(1), a.get(2)];
            flat(common::batch_norm::<4>(
                a.get(0),
                affine,
                fixed,
                None,
                config,
            ))
        });
    }
    let pool = PoolShape {
        kernel: 3,
        stride: 2,
        pad: 1,
    };
    check_empty("max pool", &[&[3, 8, 8, 5]], |a| {
        flat(common::max_pool2d(a.get(0), pool))
    });
    check_empty("global average", &[&[3, 4, 4, 5]], |a| {
        flat(common::global_avg_pool(a.get(0)))
    });
    let shapes: [&[usize]; 3] = [&[3, 7, 80], &[90, 80], &[90]];
    for activation in ACTIVATIONS.map(Some).into_iter().chain([None]) {
        check_empty(&format!("linear {activation:?}"), &shapes, |a| {
            let x: Tensor<3> = a.get(0);
            flat(common::linear(x, a.get(1), Some(a.get(2)), activation))
        });
    }
    for activation in ACTIVATIONS {
        check_empty(&format!("{activation:?}"), &[&[3, 10]], |a| {
            flat(activate::<2>(a.get(0), activation))
        });
    }
    let shapes: [&[usize]; 3] = [&[3, 5, 40], &[40], &[40]];
    check_empty("layer norm", &shapes, |a| {
        let affine = [a.get(1), a.get(2)];
        flat(common::layer_norm::<3>(a.get(0), affine, 1e-5))
    });
    check_empty("rms norm", &shapes[..2], |a| {
        flat(common::rms_norm::<3>(a.get(0), a.get(1), 1e-6))
    });
    check_empty("dropout", &[&[3, 10]], |a| {
        flat(common::dropout::<2>(a.get(0), 1, 0.5))
    });
    check_empty("attention", &[&[3, 9, 24]], |a| {
        let config = AttentionConfig {
            heads: 2,
            causal: true,
        };
        flat(attention(a.get(0), config))
    });
    check_empty("cross-entropy", &[&[3, 7]], |a| {
        let x: Tensor<2> = a.get(0);
        let labels = vec![1; x.dims()[0]];
        let labels = integers(&labels, [labels.len()], &a.device());
        common::cross_entropy_sum(x, labels, None, 0.1)
    });
    check_empty("binary cross-entropy", &[&[3, 7]], |a| {
        let x: Tensor<2> = a.get(0);
        common::binary_cross_entropy_sum(x.clone(), x.zeros_like())
    });
    check_empty("squared error", &[&[3, 7]], |a| {
        let x: Tensor<2> = a.get(0);
        common::squared_error_sum(x.clone(), x.zeros_like())
    });
}

#[test]
fn embedding_of_no_ids() {
    let inputs = [Input::normal(&mut Rng(37), &[90, 60])];
    for batch in [3, 0] {
        let done = run(&inputs, DType::F32, |a| {
            let ids = integers(&vec![5; batch * 4], [batch, 4], &a.device());
            flat(common::embedding(a.get(0), ids))
        });
        assert_eq!(done.output.len(), batch * 4 * 60);
        let zero = done.gradient(0).iter().all(|g| *g == 0.0);
        assert_eq!(zero, batch == 0);
    }
}
