//! What the settings of an encoder amount to: its sizes, its head, what is trained.

use super::encoder::Encoder;
use super::encoder_config::EncoderConfig;
use super::names;
use crate::catalog::{self, Input};
use crate::config::{BertConfig, BertMiniConfig, LoraTarget, ModelConfig, Pooling};
use crate::error::ModelError;
use crate::fresh::Fresh;
use crate::projection::Lora;
use crate::size;
use burn::tensor::Device;

/// What a network makes of the encoder's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// So many logits a text.
    Classes(usize),
    /// Where a span starts and ends.
    Spans,
    /// A vector a text.
    Sentences,
}

/// An encoder with its head, checked but not built.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    name: &'static str,
    pub(super) encoder: EncoderConfig,
    pub(super) head: Head,
    /// `Cls` or `Mean`.
    pub(super) pooling: Pooling,
    pub(super) lora: Option<Lora>,
    frozen_layers: usize,
    /// Whether the body starts at zero, to be loaded.
    pub(super) blank: bool,
}

fn bad(key: &'static str, problem: impl Into<String>) -> ModelError {
    ModelError::Config {
        key,
        problem: problem.into(),
    }
}

impl Blueprint {
    /// Of `bert` or `bert-mini` with a tokenizer of `vocabulary` ids.
    pub(crate) fn new(
        config: &ModelConfig,
        vocabulary: usize,
        head: Head,
    ) -> Result<Self, ModelError> {
        let (blueprint, max_length) = match config {
            ModelConfig::BertMini(c) => (Self::mini(c, vocabulary, head), c.max_length),
            ModelConfig::Bert(c) => (Self::bert(c, head)?, c.max_length),
            ModelConfig::TextCnn(_) => {
                let problem = "text-cnn only classifies; choose bert-mini, or bert with weights";
                return Err(bad("architecture", problem));
            }
            other => return Err(catalog::wrong_input(other, Input::Text)),
        };
        let problem = |problem: String| bad("architecture", problem);
        blueprint.encoder.check().map_err(problem)?;
        let longest = blueprint.encoder.longest();
        if !(2..=longest).contains(&max_length) {
            let problem = format!("{max_length} is outside 2 to the encoder's {longest} tokens");
            return Err(bad("max_length", problem));
        }
        Ok(blueprint)
    }

    fn mini(c: &BertMiniConfig, vocabulary: usize, head: Head) -> Self {
        let pooling = match c.pooling {
            Pooling::Auto => Pooling::Mean,
            chosen => chosen,
        };
        Self {
            name: "bert-mini",
            encoder: EncoderConfig::mini(c, vocabulary),
            head,
            pooling,
            lora: None,
            frozen_layers: 0,
            blank: false,
        }
    }

    fn bert(c: &BertConfig, head: Head) -> Result<Self, ModelError> {
        let Some(encoder) = c.encoder.as_deref() else {
            let problem = "bert needs pretrained weights: a Hugging Face folder or a hub id; bert-mini \
                           trains without";
            return Err(bad("weights", problem));
        };
        let pooling = match (c.pooling, head, encoder.pooling) {
            // The head that Hugging Face's classifiers have.
            (Pooling::Auto, Head::Classes(_), _) => Pooling::Cls,
            (Pooling::Auto, _, Pooling::Auto) => Pooling::Mean,
            (Pooling::Auto, _, of_the_weights) => of_the_weights,
            (chosen, ..) => chosen,
        };
        if c.frozen_layers > encoder.layers {
            let problem = format!(
                "{} is more than the encoder's {} layers",
                c.frozen_layers, encoder.layers
            );
            return Err(bad("frozen_layers", problem));
        }
        if !(c.layer_decay > 0.0 && c.layer_decay <= 1.0) {
            let problem = format!("{} is outside 0 to 1 (no decay)", c.layer_decay);
            return Err(bad("layer_decay", problem));
        }
        Ok(Self {
            name: "bert",
            encoder: encoder.clone(),
            head,
            pooling,
            lora: lora(c, encoder)?,
            frozen_layers: c.frozen_layers,
            blank: true,
        })
    }

    /// Without adapters and frozen layers, its body at zero: to be filled from a bundle.
    pub(super) fn unfilled(self) -> Self {
        Self {
            lora: None,
            frozen_layers: 0,
            blank: true,
            ..self
        }
    }

