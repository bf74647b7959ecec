//! What is trained of a decoder that is fine-tuned, and how the rest is kept.

use super::stored::Stored;
use crate::config::LoraTarget;
use crate::projection::Lora;
use modelwright_kernels::quant::Format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How weights are kept that are not trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// As the file has them.
    Stored,
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of 32.
    Bf16,
    /// 8 bits with a scale for each 32 weights.
    Q8,
}

impl Base {
    /// Weights as they are kept.
    pub(super) fn keep(self, stored: Stored) -> Stored {
        match self {
            Self::Stored => stored,
            Self::F32 => stored.to(Format::F32),
            Self::Bf16 => stored.to(Format::Bf16),
            Self::Q8 => stored.to(Format::Q8_0),
        }
    }
}

/// Hugging Face's names of the layers that a target means; the perceptron's gate is a first layer too.
pub(super) fn layers(target: LoraTarget) -> &'static [&'static str] {
    match target {
        LoraTarget::Query => &["q_proj"],
        LoraTarget::Key => &["k_proj"],
        LoraTarget::Value => &["v_proj"],
        LoraTarget::AttentionOutput => &["o_proj"],
        LoraTarget::Intermediate => &["gate_proj", "up_proj"],
        LoraTarget::Output => &["down_proj"],
    }
}

/// Whether the layer with this name gets an adapter.
pub(super) fn adapts(lora: &Lora, layer: &str) -> bool {
    let name = layer.rsplit('.').next().unwrap_or(layer);
    let mut targets = lora.targets.iter();
    targets.any(|target| layers(*target).contains(&name))
}
