//! Decoders against transformers; values made by `tests/golden/decoders.py`.

mod common;

use burn::tensor::{Device, Int, Tensor, TensorData};
use modelwright_kernels::nn::Segments;
use modelwright_kernels::quant::Format;
use modelwright_models::weights::{self, StateDict};
use modelwright_models::{
    Base, DecoderFamily, DecoderNet, LanguageModel, Lora, LoraTarget, decoder_weights, peft_files,
};
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 6] = ["llama", "llama-tied", "mistral", "qwen2", "qwen3", "gpt2"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/decoders")
        .join(name)
}

fn open(path: &Path) -> LanguageModel {
    LanguageModel::open(path.to_str().unwrap(), &|_| {}).unwrap()
}

fn refused(path: &Path) -> String {
    let opened = LanguageModel::open(path.to_str().unwrap(), &|_| {});
    opened.unwrap_err().to_string()
}

fn expected() -> StateDict {
    weights::read_file(&golden("expected.safetensors")).unwrap()
}

fn ids(expected: &StateDict, device: &Device) -> Tensor<2, Int> {
    Tensor::<2>::from_data(expected["ids"].clone(), device).int()
}

/// Logits of all tokens, `[rows, seq, vocabulary]` one after the other.
fn logits(net: &DecoderNet, ids: Tensor<2, Int>, segments: &Segments) -> Vec<f32> {
    let hidden = net.hidden(ids, segments);
    let [rows, seq, features] = hidden.dims();
    let logits = net.logits(hidden.reshape([rows * seq, features]));
    logits.into_data().iter::<f32>().collect()
}

fn values(data: &TensorData) -> Vec<f32> {
    data.iter::<f32>().collect()
}

fn assert_close(what: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let differences = actual.iter().zip(expected).map(|(a, e)| (a - e).abs());
    let worst = differences.fold(0.0, |worst: f32, next| match next.is_nan() {
        true => f32::INFINITY,
        false => worst.max(next),
    });
    assert!(
        worst <= tolerance,
        "{what}: {worst} apart, allowed {tolerance}"
    );
}

#[test]
fn logits_of_every_family_equal_transformers() {
    let (expected, device) = (expected(), Device::flex());
    for folder in FOLDERS {
        for (path, name) in [
            (golden(folder), format!("{folder}.logits")),
            (
                golden(&format!("{folder}.gguf")),
                format!("{folder}.gguf.logits"),
            ),
        ] {
            let net = DecoderNet::load(&open(&path), &device).unwrap();
            let found = logits(&net, ids(&expected, &device), &Segments::equal(2, 12));
            assert_close(&name, &found, &values(&expected[&name]), 1e-4);
        }
    }
}

#[test]
fn every_quantization_is_dequantized_as_gguf_does() {
    let (expected, device) = (expected(), Device::flex());
    let net = DecoderNet::load(&open(&golden("quants.gguf")), &device).unwrap();
    let found = logits(&net, ids(&expected, &device), &Segments::equal(2, 12));
    let name = "quants.gguf.logits";
    assert_close(name, &found, &values(&expected[name]), 1e-3);
}

#[test]
fn packed_texts_see_themselves_alone() {
    let (expected, device) = (expected(), Device::flex());
    for folder in FOLDERS {
        let net = DecoderNet::load(&open(&golden(folder)), &device).unwrap();
        let row = ids(&expected, &device).reshape([1, 24]);
        let packed = Segments::new(vec![12, 12]);
        let found = logits(&net, row, &packed);
        let name = format!("{folder}.logits");
        assert_close(&name, &found, &values(&expected[&name]), 1e-4);
    }
}

fn lora() -> Lora {
    Lora {
        rank: 2,
        alpha: 4.0,
        dropout: 0.0,
        targets: vec![
            LoraTarget::Query,
            LoraTarget::Intermediate,
            LoraTarget::Output,
        ],
    }
}

/// A network with adapters that change something.
fn adapted(model: &LanguageModel, base: Base, device: &Device) -> DecoderNet {
    let net = DecoderNet::load_adapted(model, base, &lora(), device).unwrap();
    let mut state = weights::collect(&net);
    for (name, data) in &mut state {
        if name.contains(".lora_B.") {
            let changed = (0..values(data).len()).map(|i| ((i % 7) as f32 - 3.0) / 40.0);
            *data = TensorData::new(changed.collect::<Vec<f32>>(), data.shape().to_vec());
        }
    }
    weights::apply(net, state).unwrap()
}

