//! The architectures and their settings: the `[model]` section of a recipe.

use crate::language_config::{GptMiniConfig, TunedConfig};
use crate::text::EncoderConfig;
use crate::tokenizer::TokenizerKind;
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
    /// Convolutions over words (Kim 2014): texts, from scratch, in a minute.
    TextCnn(TextCnnConfig),
    /// A small BERT with a tokenizer of its own: texts, from scratch, where word order matters.
    BertMini(BertMiniConfig),
    /// A pretrained BERT, RoBERTa, XLM-R, DistilBERT or MiniLM: texts, best on few examples.
    Bert(BertConfig),
    /// A small language model with a tokenizer of its own: writes like the texts it was trained on.
    GptMini(GptMiniConfig),
    /// A pretrained language model (Llama, SmolLM2, Qwen, Mistral, GPT-2): chats, answers, writes.
    Decoder(TunedConfig),
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
    /// Pretrained weights: a hub id; for pictures a file in torchvision's layout (`.safetensors`,
    /// `.pth`), for texts a folder in Hugging Face's.
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

/// Settings of `text-cnn`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextCnnConfig {
    /// Features of a word.
    pub embedding: usize,
    /// Filters of each width.
    pub filters: usize,
    /// Words that a filter sees at a time.
    pub widths: Vec<usize>,
    /// Share of activations set to zero while training, from 0 up to but not including 1.
    pub dropout: f64,
    /// Tokens after which a text is cut.
    pub max_length: usize,
    /// Most entries of the tokenizer that is trained on the texts.
    pub vocabulary: usize,
    /// How the tokenizer that is trained on the texts makes pieces of words.
    pub tokenizer: TokenizerKind,
}

impl Default for TextCnnConfig {
    fn default() -> Self {
        Self {
            embedding: 128,
            filters: 100,
            widths: vec![3, 4, 5],
            dropout: 0.5,
            max_length: 256,
            vocabulary: 16_384,
            tokenizer: TokenizerKind::default(),
        }
    }
}

/// Settings of `bert-mini`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BertMiniConfig {
    /// Blocks of attention and perceptron.
    pub layers: usize,
    /// Features of a token, a multiple of the heads.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Features inside the perceptron of a block.
    pub intermediate: usize,
    /// Share of activations set to zero while training, from 0 up to but not including 1.
    pub dropout: f64,
    /// Tokens after which a text is cut.
    pub max_length: usize,
    /// Most entries of the tokenizer that is trained on the texts.
    pub vocabulary: usize,
    /// How the tokenizer that is trained on the texts makes pieces of words.
    pub tokenizer: TokenizerKind,
    /// How one vector is made of a text's tokens.
    pub pooling: Pooling,
}

impl Default for BertMiniConfig {
    fn default() -> Self {
        Self {
            layers: 4,
            width: 256,
            heads: 4,
            intermediate: 1024,
            dropout: 0.1,
            max_length: 128,
            vocabulary: 8192,
            tokenizer: TokenizerKind::default(),
            pooling: Pooling::Auto,
        }
    }
}

/// Settings of `bert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BertConfig {
    /// Pretrained weights: a hub id; for pictures a file in torchvision's layout (`.safetensors`,
    /// `.pth`), for texts a folder in Hugging Face's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// How one vector is made of a text's tokens.
    pub pooling: Pooling,
    /// Tokens after which a text is cut.
    pub max_length: usize,
    /// Keep the embeddings and so many of the first blocks as they were loaded; 0 trains everything.
    pub frozen_layers: usize,
    /// Learning rate of each block as a share of that of the block above; 1 for equal rates.
    pub layer_decay: f64,
    /// Train adapters of this rank (LoRA) instead of the encoder; 0 trains the encoder itself.
    pub lora_rank: usize,
    /// The adapters' change is multiplied by this divided by their rank.
    pub lora_alpha: f64,
    /// Share of an adapter's inputs set to zero while training, from 0 up to but not including 1.
    pub lora_dropout: f64,
    /// The layers of each block that get an adapter: query, key, value, attention-output, intermediate
    /// or output.
    pub lora_targets: Vec<LoraTarget>,
    /// What becomes of the adapters when training is over.
    pub adapter: Adapter,
    /// Sizes of the encoder, as its weights have them; filled in from there.
    #[schemars(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Box<EncoderConfig>>,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            weights: None,
            pooling: Pooling::Auto,
            max_length: 128,
            frozen_layers: 0,
            layer_decay: 1.0,
            lora_rank: 0,
            lora_alpha: 16.0,
            lora_dropout: 0.0,
            lora_targets: vec![LoraTarget::Query, LoraTarget::Value],
            adapter: Adapter::Merged,
            encoder: None,
        }
    }
}

/// How one vector is made of the vectors of a text's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// What suits: for a pretrained classifier `cls`, for embeddings what the weights' folder says,
    /// else `mean`.
    #[default]
    Auto,
    /// The first token, to classify through one more layer, as Hugging Face's classifiers.
    Cls,
    /// The mean of all tokens.
    Mean,
}

