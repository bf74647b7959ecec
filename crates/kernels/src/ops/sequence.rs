//! Operations on sequences of tokens: embedding and attention.

use super::{plain, takes};
use crate::by_type;
use crate::cpu::{attention as cpu, embedding};
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, indices, new, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use std::sync::Arc;

/// What attention needs to know besides the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// Heads side by side in each third of a row.
    pub heads: usize,
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
}

/// Lookups and attention over `[batch, seq, …]`.
#[backend_extension(Autodiff, Flex)]
pub trait SequenceOps: Backend {
    /// Rows of `[ids, features]` for `[batch, seq]` ids, `[batch, seq, features]`.
    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        plain::embedding::<Self>(table, ids)
    }

    /// `softmax(Q Kᵀ / √dim) V` for every head of `[batch, seq, 3 heads dim]` (queries of all heads,
    /// then keys, then values), `[batch, seq, heads dim]`.
    fn attention_packed(qkv: FloatTensor<Self>, shape: AttentionShape) -> FloatTensor<Self> {
        plain::attention::<Self>(qkv, shape)
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

    fn attention_packed(qkv: FlexTensor, shape: AttentionShape) -> FlexTensor {
        if !takes(qkv.dtype()) {
            return plain::attention::<Flex>(qkv, shape);
        }
        let qkv = dense(qkv);
        by_type!(qkv, T => Packed::new(&qkv, shape).forward::<T>(&qkv).0, else unreachable!("`takes`"))
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

    fn attention_packed(qkv: Node<C>, shape: AttentionShape) -> Node<C> {
        if !takes(qkv.dtype()) {
            return plain::attention::<Self>(qkv, shape);
        }
        record::<_, C, _>([qkv], |[qkv], _| {
            let qkv = dense(qkv);
            let packed = Packed::new(&qkv, shape);
            let (output, lse) =
                by_type!(qkv, T => packed.forward::<T>(&qkv), else unreachable!("`takes`"));
            let rule = AttentionRule {
                packed,
                qkv,
                output: output.clone(),
                lse,
            };
            (output, rule)
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

/// Where queries, keys and values are in a packed row.
#[derive(Debug, Clone, Copy)]
struct Packed {
    shape: cpu::Shape,
    views: [cpu::View; 3],
    causal: bool,
}

impl Packed {
    fn new(qkv: &FlexTensor, s: AttentionShape) -> Self {
        let [batch, seq, row] = dims(qkv);
        assert!(
            row.is_multiple_of(3 * s.heads),
            "attention: rows of {row} are not three times {} heads",
            s.heads
        );
        let width = row / 3;
        Self {
            shape: cpu::Shape {
                batch,
                heads: s.heads,
                kv_heads: s.heads,
                q_len: seq,
                kv_len: seq,
                dim: width / s.heads,
            },
            views: [0, width, 2 * width].map(|first| cpu::View::columns(seq, row, first)),
            causal: s.causal,
        }
    }

    fn options(&self) -> cpu::Options<'static> {
        cpu::Options {
            causal: self.causal,
            mask: None,
            scale: 1.0 / (self.shape.dim as f64).sqrt(),
        }
    }

    /// Queries, keys and values.
    fn rows<'a, T: Value>(&self, qkv: &'a FlexTensor) -> [cpu::Rows<'a, T>; 3] {
        let data = values::<T>(qkv);
        self.views.map(|view| cpu::Rows { data, view })
    }

    /// The output, and the logarithm of each softmax's denominator.
    fn forward<T: Value>(&self, qkv: &FlexTensor) -> (FlexTensor, FlexTensor) {
        let [q, k, v] = self.rows::<T>(qkv);
        let s = &self.shape;
        let mut output = None;
        let lse = new::<T>(&[s.batch, s.heads, s.q_len], |lse| {
            output = Some(new::<T>(&[s.batch, s.q_len, s.heads * s.dim], |o| {
                cpu::forward(s, q, k, v, &self.options(), o, lse)
            }));
        });
        match output {
            Some(output) => (output, lse),
            None => unreachable!("`new` calls its writer"),
        }
    }
}

#[derive(Debug, Clone)]
struct AttentionRule {
    packed: Packed,
    qkv: FlexTensor,
    output: FlexTensor,
    lse: FlexTensor,
}

impl Rule<1> for AttentionRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => self.backward::<T>(&dy), else unreachable!("`takes`")),
        )]
    }
}

impl AttentionRule {
    fn backward<T: Value>(&self, dy: &FlexTensor) -> FlexTensor {
        let [q, k, v] = self.packed.rows::<T>(&self.qkv);
        new::<T>(&self.qkv.shape().to_vec(), |qkv| {
            let [q_view, k_view, v_view] = self.packed.views;
            let gradients = cpu::Gradients::Fused {
                qkv,
                q: q_view,
                k: k_view,
                v: v_view,
            };
            cpu::backward(
                &self.packed.shape,
                q,
                k,
                v,
                &self.packed.options(),
                values::<T>(&self.output),
                values::<T>(&self.lse),
                values::<T>(dy),
                gradients,
            )
        })
    }
}