#[test]
fn frozen_weights_are_no_parameters_and_give_the_same() {
    let (expected, device) = (expected(), Device::flex());
    for folder in FOLDERS {
        let model = open(&golden(folder));
        for (base, share) in [
            (Base::Stored, 1e-5),
            (Base::F32, 1e-5),
            (Base::Bf16, 0.05),
            (Base::Q8, 0.1),
        ] {
            let net = DecoderNet::load_adapted(&model, base, &lora(), &device).unwrap();
            let large = |name: &str| !name.contains(".lora_") && name.ends_with("_proj.weight");
            let state = weights::collect(&net);
            assert!(
                !state
                    .keys()
                    .any(|name| large(name) || name.contains("embed"))
            );
            let found = logits(&net, ids(&expected, &device), &Segments::equal(2, 12));
            let wanted = values(&expected[&format!("{folder}.logits")]);
            let size = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
            let difference: Vec<f32> = found.iter().zip(&wanted).map(|(a, b)| a - b).collect();
            let apart = size(&difference) / size(&wanted);
            assert!(apart <= share, "{folder} {base:?}: {apart}");
        }
    }
}

#[test]
fn adapters_alone_have_gradients() {
    let (expected, device) = (expected(), Device::flex().autodiff());
    let net = adapted(&open(&golden("qwen2")), Base::Stored, &device);
    let hidden = net.hidden(ids(&expected, &device), &Segments::equal(2, 12));
    let loss = net.logits(hidden.reshape([24, 32])).powf_scalar(2.0).mean();
    let gradients = loss.backward();
    let with: Vec<String> = common::gradients(&net, &gradients).into_keys().collect();
    assert!(!with.is_empty());
    assert!(with.iter().all(|name| name.contains(".lora_")), "{with:?}");
    assert_eq!(with.len(), 2 * 2 * 4);
}

#[test]
fn adapters_go_to_peft_and_back_and_into_the_weights() {
    let (expected, device) = (expected(), Device::flex());
    for folder in ["llama", "qwen3"] {
        let model = open(&golden(folder));
        let net = adapted(&model, Base::F32, &device);
        let wanted = logits(&net, ids(&expected, &device), &Segments::equal(2, 12));
        let plain = values(&expected[&format!("{folder}.logits")]);
        let moved = wanted.iter().zip(&plain).any(|(a, b)| (a - b).abs() > 0.05);
        assert!(moved, "the adapter changes nothing");

        // Apart: a folder with the adapter alone, which names its base.
        let place = tempfile::tempdir().unwrap();
        let base = golden(folder).canonicalize().unwrap();
        let state = weights::collect(&net);
        let files = peft_files(&model.config, &lora(), &state, base.to_str()).unwrap();
        for (name, content) in &files {
            std::fs::write(place.path().join(name), content).unwrap();
        }
        let again = DecoderNet::load(&open(place.path()), &device).unwrap();
        let found = logits(&again, ids(&expected, &device), &Segments::equal(2, 12));
        assert_close(folder, &found, &wanted, 1e-3);

        // Merged: a folder like any other.
        let place = tempfile::tempdir().unwrap();
        save(&model, net.merged_state().unwrap(), false, place.path());
        let again = DecoderNet::load(&open(place.path()), &device).unwrap();
        let found = logits(&again, ids(&expected, &device), &Segments::equal(2, 12));
        assert_close(folder, &found, &wanted, 1e-3);
    }
}

/// Writes a Hugging Face folder of `state` with the tokenizer of `model`.
fn save(model: &LanguageModel, state: StateDict, half: bool, folder: &Path) {
    let config = serde_json::to_vec(&model.config.to_hugging_face().unwrap()).unwrap();
    let bytes = decoder_weights(&model.config, state, half).unwrap();
    std::fs::write(folder.join("config.json"), config).unwrap();
    std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
    std::fs::write(folder.join("tokenizer.json"), model.tokenizer.to_json()).unwrap();
}

#[test]
fn what_is_saved_is_what_was_loaded() {
    let (expected, device) = (expected(), Device::flex());
    for folder in FOLDERS {
        let model = open(&golden(folder));
        let net = DecoderNet::load(&model, &device).unwrap();
        let place = tempfile::tempdir().unwrap();
        save(&model, net.merged_state().unwrap(), false, place.path());
        let files = weights::read_file(&place.path().join("model.safetensors")).unwrap();
        if folder == "gpt2" {
            let original = weights::read_file(&golden("gpt2/model.safetensors")).unwrap();
            assert_eq!(files, original, "names and layouts are Hugging Face's");
        }
        let again = open(place.path());
        assert_eq!(again.config, model.config);
        let net = DecoderNet::load(&again, &device).unwrap();
        let found = logits(&net, ids(&expected, &device), &Segments::equal(2, 12));
        let name = format!("{folder}.logits");
        assert_close(&name, &found, &values(&expected[&name]), 1e-4);
    }
}

#[test]
fn half_precision_is_half_the_size() {
    let model = open(&golden("qwen3"));
    let net = DecoderNet::load(&model, &Device::flex()).unwrap();
    let place = tempfile::tempdir().unwrap();
    // Its weights are bf16 already, so that nothing is lost.
    save(&model, net.merged_state().unwrap(), true, place.path());
    let again = open(place.path());
    let name = "model.layers.1.mlp.down_proj.weight";
    assert_eq!(again.tensor(name).unwrap(), model.tensor(name).unwrap());
    assert_eq!(again.memory(), model.memory());
}

