//! Scaled dot-product attention.

use crate::ops::SequenceOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

pub use crate::ops::AttentionShape as AttentionConfig;

/// `softmax(Q Kᵀ / √dim) V` for every head (Vaswani et al. 2017), tile by tile (Dao 2023).
///
/// `qkv` is `[batch, seq, 3 heads dim]`: the queries of all heads, then the keys, then the values.
/// The result is `[batch, seq, heads dim]`.
pub fn attention(qkv: Tensor<3>, config: AttentionConfig) -> Tensor<3> {
    let y = <Dispatch as SequenceOps>::attention_packed(qkv.into_dispatch(), config);
    Tensor::from_dispatch(y)
}