/// A layer of a block that an adapter can change.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LoraTarget {
    /// What a token asks for.
    Query,
    /// What a token is found by.
    Key,
    /// What a token tells.
    Value,
    /// The layer behind attention.
    AttentionOutput,
    /// The perceptron's first layer.
    Intermediate,
    /// The perceptron's second layer.
    Output,
}

impl LoraTarget {
    /// The name of the layer inside a block.
    pub(crate) fn part(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
            Self::AttentionOutput => "attention_output",
            Self::Intermediate => "intermediate",
            Self::Output => "output",
        }
    }
}

/// What becomes of trained adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// They are added to the weights: a model like any other.
    #[default]
    Merged,
    /// They stay a small file of their own (PEFT's), beside the weights as they were.
    Apart,
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
            Self::TextCnn(_) => "text-cnn",
            Self::BertMini(_) => "bert-mini",
            Self::Bert(_) => "bert",
            Self::GptMini(_) => "gpt-mini",
            Self::Decoder(_) => "decoder",
        }
    }

    /// Where pretrained weights come from, if the recipe names any.
    pub fn weights(&self) -> Option<&str> {
        match self {
            Self::Resnet18(c) | Self::Resnet34(c) => c.weights.as_deref(),
            Self::Bert(c) => c.weights.as_deref(),
            Self::Decoder(c) => c.weights.as_deref(),
            _ => None,
        }
    }

    /// Whether only the head is trained.
    pub fn freezes_body(&self) -> bool {
        match self {
            Self::Resnet18(c) | Self::Resnet34(c) => c.freeze,
            Self::Bert(c) => {
                let layers = c.encoder.as_ref().map(|e| e.layers);
                c.lora_rank == 0 && layers.is_some_and(|layers| c.frozen_layers >= layers)
            }
            _ => false,
        }
    }

    /// The most tokens of a text; none where the input is no text.
    pub fn max_length(&self) -> Option<usize> {
        match self {
            Self::TextCnn(c) => Some(c.max_length),
            Self::BertMini(c) => Some(c.max_length),
            Self::Bert(c) => Some(c.max_length),
            Self::GptMini(c) => Some(c.max_length),
            Self::Decoder(c) => Some(c.max_length),
            _ => None,
        }
    }

    /// The tokenizer to train on the texts, with its largest number of entries; none where it comes
    /// with the weights.
    pub fn own_tokenizer(&self) -> Option<(TokenizerKind, usize)> {
        match self {
            Self::TextCnn(c) => Some((c.tokenizer, c.vocabulary)),
            Self::BertMini(c) => Some((c.tokenizer, c.vocabulary)),
            _ => None,
        }
    }

    /// Fills in the encoder that the weights of `bert` have.
    pub fn set_encoder(&mut self, encoder: &EncoderConfig) {
        if let Self::Bert(c) = self {
            c.encoder = Some(Box::new(encoder.clone()));
        }
    }

    /// Whether the trained adapters are kept apart from the weights.
    pub fn keeps_adapter(&self) -> bool {
        match self {
            Self::Bert(c) => c.lora_rank > 0 && c.adapter == Adapter::Apart,
            Self::Decoder(c) => c.lora_rank > 0 && c.adapter == Adapter::Apart,
            _ => false,
        }
    }

    /// What the learning rate of a parameter is multiplied by: a block's share of that of the block
    /// above it, once for each block between it and the head.
    pub fn rate_factor(&self, parameter: &str) -> f64 {
        let Self::Bert(BertConfig {
            encoder: Some(encoder),
            layer_decay,
            ..
        }) = self
        else {
            return 1.0;
        };
        let above = encoder.layers_above(parameter);
        layer_decay.powi(i32::try_from(above).unwrap_or(i32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_decay_from_the_head_down() {
        let mut config = ModelConfig::Bert(BertConfig {
            layer_decay: 0.5,
            ..Default::default()
        });
        config.set_encoder(&EncoderConfig {
            layers: 2,
            ..Default::default()
        });
        for (name, factor) in [
            ("classifier.weight", 1.0),
            ("encoder.pooler.weight", 1.0),
            ("encoder.blocks.1.query.weight", 0.5),
            ("encoder.blocks.0.output_norm.bias", 0.25),
            ("encoder.embeddings.words.weight", 0.125),
        ] {
            assert_eq!(config.rate_factor(name), factor, "{name}");
        }
    }

    #[test]
    fn the_encoder_is_kept_but_no_setting() {
        let mut config = ModelConfig::Bert(BertConfig::default());
        config.set_encoder(&EncoderConfig::default());
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
        let schema = schemars::schema_for!(BertConfig).to_value();
        assert!(schema["properties"]["lora_rank"].is_object());
        assert!(schema["properties"]["encoder"].is_null());
    }
}
