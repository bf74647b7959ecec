//! A decoder that is trained.

use super::attention::Attention;
use super::config::DecoderConfig;
use super::layers::{Norm, Perceptron, Table};
use super::lora::Base;
use super::model::LanguageModel;
use super::origin::Origin;
use crate::error::ModelError;
use crate::projection::{Lora, Projection};
use crate::text::adapter;
use crate::weights::{self, StateDict};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use modelwright_kernels::nn::{Dropout, Segments};
use modelwright_kernels::quant::Matrix;

/// Token ids to scores of the next token. Parameters have Hugging Face's names of Llama, of every
/// family.
#[derive(Module, Debug)]
pub struct DecoderNet {
    model: Body,
    lm_head: Option<Table>,
}

/// Everything but the head.
#[derive(Module, Debug)]
struct Body {
    embed_tokens: Table,
    embed_positions: Option<Table>,
    layers: Vec<Block>,
    norm: Norm,
    dropout: Dropout,
}

impl DecoderNet {
    /// With fresh weights: N(0, 0.02²).
    ///
    /// # Errors
    /// No network can be built of the config.
    pub fn new(config: &DecoderConfig, device: &Device) -> Result<Self, ModelError> {
        config.check().map_err(|problem| ModelError::Config {
            key: "architecture",
            problem,
        })?;
        Self::build(config, &Origin::Drawn { config, device })
    }

    /// With the weights of a model, all of which are trained.
    ///
    /// # Errors
    /// A weight cannot be read.
    pub fn load(model: &LanguageModel, device: &Device) -> Result<Self, ModelError> {
        Self::build(&model.config, &Origin::Trained { model, device })
    }

    /// With the weights of a model, kept as `base` says and not trained, and adapters that are. The
    /// matrices that stay are no parameters: [`weights::collect`] does not have them.
    ///
    /// # Errors
    /// A weight cannot be read.
    pub fn load_adapted(
        model: &LanguageModel,
        base: Base,
        lora: &Lora,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let origin = Origin::Adapted {
            model,
            base,
            lora,
            device,
        };
        Self::build(&model.config, &origin)
    }

    fn build(c: &DecoderConfig, origin: &Origin) -> Result<Self, ModelError> {
        let table = |name: &str, rows: usize| origin.table(name, [rows, c.hidden]);
        let blocks = 0..c.layers;
        let blocks = blocks.map(|i| Block::new(&format!("model.layers.{i}"), c, origin));
        Ok(Self {
            model: Body {
                embed_tokens: table("model.embed_tokens", c.vocabulary)?,
                embed_positions: match c.family.learned_positions() {
                    true => Some(table("model.embed_positions", c.positions)?),
                    false => None,
                },
                layers: blocks.collect::<Result<_, _>>()?,
                norm: origin.norm("model.norm", c)?,
                dropout: Dropout::new(c.dropout),
            },
            lm_head: match c.tied {
                true => None,
                false => Some(table("lm_head", c.vocabulary)?),
            },
        })
    }

    /// The hidden states of tokens behind the last norm: `[rows, seq]` ids to `[rows, seq, hidden]`.
    ///
    /// The rows hold texts one after the other, as `segments` says; no token sees another text.
    pub fn hidden(&self, ids: Tensor<2, Int>, segments: &Segments) -> Tensor<3> {
        let x = self.embed(ids, segments);
        let blocks = self.model.layers.iter();
        self.finish(blocks.fold(x, |x, block| block.forward(x, segments)))
    }

    /// What goes into the first block, `[rows, seq, hidden]`.
    pub fn embed(&self, ids: Tensor<2, Int>, segments: &Segments) -> Tensor<3> {
        let shape = ids.dims();
        assert_eq!(
            shape[0] * shape[1],
            segments.tokens(),
            "the segments are not all tokens"
        );
        let device = ids.device();
        let words = self.model.embed_tokens.rows(ids);
        let x = match &self.model.embed_positions {
            Some(table) => {
                let positions: Vec<i64> =
                    segments.positions().iter().map(|p| i64::from(*p)).collect();
                let positions = TensorData::new(positions, shape);
                words + table.rows(Tensor::from_data(positions, &device))
            }
            None => words,
        };
        self.model.dropout.forward(x)
    }

