//! LeNet-5.

use crate::config::LenetConfig;
use crate::error::ModelError;
use crate::mlp::dropout;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{
    Activation, Conv2d, ConvSpec, Dropout, FeatureMap, Linear, MaxPool2d,
};

/// Two convolutions with pooling, three linear layers (LeCun et al. 1998), with ReLU.
#[derive(Module, Debug)]
pub struct Lenet {
    /// 5x5, 6 channels, same size.
    pub conv1: Conv2d,
    /// 5x5, 16 channels; 3x3 with padding where the picture is small.
    pub conv2: Conv2d,
    /// To 120 features.
    pub fc1: Linear,
    /// To 84 features.
    pub fc2: Linear,
    /// To the classes.
    pub fc3: Linear,
    /// Applied after `fc1` and `fc2`.
    pub dropout: Dropout,
}

impl Lenet {
    /// A network for `[batch, channels, height, width]` pictures.
    pub fn new(
        config: &LenetConfig,
        [channels, height, width]: [usize; 3],
        classes: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        if height < 4 || width < 4 {
            return Err(ModelError::Config {
                key: "architecture",
                problem: format!(
                    "lenet needs pictures of 4x4 pixels or more, not {width}x{height}"
                ),
            });
        }
        let (kernel, padding) = second_kernel(height, width);
        let after = |side: usize| (side / 2 + 2 * padding + 1 - kernel) / 2;
        let features = 16 * after(height) * after(width);
        let conv = |channels, kernel, padding| {
            let spec = ConvSpec {
                padding,
                ..ConvSpec::new(channels, kernel)
            };
            Conv2d::with_bias(spec, config.init, device)
        };
        Ok(Self {
            conv1: conv([channels, 6], 5, 2),
            conv2: conv([6, 16], kernel, padding),
            fc1: Linear::new(features, 120, config.init, device),
            fc2: Linear::new(120, 84, config.init, device),
            fc3: Linear::new(84, classes, config.init, device),
            dropout: dropout(config.dropout)?,
        })
    }

    /// `[batch, channels, h, w]` to logits `[batch, classes]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.head(self.features(x))
    }

    /// The last feature map, of 16 channels, before its pooling.
    pub fn features(&self, x: Tensor<4>) -> FeatureMap {
        let x = FeatureMap::from_nchw(x);
        let x = half(self.conv1.forward(x).relu());
        self.conv2.forward(x).relu()
    }

    /// Logits of a last feature map.
    pub fn head(&self, map: FeatureMap) -> Tensor<2> {
        self.fc3.forward(self.dropout.forward(self.hidden(map)))
    }

    /// The 84 features that the logits are made of.
    pub fn hidden(&self, map: FeatureMap) -> Tensor<2> {
        // Flattened in PyTorch's order, so that the weights of `fc1` can be exchanged.
        let x = half(map).into_nchw().flatten(1, 3);
        let x = self.fc1.forward_activated(x, Activation::Relu);
        let x = self.dropout.forward(x);
        self.fc2.forward_activated(x, Activation::Relu)
    }
}

/// The largest of each square of four pixels.
fn half(map: FeatureMap) -> FeatureMap {
    MaxPool2d::new(2, 2, 0).forward(map)
}

/// Side and padding of the second convolution: a 5x5 kernel without padding needs 12 pixels after the
/// first pooling has halved 24.
pub(crate) fn second_kernel(height: usize, width: usize) -> (usize, usize) {
    match height.min(width) < 16 {
        true => (3, 1),
        false => (5, 0),
    }
}
