//! Batch normalization with PyTorch's running statistics.

use super::FeatureMap;
use crate::ops::{Maybe, NormConfig, NormOps};
use burn::backend::Dispatch;
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor};

/// Added to the variance (PyTorch's default).
const EPSILON: f64 = 1e-5;
/// Share of the new batch in the running statistics (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// Normalizes each channel over batch and space (Ioffe & Szegedy 2015).
///
/// Burn's own layer keeps the biased variance as running statistic; PyTorch keeps the unbiased one
/// (n / (n - 1)), and so does this layer, or a network moved over from PyTorch would drift.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale γ, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift β, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Running mean, `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Running unbiased variance, `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
}

impl BatchNorm {
    /// γ = 1, β = 0, mean 0, variance 1.
    pub fn new(channels: usize, device: &Device) -> Self {
        let plain = device.clone().without_autodiff();
        let filled = |value: f64| Tensor::<1>::full([channels], value, &plain).into_data();
        Self {
            weight: Param::from_data(filled(1.0), device),
            bias: Param::from_data(filled(0.0), device),
            running_mean: RunningState::new(Tensor::zeros([channels], device)),
            running_var: RunningState::new(Tensor::ones([channels], device)),
        }
    }

    /// Rows of features, `[batch, channels]`, and a ReLU after it if `relu`.
    pub fn forward_rows(&self, x: Tensor<2>, relu: bool) -> Tensor<2> {
        self.apply(x, None, relu)
    }

    /// Feature maps.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        FeatureMap(self.apply(x.0, None, false))
    }

    /// Feature maps with a ReLU after it, in one pass over memory.
    pub fn forward_relu(&self, x: FeatureMap) -> FeatureMap {
        FeatureMap(self.apply(x.0, None, true))
    }

    /// `relu(norm(x) + residual)`: the end of a residual block, in one pass over memory.
    pub fn forward_add_relu(&self, x: FeatureMap, residual: FeatureMap) -> FeatureMap {
        FeatureMap(self.apply(x.0, Some(residual.0), true))
    }

    /// Batch statistics are used when the layer is being trained, the running ones otherwise: a
    /// frozen layer keeps its statistics. Channels are the last dimension.
    fn apply<const D: usize>(
        &self,
        x: Tensor<D>,
        residual: Option<Tensor<D>>,
        relu: bool,
    ) -> Tensor<D> {
        let config = NormConfig {
            epsilon: EPSILON,
            relu,
        };
        let residual = Maybe::from(residual.map(Tensor::into_dispatch));
        let trains = x.device().is_autodiff() && self.weight.is_require_grad();
        let (dims, device) = (x.dims(), x.device());
        let x = x.into_dispatch();
        let (gamma, beta) = (self.weight.val(), self.bias.val());
        let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
        if !trains {
            let of = |state: &RunningState<Tensor<1>>| state.value().to_device(&device);
            let mean = of(&self.running_mean).into_dispatch();
            let variance = of(&self.running_var).into_dispatch();
            let y = <Dispatch as NormOps>::batch_norm_rows(
                x, gamma, beta, mean, variance, residual, config,
            );
            return Tensor::from_dispatch(y);
        }
        let (y, mean, variance) =
            <Dispatch as NormOps>::batch_norm_train_rows(x, gamma, beta, residual, config);
        let channels = dims[D - 1].max(1);
        let count = dims.iter().product::<usize>() / channels;
        let unbiased = count as f64 / count.saturating_sub(1).max(1) as f64;
        blend(&self.running_mean, Tensor::from_dispatch(mean));
        let variance = Tensor::<1>::from_dispatch(variance).mul_scalar(unbiased);
        blend(&self.running_var, variance);
        Tensor::from_dispatch(y)
    }
}

/// `state = (1 - momentum) * state + momentum * batch`.
fn blend(state: &RunningState<Tensor<1>>, batch: Tensor<1>) {
    let old = state.value_sync().to_device(&batch.device());
    let new = old.mul_scalar(1.0 - MOMENTUM) + batch.detach().mul_scalar(MOMENTUM);
    state.update(new.detach());
}
