//! Convolutions, batch norm and pooling.

use crate::common;
use crate::{Op, Seen, op, row, turned};
use burn::tensor::Tensor;
use burn::tensor::activation as burn_activation;
use burn::tensor::module as burn_module;
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use modelwright_kernels::nn::{AvgPool2d, FeatureMap};
use modelwright_kernels::ops::{ConvShape, NormConfig, PoolShape};

/// All of them.
pub fn operations() -> Vec<Op> {
    let all = [convolutions(), batch_norms(), pools()];
    all.into_iter().flatten().collect()
}

fn nchw(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

fn nhwc(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// Convolutions: Winograd, direct, strided, in groups, depthwise, single pixels, transposed.
fn convolutions() -> Vec<Op> {
    // Channels in and out, kernel, stride, groups.
    let sizes = [
        [32, 32, 3, 1, 1],
        [3, 20, 3, 1, 1],
        [17, 33, 3, 2, 1],
        [3, 16, 7, 2, 1],
        [20, 24, 1, 1, 1],
        [20, 24, 1, 2, 1],
        [12, 18, 3, 1, 3],
        [24, 24, 3, 1, 24],
    ];
    let conv = |[from, to, kernel, stride, groups]: [usize; 5]| {
        let pad = kernel / 2;
        op(
            format!("conv {kernel}x{kernel} of {from} in {groups} to {to}, stride {stride}"),
            move |batch| {
                let weight = vec![to, from / groups, kernel, kernel];
                vec![vec![batch, 9, 8, from], weight, vec![to]]
            },
            move |s| {
                let shape = ConvShape {
                    stride: [stride; 2],
                    pad: [pad; 4],
                    dilation: [1; 2],
                    groups,
                };
                turned(common::conv2d(s.get(0), s.get(1), Some(s.get(2)), shape))
            },
            move |s| {
                let options = ConvOptions::new([stride; 2], [pad; 2], [1; 2], groups);
                let x = nchw(s.get(0));
                turned(nhwc(burn_module::conv2d(
                    x,
                    s.get(1),
                    Some(s.get(2)),
                    options,
                )))
            },
        )
    };
    let transposed = op(
        "transposed conv",
        |batch| vec![vec![batch, 5, 4, 18], vec![18, 20, 2, 2], vec![20]],
        |s| {
            turned(common::conv_transpose2d(
                s.get(0),
                s.get(1),
                Some(s.get(2)),
                2,
            ))
        },
        |s| {
            let options = ConvTransposeOptions::new([2; 2], [0; 2], [0; 2], [1; 2], 1);
            let x = nchw(s.get(0));
            turned(nhwc(burn_module::conv_transpose2d(
                x,
                s.get(1),
                Some(s.get(2)),
                options,
            )))
        },
    );
    sizes.into_iter().map(conv).chain([transposed]).collect()
}

/// Batch norm with a residual and a ReLU, with the statistics of the batch and with fixed ones.
fn batch_norms() -> Vec<Op> {
    const CONFIG: NormConfig = NormConfig {
        epsilon: 1e-5,
        relu: true,
    };
    let shapes = |batch| {
        let x = vec![batch, 6, 5, 19];
        vec![x.clone(), vec![19], vec![19], x]
    };
    let normed = |s: &Seen, mean: Tensor<4>, variance: Tensor<4>| {
        let x = (s.get::<4>(0) - mean) / variance.add_scalar(CONFIG.epsilon).sqrt();
        let y = x * row::<4>(s.get(1)) + row::<4>(s.get(2)) + s.get::<4>(3);
        turned(burn_activation::relu(y))
    };
    let trained = op(
        "batch norm",
        shapes,
        |s| {
            let affine = [s.get(1), s.get(2)];
            turned(common::batch_norm_train::<4>(s.get(0), affine, Some(s.get(3)), CONFIG).0)
        },
        move |s| {
            let x: Tensor<4> = s.get(0);
            let mean = |x: Tensor<4>| x.mean_dim(0).mean_dim(1).mean_dim(2);
            let center = mean(x.clone());
            let x = x - center.clone();
            normed(s, center, mean(x.clone() * x))
        },
    );
    let fixed = |s: &Seen| [0.5, 2.0].map(|v| s.args.constant(&[v; 19], [19]));
    let frozen = op(
        "frozen batch norm",
        shapes,
        move |s| {
            let affine = [s.get(1), s.get(2)];
            turned(common::batch_norm::<4>(
                s.get(0),
                affine,
                fixed(s),
                Some(s.get(3)),
                CONFIG,
            ))
        },
        move |s| {
            let [mean, variance] = fixed(s);
            normed(s, row(mean), row(variance))
        },
    );
    vec![trained, frozen]
}

fn pools() -> Vec<Op> {
    let shapes = |batch| vec![vec![batch, 9, 7, 21]];
    let largest = op(
        "max pool",
        shapes,
        |s| {
            let pool = PoolShape {
                kernel: 3,
                stride: 2,
                pad: 1,
            };
            turned(common::max_pool2d(s.get(0), pool))
        },
        |s| {
            let options = MaxPoolOptions::new([3; 2])
                .with_stride([2; 2])
                .with_padding([1; 2]);
            turned(nhwc(burn_module::max_pool2d(nchw(s.get(0)), options)))
        },
    );
    let average = op(
        "average pool",
        shapes,
        |s| {
            let x = FeatureMap::from_nchw(nchw(s.get(0)));
            turned(nhwc(AvgPool2d::new(2, 2, 0).forward(x).into_nchw()))
        },
        |s| {
            let options = AvgPoolOptions {
                kernel_size: [2; 2],
                stride: [2; 2],
                padding: [(0, 0); 2],
                count_include_pad: true,
                ceil_mode: false,
            };
            let y = burn_module::avg_pool2d(nchw(s.get(0)), options);
            turned(nhwc(y))
        },
    );
    let global = op(
        "global average",
        shapes,
        |s| turned(common::global_avg_pool(s.get(0))),
        |s| {
            let y = s.get::<4>(0).mean_dim(1).mean_dim(2);
            turned::<2>(y.squeeze_dims(&[1, 2]))
        },
    );
    vec![largest, average, global]
}
