//! Every architecture that takes pictures, behind one forward pass.

use crate::catalog::{self, Input};
use crate::config::{ModelConfig, Stem};
use crate::resnet::{RESNET18, RESNET34, ResNet};
use crate::{Lenet, LinearModel, Mlp, ModelError, hub, size, weights};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{FeatureMap, global_avg_pool};

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
        size::check(config, &shape, classes)?;
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
            other => return Err(catalog::wrong_input(other, Input::Image)),
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

    /// The last feature map, if there is one: Grad-CAM looks at it.
    pub fn features(&self, x: Tensor<4>) -> Option<FeatureMap> {
        match self {
            Self::Lenet(m) => Some(m.features(x)),
            Self::ResNet(m) => Some(m.features(x)),
            Self::Linear(_) | Self::Mlp(_) => None,
        }
    }

    /// Logits of what [`Self::features`] gives; `None` where it gives nothing.
    pub fn head(&self, map: FeatureMap) -> Option<Tensor<2>> {
        match self {
            Self::Lenet(m) => Some(m.head(map)),
            Self::ResNet(m) => Some(m.head(map)),
            Self::Linear(_) | Self::Mlp(_) => None,
        }
    }

    /// The features that the logits are made of, `[batch, features]`; pictures that are alike to the
    /// network are close to each other in them.
    pub fn hidden(&self, x: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Linear(_) => x.flatten(1, 3),
            Self::Mlp(m) => m.hidden(x.flatten(1, 3)),
            Self::Lenet(m) => m.hidden(m.features(x)),
            Self::ResNet(m) => global_avg_pool(m.features(x)),
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

/// The stem that the pretrained weights in `source` have: a file, or a hub id.
pub fn pretrained_stem(source: &str) -> Result<Stem, ModelError> {
    let state = weights::read_file(&hub::locate(source)?)?;
    let small = state
        .get("conv1.weight")
        .is_some_and(|w| w.shape().to_vec().ends_with(&[3, 3]));
    Ok(if small { Stem::Small } else { Stem::Imagenet })
}

/// `net` with the pretrained weights from `source`: a file, or a hub id.
///
/// A head for another number of classes keeps its fresh weights. Returns whether it did.
pub fn load_pretrained(net: ImageNet, source: &str) -> Result<(ImageNet, bool), ModelError> {
    let path = hub::locate(source)?;
    let state = weights::read_file(&path)?;
    weights::apply_pretrained(net, state, "fc")
        .map_err(|problem| ModelError::Mismatch { path, problem })
}
