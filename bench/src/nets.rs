//! The networks of the cases that are not in the catalogue of architectures: as the peer's script
//! builds them.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use modelwright_kernels::nn::{
    Activation, AttentionConfig, BatchNorm, Conv2d, ConvSpec, ConvTranspose2d, Embedding,
    FeatureMap, Init, LayerNorm, Linear, MaxPool2d, activate, attention,
};

/// U-Net (Ronneberger et al. 2015) with batch norm: four levels from 16 channels, one class.
#[derive(Module, Debug)]
pub struct UNet {
    down: Vec<DoubleConv>,
    middle: DoubleConv,
    up: Vec<ConvTranspose2d>,
    decode: Vec<DoubleConv>,
    out: Conv2d,
}

#[derive(Module, Debug)]
struct DoubleConv {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
}

impl DoubleConv {
    fn new(from: usize, to: usize, device: &Device) -> Self {
        let conv = |channels| Conv2d::before_norm(spec(channels, 3, 1), Init::Default, device);
        Self {
            conv1: conv([from, to]),
            bn1: BatchNorm::new(to, device),
            conv2: conv([to, to]),
            bn2: BatchNorm::new(to, device),
        }
    }

    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let x = self.conv1.forward_norm_relu(&self.bn1, x);
        self.conv2.forward_norm_relu(&self.bn2, x)
    }
}

fn spec(channels: [usize; 2], kernel: usize, padding: usize) -> ConvSpec {
    ConvSpec {
        padding,
        ..ConvSpec::new(channels, kernel)
    }
}

impl UNet {
    /// Fresh weights.
    pub fn new(device: &Device) -> Self {
        let width = |level: usize| 16usize << level;
        let down = |i: usize| {
            let from = if i == 0 { 1 } else { width(i - 1) };
            DoubleConv::new(from, width(i), device)
        };
        let up =
            |i: usize| ConvTranspose2d::new([width(i + 1), width(i)], 2, Init::Default, device);
        let decode = |i: usize| DoubleConv::new(2 * width(i), width(i), device);
        Self {
            down: (0..4).map(down).collect(),
            middle: DoubleConv::new(width(3), width(4), device),
            up: (0..4).map(up).collect(),
            decode: (0..4).map(decode).collect(),
            out: Conv2d::with_bias(spec([16, 1], 1, 0), Init::Default, device),
        }
    }

    /// `[batch, 1, h, w]` to logits of the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut x = FeatureMap::from_nchw(x);
        let mut skips = Vec::new();
        for down in &self.down {
            x = down.forward(x);
            skips.push(x.clone());
            x = MaxPool2d::new(2, 2, 0).forward(x);
        }
        x = self.middle.forward(x);
        for i in (0..4).rev() {
            let enlarged = self.up[i].forward(x);
            let Some(skip) = skips.pop() else {
                unreachable!("one skip for each level")
            };
            x = self.decode[i].forward(FeatureMap::concat(vec![skip, enlarged]));
        }
        self.out.forward(x).into_nchw()
    }
}

/// Width and depth of a transformer.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Token ids.
    pub vocabulary: usize,
    /// Longest sequence.
    pub positions: usize,
    /// Features of a token.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
}

/// One block: attention and a two-layer perceptron, each with its norm.
#[derive(Module, Debug)]
struct Block {
    qkv: Linear,
    out: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
    wide: Linear,
    narrow: Linear,
    heads: usize,
}

impl Block {
    fn new(size: Size, epsilon: f64, device: &Device) -> Self {
        let h = size.hidden;
        let linear = |from, to| Linear::new(from, to, Init::Normal, device);
        Self {
            qkv: linear(h, 3 * h),
            out: linear(h, h),
            norm1: LayerNorm::new(h, epsilon, device),
            norm2: LayerNorm::new(h, epsilon, device),
            wide: linear(h, 4 * h),
            narrow: linear(4 * h, h),
            heads: size.heads,
        }
    }

