//! A linear layer that can carry a low-rank adapter.

// `lora_A` and `lora_B` are PEFT's names.
#![allow(non_snake_case)]

use super::fresh::Fresh;
use crate::config::LoraTarget;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{Activation, Dropout, Init, Linear, activate};

/// The settings of adapters (Hu et al. 2022, "LoRA").
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lora {
    pub(crate) rank: usize,
    pub(crate) alpha: f64,
    pub(crate) dropout: f64,
    pub(crate) targets: Vec<LoraTarget>,
}

impl Lora {
    /// What the product of the two matrices is multiplied by.
    pub(crate) fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }
}

/// `y = act(W x + b + scale B A x)`; without an adapter a plain linear layer.
///
/// The adapter's parameters have the names that PEFT gives them.
#[derive(Module, Debug)]
pub struct Projection {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
    lora_A: Option<Linear>,
    lora_B: Option<Linear>,
    scale: f64,
    dropout: Dropout,
}

impl Projection {
    pub(super) fn new(inputs: usize, outputs: usize, fresh: Fresh) -> Self {
        Self {
            weight: fresh.weight([outputs, inputs]),
            bias: Some(fresh.bias(outputs)),
            lora_A: None,
            lora_B: None,
            scale: 1.0,
            dropout: Dropout::new(0.0),
        }
    }

    /// With an adapter that changes nothing yet: A as PyTorch draws a linear layer (PEFT's default), B
    /// zero. Only the adapter is trained.
    pub(super) fn adapted(self, lora: &Lora, device: &Device) -> Self {
        let [outputs, inputs] = self.weight.dims();
        let fresh = Fresh {
            device,
            blank: true,
        };
        let a = Linear::without_bias(inputs, lora.rank, Init::Default, device);
        let b = Linear {
            weight: fresh.weight([outputs, lora.rank]),
            bias: None,
        };
        Self {
            lora_A: Some(a),
            lora_B: Some(b),
            scale: lora.scale(),
            dropout: Dropout::new(lora.dropout),
            ..self.no_grad()
        }
    }

    /// `[…, in]` to `[…, out]`.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let linear = self.linear();
        match self.adapter(&x) {
            Some(change) => linear.forward(x) + change,
            None => linear.forward(x),
        }
    }

    /// The same with an activation.
    pub(super) fn forward_activated(&self, x: Tensor<3>, activation: Activation) -> Tensor<3> {
        let linear = self.linear();
        match self.adapter(&x) {
            Some(change) => activate(linear.forward(x) + change, activation),
            None => linear.forward_activated(x, activation),
        }
    }

    fn linear(&self) -> Linear {
        Linear {
            weight: self.weight.clone(),
            bias: self.bias.clone(),
        }
    }

    fn adapter(&self, x: &Tensor<3>) -> Option<Tensor<3>> {
        let (a, b) = (self.lora_A.as_ref()?, self.lora_B.as_ref()?);
        let low = a.forward(self.dropout.forward(x.clone()));
        Some(b.forward(low.mul_scalar(self.scale)))
    }
}
