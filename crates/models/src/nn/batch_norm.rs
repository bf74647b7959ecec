//! Batch normalization with PyTorch's running statistics.

use burn::module::{Module, Param, RunningState};
use burn::tensor::module::{batch_norm, batch_norm_train};
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

    /// `[batch, channels, …]` to the same shape. Batch statistics are used when the layer is being
    /// trained, the running ones otherwise: a frozen layer keeps its statistics.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let trains = x.device().is_autodiff() && self.weight.is_require_grad();
        if !trains {
            let device = x.device();
            return batch_norm(
                x,
                self.weight.val(),
                self.bias.val(),
                self.running_mean.value().to_device(&device),
                self.running_var.value().to_device(&device),
                EPSILON,
            );
        }
        let dims = x.dims();
        let per_channel = dims.iter().product::<usize>() / dims[1].max(1);
        let result = batch_norm_train(x, self.weight.val(), self.bias.val(), EPSILON);
        let unbiased = per_channel as f64 / per_channel.saturating_sub(1).max(1) as f64;
        blend(&self.running_mean, result.mean);
        blend(&self.running_var, result.variance.mul_scalar(unbiased));
        result.output
    }
}

/// `state = (1 - momentum) * state + momentum * batch`.
fn blend(state: &RunningState<Tensor<1>>, batch: Tensor<1>) {
    let old = state.value_sync().to_device(&batch.device());
    let new = old.mul_scalar(1.0 - MOMENTUM) + batch.detach().mul_scalar(MOMENTUM);
    state.update(new.detach());
}
