//! The gradient of every operation against central differences, in f64.

mod common;

use burn::tensor::Tensor;
use common::{Input, Rng, View, all_but_every, check_gradients, flat, integers};
use modelwright_kernels::cpu::winograd::{Shape3x3, pays};
use modelwright_kernels::nn::{
    Activation, AttentionConfig, AvgPool2d, FeatureMap, activate, adaptive_avg_pool, attention,
    cross_attention, log_softmax, masked_attention, segment_attention, softmax,
};
use modelwright_kernels::ops::{ConvShape, NormConfig, PoolShape};

const ACTIVATIONS: [Activation; 6] = [
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
];

/// Stride 1 and the same padding on all sides.
fn plain(pad: usize) -> ConvShape {
    ConvShape {
        stride: [1; 2],
        pad: [pad; 4],
        dilation: [1; 2],
        groups: 1,
    }
}

/// A convolution of `x` with `weight` `[out, in / groups, kh, kw]`.
fn check_conv(x: [usize; 4], weight: [usize; 4], shape: ConvShape, bias: bool) {
    for view in [View::Dense, View::Reversed] {
        let mut rng = Rng(3);
        let mut inputs = vec![
            Input::laid(&mut rng, &x, view),
            Input::laid(&mut rng, &weight, view),
        ];
        if bias {
            inputs.push(Input::normal(&mut rng, &weight[..1]));
        }
        let what = format!("conv {x:?} {weight:?} {shape:?} {view:?}");
        check_gradients(&what, &inputs, |a| {
            let bias = bias.then(|| a.get(2));
            flat(common::conv2d(a.get(0), a.get(1), bias, shape))
        });
    }
}

#[test]
fn convolution() {
    check_conv([2, 5, 6, 3], [4, 3, 3, 3], plain(1), true);
    check_conv([2, 5, 6, 3], [4, 3, 3, 3], plain(0), false);
    // 1x1, and one output pixel of a whole picture.
    check_conv([2, 3, 4, 20], [18, 20, 1, 1], plain(0), true);
    check_conv([2, 3, 3, 24], [20, 24, 3, 3], plain(0), true);
    // Larger than the picture: some taps only meet padding.
    check_conv([1, 2, 3, 3], [2, 3, 5, 5], plain(2), true);
    check_conv([1, 4, 3, 17], [5, 17, 5, 5], plain(2), false);
}

#[test]
fn convolution_with_stride() {
    for (x, weight, pad, stride) in [
        ([1, 7, 8, 3], [5, 3, 3, 3], 1, [2, 2]),
        ([2, 6, 5, 18], [17, 18, 3, 3], 1, [2, 2]),
        ([2, 6, 7, 4], [6, 4, 1, 1], 0, [2, 2]),
        ([1, 9, 10, 3], [4, 3, 7, 7], 3, [2, 2]),
        ([1, 8, 7, 2], [3, 2, 2, 2], 0, [3, 1]),
    ] {
        let shape = ConvShape {
            stride,
            ..plain(pad)
        };
        check_conv(x, weight, shape, true);
    }
}

#[test]
fn convolution_with_dilation() {
    let shape = ConvShape {
        dilation: [2; 2],
        ..plain(2)
    };
    check_conv([1, 8, 7, 2], [3, 2, 3, 3], shape, true);
    check_conv([1, 6, 5, 17], [4, 17, 3, 3], shape, false);
    let shape = ConvShape {
        dilation: [1, 2],
        stride: [2, 1],
        ..plain(1)
    };
    check_conv([2, 7, 8, 3], [4, 3, 3, 2], shape, true);
}

#[test]
fn convolution_in_groups() {
    for (groups, x, weight) in [
        (2, [2, 5, 5, 4], [6, 2, 3, 3]),
        (3, [1, 4, 5, 6], [3, 2, 3, 3]),
        // Depthwise, with one and two outputs a channel.
        (4, [2, 5, 6, 4], [4, 1, 3, 3]),
        (4, [1, 5, 6, 4], [8, 1, 3, 3]),
    ] {
        for stride in [1, 2] {
            let shape = ConvShape {
                groups,
                stride: [stride; 2],
                ..plain(1)
            };
            check_conv(x, weight, shape, stride == 1);
        }
    }
}

#[test]
fn convolution_with_asymmetric_padding() {
    let shape = ConvShape {
        pad: [1, 0, 2, 1],
        ..plain(0)
    };
    check_conv([2, 4, 5, 3], [4, 3, 3, 3], shape, true);
    let shape = ConvShape {
        stride: [2, 1],
        dilation: [1, 2],
        pad: [0, 2, 1, 1],
        groups: 1,
    };
    check_conv([1, 5, 6, 3], [2, 3, 3, 2], shape, false);
}

