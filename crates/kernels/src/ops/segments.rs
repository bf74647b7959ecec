//! Attention inside of the segments of one row: several texts, one after the other, of which none sees
//! another.

use super::attention::AttentionShape;
use super::{plain, takes};
use crate::by_type;
use crate::cpu::attention as cpu;
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, new, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::Slice;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// How a row is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentShape {
    /// Heads of the queries, side by side in a row.
    pub heads: usize,
    /// Tokens of each segment; together they are the whole row.
    pub lengths: Arc<[usize]>,
}

/// Attention over segments.
#[backend_extension(Autodiff, Flex)]
pub trait SegmentOps: Backend {
    /// Causal attention of queries `[1, tokens, heads dim]` to keys and values `[1, tokens, kv_heads dim]`
    /// within each segment, `[1, tokens, heads dim]`.
    fn attention_segments(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        shape: SegmentShape,
    ) -> FloatTensor<Self> {
        one_by_one::<Self>([q, k, v], &shape)
    }
}

impl SegmentOps for Flex {
    fn attention_segments(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        shape: SegmentShape,
    ) -> FlexTensor {
        if !takes(q.dtype()) {
            return one_by_one::<Flex>([q, k, v], &shape);
        }
        let segments = Segments::new([q, k, v], shape);
        by_type!(segments.operands[0], T => segments.forward::<T>().0, else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> SegmentOps for Autodiff<Flex, C> {
    fn attention_segments(q: Node<C>, k: Node<C>, v: Node<C>, shape: SegmentShape) -> Node<C> {
        if !takes(q.dtype()) {
            return one_by_one::<Self>([q, k, v], &shape);
        }
        record::<_, C, _>([q, k, v], |operands, _| {
            let segments = Segments::new(operands, shape);
            let (output, lse) = by_type!(segments.operands[0], T => segments.forward::<T>(),
                else unreachable!("`takes`"));
            let rule = SegmentRule {
                segments,
                output: output.clone(),
                lse,
            };
            (output, rule)
        })
    }
}

/// Each segment by itself, with Burn's operations.
fn one_by_one<B: Backend>(operands: [FloatTensor<B>; 3], shape: &SegmentShape) -> FloatTensor<B> {
    let mut start = 0;
    let outputs = shape.lengths.iter().map(|length| {
        let rows = start as isize..(start + length) as isize;
        start += length;
        let part = |x: &FloatTensor<B>| {
            let width = x.shape()[2] as isize;
            let slices = [0..1, rows.clone(), 0..width].map(Slice::from);
            B::float_slice(x.clone(), &slices)
        };
        let attention = AttentionShape {
            heads: shape.heads,
            causal: true,
        };
        plain::attention::<B>(operands.each_ref().map(part), None, attention)
    });
    B::float_cat(outputs.collect(), 1)
}

/// Sizes of a token.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    heads: usize,
    kv_heads: usize,
    dim: usize,
}

impl Sizes {
    /// Numbers of a token in queries, in keys and in values.
    fn widths(self) -> [usize; 3] {
        let keys = self.kv_heads * self.dim;
        [self.heads * self.dim, keys, keys]
    }

    /// Of a segment alone.
    fn of_segment(self, length: usize) -> cpu::Shape {
        cpu::Shape {
            batch: 1,
            heads: self.heads,
            kv_heads: self.kv_heads,
            q_len: length,
            kv_len: length,
            dim: self.dim,
        }
    }

    fn options(self) -> cpu::Options<'static> {
        cpu::Options {
            causal: true,
            mask: None,
            scale: 1.0 / (self.dim as f64).sqrt(),
        }
    }

    /// Queries, keys and values of the segment at `place`.
    fn rows<'a, T>(self, operands: [&'a [T]; 3], place: &Range<usize>) -> [cpu::Rows<'a, T>; 3] {
        let widths = self.widths();
        std::array::from_fn(|i| cpu::Rows {
            data: &operands[i][place.start * widths[i]..place.end * widths[i]],
            view: cpu::View::contiguous(place.len(), widths[i]),
        })
    }
}

/// Queries, keys and values of a row, dense, with its division.
#[derive(Debug, Clone)]
struct Segments {
    operands: [FlexTensor; 3],
    places: Arc<[Range<usize>]>,
    sizes: Sizes,
}

impl Segments {
    fn new(operands: [FlexTensor; 3], shape: SegmentShape) -> Self {
        let operands = operands.map(dense);
        let [[rows, tokens, width], k, v] = operands.each_ref().map(dims::<3>);
        let heads = shape.heads;
        assert!(
            heads > 0 && width > 0 && width.is_multiple_of(heads),
            "attention: rows of {width} are not {heads} heads"
        );
        assert!(
            rows == 1 && shape.lengths.iter().sum::<usize>() == tokens,
            "attention: the segments are not one row"
        );
        let dim = width / heads;
        assert!(
            k == v && k[..2] == [1, tokens] && k[2].is_multiple_of(dim),
            "attention: keys and values of another shape"
        );
        let mut next = 0;
        let place = |length: &usize| {
            next += length;
            next - length..next
        };
        Self {
            operands,
            places: shape.lengths.iter().map(place).collect(),
            sizes: Sizes {
                heads,
                kv_heads: k[2] / dim,
                dim,
            },
        }
    }

