//! The settings of a BERT-like encoder, read from and written as Hugging Face's `config.json`.

use super::{encoder_json, names};
use crate::config::{BertMiniConfig, Pooling};
use modelwright_kernels::nn::Activation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A family of encoders: Hugging Face's `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// BERT (Devlin et al. 2019), and all that share its layers: MiniLM, BGE, E5, GTE, MacBERT.
    Bert,
    /// RoBERTa (Liu et al. 2019): positions start after the id of padding.
    Roberta,
    /// XLM-R (Conneau et al. 2020): RoBERTa in a hundred languages.
    XlmRoberta,
    /// DistilBERT (Sanh et al. 2019): no token types, no pooler.
    Distilbert,
}

impl Family {
    const ALL: [Self; 4] = [
        Self::Bert,
        Self::Roberta,
        Self::XlmRoberta,
        Self::Distilbert,
    ];

    /// Hugging Face's `model_type`.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::Roberta => "roberta",
            Self::XlmRoberta => "xlm-roberta",
            Self::Distilbert => "distilbert",
        }
    }

    /// What the names of transformers' classes begin with.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bert => "Bert",
            Self::Roberta => "Roberta",
            Self::XlmRoberta => "XLMRoberta",
            Self::Distilbert => "DistilBert",
        }
    }

    /// Whether it is RoBERTa in its layers.
    pub(super) fn is_roberta(self) -> bool {
        matches!(self, Self::Roberta | Self::XlmRoberta)
    }
}

/// The activation inside a block, under Hugging Face's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenActivation {
    /// GELU, exact.
    Gelu,
    /// GELU by tanh.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// ReLU.
    Relu,
}

impl HiddenActivation {
    pub(super) fn function(self) -> Activation {
        match self {
            Self::Gelu => Activation::Gelu,
            Self::GeluNew => Activation::GeluTanh,
            Self::Relu => Activation::Relu,
        }
    }
}

/// Sizes and constants of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    /// Which of the families it belongs to.
    pub family: Family,
    /// Token ids.
    pub vocabulary: usize,
    /// Features of a token.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Features between the two linear layers of a block.
    pub intermediate: usize,
    /// Rows of the table of positions; see [`Self::longest`].
    pub positions: usize,
    /// Token types: 2 to tell the texts of a pair apart, 0 if the family has none.
    pub types: usize,
    /// Added to the variance in norms.
    pub epsilon: f64,
    /// The activation inside a block.
    pub activation: HiddenActivation,
    /// Share of features set to zero while training, after the embeddings and in each block. Weights of
    /// attention are not dropped.
    pub dropout: f64,
    /// The same before a classifier.
    pub head_dropout: f64,
    /// The same before the layer that finds spans.
    pub span_dropout: f64,
    /// The id of padding.
    pub pad: u32,
    /// How the weights' folder makes one vector of a sentence; `auto` if it does not say.
    pub pooling: Pooling,
}

impl Default for EncoderConfig {
    /// BERT base, uncased.
    fn default() -> Self {
        Self {
            family: Family::Bert,
            vocabulary: 30_522,
            hidden: 768,
            layers: 12,
            heads: 12,
            intermediate: 3072,
            positions: 512,
            types: 2,
            epsilon: 1e-12,
            activation: HiddenActivation::Gelu,
            dropout: 0.1,
            head_dropout: 0.1,
            span_dropout: 0.0,
            pad: 0,
            pooling: Pooling::Auto,
        }
    }
}

impl EncoderConfig {
    /// The encoder of `bert-mini` for a tokenizer of `vocabulary` ids.
    pub(super) fn mini(c: &BertMiniConfig, vocabulary: usize) -> Self {
        Self {
            vocabulary,
            hidden: c.width,
            layers: c.layers,
            heads: c.heads,
            intermediate: c.intermediate,
            positions: c.max_length,
            dropout: c.dropout,
            head_dropout: c.dropout,
            ..Self::default()
        }
    }

    /// The most tokens of a text.
    pub fn longest(&self) -> usize {
        self.positions.saturating_sub(self.first_position())
    }

    /// The position of the first token.
    pub(super) fn first_position(&self) -> usize {
        match self.family.is_roberta() {
            true => self.pad as usize + 1,
            false => 0,
        }
    }

    /// How many blocks lie between the parameter and the head; those of the head have none above.
    pub(crate) fn layers_above(&self, parameter: &str) -> usize {
        match names::block(parameter) {
            Some(block) => self.layers.saturating_sub(block),
            None if names::is_body(parameter) => self.layers + 1,
            None => 0,
        }
    }