    fn attend(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        let config = AttentionConfig {
            heads: self.heads,
            causal,
        };
        self.out.forward(attention(self.qkv.forward(x), config))
    }

    fn perceptron(&self, x: Tensor<3>) -> Tensor<3> {
        self.narrow
            .forward(self.wide.forward_activated(x, Activation::Gelu))
    }

    /// Norms after the sums, as in BERT.
    fn post_norm(&self, x: Tensor<3>) -> Tensor<3> {
        let (x, _) = self.norm1.forward_add(self.attend(x.clone(), false), x);
        self.norm2.forward_add(self.perceptron(x.clone()), x).0
    }

    /// Norms before, as in GPT-2.
    fn pre_norm(&self, x: Tensor<3>) -> Tensor<3> {
        let attended = self.attend(self.norm1.forward(x.clone()), true);
        let (normalized, x) = self.norm2.forward_add(attended, x);
        x + self.perceptron(normalized)
    }
}

fn embed(tokens: &Embedding, positions: &Embedding, ids: Tensor<2, Int>) -> Tensor<3> {
    let [_, seq] = ids.dims();
    let first = positions.weight.val().narrow(0, 0, seq).unsqueeze();
    tokens.forward(ids) + first
}

/// BERT (Devlin et al. 2019) with a two-class head.
#[derive(Module, Debug)]
pub struct Bert {
    tokens: Embedding,
    positions: Embedding,
    kinds: Embedding,
    norm: LayerNorm,
    blocks: Vec<Block>,
    pooler: Linear,
    head: Linear,
}

impl Bert {
    /// Fresh weights.
    pub fn new(size: Size, device: &Device) -> Self {
        let h = size.hidden;
        let table = |ids| Embedding::new(ids, h, Init::Normal, device);
        Self {
            tokens: table(size.vocabulary),
            positions: table(size.positions),
            kinds: table(2),
            norm: LayerNorm::new(h, 1e-12, device),
            blocks: (0..size.layers)
                .map(|_| Block::new(size, 1e-12, device))
                .collect(),
            pooler: Linear::new(h, h, Init::Normal, device),
            head: Linear::new(h, 2, Init::Normal, device),
        }
    }

    /// `[batch, seq]` ids to logits `[batch, 2]`.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<2> {
        let kind = self.kinds.weight.val().narrow(0, 0, 1).unsqueeze();
        let x = embed(&self.tokens, &self.positions, ids) + kind;
        let mut x = self.norm.forward(x);
        for block in &self.blocks {
            x = block.post_norm(x);
        }
        let [batch, _, hidden] = x.dims();
        let first = x.narrow(1, 0, 1).reshape([batch, hidden]);
        let pooled = activate(self.pooler.forward(first), Activation::Tanh);
        self.head.forward(pooled)
    }
}

/// GPT-2 (Radford et al. 2019) with a tied head.
#[derive(Module, Debug)]
pub struct Gpt {
    tokens: Embedding,
    positions: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
}

impl Gpt {
    /// Fresh weights.
    pub fn new(size: Size, device: &Device) -> Self {
        let table = |ids| Embedding::new(ids, size.hidden, Init::Normal, device);
        Self {
            tokens: table(size.vocabulary),
            positions: table(size.positions),
            blocks: (0..size.layers)
                .map(|_| Block::new(size, 1e-5, device))
                .collect(),
            norm: LayerNorm::new(size.hidden, 1e-5, device),
        }
    }

    /// `[batch, seq]` ids to logits `[batch * seq, vocabulary]`.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<2> {
        let [batch, seq] = ids.dims();
        let mut x = embed(&self.tokens, &self.positions, ids);
        for block in &self.blocks {
            x = block.pre_norm(x);
        }
        let x = self.norm.forward(x);
        let [_, _, hidden] = x.dims();
        let head = Linear {
            weight: self.tokens.weight.clone(),
            bias: None,
        };
        head.forward(x.reshape([batch * seq, hidden]))
    }
}
