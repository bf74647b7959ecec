//! Pooling.

use crate::common::{self, Input, Rng, View, flat};
use crate::{SHAPES, compare, lined, nchw, nhwc};
use burn::tensor::module as burns;
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use modelwright_kernels::nn::{AvgPool2d, FeatureMap, adaptive_avg_pool};
use modelwright_kernels::ops::PoolShape;

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

#[test]
fn average_pooling() {
    let mut rng = Rng(38);
    for i in 0..SHAPES {
        let kernel = rng.between(1, 5);
        let (stride, pad) = (rng.between(1, 3), rng.below(kernel / 2 + 1));
        let x = [
            rng.between(1, 3),
            kernel + rng.below(8),
            kernel + rng.below(8),
            rng.between(1, 70),
        ];
        let (view, include, turned) = (rng.pick(&View::ALL), rng.coin(), i % 3 == 0);
        let inputs = [Input::laid(&mut rng, &x, view)];
        compare(
            &format!("average pool {x:?} {kernel} {stride} {pad} {include} {view:?}"),
            &inputs,
            |a| {
                let pool = AvgPool2d::new(kernel, stride, pad);
                let pool = if include {
                    pool
                } else {
                    pool.without_padding()
                };
                let x = FeatureMap::from_nchw(nchw(a.get(0)));
                lined(nhwc(pool.forward(x).into_nchw()), turned)
            },
            |a| {
                let options = AvgPoolOptions {
                    kernel_size: [kernel; 2],
                    stride: [stride; 2],
                    padding: [(pad, pad); 2],
                    count_include_pad: include,
                    ceil_mode: false,
                };
                lined(nhwc(burns::avg_pool2d(nchw(a.get(0)), options)), turned)
            },
        );
    }
}

#[test]
fn adaptive_average_pooling() {
    let mut rng = Rng(39);
    for i in 0..SHAPES {
        let x: [usize; 4] = [3, 12, 12, 70].map(|most| rng.between(1, most));
        let out = [rng.between(1, 2 * x[1]), rng.between(1, x[2])];
        let (view, turned) = (rng.pick(&View::ALL), i % 3 == 0);
        let inputs = [Input::laid(&mut rng, &x, view)];
        compare(
            &format!("adaptive average {x:?} to {out:?} {view:?}"),
            &inputs,
            |a| {
                let x = FeatureMap::from_nchw(nchw(a.get(0)));
                lined(nhwc(adaptive_avg_pool(x, out).into_nchw()), turned)
            },
            |a| {
                lined(
                    nhwc(burns::adaptive_avg_pool2d(nchw(a.get(0)), out)),
                    turned,
                )
            },
        );
    }
}
