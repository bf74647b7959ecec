//! The cases: what one step is.

use crate::data::Source;
use crate::nets::{Bert, Gpt, Size, UNet};
use anyhow::{Result, bail};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::nn::{Labels, binary_cross_entropy, cross_entropy};
use modelwright_kernels::optim::{Adam, Optimizer, Rule, Sgd};
use modelwright_models::{ImageNet, MlpConfig, ModelConfig, ResNetConfig, Stem, weights};

/// Names as the peer's script has them.
pub const NAMES: [&str; 8] = [
    "mlp",
    "resnet18_seed",
    "resnet18_cifar",
    "unet",
    "bert_mini",
    "gpt_mini",
    "resnet18_224_infer",
    "bert_mini_infer",
];

/// Inputs that are made before the clock runs and taken in turn.
const INPUTS: usize = 4;

/// What is timed.
pub struct Case {
    /// Examples in a step.
    pub batch: usize,
    /// Images or tokens in a step.
    pub items: usize,
    /// `images/s` or `tokens/s`.
    pub unit: &'static str,
    /// Steps that are timed.
    pub steps: usize,
    /// Floating-point operations of the plain algorithm, as PyTorch counts them.
    pub gflop: f64,
    /// One step; returns the loss, or 0.
    pub step: Box<dyn FnMut() -> f64>,
}

/// Builds a case; `batch` 0 is its own number.
pub fn build(name: &str, batch: usize) -> Result<Case> {
    let of = |default: usize| if batch == 0 { default } else { batch };
    Ok(match name {
        "mlp" => mlp(of(64)),
        "resnet18_seed" => resnet(of(128), Stem::Imagenet, 0.217)?,
        "resnet18_cifar" => resnet(of(128), Stem::Small, 3.328)?,
        "unet" => unet(of(8)),
        "bert_mini" => bert(of(32)),
        "gpt_mini" => gpt(of(8)),
        "resnet18_224_infer" => resnet_infer(of(1))?,
        "bert_mini_infer" => bert_infer(of(1)),
        other => bail!("no case `{other}`"),
    })
}

