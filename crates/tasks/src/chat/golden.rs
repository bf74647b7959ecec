//! Tuning a tiny Llama as PyTorch and PEFT do it; the values are made by `tests/golden/chat.py`.

use super::batch::Batch;
use super::learner::{Preferences, TalkLearner};
use super::stages::{self, Objective};
use super::written::Written;
use super::written::tests::writer;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, TensorData};
use modelwright_data::DataConfig;
use modelwright_models::weights::{self, StateDict};
use modelwright_models::{
    Base, DecoderNet, LanguageModel, Lora, LoraTarget, ModelConfig, TunedConfig,
};
use modelwright_train::{Control, Event, Outcome, Recipe, Trainer};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Golden {
    examples: Vec<Example>,
    rank: usize,
    alpha: f64,
    losses: Vec<f64>,
    pairs: Vec<Example>,
    beta: f64,
    reference: Vec<f64>,
    dpo_losses: Vec<f64>,
}

#[derive(Deserialize)]
struct Example {
    ids: Vec<u32>,
    learned: Vec<bool>,
}

fn written(examples: &[Example]) -> Vec<Written> {
    let written = |e: &Example| Written {
        ids: e.ids.clone(),
        learned: e.learned.clone(),
    };
    examples.iter().map(written).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn golden() -> Golden {
    let text = std::fs::read(folder().join("chat.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn tensors(prefix: &str) -> StateDict {
    let bytes = std::fs::read(folder().join("chat.safetensors")).unwrap();
    let all = weights::from_bytes(&bytes).unwrap();
    let own = |(name, data): (String, TensorData)| Some((name.strip_prefix(prefix)?.into(), data));
    all.into_iter().filter_map(own).collect()
}

fn base() -> LanguageModel {
    let folder = folder().join("decoders/llama-tied");
    LanguageModel::open(&folder.display().to_string(), &|_| {}).unwrap()
}

/// The network with the adapters that PyTorch started from.
fn net(golden: &Golden, base_as: Base) -> DecoderNet {
    let lora = Lora {
        rank: golden.rank,
        alpha: golden.alpha,
        dropout: 0.0,
        targets: vec![
            LoraTarget::Query,
            LoraTarget::Key,
            LoraTarget::Value,
            LoraTarget::AttentionOutput,
            LoraTarget::Intermediate,
            LoraTarget::Output,
        ],
    };
    let device = Device::flex().autodiff();
    let net = DecoderNet::load_adapted(&base(), base_as, &lora, &device).unwrap();
    let mut state = weights::collect(&net);
    for (name, data) in tensors("init.") {
        assert!(
            state.insert(name.clone(), data).is_some(),
            "{name} is no parameter"
        );
    }
    weights::apply(net, state).unwrap()
}

/// The losses of `steps` steps of AdamW on all examples at once.
fn curve(
    net: DecoderNet,
    examples: Vec<Written>,
    preferences: Option<Preferences>,
    steps: usize,
    checkpointing: bool,
) -> Vec<f64> {
    let mut recipe = Recipe::new(
        "chat",
        DataConfig::default(),
        ModelConfig::Decoder(TunedConfig::default()),
    );
    recipe.training.epochs = steps;
    recipe.training.batch_size = examples.len();
    recipe.optimizer =
        toml::from_str("name = 'adamw'\nlearning_rate = 0.01\nweight_decay = 0.01").unwrap();
    recipe.schedule = toml::from_str("name = 'constant'").unwrap();
    let writer = writer(100);
    let learner = TalkLearner {
        writer: &writer,
        examples: [examples, Vec::new()],
        preferences,
        checkpointing,
        shown: None,
        seed: 1,
    };
    let trainer = Trainer {
        recipe: &recipe,
        device: Device::flex(),
        checkpoints: None,
        control: &Control::default(),
    };
    let mut losses = Vec::new();
    let mut watch = |event: &Event| {
        if let Event::Step { loss, .. } = event {
            losses.push(*loss);
        }
    };
    let outcome = trainer.run(&learner, net, None, &mut watch).unwrap();
    assert!(matches!(outcome, Outcome::Finished(_)));
    losses
}

fn assert_near(what: &str, found: &[f64], expected: &[f64], most: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= most * b.abs().max(1.0),
            "{what}, step {i}: {a} {b}"
        );
    }
}

#[test]
fn tuning_by_adapters_follows_peft() {
    let golden = golden();
    let steps = golden.losses.len();
    for checkpointing in [false, true] {
        let net = net(&golden, Base::F32);
        let losses = curve(net, written(&golden.examples), None, steps, checkpointing);
        assert_near("losses", &losses, &golden.losses, 1e-3);
    }
    // Of a base in 16 or 8 bits the loss is nearly the same at the start.
    for base in [Base::Bf16, Base::Q8] {
        let losses = curve(
            net(&golden, base),
            written(&golden.examples),
            None,
            1,
            false,
        );
        assert_near("rounded", &losses, &golden.losses[..1], 0.02);
    }
}

#[test]
fn preferences_follow_the_formula() {
    let golden = golden();
    let pairs = written(&golden.pairs);
    let device = Device::flex();
    let all: Vec<&Written> = pairs.iter().collect();
    let plain = DecoderNet::load(&base(), &device).unwrap();
    let (reference, _) = stages::surprise(&plain, &Batch::new(&all, true, &device));
    assert_near("reference", &reference, &golden.reference, 1e-4);
    let steps = golden.dpo_losses.len();
    let preferences = || {
        Some(Preferences {
            beta: golden.beta,
            reference: [golden.reference.clone(), Vec::new()],
        })
    };
    for checkpointing in [false, true] {
        let net = net(&golden, Base::F32);
        let losses = curve(net, pairs.clone(), preferences(), steps, checkpointing);
        assert_near("losses", &losses, &golden.dpo_losses, 1e-3);
    }
}

#[test]
fn gradients_of_preferences_are_those_of_pytorch() {
    let golden = golden();
    let pairs = written(&golden.pairs);
    let all: Vec<&Written> = pairs.iter().collect();
    let expected = tensors("dpo.");
    for checkpointing in [false, true] {
        let net = weights::assign_ids(net(&golden, Base::F32));
        let batch = Batch::new(&all, true, &Device::flex().autodiff());
        let objective = Objective::Preference {
            beta: golden.beta,
            reference: &golden.reference,
        };
        let outcome = stages::outcome(&net, &batch, objective, checkpointing);
        let grads = GradientsParams::from_grads(outcome.loss.backward(), &net);
        let mut checked = 0;
        for (name, id) in weights::ids(&net) {
            let Some(wanted) = expected.get(&name) else {
                continue;
            };
            let found = grads.get::<2>(id.into()).unwrap().into_data();
            let wanted: Vec<f32> = wanted.iter::<f32>().collect();
            let largest = wanted.iter().fold(0f32, |m, v| m.max(v.abs()));
            for (a, b) in found.iter::<f32>().zip(&wanted) {
                assert!((a - b).abs() <= 1e-3 * largest, "{name}: {a} {b}");
            }
            checked += 1;
        }
        assert_eq!(checked, expected.len());
    }
}

/// A batch is as its examples by themselves.
#[test]
fn examples_in_one_row_do_not_see_each_other() {
    let golden = golden();
    let net = net(&golden, Base::F32).valid();
    let device = Device::flex();
    let examples = written(&golden.examples);
    let all: Vec<&Written> = examples.iter().collect();
    let (together, _) = stages::surprise(&net, &Batch::new(&all, true, &device));
    for (example, together) in all.iter().zip(together) {
        let (alone, _) = stages::surprise(&net, &Batch::new(&[example], true, &device));
        assert!(
            (alone[0] - together).abs() < 1e-4,
            "{} {together}",
            alone[0]
        );
    }
}

/// With all weights trained, gradients reach the embedding and the head too.
#[test]
fn stages_give_the_gradients_of_the_whole() {
    let golden = golden();
    let examples = written(&golden.examples);
    let all: Vec<&Written> = examples.iter().collect();
    let device = Device::flex().autodiff();
    let gradients = |checkpointing| {
        let net = weights::assign_ids(DecoderNet::load(&base(), &device).unwrap());
        let batch = Batch::new(&all, false, &device);
        let outcome = stages::outcome(&net, &batch, Objective::Likelihood, checkpointing);
        let value = outcome.loss.clone().inner().into_scalar::<f32>();
        let grads = GradientsParams::from_grads(outcome.loss.backward(), &net);
        let id = weights::ids(&net)["model.embed_tokens.weight"];
        let embedding: Vec<f32> = grads
            .get::<2>(id.into())
            .unwrap()
            .into_data()
            .iter::<f32>()
            .collect();
        (value, grads.len(), embedding)
    };
    let ((value, count, plain), (again, counted, staged)) = (gradients(false), gradients(true));
    assert!(
        (value - again).abs() < 1e-6 && count == counted && count > 20,
        "{count} {counted}"
    );
    for (a, b) in plain.iter().zip(&staged) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}
