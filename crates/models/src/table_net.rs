//! Every architecture that takes a row of numbers, behind one forward pass.

use crate::catalog::{self, Input};
use crate::config::ModelConfig;
use crate::{LinearModel, Mlp, ModelError, size};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// A network from feature rows to logits or values.
#[derive(Module, Debug)]
pub enum TableNet {
    /// Linear or logistic regression.
    Linear(LinearModel),
    /// Perceptron.
    Mlp(Mlp),
}

impl TableNet {
    /// Builds `config` for rows of `inputs` features, with fresh weights.
    pub fn new(
        config: &ModelConfig,
        inputs: usize,
        outputs: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        catalog::check_input(config, Input::Row)?;
        size::check(config, &[inputs], outputs)?;
        match config {
            ModelConfig::Linear(c) => {
                Ok(Self::Linear(LinearModel::new(c, inputs, outputs, device)))
            }
            ModelConfig::Mlp(c) => Ok(Self::Mlp(Mlp::new(c, inputs, outputs, device)?)),
            other => Err(catalog::wrong_input(other, Input::Row)),
        }
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(m) => m.forward(x),
            Self::Mlp(m) => m.forward(x),
        }
    }
}
