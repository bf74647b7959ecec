//! Layers and losses: the one door through which architectures compute.
//!
//! What stands behind a layer (a kernel of ours on the CPU, Burn's own operations elsewhere) can
//! change without touching a model. Parameter names and layouts are PyTorch's: `weight` of a linear
//! layer is `[out, in]`, of a convolution `[out, in / groups, kh, kw]`, a batch norm has `weight`,
//! `bias`, `running_mean`, `running_var`.

mod attention;
mod batch_norm;
mod conv;
mod decoder;
mod dropout;
mod embedding;
mod feature_map;
mod init;
mod layer_norm;
mod linear;
mod loss;
mod pool;
mod softmax;

pub use crate::cpu::rotary::Rotary;
pub use crate::ops::Activation;
pub use attention::{
    AttentionConfig, Segments, attention, cross_attention, masked_attention, segment_attention,
};
pub use batch_norm::BatchNorm;
pub use conv::{Conv2d, ConvSpec, ConvTranspose2d};
pub use decoder::{FrozenLinear, rotary, swiglu};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use feature_map::FeatureMap;
pub use init::Init;
pub use layer_norm::{LayerNorm, RmsNorm};
pub use linear::Linear;
pub use loss::{Labels, binary_cross_entropy, cross_entropy, mse};
pub use pool::{AvgPool2d, MaxPool2d, adaptive_avg_pool, global_avg_pool};
pub use softmax::{log_softmax, softmax};

use crate::ops::DenseOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// An activation of every element.
pub fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    let y = <Dispatch as DenseOps>::activate(x.into_dispatch(), activation);
    Tensor::from_dispatch(y)
}

/// max(x, 0).
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activate(x, Activation::Relu)
}
