//! Optimizers: Burn's update rules behind the recipe's names, with PyTorch's defaults.

use crate::RecordState;
use crate::error::TrainError;
use burn::module::Module;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig,
};
use burn::tensor::{Bytes, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
        let l2 = |penalty: f64| (penalty > 0.0).then(|| WeightDecayConfig::new(penalty as f32));
        let inner = match self {
            Self::Sgd(c) if c.averaging => ModuleOptimizer::from(AveragedSgd {
                gamma: c.momentum,
                weight_decay: c.weight_decay,
            }),
            Self::Sgd(c) => {
                let momentum = (c.momentum > 0.0).then(|| {
                    MomentumConfig::new()
                        .with_momentum(c.momentum)
                        .with_dampening(0.0)
                        .with_nesterov(c.nesterov)
                });
                SgdConfig::new()
                    .with_momentum(momentum)
                    .with_weight_decay(l2(c.weight_decay))
                    .init()
            }
            Self::Adam(c) => AdamConfig::new()
                .with_beta_1(c.beta1 as f32)
                .with_beta_2(c.beta2 as f32)
                .with_epsilon(c.epsilon as f32)
                .with_weight_decay(l2(c.weight_decay))
                .init(),
            Self::Adamw(c) => AdamWConfig::new()
                .with_beta_1(c.beta1 as f32)
                .with_beta_2(c.beta2 as f32)
                .with_epsilon(c.epsilon as f32)
                .with_weight_decay(c.weight_decay as f32)
                .init(),
            Self::Rmsprop(c) => RmsPropConfig::new()
                .with_alpha(c.alpha as f32)
                .with_epsilon(c.epsilon as f32)
                .with_momentum(c.momentum as f32)
                .with_centered(c.centered)
                .with_weight_decay(l2(c.weight_decay))
                .init(),
        };
        Ok(Optimizer(inner))
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

/// An optimizer with its state.
pub struct Optimizer(ModuleOptimizer);

impl Optimizer {
    /// One step: `module` with its parameters moved against the gradients.
    pub fn step<M: Module>(&mut self, rate: f64, module: M, grads: GradientsParams) -> M {
        self.0.step(rate, module, grads)
    }

    /// The state, keyed by parameter id (see [`modelwright_models::weights::assign_ids`]).
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let bytes = self.0.into_bytes().map_err(|e| e.to_string())?;
        Ok(bytes.to_vec())
    }

    /// The optimizer with a saved state.
    pub fn with_bytes(self, bytes: Vec<u8>) -> Result<Self, String> {
        let inner = self.0.from_bytes(Bytes::from_bytes_vec(bytes));
        inner.map(Self).map_err(|e| e.to_string())
    }
}

/// Momentum in its averaging form: v = γv + (1-γ)g with v₀ = 0, then w = w - ηv.
#[derive(Clone)]
struct AveragedSgd {
    gamma: f64,
    weight_decay: f64,
}

/// The averaged gradient.
#[derive(RecordState, Clone)]
struct AveragedSgdState<const D: usize> {
    velocity: Tensor<D>,
}

impl burn::optim::Optimizer for AveragedSgd {
    type State<const D: usize> = AveragedSgdState<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        mut grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        if self.weight_decay > 0.0 {
            grad = grad + tensor.clone().mul_scalar(self.weight_decay);
        }
        let new = grad.mul_scalar(1.0 - self.gamma);
        let velocity = match state {
            Some(state) => state.velocity.mul_scalar(self.gamma) + new,
            None => new,
        };
        let moved = tensor - velocity.clone().mul_scalar(lr);
        (moved, Some(AveragedSgdState { velocity }))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.velocity = state.velocity.to_device(device);
        state
    }
}
