//! Pictures between the layers of a network.

use super::{Activation, activate};
use burn::tensor::Tensor;

/// A batch of pictures or feature maps.
///
/// Channels come last in memory: the products of a convolution, the sums of a batch norm and the
/// windows of a pooling then all run over neighbouring numbers. The type keeps a network in this
/// layout from its first layer to its last; outside of networks pictures are `[batch, channels,
/// height, width]`, as in PyTorch.
#[derive(Debug, Clone)]
pub struct FeatureMap(pub(crate) Tensor<4>);

impl FeatureMap {
    /// From `[batch, channels, height, width]`.
    pub fn from_nchw(x: Tensor<4>) -> Self {
        Self(x.permute([0, 2, 3, 1]))
    }

    /// As `[batch, channels, height, width]`.
    pub fn into_nchw(self) -> Tensor<4> {
        self.0.permute([0, 3, 1, 2])
    }

    /// `[batch, channels, height, width]`.
    pub fn dims(&self) -> [usize; 4] {
        let [n, h, w, c] = self.0.dims();
        [n, c, h, w]
    }

    /// max(x, 0).
    pub fn relu(self) -> Self {
        Self(activate(self.0, Activation::Relu))
    }

    /// Maps of one size, channel beside channel.
    pub fn concat(maps: Vec<Self>) -> Self {
        Self(Tensor::cat(maps.into_iter().map(|m| m.0).collect(), 3))
    }
}
