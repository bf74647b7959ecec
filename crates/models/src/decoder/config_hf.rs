//! A decoder's config from and as Hugging Face's `config.json`.

use super::config::{DecoderConfig, DecoderFamily, RopeScaling};
use serde_json::{Map, Value, json};

impl DecoderConfig {
    /// From the content of a `config.json`; the error is a sentence.
    pub fn from_hugging_face(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let Some(name) = value["model_type"].as_str() else {
            return Err("it has no `model_type`; is it from a Hugging Face model?".into());
        };
        let families = DecoderFamily::ALL;
        let Some(family) = families.into_iter().find(|f| f.model_type() == name) else {
            return Err(format!(
                "`model_type` is {name}, which is no language model that is supported; supported are {}",
                families.map(DecoderFamily::model_type).join(", ")
            ));
        };
        let config = match family {
            DecoderFamily::Gpt2 => gpt2(&value),
            _ => llama(family, &value),
        }?;
        config.check()?;
        Ok(config)
    }

    /// The entries of `config.json` with which transformers opens it.
    ///
    /// # Errors
    /// The rotation is scaled in a way that transformers has no name for.
    pub fn to_hugging_face(&self) -> Result<Map<String, Value>, String> {
        let entries = match self.family {
            DecoderFamily::Gpt2 => self.gpt2_entries(),
            _ => self.llama_entries()?,
        };
        let Value::Object(mut entries) = entries else {
            unreachable!("an object was made")
        };
        entries.insert("architectures".into(), json!([self.family.class()]));
        entries.insert("model_type".into(), self.family.model_type().into());
        entries.insert("vocab_size".into(), self.vocabulary.into());
        entries.insert("tie_word_embeddings".into(), self.tied.into());
        Ok(entries)
    }

    fn gpt2_entries(&self) -> Value {
        json!({
            "n_embd": self.hidden,
            "n_layer": self.layers,
            "n_head": self.heads,
            "n_inner": self.intermediate,
            "n_positions": self.positions,
            "layer_norm_epsilon": self.epsilon,
            "activation_function": "gelu_new",
        })
    }

    fn llama_entries(&self) -> Result<Value, String> {
        let scaling = match &self.rope_scaling {
            None => Value::Null,
            Some(RopeScaling::Linear { factor }) => {
                json!({ "rope_type": "linear", "factor": factor })
            }
            Some(RopeScaling::Llama3 {
                factor,
                low,
                high,
                original,
            }) => json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low,
                "high_freq_factor": high, "original_max_position_embeddings": original,
            }),
            Some(RopeScaling::Factors { .. }) => {
                return Err(
                    "its rotation is scaled by a table of factors, which config.json has no entry for"
                        .into(),
                );
            }
        };
        let mut entries = json!({
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.intermediate,
            "max_position_embeddings": self.positions,
            "rms_norm_eps": self.epsilon,
            "rope_theta": self.rope_base,
            "rope_scaling": scaling,
            "hidden_act": "silu",
        });
        match self.family {
            DecoderFamily::Llama => {
                entries["attention_bias"] = self.qkv_bias.into();
                entries["mlp_bias"] = self.mlp_bias.into();
            }
            DecoderFamily::Mistral => entries["sliding_window"] = json!(self.window),
            _ => {
                entries["use_sliding_window"] = self.window.is_some().into();
                entries["sliding_window"] = json!(self.window);
                entries["max_window_layers"] = 0.into();
            }
        }
        if self.family == DecoderFamily::Qwen3 {
            entries["attention_bias"] = self.qkv_bias.into();
        }
        Ok(entries)
    }
}

/// A size that must be there.
fn size(value: &Value, key: &str) -> Result<usize, String> {
    optional(value, key)?.ok_or_else(|| format!("`{key}` is missing"))
}

/// A size that need not be there.
fn optional(value: &Value, key: &str) -> Result<Option<usize>, String> {
    match &value[key] {
        Value::Null => Ok(None),
        other => {
            let number = other.as_u64().and_then(|n| usize::try_from(n).ok());
            let wrong = || format!("`{key}` must be a number of things, not {other}");
            number.map(Some).ok_or_else(wrong)
        }
    }
}