#[test]
fn convolution_by_winograd() {
    for (x, cout, pad) in [
        // Tiles of 4x4 outputs.
        ([1, 8, 8, 16], 16, [1; 4]),
        ([3, 4, 4, 16], 16, [1; 4]),
        ([2, 8, 8, 20], 35, [1; 4]),
        ([1, 6, 6, 16], 16, [2; 4]),
        // Tiles of 2x2 outputs.
        ([1, 6, 6, 16], 16, [1; 4]),
        ([1, 8, 8, 16], 16, [0; 4]),
        // Different padding on each side.
        ([1, 7, 9, 16], 16, [1, 0, 2, 1]),
    ] {
        let [n, h, w, cin] = x;
        let sizes = Shape3x3 {
            n,
            h,
            w,
            cin,
            cout,
            pad,
        };
        assert!(pays(&sizes), "{sizes:?} does not go by Winograd");
        let shape = ConvShape { pad, ..plain(0) };
        check_conv(x, [cout, cin, 3, 3], shape, pad == [1; 4]);
    }
}

#[test]
fn transposed_convolution() {
    for (x, weight, stride, bias) in [
        ([2, 3, 4, 3], [3, 5, 2, 2], 2, true),
        ([2, 3, 4, 18], [18, 17, 2, 2], 2, false),
        // Overlapping.
        ([1, 4, 3, 3], [3, 4, 3, 3], 2, true),
        ([1, 4, 3, 3], [3, 4, 2, 2], 1, false),
        ([1, 2, 3, 4], [4, 2, 3, 3], 3, true),
    ] {
        let mut rng = Rng(4);
        let mut inputs = vec![
            Input::laid(&mut rng, &x, View::Window),
            Input::normal(&mut rng, &weight),
        ];
        if bias {
            inputs.push(Input::normal(&mut rng, &weight[1..2]));
        }
        let what = format!("transposed conv {x:?} {weight:?} {stride}");
        check_gradients(&what, &inputs, |a| {
            let bias = bias.then(|| a.get(2));
            flat(common::conv_transpose2d(a.get(0), a.get(1), bias, stride))
        });
    }
}

/// The four kinds of batch norm: with and without a ReLU, with and without a residual.
fn norm_kinds() -> [(NormConfig, bool); 4] {
    let config = |relu| NormConfig {
        epsilon: 1e-5,
        relu,
    };
    [
        (config(false), false),
        (config(true), false),
        (config(false), true),
        (config(true), true),
    ]
}

/// x, γ, β, and a residual if there is one.
fn norm_inputs(shape: &[usize], residual: bool, view: View) -> Vec<Input> {
    let mut rng = Rng(5);
    let channels = &shape[shape.len() - 1..];
    let mut inputs = vec![
        Input::laid(&mut rng, shape, view).map(|v| 1.5 * v + 0.5),
        Input::normal(&mut rng, channels),
        Input::normal(&mut rng, channels),
    ];
    if residual {
        inputs.push(Input::laid(&mut rng, shape, view));
    }
    inputs
}

#[test]
fn batch_norm_with_the_statistics_of_the_batch() {
    for (config, residual) in norm_kinds() {
        for view in View::ALL {
            let what = format!("batch norm {config:?} {residual} {view:?}");
            let inputs = norm_inputs(&[2, 3, 2, 5], residual, view);
            check_gradients(&what, &inputs, |a| {
                let rest = residual.then(|| a.get(3));
                let affine = [a.get(1), a.get(2)];
                flat(common::batch_norm_train::<4>(a.get(0), affine, rest, config).0)
            });
            let inputs = norm_inputs(&[9, 17], residual, view);
            check_gradients(&what, &inputs, |a| {
                let rest = residual.then(|| a.get(3));
                let affine = [a.get(1), a.get(2)];
                flat(common::batch_norm_train::<2>(a.get(0), affine, rest, config).0)
            });
        }
    }
}

#[test]
fn batch_norm_with_frozen_statistics() {
    for (config, residual) in norm_kinds() {
        for view in View::ALL {
            let what = format!("frozen batch norm {config:?} {residual} {view:?}");
            let inputs = norm_inputs(&[2, 3, 2, 5], residual, view);
            check_gradients(&what, &inputs, |a| {
                let rest = residual.then(|| a.get(3));
                let affine = [a.get(1), a.get(2)];
                let mean = a.constant(&[0.1, -0.2, 0.3, 1.0, 0.0], [5]);
                let variance = a.constant(&[0.5, 1.0, 2.0, 0.1, 3.0], [5]);
                let x: Tensor<4> = a.get(0);
                flat(common::batch_norm(
                    x,
                    affine,
                    [mean, variance],
                    rest,
                    config,
                ))
            });
        }
    }
}

