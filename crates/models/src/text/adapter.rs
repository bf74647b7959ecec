//! Low-rank adapters in state dicts: put into the weights, and as PEFT keeps them.

use super::blueprint::{Blueprint, Head};
use super::encoder_config::Family;
use super::names;
use crate::config::LoraTarget;
use crate::projection::Lora;
use crate::weights::{self, StateDict};
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::{Value, json};

/// What PEFT's names begin with.
const PREFIX: &str = "base_model.model.";

/// `state` with every adapter added to its weight: `W + scale B A`.
pub(crate) fn merged(state: StateDict, scale: f64) -> Result<StateDict, String> {
    let (adapters, mut rest): (StateDict, StateDict) =
        state.into_iter().partition(|(name, _)| is_adapter(name));
    for (name, a) in &adapters {
        let Some(layer) = name.strip_suffix(".lora_A.weight") else {
            continue;
        };
        let b = adapters.get(&format!("{layer}.lora_B.weight"));
        let weight = rest.get_mut(&format!("{layer}.weight"));
        let (Some(b), Some(weight)) = (b, weight) else {
            return Err(format!(
                "the adapter of {layer} has no lora_B or no weight to change"
            ));
        };
        *weight = sum(weight, a, b, scale)
            .ok_or_else(|| format!("the adapter of {layer} and its weight differ in shape"))?;
    }
    Ok(rest)
}

fn sum(weight: &TensorData, a: &TensorData, b: &TensorData, scale: f64) -> Option<TensorData> {
    let shape = |data: &TensorData| <[usize; 2]>::try_from(data.shape().to_vec()).ok();
    let ([outputs, inputs], [rank, columns], [rows, inner]) =
        (shape(weight)?, shape(a)?, shape(b)?);
    if [columns, rows, inner] != [inputs, outputs, rank] {
        return None;
    }
    let device = Device::flex();
    let tensor = |data: &TensorData| Tensor::<2>::from_data(data.clone(), &device);
    let change = tensor(b).matmul(tensor(a)).mul_scalar(scale);
    Some((tensor(weight) + change).into_data())
}

/// Whether the parameter belongs to an adapter.
pub(crate) fn is_adapter(name: &str) -> bool {
    name.contains(".lora_A.") || name.contains(".lora_B.")
}

/// `adapter_model.safetensors`: the adapters and, as PEFT's `modules_to_save`, the head; `name` gives
/// the names in the file of the model.
pub(super) fn to_peft(
    blueprint: &Blueprint,
    state: &StateDict,
    name: impl Fn(&str) -> String,
) -> Result<Vec<u8>, String> {
    let with_head = !saved(blueprint).is_empty();
    let kept = state
        .iter()
        .filter(|(key, _)| is_adapter(key) || (with_head && !names::is_body(key)))
        .map(|(key, data)| (format!("{PREFIX}{}", name(key)), data.clone()));
    weights::to_bytes(&kept.collect())
}

/// The adapters (and head) of an `adapter_model.safetensors`, by the names here.
pub(super) fn from_peft(family: Family, bytes: &[u8]) -> Result<StateDict, String> {
    let mut state = StateDict::new();
    for (name, data) in weights::from_bytes(bytes)? {
        let known = name.strip_prefix(PREFIX);
        let known = known.and_then(|name| family.name_of_file(name));
        match known {
            Some(known) => state.insert(known, data),
            None => return Err(format!("`{name}` is no adapter of this model")),
        };
    }
    Ok(state)
}

/// The modules outside of adapters that PEFT is to save and load.
fn saved(blueprint: &Blueprint) -> Vec<&'static str> {
    match blueprint.head {
        Head::Classes(_) if !blueprint.pooler() => Vec::new(),
        Head::Classes(_) => match blueprint.encoder.family {
            Family::Bert => vec!["classifier", "pooler"],
            Family::Distilbert => vec!["classifier", "pre_classifier"],
            Family::Roberta | Family::XlmRoberta => vec!["classifier"],
        },
        Head::Spans => vec!["qa_outputs"],
        Head::Sentences => Vec::new(),
    }
}

/// `adapter_config.json`.
pub(super) fn peft_config(blueprint: &Blueprint, lora: &Lora, base: Option<&str>) -> Value {
    let family = blueprint.encoder.family;
    let targets = lora.targets.iter().flat_map(|target| match target {
        // Its name ends as `attention.output.dense` does, and PEFT compares ends.
        LoraTarget::Output if family.part("output") == "output.dense" => {
            let layers = 0..blueprint.encoder.layers;
            layers.map(|i| format!("layer.{i}.output.dense")).collect()
        }
        other => vec![family.part(other.part()).to_string()],
    });
    let saved = saved(blueprint);
    json!({
        "peft_type": "LORA",
        "task_type": match blueprint.head {
            Head::Classes(_) if blueprint.pooler() => "SEQ_CLS",
            Head::Spans => "QUESTION_ANS",
            _ => "FEATURE_EXTRACTION",
        },
        "base_model_name_or_path": base,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": targets.collect::<Vec<String>>(),
        "modules_to_save": (!saved.is_empty()).then_some(saved),
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "use_rslora": false,
        "inference_mode": true,
    })
}
