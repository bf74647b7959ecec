//! The architectures and their settings: the `[model]` section of a recipe.

use modelwright_kernels::nn::Init;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which network, with that network's own settings.
///
/// Each architecture has its own table, so a setting that an architecture does not read is an error
/// and never silently ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// Linear or logistic regression: one weight for each input and output.
    Linear(LinearConfig),
    /// Multilayer perceptron: fully connected layers with ReLU between them.
    Mlp(MlpConfig),
    /// LeNet-5 (LeCun et al. 1998) with ReLU and max pooling: small images, fast.
    Lenet(LenetConfig),
    /// ResNet-18 (He et al. 2016): the usual choice for photographs.
    Resnet18(ResNetConfig),
    /// ResNet-34: deeper than ResNet-18, twice the time, often a little better.
    Resnet34(ResNetConfig),
}

/// Settings of `linear`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinearConfig {
    /// How the weights start.
    pub init: Init,
}

/// Settings of `mlp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Width of each hidden layer, from the input to the output.
    pub hidden: Vec<usize>,
    /// Share of hidden activations set to zero while training, from 0 up to but not including 1.
    pub dropout: f64,
    /// Normalize each hidden layer over the batch before its ReLU.
    pub batch_norm: bool,
    /// How the weights start.
    pub init: Init,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            hidden: vec![256, 128],
            dropout: 0.0,
            batch_norm: false,
            init: Init::Default,
        }
    }
}

/// Settings of `lenet`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LenetConfig {
    /// Share of activations of the fully connected layers set to zero while training.
    pub dropout: f64,
    /// How the weights start.
    pub init: Init,
}

/// Settings of `resnet18` and `resnet34`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResNetConfig {
    /// The first layers: `imagenet` shrinks the picture four times at once, `small` keeps its size.
    pub stem: Stem,
    /// Pretrained weights in torchvision's layout: a `.safetensors` or `.pth` file, or a hub id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Train only the new head and keep the body as it was loaded.
    pub freeze: bool,
    /// How weights start that are not loaded.
    pub init: Init,
}

/// The first layers of a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// `small` below 64 pixels, else `imagenet`; with weights, what the weights have.
    #[default]
    Auto,
    /// 3x3 convolution with stride 1, no pooling.
    Small,
    /// 7x7 convolution with stride 2, then 3x3 max pooling with stride 2 (torchvision).
    Imagenet,
}

impl Stem {
    /// What `auto` stands for without weights.
    pub fn for_pictures(height: usize, width: usize) -> Self {
        match height.min(width) < 64 {
            true => Self::Small,
            false => Self::Imagenet,
        }
    }
}

impl ModelConfig {
    /// The name used in recipes and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear(_) => "linear",
            Self::Mlp(_) => "mlp",
            Self::Lenet(_) => "lenet",
            Self::Resnet18(_) => "resnet18",
            Self::Resnet34(_) => "resnet34",
        }
    }

    /// Where pretrained weights come from, if the recipe names any.
    pub fn weights(&self) -> Option<&str> {
        match self {
            Self::Resnet18(c) | Self::Resnet34(c) => c.weights.as_deref(),
            _ => None,
        }
    }

    /// Whether only the head is trained.
    pub fn freezes_body(&self) -> bool {
        matches!(self, Self::Resnet18(c) | Self::Resnet34(c) if c.freeze)
    }
}