#[test]
fn max_pooling() {
    for (kernel, stride, pad) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (5, 2, 2)] {
        for (x, view) in [([2, 7, 6, 3], View::Dense), ([1, 5, 6, 17], View::Reversed)] {
            let inputs = [Input::laid(&mut Rng(6), &x, view)];
            let shape = PoolShape {
                kernel,
                stride,
                pad,
            };
            check_gradients(&format!("max pool {x:?} {shape:?}"), &inputs, |a| {
                flat(common::max_pool2d(a.get(0), shape))
            });
        }
    }
}

#[test]
fn average_pooling() {
    for view in View::ALL {
        let inputs = [Input::laid(&mut Rng(19), &[2, 7, 6, 5], view)];
        for (kernel, stride, pad) in [(2, 2, 0), (3, 2, 1), (3, 1, 1)] {
            let pool = AvgPool2d::new(kernel, stride, pad);
            for pool in [pool, pool.without_padding()] {
                check_gradients(&format!("{pool:?} {view:?}"), &inputs, |a| {
                    let x = FeatureMap::from_nchw(a.get(0));
                    flat(pool.forward(x).into_nchw())
                });
            }
        }
        for out in [[1, 1], [3, 2], [7, 6], [9, 4]] {
            check_gradients(&format!("adaptive {out:?} {view:?}"), &inputs, |a| {
                let x = FeatureMap::from_nchw(a.get(0));
                flat(adaptive_avg_pool(x, out).into_nchw())
            });
        }
    }
}

#[test]
fn global_average_pooling() {
    for view in View::ALL {
        let inputs = [Input::laid(&mut Rng(7), &[2, 3, 4, 5], view)];
        check_gradients(&format!("global average {view:?}"), &inputs, |a| {
            flat(common::global_avg_pool(a.get(0)))
        });
    }
}

#[test]
fn linear_layer() {
    let activations = ACTIVATIONS.map(Some);
    for activation in activations.into_iter().chain([None]) {
        for bias in [false, true] {
            for view in View::ALL {
                let mut rng = Rng(8);
                let mut inputs = vec![
                    Input::laid(&mut rng, &[2, 3, 4], view),
                    Input::laid(&mut rng, &[5, 4], view),
                ];
                if bias {
                    inputs.push(Input::normal(&mut rng, &[5]));
                }
                let what = format!("linear {activation:?} {bias} {view:?}");
                check_gradients(&what, &inputs, |a| {
                    let bias = bias.then(|| a.get(2));
                    let x: Tensor<3> = a.get(0);
                    flat(common::linear(x, a.get(1), bias, activation))
                });
            }
        }
    }
}

#[test]
fn activations() {
    for activation in ACTIVATIONS {
        for (scale, view) in [(1.0, View::Dense), (4.0, View::Window)] {
            let inputs = [Input::laid(&mut Rng(9), &[5, 9], view).map(|v| scale * v)];
            check_gradients(&format!("{activation:?} {view:?}"), &inputs, |a| {
                flat(activate::<2>(a.get(0), activation))
            });
        }
    }
}

#[test]
fn layer_norm_and_rms_norm() {
    for view in View::ALL {
        for features in [4, 6, 37] {
            let mut rng = Rng(10);
            let mut inputs = vec![
                Input::laid(&mut rng, &[3, 2, features], view).map(|v| 2.0 * v + 0.5),
                Input::normal(&mut rng, &[features]),
                Input::normal(&mut rng, &[features]),
            ];
            check_gradients(
                &format!("layer norm of {features} {view:?}"),
                &inputs,
                |a| {
                    let affine = [a.get(1), a.get(2)];
                    flat(common::layer_norm::<3>(a.get(0), affine, 1e-5))
                },
            );
            inputs.push(Input::laid(&mut rng, &[3, 2, features], view));
            check_gradients(
                &format!("layer norm of a sum, {features} {view:?}"),
                &inputs,
                |a| {
                    let (x, residual) = (a.get::<3>(0), a.get(3));
                    let affine = [a.get(1), a.get(2)];
                    let (y, sum) = common::layer_norm_add(x, residual, affine, 1e-5);
                    flat(y * sum)
                },
            );
            inputs.truncate(2);
            check_gradients(&format!("rms norm of {features} {view:?}"), &inputs, |a| {
                flat(common::rms_norm::<3>(a.get(0), a.get(1), 1e-6))
            });
        }
    }
}

#[test]
fn dropout_with_a_fixed_seed() {
    for view in View::ALL {
        let inputs = [Input::laid(&mut Rng(11), &[6, 10], view)];
        check_gradients(&format!("dropout {view:?}"), &inputs, |a| {
            flat(common::dropout::<2>(a.get(0), 11, 0.4))
        });
    }
}

