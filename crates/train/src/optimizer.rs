//! Optimizers: update rules behind the recipe's names, with PyTorch's defaults, and their saved state.

use crate::error::TrainError;
use burn::tensor::{Device, TensorData};
use modelwright_kernels::optim::{self, Optimizer, Rule, Saved};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Which update rule, with that rule's own settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum OptimizerConfig {
    /// Stochastic gradient descent; a batch as large as the data makes it full-batch descent.
    Sgd(Sgd),
    /// Adam with bias correction (Kingma & Ba 2015); weight decay is added to the gradient.
    Adam(Adam),
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    Adamw(AdamW),
    /// RMSprop (Hinton 2012): the step is divided by a running root mean square.
    Rmsprop(RmsProp),
}

/// Settings of `sgd`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Step size.
    pub learning_rate: f64,
    /// Share of the velocity that is kept in each step; 0 is plain descent.
    pub momentum: f64,
    /// Look ahead along the velocity (Nesterov).
    pub nesterov: bool,
    /// Average the gradients, v = γv + (1-γ)g, instead of adding them up, v = γv + g.
    pub averaging: bool,
    /// Pull of the weights towards 0 (L2).
    pub weight_decay: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            momentum: 0.9,
            nesterov: false,
            averaging: false,
            weight_decay: 0.0,
        }
    }
}

/// Settings of `adam`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f64,
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean square.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Pull of the weights towards 0 (L2, added to the gradient).
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Settings of `adamw`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// Step size.
    pub learning_rate: f64,
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean square.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Pull of the weights towards 0, apart from the gradient.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// Settings of `rmsprop`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    /// Step size.
    pub learning_rate: f64,
    /// Memory of the mean square.
    pub alpha: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Share of the velocity that is kept in each step.
    pub momentum: f64,
    /// Divide by the deviation from the mean instead of the root mean square.
    pub centered: bool,
    /// Pull of the weights towards 0 (L2).
    pub weight_decay: f64,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            learning_rate: 1e-2,
            alpha: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            centered: false,
            weight_decay: 0.0,
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam(Adam::default())
    }
}

impl OptimizerConfig {
    /// The base learning rate.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(c) => c.learning_rate,
            Self::Adam(c) => c.learning_rate,
            Self::Adamw(c) => c.learning_rate,
            Self::Rmsprop(c) => c.learning_rate,
        }
    }

    /// The optimizer, or an error that names the first setting out of range.
    pub fn build(&self) -> Result<Optimizer, TrainError> {
        self.check()?;
        let rule = match self {
            Self::Sgd(c) => Rule::Sgd(optim::Sgd {
                lr: c.learning_rate,
                momentum: c.momentum,
                dampening: 0.0,
                nesterov: c.nesterov,
                weight_decay: c.weight_decay,
                averaging: c.averaging,
            }),
            Self::Adam(c) => Rule::Adam(optim::Adam {
                lr: c.learning_rate,
                beta1: c.beta1,
                beta2: c.beta2,
                eps: c.epsilon,
                weight_decay: c.weight_decay,
                decoupled: false,
            }),
            Self::Adamw(c) => Rule::Adam(optim::Adam {
                lr: c.learning_rate,
                beta1: c.beta1,
                beta2: c.beta2,
                eps: c.epsilon,
                weight_decay: c.weight_decay,
                decoupled: true,
            }),
            Self::Rmsprop(c) => Rule::RmsProp(optim::RmsProp {
                lr: c.learning_rate,
                alpha: c.alpha,
                eps: c.epsilon,
                momentum: c.momentum,
                centered: c.centered,
                weight_decay: c.weight_decay,
            }),
        };
        Ok(Optimizer::new(rule))
    }

    fn check(&self) -> Result<(), TrainError> {
        let fail = |key: &str, problem: &str| {
            Err(TrainError::Setting {
                key: format!("optimizer.{key}"),
                problem: problem.into(),
            })
        };
        let rate = self.learning_rate();
        if !(rate > 0.0 && rate.is_finite()) {
            return fail("learning_rate", "must be a number above 0");
        }
        let shares: &[(&str, f64)] = match self {
            Self::Sgd(c) => &[("momentum", c.momentum)],
            Self::Adam(Adam { beta1, beta2, .. }) | Self::Adamw(AdamW { beta1, beta2, .. }) => {
                &[("beta1", *beta1), ("beta2", *beta2)]
            }
            Self::Rmsprop(c) => &[("alpha", c.alpha), ("momentum", c.momentum)],
        };
        let amounts: &[(&str, f64)] = match self {
            Self::Sgd(c) => &[("weight_decay", c.weight_decay)],
            Self::Adam(Adam {
                epsilon,
                weight_decay,
                ..
            })
            | Self::Adamw(AdamW {
                epsilon,
                weight_decay,
                ..
            })
            | Self::Rmsprop(RmsProp {
                epsilon,
                weight_decay,
                ..
            }) => &[("epsilon", *epsilon), ("weight_decay", *weight_decay)],
        };
        if let Some((key, _)) = amounts.iter().find(|(_, v)| !(*v >= 0.0 && v.is_finite())) {
            return fail(key, "must be a number of at least 0");
        }
        if let Some((key, _)) = shares.iter().find(|(_, v)| !(0.0..1.0).contains(v)) {
            return fail(key, "must be from 0 up to but not including 1");
        }
        match self {
            Self::Sgd(c) if c.nesterov && (c.momentum == 0.0 || c.averaging) => {
                fail("nesterov", "needs a momentum above 0 and no averaging")
            }
            _ => Ok(()),
        }
    }
}

/// The state of an optimizer as a safetensors buffer: one flat tensor for each slot of each parameter
/// (see [`modelwright_models::weights::assign_ids`]), and the numbers of steps.
pub fn state_to_bytes(optimizer: &Optimizer) -> Result<Vec<u8>, String> {
    let saved = optimizer.save();
    let mut steps = serde_json::Map::new();
    let mut tensors = Vec::new();
    for parameter in &saved {
        steps.insert(parameter.id.to_string(), parameter.steps.into());
        for (slot, data) in parameter.slots.iter().enumerate() {
            let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes());
            let view = view.map_err(|e| e.to_string())?;
            tensors.push((format!("{}.{slot}", parameter.id), view));
        }
    }
    let steps = serde_json::Value::Object(steps).to_string();
    let metadata = HashMap::from([(STEPS.to_string(), steps)]);
    safetensors::serialize(tensors, Some(metadata)).map_err(|e| e.to_string())
}

/// The optimizer with a state that [`state_to_bytes`] wrote.
pub fn state_from_bytes(
    optimizer: Optimizer,
    bytes: &[u8],
    device: &Device,
) -> Result<Optimizer, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let steps = header.metadata().as_ref().and_then(|m| m.get(STEPS));
    let steps: BTreeMap<u64, u64> =
        serde_json::from_str(steps.map_or("{}", String::as_str)).map_err(|e| e.to_string())?;
    let mut saved = Vec::new();
    for (id, steps) in steps {
        let mut slots = Vec::new();
        while let Ok(view) = tensors.tensor(&format!("{id}.{}", slots.len())) {
            let values: Vec<f32> = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect();
            slots.push(TensorData::new(values, view.shape().to_vec()));
        }
        saved.push(Saved { id, steps, slots });
    }
    optimizer.restore(saved, device)
}

/// Key of the numbers of steps in the file's metadata.
const STEPS: &str = "steps";