    /// From the content of a `config.json`; the error is a sentence.
    pub(super) fn from_hugging_face(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let Some(name) = value["model_type"].as_str() else {
            return Err("it has no `model_type`; is it from a Hugging Face model?".into());
        };
        let Some(family) = Family::ALL.into_iter().find(|f| f.model_type() == name) else {
            return Err(format!(
                "`model_type` is {name}, which is not supported; supported are {}",
                Family::ALL.map(Family::model_type).join(", ")
            ));
        };
        let config = encoder_json::read(family, value)?;
        config.check()?;
        Ok(config)
    }

    /// An error, as a sentence, unless a network can be built of it.
    pub(super) fn check(&self) -> Result<(), String> {
        let sizes = [
            ("vocabulary", self.vocabulary),
            ("hidden features", self.hidden),
            ("layers", self.layers),
            ("heads", self.heads),
            ("intermediate features", self.intermediate),
        ];
        if let Some((what, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("the encoder has no {what}"));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(format!(
                "{} features do not divide into {} attention heads",
                self.hidden, self.heads
            ));
        }
        if self.longest() < 2 {
            return Err(format!(
                "{} positions leave no room for a text",
                self.positions
            ));
        }
        match [self.dropout, self.head_dropout, self.span_dropout]
            .iter()
            .find(|share| !(0.0..1.0).contains(*share))
        {
            Some(share) => Err(format!(
                "a dropout of {share} is outside 0 up to but not including 1"
            )),
            None => Ok(()),
        }
    }

    /// As Hugging Face's `config.json`, without the name of a class.
    pub(super) fn to_hugging_face(&self) -> Map<String, Value> {
        let value = match self.family {
            Family::Distilbert => json!({
                "dim": self.hidden, "n_layers": self.layers, "n_heads": self.heads,
                "hidden_dim": self.intermediate, "activation": self.activation,
                "dropout": self.dropout, "attention_dropout": 0.0,
                "seq_classif_dropout": self.head_dropout, "qa_dropout": self.span_dropout,
                "sinusoidal_pos_embds": false,
            }),
            _ => json!({
                "hidden_size": self.hidden, "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads, "intermediate_size": self.intermediate,
                "hidden_act": self.activation, "hidden_dropout_prob": self.dropout,
                "attention_probs_dropout_prob": 0.0, "classifier_dropout": self.head_dropout,
                "type_vocab_size": self.types, "layer_norm_eps": self.epsilon,
            }),
        };
        let mut entries = match value {
            Value::Object(entries) => entries,
            _ => Map::new(),
        };
        for (key, value) in [
            ("model_type", json!(self.family)),
            ("vocab_size", json!(self.vocabulary)),
            ("max_position_embeddings", json!(self.positions)),
            ("pad_token_id", json!(self.pad)),
            ("dtype", json!("float32")),
        ] {
            entries.insert(key.into(), value);
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_survives_the_way_through_hugging_faces() {
        for family in Family::ALL {
            let config = EncoderConfig {
                family,
                vocabulary: 60,
                hidden: 32,
                layers: 3,
                heads: 4,
                intermediate: 48,
                positions: 40,
                types: if family == Family::Distilbert { 0 } else { 1 },
                activation: HiddenActivation::GeluNew,
                dropout: 0.2,
                head_dropout: 0.3,
                span_dropout: if family == Family::Distilbert {
                    0.4
                } else {
                    0.0
                },
                pad: 1,
                ..EncoderConfig::default()
            };
            let text = serde_json::to_vec(&config.to_hugging_face()).unwrap();
            assert_eq!(EncoderConfig::from_hugging_face(&text).unwrap(), config);
            let roberta = matches!(family, Family::Roberta | Family::XlmRoberta);
            assert_eq!(config.longest(), if roberta { 38 } else { 40 });
        }
    }

    #[test]
    fn what_cannot_be_built_is_said() {
        for (text, expected) in [
            (
                r#"{"model_type": "t5"}"#,
                "supported are bert, roberta, xlm-roberta, distilbert",
            ),
            (r#"{"hidden_size": 8}"#, "no `model_type`"),
            (
                r#"{"model_type": "bert", "hidden_act": "mish"}"#,
                "`hidden_act` is mish",
            ),
            (
                r#"{"model_type": "bert", "hidden_size": 10, "num_attention_heads": 3}"#,
                "3 attention heads",
            ),
            (
                r#"{"model_type": "bert", "position_embedding_type": "relative_key"}"#,
                "relative_key",
            ),
            (
                r#"{"model_type": "bert", "hidden_dropout_prob": 1.0}"#,
                "dropout of 1",
            ),
            (
                r#"{"model_type": "bert", "vocab_size": 0}"#,
                "no vocabulary",
            ),
            (
                r#"{"model_type": "roberta", "max_position_embeddings": 3}"#,
                "3 positions",
            ),
            (r#"{"model_type": "bert", "vocab_size": -3}"#, "-3"),
        ] {
            let error = EncoderConfig::from_hugging_face(text.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