    fn tokens(&self) -> usize {
        self.places.last().map_or(0, |place| place.end)
    }

    /// The output, and the logarithm of each softmax's denominator: `[heads, tokens]` of a segment after
    /// those of the one before.
    fn forward<T: Value>(&self) -> (FlexTensor, FlexTensor) {
        let (sizes, tokens, places) = (self.sizes, self.tokens(), &*self.places);
        let operands = self.operands.each_ref().map(values::<T>);
        let width = sizes.widths()[0];
        let mut lse = None;
        let output = new::<T>(&[1, tokens, width], |output| {
            lse = Some(new::<T>(&[tokens, sizes.heads], |lse| {
                let parts =
                    cut(output, places, width)
                        .into_par_iter()
                        .zip(cut(lse, places, sizes.heads));
                parts.zip(places).for_each(|((output, lse), place)| {
                    let [q, k, v] = sizes.rows(operands, place);
                    let shape = sizes.of_segment(place.len());
                    cpu::forward(&shape, q, k, v, &sizes.options(), output, lse);
                });
            }));
        });
        match lse {
            Some(lse) => (output, lse),
            None => unreachable!("`new` calls its writer"),
        }
    }
}

/// Cuts what has `width` numbers a token at the ends of the segments.
fn cut<'a, T>(mut whole: &'a mut [T], places: &[Range<usize>], width: usize) -> Vec<&'a mut [T]> {
    let part = |place: &Range<usize>| {
        let (part, rest) = std::mem::take(&mut whole).split_at_mut(place.len() * width);
        whole = rest;
        part
    };
    places.iter().map(part).collect()
}

/// What the backward pass keeps.
#[derive(Debug, Clone)]
struct SegmentRule {
    segments: Segments,
    output: FlexTensor,
    lse: FlexTensor,
}

impl SegmentRule {
    /// The gradients of queries, keys and values.
    fn backward<T: Value>(&self, dy: &FlexTensor) -> [FlexTensor; 3] {
        let tokens = self.segments.tokens();
        let [width, keys, values] = self.segments.sizes.widths();
        let mut found = None;
        let dq = new::<T>(&[1, tokens, width], |q| {
            let mut dv = None;
            let dk = new::<T>(&[1, tokens, keys], |k| {
                dv = Some(new::<T>(&[1, tokens, values], |v| {
                    self.write(dy, [q, k, v])
                }));
            });
            found = dv.map(|dv| (dk, dv));
        });
        match found {
            Some((dk, dv)) => [dq, dk, dv],
            None => unreachable!("`new` calls its writer"),
        }
    }

    fn write<T: Value>(&self, dy: &FlexTensor, [dq, dk, dv]: [&mut [T]; 3]) {
        let (sizes, places) = (self.segments.sizes, &*self.segments.places);
        let operands = self.segments.operands.each_ref().map(values::<T>);
        let (output, lse) = (values::<T>(&self.output), values::<T>(&self.lse));
        let dy = values::<T>(dy);
        let [width, of_keys, _] = sizes.widths();
        let gradients = cut(dq, places, width)
            .into_par_iter()
            .zip(cut(dk, places, of_keys))
            .zip(cut(dv, places, of_keys));
        gradients.zip(places).for_each(|(((dq, dk), dv), place)| {
            let part = |width: usize| place.start * width..place.end * width;
            let [q, k, v] = sizes.rows(operands, place);
            cpu::backward(
                &sizes.of_segment(place.len()),
                q,
                k,
                v,
                &sizes.options(),
                &output[part(width)],
                &lse[part(sizes.heads)],
                &dy[part(width)],
                cpu::Gradients::Separate {
                    q: rows_mut(dq, place.len(), width),
                    k: rows_mut(dk, place.len(), of_keys),
                    v: rows_mut(dv, place.len(), of_keys),
                },
            );
        });
    }
}

/// All rows of a segment, to write.
fn rows_mut<T>(data: &mut [T], length: usize, width: usize) -> cpu::RowsMut<'_, T> {
    cpu::RowsMut {
        data,
        view: cpu::View::contiguous(length, width),
    }
}

impl Rule<3> for SegmentRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let dy = dense(dy);
        let found = by_type!(dy, T => self.backward::<T>(&dy), else unreachable!("`takes`"));
        let mut found = found.into_iter();
        std::array::from_fn(|i| found.next().filter(|_| wanted[i]))
    }
}
