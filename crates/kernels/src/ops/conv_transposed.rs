//! The transposed convolution between Burn's tensors and its kernels.

use super::conv::bias_gradient;
use crate::by_type;
use crate::cpu::conv;
use crate::graph::Rule;
use crate::tensor::{Value, dense, dims, new, values};
use burn::backend::flex::FlexTensor;

/// The geometry of a transposed convolution.
pub(super) fn transposed(x: &FlexTensor, weight: &FlexTensor, stride: usize) -> conv::Geometry {
    let [n, h, w, cin] = dims(x);
    let [from, cout, kh, kw] = dims(weight);
    assert_eq!(cin, from, "conv_transpose2d: channels of input and weight");
    conv::Geometry {
        n,
        h,
        w,
        cin,
        cout,
        kernel: [kh, kw],
        stride: [stride; 2],
        pad: [0; 4],
        dilation: [1; 2],
        groups: 1,
    }
}

pub(super) fn transposed_forward<T: Value>(
    g: &conv::Geometry,
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<FlexTensor>,
) -> FlexTensor {
    let bias = bias.map(dense);
    let bias = bias.as_ref().map(values::<T>);
    let [oh, ow] = g.transposed_out([0; 2]);
    new::<T>(&[g.n, oh, ow, g.cout], |y| {
        conv::transposed_forward(g, [0; 2], values::<T>(x), values::<T>(weight), bias, y)
    })
}

/// What the backward pass of a transposed convolution keeps.
#[derive(Debug, Clone)]
pub(super) struct TransposedRule {
    geometry: conv::Geometry,
    x: Option<FlexTensor>,
    weight: Option<FlexTensor>,
}

pub(super) fn transposed_recorded(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    stride: usize,
    wanted: &[bool],
) -> (FlexTensor, TransposedRule) {
    let (x, weight) = (dense(x), dense(weight));
    let g = transposed(&x, &weight, stride);
    let y = by_type!(x, T => transposed_forward::<T>(&g, &x, &weight, bias), else unreachable!("`takes`"));
    let rule = TransposedRule {
        geometry: g,
        x: wanted[1].then_some(x),
        weight: wanted[0].then_some(weight),
    };
    (y, rule)
}

impl<const N: usize> Rule<N> for TransposedRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let dy = dense(dy);
        let g = &self.geometry;
        by_type!(dy, T => std::array::from_fn(|i| match i {
            _ if !wanted[i] => None,
            0 => self.weight.as_ref().map(|w| new::<T>(&[g.n, g.h, g.w, g.cin], |dx| {
                conv::transposed_backward_data(g, [0; 2], values::<T>(w), values::<T>(&dy), dx)
            })),
            1 => self.x.as_ref().map(|x| {
                new::<T>(&[g.cin, g.cout, g.kernel[0], g.kernel[1]], |dw| {
                    conv::transposed_backward_weights(g, [0; 2], values::<T>(x), values::<T>(&dy), dw)
                })
            }),
            _ => Some(bias_gradient::<T>(&dy, g.cout)),
        }), else unreachable!("`takes`"))
    }
}
