//! Convolution, transposed convolution.

use crate::common::{self, Input, Rng, View};
use crate::{SHAPES, compare, lined, nchw, nhwc};
use burn::tensor::module as burns;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use modelwright_kernels::ops::ConvShape;

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
