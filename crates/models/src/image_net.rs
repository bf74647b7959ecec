//! Every architecture that takes pictures, behind one forward pass.

use crate::catalog::{self, Input};
use crate::config::{ModelConfig, Stem};
use crate::resnet::{RESNET18, RESNET34, ResNet};
use crate::{Lenet, LinearModel, Mlp, ModelError, hub, weights};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// A network from pictures to logits.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one value a process; boxing would buy nothing
pub enum ImageNet {
    /// Logistic regression on the pixels.
    Linear(LinearModel),
    /// Perceptron on the pixels.
    Mlp(Mlp),
    /// LeNet-5.
    Lenet(Lenet),
    /// ResNet-18 or -34.
    ResNet(ResNet),
}

impl ImageNet {
    /// Builds `config` for pictures of `[channels, height, width]`, with fresh weights.
    pub fn new(
        config: &ModelConfig,
        shape: [usize; 3],
        classes: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        catalog::check_input(config, Input::Image)?;
        let pixels = shape.iter().product();
        Ok(match config {
            ModelConfig::Linear(c) => Self::Linear(LinearModel::new(c, pixels, classes, device)),
            ModelConfig::Mlp(c) => Self::Mlp(Mlp::new(c, pixels, classes, device)?),
            ModelConfig::Lenet(c) => Self::Lenet(Lenet::new(c, shape, classes, device)?),
            ModelConfig::Resnet18(c) => {
                Self::ResNet(ResNet::new(c, RESNET18, shape, classes, device))
            }
            ModelConfig::Resnet34(c) => {
                Self::ResNet(ResNet::new(c, RESNET34, shape, classes, device))
            }
        })
    }

    /// `[batch, channels, h, w]` to logits `[batch, classes]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Linear(m) => m.forward(x.flatten(1, 3)),
            Self::Mlp(m) => m.forward(x.flatten(1, 3)),
            Self::Lenet(m) => m.forward(x),
            Self::ResNet(m) => m.forward(x),
        }
    }

    /// Stops the training of everything but the head, where the architecture can.
    pub fn freeze_body(self) -> Self {
        match self {
            Self::ResNet(m) => Self::ResNet(m.freeze_body()),
            other => other,
        }
    }
}

/// Builds `config` and loads the pretrained weights it names.
///
/// A head for another number of classes is replaced by a fresh one. With `stem = auto` the stem is
/// the one the weights have.
///
/// Returns the network and whether its head was replaced.
pub fn pretrained(
    config: &ModelConfig,
    source: &str,
    shape: [usize; 3],
    classes: usize,
    device: &Device,
) -> Result<(ImageNet, bool), ModelError> {
    let path = hub::locate(source)?;
    let state = weights::read_file(&path)?;
    let mut config = config.clone();
    if let ModelConfig::Resnet18(c) | ModelConfig::Resnet34(c) = &mut config
        && c.stem == Stem::Auto
    {
        let small = state.get("conv1.weight").is_some_and(|w| w.shape()[2..] == [3, 3]);
        c.stem = if small { Stem::Small } else { Stem::Imagenet };
    }
    let net = ImageNet::new(&config, shape, classes, device)?;
    weights::apply_pretrained(net, state, "fc").map_err(|problem| ModelError::Mismatch {
        path,
        problem,
    })
}
