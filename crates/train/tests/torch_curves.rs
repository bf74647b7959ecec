//! Loss curves of every optimizer against PyTorch, step by step, from the same weights on the same
//! batches; values made by `tests/golden/optimizers.py`. The whole loop runs: order and task are the
//! test's, everything else is what a user's training goes through.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::{Content, DataError, OpenOptions, Part};
use modelwright_kernels::nn::{Init, Labels, Linear, cross_entropy, mse, relu};
use modelwright_models::weights::{self, StateDict};
use modelwright_train::recipe::Layers;
use modelwright_train::{
    Control, Event, Goal, Learner, Meter, Outcome, Recipe, Scores, StepLoss, Trainer,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Module, Debug)]
struct Net {
    layers: Vec<Linear>,
}

#[derive(Serialize, Deserialize, Clone)]
struct NoMeter;

impl Meter for NoMeter {
    fn scores(&self) -> Scores {
        Vec::new()
    }
}

/// Digits in file order: step s sees rows 32s to 32s + 32.
struct Digits {
    pixels: Vec<f32>,
    labels: Vec<u32>,
    case: Value,
    batch: usize,
}

impl Digits {
    fn loss_of(&self, logits: Tensor<2>, labels: &[u32], device: &Device) -> (Tensor<1>, f64) {
        let rows = labels.len();
        if self.case["loss"] == "mse" {
            let target: Vec<f32> = labels.iter().map(|l| *l as f32 / 10.0).collect();
            let target = Tensor::<2>::from_data(TensorData::new(target, [rows, 1]), device);
            return (mse(logits, target), rows as f64);
        }
        let smoothing = self.case["label_smoothing"].as_f64().unwrap_or(0.0);
        let weights: Vec<f32> = match self.case["class_weights"].as_array() {
            Some(list) => list.iter().map(|w| w.as_f64().unwrap() as f32).collect(),
            None => Vec::new(),
        };
        let labels = Labels::new(labels, &weights, device);
        let loss = cross_entropy(logits, &labels, smoothing);
        (loss, labels.total_weight())
    }
}

impl Learner for Digits {
    type Model = Net;
    type Batch = (Tensor<2>, Vec<u32>);
    type Meter = NoMeter;

    fn examples(&self, part: Part) -> usize {
        if part == Part::Train { self.batch } else { 0 }
    }

    fn collate(
        &self,
        _: Part,
        indices: &[usize],
        epoch: Option<usize>,
        device: &Device,
    ) -> Result<Self::Batch, DataError> {
        // One epoch is one step, so that the order is the file's; shuffled within, which a mean ignores,
        // except for accumulation, whose halves the golden script takes in file order.
        let mut rows: Vec<usize> = indices.to_vec();
        rows.sort();
        let start = 32 * epoch.unwrap() % 1760;
        let pixels: Vec<f32> = rows
            .iter()
            .flat_map(|r| self.pixels[(start + r) * 64..][..64].to_vec())
            .collect();
        let labels = rows.iter().map(|r| self.labels[start + r]).collect();
        Ok((
            Tensor::from_data(TensorData::new(pixels, [rows.len(), 64]), device),
            labels,
        ))
    }

    fn meter(&self) -> NoMeter {
        NoMeter
    }

    fn loss(&self, model: &Net, (x, labels): Self::Batch, _: &mut NoMeter) -> StepLoss {
        let device = x.device();
        let hidden = relu(model.layers[0].forward(x));
        let (value, weight) = self.loss_of(model.layers[1].forward(hidden), &labels, &device);
        StepLoss { value, weight }
    }

    fn goal(&self) -> Goal {
        Goal {
            score: "loss",
            larger_is_better: false,
        }
    }
}

