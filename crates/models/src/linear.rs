//! Linear and logistic regression.

use crate::config::LinearConfig;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::Linear;

/// One linear layer; its output is a value (regression) or logits (classification).
#[derive(Module, Debug)]
pub struct LinearModel {
    /// The layer.
    pub fc: Linear,
}

impl LinearModel {
    /// `inputs` features to `outputs` values.
    pub fn new(config: &LinearConfig, inputs: usize, outputs: usize, device: &Device) -> Self {
        Self {
            fc: Linear::new(inputs, outputs, config.init, device),
        }
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.fc.forward(x)
    }
}
