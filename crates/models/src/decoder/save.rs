//! Decoders as files that transformers and PEFT open.

use super::adapter::{ADAPTER_CONFIG, PREFIX};
use super::config::{DecoderConfig, DecoderFamily};
use super::lora;
use super::names;
use super::stored::bf16;
use crate::ADAPTER;
use crate::projection::Lora;
use crate::text::adapter::is_adapter;
use crate::weights::{self, StateDict};
use burn::tensor::TensorData;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// `model.safetensors` of a decoder's state, with the family's names and layouts; in 16 bits if
/// `half`. The error is a sentence.
pub fn decoder_weights(
    config: &DecoderConfig,
    state: StateDict,
    half: bool,
) -> Result<Vec<u8>, String> {
    let state = in_files(config, state)?;
    match half {
        true => half_bytes(&state),
        false => weights::to_bytes(&state),
    }
}

/// Parameters as the family's files have them: those of GPT-2 joined and turned.
fn in_files(config: &DecoderConfig, state: StateDict) -> Result<StateDict, String> {
    let mut parts: BTreeMap<String, Vec<(names::Piece, TensorData)>> = BTreeMap::new();
    for (name, data) in state {
        let piece = names::in_hugging_face(config, &name)
            .ok_or_else(|| format!("`{name}` is no weight of {}", config.family.class()))?;
        parts
            .entry(piece.name.clone())
            .or_default()
            .push((piece, data));
    }
    let files = parts.into_iter().map(|(name, mut parts)| {
        parts.sort_by_key(|(piece, _)| piece.part);
        let turned = parts.iter().any(|(piece, _)| piece.transposed);
        let whole = joined(parts.into_iter().map(|(_, data)| data).collect());
        (name, if turned { transposed(&whole) } else { whole })
    });
    Ok(files.collect())
}

/// Rows of several tensors, one after the other.
fn joined(mut parts: Vec<TensorData>) -> TensorData {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut shape = parts[0].shape().to_vec();
    shape[0] = parts.iter().map(|data| data.shape().to_vec()[0]).sum();
    let values: Vec<f32> = parts.iter().flat_map(|data| data.iter::<f32>()).collect();
    TensorData::new(values, shape)
}

fn transposed(data: &TensorData) -> TensorData {
    let [rows, columns] = data.shape().to_vec()[..] else {
        return data.clone();
    };
    let values: Vec<f32> = data.iter::<f32>().collect();
    let turned: Vec<f32> = (0..rows * columns)
        .map(|i| values[(i % rows) * columns + i / rows])
        .collect();
    TensorData::new(turned, [columns, rows])
}

/// As a safetensors buffer in bf16.
fn half_bytes(state: &StateDict) -> Result<Vec<u8>, String> {
    let rounded: Vec<(&String, Vec<usize>, Vec<u8>)> = state
        .iter()
        .map(|(name, data)| {
            let bytes = data.iter::<f32>().flat_map(|x| bf16(x).to_le_bytes());
            (name, data.shape().to_vec(), bytes.collect())
        })
        .collect();
    let views = rounded
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::BF16, shape.clone(), bytes);
            view.map(|v| (name.as_str(), v))
                .map_err(|e| format!("{name}: {e}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    safetensors::serialize(views, metadata).map_err(|e| e.to_string())
}

/// The two files of PEFT for the adapters in `state`; `base` names the model that they change. The
/// error is a sentence.
pub fn peft_files(
    config: &DecoderConfig,
    lora: &Lora,
    state: &StateDict,
    base: Option<&str>,
) -> Result<[(&'static str, Vec<u8>); 2], String> {
    if config.family == DecoderFamily::Gpt2 {
        return Err(
            "GPT-2 has one layer for queries, keys and values in its files, so that an adapter cannot \
             be kept apart; choose `adapter = \"merged\"`"
                .into(),
        );
    }
    let adapters = state.iter().filter(|(name, _)| is_adapter(name));
    let adapters = adapters.map(|(name, data)| (format!("{PREFIX}{name}"), data.clone()));
    let targets: Vec<&str> = lora
        .targets
        .iter()
        .flat_map(|t| lora::layers(*t))
        .copied()
        .collect();
    let settings = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "use_rslora": false,
        "inference_mode": true,
    });
    let settings = serde_json::to_vec_pretty(&settings).map_err(|e| e.to_string())?;
    Ok([
        (ADAPTER, weights::to_bytes(&adapters.collect())?),
        (ADAPTER_CONFIG, settings),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::*;

    #[test]
    fn layers_of_gpt2_are_joined_and_turned() {
        let config = DecoderConfig {
            family: DecoderFamily::Gpt2,
            hidden: 2,
            heads: 1,
            kv_heads: 1,
            head_dim: 2,
            ..tiny()
        };
        let layer = |start: f32| {
            let values: Vec<f32> = (0..4).map(|i| start + i as f32).collect();
            TensorData::new(values, [2, 2])
        };
        let name = |part: &str| format!("model.layers.0.self_attn.{part}.weight");
        let state = StateDict::from([
            (name("q_proj"), layer(0.0)),
            (name("k_proj"), layer(10.0)),
            (name("v_proj"), layer(20.0)),
        ]);
        let files = in_files(&config, state).unwrap();
        let whole = &files["transformer.h.0.attn.c_attn.weight"];
        assert_eq!(whole.shape().to_vec(), [2, 6]);
        let values: Vec<f32> = whole.iter::<f32>().collect();
        assert_eq!(values[..6], [0.0, 2.0, 10.0, 12.0, 20.0, 22.0]);
    }

    #[test]
    fn what_is_no_weight_is_refused() {
        let strange = StateDict::from([("x.weight".into(), TensorData::new(vec![0f32], [1]))]);
        let config = DecoderConfig {
            family: DecoderFamily::Gpt2,
            ..tiny()
        };
        assert!(decoder_weights(&config, strange, false).is_err());
    }
}
