//! Pooling of channels-last pictures.

use super::{plain, takes};
use crate::by_type;
use crate::cpu::{pool as cpu, pool_average, pool_global, pool_max};
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, new, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use std::sync::Arc;

/// A square window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// Side in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Pixels added on each side: they never win, and count as zeros in a mean.
    pub pad: usize,
}

/// Pooling over height and width of `[n, h, w, c]`.
#[backend_extension(Autodiff, Flex)]
pub trait PoolOps: Backend {
    /// The largest value of each window.
    fn max_pool2d_nhwc(x: FloatTensor<Self>, shape: PoolShape) -> FloatTensor<Self> {
        plain::max_pool2d::<Self>(x, shape)
    }

    /// The mean of each window; of its pixels in the picture alone unless `include_padding`.
    fn avg_pool2d_nhwc(
        x: FloatTensor<Self>,
        shape: PoolShape,
        include_padding: bool,
    ) -> FloatTensor<Self> {
        plain::avg_pool2d::<Self>(x, shape, include_padding)
    }

    /// The means of `out` bins, vertical and horizontal, which together cover the picture.
    fn adaptive_avg_pool2d_nhwc(x: FloatTensor<Self>, out: [usize; 2]) -> FloatTensor<Self> {
        plain::adaptive_avg_pool2d::<Self>(x, out)
    }

    /// The mean of each channel, `[n, c]`.
    fn global_avg_pool_nhwc(x: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::global_avg_pool::<Self>(x)
    }
}

impl PoolOps for Flex {
    fn max_pool2d_nhwc(x: FlexTensor, shape: PoolShape) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::max_pool2d::<Flex>(x, shape);
        }
        by_type!(x, T => max_pool::<T>(&dense(x), shape).0, else unreachable!("`takes`"))
    }

    fn avg_pool2d_nhwc(x: FlexTensor, shape: PoolShape, include_padding: bool) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::avg_pool2d::<Flex>(x, shape, include_padding);
        }
        let average = Average::sliding(&x, shape, include_padding);
        by_type!(x, T => average.forward::<T>(&dense(x)), else unreachable!("`takes`"))
    }

    fn adaptive_avg_pool2d_nhwc(x: FlexTensor, out: [usize; 2]) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::adaptive_avg_pool2d::<Flex>(x, out);
        }
        let average = Average::adaptive(&x, out);
        by_type!(x, T => average.forward::<T>(&dense(x)), else unreachable!("`takes`"))
    }

    fn global_avg_pool_nhwc(x: FlexTensor) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::global_avg_pool::<Flex>(x);
        }
        by_type!(x, T => mean_pool::<T>(&dense(x)), else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> PoolOps for Autodiff<Flex, C> {
    fn max_pool2d_nhwc(x: Node<C>, shape: PoolShape) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::max_pool2d::<Self>(x, shape);
        }
        record::<_, C, _>([x], |[x], _| {
            let geometry = geometry(&x, shape);
            let (y, winners) =
                by_type!(x, T => max_pool::<T>(&dense(x), shape), else unreachable!("`takes`"));
            (y, MaxRule { geometry, winners })
        })
    }

    fn avg_pool2d_nhwc(x: Node<C>, shape: PoolShape, include_padding: bool) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::avg_pool2d::<Self>(x, shape, include_padding);
        }
        record::<_, C, _>([x], |[x], _| {
            Average::sliding(&x, shape, include_padding).recorded(x)
        })
    }

    fn adaptive_avg_pool2d_nhwc(x: Node<C>, out: [usize; 2]) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::adaptive_avg_pool2d::<Self>(x, out);
        }
        record::<_, C, _>([x], |[x], _| Average::adaptive(&x, out).recorded(x))
    }

    fn global_avg_pool_nhwc(x: Node<C>) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::global_avg_pool::<Self>(x);
        }
        record::<_, C, _>([x], |[x], _| {
            let shape = dims(&x);
            let y = by_type!(x, T => mean_pool::<T>(&dense(x)), else unreachable!("`takes`"));
            (y, MeanRule { shape })
        })
    }
}

