//! Sizes and constants of a decoder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Larger sizes are a mistake; products of two of them fit into 64 bits.
const LARGEST: usize = 1 << 24;
/// No model has so many blocks.
const MOST_LAYERS: usize = 1024;

/// A family of decoders: Hugging Face's `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderFamily {
    /// Llama (Touvron et al. 2023) and all that share its layers, such as SmolLM2.
    Llama,
    /// Mistral (Jiang et al. 2023): Llama that can look back a limited number of tokens.
    Mistral,
    /// Qwen2 (Yang et al. 2024): Llama with biases of queries, keys and values.
    Qwen2,
    /// Qwen3 (Yang et al. 2025): Llama that normalizes the queries and keys of each head.
    Qwen3,
    /// GPT-2 (Radford et al. 2019): learned positions, layer norm, a perceptron without a gate.
    Gpt2,
}

impl DecoderFamily {
    pub(super) const ALL: [Self; 5] = [
        Self::Llama,
        Self::Mistral,
        Self::Qwen2,
        Self::Qwen3,
        Self::Gpt2,
    ];

    /// Hugging Face's `model_type`.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gpt2 => "gpt2",
        }
    }

    /// transformers' class with a head.
    pub fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Mistral => "MistralForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
            Self::Gpt2 => "GPT2LMHeadModel",
        }
    }

    /// Whether the perceptron is `down(silu(gate x) * up x)` (Shazeer 2020); if not, it is
    /// `down(gelu(up x))` with GELU by tanh.
    pub fn gated(self) -> bool {
        self != Self::Gpt2
    }

    /// Whether norms take off the mean and add a bias (layer norm); if not, they are RMS norms.
    pub fn layer_norm(self) -> bool {
        self == Self::Gpt2
    }

    /// Whether positions are a learned table that is added to the words; if not, queries and keys are
    /// rotated.
    pub fn learned_positions(self) -> bool {
        self == Self::Gpt2
    }
}

/// How rotations are slowed down so that a model reads texts longer than those it was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum RopeScaling {
    /// Every frequency is divided by `factor` (Chen et al. 2023).
    Linear {
        /// How many times longer the texts may be.
        factor: f64,
    },
    /// Llama 3.1's: slow rotations are divided, fast ones stay, those between are mixed.
    Llama3 {
        /// How many times longer the texts may be.
        factor: f64,
        /// Waves longer than `original / low` tokens are divided.
        low: f64,
        /// Waves shorter than `original / high` tokens stay.
        high: f64,
        /// Tokens of the texts that the model was trained on first.
        original: usize,
    },
    /// A divisor for each frequency, as GGUF files store Llama 3.1's.
    Factors {
        /// As many as half a head has features.
        factors: Vec<f32>,
    },
}

/// Sizes and constants of a decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    /// Which of the families it belongs to.
    pub family: DecoderFamily,
    /// Token ids: rows of the embedding.
    pub vocabulary: usize,
    /// Features of a token.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` heads (Ainslie et al. 2023).
    pub kv_heads: usize,
    /// Features of a head.
    pub head_dim: usize,
    /// Features inside of a block's perceptron.
    pub intermediate: usize,
    /// The most tokens of a text.
    pub positions: usize,
    /// Added to the variance in norms.
    pub epsilon: f64,
    /// The slowest rotation takes about so many tokens; not used where positions are learned.
    pub rope_base: f64,
    /// How rotations were slowed down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the head is the embedding.
    pub tied: bool,
    /// Whether queries, keys and values have biases.
    pub qkv_bias: bool,
    /// Whether the layer behind attention has a bias.
    pub output_bias: bool,
    /// Whether the perceptron's layers have biases.
    pub mlp_bias: bool,
    /// Whether the queries and keys of each head are normalized before they are rotated.
    pub qk_norm: bool,
    /// How many tokens a token sees, itself among them; `None` for all before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Share of features set to zero while training, behind the embedding and in each block.
    #[serde(default)]
    pub dropout: f64,
}

