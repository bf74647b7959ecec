//! Two-dimensional convolution.

use super::Init;
use burn::module::{Module, Param};
use burn::tensor::ops::ConvOptions;
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

    /// `[batch, in, h, w]` to `[batch, out, h', w']`, `h' = (h + 2 padding - k) / stride + 1`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let options = ConvOptions::new(stride, padding, [1, 1], 1);
        let bias = self.bias.as_ref().map(|b| b.val());
        burn::tensor::module::conv2d(x, self.weight.val(), bias, options)
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