fn geometry(x: &FlexTensor, shape: PoolShape) -> cpu::Pool {
    let [n, h, w, c] = dims(x);
    cpu::Pool {
        n,
        h,
        w,
        c,
        kernel: [shape.kernel; 2],
        stride: [shape.stride; 2],
        padding: [shape.pad; 4],
    }
}

fn max_pool<T: Value>(x: &FlexTensor, shape: PoolShape) -> (FlexTensor, Arc<Vec<u32>>) {
    let g = geometry(x, shape);
    let [oh, ow] = g.output();
    let mut winners = vec![0; g.n * oh * ow * g.c];
    let y = new::<T>(&[g.n, oh, ow, g.c], |y| {
        pool_max::max_forward(&g, values::<T>(x), y, &mut winners)
    });
    (y, Arc::new(winners))
}

/// Means of windows, and all that the backward pass needs.
#[derive(Debug, Clone)]
enum Average {
    /// Windows of one size.
    Sliding {
        geometry: cpu::Pool,
        include_padding: bool,
    },
    /// As many bins as asked for.
    Adaptive { shape: [usize; 4], out: [usize; 2] },
}

impl Average {
    fn sliding(x: &FlexTensor, shape: PoolShape, include_padding: bool) -> Self {
        Self::Sliding {
            geometry: geometry(x, shape),
            include_padding,
        }
    }

    fn adaptive(x: &FlexTensor, out: [usize; 2]) -> Self {
        let shape = dims(x);
        Self::Adaptive { shape, out }
    }

    fn forward<T: Value>(&self, x: &FlexTensor) -> FlexTensor {
        let x = values::<T>(x);
        match self {
            Self::Sliding {
                geometry: g,
                include_padding,
            } => {
                let [oh, ow] = g.output();
                new::<T>(&[g.n, oh, ow, g.c], |y| {
                    pool_average::average_forward(g, *include_padding, x, y)
                })
            }
            Self::Adaptive { shape, out } => {
                let [n, _, _, c] = *shape;
                new::<T>(&[n, out[0], out[1], c], |y| {
                    pool_average::adaptive_forward(*shape, *out, x, y)
                })
            }
        }
    }

    fn recorded(self, x: FlexTensor) -> (FlexTensor, Self) {
        let y = by_type!(x, T => self.forward::<T>(&dense(x)), else unreachable!("`takes`"));
        (y, self)
    }

    fn backward<T: Value>(&self, dy: &FlexTensor) -> FlexTensor {
        let dy = values::<T>(dy);
        match self {
            Self::Sliding {
                geometry: g,
                include_padding,
            } => new::<T>(&[g.n, g.h, g.w, g.c], |dx| {
                pool_average::average_backward(g, *include_padding, dy, dx)
            }),
            Self::Adaptive { shape, out } => new::<T>(shape, |dx| {
                pool_average::adaptive_backward(*shape, *out, dy, dx)
            }),
        }
    }
}

impl Rule<1> for Average {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => self.backward::<T>(&dy), else unreachable!("`takes`")),
        )]
    }
}

fn mean_pool<T: Value>(x: &FlexTensor) -> FlexTensor {
    let [n, h, w, c] = dims(x);
    new::<T>(&[n, c], |y| {
        pool_global::global_forward([n, h * w, c], values::<T>(x), y)
    })
}

/// Which pixel each output came from.
#[derive(Debug, Clone)]
struct MaxRule {
    geometry: cpu::Pool,
    winners: Arc<Vec<u32>>,
}

impl Rule<1> for MaxRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let (g, dy) = (self.geometry, dense(dy));
        [Some(
            by_type!(dy, T => new::<T>(&[g.n, g.h, g.w, g.c], |dx| {
            pool_max::max_backward(&g, &self.winners, values::<T>(&dy), dx)
        }), else unreachable!("`takes`")),
        )]
    }
}

#[derive(Debug, Clone)]
struct MeanRule {
    shape: [usize; 4],
}

impl Rule<1> for MeanRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(by_type!(dy, T => new::<T>(&self.shape, |dx| {
            let [n, h, w, c] = self.shape;
            pool_global::global_backward([n, h * w, c], values::<T>(&dy), dx)
        }), else unreachable!("`takes`")))]
    }
}
