//! Residual networks of basic blocks, with torchvision's names.

use crate::config::{ResNetConfig, Stem};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{
    BatchNorm, Conv2d, ConvSpec, FeatureMap, Init, Linear, MaxPool2d, global_avg_pool,
};

/// Blocks in each of the four stages of ResNet-18.
pub const RESNET18: [usize; 4] = [2, 2, 2, 2];
/// Blocks in each of the four stages of ResNet-34.
pub const RESNET34: [usize; 4] = [3, 4, 6, 3];

/// ResNet-18 or ResNet-34 (He et al. 2016, "Deep Residual Learning").
#[derive(Module, Debug)]
pub struct ResNet {
    /// 7x7 stride 2 or 3x3 stride 1, 64 channels.
    pub conv1: Conv2d,
    /// Norm after `conv1`.
    pub bn1: BatchNorm,
    /// 64 channels.
    pub layer1: Vec<BasicBlock>,
    /// 128 channels, half the size.
    pub layer2: Vec<BasicBlock>,
    /// 256 channels, half the size.
    pub layer3: Vec<BasicBlock>,
    /// 512 channels, half the size.
    pub layer4: Vec<BasicBlock>,
    /// The head.
    pub fc: Linear,
    small: bool,
}

/// Two 3x3 convolutions and a shortcut.
#[derive(Module, Debug)]
pub struct BasicBlock {
    /// 3x3, carries the stride.
    pub conv1: Conv2d,
    /// Norm after `conv1`.
    pub bn1: BatchNorm,
    /// 3x3.
    pub conv2: Conv2d,
    /// Norm after `conv2`.
    pub bn2: BatchNorm,
    /// 1x1 convolution and norm where the shape changes; torchvision calls them `downsample.0` and `.1`.
    pub downsample: Option<(Conv2d, BatchNorm)>,
}

impl BasicBlock {
    fn new(channels: [usize; 2], stride: usize, init: Init, device: &Device) -> Self {
        let conv = |channels, kernel, stride, padding| {
            let spec = ConvSpec {
                stride,
                padding,
                ..ConvSpec::new(channels, kernel)
            };
            Conv2d::before_norm(spec, init, device)
        };
        let out = channels[1];
        let changes = stride != 1 || channels[0] != out;
        Self {
            conv1: conv(channels, 3, stride, 1),
            bn1: BatchNorm::new(out, device),
            conv2: conv([out, out], 3, 1, 1),
            bn2: BatchNorm::new(out, device),
            downsample: changes
                .then(|| (conv(channels, 1, stride, 0), BatchNorm::new(out, device))),
        }
    }

    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let shortcut = match &self.downsample {
            Some((conv, norm)) => conv.forward_norm(norm, x.clone()),
            None => x.clone(),
        };
        let x = self.conv1.forward_norm_relu(&self.bn1, x);
        self.conv2.forward_norm_add_relu(&self.bn2, x, shortcut)
    }
}

impl ResNet {
    /// A network of `blocks` for pictures of `[channels, height, width]`.
    ///
    /// Initialization is torchvision's: convolutions He normal on fan_out, norms 1 and 0.
    pub fn new(
        config: &ResNetConfig,
        blocks: [usize; 4],
        [channels, height, width]: [usize; 3],
        classes: usize,
        device: &Device,
    ) -> Self {
        let small = is_small(config.stem, height, width);
        let stem = ConvSpec {
            stride: if small { 1 } else { 2 },
            padding: if small { 1 } else { 3 },
            ..ConvSpec::new([channels, 64], if small { 3 } else { 7 })
        };
        let stage = |index: usize| {
            let out = 64 << index;
            (0..blocks[index])
                .map(|block| match (block, index) {
                    (0, 0) => BasicBlock::new([64, 64], 1, config.init, device),
                    (0, _) => BasicBlock::new([out / 2, out], 2, config.init, device),
                    _ => BasicBlock::new([out, out], 1, config.init, device),
                })
                .collect()
        };
        Self {
            conv1: Conv2d::before_norm(stem, config.init, device),
            bn1: BatchNorm::new(64, device),
            layer1: stage(0),
            layer2: stage(1),
            layer3: stage(2),
            layer4: stage(3),
            fc: Linear::new(512, classes, config.init, device),
            small,
        }
    }

    /// `[batch, channels, h, w]` to logits `[batch, classes]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.head(self.features(x))
    }

    /// The last feature map, of 512 channels.
    pub fn features(&self, x: Tensor<4>) -> FeatureMap {
        let x = FeatureMap::from_nchw(x);
        let mut x = self.conv1.forward_norm_relu(&self.bn1, x);
        if !self.small {
            x = MaxPool2d::new(3, 2, 1).forward(x);
        }
        for stage in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            for block in stage {
                x = block.forward(x);
            }
        }
        x
    }

    /// Logits of a last feature map.
    pub fn head(&self, map: FeatureMap) -> Tensor<2> {
        self.fc.forward(global_avg_pool(map))
    }

    /// Stops the training of everything but the head.
    pub fn freeze_body(mut self) -> Self {
        let head = self.fc.clone();
        self = self.no_grad();
        self.fc = head;
        self
    }
}

/// Whether a stem is the 3x3 one, for pictures of a size.
pub(crate) fn is_small(stem: Stem, height: usize, width: usize) -> bool {
    match stem {
        Stem::Auto => Stem::for_pictures(height, width) == Stem::Small,
        Stem::Small => true,
        Stem::Imagenet => false,
    }
}
