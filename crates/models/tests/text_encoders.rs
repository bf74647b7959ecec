//! Encoders against transformers; values made by `tests/golden/text_encoders.py`.

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use common::{FOLDERS, assert_close, batch, classes, expected, golden, pretrained, settings};
use modelwright_models::weights;
use modelwright_models::{
    BertConfig, Classifier, ModelConfig, Pooling, SentenceNet, SpanNet, TextNet, TokenBatch,
};

fn classifier(folder: &str, device: &Device) -> (TextNet, Vec<String>) {
    let pretrained = pretrained(folder);
    let config = ModelConfig::Bert(settings(&pretrained));
    let net = TextNet::new(&config, 0, 3, device).unwrap();
    pretrained.load_into(net, &classes()).unwrap()
}

fn inside(net: &TextNet) -> &Classifier {
    match net {
        TextNet::Encoder(net) => net,
        TextNet::Cnn(_) => panic!("not an encoder"),
    }
}

/// With and without autodiff: the same operations, recorded.
fn devices() -> [Device; 2] {
    [Device::flex(), Device::flex().autodiff()]
}

#[test]
fn hidden_states_and_logits_equal_transformers() {
    let expected = expected();
    for device in devices() {
        for folder in FOLDERS {
            let (net, fresh) = classifier(folder, &device);
            assert!(fresh.is_empty(), "{folder}: {fresh:?}");
            // Dropout is for training alone.
            let net = net.valid();
            let batch = batch(&expected, folder, &device.clone().without_autodiff());
            let hidden = inside(&net).encoder.forward(&batch).into_data();
            let mask = &expected[&format!("{folder}.mask")];
            let name = format!("{folder}.hidden");
            assert_close(&name, &hidden, &expected[&name], 1e-4, Some(mask));
            let name = format!("{folder}.logits");
            let logits = net.forward(&batch).into_data();
            assert_close(&name, &logits, &expected[&name], 1e-4, None);
        }
    }
}

#[test]
fn pooled_outputs_equal_transformers() {
    let (expected, device) = (expected(), Device::flex());
    let (net, _) = classifier("bert", &device);
    let encoder = &inside(&net).encoder;
    let pooled = encoder.pooled(encoder.first(&batch(&expected, "bert", &device)));
    assert_close(
        "bert",
        &pooled.into_data(),
        &expected["bert.pooled"],
        1e-4,
        None,
    );

    let (net, _) = classifier("roberta", &device);
    let mut state = weights::collect(&net);
    for leaf in ["weight", "bias"] {
        let of_the_base = expected[&format!("roberta.pooler.{leaf}")].clone();
        state.insert(format!("encoder.pooler.{leaf}"), of_the_base);
    }
    let net = weights::apply(net, state).unwrap();
    let encoder = &inside(&net).encoder;
    let pooled = encoder.pooled(encoder.first(&batch(&expected, "roberta", &device)));
    assert_close(
        "roberta",
        &pooled.into_data(),
        &expected["roberta.pooled"],
        1e-4,
        None,
    );
}

#[test]
fn spans_equal_transformers() {
    let (expected, device) = (expected(), Device::flex());
    let pretrained = pretrained("bert");
    let config = ModelConfig::Bert(settings(&pretrained));
    let net = SpanNet::new(&config, 0, &device).unwrap();
    let (net, fresh) = pretrained.load_into(net, &[]).unwrap();
    assert_eq!(fresh, ["spans.weight", "spans.bias"]);
    let mut state = weights::collect(&net);
    for leaf in ["weight", "bias"] {
        let head = expected[&format!("bert.spans.{leaf}")].clone();
        state.insert(format!("spans.{leaf}"), head);
    }
    let net = weights::apply(net, state).unwrap();
    let (start, end) = net.forward(&batch(&expected, "bert", &device));
    let logits = Tensor::stack::<3>(vec![start, end], 2).into_data();
    let mask = Some(&expected["bert.mask"]);
    assert_close("spans", &logits, &expected["bert.spans"], 1e-4, mask);
}

#[test]
fn sentences_are_pooled_over_tokens_alone_and_have_length_1() {
    let (expected, device) = (expected(), Device::flex());
    let pretrained = pretrained("bert");
    let batch = batch(&expected, "bert", &device);
    let hidden: Vec<f32> = expected["bert.hidden"].iter::<f32>().collect();
    let token = |row: usize, i: usize| &hidden[(row * 7 + i) * 32..][..32];
    for (pooling, tokens) in [(Pooling::Mean, [7, 4]), (Pooling::Cls, [1, 1])] {
        let config = ModelConfig::Bert(BertConfig {
            pooling,
            ..settings(&pretrained)
        });
        let net = SentenceNet::new(&config, 0, &device).unwrap();
        assert_eq!(net.pooling(), pooling);
        let (net, _) = pretrained.load_into(net, &[]).unwrap();
        let mut rows = Vec::new();
        for (row, tokens) in tokens.into_iter().enumerate() {
            let sum = |c: usize| (0..tokens).map(|i| token(row, i)[c]).sum::<f32>();
            let sums: Vec<f32> = (0..32).map(sum).collect();
            let length = sums.iter().map(|v| v * v).sum::<f32>().sqrt();
            rows.extend(sums.iter().map(|v| v / length));
        }
        let rows = TensorData::new(rows, [2, 32]);
        assert_close(
            "sentences",
            &net.forward(&batch).into_data(),
            &rows,
            1e-5,
            None,
        );
    }
}

