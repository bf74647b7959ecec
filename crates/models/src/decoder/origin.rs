//! Where the weights of a network that is being built come from.

use super::config::DecoderConfig;
use super::layers::{Norm, Table};
use super::lora::{self, Base};
use super::model::LanguageModel;
use super::stored::Stored;
use crate::error::ModelError;
use crate::fresh::Fresh;
use crate::projection::{Lora, Projection};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_kernels::nn::RmsNorm;
use modelwright_kernels::quant::Matrix;

/// Gives each layer its weights, by the layer's name.
pub(super) enum Origin<'a> {
    /// Drawn: N(0, 0.02²), what a block adds to the stream smaller the more blocks there are (Radford
    /// et al. 2019).
    Drawn {
        config: &'a DecoderConfig,
        device: &'a Device,
    },
    /// Those of a model, all of which are trained.
    Trained {
        model: &'a LanguageModel,
        device: &'a Device,
    },
    /// Those of a model, which stay; adapters are trained.
    Adapted {
        model: &'a LanguageModel,
        base: Base,
        lora: &'a Lora,
        device: &'a Device,
    },
}

impl<'a> Origin<'a> {
    fn device(&self) -> &'a Device {
        match self {
            Self::Drawn { device, .. }
            | Self::Trained { device, .. }
            | Self::Adapted { device, .. } => device,
        }
    }

    fn fresh(&self) -> Fresh<'a> {
        Fresh {
            device: self.device(),
            blank: false,
        }
    }

    /// A linear layer from `inputs` to `outputs` features.
    pub fn linear(
        &self,
        name: &str,
        [outputs, inputs]: [usize; 2],
        bias: bool,
    ) -> Result<Projection, ModelError> {
        let weight_name = format!("{name}.weight");
        let bias = match bias {
            true => Some(self.vector(&format!("{name}.bias"), outputs, 0.0)?),
            false => None,
        };
        Ok(match self {
            Self::Drawn { config, device } => {
                let weight = self.fresh().weight([outputs, inputs]);
                let narrowing = name.ends_with(".o_proj") || name.ends_with(".down_proj");
                let factor = match narrowing {
                    true => (2.0 * config.layers as f32).sqrt().recip(),
                    false => 1.0,
                };
                Projection::of(scaled(weight, factor, device), bias)
            }
            Self::Trained { model, device } => {
                Projection::of(parameter(&model.tensor(&weight_name)?, device), bias)
            }
            Self::Adapted {
                model,
                base,
                lora,
                device,
            } => {
                let weight = frozen(base.keep(model.tensor(&weight_name)?), &weight_name)?;
                let linear = Projection::frozen_of(weight, bias);
                match lora::adapts(lora, name) {
                    true => linear.adapted(lora, device),
                    false => linear,
                }
            }
        })
    }

    /// A table of `rows` vectors.
    pub fn table(&self, name: &str, [rows, features]: [usize; 2]) -> Result<Table, ModelError> {
        let name = format!("{name}.weight");
        Ok(match self {
            Self::Drawn { .. } => Table::trained(self.fresh().weight([rows, features])),
            Self::Trained { model, device } => {
                Table::trained(parameter(&model.tensor(&name)?, device))
            }
            Self::Adapted { model, base, .. } => {
                Table::frozen(frozen(base.keep(model.tensor(&name)?), &name)?)
            }
        })
    }

    /// The norm of a row of features.
    pub fn norm(&self, name: &str, config: &DecoderConfig) -> Result<Norm, ModelError> {
        if !config.family.layer_norm() {
            return Ok(Norm::Rms(self.rms_norm(
                name,
                config.hidden,
                config.epsilon,
            )?));
        }
        let mut norm = self.fresh().norm(config.hidden, config.epsilon);
        norm.weight = self.vector(&format!("{name}.weight"), config.hidden, 1.0)?;
        norm.bias = self.vector(&format!("{name}.bias"), config.hidden, 0.0)?;
        Ok(Norm::Layer(norm))
    }

    /// The norm of `features` features.
    pub fn rms_norm(
        &self,
        name: &str,
        features: usize,
        epsilon: f64,
    ) -> Result<RmsNorm, ModelError> {
        let mut norm = RmsNorm::new(features, epsilon, self.device());
        norm.weight = self.vector(&format!("{name}.weight"), features, 1.0)?;
        Ok(norm)
    }

    /// A vector of parameters; `start` is what it is where nothing is loaded.
    fn vector(&self, name: &str, size: usize, start: f32) -> Result<Param<Tensor<1>>, ModelError> {
        let (values, stays) = match self {
            Self::Drawn { .. } => (vec![start; size], false),
            Self::Trained { model, .. } => (model.values(name)?, false),
            Self::Adapted { model, .. } => (model.values(name)?, true),
        };
        let vector = Param::from_data(TensorData::new(values, [size]), self.device());
        Ok(match stays {
            true => vector.no_grad(),
            false => vector,
        })
    }
}

fn parameter(stored: &Stored, device: &Device) -> Param<Tensor<2>> {
    let data = TensorData::new(stored.values(), stored.shape.clone());
    Param::from_data(data, device)
}

fn frozen(stored: Stored, name: &str) -> Result<Matrix, ModelError> {
    let [rows, columns] = stored.shape[..] else {
        return Err(unusable(name, "it is no matrix".into()));
    };
    let matrix = Matrix::new(stored.format, rows, columns, &stored.bytes);
    matrix.map_err(|problem| unusable(name, problem))
}

fn unusable(name: &str, problem: String) -> ModelError {
    ModelError::Weights {
        path: name.into(),
        problem,
    }
}

/// A parameter with smaller numbers.
fn scaled(weight: Param<Tensor<2>>, factor: f32, device: &Device) -> Param<Tensor<2>> {
    if factor == 1.0 {
        return weight;
    }
    let data = weight.val().into_data();
    let shape = data.shape().to_vec();
    let values: Vec<f32> = data.iter::<f32>().map(|x| x * factor).collect();
    Param::from_data(TensorData::new(values, shape), device)
}
