//! Convolution and transposed convolution.

use super::conv_transposed::{transposed, transposed_forward, transposed_recorded};
use super::packed::{prepared, settled};
use super::product::Product;
use super::{Maybe, NormConfig, NormOps, plain, takes};
use crate::by_type;
use crate::cpu::epilogue::Epilogue;
use crate::cpu::{batch_norm, conv, winograd};
use crate::graph::{Node, Rule, record};
use crate::precision::{self, Precision};
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

    /// A convolution followed by a batch norm with given statistics, and by what the config says:
    /// `act(norm(conv(x)) [+ residual])`.
    #[allow(clippy::too_many_arguments)] // operands of three layers in one
    fn conv2d_norm_nhwc(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        #[extension_type] residual: Maybe<Self>,
        shape: ConvShape,
        config: NormConfig,
    ) -> FloatTensor<Self> {
        let y = plain::conv2d::<Self>(x, weight, bias.option(), shape);
        let (affine, statistics) = ([gamma, beta], [mean, variance]);
        plain::batch_norm::<Self>(y, affine, statistics, residual.option(), config)
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
        let (weight, lasting) = settled(weight);
        let x = dense(x);
        let plan = Plan::new(&x, &weight, shape, Precision::F32);
        by_type!(x, T => plan.infer::<T>(&x, &weight, lasting, bias, None),
            else unreachable!("`takes`"))
    }

    fn conv2d_norm_nhwc(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Flex>,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        residual: Maybe<Flex>,
        shape: ConvShape,
        config: NormConfig,
    ) -> FlexTensor {
        let (bias, residual) = (bias.option(), residual.option());
        if !takes(x.dtype()) {
            let y = plain::conv2d::<Flex>(x, weight, bias, shape);
            return plain::batch_norm::<Flex>(y, [gamma, beta], [mean, variance], residual, config);
        }
        let (weight, lasting) = settled(weight);
        let x = dense(x);
        let plan = Plan::new(&x, &weight, shape, Precision::F32);
        let after = After {
            norm: [gamma, beta, mean, variance].map(dense),
            residual: residual.map(dense),
            config,
        };
        by_type!(x, T => plan.infer::<T>(&x, &weight, lasting, bias, Some(after)),
            else unreachable!("`takes`"))
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

    fn conv2d_norm_nhwc(
        x: Node<C>,
        weight: Node<C>,
        bias: Maybe<Self>,
        gamma: Node<C>,
        beta: Node<C>,
        mean: Node<C>,
        variance: Node<C>,
        residual: Maybe<Self>,
        shape: ConvShape,
        config: NormConfig,
    ) -> Node<C> {
        // The backward pass needs what lies between the two.
        let y = Self::conv2d_nhwc(x, weight, bias, shape);
        Self::batch_norm_rows(y, gamma, beta, mean, variance, residual, config)
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

/// What follows a convolution outside of training.
struct After {
    /// γ, β, mean and variance.
    norm: [FlexTensor; 4],
    residual: Option<FlexTensor>,
    config: NormConfig,
}

/// Which algorithm a convolution takes.
#[derive(Debug, Clone, Copy)]
enum Plan {
    Winograd(winograd::Shape3x3),
    General(Product),
}

impl Plan {
    fn new(x: &FlexTensor, weight: &FlexTensor, s: ConvShape, precision: Precision) -> Self {
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
        let geometry = conv::Geometry {
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
        };
        Self::General(Product {
            geometry,
            precision,
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
            Self::General(Product { geometry: g, .. }) => {
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
            Self::General(p) => p.forward(x, weight, bias, y),
        })
    }

    /// Outside of training: with weights that are kept in the kernels' order if they last, and with
    /// what comes after while the outputs are in the cache.
    fn infer<T: Value>(
        &self,
        x: &FlexTensor,
        weight: &FlexTensor,
        lasting: bool,
        bias: Option<FlexTensor>,
        after: Option<After>,
    ) -> FlexTensor {
        let bias = bias.map(dense);
        let bias = bias.as_ref().map(values::<T>);
        let folded = after.as_ref().map(|after| {
            let [gamma, beta, mean, variance] = after.norm.each_ref().map(values::<T>);
            batch_norm::fold(gamma, beta, mean, variance, after.config.epsilon)
        });
        let after = folded.as_ref().zip(after.as_ref());
        let after = after.map(|((scale, shift), after)| Epilogue {
            scale,
            shift,
            residual: after.residual.as_ref().map(values::<T>),
            relu: after.config.relu,
        });
        let x = values::<T>(x);
        new::<T>(&self.shapes().0, |y| match self {
            Self::Winograd(s) => {
                let fits = |filters: &winograd::Filters<T>| filters.fit(s);
                let make = |w: &[T]| winograd::Filters::new(s, w);
                let ready = lasting.then(|| prepared(weight, fits, make)).flatten();
                let source = match &ready {
                    Some(filters) => winograd::Source::Ready(filters),
                    None => winograd::Source::Plain(values::<T>(weight)),
                };
                winograd::forward_then(s, x, source, bias, after.as_ref(), y)
            }
            Self::General(Product { geometry: g, .. }) => {
                let fits = |packed: &conv::Packed<T>| packed.fits(g);
                let make = |w: &[T]| Some(conv::Packed::new(g, w));
                let pays = lasting && conv::worth_packing_for(g);
                let ready = pays.then(|| prepared(weight, fits, make)).flatten();
                let source = match &ready {
                    Some(packed) => conv::Source::Packed(packed),
                    None => conv::Source::Plain(values::<T>(weight)),
                };
                conv::forward_then(g, x, source, bias, after.as_ref(), y)
            }
        })
    }

    fn input_gradient<T: Value>(&self, weight: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        let (weight, dy) = (values::<T>(weight), values::<T>(dy));
        new::<T>(&self.shapes().1, |dx| match self {
            Self::Winograd(s) => winograd::backward_data(s, weight, dy, dx),
            Self::General(p) => p.backward_data(weight, dy, dx),
        })
    }

    fn weight_gradient<T: Value>(&self, x: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        let (x, dy) = (values::<T>(x), values::<T>(dy));
        new::<T>(&self.shapes().2, |dw| match self {
            Self::Winograd(s) => winograd::backward_weights(s, x, dy, dw),
            Self::General(p) => p.backward_weights(x, dy, dw),
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
    let plan = Plan::new(&x, &weight, shape, precision::current());
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
pub(super) fn bias_gradient<T: Value>(dy: &FlexTensor, channels: usize) -> FlexTensor {
    new::<T>(&[channels], |db| conv::bias_gradient(values::<T>(dy), db))
}
