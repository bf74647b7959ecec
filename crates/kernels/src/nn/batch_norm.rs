//! Batch normalization with PyTorch's running statistics.

use super::{Conv2d, FeatureMap};
use crate::ops::{ConvOps, Maybe, NormConfig, NormOps};
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

    /// Whether the statistics of the batch are used.
    fn trains(&self, device: &Device) -> bool {
        device.is_autodiff() && self.weight.is_require_grad()
    }

    /// Running mean and variance.
    fn statistics(&self, device: &Device) -> [Tensor<1>; 2] {
        [&self.running_mean, &self.running_var].map(|state| state.value().to_device(device))
    }

    /// The norm of what `conv` makes of `x`. With running statistics the two, the addition and the
    /// ReLU are one operation: the norm is applied to each block of outputs while it is in the cache.
    pub(super) fn after(
        &self,
        conv: &Conv2d,
        x: FeatureMap,
        residual: Option<FeatureMap>,
        relu: bool,
    ) -> FeatureMap {
        let device = x.0.device();
        if self.trains(&device) {
            let residual = residual.map(|map| map.0);
            return FeatureMap(self.apply(conv.forward(x).0, residual, relu));
        }
        let config = NormConfig {
            epsilon: EPSILON,
            relu,
        };
        let [mean, variance] = self.statistics(&device);
        let y = <Dispatch as ConvOps>::conv2d_norm_nhwc(
            x.0.into_dispatch(),
            conv.weight.val().into_dispatch(),
            conv.bias.as_ref().map(|b| b.val().into_dispatch()).into(),
            self.weight.val().into_dispatch(),
            self.bias.val().into_dispatch(),
            mean.into_dispatch(),
            variance.into_dispatch(),
            residual.map(|map| map.0.into_dispatch()).into(),
            conv.geometry(),
            config,
        );
        FeatureMap(Tensor::from_dispatch(y))
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
        let trains = self.trains(&x.device());
        let (dims, device) = (x.dims(), x.device());
        let x = x.into_dispatch();
        let (gamma, beta) = (self.weight.val(), self.bias.val());
        let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
        if !trains {
            let [mean, variance] = self.statistics(&device);
            let (mean, variance) = (mean.into_dispatch(), variance.into_dispatch());
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