#[test]
fn a_text_has_the_same_vector_alone_and_in_a_padded_batch() {
    let device = Device::flex();
    for folder in FOLDERS {
        let pretrained = pretrained(folder);
        let pad = pretrained.tokenizer.pad();
        let (net, _) = classifier(folder, &device);
        let (short, long): (&[u32], &[u32]) = (&[7, 8], &[9, 10, 11, 12, 13, 14]);
        let logits = |rows: &[&[u32]]| {
            net.forward(&TokenBatch::new(rows, pad, &device))
                .into_data()
        };
        let together = logits(&[short, long]);
        let alone: Vec<f32> = [short, long]
            .iter()
            .flat_map(|text| logits(&[text]).iter::<f32>().collect::<Vec<_>>())
            .collect();
        assert_close(
            folder,
            &TensorData::new(alone, [2, 3]),
            &together,
            1e-5,
            None,
        );
    }
}

#[test]
fn frozen_layers_get_no_gradient_and_the_others_do() {
    let expected = expected();
    let device = Device::flex().autodiff();
    let pretrained = pretrained("bert");
    let config = ModelConfig::Bert(BertConfig {
        frozen_layers: 1,
        ..settings(&pretrained)
    });
    let net = TextNet::new(&config, 0, 3, &device).unwrap();
    let (net, _) = pretrained.load_into(net, &classes()).unwrap();
    let loss = net.forward(&batch(&expected, "bert", &device)).sum();
    let trained = common::gradients(&net, &loss.backward());
    assert!(!trained.is_empty());
    for name in weights::collect(&net).keys() {
        let frozen = name.contains(".embeddings.") || name.contains(".blocks.0.");
        assert_ne!(frozen, trained.contains_key(name), "{name}");
    }
}

/// The last block computes the first token alone; what it leaves out must not matter to training.
#[test]
fn the_first_token_alone_has_the_gradients_it_has_among_all() {
    let expected = expected();
    let device = Device::flex().autodiff();
    for folder in FOLDERS {
        let pretrained = pretrained(folder);
        let mut config = settings(&pretrained);
        if let Some(encoder) = &mut config.encoder {
            encoder.dropout = 0.0;
        }
        let net = TextNet::new(&ModelConfig::Bert(config), 0, 3, &device).unwrap();
        let (net, _) = pretrained.load_into(net, &classes()).unwrap();
        let (encoder, batch) = (&inside(&net).encoder, batch(&expected, folder, &device));
        let squares = |first: Tensor<2>| (first.clone() * first).sum().backward();
        let alone = common::gradients(encoder, &squares(encoder.first(&batch)));
        let all = encoder.forward(&batch).narrow(1, 0, 1).reshape([2, 32]);
        let among = common::gradients(encoder, &squares(all));
        assert!(alone.len() > 30 && alone.keys().eq(among.keys()));
        for (name, gradient) in &alone {
            assert_close(name, gradient, &among[name], 1e-3, None);
        }
    }
}

/// MiniLM's real weights, where `scripts/fetch-test-data` has put them.
#[test]
fn minilm_embeds_as_sentence_transformers() {
    let home = std::env::var("HOME").unwrap_or_default();
    let folder = std::path::Path::new(&home).join(".cache/modelwright/test-data/minilm");
    if !folder.exists() {
        eprintln!(
            "skipped: no MiniLM in {}; run scripts/fetch-test-data",
            folder.display()
        );
        return;
    }
    let text = std::fs::read_to_string(golden("text_minilm.json")).unwrap();
    let given: serde_json::Value = serde_json::from_str(&text).unwrap();
    let texts: Vec<&str> = given["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    let rows = given["embeddings"].as_array().unwrap().iter();
    let expected: Vec<f32> = rows
        .flat_map(|row| row.as_array().unwrap())
        .map(|v| v.as_f64().unwrap() as f32)
        .collect();

    let device = Device::flex();
    let pretrained = common::open(&folder).unwrap();
    let config = pretrained.model();
    let net = SentenceNet::new(&config, 0, &device).unwrap();
    let (net, fresh) = pretrained.load_into(net, &[]).unwrap();
    assert!(fresh.is_empty(), "{fresh:?}");
    let tokenizer = &pretrained.tokenizer;
    let encoded: Vec<_> = texts
        .iter()
        .map(|text| tokenizer.encode(text, 128).ids)
        .collect();
    let rows: Vec<&[u32]> = encoded.iter().map(Vec::as_slice).collect();
    let batch = TokenBatch::new(&rows, tokenizer.pad(), &device);
    let expected = TensorData::new(expected, [texts.len(), 384]);
    assert_close(
        "MiniLM",
        &net.forward(&batch).into_data(),
        &expected,
        1e-5,
        None,
    );
}
