//! ResNet against torchvision; values made by `tests/golden/resnet.py`.

use burn::tensor::{Device, Tensor, TensorData};
use modelwright_models::weights::{self, StateDict};
use modelwright_models::{ImageNet, ModelConfig, ResNetConfig, Stem};
use std::io::Read;
use std::path::PathBuf;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name)
}

fn expected() -> StateDict {
    weights::read_file(&golden("resnet.safetensors")).unwrap()
}

/// The script's formula weights for a network with these names and shapes.
fn formula(shapes: &StateDict) -> StateDict {
    let fill = |(k, (name, data)): (usize, (&String, &TensorData))| {
        let shape = data.shape().to_vec();
        let fan_in: usize = shape.iter().skip(1).product();
        let value = |i: usize| {
            let j = (i % 1021) as f64;
            let base = ((1.0 + 0.7 * (j * j)) + 0.3 * k as f64).sin();
            let v = if shape.len() > 1 {
                base * (2.5 / fan_in as f64).sqrt()
            } else if name.ends_with("running_var") {
                1.0 + 0.3 * base
            } else if name.ends_with("weight") {
                1.0 + 0.2 * base
            } else {
                0.1 * base
            };
            v as f32
        };
        let values: Vec<f32> = (0..data.num_elements()).map(value).collect();
        (name.clone(), TensorData::new(values, shape))
    };
    shapes.iter().enumerate().map(fill).collect()
}

fn input(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let value = |i: usize| ((0.01 * i as f64).sin() * (0.003 * i as f64).cos()) as f32;
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn network(config: ModelConfig, side: usize, classes: usize, device: &Device) -> ImageNet {
    let net = ImageNet::new(&config, [3, side, side], classes, device).unwrap();
    let state = formula(&weights::collect(&net));
    weights::apply(net, state).unwrap()
}

fn assert_close(actual: &TensorData, expected: &TensorData, tolerance: f32) {
    assert_eq!(actual.shape(), expected.shape());
    let worst = actual
        .iter::<f32>()
        .zip(expected.iter::<f32>())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(
        worst <= tolerance,
        "largest difference {worst}, allowed {tolerance}"
    );
}

fn imagenet_stem() -> ResNetConfig {
    ResNetConfig {
        stem: Stem::Imagenet,
        ..Default::default()
    }
}

#[test]
fn resnet18_and_34_logits_equal_torchvision() {
    let device = Device::flex();
    for (name, config, tolerance) in [
        (
            "resnet18.224.logits",
            ModelConfig::Resnet18(imagenet_stem()),
            1e-5,
        ),
        (
            "resnet34.224.logits",
            ModelConfig::Resnet34(imagenet_stem()),
            1e-4,
        ),
    ] {
        let logits = network(config, 224, 1000, &device).forward(input([1, 3, 224, 224], &device));
        assert_close(&logits.into_data(), &expected()[name], tolerance);
    }
}

#[test]
fn small_stem_logits_and_training_statistics_equal_torchvision() {
    let expected = expected();
    let device = Device::flex();
    let config = ModelConfig::Resnet18(ResNetConfig::default());
    let net = network(config.clone(), 32, 10, &device);
    let logits = net.forward(input([2, 3, 32, 32], &device)).into_data();
    assert_close(&logits, &expected["resnet18.small.logits"], 1e-5);

    let device = device.autodiff();
    let net = network(config, 32, 10, &device);
    let logits = net
        .forward(input([2, 3, 32, 32], &device))
        .inner()
        .into_data();
    assert_close(&logits, &expected["resnet18.small.train_logits"], 2e-5);
    let after = weights::collect(&net);
    for name in ["bn1", "layer4.1.bn2"] {
        for statistic in ["running_mean", "running_var"] {
            let key = format!("{name}.{statistic}");
            assert_close(
                &after[&key],
                &expected[&format!("resnet18.small.{key}")],
                2e-5,
            );
        }
    }
}

#[test]
fn a_torch_save_file_gives_the_same_logits_and_its_head_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resnet18.pth");
    let packed = std::fs::File::open(golden("resnet18.pth.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    std::fs::write(&path, bytes).unwrap();
    let state = weights::read_file(&path).unwrap();

    let device = Device::flex();
    let config = ModelConfig::Resnet18(imagenet_stem());
    let net = ImageNet::new(&config, [3, 224, 224], 1000, &device).unwrap();
    let (net, replaced) = weights::apply_pretrained(net, state.clone(), "fc").unwrap();
    assert!(!replaced);
    let logits = net.forward(input([1, 3, 224, 224], &device)).into_data();
    assert_close(&logits, &expected()["resnet18.224.logits"], 1e-5);

    // Ten classes: the body is loaded, the head stays fresh; through safetensors this time.
    let path = folder.path().join("resnet18.safetensors");
    std::fs::write(&path, weights::to_bytes(&state).unwrap()).unwrap();
    let state = weights::read_file(&path).unwrap();
    let net = ImageNet::new(&config, [3, 224, 224], 10, &device).unwrap();
    let (net, replaced) = weights::apply_pretrained(net, state.clone(), "fc").unwrap();
    assert!(replaced);
    let own = weights::collect(&net);
    assert_eq!(own["layer4.1.conv2.weight"], state["layer4.1.conv2.weight"]);
    assert_eq!(own["fc.weight"].shape().to_vec(), [10, 512]);
}

#[test]
fn weights_of_another_network_are_named() {
    let device = Device::flex();
    let resnet = ImageNet::new(
        &ModelConfig::Resnet18(imagenet_stem()),
        [3, 224, 224],
        10,
        &device,
    );
    let state = weights::collect(&resnet.unwrap());
    let other = ModelConfig::Resnet34(imagenet_stem());
    let other = ImageNet::new(&other, [3, 224, 224], 10, &device).unwrap();
    let problem = weights::apply_pretrained(other, state, "fc").unwrap_err();
    assert!(problem.contains("missing: layer1.2."), "{problem}");
}

#[test]
fn a_truncated_file_and_a_pickle_that_runs_code_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.safetensors");
    std::fs::write(&path, [200, 0, 0, 0, 0, 0, 0, 0, b'{']).unwrap();
    let error = weights::read_file(&path).unwrap_err().to_string();
    assert!(
        error.contains("short.safetensors") && error.contains("not a complete"),
        "{error}"
    );

    // The pickle of `os.system("touch …")`, protocol 0.
    let ran = folder.path().join("ran");
    let program = format!("cos\nsystem\n(S'touch {}'\ntR.", ran.display());
    let path = folder.path().join("evil.pth");
    std::fs::write(&path, program).unwrap();
    assert!(weights::read_file(&path).is_err());
    assert!(!ran.exists());
}

#[test]
fn a_frozen_body_gets_no_gradient_and_keeps_its_statistics() {
    let device = Device::flex().autodiff();
    let net = network(
        ModelConfig::Resnet18(ResNetConfig::default()),
        32,
        10,
        &device,
    );
    let net = net.freeze_body();
    let before = weights::collect(&net);
    let loss = net.forward(input([2, 3, 32, 32], &device)).sum();
    let grads = loss.backward();
    let ImageNet::ResNet(resnet) = &net else {
        panic!("not a resnet")
    };
    assert!(resnet.fc.weight.grad(&grads).is_some());
    assert!(resnet.conv1.weight.grad(&grads).is_none());
    assert_eq!(weights::collect(&net), before);
}
