//! Operations against Burn's own, in f32, over random shapes and layouts.

#[path = "../common/mod.rs"]
mod common;

mod convolutions;
mod empty;
mod losses;
mod norms;
mod pooling;
mod rows;
mod sequences;

use burn::tensor::{DType, Tensor};
use common::{Args, Input, assert_close, flat, run};
use modelwright_kernels::nn::Activation;

/// Random shapes for each operation.
pub const SHAPES: usize = 30;
/// Difference that is accepted, as a share of the largest value.
pub const TOLERANCE: f64 = 1e-4;

/// Compares outputs and gradients.
pub fn compare(
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
pub fn lined(y: Tensor<4>, turned: bool) -> Tensor<1> {
    flat(if turned { y.permute([3, 1, 0, 2]) } else { y })
}

/// `[n, h, w, c]` as `[n, c, h, w]`.
pub fn nchw(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

/// `[n, c, h, w]` as `[n, h, w, c]`.
pub fn nhwc(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// A row as a tensor of rank `D` to be broadcast.
pub fn row<const D: usize>(x: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[D - 1] = x.dims()[0];
    x.reshape(shape)
}

/// All of them.
pub const ACTIVATIONS: [Activation; 6] = [
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
];
