//! The list of architectures: what each takes, how big it is and what it is for.

use crate::config::{
    BertConfig, BertMiniConfig, LenetConfig, LinearConfig, MlpConfig, ModelConfig, ResNetConfig,
    TextCnnConfig,
};
use crate::decoder::DecoderConfig;
use crate::language_config::{GptMiniConfig, TunedConfig};
use crate::text::EncoderConfig;
use crate::{ModelError, size};
use serde::Serialize;

/// A kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// `[batch, channels, height, width]`.
    Image,
    /// `[batch, features]`.
    Row,
    /// Token ids, `[batch, seq]`.
    Text,
    /// Token ids of which each is to be told from those before it.
    Talk,
}

impl Input {
    fn words(self) -> &'static str {
        match self {
            Self::Image => "pictures",
            Self::Row => "rows of a table",
            Self::Text => "texts to classify, compare or search",
            Self::Talk => "texts to go on with, such as conversations",
        }
    }
}

/// One line of the catalogue.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The name used in recipes.
    pub name: &'static str,
    /// What it takes.
    pub inputs: &'static [Input],
    /// What it is for, in a sentence.
    pub purpose: &'static str,
    /// The size at which `parameters` was counted.
    pub counted_at: &'static str,
    /// Parameters at that size.
    pub parameters: usize,
    /// Whether pretrained weights can be loaded.
    pub pretrained: bool,
}

/// The inputs an architecture takes.
fn inputs(config: &ModelConfig) -> &'static [Input] {
    match config {
        ModelConfig::Linear(_) | ModelConfig::Mlp(_) => &[Input::Image, Input::Row],
        ModelConfig::Lenet(_) | ModelConfig::Resnet18(_) | ModelConfig::Resnet34(_) => {
            &[Input::Image]
        }
        ModelConfig::TextCnn(_) | ModelConfig::BertMini(_) | ModelConfig::Bert(_) => &[Input::Text],
        ModelConfig::GptMini(_) | ModelConfig::Decoder(_) => &[Input::Talk],
    }
}

/// Every architecture with its default settings; `bert` with the sizes of BERT base, `decoder` with those
/// of SmolLM2-135M.
pub fn all() -> [ModelConfig; 10] {
    [
        ModelConfig::Linear(LinearConfig::default()),
        ModelConfig::Mlp(MlpConfig::default()),
        ModelConfig::Lenet(LenetConfig::default()),
        ModelConfig::Resnet18(ResNetConfig::default()),
        ModelConfig::Resnet34(ResNetConfig::default()),
        ModelConfig::TextCnn(TextCnnConfig::default()),
        ModelConfig::BertMini(BertMiniConfig::default()),
        ModelConfig::Bert(BertConfig {
            encoder: Some(Box::new(EncoderConfig::default())),
            ..Default::default()
        }),
        ModelConfig::GptMini(GptMiniConfig::default()),
        ModelConfig::Decoder(TunedConfig {
            decoder: Some(Box::new(smollm2())),
            ..Default::default()
        }),
    ]
}

/// SmolLM2-135M (Allal et al. 2025).
fn smollm2() -> DecoderConfig {
    let small = GptMiniConfig {
        layers: 30,
        width: 576,
        heads: 9,
        dropout: 0.0,
        max_length: 8192,
        vocabulary: 49_152,
    };
    DecoderConfig {
        kv_heads: 3,
        rope_base: 100_000.0,
        ..small.decoder(small.vocabulary)
    }
}

/// The catalogue; parameters are computed, not written down.
pub fn entries() -> Vec<Entry> {
    all().iter().map(entry).collect()
}

