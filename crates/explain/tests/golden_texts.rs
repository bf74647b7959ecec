//! Captum on the tiny encoders of each family; values made by `tests/golden/explain_texts.py`.

mod common;

use burn::tensor::Device;
use common::roomy;
use modelwright_data::{Column, Content, Table};
use modelwright_explain::text::integrated;
use modelwright_explain::{Shares, Subject};
use modelwright_models::{BertConfig, ModelConfig, Pretrained, Purpose, TextNet, export};
use modelwright_runs::{Bundle, BundleConfig, PREPROCESSOR, write_bundle};
use modelwright_tasks::{Predictor, load};
use serde_json::{Value, json};
use std::path::Path;

const LABELS: [&str; 3] = ["bad", "good", "neither"];

/// The classifier in a folder of `tests/golden/text`, as a bundle has it.
fn model(folder: &str) -> Box<dyn Predictor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/text")
        .join(folder);
    let pretrained = Pretrained::open(path.to_str().unwrap()).unwrap();
    let ModelConfig::Bert(config) = pretrained.model() else {
        panic!("{folder} holds an encoder")
    };
    let config = ModelConfig::Bert(BertConfig {
        max_length: 16,
        ..config
    });
    let labels = LABELS.map(String::from).to_vec();
    let net = TextNet::new(&config, 0, 3, &Device::flex()).unwrap();
    let (net, fresh) = pretrained.load_into(net, &labels).unwrap();
    assert!(fresh.is_empty(), "{folder}: {fresh:?}");
    let tokenizer = &pretrained.tokenizer;
    let purpose = Purpose::Classes { multi_label: false };
    let exported = export(&config, tokenizer.vocabulary(), purpose, &net).unwrap();
    let preprocessor = json!({
        "text": "text", "target": "label", "classes": labels, "max_length": 16, "characters": 100,
    });
    let mut files = exported.files;
    files.push((PREPROCESSOR, serde_json::to_vec(&preprocessor).unwrap()));
    files.push(("tokenizer.json", tokenizer.to_json()));
    let settings = serde_json::to_value(&config).unwrap();
    let config = BundleConfig::new("text-classification", "r", "bert", settings, &labels)
        .with_hugging_face(exported.hugging_face);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    write_bundle(&bundle, config, &files).unwrap();
    load(&Bundle::open(&bundle).unwrap(), Device::flex()).unwrap()
}

#[test]
fn words_of_texts_equal_captum() {
    roomy(|| {
        let golden: Value =
            serde_json::from_str(include_str!("../../../tests/golden/explain_texts.json")).unwrap();
        let text = golden["text"].as_str().unwrap();
        let columns = vec![Column::of_texts("text", &[Some(text.to_string())])];
        let examples = Content::Table(Table { columns });
        for (folder, expected) in golden["models"].as_object().unwrap() {
            let model = model(folder);
            let class = LABELS[expected["class"].as_u64().unwrap() as usize];
            let subject = Subject::new(&*model, "t", Some(class), &examples, 0).unwrap();
            let found = integrated(&subject, &examples, 0).unwrap();
            let Shares::Text { pieces, .. } = &found.shares else {
                panic!("{found:?}")
            };
            let words: Vec<&str> = pieces.iter().map(|p| p.text.as_str()).collect();
            assert_eq!(words.join(" "), text, "{folder}");
            let known: Vec<f64> = serde_json::from_value(expected["values"].clone()).unwrap();
            for (i, (value, known)) in found.values().iter().zip(&known).enumerate() {
                assert!(
                    (value - known).abs() < 1e-4,
                    "{folder} {i}: {value} {known}"
                );
            }
            let ends = [found.score, found.base.unwrap(), found.delta.unwrap()];
            for (key, value) in ["score", "base", "delta"].iter().zip(ends) {
                let known = expected[key].as_f64().unwrap();
                assert!(
                    (value - known).abs() < 1e-4,
                    "{folder} {key}: {value} {known}"
                );
            }
        }
    });
}
