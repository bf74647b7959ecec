//! Convolution and transposed convolution.

use super::{Maybe, plain, takes};
use crate::by_type;
use crate::cpu::{conv, winograd};
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, new, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};

/// How the kernel moves over the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Steps in pixels, vertical and horizontal.
    pub stride: [usize; 2],
    /// Zeros around the picture: top, left, bottom, right.
    pub pad: [usize; 4],
    /// Distance between the pixels under a kernel.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

/// Convolutions of channels-last pictures.
#[backend_extension(Autodiff, Flex)]
pub trait ConvOps: Backend {
    /// Cross-correlation of `[n, h, w, in]` with `[out, in / groups, kh, kw]`, `[n, h', w', out]`.
    fn conv2d_nhwc(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        shape: ConvShape,
    ) -> FloatTensor<Self> {
        plain::conv2d::<Self>(x, weight, bias.option(), shape)
    }

    /// Transposed convolution of `[n, h, w, in]` with `[in, out, k, k]` whose stride is the kernel's
    /// side or less: `[n, (h - 1) stride + k, …, out]`.
    fn conv_transpose2d_nhwc(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        plain::conv_transpose2d::<Self>(x, weight, bias.option(), stride)
    }
}

impl ConvOps for Flex {
    fn conv2d_nhwc(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Flex>,
        shape: ConvShape,
    ) -> FlexTensor {
        let bias = bias.option();
        if !takes(x.dtype()) {
            return plain::conv2d::<Flex>(x, weight, bias, shape);
        }
        let (x, weight) = (dense(x), dense(weight));
        let plan = Plan::new(&x, &weight, shape);
        by_type!(x, T => plan.forward::<T>(&x, &weight, bias), else unreachable!("`takes`"))
    }

    fn conv_transpose2d_nhwc(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Flex>,
        stride: usize,
    ) -> FlexTensor {
        let bias = bias.option();
        if !takes(x.dtype()) {
            return plain::conv_transpose2d::<Flex>(x, weight, bias, stride);
        }
        let (x, weight) = (dense(x), dense(weight));
        let g = transposed(&x, &weight, stride);
        by_type!(x, T => transposed_forward::<T>(&g, &x, &weight, bias), else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> ConvOps for Autodiff<Flex, C> {
    fn conv2d_nhwc(x: Node<C>, weight: Node<C>, bias: Maybe<Self>, shape: ConvShape) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::conv2d::<Self>(x, weight, bias.option(), shape);
        }
        match bias {
            Maybe::Some(bias) => record::<_, C, _>([x, weight, bias], |[x, w, b], wanted| {
                conv_recorded(x, w, Some(b), shape, &wanted)
            }),
            Maybe::None => record::<_, C, _>([x, weight], |[x, w], wanted| {
                conv_recorded(x, w, None, shape, &wanted)
            }),
        }
    }

    fn conv_transpose2d_nhwc(
        x: Node<C>,
        weight: Node<C>,
        bias: Maybe<Self>,
        stride: usize,
    ) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::conv_transpose2d::<Self>(x, weight, bias.option(), stride);
        }
        match bias {
            Maybe::Some(bias) => record::<_, C, _>([x, weight, bias], |[x, w, b], wanted| {
                transposed_recorded(x, w, Some(b), stride, &wanted)
            }),
            Maybe::None => record::<_, C, _>([x, weight], |[x, w], wanted| {
                transposed_recorded(x, w, None, stride, &wanted)
            }),
        }
    }
}

/// Which algorithm a convolution takes.
#[derive(Debug, Clone, Copy)]
enum Plan {
    Winograd(winograd::Shape3x3),
    General(conv::Geometry),
}

impl Plan {
    fn new(x: &FlexTensor, weight: &FlexTensor, s: ConvShape) -> Self {
        let [n, h, w, cin] = dims(x);
        let [cout, per_group, kh, kw] = dims(weight);
        assert_eq!(
            cin,
            per_group * s.groups,
            "conv2d: channels of input and weight"
        );
        let simple = [kh, kw] == [3, 3]
            && s.stride == [1, 1]
            && s.dilation == [1, 1]
            && s.groups == 1
            && s.pad.iter().all(|p| *p <= 2);
        if simple {
            let shape = winograd::Shape3x3 {
                n,
                h,
                w,
                cin,
                cout,
                pad: s.pad,
            };
            if winograd::pays(&shape) {
                return Self::Winograd(shape);
            }
        }
        Self::General(conv::Geometry {
            n,
            h,
            w,
            cin,
            cout,
            kernel: [kh, kw],
            stride: s.stride,
            pad: s.pad,
            dilation: s.dilation,
            groups: s.groups,
        })
    }

