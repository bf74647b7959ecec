//! Kernels as operations of Burn's backends.
//!
//! Each trait is a backend extension: its default bodies compose Burn's own operations, so that every
//! backend (and `MODELWRIGHT_KERNELS=off`) has them; the CPU backend gets ours, with a backward pass
//! of their own. Pictures are channels-last here: `[batch, height, width, channels]`.

mod conv;
mod dense;
mod loss;
mod norm;
mod packed;
mod plain;
mod pool;
mod sequence;
mod step;

pub use conv::{ConvOps, ConvShape};
pub use dense::{Activation, DenseOps};
pub use loss::LossOps;
pub use norm::{NormConfig, NormOps};
pub use pool::{PoolOps, PoolShape};
pub use sequence::{AttentionShape, SequenceOps};
pub use step::{Slots, StepOps, UpdateRule};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, DType, ExtensionType};
use std::sync::OnceLock;

/// An optional tensor: Burn's extensions take no `Option` as an argument.
#[derive(ExtensionType)]
pub enum Maybe<B: Backend> {
    /// There is one.
    Some(FloatTensor<B>),
    /// There is none.
    None,
}

impl<B: Backend> Maybe<B> {
    /// As an `Option`.
    pub(crate) fn option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Some(tensor) => Some(tensor),
            Self::None => None,
        }
    }
}

impl<B: Backend> From<Option<FloatTensor<B>>> for Maybe<B> {
    fn from(tensor: Option<FloatTensor<B>>) -> Self {
        match tensor {
            Some(tensor) => Self::Some(tensor),
            None => Self::None,
        }
    }
}

/// Whether our kernels are used; `MODELWRIGHT_KERNELS=off` leaves everything to Burn.
pub fn enabled() -> bool {
    static ON: OnceLock<bool> = OnceLock::new();
    *ON.get_or_init(|| std::env::var("MODELWRIGHT_KERNELS").as_deref() != Ok("off"))
}

/// Whether our kernels are used for this element type.
pub(crate) fn takes(dtype: DType) -> bool {
    enabled() && matches!(dtype, DType::F32 | DType::F64)
}
