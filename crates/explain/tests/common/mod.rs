//! What the tests of explanations share: networks that are trained in seconds, bundles with weights of
//! one's own, and how alike two lists of numbers are.
#![allow(dead_code)] // each test file uses its part

use burn::tensor::{Device, TensorData};
use modelwright_models::weights::{self, StateDict};
use modelwright_runs::{Bundle, BundleConfig, CONFIG, MODEL, PREPROCESSOR, write_bundle};
use modelwright_tasks::{Ended, Plan, Predictor, STACK, Session, SessionOptions, load};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};
use std::path::{Path, PathBuf};

/// Runs a test on a thread whose stack is large enough for networks.
pub fn roomy(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK);
    if let Err(panic) = thread.spawn(work).unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

/// A small generator (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// Trains with these settings; the folder of the bundle, below `folder`.
pub fn train(folder: &Path, settings: &[(&str, &str)]) -> PathBuf {
    let mut layers = Layers::default();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    let control = Control::default();
    let options = SessionOptions {
        runs: &folder.join("runs"),
        tensorboard: false,
        control: &control,
        notify: &modelwright_data::quiet,
    };
    let plan = Plan::new(&layers, &modelwright_data::quiet).unwrap();
    let session = Session::start(plan, options).unwrap();
    match session.run(Box::new(|_: &Event| {})).unwrap() {
        Ended::Finished(report) => report.bundle,
        Ended::Interrupted => panic!("nobody stopped it"),
    }
}

/// The predictor in a bundle.
pub fn open(bundle: &Path) -> Box<dyn Predictor> {
    load(&Bundle::open(bundle).unwrap(), Device::flex()).unwrap()
}

/// The same bundle with drawn weights, as fresh networks have them.
pub fn randomized(bundle: &Path) -> Box<dyn Predictor> {
    let state = weights::from_bytes(&std::fs::read(bundle.join(MODEL)).unwrap()).unwrap();
    let mut rng = Rng(11);
    let drawn = state.into_iter().map(|(name, data)| {
        let shape = data.shape().to_vec();
        let fan_in: usize = shape.iter().skip(1).product();
        let reach = (6.0 / fan_in.max(1) as f64).sqrt();
        let scale = name.ends_with("weight") || name.ends_with("running_var");
        let value = |_| match shape.len() {
            1 => f32::from(u8::from(scale)),
            _ => ((2.0 * rng.uniform() - 1.0) * reach) as f32,
        };
        let values: Vec<f32> = (0..data.num_elements()).map(value).collect();
        (name, TensorData::new(values, shape))
    });
    let drawn: StateDict = drawn.collect();
    std::fs::write(bundle.join(MODEL), weights::to_bytes(&drawn).unwrap()).unwrap();
    let config = std::fs::read(bundle.join(CONFIG)).unwrap();
    let mut config: BundleConfig = serde_json::from_slice(&config).unwrap();
    config.files.clear();
    std::fs::write(bundle.join(CONFIG), serde_json::to_vec(&config).unwrap()).unwrap();
    open(bundle)
}

/// Writes a bundle with these weights and opens it.
pub fn bundle(
    task: &str,
    model: serde_json::Value,
    labels: &[String],
    preprocessor: &serde_json::Value,
    state: &StateDict,
) -> Box<dyn Predictor> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    let name = model["architecture"].as_str().unwrap().to_string();
    let config = BundleConfig::new(task, "r", &name, model, labels);
    let files = [
        (MODEL, weights::to_bytes(state).unwrap()),
        (PREPROCESSOR, serde_json::to_vec(preprocessor).unwrap()),
    ];
    write_bundle(&path, config, &files).unwrap();
    open(&path)
}

/// The correlation of two lists; 0 if one of them is the same number all along.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(x, y)| f(x - mean_a, y - mean_b)).sum()
    };
    let spread = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    if spread > 0.0 {
        sum(&|x, y| x * y) / spread
    } else {
        0.0
    }
}
