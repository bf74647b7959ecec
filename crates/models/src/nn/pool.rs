//! Pooling.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d as BurnMaxPool2d, MaxPool2dConfig};
use burn::tensor::Tensor;

/// The largest value of each square window.
pub struct MaxPool2d(BurnMaxPool2d);

impl MaxPool2d {
    /// A window of `kernel` pixels moved by `stride`, padded by `padding` on each side.
    pub fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self(
            MaxPool2dConfig::new([kernel; 2])
                .with_strides([stride; 2])
                .with_padding(PaddingConfig2d::Explicit(
                    padding, padding, padding, padding,
                ))
                .init(),
        )
    }

    /// `[batch, channels, h, w]` to `[batch, channels, h', w']`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.0.forward(x)
    }
}

/// The mean of each channel: `[batch, channels, h, w]` to `[batch, channels]`.
pub fn global_avg_pool(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width])
        .mean_dim(2)
        .reshape([batch, channels])
}
