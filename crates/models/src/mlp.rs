//! The multilayer perceptron.

use crate::config::MlpConfig;
use crate::error::ModelError;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{Activation, BatchNorm, Dropout, Linear};

/// Widest hidden layer that is accepted; a typing error should not ask for terabytes.
const MAX_WIDTH: usize = 65_536;

/// Linear layers with ReLU between them; dropout and batch norm on the hidden ones if asked.
#[derive(Module, Debug)]
pub struct Mlp {
    /// The linear layers; the last is the head.
    pub layers: Vec<Linear>,
    /// One norm for each hidden layer, or none.
    pub norms: Vec<BatchNorm>,
    /// Applied after each hidden ReLU.
    pub dropout: Dropout,
}

impl Mlp {
    /// `inputs` features through `config.hidden` to `outputs` values.
    pub fn new(
        config: &MlpConfig,
        inputs: usize,
        outputs: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        if let Some(width) = config.hidden.iter().find(|w| **w == 0 || **w > MAX_WIDTH) {
            return Err(ModelError::Config {
                key: "hidden",
                problem: format!("a width of {width} is outside 1 to {MAX_WIDTH}"),
            });
        }
        let mut sizes = vec![inputs];
        sizes.extend(&config.hidden);
        sizes.push(outputs);
        let norms = match config.batch_norm {
            true => config
                .hidden
                .iter()
                .map(|w| BatchNorm::new(*w, device))
                .collect(),
            false => Vec::new(),
        };
        Ok(Self {
            layers: sizes
                .windows(2)
                .map(|s| Linear::new(s[0], s[1], config.init, device))
                .collect(),
            norms,
            dropout: dropout(config.dropout)?,
        })
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.layers[self.layers.len() - 1].forward(self.hidden(x))
    }

    /// What the head sees: the last hidden layer, or the inputs if there is none.
    pub fn hidden(&self, mut x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        for (i, layer) in self.layers[..last].iter().enumerate() {
            x = match self.norms.get(i) {
                Some(norm) => norm.forward_rows(layer.forward(x), true),
                None => layer.forward_activated(x, Activation::Relu),
            };
            x = self.dropout.forward(x);
        }
        x
    }
}

/// A dropout layer, or an error that says what is allowed.
pub(crate) fn dropout(probability: f64) -> Result<Dropout, ModelError> {
    if !(0.0..1.0).contains(&probability) {
        return Err(ModelError::Config {
            key: "dropout",
            problem: format!("{probability} is outside 0 (none) up to but not including 1"),
        });
    }
    Ok(Dropout::new(probability))
}
