//! Scaled dot-product attention.

use crate::ops::{KeyMask, SegmentOps, SegmentShape, SequenceOps};
use burn::backend::Dispatch;
use burn::tensor::{Bool, Tensor};
use std::sync::Arc;

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

/// Texts that lie one after the other in the rows of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    lengths: Arc<[usize]>,
    positions: Arc<[u32]>,
}

impl Segments {
    /// Texts of these many tokens.
    pub fn new(lengths: Vec<usize>) -> Self {
        Self {
            positions: lengths.iter().flat_map(|l| 0..*l as u32).collect(),
            lengths: lengths.into(),
        }
    }

    /// `count` texts of `length` tokens each, such as the rows of a batch.
    pub fn equal(count: usize, length: usize) -> Self {
        Self::new(vec![length; count])
    }

    /// Tokens of each text.
    pub fn lengths(&self) -> &Arc<[usize]> {
        &self.lengths
    }

    /// The place of each token in its text, from 0.
    pub fn positions(&self) -> &Arc<[u32]> {
        &self.positions
    }

    /// Tokens of all texts.
    pub fn tokens(&self) -> usize {
        self.positions.len()
    }
}

impl AsRef<[usize]> for Segments {
    fn as_ref(&self) -> &[usize] {
        &self.lengths
    }
}

/// Causal attention inside of the segments of rows: several texts, one after the other, of which none
/// sees another.
///
/// `q` is `[rows, seq, heads dim]`, `k` and `v` are `[rows, seq, kv_heads dim]` as in
/// [`cross_attention`]; `lengths` are the tokens of the segments of all rows in their order, `rows seq`
/// together. The result is `[rows, seq, heads dim]`.
pub fn segment_attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    lengths: impl AsRef<[usize]>,
) -> Tensor<3> {
    let shape = q.dims();
    let flat = |x: Tensor<3>| {
        let [rows, seq, width] = x.dims();
        x.reshape([1, rows * seq, width]).into_dispatch()
    };
    let segments = SegmentShape {
        heads,
        lengths: lengths.as_ref().into(),
    };
    let y = <Dispatch as SegmentOps>::attention_segments(flat(q), flat(k), flat(v), segments);
    Tensor::<3>::from_dispatch(y).reshape(shape)
}
