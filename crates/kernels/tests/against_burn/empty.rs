//! Batches of nothing.

use crate::common::{self, Args, Input, Rng, flat, integers, run};
use crate::{ACTIVATIONS, nchw};
use burn::tensor::{DType, Tensor};
use modelwright_kernels::nn::{
    AttentionConfig, AvgPool2d, FeatureMap, activate, adaptive_avg_pool, attention,
    cross_attention, softmax,
};
use modelwright_kernels::ops::{ConvShape, NormConfig, PoolShape};

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
    check_empty("average pool", &[&[3, 8, 8, 5]], |a| {
        let x = FeatureMap::from_nchw(nchw(a.get(0)));
        flat(AvgPool2d::new(3, 2, 1).forward(x).into_nchw())
    });
    check_empty("adaptive average", &[&[3, 8, 8, 5]], |a| {
        let x = FeatureMap::from_nchw(nchw(a.get(0)));
        flat(adaptive_avg_pool(x, [3, 2]).into_nchw())
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
    let sums: [&[usize]; 3] = [&[3, 5, 40], &[40], &[40]];
    check_empty("layer norm of a sum", &sums, |a| {
        let (x, affine) = (a.get::<3>(0), [a.get(1), a.get(2)]);
        flat(common::layer_norm_add(x.clone(), x, affine, 1e-5).0)
    });
    check_empty("softmax", &[&[3, 10]], |a| flat(softmax::<2>(a.get(0))));
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
    check_empty("attention of three tensors", &[&[3, 9, 24]], |a| {
        let config = AttentionConfig {
            heads: 2,
            causal: false,
        };
        let x: Tensor<3> = a.get(0);
        flat(cross_attention(x.clone(), x.clone(), x, None, config))
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
