//! The fully connected layer.

use super::{Activation, Init};
use crate::ops::DenseOps;
use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// `y = act(x Wᵀ + b)`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`, as PyTorch stores it.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A layer from `inputs` to `outputs` features, drawn with `init`.
    pub fn new(inputs: usize, outputs: usize, init: Init, device: &Device) -> Self {
        Self {
            bias: Some(init.bias(outputs, inputs, device)),
            ..Self::without_bias(inputs, outputs, init, device)
        }
    }

    /// A layer without a bias.
    pub fn without_bias(inputs: usize, outputs: usize, init: Init, device: &Device) -> Self {
        Self {
            weight: init.weight([outputs, inputs], inputs, outputs, device),
            bias: None,
        }
    }

    /// `[…, in]` to `[…, out]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.apply(x, None)
    }

    /// The same with an activation in the same pass over memory.
    pub fn forward_activated<const D: usize>(
        &self,
        x: Tensor<D>,
        activation: Activation,
    ) -> Tensor<D> {
        self.apply(x, Some(activation))
    }

    fn apply<const D: usize>(&self, x: Tensor<D>, activation: Option<Activation>) -> Tensor<D> {
        let bias = self.bias.as_ref().map(|b| b.val().into_dispatch());
        let y = <Dispatch as DenseOps>::linear_rows(
            x.into_dispatch(),
            self.weight.val().into_dispatch(),
            bias.into(),
            activation,
        );
        Tensor::from_dispatch(y)
    }
}
