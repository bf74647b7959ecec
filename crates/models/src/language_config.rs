//! The settings of language models: of pretrained ones that are tuned, and of one from scratch.

use crate::config::{Adapter, LoraTarget};
use crate::decoder::{Base, DecoderConfig, DecoderFamily};
use crate::projection::Lora;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of `decoder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TunedConfig {
    /// Pretrained weights: a hub id, a folder in Hugging Face's layout, a `.gguf` file or a bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Tokens after which a text is cut.
    pub max_length: usize,
    /// Train adapters of this rank (LoRA); 0 trains all weights.
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
    /// How weights that are not trained are kept in memory while training.
    pub base: Base,
    /// Sizes of the network, as its weights have them; filled in from there.
    #[schemars(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Box<DecoderConfig>>,
}

impl Default for TunedConfig {
    fn default() -> Self {
        Self {
            weights: None,
            max_length: 512,
            lora_rank: 16,
            lora_alpha: 32.0,
            lora_dropout: 0.0,
            lora_targets: vec![
                LoraTarget::Query,
                LoraTarget::Key,
                LoraTarget::Value,
                LoraTarget::AttentionOutput,
                LoraTarget::Intermediate,
                LoraTarget::Output,
            ],
            adapter: Adapter::Merged,
            base: Base::F32,
            decoder: None,
        }
    }
}

impl TunedConfig {
    /// The adapters to train; `None` if all weights are trained.
    pub fn lora(&self) -> Option<Lora> {
        (self.lora_rank > 0).then(|| Lora {
            rank: self.lora_rank,
            alpha: self.lora_alpha,
            dropout: self.lora_dropout,
            targets: self.lora_targets.clone(),
        })
    }

    /// A setting that no adapter can have, and what is wrong with it.
    pub fn complaint(&self) -> Option<(&'static str, String)> {
        if self.max_length < 2 {
            return Some(("max_length", "a model sees two tokens at least".into()));
        }
        let lora = self.lora()?;
        if lora.targets.is_empty() {
            return Some(("lora_targets", "no layer gets an adapter".into()));
        }
        if !(lora.alpha.is_finite() && lora.alpha > 0.0) {
            return Some(("lora_alpha", format!("{} is no number above 0", lora.alpha)));
        }
        let outside = !(0.0..1.0).contains(&lora.dropout);
        outside.then(|| {
            (
                "lora_dropout",
                format!("{} is outside 0 to 1", lora.dropout),
            )
        })
    }
}

/// Settings of `gpt-mini`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GptMiniConfig {
    /// Blocks of attention and perceptron.
    pub layers: usize,
    /// Features of a token, a multiple of the heads.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Share of activations set to zero while training, from 0 up to but not including 1.
    pub dropout: f64,
    /// Tokens that the model sees at once.
    pub max_length: usize,
    /// Most entries of the tokenizer that is trained on the texts.
    pub vocabulary: usize,
}

impl Default for GptMiniConfig {
    fn default() -> Self {
        Self {
            layers: 4,
            width: 128,
            heads: 4,
            dropout: 0.1,
            max_length: 128,
            vocabulary: 2048,
        }
    }
}

impl GptMiniConfig {
    /// A small Llama with a tokenizer of `vocabulary` ids. The perceptron is 8/3 as wide as the block,
    /// in steps of 32 features, so that its three matrices weigh as much as the usual two of four times
    /// the width (Shazeer 2020).
    pub fn decoder(&self, vocabulary: usize) -> DecoderConfig {
        DecoderConfig {
            family: DecoderFamily::Llama,
            vocabulary,
            hidden: self.width,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.heads,
            head_dim: self.width / self.heads.max(1),
            intermediate: (self.width.saturating_mul(8) / 3).next_multiple_of(32),
            positions: self.max_length,
            epsilon: 1e-5,
            rope_base: 10_000.0,
            rope_scaling: None,
            tied: true,
            qkv_bias: false,
            output_bias: false,
            mlp_bias: false,
            qk_norm: false,
            window: None,
            dropout: self.dropout,
        }
    }

    /// A sentence if no network can be built of these settings.
    pub fn complaint(&self) -> Option<(&'static str, String)> {
        if self.heads == 0 || !self.width.is_multiple_of(self.heads * 2) || self.width == 0 {
            let problem = format!(
                "{} is no multiple of twice its {} heads",
                self.width, self.heads
            );
            return Some(("width", problem));
        }
        if self.max_length < 2 {
            return Some(("max_length", "a model sees two tokens at least".into()));
        }
        let checked = self.decoder(self.vocabulary).check();
        checked.err().map(|problem| ("architecture", problem))
    }
}
