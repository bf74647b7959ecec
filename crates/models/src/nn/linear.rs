//! The fully connected layer.

use super::Init;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// `y = x Wᵀ + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`, as PyTorch stores it.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// A layer from `inputs` to `outputs` features, drawn with `init`.
    pub fn new(inputs: usize, outputs: usize, init: Init, device: &Device) -> Self {
        Self {
            weight: init.weight([outputs, inputs], inputs, outputs, device),
            bias: init.bias(outputs, inputs, device),
        }
    }

    /// `[batch, in]` to `[batch, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val().transpose()) + self.bias.val().unsqueeze()
    }
}