fn real(value: &Value, key: &str, usual: f64) -> Result<f64, String> {
    match &value[key] {
        Value::Null => Ok(usual),
        other => other
            .as_f64()
            .ok_or_else(|| format!("`{key}` must be a number, not {other}")),
    }
}

fn truth(value: &Value, key: &str, usual: bool) -> bool {
    value[key].as_bool().unwrap_or(usual)
}

fn activation(value: &Value, key: &str, known: &[&str]) -> Result<(), String> {
    match value[key].as_str() {
        Some(name) if !known.contains(&name) => Err(format!(
            "`{key}` is {name}, which is not supported; supported is {}",
            known.join(", ")
        )),
        _ => Ok(()),
    }
}

fn llama(family: DecoderFamily, v: &Value) -> Result<DecoderConfig, String> {
    activation(v, "hidden_act", &["silu", "swish"])?;
    let (hidden, heads) = (size(v, "hidden_size")?, size(v, "num_attention_heads")?);
    let layers = size(v, "num_hidden_layers")?;
    // What transformers takes where nothing is said.
    let usual_dim = match family {
        DecoderFamily::Qwen3 => 128,
        _ => hidden / heads.max(1),
    };
    let partial = real(v, "partial_rotary_factor", 1.0)?;
    if partial != 1.0 {
        return Err(format!(
            "`partial_rotary_factor` is {partial}; heads that are rotated in part are not supported"
        ));
    }
    let (rope_base, rope_scaling) = rope(v)?;
    let qwen2 = family == DecoderFamily::Qwen2;
    let attention_bias = truth(v, "attention_bias", false) && family != DecoderFamily::Mistral;
    Ok(DecoderConfig {
        family,
        vocabulary: size(v, "vocab_size")?,
        hidden,
        layers,
        heads,
        kv_heads: optional(v, "num_key_value_heads")?.unwrap_or(heads),
        head_dim: optional(v, "head_dim")?.unwrap_or(usual_dim),
        intermediate: size(v, "intermediate_size")?,
        positions: optional(v, "max_position_embeddings")?.unwrap_or(2048),
        epsilon: real(v, "rms_norm_eps", 1e-6)?,
        rope_base,
        rope_scaling,
        tied: truth(v, "tie_word_embeddings", false),
        qkv_bias: qwen2 || attention_bias,
        output_bias: !qwen2 && attention_bias,
        mlp_bias: family == DecoderFamily::Llama && truth(v, "mlp_bias", false),
        qk_norm: family == DecoderFamily::Qwen3,
        window: window(family, v, layers)?,
        dropout: 0.0,
    })
}

/// The base of the rotation and how it is scaled; transformers keeps both in `rope_parameters` since
/// its version 5.
fn rope(v: &Value) -> Result<(f64, Option<RopeScaling>), String> {
    let scaling = match &v["rope_parameters"] {
        Value::Null => &v["rope_scaling"],
        both => both,
    };
    let usual = real(v, "rope_theta", 10_000.0)?;
    if scaling.is_null() {
        return Ok((usual, None));
    }
    let base = real(scaling, "rope_theta", usual)?;
    let kind = scaling["rope_type"].as_str().or(scaling["type"].as_str());
    let factor = || real(scaling, "factor", 1.0);
    let scaling = match kind {
        None | Some("default") => None,
        Some("linear") => Some(RopeScaling::Linear { factor: factor()? }),
        Some("llama3") => Some(RopeScaling::Llama3 {
            factor: factor()?,
            low: real(scaling, "low_freq_factor", 1.0)?,
            high: real(scaling, "high_freq_factor", 4.0)?,
            original: size(scaling, "original_max_position_embeddings")?,
        }),
        Some(other) => {
            return Err(format!(
                "the rotation is scaled by `{other}`, which is not supported; supported are linear and \
                 llama3"
            ));
        }
    };
    Ok((base, scaling))
}

/// How far a token sees; all blocks must agree.
fn window(family: DecoderFamily, v: &Value, layers: usize) -> Result<Option<usize>, String> {
    let window = optional(v, "sliding_window")?;
    match family {
        DecoderFamily::Mistral => Ok(window),
        DecoderFamily::Qwen2 | DecoderFamily::Qwen3 if truth(v, "use_sliding_window", false) => {
            match optional(v, "max_window_layers")?.unwrap_or(28) {
                0 => Ok(window),
                first if first >= layers => Ok(None),
                first => Err(format!(
                    "blocks from {first} (`max_window_layers`) on see less than those before, which is \
                     not supported"
                )),
            }
        }
        _ => Ok(None),
    }
}

