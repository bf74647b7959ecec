//! Kernels as operations of Burn's backends.
//!
//! Each trait is a backend extension: its default bodies compose Burn's own operations, so that every
//! backend (and `MODELWRIGHT_KERNELS=off`) has them; the CPU backend gets ours, with a backward pass
//! of their own. Pictures are channels-last here: `[batch, height, width, channels]`.

mod attention;
mod conv;
mod conv_transposed;
mod decoder;
mod dense;
mod frozen;
mod loss;
mod norm;
mod packed;
mod plain;
mod pool;
mod product;
mod row_norm;
mod segments;
mod sequence;
mod softmax;
mod step;

pub use attention::AttentionShape;
pub use conv::{ConvOps, ConvShape};
pub use decoder::{DecoderOps, RotaryShape};
pub use dense::{Activation, DenseOps};
pub use loss::LossOps;
pub use norm::{NormConfig, NormOps};
pub use pool::{PoolOps, PoolShape};
pub use row_norm::RowNormOps;
pub use segments::{SegmentOps, SegmentShape};
pub use sequence::SequenceOps;
pub use softmax::SoftmaxOps;
pub use step::{Slots, StepOps, UpdateRule};

use burn::backend::tensor::{BoolTensor, FloatTensor};
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

/// Which keys of an attention may be seen, if not all.
#[derive(ExtensionType)]
pub enum KeyMask<B: Backend> {
    /// `[batch, keys]`, true for those that may be seen.
    Some(BoolTensor<B>),
    /// All of them.
    None,
}

impl<B: Backend> KeyMask<B> {
    /// As an `Option`.
    pub(crate) fn option(self) -> Option<BoolTensor<B>> {
        match self {
            Self::Some(keys) => Some(keys),
            Self::None => None,
        }
    }
}

impl<B: Backend> From<Option<BoolTensor<B>>> for KeyMask<B> {
    fn from(keys: Option<BoolTensor<B>>) -> Self {
        match keys {
            Some(keys) => Self::Some(keys),
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
