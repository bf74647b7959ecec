//! Operations on sequences of tokens: embedding and attention.

use super::attention::{Attention, AttentionShape};
use super::{KeyMask, plain, takes};
use crate::by_type;
use crate::cpu::embedding;
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, indices, new, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use std::sync::Arc;

/// Lookups and attention over `[batch, seq, …]`.
#[backend_extension(Autodiff, Flex)]
pub trait SequenceOps: Backend {
    /// Rows of `[ids, features]` for `[batch, seq]` ids, `[batch, seq, features]`.
    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        plain::embedding::<Self>(table, ids)
    }

    /// `softmax(Q Kᵀ / √dim) V` for every head of `[batch, seq, 3 heads dim]` (queries of all heads,
    /// then keys, then values), `[batch, seq, heads dim]`. Keys that `keys` hides get no weight; a
    /// query that sees no key gets 0.
    fn attention_packed(
        qkv: FloatTensor<Self>,
        #[extension_type] keys: KeyMask<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self> {
        plain::attention_packed::<Self>(qkv, keys.option(), shape)
    }

    /// The same of queries `[batch, q_len, heads dim]` with keys and values `[batch, kv_len, kv_heads
    /// dim]`, of which each head serves `heads / kv_heads` neighbouring heads of queries.
    fn attention_separate(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        #[extension_type] keys: KeyMask<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self> {
        plain::attention::<Self>([q, k, v], keys.option(), shape)
    }
}

impl SequenceOps for Flex {
    fn embedding_rows(table: FlexTensor, ids: FlexTensor) -> FlexTensor {
        if !takes(table.dtype()) {
            return plain::embedding::<Flex>(table, ids);
        }
        let (table, [batch, seq]) = (dense(table), dims(&ids));
        let ids = indices(ids);
        by_type!(table, T => looked_up::<T>(&table, &ids, [batch, seq]), else unreachable!("`takes`"))
    }

    fn attention_packed(qkv: FlexTensor, keys: KeyMask<Flex>, shape: AttentionShape) -> FlexTensor {
        if !takes(qkv.dtype()) {
            return plain::attention_packed::<Flex>(qkv, keys.option(), shape);
        }
        Attention::packed(qkv, keys.option(), shape).forward()
    }

    fn attention_separate(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        keys: KeyMask<Flex>,
        shape: AttentionShape,
    ) -> FlexTensor {
        if !takes(q.dtype()) {
            return plain::attention::<Flex>([q, k, v], keys.option(), shape);
        }
        Attention::separate([q, k, v], keys.option(), shape).forward()
    }
}

impl<C: CheckpointStrategy> SequenceOps for Autodiff<Flex, C> {
    fn embedding_rows(table: Node<C>, ids: FlexTensor) -> Node<C> {
        if !takes(table.dtype()) {
            return plain::embedding::<Self>(table, ids);
        }
        record::<_, C, _>([table], |[table], _| {
            let (table, [batch, seq]) = (dense(table), dims(&ids));
            let ids = Arc::new(indices(ids));
            let y = by_type!(table, T => looked_up::<T>(&table, &ids, [batch, seq]),
                else unreachable!("`takes`"));
            let shape = dims(&table);
            (y, EmbeddingRule { shape, ids })
        })
    }

    fn attention_packed(qkv: Node<C>, keys: KeyMask<Self>, shape: AttentionShape) -> Node<C> {
        if !takes(qkv.dtype()) {
            return plain::attention_packed::<Self>(qkv, keys.option(), shape);
        }
        record::<_, C, _>([qkv], |[qkv], _| {
            Attention::packed(qkv, keys.option(), shape).recorded()
        })
    }

    fn attention_separate(
        q: Node<C>,
        k: Node<C>,
        v: Node<C>,
        keys: KeyMask<Self>,
        shape: AttentionShape,
    ) -> Node<C> {
        if !takes(q.dtype()) {
            return plain::attention::<Self>([q, k, v], keys.option(), shape);
        }
        record::<_, C, _>([q, k, v], |operands, _| {
            Attention::separate(operands, keys.option(), shape).recorded()
        })
    }
}

fn looked_up<T: Value>(table: &FlexTensor, ids: &[i64], [batch, seq]: [usize; 2]) -> FlexTensor {
    let [_, c] = dims(table);
    new::<T>(&[batch, seq, c], |y| {
        embedding::embedding_forward(values::<T>(table), c, ids, y)
    })
}

#[derive(Debug, Clone)]
struct EmbeddingRule {
    shape: [usize; 2],
    ids: Arc<Vec<i64>>,
}

impl Rule<1> for EmbeddingRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(by_type!(dy, T => new::<T>(&self.shape, |dtable| {
            embedding::embedding_backward(values::<T>(&dy), self.shape[1], &self.ids, dtable)
        }), else unreachable!("`takes`")))]
    }
}
