//! Softmax alone; losses have their own.

use crate::ops::SoftmaxOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// `e^x / Σ e^x` over the last dimension.
pub fn softmax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    apply(x, false)
}

/// `x - ln Σ e^x` over the last dimension.
pub fn log_softmax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    apply(x, true)
}

fn apply<const D: usize>(x: Tensor<D>, log: bool) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as SoftmaxOps>::softmax_rows(
        x.into_dispatch(),
        log,
    ))
}
