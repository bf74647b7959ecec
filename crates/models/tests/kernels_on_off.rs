//! A training of ResNet-18 with our kernels follows the same training with Burn's own operations.
//!
//! `MODELWRIGHT_KERNELS` is read once in a process, so the test runs this program again for each
//! choice, with [`worker`] as its only test, and compares the losses that it prints.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_kernels::nn::{Labels, cross_entropy};
use modelwright_kernels::optim::{Optimizer, Rule, Sgd};
use modelwright_models::{ImageNet, ModelConfig, ResNetConfig, Stem, weights};
use std::process::Command;

const STEPS: usize = 100;
/// Pictures in a batch and pixels along a side: small, because Burn's operations are slow.
const BATCH: usize = 8;
const SIDE: usize = 8;
const CLASSES: usize = 10;
/// Batches, taken in turn.
const BATCHES: usize = 4;

/// The first loss compares the forward pass, the second also the backward pass and the update, before
/// rounding has grown; relative difference there.
const EARLY: usize = 2;
const EARLY_TOLERANCE: f64 = 1e-4;
/// Mean absolute difference over all steps.
///
/// The kernels round differently (1e-7 of a value, 1e-5 in Winograd's transforms). On pictures this
/// small the last batch norms see eight values a channel, and while the loss falls steeply each step
/// multiplies the distance between the two weight vectors: single losses drift apart by some percent.
/// Once the pictures are learned both go to the same level. Measured: 0.004.
const MEAN_TOLERANCE: f64 = 0.01;
/// Difference of the mean losses of the last [`LAST`] steps.
const LAST_TOLERANCE: f64 = 0.002;
const LAST: usize = 20;

/// The losses of all steps, with the kernels `on` or `off`.
fn losses(kernels: &str) -> Vec<f64> {
    let program = std::env::current_exe().expect("this program");
    let done = Command::new(program)
        .args(["worker", "--exact", "--ignored", "--nocapture"])
        .arg("--test-threads=1")
        .env_remove("MODELWRIGHT_ISA")
        .env("MODELWRIGHT_KERNELS", kernels)
        .output()
        .expect("the worker starts");
    let (text, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{kernels}: {text}\n{errors}");
    let values = text.lines().filter_map(|line| line.strip_prefix("VALUE "));
    values.map(|v| v.parse().expect("a number")).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn training_is_the_same_with_kernels_and_without() {
    let (on, off) = (losses("on"), losses("off"));
    assert_eq!((on.len(), off.len()), (STEPS, STEPS));
    let both: Vec<(f64, f64)> = on.iter().copied().zip(off.iter().copied()).collect();
    assert!(
        on.iter().chain(&off).all(|v| v.is_finite()),
        "not finite: {both:?}"
    );
    for (step, (a, b)) in both.iter().take(EARLY).enumerate() {
        assert!(
            (a - b).abs() <= EARLY_TOLERANCE * b.abs(),
            "step {step}: {a} and {b} of {both:?}"
        );
    }
    let distances: Vec<f64> = both.iter().map(|(a, b)| (a - b).abs()).collect();
    let distance = mean(&distances);
    assert!(distance < MEAN_TOLERANCE, "{distance} in {both:?}");
    let (a, b) = (mean(&on[STEPS - LAST..]), mean(&off[STEPS - LAST..]));
    assert!((a - b).abs() < LAST_TOLERANCE, "{a} and {b}: {both:?}");
    // Both have learned the pictures.
    assert!(a < 0.5 * on[0] && b < 0.5 * off[0], "{a} and {b}: {both:?}");
}

/// A small generator (splitmix64).
struct Noise(u64);

impl Noise {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform with mean 0 and variance 1.
    fn value(&mut self) -> f32 {
        let uniform = (self.draw() >> 40) as f32 / (1 << 24) as f32;
        (uniform - 0.5) * 12f32.sqrt()
    }

    /// Pictures and labels of a batch.
    fn batch(&mut self, device: &Device) -> (Tensor<4>, Labels) {
        let shape = [BATCH, 3, SIDE, SIDE];
        let values: Vec<f32> = (0..BATCH * 3 * SIDE * SIDE).map(|_| self.value()).collect();
        let labels: Vec<u32> = (0..BATCH)
            .map(|_| (self.draw() % CLASSES as u64) as u32)
            .collect();
        (
            Tensor::from_data(TensorData::new(values, shape), device),
            Labels::new(&labels, &[], device),
        )
    }
}

/// The part of this program that runs once for each choice.
#[test]
#[ignore = "run by the other test"]
fn worker() {
    // The harness has begun a line.
    println!();
    let device = Device::flex().autodiff();
    let config = ModelConfig::Resnet18(ResNetConfig {
        stem: Stem::Small,
        ..Default::default()
    });
    modelwright_kernels::noise::seed(1);
    let net = ImageNet::new(&config, [3, SIDE, SIDE], CLASSES, &device).unwrap();
    let mut net = weights::assign_ids(net.train());
    let mut noise = Noise(2);
    let batches: Vec<_> = (0..BATCHES).map(|_| noise.batch(&device)).collect();
    let mut optimizer = Optimizer::new(Rule::Sgd(Sgd {
        momentum: 0.9,
        ..Default::default()
    }));
    for step in 0..STEPS {
        let (x, labels) = &batches[step % BATCHES];
        let loss = cross_entropy(net.forward(x.clone()), labels, 0.0);
        let value: f32 = loss.clone().inner().into_scalar();
        println!("VALUE {value:e}");
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        net = optimizer.step(1e-3, net, grads, 1.0);
    }
}
