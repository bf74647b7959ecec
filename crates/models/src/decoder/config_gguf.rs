//! A decoder's config from the metadata of a GGUF file.

use super::config::{DecoderConfig, DecoderFamily, RopeScaling};
use crate::gguf::Header;

/// Llama 3.1's and 3.2's, of which GGUF files keep the result alone.
const LLAMA3: (f64, f64, usize) = (1.0, 4.0, 8192);

/// Values of one architecture.
struct Facts<'a> {
    header: &'a Header,
    architecture: &'a str,
}

impl Facts<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    /// A size; lists of a size a block are taken where all are equal.
    fn optional(&self, name: &str) -> Result<Option<usize>, String> {
        let key = self.key(name);
        let Some(value) = self.header.metadata.get(&key) else {
            return Ok(None);
        };
        let value = match value.list() {
            Some([first, rest @ ..]) if rest.iter().all(|v| v == first) => first,
            Some(_) => {
                return Err(format!(
                    "`{key}` differs from block to block, which is not supported"
                ));
            }
            None => value,
        };
        let size = value.unsigned().and_then(|n| usize::try_from(n).ok());
        let wrong = || format!("`{key}` must be a number of things, not {value:?}");
        size.map(Some).ok_or_else(wrong)
    }

    fn size(&self, name: &str) -> Result<usize, String> {
        let missing = || format!("metadata has no `{}`", self.key(name));
        self.optional(name)?.ok_or_else(missing)
    }

    fn real(&self, name: &str) -> Option<f64> {
        self.header.float(&self.key(name))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.header.text(&self.key(name))
    }

    fn has(&self, tensor: &str) -> bool {
        self.header.tensors.contains_key(tensor)
    }
}

impl DecoderConfig {
    /// From the header of a file, with the values of `rope_freqs.weight` if it has that tensor; the
    /// error is a sentence.
    pub fn from_gguf(header: &Header, factors: Option<Vec<f32>>) -> Result<Self, String> {
        let Some(architecture) = header.text("general.architecture") else {
            return Err("metadata has no `general.architecture`".into());
        };
        let family = match architecture {
            "llama" => DecoderFamily::Llama,
            "qwen2" => DecoderFamily::Qwen2,
            "qwen3" => DecoderFamily::Qwen3,
            "gpt2" => DecoderFamily::Gpt2,
            other => {
                return Err(format!(
                    "`general.architecture` is {other}, which is not supported; supported are llama (with \
                     mistral), qwen2, qwen3 and gpt2"
                ));
            }
        };
        let facts = Facts {
            header,
            architecture,
        };
        facts.check_kind()?;
        let config = facts.config(family, factors)?;
        config.check()?;
        Ok(config)
    }
}