fn gpt2(v: &Value) -> Result<DecoderConfig, String> {
    activation(v, "activation_function", &["gelu_new", "gelu_pytorch_tanh"])?;
    if truth(v, "scale_attn_by_inverse_layer_idx", false) || !truth(v, "scale_attn_weights", true) {
        return Err("its attention is scaled in an unusual way, which is not supported".into());
    }
    let (hidden, heads) = (size(v, "n_embd")?, size(v, "n_head")?);
    let dim = hidden / heads.max(1);
    if dim * heads != hidden {
        return Err(format!(
            "{hidden} features cannot be shared by {heads} heads"
        ));
    }
    Ok(DecoderConfig {
        family: DecoderFamily::Gpt2,
        vocabulary: size(v, "vocab_size")?,
        hidden,
        layers: size(v, "n_layer")?,
        heads,
        kv_heads: heads,
        head_dim: dim,
        intermediate: optional(v, "n_inner")?.unwrap_or(hidden.saturating_mul(4)),
        positions: size(v, "n_positions")?,
        epsilon: real(v, "layer_norm_epsilon", 1e-5)?,
        rope_base: 0.0,
        rope_scaling: None,
        tied: truth(v, "tie_word_embeddings", true),
        qkv_bias: true,
        output_bias: true,
        mlp_bias: true,
        qk_norm: false,
        window: None,
        dropout: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::*;

    fn llama_json() -> Value {
        json!({
            "model_type": "llama", "vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
            "hidden_act": "silu", "rope_theta": 10000.0
        })
    }

    fn read(value: &Value) -> Result<DecoderConfig, String> {
        DecoderConfig::from_hugging_face(value.to_string().as_bytes())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut configs = vec![tiny()];
        for family in DecoderFamily::ALL {
            let mut config = DecoderConfig { family, ..tiny() };
            match family {
                DecoderFamily::Mistral => config.window = Some(16),
                DecoderFamily::Qwen2 => config.qkv_bias = true,
                DecoderFamily::Qwen3 => (config.qk_norm, config.head_dim) = (true, 16),
                DecoderFamily::Gpt2 => {
                    (config.qkv_bias, config.output_bias, config.mlp_bias) = (true, true, true);
                    (config.kv_heads, config.rope_base) = (4, 0.0);
                }
                DecoderFamily::Llama => {
                    config.rope_scaling = Some(RopeScaling::Llama3 {
                        factor: 8.0,
                        low: 1.0,
                        high: 4.0,
                        original: 32,
                    });
                }
            }
            configs.push(config);
        }
        for config in configs {
            let entries = Value::Object(config.to_hugging_face().unwrap());
            assert_eq!(read(&entries), Ok(config));
        }
    }

    #[test]
    fn both_ways_to_write_the_rotation_are_read() {
        let mut new = llama_json();
        new["rope_parameters"] = json!({ "rope_theta": 5e5, "rope_type": "linear", "factor": 2.0 });
        let mut old = llama_json();
        old["rope_theta"] = json!(5e5);
        old["rope_scaling"] = json!({ "type": "linear", "factor": 2.0 });
        assert_eq!(read(&new), read(&old));
        assert_eq!(read(&new).unwrap().rope_base, 5e5);
    }

    #[test]
    fn what_is_not_supported_is_said() {
        let broken: [(&str, Value, &str); 7] = [
            ("model_type", json!("bert"), "supported are llama, mistral"),
            ("model_type", Value::Null, "no `model_type`"),
            ("hidden_act", json!("relu"), "`hidden_act` is relu"),
            ("rope_scaling", json!({ "rope_type": "yarn" }), "`yarn`"),
            ("hidden_size", json!("wide"), "must be a number"),
            ("num_hidden_layers", Value::Null, "is missing"),
            ("partial_rotary_factor", json!(0.5), "rotated in part"),
        ];
        for (key, value, said) in broken {
            let mut config = llama_json();
            config[key] = value;
            let error = read(&config).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(read(&llama_json()), Ok(tiny()));
    }
}
