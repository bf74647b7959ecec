//! Pooling.

use super::FeatureMap;
use crate::ops::{PoolOps, PoolShape};
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// The largest value of each square window.
#[derive(Debug, Clone, Copy)]
pub struct MaxPool2d(PoolShape);

impl MaxPool2d {
    /// A window of `kernel` pixels moved by `stride`, padded by `padding` on each side.
    pub fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self(PoolShape {
            kernel,
            stride,
            pad: padding,
        })
    }

    /// `h' = (h + 2 padding - kernel) / stride + 1`.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = <Dispatch as PoolOps>::max_pool2d_nhwc(x.0.into_dispatch(), self.0);
        FeatureMap(Tensor::from_dispatch(y))
    }
}

/// The mean of each square window.
#[derive(Debug, Clone, Copy)]
pub struct AvgPool2d {
    shape: PoolShape,
    include_padding: bool,
}

impl AvgPool2d {
    /// A window of `kernel` pixels moved by `stride`, padded by `padding` zeros on each side. As in
    /// PyTorch the zeros count; see [`Self::without_padding`].
    pub fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            shape: PoolShape {
                kernel,
                stride,
                pad: padding,
            },
            include_padding: true,
        }
    }

    /// Divides by the number of pixels of the picture in the window.
    pub fn without_padding(self) -> Self {
        Self {
            include_padding: false,
            ..self
        }
    }

    /// `h' = (h + 2 padding - kernel) / stride + 1`.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let x = x.0.into_dispatch();
        let y = <Dispatch as PoolOps>::avg_pool2d_nhwc(x, self.shape, self.include_padding);
        FeatureMap(Tensor::from_dispatch(y))
    }
}

/// The means of `out` bins, vertical and horizontal, which together cover the picture: a map of that
/// size, whatever the size of `x`. Neighbouring bins overlap where the sizes do not divide.
pub fn adaptive_avg_pool(x: FeatureMap, out: [usize; 2]) -> FeatureMap {
    let y = <Dispatch as PoolOps>::adaptive_avg_pool2d_nhwc(x.0.into_dispatch(), out);
    FeatureMap(Tensor::from_dispatch(y))
}

/// The mean of each channel, `[batch, channels]`.
pub fn global_avg_pool(x: FeatureMap) -> Tensor<2> {
    let y = <Dispatch as PoolOps>::global_avg_pool_nhwc(x.0.into_dispatch());
    Tensor::from_dispatch(y)
}
