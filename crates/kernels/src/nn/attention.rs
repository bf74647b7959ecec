//! Scaled dot-product attention.

use crate::ops::{KeyMask, SequenceOps};
use burn::backend::Dispatch;
use burn::tensor::{Bool, Tensor};

pub use crate::ops::AttentionShape as AttentionConfig;

fn mask(keys: Option<Tensor<2, Bool>>) -> KeyMask<Dispatch> {
    keys.map(Tensor::into_dispatch).into()
}

/// `softmax(Q Kᵀ / √dim) V` for every head (Vaswani et al. 2017), tile by tile (Dao 2023).
///
/// `qkv` is `[batch, seq, 3 heads dim]`: the queries of all heads, then the keys, then the values.
/// The result is `[batch, seq, heads dim]`.
pub fn attention(qkv: Tensor<3>, config: AttentionConfig) -> Tensor<3> {
    let qkv = qkv.into_dispatch();
    let y = <Dispatch as SequenceOps>::attention_packed(qkv, mask(None), config);
    Tensor::from_dispatch(y)
}

/// [`attention`] in a batch of sequences of different lengths: `keys` is `[batch, seq]`, true for the
/// tokens that may be seen. A query that sees none gets zeros.
pub fn masked_attention(
    qkv: Tensor<3>,
    keys: Tensor<2, Bool>,
    config: AttentionConfig,
) -> Tensor<3> {
    let qkv = qkv.into_dispatch();
    let y = <Dispatch as SequenceOps>::attention_packed(qkv, mask(Some(keys)), config);
    Tensor::from_dispatch(y)
}

/// Attention of queries to the keys and values of another sequence, or of fewer heads.
///
/// `q` is `[batch, q_len, heads dim]`, `k` and `v` are `[batch, kv_len, kv_heads dim]`; each of their
/// heads serves `heads / kv_heads` neighbouring heads of queries (Ainslie et al. 2023). `keys`, as in
/// [`masked_attention`], is `[batch, kv_len]`. Columns of a larger tensor are read where they lie.
/// The result is `[batch, q_len, heads dim]`.
pub fn cross_attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    keys: Option<Tensor<2, Bool>>,
    config: AttentionConfig,
) -> Tensor<3> {
    let [q, k, v] = [q, k, v].map(Tensor::into_dispatch);
    let y = <Dispatch as SequenceOps>::attention_separate(q, k, v, mask(keys), config);
    Tensor::from_dispatch(y)
}
