//! Text networks into bundles and out again, whole, merged, and with an adapter apart.

mod common;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use common::{FOLDERS, assert_close, batch, classes, expected, pretrained, settings};
use modelwright_models::weights;
use modelwright_models::{
    ADAPTER, Adapter, BertConfig, BertMiniConfig, Exported, LoraTarget, ModelConfig, Pooling,
    Purpose, SentenceNet, SpanNet, TextCnnConfig, TextNet, TokenBatch, export,
};

const CLASSES: Purpose = Purpose::Classes { multi_label: false };

fn adapted(folder: &str, adapter: Adapter) -> ModelConfig {
    ModelConfig::Bert(BertConfig {
        weights: Some("acme/tiny".into()),
        lora_rank: 3,
        lora_alpha: 6.0,
        lora_targets: vec![
            LoraTarget::Query,
            LoraTarget::Intermediate,
            LoraTarget::Output,
        ],
        adapter,
        ..settings(&pretrained(folder))
    })
}

fn loaded(config: &ModelConfig, folder: &str, device: &Device) -> TextNet {
    let net = TextNet::new(config, 0, 3, device).unwrap();
    pretrained(folder).load_into(net, &classes()).unwrap().0
}

/// As if it had been trained: every adapter changes something.
fn trained(net: TextNet) -> TextNet {
    struct Trained(f32);
    impl ModuleMapper for Trained {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            self.0 += 1.0;
            let phase = self.0;
            param.map(|value| match value.is_require_grad() {
                true => {
                    let (shape, device) = (value.shape(), value.device());
                    let wave = |i: usize| 0.2 * (phase + i as f32).sin();
                    let values: Vec<f32> = (0..shape.num_elements()).map(wave).collect();
                    Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
                }
                false => value,
            })
        }
    }
    net.map(&mut Trained(0.0))
}

fn file<'a>(exported: &'a Exported, name: &str) -> Option<&'a [u8]> {
    let found = exported.files.iter().find(|(file, _)| *file == name);
    found.map(|(_, bytes)| bytes.as_slice())
}

#[test]
fn an_adapter_that_was_not_trained_changes_nothing() {
    let (expected, device) = (expected(), Device::flex());
    for folder in FOLDERS {
        let net = loaded(&adapted(folder, Adapter::Merged), folder, &device);
        let logits = net.forward(&batch(&expected, folder, &device)).into_data();
        let name = format!("{folder}.logits");
        assert_close(&name, &logits, &expected[&name], 1e-4, None);
    }
}

#[test]
fn only_adapters_and_head_are_trained() {
    let (expected, device) = (expected(), Device::flex().autodiff());
    for (folder, head) in FOLDERS.into_iter().zip([2, 2, 2, 2]) {
        let config = adapted(folder, Adapter::Merged);
        // B starts at zero, and with it A's gradient: another value shows it.
        let net = trained(loaded(&config, folder, &device));
        let loss = net.forward(&batch(&expected, folder, &device)).sum();
        let gradients = common::gradients(&net, &loss.backward());
        let with: Vec<String> = gradients.into_keys().collect();
        let adapters = with.iter().filter(|name| name.contains(".lora_")).count();
        assert_eq!(
            adapters,
            2 * 3 * 2,
            "two blocks, three layers, A and B: {with:?}"
        );
        let others: Vec<_> = with
            .iter()
            .filter(|name| !name.contains(".lora_"))
            .collect();
        assert_eq!(others.len(), 2 * head, "{others:?}");
        assert!(
            others
                .iter()
                .all(|n| n.starts_with("classifier.") || n.starts_with("encoder.pooler."))
        );
    }
}

#[test]
fn bundles_give_the_same_logits_merged_and_apart() {
    let (expected, device) = (expected(), Device::flex());
    let auto = Device::flex().autodiff();
    for folder in FOLDERS {
        let batch = batch(&expected, folder, &device);
        for adapter in [Adapter::Merged, Adapter::Apart] {
            let config = adapted(folder, adapter);
            let net = trained(loaded(&config, folder, &auto));
            let logits = net.valid().forward(&batch).into_data();
            let exported = export(&config, 60, CLASSES, &net).unwrap();
            assert_eq!(
                file(&exported, ADAPTER).is_some(),
                adapter == Adapter::Apart
            );
            let model = file(&exported, "model.safetensors").unwrap();
            let part = file(&exported, ADAPTER);
            let again = TextNet::from_bundle(&config, 60, 3, model, part, &device).unwrap();
            assert!(
                weights::collect(&again)
                    .keys()
                    .all(|name| !name.contains("lora"))
            );
            let again = again.forward(&batch).into_data();
            assert_close(folder, &again, &logits, 1e-4, None);
        }
    }
}