#[test]
fn embedding_with_repeated_ids() {
    for view in View::ALL {
        let inputs = [Input::laid(&mut Rng(12), &[7, 5], view)];
        check_gradients(&format!("embedding {view:?}"), &inputs, |a| {
            let ids = integers(&[3, 0, 3, 6, 3, 0], [2, 3], &a.device());
            flat(common::embedding(a.get(0), ids))
        });
    }
}

#[test]
fn attention_causal_and_not() {
    for causal in [false, true] {
        for (batch, seq, heads, dim) in [(2, 5, 2, 3), (1, 19, 1, 8), (1, 37, 2, 5), (1, 70, 1, 17)]
        {
            for view in [View::Dense, View::Window] {
                let shape = [batch, seq, 3 * heads * dim];
                let inputs = [Input::laid(&mut Rng(13), &shape, view)];
                let config = AttentionConfig { heads, causal };
                let what = format!("attention {shape:?} {config:?} {view:?}");
                check_gradients(&what, &inputs, |a| flat(attention(a.get(0), config)));
            }
        }
    }
}

#[test]
fn attention_with_masks_and_fewer_heads_of_keys() {
    for causal in [false, true] {
        for (heads, kv_heads, q_len, kv_len, dim) in
            [(2, 2, 5, 7, 3), (4, 2, 19, 19, 8), (3, 1, 33, 20, 5)]
        {
            let mut rng = Rng(16);
            let keys = [2, kv_len, kv_heads * dim];
            let inputs = [
                Input::laid(&mut rng, &[2, q_len, heads * dim], View::Window),
                Input::normal(&mut rng, &keys),
                Input::laid(&mut rng, &keys, View::Reversed),
            ];
            let config = AttentionConfig { heads, causal };
            let what = format!("attention {keys:?} of {q_len} {config:?}");
            check_gradients(&what, &inputs, |a| {
                let keys = all_but_every(3, [2, kv_len], &a.device());
                flat(cross_attention(
                    a.get(0),
                    a.get(1),
                    a.get(2),
                    Some(keys),
                    config,
                ))
            });
        }
        let inputs = [Input::normal(&mut Rng(17), &[2, 19, 24])];
        let config = AttentionConfig { heads: 2, causal };
        check_gradients(&format!("masked attention {config:?}"), &inputs, |a| {
            let keys = all_but_every(4, [2, 19], &a.device());
            flat(masked_attention(a.get(0), keys, config))
        });
    }
}

#[test]
fn attention_inside_of_segments() {
    let mut rng = Rng(19);
    let inputs = [
        Input::laid(&mut rng, &[1, 24, 12], View::Window),
        Input::normal(&mut rng, &[1, 24, 6]),
        Input::laid(&mut rng, &[1, 24, 6], View::Reversed),
    ];
    check_gradients("segments", &inputs, |a| {
        let y = segment_attention(a.get(0), a.get(1), a.get(2), 4, [5, 1, 18]);
        flat(y)
    });
}

#[test]
fn softmax_and_its_logarithm() {
    for view in View::ALL {
        let inputs = [Input::laid(&mut Rng(18), &[4, 37], view).map(|v| 2.0 * v)];
        check_gradients(&format!("softmax {view:?}"), &inputs, |a| {
            flat(softmax::<2>(a.get(0)))
        });
        check_gradients(&format!("log softmax {view:?}"), &inputs, |a| {
            flat(log_softmax::<2>(a.get(0)))
        });
    }
}

#[test]
fn cross_entropy_with_weights_and_smoothing() {
    let labels = [2, 0, 4, 2];
    for view in View::ALL {
        for smoothing in [0.0, 0.1] {
            for weighted in [false, true] {
                let inputs = [Input::laid(&mut Rng(14), &[4, 5], view).map(|v| 2.0 * v)];
                let what = format!("cross-entropy {smoothing} {weighted} {view:?}");
                check_gradients(&what, &inputs, |a| {
                    let labels = integers(&labels, [4], &a.device());
                    let weights = weighted.then(|| a.constant(&[1.0, 0.5, 2.0, 0.0, 3.0], [5]));
                    common::cross_entropy_sum(a.get(0), labels, weights, smoothing)
                });
            }
        }
    }
}

#[test]
fn losses_of_single_elements() {
    for view in View::ALL {
        let mut rng = Rng(15);
        let inputs = [Input::laid(&mut rng, &[3, 7], view).map(|v| 3.0 * v)];
        let targets: Vec<f64> = (0..21).map(|_| rng.uniform()).collect();
        check_gradients(&format!("binary cross-entropy {view:?}"), &inputs, |a| {
            common::binary_cross_entropy_sum(a.get(0), a.constant(&targets, [3, 7]))
        });
        check_gradients(&format!("squared error {view:?}"), &inputs, |a| {
            common::squared_error_sum(a.get(0), a.constant(&targets, [3, 7]))
        });
    }
}
