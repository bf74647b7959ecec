//! Attention between Burn's tensors and the kernel: where queries, keys and values are, which keys
//! count, and the backward pass.

use crate::by_type;
use crate::cpu::attention as cpu;
use crate::graph::Rule;
use crate::tensor::{Value, dense, dims, new, values};
use burn::backend::flex::FlexTensor;
use std::sync::Arc;

/// What attention needs to know besides the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// Heads of the queries, side by side in a row.
    pub heads: usize,
    /// Whether a query sees only the keys up to its own place; the last query sees the last key.
    pub causal: bool,
}

/// Queries, keys and values.
#[derive(Debug, Clone)]
enum Operands {
    /// In the columns of one tensor.
    Packed(FlexTensor),
    /// Each in a tensor.
    Separate(Box<[FlexTensor; 3]>),
}

/// One attention: its operands, sizes and mask.
#[derive(Debug, Clone)]
pub(super) struct Attention {
    operands: Operands,
    shape: cpu::Shape,
    causal: bool,
    mask: Option<Arc<[bool]>>,
}

/// `x` with the numbers of a row side by side; views of other kinds stay as they are.
fn with_whole_rows(x: FlexTensor) -> FlexTensor {
    let strides = x.layout().strides();
    match strides[2] == 1 && strides[0] >= 0 && strides[1] >= 0 {
        true => x,
        false => x.to_contiguous(),
    }
}

/// The columns from `first` of a tensor `[batch, seq, columns]`, where they lie.
fn columns<T: Value>(x: &FlexTensor, first: usize) -> cpu::Rows<'_, T> {
    let layout = x.layout();
    // `with_whole_rows` has seen to it that no stride is negative.
    let stride = |axis: usize| layout.strides()[axis].unsigned_abs();
    cpu::Rows {
        data: x.storage::<T>(),
        view: cpu::View {
            offset: layout.start_offset() + first,
            batch_stride: stride(0),
            row_stride: stride(1),
        },
    }
}

/// Which keys count, for the kernel.
fn mask(keys: Option<FlexTensor>, [batch, seq]: [usize; 2]) -> Option<Arc<[bool]>> {
    let keys = keys?;
    assert_eq!(
        dims(&keys),
        [batch, seq],
        "attention: the mask is not [batch, keys]"
    );
    let keys = dense(keys);
    let Some((start, end)) = keys.layout().contiguous_offsets() else {
        unreachable!("dense")
    };
    assert_eq!(keys.dtype().size(), 1, "attention: a mask of another type");
    let seen = keys.bytes()[start..end].iter().map(|seen| *seen != 0);
    Some(seen.collect())
}

impl Attention {
    /// Of `[batch, seq, 3 heads dim]`.
    pub(super) fn packed(qkv: FlexTensor, keys: Option<FlexTensor>, s: AttentionShape) -> Self {
        let [batch, seq, row] = dims(&qkv);
        assert!(
            s.heads > 0 && row.is_multiple_of(3 * s.heads),
            "attention: rows of {row} are not three times {} heads",
            s.heads
        );
        Self {
            operands: Operands::Packed(with_whole_rows(qkv)),
            shape: cpu::Shape {
                batch,
                heads: s.heads,
                kv_heads: s.heads,
                q_len: seq,
                kv_len: seq,
                dim: row / 3 / s.heads,
            },
            causal: s.causal,
            mask: mask(keys, [batch, seq]),
        }
    }

    /// Of queries `[batch, q_len, heads dim]` and keys and values `[batch, kv_len, kv_heads dim]`.
    pub(super) fn separate(
        operands: [FlexTensor; 3],
        keys: Option<FlexTensor>,
        s: AttentionShape,
    ) -> Self {
        let [[batch, q_len, q_row], k, v] = operands.each_ref().map(dims::<3>);
        assert!(
            s.heads > 0 && q_row > 0 && q_row.is_multiple_of(s.heads),
            "attention: rows of {q_row} are not {} heads",
            s.heads
        );
        let ([of_keys, kv_len, kv_row], dim) = (k, q_row / s.heads);
        assert_eq!(k, v, "attention: keys and values differ in shape");
        assert_eq!(batch, of_keys, "attention: sequences of queries and keys");
        assert!(
            kv_row.is_multiple_of(dim),
            "attention: keys of {kv_row} numbers for heads of {dim}"
        );
        Self {
            operands: Operands::Separate(Box::new(operands.map(with_whole_rows))),
            shape: cpu::Shape {
                batch,
                heads: s.heads,
                kv_heads: kv_row / dim,
                q_len,
                kv_len,
                dim,
            },
            causal: s.causal,
            mask: mask(keys, [batch, kv_len]),
        }
    }