#[test]
fn a_bundle_is_a_hugging_face_folder() {
    let (expected, device) = (expected(), Device::flex());
    let auto = Device::flex().autodiff();
    for folder in FOLDERS {
        for adapter in [Adapter::Merged, Adapter::Apart] {
            let config = adapted(folder, adapter);
            let net = trained(loaded(&config, folder, &auto));
            let exported = export(&config, 60, CLASSES, &net).unwrap();
            let place = tempfile::tempdir().unwrap();
            for (name, bytes) in &exported.files {
                std::fs::write(place.path().join(name), bytes).unwrap();
            }
            let mut hugging_face = exported.hugging_face.clone();
            let labels = serde_json::json!({"0": "bad", "1": "good", "2": "neither"});
            hugging_face.insert("id2label".into(), labels);
            let text = serde_json::to_vec(&hugging_face).unwrap();
            std::fs::write(place.path().join("config.json"), text).unwrap();
            let tokenizer = pretrained(folder).tokenizer.to_json();
            std::fs::write(place.path().join("tokenizer.json"), tokenizer).unwrap();

            let opened = common::open(place.path()).unwrap();
            let plain = ModelConfig::Bert(settings(&opened));
            let again = TextNet::new(&plain, 60, 3, &device).unwrap();
            let (again, fresh) = opened.load_into(again, &classes()).unwrap();
            assert!(fresh.is_empty(), "{fresh:?}");
            let batch = batch(&expected, folder, &device);
            let logits = net.valid().forward(&batch).into_data();
            assert_close(
                folder,
                &again.forward(&batch).into_data(),
                &logits,
                1e-4,
                None,
            );
        }
    }
}

