//! What stands in the `config.json` of an encoder, with transformers' defaults.

use super::encoder_config::{EncoderConfig, Family, HiddenActivation};
use crate::config::Pooling;
use serde::Deserialize;
use serde_json::{Value, json};

/// The settings in a `config.json` of `family`; the error is a sentence.
pub(super) fn read(family: Family, value: Value) -> Result<EncoderConfig, String> {
    let config = match family {
        Family::Distilbert => serde_json::from_value(value).map(distilbert),
        _ => serde_json::from_value(value).map(|c| bert(family, c)),
    };
    config.map_err(|e| e.to_string())?
}

/// `config.json` of BERT and RoBERTa, with transformers' defaults.
#[derive(Deserialize)]
#[serde(default)]
struct BertJson {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    hidden_dropout_prob: f64,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    pad_token_id: Option<u32>,
    classifier_dropout: Option<f64>,
    position_embedding_type: Option<String>,
}

impl Default for BertJson {
    fn default() -> Self {
        let base = EncoderConfig::default();
        Self {
            vocab_size: base.vocabulary,
            hidden_size: base.hidden,
            num_hidden_layers: base.layers,
            num_attention_heads: base.heads,
            intermediate_size: base.intermediate,
            hidden_act: "gelu".into(),
            hidden_dropout_prob: base.dropout,
            max_position_embeddings: base.positions,
            type_vocab_size: base.types,
            layer_norm_eps: base.epsilon,
            pad_token_id: None,
            classifier_dropout: None,
            position_embedding_type: None,
        }
    }
}

/// `config.json` of DistilBERT, with transformers' defaults.
#[derive(Deserialize)]
#[serde(default)]
struct DistilbertJson {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    activation: String,
    dropout: f64,
    seq_classif_dropout: f64,
    qa_dropout: f64,
    max_position_embeddings: usize,
    pad_token_id: Option<u32>,
}

impl Default for DistilbertJson {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            dim: 768,
            n_layers: 6,
            n_heads: 12,
            hidden_dim: 3072,
            activation: "gelu".into(),
            dropout: 0.1,
            seq_classif_dropout: 0.2,
            qa_dropout: 0.1,
            max_position_embeddings: 512,
            pad_token_id: None,
        }
    }
}

fn bert(family: Family, c: BertJson) -> Result<EncoderConfig, String> {
    if let Some(kind) = c.position_embedding_type.filter(|kind| kind != "absolute") {
        return Err(format!(
            "`position_embedding_type` is {kind}; only absolute positions are supported"
        ));
    }
    Ok(EncoderConfig {
        family,
        vocabulary: c.vocab_size,
        hidden: c.hidden_size,
        layers: c.num_hidden_layers,
        heads: c.num_attention_heads,
        intermediate: c.intermediate_size,
        positions: c.max_position_embeddings,
        types: c.type_vocab_size,
        epsilon: c.layer_norm_eps,
        activation: activation("hidden_act", &c.hidden_act)?,
        dropout: c.hidden_dropout_prob,
        head_dropout: c.classifier_dropout.unwrap_or(c.hidden_dropout_prob),
        span_dropout: 0.0,
        pad: c.pad_token_id.unwrap_or(u32::from(family.is_roberta())),
        pooling: Pooling::Auto,
    })
}

fn distilbert(c: DistilbertJson) -> Result<EncoderConfig, String> {
    Ok(EncoderConfig {
        family: Family::Distilbert,
        vocabulary: c.vocab_size,
        hidden: c.dim,
        layers: c.n_layers,
        heads: c.n_heads,
        intermediate: c.hidden_dim,
        positions: c.max_position_embeddings,
        types: 0,
        epsilon: 1e-12,
        activation: activation("activation", &c.activation)?,
        dropout: c.dropout,
        head_dropout: c.seq_classif_dropout,
        span_dropout: c.qa_dropout,
        pad: c.pad_token_id.unwrap_or(0),
        pooling: Pooling::Auto,
    })
}

fn activation(key: &str, name: &str) -> Result<HiddenActivation, String> {
    serde_json::from_value(json!(name)).map_err(|_| {
        format!("`{key}` is {name}; supported are gelu, gelu_new, gelu_pytorch_tanh and relu")
    })
}
