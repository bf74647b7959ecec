//! Two-dimensional convolution.

use super::{BatchNorm, FeatureMap, Init};
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
    /// Distance between the pixels under the kernel.
    pub dilation: usize,
    /// Groups of channels that do not see each other; as many as channels make a depthwise
    /// convolution.
    pub groups: usize,
}

impl ConvSpec {
    /// Step 1, no padding, one group.
    pub fn new(channels: [usize; 2], kernel: usize) -> Self {
        Self {
            channels,
            kernel,
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
        }
    }
}

/// Cross-correlation of `[batch, in, h, w]` with a `[out, in / groups, k, k]` kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in / groups, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`; absent where a batch norm follows.
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    /// Zeros at the top, left, bottom and right.
    padding: [usize; 4],
    dilation: usize,
    groups: usize,
}

impl Conv2d {
    /// A convolution with a bias, drawn with `init`.
    pub fn with_bias(spec: ConvSpec, init: Init, device: &Device) -> Self {
        let fan_in = spec.fan(0);
        Self {
            weight: init.weight(spec.shape(), fan_in, spec.fan(1), device),
            bias: Some(init.bias(spec.channels[1], fan_in, device)),
            stride: spec.stride,
            padding: [spec.padding; 4],
            dilation: spec.dilation,
            groups: spec.groups,
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
            padding: [spec.padding; 4],
            dilation: spec.dilation,
            groups: spec.groups,
        }
    }

    /// With other zeros on each side: at the top, left, bottom and right.
    pub fn padded(mut self, padding: [usize; 4]) -> Self {
        self.padding = padding;
        self
    }

    pub(super) fn geometry(&self) -> ConvShape {
        ConvShape {
            stride: [self.stride; 2],
            pad: self.padding,
            dilation: [self.dilation; 2],
            groups: self.groups,
        }
    }

    /// `norm(conv(x))`. Outside of training the norm is part of the convolution: each block of
    /// outputs is normalized while it is in the cache.
    pub fn forward_norm(&self, norm: &BatchNorm, x: FeatureMap) -> FeatureMap {
        norm.after(self, x, None, false)
    }

    /// `relu(norm(conv(x)))`, as [`Self::forward_norm`].
    pub fn forward_norm_relu(&self, norm: &BatchNorm, x: FeatureMap) -> FeatureMap {
        norm.after(self, x, None, true)
    }

    /// `relu(norm(conv(x)) + residual)`, the end of a residual block, as [`Self::forward_norm`].
    pub fn forward_norm_add_relu(
        &self,
        norm: &BatchNorm,
        x: FeatureMap,
        residual: FeatureMap,
    ) -> FeatureMap {
        norm.after(self, x, Some(residual), true)
    }

    /// `h' = (h + padding - dilation (k - 1) - 1) / stride + 1` with the padding of both sides.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let bias = self.bias.as_ref().map(|b| b.val().into_dispatch());
        let y = <Dispatch as ConvOps>::conv2d_nhwc(
            x.0.into_dispatch(),
            self.weight.val().into_dispatch(),
            bias.into(),
            self.geometry(),
        );
        FeatureMap(Tensor::from_dispatch(y))
    }
}

impl ConvSpec {
    fn shape(self) -> [usize; 4] {
        let inputs = self.channels[0] / self.groups;
        [self.channels[1], inputs, self.kernel, self.kernel]
    }

    /// Connections of one unit as PyTorch counts them: into it (`side` 0) through its group, or out of
    /// it (`side` 1) to all channels.
    fn fan(self, side: usize) -> usize {
        let channels = match side {
            0 => self.channels[0] / self.groups,
            _ => self.channels[1],
        };
        channels * self.kernel * self.kernel
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.nn.Conv2d(8, 16, 3, groups=4).weight` is `[16, 2, 3, 3]`; its fans are 18 and 144.
    #[test]
    fn groups_and_dilation_shape_the_layer_as_in_torch() {
        let spec = ConvSpec {
            dilation: 2,
            groups: 4,
            ..ConvSpec::new([8, 16], 3)
        };
        assert_eq!(spec.shape(), [16, 2, 3, 3]);
        assert_eq!([spec.fan(0), spec.fan(1)], [18, 144]);
        let device = Device::flex();
        let layer = Conv2d::with_bias(spec, Init::Default, &device);
        let x = FeatureMap::from_nchw(Tensor::ones([2, 8, 9, 7], &device));
        assert_eq!(layer.forward(x.clone()).dims(), [2, 16, 5, 3]);
        assert_eq!(layer.padded([0, 1, 2, 3]).forward(x).dims(), [2, 16, 7, 7]);
    }
}
