//! A table of learned vectors.

use super::Init;
use crate::ops::SequenceOps;
use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

/// One vector for each id.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[ids, features]`.
    pub weight: Param<Tensor<2>>,
}

impl Embedding {
    /// `ids` vectors of `features`, drawn with `init`.
    pub fn new(ids: usize, features: usize, init: Init, device: &Device) -> Self {
        Self {
            weight: init.weight([ids, features], features, ids, device),
        }
    }

    /// `[batch, seq]` ids to `[batch, seq, features]`.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let table = self.weight.val().into_dispatch();
        let y = <Dispatch as SequenceOps>::embedding_rows(table, ids.into_dispatch());
        Tensor::from_dispatch(y)
    }
}