    /// `[n, h, w, c]` of the output and the input, and the weight's shape.
    fn shapes(&self) -> ([usize; 4], [usize; 4], [usize; 4]) {
        match self {
            Self::Winograd(s) => {
                let (oh, ow) = s.output();
                (
                    [s.n, oh, ow, s.cout],
                    [s.n, s.h, s.w, s.cin],
                    [s.cout, s.cin, 3, 3],
                )
            }
            Self::General(g) => {
                let ([oh, ow], [kh, kw]) = (g.out(), g.kernel);
                (
                    [g.n, oh, ow, g.cout],
                    [g.n, g.h, g.w, g.cin],
                    [g.cout, g.cin / g.groups, kh, kw],
                )
            }
        }
    }

    fn forward<T: Value>(
        &self,
        x: &FlexTensor,
        weight: &FlexTensor,
        bias: Option<FlexTensor>,
    ) -> FlexTensor {
        let bias = bias.map(dense);
        let bias = bias.as_ref().map(values::<T>);
        let (x, weight) = (values::<T>(x), values::<T>(weight));
        new::<T>(&self.shapes().0, |y| match self {
            Self::Winograd(s) => winograd::forward(s, x, weight, bias, y),
            Self::General(g) => conv::forward(g, x, weight, bias, y),
        })
    }

    fn input_gradient<T: Value>(&self, weight: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        let (weight, dy) = (values::<T>(weight), values::<T>(dy));
        new::<T>(&self.shapes().1, |dx| match self {
            Self::Winograd(s) => winograd::backward_data(s, weight, dy, dx),
            Self::General(g) => conv::backward_data(g, weight, dy, dx),
        })
    }

    fn weight_gradient<T: Value>(&self, x: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        let (x, dy) = (values::<T>(x), values::<T>(dy));
        new::<T>(&self.shapes().2, |dw| match self {
            Self::Winograd(s) => winograd::backward_weights(s, x, dy, dw),
            Self::General(g) => conv::backward_weights(g, x, dy, dw),
        })
    }
}

/// What the backward pass of a convolution keeps.
#[derive(Debug, Clone)]
struct ConvRule {
    plan: Plan,
    /// Kept if the weight needs a gradient.
    x: Option<FlexTensor>,
    /// Kept if the input needs a gradient.
    weight: Option<FlexTensor>,
}

fn conv_recorded(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    shape: ConvShape,
    wanted: &[bool],
) -> (FlexTensor, ConvRule) {
    let (x, weight) = (dense(x), dense(weight));
    let plan = Plan::new(&x, &weight, shape);
    let y = by_type!(x, T => plan.forward::<T>(&x, &weight, bias), else unreachable!("`takes`"));
    let rule = ConvRule {
        plan,
        x: wanted[1].then_some(x),
        weight: wanted[0].then_some(weight),
    };
    (y, rule)
}

impl<const N: usize> Rule<N> for ConvRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let dy = dense(dy);
        by_type!(dy, T => std::array::from_fn(|i| match i {
            _ if !wanted[i] => None,
            0 => self.weight.as_ref().map(|w| self.plan.input_gradient::<T>(w, &dy)),
            1 => self.x.as_ref().map(|x| self.plan.weight_gradient::<T>(x, &dy)),
            _ => Some(bias_gradient::<T>(&dy, self.plan.shapes().0[3])),
        }), else unreachable!("`takes`"))
    }
}

/// Column sums of `dy` as rows of `channels`.
fn bias_gradient<T: Value>(dy: &FlexTensor, channels: usize) -> FlexTensor {
    new::<T>(&[channels], |db| conv::bias_gradient(values::<T>(dy), db))
}

/// The geometry of a transposed convolution.
fn transposed(x: &FlexTensor, weight: &FlexTensor, stride: usize) -> conv::Geometry {
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

fn transposed_forward<T: Value>(
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
struct TransposedRule {
    geometry: conv::Geometry,
    x: Option<FlexTensor>,
    weight: Option<FlexTensor>,
}

fn transposed_recorded(
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
