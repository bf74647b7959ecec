//! SmolLM2's real GGUF file against transformers; values made by `tests/golden/decoders.py --smollm2`.

use burn::tensor::{Device, Int, Tensor, TensorData};
use modelwright_kernels::nn::Segments;
use modelwright_models::{DecoderFamily, DecoderNet, LanguageModel, StreamDecoder};
use serde_json::Value;
use std::path::PathBuf;

/// The model; `None` where the test data has not been fetched.
fn model() -> Option<LanguageModel> {
    let root = std::env::var_os("MODELWRIGHT_TEST_DATA").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let root = root.unwrap_or_else(|| home().join(".cache/modelwright/test-data"));
    let path = root.join("smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
    if !path.exists() {
        eprintln!(
            "skipped: no SmolLM2 at {}; run scripts/fetch-test-data",
            path.display()
        );
        return None;
    }
    // The folder means the one file in it.
    let folder = path.parent().unwrap().to_str().unwrap();
    Some(LanguageModel::open(folder, &|_| {}).unwrap())
}

fn golden() -> Vec<Value> {
    let text = include_str!("../../../tests/golden/decoders_smollm2.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    golden["texts"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn what_the_file_says_is_read() {
    let Some(model) = model() else { return };
    let c = &model.config;
    assert_eq!(c.family, DecoderFamily::Llama);
    assert_eq!((c.hidden, c.layers, c.heads, c.kv_heads), (576, 30, 9, 3));
    assert_eq!((c.head_dim, c.positions, c.tied), (64, 8192, true));
    assert_eq!(c.parameters(), 134_515_008);
    assert_eq!(
        (model.bos, model.eos, model.add_bos),
        (Some(1), Some(2), false)
    );
    assert_eq!(model.stops, [0, 2]);
    assert!(model.template.as_deref().unwrap().contains("<|im_start|>"));
    assert_eq!(model.tokenizer.vocabulary(), 49_152);
    assert!((90 << 20..100 << 20).contains(&model.memory()));
}

#[test]
fn tokens_equal_transformers_and_stream_back_to_the_text() {
    let Some(model) = model() else { return };
    for case in golden() {
        let text = case["text"].as_str().unwrap();
        let ids: Vec<f64> = numbers(&case["ids"]);
        let encoded = model.tokenizer.encode_plain(text);
        let found: Vec<f64> = encoded.ids.iter().map(|id| f64::from(*id)).collect();
        assert_eq!(found, ids, "{text}");
        assert_eq!(model.tokenizer.decode(&encoded.ids, false), text);
        // One at a time, without special tokens, and never half of a character.
        let mut stream = StreamDecoder::new(&model.tokenizer);
        let mut parts: String = encoded.ids.iter().map(|id| stream.push(*id)).collect();
        parts.push_str(&stream.finish());
        let plain = text.replace("<|im_start|>", "").replace("<|im_end|>", "");
        assert_eq!(parts, plain);
    }
}

#[test]
fn logits_equal_transformers() {
    let Some(model) = model() else { return };
    let device = Device::flex();
    let net = DecoderNet::load(&model, &device).unwrap();
    for case in golden() {
        let ids = numbers(&case["ids"]);
        let (count, ids) = (
            ids.len(),
            ids.iter().map(|id| *id as i64).collect::<Vec<_>>(),
        );
        let ids = TensorData::new(ids, [1, count]);
        let ids = Tensor::<2, Int>::from_data(ids, &device);
        let hidden = net.hidden(ids, &Segments::equal(1, count));
        let last = hidden.narrow(1, count - 1, 1).reshape([1, 576]);
        let logits: Vec<f32> = net.logits(last).into_data().iter::<f32>().collect();
        let top = numbers(&case["top"]);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        assert_eq!(order[0], top[0] as usize, "{}", case["text"]);
        for (id, expected) in top.iter().zip(numbers(&case["logits"])) {
            let found = f64::from(logits[*id as usize]);
            assert!((found - expected).abs() < 2e-3, "{found}, not {expected}");
        }
    }
}
