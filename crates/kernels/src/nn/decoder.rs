//! What decoder-only language models need beside the other layers.

use super::Rotary;
use crate::ops::{DecoderOps, RotaryShape};
use crate::quant::Matrix;
use burn::backend::Dispatch;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Rotary position embedding (Su et al. 2021): features `i` and `i + dim / 2` of each head are turned by
/// an angle that grows with the position.
///
/// x is `[rows, seq, heads dim]`; `positions` has one for each of the `rows seq` tokens.
pub fn rotary(x: Tensor<3>, heads: usize, rotary: &Rotary, positions: &Arc<[u32]>) -> Tensor<3> {
    let shape = RotaryShape {
        rotary: rotary.clone(),
        heads,
        positions: positions.clone(),
    };
    let y = <Dispatch as DecoderOps>::rotary_rows(x.into_dispatch(), shape);
    Tensor::from_dispatch(y)
}

/// `g σ(g) u` of each element, the gated unit of Llama's feed-forward layers (Shazeer 2020).
pub fn swiglu<const D: usize>(gate: Tensor<D>, up: Tensor<D>) -> Tensor<D> {
    let y = <Dispatch as DecoderOps>::swiglu(gate.into_dispatch(), up.into_dispatch());
    Tensor::from_dispatch(y)
}

/// `y = x Wᵀ` with weights that are constants and stay in a stored format: the base that adapters are
/// trained on (Dettmers et al. 2023). Only x gets a gradient.
///
/// Weights are dequantized a few MB at a time, forwards and backwards, and x is not rounded, so the layer
/// computes what a [`Linear`](super::Linear) with the dequantized weights does.
#[derive(Debug, Clone)]
pub struct FrozenLinear {
    weight: Matrix,
}

impl FrozenLinear {
    /// Of `[out, in]`.
    pub fn new(weight: Matrix) -> Self {
        Self { weight }
    }

    /// The weights.
    pub fn matrix(&self) -> &Matrix {
        &self.weight
    }

    /// `[…, in]` to `[…, out]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let y = <Dispatch as DecoderOps>::frozen_linear(x.into_dispatch(), self.weight.clone());
        Tensor::from_dispatch(y)
    }
}
