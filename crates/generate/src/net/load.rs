//! From a model's files to a net, tensor by tensor.

use super::layers::{Linear, Mlp, Norm};
use super::{Block, Buffers, Net};
use crate::error::GenerateError;
use modelwright_kernels::decode::{KvPages, Rotary};
use modelwright_kernels::quant::Matrix;
use modelwright_models::{DecoderConfig, LanguageModel};

impl Net {
    /// Reads a model; a step has at most `rows` rows and wants at most `wanted` next tokens.
    pub fn load(model: &LanguageModel, rows: usize, wanted: usize) -> Result<Self, GenerateError> {
        let config = model.config.clone();
        let source = Source(model);
        let embedding = source.matrix("model.embed_tokens.weight")?;
        let learned = config.family.learned_positions();
        let places = learned.then(|| source.matrix("model.embed_positions.weight"));
        let head = match config.tied {
            true => None,
            false => Some(source.matrix("lm_head.weight")?),
        };
        let vocabulary = head.as_ref().unwrap_or(&embedding).rows();
        Ok(Self {
            places: places.transpose()?,
            blocks: (0..config.layers)
                .map(|layer| source.block(layer))
                .collect::<Result<_, _>>()?,
            norm: source.norm("model.norm")?,
            rotary: (!learned).then(|| Rotary::new(&config.frequencies())),
            buffers: Buffers::new(&config, vocabulary, rows, wanted),
            embedding,
            head,
            config,
        })
    }

    /// Bytes of the buffers of a net.
    pub fn buffer_bytes(config: &DecoderConfig, rows: usize, wanted: usize) -> u64 {
        let Widths { hidden, q, kv, mlp } = Widths::of(config);
        let width = 3 * hidden + q.max(hidden) + q + 2 * kv + 2 * mlp;
        4 * (rows * width + wanted * config.vocabulary) as u64
    }
}

struct Widths {
    hidden: usize,
    q: usize,
    kv: usize,
    mlp: usize,
}

impl Widths {
    fn of(config: &DecoderConfig) -> Self {
        Self {
            hidden: config.hidden,
            q: config.heads * config.head_dim,
            kv: config.kv_heads * config.head_dim,
            mlp: config.intermediate,
        }
    }
}

impl Buffers {
    fn new(config: &DecoderConfig, vocabulary: usize, rows: usize, wanted: usize) -> Self {
        let Widths { hidden, q, kv, mlp } = Widths::of(config);
        let zeros = |width: usize| vec![0.0; rows * width];
        Self {
            x: zeros(hidden),
            normed: zeros(hidden),
            q: zeros(q),
            k: zeros(kv),
            v: zeros(kv),
            attention: zeros(q.max(hidden)),
            out: zeros(hidden),
            gate: zeros(mlp),
            up: zeros(mlp),
            logits: vec![0.0; wanted * vocabulary],
        }
    }
}

struct Source<'a>(&'a LanguageModel);

impl Source<'_> {
    fn block(&self, layer: usize) -> Result<Block, GenerateError> {
        let config = &self.0.config;
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let linear = |part: &str| self.linear(&name(part));
        let head_norm = |part: &str| match config.qk_norm {
            true => self.norm(&name(part)).map(Some),
            false => Ok(None),
        };
        let (up, down) = (linear("mlp.up_proj")?, linear("mlp.down_proj")?);
        let mlp = match config.family.gated() {
            true => Mlp::Gated {
                gate: linear("mlp.gate_proj")?,
                up,
                down,
            },
            false => Mlp::Plain { up, down },
        };
        Ok(Block {
            attention_norm: self.norm(&name("input_layernorm"))?,
            q: linear("self_attn.q_proj")?,
            k: linear("self_attn.k_proj")?,
            v: linear("self_attn.v_proj")?,
            q_norm: head_norm("self_attn.q_norm")?,
            k_norm: head_norm("self_attn.k_norm")?,
            o: linear("self_attn.o_proj")?,
            mlp_norm: self.norm(&name("post_attention_layernorm"))?,
            mlp,
        })
    }

    fn linear(&self, name: &str) -> Result<Linear, GenerateError> {
        let bias = self.0.optional(&format!("{name}.bias"))?;
        Ok(Linear {
            weight: self.matrix(&format!("{name}.weight"))?,
            bias: bias.map(|stored| stored.values()),
        })
    }

    fn norm(&self, name: &str) -> Result<Norm, GenerateError> {
        let weight = self.0.values(&format!("{name}.weight"))?;
        let epsilon = self.0.config.epsilon as f32;
        Ok(match self.0.config.family.layer_norm() {
            false => Norm::Rms { weight, epsilon },
            true => Norm::Layer {
                weight,
                bias: self.0.values(&format!("{name}.bias"))?,
                epsilon,
            },
        })
    }

    fn matrix(&self, name: &str) -> Result<Matrix, GenerateError> {
        let stored = self.0.tensor(name)?;
        let [rows, cols] = stored.shape[..] else {
            let shape = &stored.shape;
            return Err(GenerateError::Own(format!(
                "`{name}` has the shape {shape:?}"
            )));
        };
        Matrix::new(stored.format, rows, cols, &stored.bytes)
            .map_err(|problem| GenerateError::Own(format!("`{name}`: {problem}")))
    }
}

/// Bytes of a page of a model's cache.
pub(crate) fn page_bytes(config: &DecoderConfig) -> u64 {
    KvPages::page_bytes(config.layers, config.kv_heads, config.head_dim) as u64
}
