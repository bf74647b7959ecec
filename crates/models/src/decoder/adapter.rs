//! PEFT adapters of a decoder: read from a folder, and put into weights as they are read.

use super::config::DecoderConfig;
use super::names;
use super::stored::Stored;
use crate::ADAPTER;
use crate::error::ModelError;
use crate::text::adapter::{is_adapter, merged};
use crate::text::folder::Folder;
use crate::weights::{self, StateDict};
use burn::tensor::TensorData;
use modelwright_kernels::quant::{self, Format};
use std::collections::BTreeMap;

/// What PEFT's names begin with.
pub(super) const PREFIX: &str = "base_model.model.";
pub(super) const ADAPTER_CONFIG: &str = "adapter_config.json";

/// Low-rank changes of weights.
#[derive(Debug)]
pub(super) struct Adapter {
    state: StateDict,
    scale: f64,
}

impl Adapter {
    /// The adapter of a folder, and the model that it was made for if the folder has no weights.
    pub fn of_folder(folder: &Folder) -> Result<Option<(Self, Option<String>)>, ModelError> {
        let path = folder.path().join(ADAPTER);
        if !path.exists() {
            return Ok(None);
        }
        let settings = folder.json(ADAPTER_CONFIG)?;
        let unusable = |problem: String| folder.unusable(problem);
        let base = match folder.weights().is_ok() {
            true => None,
            false => match settings["base_model_name_or_path"].as_str() {
                Some(base) if !base.is_empty() => Some(base.to_string()),
                _ => {
                    return Err(unusable(format!(
                        "it has no weights, and {ADAPTER_CONFIG} does not say of which model it is \
                         (`base_model_name_or_path`)"
                    )));
                }
            },
        };
        let (Some(rank), Some(alpha)) = (settings["r"].as_f64(), settings["lora_alpha"].as_f64())
        else {
            return Err(unusable(format!(
                "{ADAPTER_CONFIG} does not say its rank `r` and `lora_alpha`"
            )));
        };
        if settings["use_dora"] == true || settings["bias"].as_str().unwrap_or("none") != "none" {
            return Err(unusable(format!(
                "{ADAPTER_CONFIG}: only plain LoRA without biases is supported"
            )));
        }
        let rank = match settings["use_rslora"] == true {
            true => rank.sqrt(),
            false => rank,
        };
        if !(rank > 0.0 && alpha.is_finite()) {
            return Err(unusable(format!("{ADAPTER_CONFIG}: the rank is {rank}")));
        }
        let bytes = std::fs::read(&path).map_err(|e| unusable(format!("{ADAPTER}: {e}")))?;
        let state = from_peft(&bytes).map_err(|e| unusable(format!("{ADAPTER}: {e}")))?;
        let scale = alpha / rank;
        Ok(Some((Self { state, scale }, base)))
    }

    /// Whether every change is one of a weight of this model.
    pub fn check(&self, config: &DecoderConfig) -> Result<(), String> {
        let shapes: BTreeMap<String, Vec<usize>> = names::all(config).collect();
        for (name, a) in &self.state {
            let Some(layer) = name.strip_suffix(".lora_A.weight") else {
                let layer = name.strip_suffix(".lora_B.weight").unwrap_or(name);
                match self.state.contains_key(&format!("{layer}.lora_A.weight")) {
                    true => continue,
                    false => return Err(format!("{ADAPTER}: {layer} has no lora_A")),
                }
            };
            let b = self.state.get(&format!("{layer}.lora_B.weight"));
            let weight = shapes.get(&format!("{layer}.weight"));
            let (Some(b), Some(weight)) = (b, weight) else {
                return Err(format!(
                    "{ADAPTER}: {layer} is no layer of this model, or has no lora_B"
                ));
            };
            let (a, b) = (a.shape().to_vec(), b.shape().to_vec());
            let fits = matches!((&a[..], &b[..], &weight[..]),
                ([r, i], [o, k], [rows, cols]) if r == k && o == rows && i == cols);
            if !fits {
                return Err(format!(
                    "{ADAPTER}: the matrices of {layer} ({a:?}, {b:?}) do not fit its weight {weight:?}"
                ));
            }
        }
        Ok(())
    }

    /// A parameter as the adapter changes it. Quantized ones are stored in 8 bits then, because the
    /// change would be lost in fewer.
    pub fn change(&self, name: &str, stored: Stored) -> Result<Stored, String> {
        let Some(layer) = name.strip_suffix(".weight") else {
            return Ok(stored);
        };
        let part = |matrix: &str| {
            let name = format!("{layer}.lora_{matrix}.weight");
            self.state.get_key_value(&name)
        };
        let (Some(a), Some(b)) = (part("A"), part("B")) else {
            return Ok(stored);
        };
        let weight = TensorData::new(stored.values(), stored.shape.clone());
        let owned = |(name, data): (&String, &TensorData)| (name.clone(), data.clone());
        let state = StateDict::from([(name.into(), weight), owned(a), owned(b)]);
        let mut state = merged(state, self.scale)?;
        let changed: Vec<f32> = match state.remove(name) {
            Some(data) => data.iter::<f32>().collect(),
            None => return Err(format!("{name} is gone")),
        };
        Ok(match stored.format {
            Format::F32 | Format::F16 | Format::Bf16 => Stored::of_values(stored.shape, &changed),
            _ => Stored {
                format: Format::Q8_0,
                bytes: quant::quantize_q8_0(&changed),
                shape: stored.shape,
            },
        })
    }
}

/// The adapters in a file, by the names here.
fn from_peft(bytes: &[u8]) -> Result<StateDict, String> {
    let mut state = StateDict::new();
    for (name, data) in weights::from_bytes(bytes)? {
        let known = name.strip_prefix(PREFIX);
        // PEFT writes the name of an adapter only in memory; some writers keep it.
        let known = known.map(|name| name.replace(".default.weight", ".weight"));
        match known.filter(|name| is_adapter(name)) {
            Some(known) => state.insert(known, data),
            None => return Err(format!("`{name}` is no adapter of a layer")),
        };
    }
    Ok(state)
}
