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

/// The mean of each channel, `[batch, channels]`.
pub fn global_avg_pool(x: FeatureMap) -> Tensor<2> {
    let y = <Dispatch as PoolOps>::global_avg_pool_nhwc(x.0.into_dispatch());
    Tensor::from_dispatch(y)
}