fn entry(config: &ModelConfig) -> Entry {
    let (purpose, counted_at, shape, outputs): (_, _, &[usize], _) = match config {
        ModelConfig::Linear(_) => (
            "A first, explainable answer; prices, risk scores, and the bar that others must beat.",
            "100 columns, 1 output",
            &[100],
            1,
        ),
        ModelConfig::Mlp(_) => (
            "Tables with interactions between columns; small pictures of one thing in the middle.",
            "784 inputs, 10 classes",
            &[784],
            10,
        ),
        ModelConfig::Lenet(_) => (
            "Small grey pictures such as digits and icons; trains in seconds.",
            "1x28x28, 10 classes",
            &[1, 28, 28],
            10,
        ),
        ModelConfig::Resnet18(_) => (
            "Photographs; from scratch on small pictures, from pretrained weights on few examples.",
            "3x224x224, 1000 classes",
            &[3, 224, 224],
            1000,
        ),
        ModelConfig::Resnet34(_) => (
            "As resnet18 where twice the time buys a little accuracy.",
            "3x224x224, 1000 classes",
            &[3, 224, 224],
            1000,
        ),
        ModelConfig::TextCnn(_) => (
            "Texts by the words and phrases in them, such as topics and spam; trains in a minute.",
            "16,384 tokens, 2 classes",
            &[16_384],
            2,
        ),
        ModelConfig::BertMini(_) => (
            "Texts where word order matters, with ten thousand examples or more and no weights at hand.",
            "8,192 tokens, 2 classes",
            &[8192],
            2,
        ),
        ModelConfig::Bert(_) => (
            "Texts from pretrained weights: the most accurate, also on a few hundred examples.",
            "BERT base, 2 classes",
            &[30_522],
            2,
        ),
        ModelConfig::GptMini(_) => (
            "Texts in the manner of a book or of a log, from nothing, in minutes; to see how it is done.",
            "2,048 tokens",
            &[2048],
            0,
        ),
        ModelConfig::Decoder(_) => (
            "Conversations: a pretrained language model in your company's voice, by adapters (LoRA).",
            "SmolLM2-135M",
            &[49_152],
            0,
        ),
    };
    Entry {
        name: config.name(),
        inputs: inputs(config),
        purpose,
        counted_at,
        parameters: size::parameters(config, shape, outputs) as usize,
        pretrained: matches!(
            config,
            ModelConfig::Resnet18(_)
                | ModelConfig::Resnet34(_)
                | ModelConfig::Bert(_)
                | ModelConfig::Decoder(_)
        ),
    }
}

/// An error unless `config` takes `given`.
pub fn check_input(config: &ModelConfig, given: Input) -> Result<(), ModelError> {
    match inputs(config).contains(&given) {
        true => Ok(()),
        false => Err(wrong_input(config, given)),
    }
}

/// An error unless a weight file of `bytes` can hold the parameters that `config` asks for.
///
/// Looked at before a network is built: a configuration in a file must not decide alone how much
/// memory is taken. `shape` is `[features]`, `[channels, height, width]`, or `[vocabulary]` for texts.
pub fn check_file(
    config: &ModelConfig,
    shape: &[usize],
    outputs: usize,
    bytes: usize,
) -> Result<(), String> {
    let parameters = size::parameters(config, shape, outputs);
    match parameters.saturating_mul(4) <= bytes as u64 {
        true => Ok(()),
        false => Err(format!(
            "its {bytes} bytes are too few for the {parameters} parameters of this `{}`",
            config.name()
        )),
    }
}

/// The error for an architecture that does not take `given`.
pub(crate) fn wrong_input(config: &ModelConfig, given: Input) -> ModelError {
    let fits: Vec<_> = all()
        .iter()
        .filter(|c| inputs(c).contains(&given))
        .map(ModelConfig::name)
        .collect();
    ModelError::WrongInput {
        architecture: config.name(),
        takes: inputs(config)[0].words(),
        given: given.words(),
        choices: fits.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableNet;
    use burn::tensor::Device;

    /// torchvision's `sum(p.numel())`; the MLP's is 784*256+256 + 256*128+128 + 128*10+10.
    #[test]
    fn parameter_counts_are_the_published_ones() {
        let counts: Vec<_> = entries().iter().map(|e| (e.name, e.parameters)).collect();
        // Running statistics are state, not parameters: 4,800 in ResNet-18, 8,512 in ResNet-34.
        assert_eq!(counts[1], ("mlp", 235_146));
        assert_eq!(counts[2], ("lenet", 61_706));
        assert_eq!(counts[3], ("resnet18", 11_689_512));
        assert_eq!(counts[4], ("resnet34", 21_797_672));
        // transformers' BERT base has 109,482,240, its classifier 768 * 2 + 2 more.
        assert_eq!(counts[7], ("bert", 109_483_778));
        assert_eq!(counts[9], ("decoder", 134_515_008));
    }

    #[test]
    fn a_picture_network_refuses_a_table() {
        let error = TableNet::new(&all()[2], 4, 3, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("lenet") && error.contains("linear, mlp"),
            "{error}"
        );
    }
}