impl DecoderConfig {
    /// Rows of the weight of queries.
    pub fn query_rows(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Rows of the weights of keys and of values.
    pub fn kv_rows(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// By how many radians a token each pair of features of a head is rotated, `[head_dim / 2]`:
    /// `base^(-2i / head_dim)` (Su et al. 2021), slowed down as [`Self::rope_scaling`] says. Feature `i`
    /// is rotated with feature `i + head_dim / 2`. Empty where positions are learned.
    pub fn frequencies(&self) -> Vec<f32> {
        if self.family.learned_positions() {
            return Vec::new();
        }
        let plain = (0..self.head_dim / 2).map(|i| {
            let exponent = 2.0 * i as f64 / self.head_dim as f64;
            (i, self.rope_base.powf(-exponent))
        });
        plain.map(|(i, f)| self.slowed(i, f) as f32).collect()
    }

    fn slowed(&self, i: usize, frequency: f64) -> f64 {
        match &self.rope_scaling {
            None => frequency,
            Some(RopeScaling::Linear { factor }) => frequency / factor,
            Some(RopeScaling::Factors { factors }) => {
                frequency / factors.get(i).map_or(1.0, |f| f64::from(*f))
            }
            Some(RopeScaling::Llama3 {
                factor,
                low,
                high,
                original,
            }) => {
                let waves = *original as f64 * frequency / std::f64::consts::TAU;
                let kept = ((waves - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (kept + (1.0 - kept) / factor)
            }
        }
    }

    /// Number of weights; saturates instead of overflowing.
    pub fn parameters(&self) -> u64 {
        let sizes = super::names::all(self);
        sizes
            .map(|(_, shape)| {
                let sizes = shape.iter().map(|n| *n as u64);
                sizes.fold(1, u64::saturating_mul)
            })
            .fold(0, u64::saturating_add)
    }

    /// An error, as a sentence, unless a network can be built of it.
    pub fn check(&self) -> Result<(), String> {
        let sizes = [
            ("vocabulary", self.vocabulary),
            ("hidden size", self.hidden),
            ("number of heads", self.heads),
            ("number of key and value heads", self.kv_heads),
            ("head size", self.head_dim),
            ("intermediate size", self.intermediate),
            ("context length", self.positions),
        ];
        for (name, size) in sizes {
            if !(1..=LARGEST).contains(&size) {
                return Err(format!("the {name} is {size}; it must be 1 to {LARGEST}"));
            }
        }
        if !(1..=MOST_LAYERS).contains(&self.layers) {
            let layers = self.layers;
            return Err(format!(
                "the number of layers is {layers}; it must be 1 to {MOST_LAYERS}"
            ));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!(
                "{} heads cannot share {} heads of keys and values",
                self.heads, self.kv_heads
            ));
        }
        if self.heads * self.head_dim > LARGEST {
            let (heads, dim) = (self.heads, self.head_dim);
            return Err(format!("{heads} heads of {dim} features are too many"));
        }
        if !(self.epsilon >= 0.0 && self.epsilon < 1.0) {
            return Err(format!("the norms' epsilon is {}", self.epsilon));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("the dropout is {}", self.dropout));
        }
        if self.window == Some(0) {
            return Err("the sliding window is 0 tokens".into());
        }
        match self.family.learned_positions() {
            true => Ok(()),
            false => self.check_rotation(),
        }
    }

    fn check_rotation(&self) -> Result<(), String> {
        if !self.head_dim.is_multiple_of(2) {
            let dim = self.head_dim;
            return Err(format!(
                "heads of {dim} features cannot be rotated in pairs"
            ));
        }
        if !(self.rope_base.is_finite() && self.rope_base >= 1.0) {
            return Err(format!("the base of the rotation is {}", self.rope_base));
        }
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let sound = match &self.rope_scaling {
            None => true,
            Some(RopeScaling::Linear { factor }) => positive(*factor),
            Some(RopeScaling::Llama3 {
                factor,
                low,
                high,
                original,
            }) => positive(*factor) && positive(*low) && high > low && *original > 0,
            Some(RopeScaling::Factors { factors }) => {
                factors.len() == self.head_dim / 2 && factors.iter().all(|f| positive((*f).into()))
            }
        };
        match sound {
            true => Ok(()),
            false => Err(format!(
                "the rotation cannot be scaled by {:?}",
                self.rope_scaling
            )),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A Llama of two small blocks.
    pub(crate) fn tiny() -> DecoderConfig {
        DecoderConfig {
            family: DecoderFamily::Llama,
            vocabulary: 96,
            hidden: 32,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_dim: 8,
            intermediate: 64,
            positions: 64,
            epsilon: 1e-5,
            rope_base: 10_000.0,
            rope_scaling: None,
            tied: true,
            qkv_bias: false,
            output_bias: false,
            mlp_bias: false,
            qk_norm: false,
            window: None,
            dropout: 0.0,
        }
    }

    #[test]
    fn sizes_that_make_no_network_are_refused() {
        #[allow(clippy::type_complexity)] // a table, read where it stands
        let broken: [(fn(&mut DecoderConfig), &str); 8] = [
            (|c| c.kv_heads = 3, "cannot share"),
            (|c| c.head_dim = 7, "in pairs"),
            (|c| c.layers = 1 << 40, "number of layers"),
            (|c| c.hidden = 0, "hidden size is 0"),
            (|c| c.vocabulary = usize::MAX, "vocabulary"),
            (|c| c.rope_base = f64::NAN, "base of the rotation"),
            (|c| c.window = Some(0), "sliding window"),
            (
                |c| c.rope_scaling = Some(RopeScaling::Linear { factor: 0.0 }),
                "scaled",
            ),
        ];
        for (breaks, said) in broken {
            let mut config = tiny();
            breaks(&mut config);
            let error = config.check().unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        tiny().check().unwrap();
    }

    #[test]
    fn frequencies_fall_and_scaling_slows_the_slow_ones() {
        let mut config = tiny();
        let plain = config.frequencies();
        assert_eq!(plain.len(), 4);
        assert_eq!(plain[0], 1.0);
        assert!((plain[2] - 0.01).abs() < 1e-8);
        config.rope_scaling = Some(RopeScaling::Linear { factor: 4.0 });
        assert_eq!(config.frequencies()[0], 0.25);
        config.rope_scaling = Some(RopeScaling::Llama3 {
            factor: 8.0,
            low: 1.0,
            high: 4.0,
            original: 64,
        });
        let scaled = config.frequencies();
        assert_eq!(scaled[0], plain[0], "a wave of 6 tokens is fast");
        assert_eq!(scaled[3], plain[3] / 8.0, "a wave of 6283 tokens is slow");
    }

    #[test]
    fn parameters_are_counted() {
        // Embedding, two blocks (attention, perceptron, two norms), last norm.
        let block = 32 * 32 * 2 + 16 * 32 * 2 + 3 * 32 * 64 + 2 * 32;
        assert_eq!(tiny().parameters(), (96 * 32 + 2 * block + 32) as u64);
    }
}
