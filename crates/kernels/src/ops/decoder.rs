//! What decoder-only language models need beside the other operations: rotary embedding, the gated unit,
//! linear layers with weights that are constants in a stored format.

use super::{Activation, frozen, plain, takes};
use crate::by_type;
use crate::cpu::math::Math;
use crate::cpu::rotary::Rotary;
use crate::cpu::swiglu as cpu;
use crate::graph::{Node, Rule, record};
use crate::precision::{self, Precision};
use crate::quant::Matrix;
use crate::tensor::{Value, dense, new, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Slice, TensorData};
use std::sync::Arc;

/// By how much the tokens of a tensor are turned.
#[derive(Debug, Clone)]
pub struct RotaryShape {
    /// The angles of a head.
    pub rotary: Rotary,
    /// Heads, side by side in a row.
    pub heads: usize,
    /// The position of each token.
    pub positions: Arc<[u32]>,
}

/// Operations of decoders.
#[backend_extension(Autodiff, Flex)]
pub trait DecoderOps: Backend {
    /// Turns the heads of `[…, heads dim]` (Su et al. 2021).
    fn rotary_rows(x: FloatTensor<Self>, shape: RotaryShape) -> FloatTensor<Self> {
        plain_rotary::<Self>(x, &shape)
    }

    /// `g σ(g) u` of each element (Shazeer 2020).
    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        plain_swiglu::<Self>(gate, up)
    }

    /// `x Wᵀ`: `[…, cols]` to `[…, rows]`. The weights are constants, and x is not rounded.
    fn frozen_linear(x: FloatTensor<Self>, weight: Matrix) -> FloatTensor<Self> {
        plain_frozen_linear::<Self>(x, &weight)
    }
}

impl DecoderOps for Flex {
    fn rotary_rows(x: FlexTensor, shape: RotaryShape) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain_rotary::<Flex>(x, &shape);
        }
        let x = dense(x);
        by_type!(x, T => turned::<T>(&x, &shape, false), else unreachable!("`takes`"))
    }

    fn swiglu(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        if !takes(gate.dtype()) {
            return plain_swiglu::<Flex>(gate, up);
        }
        let (gate, up) = (dense(gate), dense(up));
        by_type!(gate, T => gated::<T>(&gate, &up), else unreachable!("`takes`"))
    }

    fn frozen_linear(x: FlexTensor, weight: Matrix) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain_frozen_linear::<Flex>(x, &weight);
        }
        let x = dense(x);
        by_type!(x, T => frozen_forward::<T>(&x, &weight, Precision::F32),
            else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> DecoderOps for Autodiff<Flex, C> {
    fn rotary_rows(x: Node<C>, shape: RotaryShape) -> Node<C> {
        if !takes(x.dtype()) {
            return plain_rotary::<Self>(x, &shape);
        }
        record::<_, C, _>([x], |[x], _| {
            let x = dense(x);
            let y = by_type!(x, T => turned::<T>(&x, &shape, false), else unreachable!("`takes`"));
            (y, RotaryRule { shape })
        })
    }

    fn swiglu(gate: Node<C>, up: Node<C>) -> Node<C> {
        if !takes(gate.dtype()) {
            return plain_swiglu::<Self>(gate, up);
        }
        record::<_, C, _>([gate, up], |[gate, up], _| {
            let (gate, up) = (dense(gate), dense(up));
            let y = by_type!(gate, T => gated::<T>(&gate, &up), else unreachable!("`takes`"));
            (y, GatedRule { gate, up })
        })
    }

    fn frozen_linear(x: Node<C>, weight: Matrix) -> Node<C> {
        if !takes(x.dtype()) {
            return plain_frozen_linear::<Self>(x, &weight);
        }
        record::<_, C, _>([x], |[x], _| {
            let (x, precision) = (dense(x), precision::current());
            let y = by_type!(x, T => frozen_forward::<T>(&x, &weight, precision),
                else unreachable!("`takes`"));
            (y, FrozenRule { weight, precision })
        })
    }
}

fn turned<T: Value>(x: &FlexTensor, shape: &RotaryShape, back: bool) -> FlexTensor {
    new::<T>(&x.shape().to_vec(), |y| {
        y.copy_from_slice(values::<T>(x));
        shape.rotary.turn(y, shape.heads, &shape.positions, back);
    })
}

#[derive(Debug, Clone)]
struct RotaryRule {
    shape: RotaryShape,
}

impl Rule<1> for RotaryRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => turned::<T>(&dy, &self.shape, true), else unreachable!("`takes`")),
        )]
    }
}

fn gated<T: Value + Math>(gate: &FlexTensor, up: &FlexTensor) -> FlexTensor {
    assert_eq!(
        gate.shape(),
        up.shape(),
        "swiglu: shapes of gate and values"
    );
    new::<T>(&gate.shape().to_vec(), |y| {
        cpu::forward(values::<T>(gate), values::<T>(up), y)
    })
}

