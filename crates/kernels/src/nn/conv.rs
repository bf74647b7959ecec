//! Two-dimensional convolution.

use super::{FeatureMap, Init};
use crate::ops::{ConvOps, ConvShape};
use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};

/// The geometry of a square convolution.
#[derive(Debug, Clone, Copy)]
pub struct ConvSpec {
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Side of the kernel in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Zeros added on each side.
    pub padding: usize,
}

/// Cross-correlation of `[batch, in, h, w]` with a `[out, in, k, k]` kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`; absent where a batch norm follows.
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    padding: usize,
}

impl Conv2d {
    /// A convolution with a bias, drawn with `init`.
    pub fn with_bias(spec: ConvSpec, init: Init, device: &Device) -> Self {
        let fan_in = spec.fan(0);
        Self {
            weight: init.weight(spec.shape(), fan_in, spec.fan(1), device),
            bias: Some(init.bias(spec.channels[1], fan_in, device)),
            stride: spec.stride,
            padding: spec.padding,
        }
    }

    /// A convolution without bias, for use before a batch norm.
    ///
    /// `Init::Default` is torchvision's choice for residual networks: N(0, 2 / fan_out).
    pub fn before_norm(spec: ConvSpec, init: Init, device: &Device) -> Self {
        let weight = match init {
            Init::Default => {
                let std = (2.0 / spec.fan(1) as f64).sqrt();
                super::init::draw(spec.shape(), Distribution::Normal(0.0, std), device)
            }
            other => other.weight(spec.shape(), spec.fan(0), spec.fan(1), device),
        };
        Self {
            weight,
            bias: None,
            stride: spec.stride,
            padding: spec.padding,
        }
    }

    /// `h' = (h + 2 padding - k) / stride + 1`.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let bias = self.bias.as_ref().map(|b| b.val().into_dispatch());
        let shape = ConvShape {
            stride: [self.stride; 2],
            pad: [self.padding; 4],
            dilation: [1; 2],
            groups: 1,
        };
        let y = <Dispatch as ConvOps>::conv2d_nhwc(
            x.0.into_dispatch(),
            self.weight.val().into_dispatch(),
            bias.into(),
            shape,
        );
        FeatureMap(Tensor::from_dispatch(y))
    }
}

impl ConvSpec {
    fn shape(self) -> [usize; 4] {
        [self.channels[1], self.channels[0], self.kernel, self.kernel]
    }

    /// Connections of one unit: into it (`side` 0) or out of it (`side` 1).
    fn fan(self, side: usize) -> usize {
        self.channels[side] * self.kernel * self.kernel
    }
}

/// Transposed convolution whose windows do not overlap: enlarges a map `kernel` times.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[in, out, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
    stride: usize,
}

impl ConvTranspose2d {
    /// A layer from `channels[0]` to `channels[1]` that enlarges `kernel` times, drawn with `init`.
    pub fn new(channels: [usize; 2], kernel: usize, init: Init, device: &Device) -> Self {
        let [from, to] = channels;
        // PyTorch counts the fan of a transposed convolution on the side of its output channels.
        let fan = to * kernel * kernel;
        Self {
            weight: init.weight(
                [from, to, kernel, kernel],
                fan,
                from * kernel * kernel,
                device,
            ),
            bias: init.bias(to, fan, device),
            stride: kernel,
        }
    }

    /// `h' = kernel h`.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = <Dispatch as ConvOps>::conv_transpose2d_nhwc(
            x.0.into_dispatch(),
            self.weight.val().into_dispatch(),
            Some(self.bias.val().into_dispatch()).into(),
            self.stride,
        );
        FeatureMap(Tensor::from_dispatch(y))
    }
}
