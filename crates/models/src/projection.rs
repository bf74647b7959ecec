//! A linear layer that can carry a low-rank adapter.

// `lora_A` and `lora_B` are PEFT's names.
#![allow(non_snake_case)]

use crate::config::LoraTarget;
use crate::fresh::Fresh;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{Activation, Dropout, FrozenLinear, Init, Linear, activate};
use modelwright_kernels::quant::Matrix;

/// The settings of adapters (Hu et al. 2022, "LoRA").
#[derive(Debug, Clone, PartialEq)]
pub struct Lora {
    /// Columns of B and rows of A.
    pub rank: usize,
    /// Changes are multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Share of what goes into A that is set to zero while training.
    pub dropout: f64,
    /// The layers that get one.
    pub targets: Vec<LoraTarget>,
}

impl Lora {
    /// What the product of the two matrices is multiplied by.
    pub fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }
}

/// `y = act(W x + b + scale B A x)`; without an adapter a plain linear layer.
///
/// The adapter's parameters have the names that PEFT gives them. The weight is a parameter, or stays
/// as a file stores it and is none.
#[derive(Module, Debug)]
pub struct Projection {
    weight: Option<Param<Tensor<2>>>,
    bias: Option<Param<Tensor<1>>>,
    lora_A: Option<Linear>,
    lora_B: Option<Linear>,
    #[module(skip)]
    frozen: Option<FrozenLinear>,
    scale: f64,
    dropout: Dropout,
}

impl Projection {
    pub(crate) fn new(inputs: usize, outputs: usize, fresh: Fresh) -> Self {
        let bias = Some(fresh.bias(outputs));
        Self::of(fresh.weight([outputs, inputs]), bias)
    }

    /// With these parameters.
    pub(crate) fn of(weight: Param<Tensor<2>>, bias: Option<Param<Tensor<1>>>) -> Self {
        Self {
            weight: Some(weight),
            bias,
            ..Self::empty()
        }
    }

    /// With a weight that is not trained and no parameter.
    pub(crate) fn frozen_of(weight: Matrix, bias: Option<Param<Tensor<1>>>) -> Self {
        Self {
            weight: None,
            bias,
            frozen: Some(FrozenLinear::new(weight)),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            weight: None,
            bias: None,
            lora_A: None,
            lora_B: None,
            frozen: None,
            scale: 1.0,
            dropout: Dropout::new(0.0),
        }
    }

    /// With an adapter that changes nothing yet: A as PyTorch draws a linear layer (PEFT's default), B
    /// zero. Only the adapter is trained.
    pub(crate) fn adapted(self, lora: &Lora, device: &Device) -> Self {
        let [outputs, inputs] = self.size();
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

    /// Outputs and inputs.
    fn size(&self) -> [usize; 2] {
        match (&self.weight, &self.frozen) {
            (Some(weight), _) => weight.dims(),
            (None, Some(frozen)) => [frozen.matrix().rows(), frozen.matrix().cols()],
            (None, None) => unreachable!("a projection has a weight"),
        }
    }

    /// The weight, where it is no parameter.
    pub(crate) fn frozen(&self) -> Option<&Matrix> {
        self.frozen.as_ref().map(FrozenLinear::matrix)
    }

    /// What the product of the adapter's matrices is multiplied by, if there is one.
    pub(crate) fn scale(&self) -> Option<f64> {
        self.lora_A.as_ref().map(|_| self.scale)
    }

    /// `[…, in]` to `[…, out]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let change = self.adapter(&x);
        let y = self.linear(x, None);
        match change {
            Some(change) => y + change,
            None => y,
        }
    }

    /// The same with an activation.
    pub(crate) fn forward_activated(&self, x: Tensor<3>, activation: Activation) -> Tensor<3> {
        match self.adapter(&x) {
            Some(change) => activate(self.linear(x, None) + change, activation),
            None => self.linear(x, Some(activation)),
        }
    }

    /// Without the adapter.
    fn linear(&self, x: Tensor<3>, activation: Option<Activation>) -> Tensor<3> {
        if let Some(frozen) = &self.frozen {
            let y = frozen.forward(x);
            let y = match &self.bias {
                Some(bias) => y + bias.val().unsqueeze(),
                None => y,
            };
            return match activation {
                Some(activation) => activate(y, activation),
                None => y,
            };
        }
        let Some(weight) = &self.weight else {
            unreachable!("a projection has a weight")
        };
        let linear = Linear {
            weight: weight.clone(),
            bias: self.bias.clone(),
        };
        match activation {
            Some(activation) => linear.forward_activated(x, activation),
            None => linear.forward(x),
        }
    }

    fn adapter(&self, x: &Tensor<3>) -> Option<Tensor<3>> {
        let (a, b) = (self.lora_A.as_ref()?, self.lora_B.as_ref()?);
        let low = a.forward(self.dropout.forward(x.clone()));
        Some(b.forward(low.mul_scalar(self.scale)))
    }
}