    /// Whether there is a layer between the first token and the classifier.
    pub(super) fn pooler(&self) -> bool {
        matches!(self.head, Head::Classes(_)) && self.pooling == Pooling::Cls
    }

    /// Outputs of the linear layer at the end; 0 if there is none.
    pub(super) fn outputs(&self) -> usize {
        match self.head {
            Head::Classes(outputs) => outputs,
            Head::Spans => 2,
            Head::Sentences => 0,
        }
    }

    /// The encoder, with what is to be trained.
    pub(super) fn body(&self, device: &Device) -> Encoder {
        let fresh = self.fresh(device);
        let encoder = Encoder::new(&self.encoder, self.pooler(), fresh);
        match (&self.lora, self.frozen_layers) {
            (Some(lora), _) => encoder.adapted(lora, device),
            (None, 0) => encoder,
            (None, layers) => encoder.freeze(layers),
        }
    }

    fn fresh<'a>(&self, device: &'a Device) -> Fresh<'a> {
        Fresh {
            device,
            blank: self.blank,
        }
    }

    /// Parameters of the built network; saturates instead of overflowing.
    pub(crate) fn parameters(&self) -> u64 {
        let c = &self.encoder;
        let body = |layers: usize| {
            let sizes = names::body(&EncoderConfig {
                layers,
                ..c.clone()
            });
            let product = |shape: Vec<usize>| {
                let sizes = shape.iter().map(|n| *n as u64);
                sizes.fold(1, u64::saturating_mul)
            };
            sizes
                .map(|(_, shape)| product(shape))
                .fold(0, u64::saturating_add)
        };
        let embeddings = body(0);
        let blocks = (body(1) - embeddings).saturating_mul(c.layers as u64);
        let hidden = c.hidden as u64;
        let pooler = if self.pooler() {
            size::dense(&[hidden, hidden])
        } else {
            0
        };
        let head = size::dense(&[hidden, self.outputs() as u64]);
        [embeddings, blocks, pooler, head, self.adapters()]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn adapters(&self) -> u64 {
        let Some(lora) = &self.lora else { return 0 };
        let (h, wide) = (self.encoder.hidden as u64, self.encoder.intermediate as u64);
        let both = |target: &LoraTarget| match target {
            LoraTarget::Intermediate | LoraTarget::Output => h.saturating_add(wide),
            _ => h.saturating_mul(2),
        };
        let sides = lora.targets.iter().map(both).fold(0, u64::saturating_add);
        let rank = lora.rank as u64;
        let block = sides.saturating_mul(rank);
        block.saturating_mul(self.encoder.layers as u64)
    }

    /// An error if it is larger than any network may be.
    pub(super) fn check_size(&self) -> Result<(), ModelError> {
        size::check_count(self.name, self.parameters())
    }
}

fn lora(c: &BertConfig, encoder: &EncoderConfig) -> Result<Option<Lora>, ModelError> {
    if c.lora_rank == 0 {
        return Ok(None);
    }
    let most = encoder.hidden;
    if c.lora_rank > most {
        let problem = format!("{} is more than the encoder's {most} features", c.lora_rank);
        return Err(bad("lora_rank", problem));
    }
    if c.frozen_layers > 0 {
        let problem = "with lora_rank the whole encoder is frozen already; leave this at 0";
        return Err(bad("frozen_layers", problem));
    }
    if !(c.lora_alpha > 0.0 && c.lora_alpha.is_finite()) {
        return Err(bad(
            "lora_alpha",
            format!("{} is not above 0", c.lora_alpha),
        ));
    }
    if !(0.0..1.0).contains(&c.lora_dropout) {
        let problem = format!(
            "{} is outside 0 (none) up to but not including 1",
            c.lora_dropout
        );
        return Err(bad("lora_dropout", problem));
    }
    let mut targets = c.lora_targets.clone();
    targets.sort();
    targets.dedup();
    match targets.is_empty() {
        true => Err(bad(
            "lora_targets",
            "name at least one layer, such as query and value",
        )),
        false => Ok(Some(Lora {
            rank: c.lora_rank,
            alpha: c.lora_alpha,
            dropout: c.lora_dropout,
            targets,
        })),
    }
}
