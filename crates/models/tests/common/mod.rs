//! What the tests of text networks share: tiny encoders and what transformers makes of them.
#![allow(dead_code)] // each test file uses its part

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Device, Gradients, Int, Tensor, TensorData};
use modelwright_models::weights::{self, StateDict};
use modelwright_models::{BertConfig, ModelConfig, Pretrained, TokenBatch};
use std::collections::HashMap;
use std::path::PathBuf;

/// The classes of the tiny encoders, in their order.
pub const LABELS: [&str; 3] = ["bad", "good", "neither"];
/// Folders of the tiny encoders.
pub const FOLDERS: [&str; 4] = ["bert", "roberta", "xlm-roberta", "distilbert"];

pub fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name)
}

/// What `tests/golden/text_encoders.py` has computed.
pub fn expected() -> StateDict {
    weights::read_file(&golden("text/expected.safetensors")).unwrap()
}

pub fn pretrained(folder: &str) -> Pretrained {
    open(&golden("text").join(folder)).unwrap()
}

pub fn open(folder: &std::path::Path) -> Result<Pretrained, modelwright_models::ModelError> {
    Pretrained::open(folder.to_str().unwrap())
}

/// The settings of `bert` with the encoder of `pretrained`, for short texts.
pub fn settings(pretrained: &Pretrained) -> BertConfig {
    match pretrained.model() {
        ModelConfig::Bert(config) => BertConfig {
            max_length: 16,
            ..config
        },
        other => panic!("not a bert: {other:?}"),
    }
}

pub fn classes() -> Vec<String> {
    LABELS.map(String::from).to_vec()
}

/// The two texts of a family.
pub fn batch(expected: &StateDict, folder: &str, device: &Device) -> TokenBatch {
    let floats = |name: &str| {
        let data = expected.get(&format!("{folder}.{name}"))?.clone();
        Some(Tensor::<2>::from_data(data, device))
    };
    let mask: Tensor<2, Bool> = floats("mask").unwrap().greater_elem(0.5);
    let ids: Tensor<2, Int> = floats("ids").unwrap().int();
    TokenBatch {
        ids,
        mask: Some(mask),
        types: floats("types").map(|types| types.int()),
    }
}

/// Compares within `tolerance`; with a mask only the rows of tokens, of which `mask` has one value.
pub fn assert_close(
    what: &str,
    actual: &TensorData,
    expected: &TensorData,
    tolerance: f32,
    mask: Option<&TensorData>,
) {
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    let counts: Vec<f32> = match mask {
        Some(mask) => mask.iter::<f32>().collect(),
        None => vec![1.0],
    };
    let width = expected.num_elements() / counts.len();
    let pairs = actual.iter::<f32>().zip(expected.iter::<f32>());
    let worst = pairs
        .enumerate()
        .filter(|(i, _)| counts[i / width] > 0.0)
        .map(|(_, (a, b))| (a - b).abs())
        .fold(0.0, |worst: f32, next| {
            if next.is_nan() {
                f32::INFINITY
            } else {
                worst.max(next)
            }
        });
    assert!(
        worst <= tolerance,
        "{what}: largest difference {worst}, allowed {tolerance}"
    );
}

/// The gradients by the name of their parameter.
pub fn gradients<M: Module>(net: &M, gradients: &Gradients) -> StateDict {
    struct Found<'a>(&'a Gradients, HashMap<u64, TensorData>);
    impl ModuleVisitor for Found<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.0) {
                self.1.insert(param.id.val(), gradient.into_data());
            }
        }
    }
    let mut found = Found(gradients, HashMap::new());
    net.visit(&mut found);
    let ids = weights::ids(net).into_iter();
    ids.filter_map(|(name, id)| Some((name, found.1.remove(&id)?)))
        .collect()
}
