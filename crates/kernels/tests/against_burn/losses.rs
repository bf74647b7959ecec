//! Losses.

use crate::common::{self, Input, Rng, View, integers};
use crate::{SHAPES, compare};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use modelwright_kernels::nn::{Labels, cross_entropy};

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