    /// The blocks from the first to the last.
    pub fn blocks(&self) -> &[Block] {
        &self.model.layers
    }

    /// The last norm, of what comes out of the last block.
    pub fn finish(&self, x: Tensor<3>) -> Tensor<3> {
        self.model.norm.forward(x)
    }

    /// Scores of every token as the next one, `[n, hidden]` to `[n, vocabulary]`.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.head().scores(hidden)
    }

    fn head(&self) -> &Table {
        self.lm_head.as_ref().unwrap_or(&self.model.embed_tokens)
    }

    /// All weights by name, those that are not trained as well, with the adapters added to theirs.
    pub fn merged_state(&self) -> Result<StateDict, String> {
        let mut state = weights::collect(self);
        let body = &self.model;
        let tables = [
            ("model.embed_tokens", Some(&body.embed_tokens)),
            ("model.embed_positions", body.embed_positions.as_ref()),
            ("lm_head", self.lm_head.as_ref()),
        ];
        for (name, table) in tables {
            if let Some(matrix) = table.and_then(Table::kept) {
                state.insert(format!("{name}.weight"), unpacked(matrix));
            }
        }
        // All adapters of a network have one scale.
        let mut scale = 1.0;
        for (i, block) in body.layers.iter().enumerate() {
            for (name, layer) in block.projections() {
                scale = layer.scale().unwrap_or(scale);
                if let Some(matrix) = layer.frozen() {
                    state.insert(format!("model.layers.{i}.{name}.weight"), unpacked(matrix));
                }
            }
        }
        adapter::merged(state, scale)
    }
}

/// The numbers of a matrix.
fn unpacked(matrix: &Matrix) -> TensorData {
    let (rows, columns) = (matrix.rows(), matrix.cols());
    let mut values = vec![0.0; rows * columns];
    for (i, row) in values.chunks_exact_mut(columns).enumerate() {
        matrix.row(i, row);
    }
    TensorData::new(values, [rows, columns])
}

/// Attention and a perceptron, each of the normalized stream and added to it.
#[derive(Module, Debug)]
pub struct Block {
    input_layernorm: Norm,
    self_attn: Attention,
    post_attention_layernorm: Norm,
    mlp: Perceptron,
    dropout: Dropout,
}

impl Block {
    fn new(name: &str, c: &DecoderConfig, origin: &Origin) -> Result<Self, ModelError> {
        let norm = |part: &str| origin.norm(&format!("{name}.{part}"), c);
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: Attention::new(&format!("{name}.self_attn"), c, origin)?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            mlp: Perceptron::new(&format!("{name}.mlp"), c, origin)?,
            dropout: Dropout::new(c.dropout),
        })
    }

    /// `[rows, seq, hidden]` to the same shape.
    pub fn forward(&self, x: Tensor<3>, segments: &Segments) -> Tensor<3> {
        let seen = self
            .self_attn
            .forward(self.input_layernorm.forward(x.clone()), segments);
        let x = x + self.dropout.forward(seen);
        let thought = self
            .mlp
            .forward(self.post_attention_layernorm.forward(x.clone()));
        x + self.dropout.forward(thought)
    }

    /// The linear layers by name.
    fn projections(&self) -> impl Iterator<Item = (String, &Projection)> {
        let attention = self.self_attn.projections().into_iter();
        let attention = attention.map(|(name, layer)| (format!("self_attn.{name}"), layer));
        let perceptron = self.mlp.projections();
        attention.chain(perceptron.map(|(name, layer)| (format!("mlp.{name}"), layer)))
    }
}