#[test]
fn tensors_are_read_one_at_a_time_by_one_set_of_names() {
    let name = "model.layers.1.self_attn.k_proj.weight";
    for folder in FOLDERS {
        let plain = open(&golden(folder));
        let gguf = open(&golden(&format!("{folder}.gguf")));
        let (a, b) = (plain.tensor(name).unwrap(), gguf.tensor(name).unwrap());
        assert_eq!(a.shape, b.shape, "{folder}");
        let tolerance = if b.format == Format::Q8_0 { 0.02 } else { 2e-3 };
        assert_close(folder, &b.values(), &a.values(), tolerance);
        assert!(gguf.memory() > 0);
        assert_eq!(gguf.optional("model.layers.9.x.weight").unwrap(), None);
        let error = gguf
            .tensor("model.layers.9.x.weight")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("the model has no model.layers.9.x.weight"),
            "{error}"
        );
    }
}

#[test]
fn words_and_template_come_from_folder_and_file() {
    for model in [open(&golden("qwen2")), open(&golden("qwen2.gguf"))] {
        assert_eq!((model.bos, model.eos), (Some(1), Some(2)));
        assert!(model.stops.contains(&2), "{:?}", model.stops);
        assert!(
            model.stops.contains(&0),
            "<|end|> ends a turn: {:?}",
            model.stops
        );
        assert!(!model.add_bos);
        assert!(
            model
                .template
                .as_deref()
                .unwrap()
                .contains("add_generation_prompt")
        );
        let text = "the hand and <|start|>a wound";
        let encoded = model.tokenizer.encode_plain(text);
        assert!(encoded.ids.contains(&1));
        assert!(!model.tokenizer.encode_raw(text).contains(&1));
        assert_eq!(model.tokenizer.decode(&encoded.ids, false), text);
        let pieces: String = encoded.pieces.iter().map(|p| &text[p.clone()]).collect();
        assert_eq!(pieces, text);
    }
    let pieces = open(&golden("mistral.gguf"));
    assert!(pieces.add_bos);
    let ids = pieces.tokenizer.encode_plain("the hand and").ids;
    assert_eq!(pieces.tokenizer.decode(&ids, true), "the hand and");
    assert_eq!(pieces.config.family, DecoderFamily::Mistral);
    assert_eq!(pieces.config.window, Some(6));
}

/// A copy of a golden folder with one file changed.
fn broken(folder: &str, file: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden(folder)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = place.path().join(file);
    let content = change(std::fs::read(&path).unwrap());
    std::fs::write(path, content).unwrap();
    place
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |content| {
        let text = String::from_utf8(content).unwrap();
        assert!(text.contains(from), "{text}");
        text.replace(from, to).into_bytes()
    }
}

#[test]
fn files_that_contradict_each_other_are_refused() {
    let said = |file: &str, from, to, said: &str| {
        let place = broken("qwen2", file, replaced(from, to));
        let error = refused(place.path());
        assert!(error.contains(said), "{error}");
        assert!(error.contains(place.path().to_str().unwrap()), "{error}");
    };
    let config = "config.json";
    said(
        config,
        "\"num_hidden_layers\": 2",
        "\"num_hidden_layers\": 3",
        "have no model.layers.2",
    );
    said(
        config,
        "\"num_hidden_layers\": 2",
        "\"num_hidden_layers\": 1",
        "2 blocks",
    );
    said(
        config,
        "\"vocab_size\": 96",
        "\"vocab_size\": 90",
        "embed_tokens.weight is [96, 32]",
    );
    said(
        config,
        "\"intermediate_size\": 64",
        "\"intermediate_size\": 63",
        "must be [63, 32]",
    );
    said(
        config,
        "\"model_type\": \"qwen2\"",
        "\"model_type\": \"mamba\"",
        "mamba",
    );
    said(
        "tokenizer.json",
        "\"[unused0]\": ",
        "\"[unused0]\": 1",
        "different models",
    );
    let cut = broken("qwen2", "model.safetensors", |mut b| {
        b.truncate(b.len() - 10);
        b
    });
    assert!(refused(cut.path()).contains("not a complete safetensors file"));
    let place = tempfile::tempdir().unwrap();
    assert!(refused(place.path()).contains("config.json is missing"));
    assert!(refused(&place.path().join("x.gguf")).contains("no such file"));
}

#[test]
fn a_fresh_network_guesses_and_its_parameters_are_counted() {
    let (expected, device) = (expected(), Device::flex());
    for folder in FOLDERS {
        let config = open(&golden(folder)).config;
        let net = DecoderNet::new(&config, &device).unwrap();
        assert_eq!(weights::count(&net) as u64, config.parameters(), "{folder}");
        let found = logits(&net, ids(&expected, &device), &Segments::equal(2, 12));
        assert!(found.iter().all(|x| x.abs() < 2.0), "{folder}");
    }
}
