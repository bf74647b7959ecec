//! Batch norm against PyTorch; values made by `tests/golden/lenet_bn.py`.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_kernels::nn::{BatchNorm, FeatureMap};
use modelwright_models::weights::{self, StateDict};

fn golden() -> StateDict {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/batchnorm.safetensors"
    );
    weights::read_file(path.as_ref()).unwrap()
}

fn assert_close(name: &str, actual: &TensorData, golden: &StateDict) {
    for (a, b) in actual.iter::<f32>().zip(golden[name].iter::<f32>()) {
        assert!((a - b).abs() <= 1e-5 + 1e-4 * b.abs(), "{name}: {a} {b}");
    }
}

#[test]
fn batch_norm_equals_torch_over_three_steps() {
    let golden = golden();
    let device = Device::flex().autodiff();
    let mut state = StateDict::new();
    for name in ["weight", "bias"] {
        state.insert(name.into(), golden[name].clone());
    }
    state.insert("running_mean".into(), TensorData::zeros::<f32, _>([4]));
    state.insert("running_var".into(), TensorData::ones::<f32, _>([4]));
    let norm = weights::apply(BatchNorm::new(4, &device), state).unwrap();
    let load = |name: &str| Tensor::<4>::from_data(golden[name].clone(), &device);

    for step in 0..3 {
        let x = load(&format!("x.{step}")).require_grad();
        let out = norm.forward(FeatureMap::from_nchw(x.clone())).into_nchw();
        assert_close(
            &format!("out.{step}"),
            &out.clone().inner().into_data(),
            &golden,
        );
        if step == 0 {
            let grads = (out * load("target")).sum().backward();
            assert_close("grad.x", &x.grad(&grads).unwrap().into_data(), &golden);
            assert_close(
                "grad.weight",
                &norm.weight.grad(&grads).unwrap().into_data(),
                &golden,
            );
            assert_close(
                "grad.bias",
                &norm.bias.grad(&grads).unwrap().into_data(),
                &golden,
            );
        }
        let state = weights::collect(&norm);
        for statistic in ["running_mean", "running_var"] {
            assert_close(&format!("{statistic}.{step}"), &state[statistic], &golden);
        }
    }
    let x = FeatureMap::from_nchw(load("x.0").inner());
    let eval = norm.valid().forward(x).into_nchw();
    assert_close("eval_out", &eval.into_data(), &golden);
}
