//! Batch norm, and convolutions followed by one.

use crate::common::{self, Args, Input, Rng, View, assert_close, forward};
use crate::{SHAPES, TOLERANCE, compare, lined, nchw, nhwc, row};
use burn::tensor::activation::relu;
use burn::tensor::module as burns;
use burn::tensor::{DType, Tensor};
use modelwright_kernels::ops::{ConvShape, NormConfig};

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

/// A convolution and the norm after it as one operation, in a graph and outside of one.
#[test]
fn convolution_with_a_frozen_norm() {
    let mut rng = Rng(43);
    for i in 0..SHAPES {
        let (kernel, groups) = match i % 4 {
            0 => (1, 1),
            3 => (3, rng.between(2, 5)),
            _ => (3, 1),
        };
        let (cin, cout) = (groups * rng.between(1, 40), groups * rng.between(1, 70));
        let x = [
            rng.between(1, 3),
            rng.between(3, 20),
            rng.between(3, 20),
            cin,
        ];
        let shape = ConvShape {
            stride: [rng.between(1, 2); 2],
            pad: [rng.below(2); 4],
            dilation: [1; 2],
            groups,
        };
        let weight = [cout, cin / groups, kernel, kernel];
        let (residual, bias) = (rng.coin(), rng.coin());
        let config = NormConfig {
            epsilon: 1e-5,
            relu: rng.coin(),
        };
        let mut inputs = vec![
            Input::normal(&mut rng, &x),
            Input::normal(&mut rng, &weight),
            Input::normal(&mut rng, &[cout]),
            Input::normal(&mut rng, &[cout]),
            Input::normal(&mut rng, &[cout]),
        ];
        if residual {
            let side = |i: usize| (x[i] + 2 * shape.pad[0] - kernel) / shape.stride[0] + 1;
            inputs.push(Input::normal(&mut rng, &[x[0], side(1), side(2), cout]));
        }
        let mean = rng.normals(cout);
        let variance: Vec<f64> = (0..cout).map(|_| 0.2 + 9.0 * rng.uniform()).collect();
        let apart = |a: &Args| {
            let rest = residual.then(|| a.get(5));
            let fixed = [&mean, &variance].map(|v| a.constant(v, [cout]));
            let y = common::conv2d(a.get(0), a.get(1), bias.then(|| a.get(4)), shape);
            lined(
                common::batch_norm(y, [a.get(2), a.get(3)], fixed, rest, config),
                false,
            )
        };
        let together = |a: &Args| {
            let rest: Option<Tensor<4>> = residual.then(|| a.get(5));
            let fixed = [&mean, &variance].map(|v| a.constant(v, [cout]));
            let bias = bias.then(|| a.get(4));
            let affine: [Tensor<1>; 2] = [a.get(2), a.get(3)];
            let run = || {
                let (x, weight, fixed) = (a.get(0), a.get(1), fixed.clone());
                let (bias, rest) = (bias.clone(), rest.clone());
                common::conv2d_norm(x, weight, bias, affine.clone(), fixed, rest, shape, config)
            };
            // The second time with weights that were made ready the first time.
            run();
            lined(run(), false)
        };
        let what = format!("conv {x:?} {weight:?} {shape:?} {residual} {bias} {config:?}");
        assert_close(
            &what,
            &forward(&inputs, DType::F32, together),
            &forward(&inputs, DType::F32, apart),
            TOLERANCE,
        );
        if bias {
            compare(&what, &inputs, together, apart);
        }
    }
}
