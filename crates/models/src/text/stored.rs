//! Text networks in bundles: written so that transformers and PEFT load them, and read again.

use super::adapter;
use super::blueprint::{Blueprint, Head};
use super::encoder_config::Family;
use crate::config::ModelConfig;
use crate::weights::{self, StateDict};
use burn::module::Module;
use serde_json::{Map, Value};

/// The file of an adapter that is kept apart from the weights.
pub const ADAPTER: &str = "adapter_model.safetensors";
/// What PEFT needs to know about it.
pub(super) const ADAPTER_CONFIG: &str = "adapter_config.json";
/// The file of the weights.
const MODEL: &str = "model.safetensors";

/// What a trained text network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Logits of classes.
    Classes {
        /// Whether a text can be of several.
        multi_label: bool,
    },
    /// Where an answer starts and ends.
    Spans,
    /// A vector a text.
    Sentences,
}

/// A text network as a bundle holds it.
#[derive(Debug, Clone)]
pub struct Exported {
    /// File names and contents: the weights, and an adapter that is kept apart.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// What Hugging Face's `config.json` says; empty for a network that transformers does not have.
    pub hugging_face: Map<String, Value>,
}

impl Exported {
    /// The file of the weights.
    pub fn model(&self) -> &[u8] {
        self.file(MODEL).unwrap_or_default()
    }

    /// The file of an adapter that is kept apart from them.
    pub fn adapter(&self) -> Option<&[u8]> {
        self.file(ADAPTER)
    }

    fn file(&self, name: &str) -> Option<&[u8]> {
        let found = self.files.iter().find(|(known, _)| *known == name);
        found.map(|(_, content)| content.as_slice())
    }
}

/// A trained network for a bundle; `vocabulary` as it was built. The error is a sentence.
///
/// Weights have Hugging Face's names. A classifier that takes the mean of its tokens is a head that
/// transformers has not: it is written as the bare encoder, and the head beside it.
pub fn export<M: Module>(
    config: &ModelConfig,
    vocabulary: usize,
    purpose: Purpose,
    net: &M,
) -> Result<Exported, String> {
    let state = weights::collect(net);
    if let ModelConfig::TextCnn(_) = config {
        return Ok(Exported {
            files: vec![(MODEL, weights::to_bytes(&state)?)],
            hugging_face: Map::new(),
        });
    }
    let blueprint =
        Blueprint::new(config, vocabulary, purpose.head()).map_err(|e| e.to_string())?;
    let class = class(&blueprint);
    // Of the bare encoder, transformers' names have no prefix.
    let prefix = match class.ends_with("Model") {
        true => blueprint.encoder.family.prefix(),
        false => "",
    };
    let name = |ours: &str| {
        let name = blueprint.encoder.family.to_file(ours);
        name.strip_prefix(prefix).map(String::from).unwrap_or(name)
    };
    let mut files = Vec::new();
    let mut model = state;
    if let Some(lora) = &blueprint.lora {
        if config.keeps_adapter() {
            let peft = adapter::peft_config(&blueprint, lora, config.weights());
            let peft = serde_json::to_vec_pretty(&peft).map_err(|e| e.to_string())?;
            files.push((ADAPTER, adapter::to_peft(&blueprint, &model, name)?));
            files.push((ADAPTER_CONFIG, peft));
            model.retain(|name, _| !adapter::is_adapter(name));
        } else {
            model = adapter::merged(model, lora.scale())?;
        }
    }
    let model: StateDict = model
        .into_iter()
        .map(|(k, data)| (name(&k), data))
        .collect();
    files.insert(0, (MODEL, weights::to_bytes(&model)?));
    let mut hugging_face = blueprint.encoder.to_hugging_face();
    hugging_face.insert("architectures".into(), vec![class].into());
    if let Purpose::Classes { multi_label } = purpose {
        let kind = if multi_label { "multi" } else { "single" };
        let kind = format!("{kind}_label_classification");
        hugging_face.insert("problem_type".into(), kind.into());
    }
    Ok(Exported {
        files,
        hugging_face,
    })
}

impl Purpose {
    fn head(self) -> Head {
        match self {
            // Names and settings do not depend on the number.
            Self::Classes { .. } => Head::Classes(0),
            Self::Spans => Head::Spans,
            Self::Sentences => Head::Sentences,
        }
    }
}

/// transformers' class of the network.
fn class(blueprint: &Blueprint) -> String {
    let use_of_it = match blueprint.head {
        Head::Classes(_) if blueprint.pooler() => "ForSequenceClassification",
        Head::Spans => "ForQuestionAnswering",
        _ => "Model",
    };
    format!("{}{use_of_it}", blueprint.encoder.family.class())
}

/// The plain network that a bundle's files are for, and its state by the names here. Nothing is
/// allocated before the size of the file has been compared with what `config` asks for.
pub(super) fn stored(
    config: &ModelConfig,
    vocabulary: usize,
    head: Head,
    model: &[u8],
    adapter: Option<&[u8]>,
) -> Result<(Blueprint, StateDict), String> {
    let trained = Blueprint::new(config, vocabulary, head).map_err(|e| e.to_string())?;
    let lora = trained.lora.clone();
    let blueprint = trained.unfilled();
    let parameters = blueprint.parameters();
    if parameters.saturating_mul(4) > model.len() as u64 {
        return Err(format!(
            "its {} bytes are too few for the {parameters} parameters of this `{}`",
            model.len(),
            config.name()
        ));
    }
    let mut state = known(blueprint.encoder.family, weights::from_bytes(model)?);
    match (lora, config.keeps_adapter(), adapter) {
        (Some(lora), true, Some(bytes)) => {
            let bytes = adapter::from_peft(blueprint.encoder.family, bytes)
                .map_err(|e| format!("{ADAPTER}: {e}"))?;
            state.extend(bytes);
            state = adapter::merged(state, lora.scale())?;
        }
        (_, true, None) => return Err(format!("{ADAPTER} is missing")),
        _ => {}
    }
    Ok((blueprint, state))
}

/// The tensors of a file by the names here, without those that no network here has.
pub(super) fn known(family: Family, file: StateDict) -> StateDict {
    let mut state = StateDict::new();
    for (name, data) in file {
        if let Some(name) = family.name_of_file(&name) {
            // A RoBERTa can have a pooler that its classifier does not use; `classifier.dense` comes
            // first in the order of names.
            state.entry(name).or_insert(data);
        }
    }
    state
}
