//! Normalization of each row of features.

use crate::ops::RowNormOps;
use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// `γ (x - μ) / √(σ² + ε) + β` over the last dimension (Ba et al. 2016).
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Scale γ, `[features]`.
    pub weight: Param<Tensor<1>>,
    /// Shift β, `[features]`.
    pub bias: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNorm {
    /// γ = 1, β = 0.
    pub fn new(features: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: constant(1.0, features, device),
            bias: constant(0.0, features, device),
            epsilon,
        }
    }

    /// `[…, features]` to the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let y = <Dispatch as RowNormOps>::layer_norm_rows(
            x.into_dispatch(),
            self.weight.val().into_dispatch(),
            self.bias.val().into_dispatch(),
            self.epsilon,
        );
        Tensor::from_dispatch(y)
    }

    /// The norm of `x + residual`, and that sum, which goes on along the residual stream: both in one
    /// pass over memory. The shapes are the same.
    pub fn forward_add<const D: usize>(
        &self,
        x: Tensor<D>,
        residual: Tensor<D>,
    ) -> (Tensor<D>, Tensor<D>) {
        assert_eq!(
            x.dims(),
            residual.dims(),
            "layer norm: x and residual differ in shape"
        );
        let (y, sum) = <Dispatch as RowNormOps>::layer_norm_add_rows(
            x.into_dispatch(),
            residual.into_dispatch(),
            self.weight.val().into_dispatch(),
            self.bias.val().into_dispatch(),
            self.epsilon,
        );
        (Tensor::from_dispatch(y), Tensor::from_dispatch(sum))
    }
}

/// `γ x / √(mean x² + ε)` over the last dimension (Zhang & Sennrich 2019).
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// Scale γ, `[features]`.
    pub weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl RmsNorm {
    /// γ = 1.
    pub fn new(features: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: constant(1.0, features, device),
            epsilon,
        }
    }

    /// `[…, features]` to the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let gamma = self.weight.val().into_dispatch();
        let y = <Dispatch as RowNormOps>::rms_norm_rows(x.into_dispatch(), gamma, self.epsilon);
        Tensor::from_dispatch(y)
    }
}

fn constant(value: f64, size: usize, device: &Device) -> Param<Tensor<1>> {
    let plain = device.clone().without_autodiff();
    Param::from_data(Tensor::<1>::full([size], value, &plain).into_data(), device)
}