    fn options(&self) -> cpu::Options<'_> {
        cpu::Options {
            causal: self.causal,
            mask: self.mask.as_deref(),
            scale: 1.0 / (self.shape.dim as f64).sqrt(),
        }
    }

    fn width(&self) -> usize {
        self.shape.heads * self.shape.dim
    }

    /// Queries, keys and values.
    fn rows<T: Value>(&self) -> [cpu::Rows<'_, T>; 3] {
        match &self.operands {
            Operands::Packed(qkv) => [0, 1, 2].map(|i| columns(qkv, i * self.width())),
            Operands::Separate(operands) => operands.each_ref().map(|x| columns(x, 0)),
        }
    }

    /// The output, and the logarithm of each softmax's denominator.
    fn run<T: Value>(&self) -> (FlexTensor, FlexTensor) {
        let [q, k, v] = self.rows::<T>();
        let s = &self.shape;
        let mut output = None;
        let lse = new::<T>(&[s.batch, s.heads, s.q_len], |lse| {
            output = Some(new::<T>(&[s.batch, s.q_len, self.width()], |o| {
                cpu::forward(s, q, k, v, &self.options(), o, lse)
            }));
        });
        match output {
            Some(output) => (output, lse),
            None => unreachable!("`new` calls its writer"),
        }
    }

    fn first(&self) -> &FlexTensor {
        match &self.operands {
            Operands::Packed(qkv) => qkv,
            Operands::Separate(operands) => &operands[0],
        }
    }

    /// The output.
    pub(super) fn forward(&self) -> FlexTensor {
        by_type!(*self.first(), T => self.run::<T>().0, else unreachable!("`takes`"))
    }

    /// The output, and how the gradients follow.
    pub(super) fn recorded(self) -> (FlexTensor, AttentionRule) {
        let (output, lse) =
            by_type!(*self.first(), T => self.run::<T>(), else unreachable!("`takes`"));
        let rule = AttentionRule {
            attention: self,
            output: output.clone(),
            lse,
        };
        (output, rule)
    }
}

/// What the backward pass of an attention keeps.
#[derive(Debug, Clone)]
pub(super) struct AttentionRule {
    attention: Attention,
    output: FlexTensor,
    lse: FlexTensor,
}

impl AttentionRule {
    fn backward<T: Value>(&self, dy: &FlexTensor, gradients: cpu::Gradients<T>) {
        let [q, k, v] = self.attention.rows::<T>();
        cpu::backward(
            &self.attention.shape,
            q,
            k,
            v,
            &self.attention.options(),
            values::<T>(&self.output),
            values::<T>(&self.lse),
            values::<T>(dy),
            gradients,
        )
    }

    /// For one tensor of queries, keys and values.
    fn packed<T: Value>(&self, dy: &FlexTensor) -> FlexTensor {
        let (s, width) = (&self.attention.shape, self.attention.width());
        let view = |i: usize| cpu::View::columns(s.q_len, 3 * width, i * width);
        new::<T>(&[s.batch, s.q_len, 3 * width], |qkv| {
            let gradients = cpu::Gradients::Fused {
                qkv,
                q: view(0),
                k: view(1),
                v: view(2),
            };
            self.backward(dy, gradients)
        })
    }

    /// For each of the three.
    fn separate<T: Value>(&self, dy: &FlexTensor) -> [FlexTensor; 3] {
        let s = &self.attention.shape;
        let (width, kv_width) = (self.attention.width(), s.kv_heads * s.dim);
        let mut found = None;
        let dq = new::<T>(&[s.batch, s.q_len, width], |q| {
            let mut dv = None;
            let dk = new::<T>(&[s.batch, s.kv_len, kv_width], |k| {
                dv = Some(new::<T>(&[s.batch, s.kv_len, kv_width], |v| {
                    let keys = cpu::View::contiguous(s.kv_len, kv_width);
                    let rows = |data, view| cpu::RowsMut { data, view };
                    let gradients = cpu::Gradients::Separate {
                        q: rows(q, cpu::View::contiguous(s.q_len, width)),
                        k: rows(k, keys),
                        v: rows(v, keys),
                    };
                    self.backward(dy, gradients)
                }));
            });
            found = dv.map(|dv| (dk, dv));
        });
        match found {
            Some((dk, dv)) => [dq, dk, dv],
            None => unreachable!("`new` calls its writer"),
        }
    }
}

impl Rule<1> for AttentionRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => self.packed::<T>(&dy), else unreachable!("`takes`")),
        )]
    }
}

impl Rule<3> for AttentionRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let dy = dense(dy);
        let found = by_type!(dy, T => self.separate::<T>(&dy), else unreachable!("`takes`"));
        let mut found = found.into_iter();
        std::array::from_fn(|i| found.next().filter(|_| wanted[i]))
    }
}