fn recipe(case: &Value) -> Recipe {
    let mut layers = Layers::default();
    let mut set = |key: &str, value: String| layers.set(key, &value).unwrap();
    let number = |key: &str| case[key].as_f64();
    let kind = case["optimizer"].as_str().unwrap();
    let averaging = kind == "momentum_ema";
    let dampened = number("dampening").unwrap_or(0.0) > 0.0;
    assert!(!dampened, "dampening is not a setting");
    set(
        "optimizer.name",
        if averaging { "sgd".into() } else { kind.into() },
    );
    set("optimizer.learning_rate", number("lr").unwrap().to_string());
    for (ours, theirs) in [
        ("momentum", "momentum"),
        ("weight_decay", "weight_decay"),
        ("beta1", "beta1"),
        ("beta2", "beta2"),
        ("epsilon", "eps"),
        ("alpha", "alpha"),
    ] {
        if let Some(value) = number(theirs) {
            set(&format!("optimizer.{ours}"), value.to_string());
        }
    }
    for flag in ["nesterov", "centered"] {
        if let Some(value) = case[flag].as_bool() {
            set(&format!("optimizer.{flag}"), value.to_string());
        }
    }
    if averaging {
        set("optimizer.averaging", "true".into());
    }
    for (key, name) in [
        ("clip_norm", "clip_norm"),
        ("clip_value", "clip_value"),
        ("accumulate", "accumulate"),
    ] {
        if let Some(value) = number(name) {
            set(&format!("training.{key}"), value.to_string());
        }
    }
    let batch = 32 / number("accumulate").unwrap_or(1.0) as usize;
    set("training.epochs", "50".into());
    set("training.batch_size", batch.to_string());
    let defaults: Recipe = toml::from_str("task = 'test'\n[model]\narchitecture = 'mlp'").unwrap();
    let recipe = layers.over(&defaults).unwrap();
    recipe.check().unwrap();
    recipe
}

fn curve(case: &Value, initial: StateDict) -> Vec<f64> {
    let digits = modelwright_data::open("digits", OpenOptions::default()).unwrap();
    let Content::Images(set) = digits.content else {
        panic!("no pictures")
    };
    let learner = Digits {
        // The bytes are round(v * 255 / 16); back to v / 16 exactly.
        pixels: (0..set.len())
            .flat_map(|i| {
                set.packed(i)
                    .unwrap()
                    .iter()
                    .map(|b| (f32::from(*b) * 16.0 / 255.0).round() / 16.0)
            })
            .collect(),
        labels: set.labels.iter().map(|l| l.unwrap()).collect(),
        case: case.clone(),
        batch: 32,
    };
    let device = Device::flex();
    let outputs = initial["layers.1.bias"].shape()[0];
    let net = Net {
        layers: vec![
            Linear::new(64, 32, Init::Default, &device.clone().autodiff()),
            Linear::new(32, outputs, Init::Default, &device.clone().autodiff()),
        ],
    };
    let net = weights::apply(net, initial).unwrap();
    let mut losses = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::Step { loss, .. } = event {
            losses.push(*loss);
        }
    };
    let recipe = recipe(case);
    let trainer = Trainer {
        recipe: &recipe,
        device,
        checkpoints: None,
        control: &Control::default(),
    };
    let outcome = trainer.run(&learner, net, None, &mut observer).unwrap();
    assert!(matches!(outcome, Outcome::Finished(_)));
    losses
}

#[test]
fn loss_curves_equal_torch_for_50_steps() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/optimizers.safetensors"
    );
    let bytes = std::fs::read(path).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let cases: Value =
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
    let golden = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let state = weights::from_bytes(&bytes).unwrap();
    let mut checked = 0;
    for (name, case) in cases.as_object().unwrap() {
        if case["dampening"].as_f64().unwrap_or(0.0) > 0.0 {
            continue; // our averaging form takes its place
        }
        let prefix = if case["loss"] == "mse" {
            "init_mse"
        } else {
            "init"
        };
        let initial = [("0", "0"), ("2", "1")]
            .iter()
            .flat_map(|(theirs, ours)| {
                ["weight", "bias"].map(|p| {
                    (
                        format!("layers.{ours}.{p}"),
                        state[&format!("{prefix}.{theirs}.{p}")].clone(),
                    )
                })
            })
            .collect();
        let actual = curve(case, initial);
        let expected = golden.tensor(&format!("loss.{name}")).unwrap();
        let expected: Vec<f64> = expected
            .data()
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect();
        assert_eq!((actual.len(), expected.len()), (50, 50), "{name}");
        for (step, (a, e)) in actual.iter().zip(&expected).enumerate() {
            assert!(
                (a - e).abs() <= 1e-4 * e.abs(),
                "{name} step {step}: {a}, torch {e}"
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 17);
}