#[derive(Debug, Clone)]
struct GatedRule {
    gate: FlexTensor,
    up: FlexTensor,
}

impl GatedRule {
    fn backward<T: Value + Math>(&self, dy: &FlexTensor) -> [FlexTensor; 2] {
        let shape = dy.shape().to_vec();
        let (gate, up) = (values::<T>(&self.gate), values::<T>(&self.up));
        let mut dup = None;
        let dgate = new::<T>(&shape, |dgate| {
            dup = Some(new::<T>(&shape, |dup| {
                cpu::backward(gate, up, values::<T>(dy), dgate, dup)
            }));
        });
        let Some(dup) = dup else {
            unreachable!("`new` calls what it is given")
        };
        [dgate, dup]
    }
}

impl Rule<2> for GatedRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let dy = dense(dy);
        by_type!(dy, T => self.backward::<T>(&dy), else unreachable!("`takes`")).map(Some)
    }
}

/// `shape` with another last dimension.
fn with_features(shape: &[usize], from: usize, to: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    assert_eq!(
        shape.last(),
        Some(&from),
        "linear: features of input and weight"
    );
    if let Some(last) = shape.last_mut() {
        *last = to;
    }
    shape
}

fn frozen_forward<T: Value>(x: &FlexTensor, weight: &Matrix, precision: Precision) -> FlexTensor {
    let shape = with_features(&x.shape().to_vec(), weight.cols(), weight.rows());
    new::<T>(&shape, |y| {
        frozen::forward(weight, values::<T>(x), precision, y)
    })
}

/// No more than the weights, which the layer keeps anyway.
#[derive(Debug, Clone)]
struct FrozenRule {
    weight: Matrix,
    precision: Precision,
}

impl FrozenRule {
    fn backward<T: Value>(&self, dy: &FlexTensor) -> FlexTensor {
        let weight = &self.weight;
        let shape = with_features(&dy.shape().to_vec(), weight.rows(), weight.cols());
        new::<T>(&shape, |dx| {
            frozen::backward(weight, values::<T>(dy), self.precision, dx)
        })
    }
}

impl Rule<1> for FrozenRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => self.backward::<T>(&dy), else unreachable!("`takes`")),
        )]
    }
}

/// Numbers as a tensor beside `like`.
fn constant<B: Backend>(
    numbers: Vec<f32>,
    shape: &[usize],
    like: &FloatTensor<B>,
) -> FloatTensor<B> {
    let data = TensorData::new(numbers, shape.to_vec()).convert_dtype(like.dtype());
    B::float_from_data(data, &like.device())
}

fn plain_rotary<B: Backend>(x: FloatTensor<B>, s: &RotaryShape) -> FloatTensor<B> {
    let (shape, tokens, half) = (x.shape(), s.positions.len(), s.rotary.dim() / 2);
    // Turning (1, 0) gives a head's cosines and sines.
    let mut units = vec![0.0; tokens * 2 * half];
    units
        .chunks_mut(half.max(1))
        .step_by(2)
        .for_each(|ones| ones.fill(1.0));
    s.rotary.apply(&mut units, 1, &s.positions);
    let angles = constant::<B>(units, &[tokens, 1, 2, half], &x);
    let x = B::float_reshape(x, Shape::from(vec![tokens, s.heads, 2, half]));
    let part = |x: &FloatTensor<B>, heads: usize, i: usize| {
        let bounds = [0..tokens, 0..heads, i..i + 1, 0..half];
        let slices = bounds.map(|r| Slice::from(r.start as isize..r.end as isize));
        B::float_slice(x.clone(), &slices)
    };
    let (a, b) = (part(&x, s.heads, 0), part(&x, s.heads, 1));
    let (cos, sin) = (part(&angles, 1, 0), part(&angles, 1, 1));
    let times = |x: &FloatTensor<B>, y: &FloatTensor<B>| B::float_mul(x.clone(), y.clone());
    let first = B::float_sub(times(&a, &cos), times(&b, &sin));
    let second = B::float_add(times(&b, &cos), times(&a, &sin));
    B::float_reshape(B::float_cat(vec![first, second], 2), shape)
}

fn plain_swiglu<B: Backend>(gate: FloatTensor<B>, up: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(plain::activate::<B>(gate, Activation::Silu), up)
}

fn plain_frozen_linear<B: Backend>(x: FloatTensor<B>, weight: &Matrix) -> FloatTensor<B> {
    let mut rows = vec![0.0; weight.rows() * weight.cols()];
    for (i, row) in rows.chunks_exact_mut(weight.cols()).enumerate() {
        weight.row(i, row);
    }
    let weight = constant::<B>(rows, &[weight.rows(), weight.cols()], &x);
    plain::linear::<B>(x, weight, None, None)
}
