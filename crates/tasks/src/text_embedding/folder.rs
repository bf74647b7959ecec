//! What makes the folder of a bundle one that sentence-transformers opens as well.

use modelwright_models::Pooling;
use serde_json::{Value, json};

/// The parts of a sentence encoder, in their order.
const MODULES: &str = "modules.json";
/// How hidden states become one vector.
const POOLING: &str = "1_Pooling/config.json";
/// How texts are cut.
const TEXTS: &str = "sentence_bert_config.json";

/// The files that sentence-transformers reads beside those of `transformers`: vectors of `dimension`
/// numbers from the mean or the first of at most `max_length` tokens.
pub(super) fn files(
    pooling: Pooling,
    dimension: usize,
    max_length: usize,
) -> Vec<(&'static str, Vec<u8>)> {
    let module = |idx: usize, path: &str, name: &str| {
        let name = format!("sentence_transformers.models.{name}");
        json!({ "idx": idx, "name": idx.to_string(), "path": path, "type": name })
    };
    let modules = json!([
        module(0, "", "Transformer"),
        module(1, "1_Pooling", "Pooling"),
        module(2, "2_Normalize", "Normalize"),
    ]);
    let pooling = json!({
        "word_embedding_dimension": dimension,
        "pooling_mode_cls_token": pooling == Pooling::Cls,
        "pooling_mode_mean_tokens": pooling != Pooling::Cls,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
    });
    // The tokenizer decides about upper case itself.
    let texts = json!({ "max_seq_length": max_length, "do_lower_case": false });
    let bytes = |value: &Value| serde_json::to_vec_pretty(value).unwrap_or_default();
    vec![
        (MODULES, bytes(&modules)),
        (POOLING, bytes(&pooling)),
        (TEXTS, bytes(&texts)),
    ]
}
