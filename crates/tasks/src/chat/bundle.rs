//! A language model in a bundle: a folder that transformers and PEFT open.

use super::form::Form;
use super::setup::{Ends, Setup};
use crate::error::TaskError;
use crate::text::TOKENIZER;
use burn::tensor::Device;
use modelwright_models::{DecoderNet, ModelConfig, decoder_weights, peft_files, weights};
use modelwright_runs::{MODEL, PREPROCESSOR};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const GENERATION: &str = "generation_config.json";

/// `preprocessor_config.json`: what a finished model is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Preprocessor {
    /// The columns that it learned from.
    pub form: Form,
    /// Tokens of an example.
    pub max_length: usize,
    /// About how many characters that is.
    pub characters: usize,
}

/// Files of a bundle, and the entries of its `config.json`.
pub(super) struct Files {
    pub files: Vec<(&'static str, Vec<u8>)>,
    pub hugging_face: Map<String, Value>,
}

/// Everything that the bundle of a trained network holds. Weights that were pretrained are written in
/// 16 bits, as they are usually passed on.
pub(super) fn files(
    setup: &Setup,
    net: &DecoderNet,
    model: &ModelConfig,
    preprocessor: &Preprocessor,
    device: &Device,
) -> Result<Files, TaskError> {
    let failed = |e: String| TaskError::asked(format!("the weights cannot be written: {e}"), "");
    let config = &setup.config;
    let half = setup.source.is_some();
    let mut files = Vec::new();
    let state = match (model, &setup.source) {
        (ModelConfig::Decoder(settings), Some(source)) if model.keeps_adapter() => {
            if let Some(lora) = settings.lora() {
                let base = settings.weights.as_deref();
                let adapter = peft_files(config, &lora, &weights::collect(net), base);
                files.extend(adapter.map_err(failed)?);
            }
            weights::collect(&DecoderNet::load(source, device)?)
        }
        _ => net.merged_state().map_err(failed)?,
    };
    files.push((MODEL, decoder_weights(config, state, half).map_err(failed)?));
    files.push((TOKENIZER, setup.writer.tokenizer.to_json()));
    for (name, value) in [
        (TOKENIZER_CONFIG, tokenizer_config(setup)),
        (GENERATION, generation_config(&setup.ends)),
        (PREPROCESSOR, json!(preprocessor)),
    ] {
        files.push((name, serde_json::to_vec_pretty(&value).unwrap_or_default()));
    }
    let mut hugging_face = config.to_hugging_face().map_err(failed)?;
    let dtype = if half { "bfloat16" } else { "float32" };
    hugging_face.insert("torch_dtype".into(), dtype.into());
    hugging_face.insert("bos_token_id".into(), json!(setup.ends.bos));
    hugging_face.insert("eos_token_id".into(), json!(setup.ends.eos));
    Ok(Files {
        files,
        hugging_face,
    })
}

/// `tokenizer_config.json`: the special tokens by their texts, and the chat template.
fn tokenizer_config(setup: &Setup) -> Value {
    let tokenizer = &setup.writer.tokenizer;
    let text = |id: Option<u32>| -> Option<String> {
        let bytes = tokenizer.token_bytes(id?)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": setup.config.positions,
        "clean_up_tokenization_spaces": false,
        "add_bos_token": setup.ends.add_bos,
        "bos_token": text(setup.ends.bos),
        "eos_token": text(setup.ends.eos),
        "pad_token": text(setup.ends.eos),
    });
    if let Some(template) = &setup.writer.template {
        config["chat_template"] = json!(template.text());
    }
    config
}

/// `generation_config.json`: where answers end.
fn generation_config(ends: &Ends) -> Value {
    json!({
        "bos_token_id": ends.bos,
        "eos_token_id": ends.stops,
        "pad_token_id": ends.eos,
    })
}
