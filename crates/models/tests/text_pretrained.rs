//! Folders of pretrained text models that are incomplete or contradict themselves.

mod common;

use burn::tensor::Device;
use common::{classes, golden, pretrained, settings};
use modelwright_models::weights;
use modelwright_models::{BertConfig, LoraTarget, ModelConfig, Pooling, SentenceNet, TextNet};
use std::path::Path;

/// A copy of the tiny BERT to spoil.
fn copy() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors", "vocab.txt"] {
        let from = golden("text/bert").join(name);
        std::fs::copy(from, place.path().join(name)).unwrap();
    }
    place
}

fn replaced(folder: &Path, name: &str, from: &str, to: &str) {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{name} has no {from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn what_is_wrong_with_a_folder_is_said_with_file_and_place() {
    type Spoil = fn(&Path);
    let cases: [(Spoil, &[&str]); 8] = [
        (
            |f| std::fs::remove_file(f.join("config.json")).unwrap(),
            &["config.json is missing", "model.safetensors"],
        ),
        (
            |f| std::fs::remove_file(f.join("model.safetensors")).unwrap(),
            &["neither model.safetensors nor pytorch_model.bin"],
        ),
        (
            |f| std::fs::remove_file(f.join("vocab.txt")).unwrap(),
            &["tokenizer", "vocab.txt"],
        ),
        (
            |f| {
                replaced(
                    f,
                    "config.json",
                    r#""model_type": "bert""#,
                    r#""model_type": "t5""#,
                )
            },
            &["t5", "bert, roberta, xlm-roberta, distilbert"],
        ),
        (
            |f| {
                replaced(
                    f,
                    "config.json",
                    r#""intermediate_size": 64"#,
                    r#""intermediate_size": 48"#,
                )
            },
            &[
                "do not agree",
                "intermediate.dense.weight is [64, 32]",
                "[48, 32]",
            ],
        ),
        (
            |f| {
                replaced(
                    f,
                    "config.json",
                    r#""num_hidden_layers": 2"#,
                    r#""num_hidden_layers": 1"#,
                )
            },
            &["the weights have 2 layers, by config.json there are 1"],
        ),
        (
            |f| {
                replaced(
                    f,
                    "config.json",
                    r#""num_hidden_layers": 2"#,
                    r#""num_hidden_layers": 3"#,
                )
            },
            &["the weights have no bert.encoder.layer.2."],
        ),
        (
            |f| replaced(f, "vocab.txt", "w54\n", "w54\nextra\n"),
            &["the tokenizer has 61 entries", "`vocab_size`", "60"],
        ),
    ];
    for (spoil, expected) in cases {
        let place = copy();
        spoil(place.path());
        let error = common::open(place.path()).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(error.contains(place.path().to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_damaged_weight_file_is_no_surprise_later() {
    let place = copy();
    let path = place.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    for length in [4, 100] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = common::open(place.path()).unwrap_err().to_string();
        assert!(error.contains("not a complete safetensors file"), "{error}");
    }
}

#[test]
fn weights_in_several_files_are_one_model() {
    let place = copy();
    let path = place.path().join("model.safetensors");
    let state = weights::read_file(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    let mut map = serde_json::Map::new();
    let mut parts = [weights::StateDict::new(), weights::StateDict::new()];
    for (i, (name, data)) in state.into_iter().enumerate() {
        map.insert(name.clone(), format!("model-{}.safetensors", i % 2).into());
        parts[i % 2].insert(name, data);
    }
    for (i, part) in parts.iter().enumerate() {
        let path = place.path().join(format!("model-{i}.safetensors"));
        std::fs::write(path, weights::to_bytes(part).unwrap()).unwrap();
    }
    let index = serde_json::json!({"weight_map": map}).to_string();
    std::fs::write(place.path().join("model.safetensors.index.json"), index).unwrap();
    let opened = common::open(place.path()).unwrap();
    let config = ModelConfig::Bert(settings(&opened));
    let net = TextNet::new(&config, 0, 3, &Device::flex()).unwrap();
    let (_, fresh) = opened.load_into(net, &classes()).unwrap();
    assert!(fresh.is_empty(), "{fresh:?}");
}

#[test]
fn a_head_for_other_classes_stays_fresh() {
    let opened = pretrained("bert");
    assert_eq!(opened.labels, common::LABELS);
    let config = ModelConfig::Bert(settings(&opened));
    let device = Device::flex();
    let net = TextNet::new(&config, 0, 2, &device).unwrap();
    let two = ["good".to_string(), "bad".to_string()];
    let (_, fresh) = opened.load_into(net, &two).unwrap();
    assert_eq!(fresh, ["classifier.weight", "classifier.bias"]);
}

#[test]
fn a_sentence_models_pooling_and_length_are_used() {
    let place = copy();
    std::fs::create_dir(place.path().join("1_Pooling")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    write(
        "1_Pooling/config.json",
        r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#,
    );
    write("sentence_bert_config.json", r#"{"max_seq_length": 20}"#);
    let opened = common::open(place.path()).unwrap();
    assert_eq!(opened.max_length, Some(20));
    let config = opened.model();
    assert_eq!(config.max_length(), Some(20));
    let net = SentenceNet::new(&config, 0, &Device::flex()).unwrap();
    assert_eq!(net.pooling(), Pooling::Cls);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let opened = pretrained("roberta");
    let usual = || settings(&opened);
    let with = |change: fn(&mut BertConfig)| {
        let mut config = usual();
        change(&mut config);
        TextNet::new(&ModelConfig::Bert(config), 0, 3, &Device::flex())
    };
    type Change = fn(&mut BertConfig);
    let cases: [(Change, &str); 9] = [
        (
            |c| c.encoder = None,
            "model.weights: bert needs pretrained weights",
        ),
        (
            |c| c.max_length = 25,
            "model.max_length: 25 is outside 2 to the encoder's 24 tokens",
        ),
        (|c| c.frozen_layers = 3, "model.frozen_layers: 3 is more"),
        (|c| c.layer_decay = 0.0, "model.layer_decay: 0"),
        (|c| c.lora_rank = 33, "model.lora_rank: 33"),
        (
            |c| (c.lora_rank, c.frozen_layers) = (2, 1),
            "model.frozen_layers: with lora_rank",
        ),
        (
            |c| (c.lora_rank, c.lora_alpha) = (2, 0.0),
            "model.lora_alpha",
        ),
        (
            |c| (c.lora_rank, c.lora_dropout) = (2, 1.0),
            "model.lora_dropout",
        ),
        (
            |c| (c.lora_rank, c.lora_targets) = (2, Vec::<LoraTarget>::new()),
            "model.lora_targets",
        ),
    ];
    for (change, expected) in cases {
        let error = with(change).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let cnn = ModelConfig::TextCnn(Default::default());
    let error = SentenceNet::new(&cnn, 40, &Device::flex()).unwrap_err();
    assert!(
        error.to_string().contains("text-cnn only classifies"),
        "{error}"
    );
    let mlp = ModelConfig::Mlp(Default::default());
    let error = TextNet::new(&mlp, 40, 2, &Device::flex())
        .unwrap_err()
        .to_string();
    assert!(error.contains("text-cnn, bert-mini, bert"), "{error}");
}