impl Facts<'_> {
    /// Whether the file is a whole model of one set of layers.
    fn check_kind(&self) -> Result<(), String> {
        if let Some(parts) = self.header.unsigned("split.count").filter(|n| *n > 1) {
            return Err(format!(
                "it is one of {parts} parts of a model; join them (llama.cpp's `gguf-split --merge`)"
            ));
        }
        match self.optional("expert_count")? {
            Some(experts) if experts > 0 => Err(format!(
                "it is a mixture of {experts} experts, which is not supported"
            )),
            _ => Ok(()),
        }
    }

    fn config(
        &self,
        family: DecoderFamily,
        factors: Option<Vec<f32>>,
    ) -> Result<DecoderConfig, String> {
        let (hidden, heads) = (
            self.size("embedding_length")?,
            self.size("attention.head_count")?,
        );
        let head_dim = self.optional("attention.key_length")?;
        let head_dim = head_dim.unwrap_or(hidden / heads.max(1));
        self.check_heads(head_dim)?;
        let gpt2 = family == DecoderFamily::Gpt2;
        let epsilon = match gpt2 {
            true => "attention.layer_norm_epsilon",
            false => "attention.layer_norm_rms_epsilon",
        };
        let window = self.optional("attention.sliding_window")?;
        let window = window.filter(|n| *n > 0);
        let has_bias = |layer: &str| self.has(&format!("blk.0.{layer}.bias"));
        let mut config = DecoderConfig {
            family: match (family, window) {
                (DecoderFamily::Llama, Some(_)) => DecoderFamily::Mistral,
                _ => family,
            },
            vocabulary: self.vocabulary()?,
            hidden,
            layers: self.size("block_count")?,
            heads,
            kv_heads: self.optional("attention.head_count_kv")?.unwrap_or(heads),
            head_dim,
            intermediate: self.size("feed_forward_length")?,
            positions: self.size("context_length")?,
            epsilon: self.real(epsilon).unwrap_or(1e-5),
            rope_base: match gpt2 {
                true => 0.0,
                false => self.real("rope.freq_base").unwrap_or(10_000.0),
            },
            rope_scaling: None,
            tied: !self.has("output.weight"),
            qkv_bias: has_bias("attn_q") || has_bias("attn_qkv"),
            output_bias: has_bias("attn_output"),
            mlp_bias: has_bias("ffn_up"),
            qk_norm: self.has("blk.0.attn_q_norm.weight"),
            window,
            dropout: 0.0,
        };
        config.rope_scaling = match factors {
            Some(factors) => Some(named(&config, factors)),
            None if gpt2 => None,
            None => self.scaling()?,
        };
        Ok(config)
    }

    /// Rows of the embedding; metadata may leave them out.
    fn vocabulary(&self) -> Result<usize, String> {
        let tensor = self.header.tensors.get("token_embd.weight");
        match tensor.map(|tensor| &tensor.shape[..]) {
            Some([rows, _]) => Ok(*rows),
            _ => Err("it has no tensor `token_embd.weight` of two dimensions".into()),
        }
    }

    fn check_heads(&self, head_dim: usize) -> Result<(), String> {
        for name in ["attention.value_length", "rope.dimension_count"] {
            match self.optional(name)? {
                Some(other) if other != head_dim => {
                    return Err(format!(
                        "`{}` is {other}, but keys of a head have {head_dim} features; that is not \
                         supported",
                        self.key(name)
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn scaling(&self) -> Result<Option<RopeScaling>, String> {
        let factor = self.real("rope.scaling.factor");
        match (self.text("rope.scaling.type"), factor) {
            (None | Some("none"), None) => Ok(None),
            (Some("none"), _) => Ok(None),
            (None | Some("linear"), Some(factor)) => Ok(Some(RopeScaling::Linear { factor })),
            (Some("linear"), None) => Ok(None),
            (Some(other), _) => Err(format!(
                "`{}` is {other}, which is not supported; supported are linear, and factors in \
                 `rope_freqs.weight`",
                self.key("rope.scaling.type")
            )),
        }
    }
}

/// Factors by the name that Hugging Face has for what they come from, if it is Llama 3.1's.
fn named(config: &DecoderConfig, factors: Vec<f32>) -> RopeScaling {
    let (low, high, original) = LLAMA3;
    let llama3 = RopeScaling::Llama3 {
        factor: factors.iter().copied().fold(1.0, f32::max).into(),
        low,
        high,
        original,
    };
    let by = |scaling: RopeScaling| {
        let scaling = Some(scaling);
        DecoderConfig {
            rope_scaling: scaling,
            ..config.clone()
        }
        .frequencies()
    };
    let table = RopeScaling::Factors { factors };
    let (ours, theirs) = (by(llama3.clone()), by(table.clone()));
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * b.abs();
    match ours.iter().zip(&theirs).all(near) {
        true => llama3,
        false => table,
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::*;

    #[test]
    fn llama_31_is_recognized_by_its_factors() {
        let mut config = DecoderConfig {
            head_dim: 64,
            rope_base: 500_000.0,
            ..tiny()
        };
        let plain = config.frequencies();
        let llama3 = RopeScaling::Llama3 {
            factor: 32.0,
            low: 1.0,
            high: 4.0,
            original: 8192,
        };
        config.rope_scaling = Some(llama3.clone());
        let scaled = config.frequencies();
        let factors: Vec<f32> = plain.iter().zip(&scaled).map(|(p, s)| p / s).collect();
        config.rope_scaling = None;
        assert_eq!(named(&config, factors.clone()), llama3);
        let mut other = factors;
        other[20] *= 1.5;
        assert!(matches!(named(&config, other), RopeScaling::Factors { .. }));
    }
}