/// One training step: forward, backward, update.
fn train<M: Module + 'static, X: Clone + 'static>(
    model: M,
    rule: Rule,
    rate: f64,
    inputs: Vec<X>,
    loss: impl Fn(&M, X) -> Tensor<1> + 'static,
) -> Box<dyn FnMut() -> f64> {
    let mut model = Some(weights::assign_ids(model.train()));
    let mut optimizer = Optimizer::new(rule);
    let mut turn = 0;
    Box::new(move || {
        let Some(net) = model.take() else {
            return f64::NAN;
        };
        let loss = loss(&net, inputs[turn % INPUTS].clone());
        turn += 1;
        let value = f64::from(loss.clone().inner().into_scalar::<f32>());
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        model = Some(optimizer.step(rate, net, grads, 1.0));
        value
    })
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn momentum() -> Rule {
    Rule::Sgd(Sgd {
        momentum: 0.9,
        ..Default::default()
    })
}

fn mlp(batch: usize) -> Case {
    let device = device();
    let mut source = Source::new(device.clone());
    let config = ModelConfig::Mlp(MlpConfig::default());
    let net = match modelwright_models::TableNet::new(&config, 784, 10, &device) {
        Ok(net) => net,
        Err(e) => unreachable!("the default perceptron builds: {e}"),
    };
    let inputs = (0..INPUTS)
        .map(|_| {
            let labels = source.labels(batch, 10);
            (
                source.values([batch, 784]),
                Labels::new(&labels, &[], &device),
            )
        })
        .collect();
    let loss = |net: &modelwright_models::TableNet, (x, y): (Tensor<2>, Labels)| {
        cross_entropy(net.forward(x), &y, 0.0)
    };
    Case {
        batch,
        items: batch,
        unit: "images/s",
        steps: 500,
        gflop: batch as f64 * 0.0645 / 64.0,
        step: train(net, Rule::Adam(Adam::default()), 1e-3, inputs, loss),
    }
}

fn resnet(batch: usize, stem: Stem, gflop: f64) -> Result<Case> {
    let device = device();
    let mut source = Source::new(device.clone());
    let config = ModelConfig::Resnet18(ResNetConfig {
        stem,
        ..Default::default()
    });
    let net = ImageNet::new(&config, [3, 32, 32], 10, &device)?;
    let inputs = (0..INPUTS)
        .map(|_| {
            let labels = source.labels(batch, 10);
            let x = source.values([batch, 3, 32, 32]);
            (x, Labels::new(&labels, &[], &device))
        })
        .collect();
    let loss = |net: &ImageNet, (x, y): (Tensor<4>, Labels)| cross_entropy(net.forward(x), &y, 0.0);
    Ok(Case {
        batch,
        items: batch,
        unit: "images/s",
        steps: if stem == Stem::Small { 8 } else { 20 },
        gflop: batch as f64 * gflop,
        step: train(net, momentum(), 1e-3, inputs, loss),
    })
}

fn unet(batch: usize) -> Case {
    let device = device();
    let mut source = Source::new(device.clone());
    let shape = [batch, 1, 128, 128];
    let inputs = (0..INPUTS)
        .map(|_| (source.values(shape), source.bits(shape)))
        .collect();
    let loss = |net: &UNet, (x, y): (Tensor<4>, Tensor<4>)| binary_cross_entropy(net.forward(x), y);
    Case {
        batch,
        items: batch,
        unit: "images/s",
        steps: 20,
        gflop: batch as f64 * 36.1 / 8.0,
        step: train(
            UNet::new(&device),
            Rule::Adam(Adam::default()),
            1e-3,
            inputs,
            loss,
        ),
    }
}

fn adamw(beta2: f64, weight_decay: f64) -> Rule {
    Rule::Adam(Adam {
        beta2,
        weight_decay,
        decoupled: true,
        ..Default::default()
    })
}

const BERT_MINI: Size = Size {
    vocabulary: 30_522,
    positions: 512,
    hidden: 256,
    layers: 4,
    heads: 4,
};

fn bert(batch: usize) -> Case {
    let device = device();
    let mut source = Source::new(device.clone());
    let inputs = (0..INPUTS)
        .map(|_| {
            let labels = source.labels(batch, 2);
            (
                source.ids(batch, 128, 30_522),
                Labels::new(&labels, &[], &device),
            )
        })
        .collect();
    let net = Bert::new(BERT_MINI, &device);
    let loss = |net: &Bert, (x, y): (_, Labels)| cross_entropy(net.forward(x), &y, 0.0);
    Case {
        batch,
        items: batch * 128,
        unit: "tokens/s",
        steps: 10,
        gflop: batch as f64 * 84.8 / 32.0,
        step: train(net, adamw(0.999, 0.01), 1e-4, inputs, loss),
    }
}

fn gpt(batch: usize) -> Case {
    let device = device();
    let mut source = Source::new(device.clone());
    let size = Size {
        vocabulary: 8192,
        positions: 256,
        hidden: 384,
        layers: 6,
        heads: 6,
    };
    let inputs = (0..INPUTS)
        .map(|_| {
            let labels = source.labels(batch * 256, 8192);
            (
                source.ids(batch, 256, 8192),
                Labels::new(&labels, &[], &device),
            )
        })
        .collect();
    let net = Gpt::new(size, &device);
    let loss = |net: &Gpt, (x, y): (_, Labels)| cross_entropy(net.forward(x), &y, 0.0);
    Case {
        batch,
        items: batch * 256,
        unit: "tokens/s",
        steps: 10,
        gflop: batch as f64 * 186.0 / 8.0,
        step: train(net, adamw(0.95, 0.1), 3e-4, inputs, loss),
    }
}

fn resnet_infer(batch: usize) -> Result<Case> {
    let device = Device::flex();
    let mut source = Source::new(device.clone());
    let config = ModelConfig::Resnet18(ResNetConfig::default());
    let net = ImageNet::new(&config, [3, 224, 224], 1000, &device)?;
    let inputs: Vec<Tensor<4>> = (0..INPUTS)
        .map(|_| source.values([batch, 3, 224, 224]))
        .collect();
    let mut turn = 0;
    Ok(Case {
        batch,
        items: batch,
        unit: "images/s",
        steps: 50,
        gflop: batch as f64 * 3.6,
        step: Box::new(move || {
            turn += 1;
            f64::from(
                net.forward(inputs[turn % INPUTS].clone())
                    .sum()
                    .into_scalar::<f32>(),
            )
        }),
    })
}

fn bert_infer(batch: usize) -> Case {
    let device = Device::flex();
    let mut source = Source::new(device.clone());
    let net = Bert::new(BERT_MINI, &device);
    let inputs: Vec<_> = (0..INPUTS).map(|_| source.ids(batch, 64, 30_522)).collect();
    let mut turn = 0;
    Case {
        batch,
        items: batch * 64,
        unit: "tokens/s",
        steps: 200,
        gflop: batch as f64 * 0.42,
        step: Box::new(move || {
            turn += 1;
            f64::from(
                net.forward(inputs[turn % INPUTS].clone())
                    .sum()
                    .into_scalar::<f32>(),
            )
        }),
    }
}