#[test]
fn names_and_settings_are_those_of_transformers_and_peft() {
    let device = Device::flex();
    let keys =
        |bytes: &[u8]| -> Vec<String> { weights::from_bytes(bytes).unwrap().into_keys().collect() };
    for folder in FOLDERS {
        // Without training the names and shapes are those that came in, but for old names of norms.
        let pretrained = pretrained(folder);
        let config = ModelConfig::Bert(settings(&pretrained));
        let net = loaded(&config, folder, &device);
        let exported = export(&config, 60, CLASSES, &net).unwrap();
        let names = keys(file(&exported, "model.safetensors").unwrap());
        let weights_file = if folder == "distilbert" {
            "pytorch_model.bin"
        } else {
            "model.safetensors"
        };
        let given =
            weights::read_file(&common::golden("text").join(folder).join(weights_file)).unwrap();
        let modern = |name: &String| {
            let name = name.replace("LayerNorm.gamma", "LayerNorm.weight");
            name.replace("LayerNorm.beta", "LayerNorm.bias")
        };
        let mut given: Vec<String> = given.keys().map(modern).collect();
        given.sort();
        assert_eq!(names, given, "{folder}");
        assert_eq!(
            exported.hugging_face["problem_type"],
            "single_label_classification"
        );

        let config = adapted(folder, Adapter::Apart);
        let net = loaded(&config, folder, &device);
        let exported = export(&config, 60, CLASSES, &net).unwrap();
        let names = keys(file(&exported, ADAPTER).unwrap());
        let query = match folder {
            "bert" => "bert.encoder.layer.0.attention.self.query",
            "distilbert" => "distilbert.transformer.layer.0.attention.q_lin",
            _ => "roberta.encoder.layer.0.attention.self.query",
        };
        for side in ["lora_A", "lora_B"] {
            let name = format!("base_model.model.{query}.{side}.weight");
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        let settings = file(&exported, "adapter_config.json").unwrap();
        let settings: serde_json::Value = serde_json::from_slice(settings).unwrap();
        assert_eq!(settings["task_type"], "SEQ_CLS");
        assert_eq!(settings["base_model_name_or_path"], "acme/tiny");
        let targets = settings["target_modules"].as_array().unwrap();
        let expected = match folder {
            "distilbert" => vec!["attention.q_lin", "ffn.lin1", "ffn.lin2"],
            _ => vec![
                "attention.self.query",
                "intermediate.dense",
                "layer.0.output.dense",
                "layer.1.output.dense",
            ],
        };
        assert_eq!(targets, &expected, "{folder}");
    }
}

#[test]
fn networks_from_scratch_survive_their_bundle() {
    let device = Device::flex();
    let mini = |pooling| {
        ModelConfig::BertMini(BertMiniConfig {
            layers: 2,
            width: 16,
            heads: 2,
            intermediate: 24,
            max_length: 12,
            pooling,
            ..Default::default()
        })
    };
    let batch = TokenBatch::new(&[&[2, 9, 11, 3], &[2, 5, 3]], 0, &device);
    let cnn = ModelConfig::TextCnn(TextCnnConfig::default());
    for config in [cnn, mini(Pooling::Mean), mini(Pooling::Cls)] {
        let net = TextNet::new(&config, 40, 4, &device).unwrap();
        let exported = export(&config, 40, Purpose::Classes { multi_label: true }, &net).unwrap();
        let model = file(&exported, "model.safetensors").unwrap();
        let again = TextNet::from_bundle(&config, 40, 4, model, None, &device).unwrap();
        let (before, after) = (net.forward(&batch), again.forward(&batch));
        assert_close(
            config.name(),
            &after.into_data(),
            &before.into_data(),
            1e-6,
            None,
        );
        let class = exported
            .hugging_face
            .get("architectures")
            .map(|names| names[0].clone());
        match &config {
            ModelConfig::BertMini(c) if c.pooling == Pooling::Cls => {
                assert_eq!(class.unwrap(), "BertForSequenceClassification");
            }
            ModelConfig::BertMini(_) => assert_eq!(class.unwrap(), "BertModel"),
            _ => assert!(exported.hugging_face.is_empty()),
        }
        let error = TextNet::from_bundle(&config, 4_000_000, 4, model, None, &device).unwrap_err();
        assert!(error.contains("too few"), "{error}");
    }
    let config = mini(Pooling::Auto);
    let net = SentenceNet::new(&config, 40, &device).unwrap();
    let exported = export(&config, 40, Purpose::Sentences, &net).unwrap();
    let model = file(&exported, "model.safetensors").unwrap();
    let names: Vec<String> = weights::from_bytes(model).unwrap().into_keys().collect();
    assert!(
        names.contains(&"embeddings.word_embeddings.weight".to_string()),
        "{names:?}"
    );
    let again = SentenceNet::from_bundle(&config, 40, model, None, &device).unwrap();
    let (before, after) = (net.forward(&batch), again.forward(&batch));
    assert_close(
        "sentences",
        &after.into_data(),
        &before.into_data(),
        1e-6,
        None,
    );
    let net = SpanNet::new(&config, 40, &device).unwrap();
    let exported = export(&config, 40, Purpose::Spans, &net).unwrap();
    assert_eq!(
        exported.hugging_face["architectures"][0],
        "BertForQuestionAnswering"
    );
    let model = file(&exported, "model.safetensors").unwrap();
    let again = SpanNet::from_bundle(&config, 40, model, None, &device).unwrap();
    let (before, after) = (net.forward(&batch).0, again.forward(&batch).0);
    assert_close("spans", &after.into_data(), &before.into_data(), 1e-6, None);
}

#[test]
fn an_adapter_that_is_missing_or_of_another_model_is_said() {
    let device = Device::flex();
    let config = adapted("bert", Adapter::Apart);
    let net = loaded(&config, "bert", &device);
    let exported = export(&config, 60, CLASSES, &net).unwrap();
    let model = file(&exported, "model.safetensors").unwrap();
    let open = |adapter| TextNet::from_bundle(&config, 60, 3, model, adapter, &device).map(|_| ());
    let error = open(None).unwrap_err();
    assert!(
        error.contains("adapter_model.safetensors is missing"),
        "{error}"
    );
    let error = open(Some(model)).unwrap_err();
    assert!(error.contains("is no adapter of this model"), "{error}");
}
