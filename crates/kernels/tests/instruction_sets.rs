//! Every instruction set and every number of threads gives the same results, and so do Burn's own
//! operations with `MODELWRIGHT_KERNELS=off`.
//!
//! These are chosen once in a process, so the tests run this program again for each choice, with
//! [`worker`] as its only test, and compare what it prints. A set that the machine lacks falls back to
//! the best one below it.

mod common;
#[path = "instruction_sets/decoding.rs"]
mod decoding;

use burn::tensor::{DType, Tensor};
use common::{Args, Input, Rng, assert_close, flat, integers, run};
use modelwright_kernels::nn::{
    Activation, AttentionConfig, AvgPool2d, FeatureMap, activate, adaptive_avg_pool, attention,
    cross_attention, log_softmax, masked_attention, softmax,
};
use modelwright_kernels::ops::{ConvShape, NormConfig, PoolShape};
use modelwright_kernels::precision::{self, Precision};
use std::collections::BTreeMap;
use std::process::Command;

/// Difference that is accepted, as a share of the largest value.
const TOLERANCE: f64 = 1e-4;

/// Outputs and gradients by name.
type Values = BTreeMap<String, Vec<f64>>;

/// What [`worker`] prints with these environment variables.
fn values(environment: &[(&str, &str)]) -> Values {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["worker", "--exact", "--ignored", "--nocapture"]);
    command.arg("--test-threads=1");
    command.env_remove("MODELWRIGHT_ISA");
    command.env_remove("MODELWRIGHT_KERNELS");
    command.envs(environment.iter().copied());
    let done = command.output().expect("the worker starts");
    let (text, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{environment:?}: {text}\n{errors}");
    let mut values = Values::new();
    for line in text.lines() {
        let Some(line) = line.strip_prefix("VALUE ") else {
            continue;
        };
        let mut words = line.split_whitespace();
        let name = words.next().expect("a name").to_string();
        let numbers = words.map(|w| w.parse().expect("a number"));
        values.insert(name, numbers.collect());
    }
    assert!(values.len() > 50, "{environment:?}: {}", values.len());
    values
}

/// Asserts that two runs printed the same names with nearly the same values.
fn compare(what: &str, a: &Values, b: &Values) {
    assert!(a.keys().eq(b.keys()), "{what}: other names");
    for (name, values) in a {
        assert_close(&format!("{what}: {name}"), values, &b[name], TOLERANCE);
    }
}

#[test]
fn instruction_sets_agree() {
    let sets = ["portable", "avx2", "avx512"];
    let found = sets.map(|set| values(&[("MODELWRIGHT_ISA", set)]));
    for i in 0..sets.len() {
        for j in 0..i {
            let what = format!("{} and {}", sets[i], sets[j]);
            compare(&what, &found[i], &found[j]);
        }
    }
}

#[test]
fn numbers_of_threads_agree() {
    let found = ["1", "4"].map(|threads| values(&[("RAYON_NUM_THREADS", threads)]));
    compare("threads", &found[0], &found[1]);
}

#[test]
fn kernels_agree_with_burn() {
    let mut ours = values(&[]);
    let mut burns = values(&[("MODELWRIGHT_KERNELS", "off")]);
    // Burn draws other elements, and has no bf16 products of f32 tensors.
    for all in [&mut ours, &mut burns] {
        all.retain(|name, _| !name.starts_with("dropout") && !name.starts_with("bf16"));
    }
    compare("on and off", &ours, &burns);
}

/// Prints output and gradients of an operation in f32.
fn print(name: &str, inputs: &[Input], op: impl Fn(&Args) -> Tensor<1>) {
    let done = run(inputs, DType::F32, op);
    print_values(&format!("{name}.output"), &done.output);
    for i in 0..inputs.len() {
        print_values(&format!("{name}.gradient{i}"), done.gradient(i));
    }
}

/// A line that [`values`] reads.
fn print_values(name: &str, values: &[f64]) {
    let words: Vec<String> = values.iter().map(|v| format!("{v:e}")).collect();
    println!("VALUE {name} {}", words.join(" "));
}

/// Standard normal inputs of these shapes.
fn normal(seed: u64, shapes: &[&[usize]]) -> Vec<Input> {
    let mut rng = Rng(seed);
    shapes.iter().map(|s| Input::normal(&mut rng, s)).collect()
}

/// The part of this program that runs once for each choice.
#[test]
#[ignore = "run by the other tests"]
fn worker() {
    // The harness has begun a line.
    println!();
    convolutions();
    pictures();
    rows();
    sequences();
    losses();
    decoding::operations();
    decoding::kernels();
}

fn convolutions() {
    for (name, x, weight, stride, dilation, groups) in [
        ("winograd_f4", [2, 8, 8, 64], [64, 64, 3, 3], 1, 1, 1),
        ("winograd_f2", [2, 6, 6, 32], [48, 32, 3, 3], 1, 1, 1),
        ("winograd_odd", [3, 9, 11, 19], [37, 19, 3, 3], 1, 1, 1),
        ("few_channels", [2, 13, 12, 3], [17, 3, 3, 3], 1, 1, 1),
        ("stride", [2, 9, 8, 24], [33, 24, 3, 3], 2, 1, 1),
        ("stem", [1, 21, 22, 3], [33, 3, 7, 7], 2, 1, 1),
        ("point", [2, 7, 5, 40], [50, 40, 1, 1], 1, 1, 1),
        ("dilation", [2, 9, 8, 10], [12, 10, 3, 3], 1, 2, 1),
        ("groups", [2, 7, 8, 18], [22, 9, 3, 3], 1, 1, 2),
        ("depthwise", [2, 9, 8, 45], [45, 1, 3, 3], 1, 1, 45),
        ("few_pixels", [4, 3, 3, 40], [50, 40, 3, 3], 3, 1, 1),
    ] {
        let shape = ConvShape {
            stride: [stride; 2],
            pad: [1, 0, 2, 1],
            dilation: [dilation; 2],
            groups,
        };
        let inputs = normal(41, &[&x, &weight, &weight[..1]]);
        print(&format!("conv_{name}"), &inputs, |a| {
            let bias = Some(a.get(2));
            flat(common::conv2d(a.get(0), a.get(1), bias, shape))
        });
    }
    for (name, x, weight, stride) in [
        ("winograd", [1, 24, 24, 48], [72, 48, 3, 3], 1),
        ("stem", [1, 21, 22, 3], [33, 3, 7, 7], 2),
        ("stride", [2, 9, 8, 24], [33, 24, 3, 3], 2),
        ("few_pixels", [1, 3, 3, 40], [50, 40, 3, 3], 3),
    ] {
        let shape = ConvShape {
            stride: [stride; 2],
            pad: [1; 4],
            dilation: [1; 2],
            groups: 1,
        };
        let config = NormConfig {
            epsilon: 1e-5,
            relu: true,
        };
        let inputs = normal(53, &[&x, &weight, &weight[..1], &weight[..1]]);
        let values = common::forward(&inputs, DType::F32, |a| {
            let fixed = [0.3, 1.7].map(|v| a.constant(&vec![v; weight[0]], [weight[0]]));
            let affine = [a.get(2), a.get(3)];
            let norm = |x, residual| {
                let (affine, fixed) = (affine.clone(), fixed.clone());
                common::conv2d_norm(x, a.get(1), None, affine, fixed, residual, shape, config)
            };
            let y = norm(a.get(0), None);
            flat(norm(a.get(0), Some(y)))
        });
        print_values(&format!("conv_norm_{name}.output"), &values);
    }
    for (name, kernel, stride) in [("apart", 2, 2), ("overlapping", 3, 2)] {
        let shapes: [&[usize]; 3] = [&[2, 5, 6, 20], &[20, 33, kernel, kernel], &[33]];
        let inputs = normal(42, &shapes);
        print(&format!("conv_transpose_{name}"), &inputs, |a| {
            let bias = Some(a.get(2));
            flat(common::conv_transpose2d(a.get(0), a.get(1), bias, stride))
        });
    }
}

fn pictures() {
    for channels in [3, 37, 64] {
        let shape = [3, 7, 6, channels];
        for relu in [false, true] {
            let config = NormConfig {
                epsilon: 1e-5,
                relu,
            };
            let inputs = normal(43, &[&shape, &[channels], &[channels], &shape]);
            print(&format!("batch_norm_{channels}_{relu}"), &inputs, |a| {
                let (affine, rest) = ([a.get(1), a.get(2)], Some(a.get(3)));
                flat(common::batch_norm_train::<4>(a.get(0), affine, rest, config).0)
            });
            print(&format!("frozen_norm_{channels}_{relu}"), &inputs, |a| {
                let (affine, rest) = ([a.get(1), a.get(2)], Some(a.get(3)));
                let fixed = [0.3, 1.7].map(|v| a.constant(&vec![v; channels], [channels]));
                flat(common::batch_norm::<4>(
                    a.get(0),
                    affine,
                    fixed,
                    rest,
                    config,
                ))
            });
        }
        let inputs = normal(44, &[&shape]);
        for (kernel, stride) in [(2, 2), (3, 2), (4, 1)] {
            let pool = PoolShape {
                kernel,
                stride,
                pad: 1,
            };
            print(&format!("max_pool_{channels}_{kernel}"), &inputs, |a| {
                flat(common::max_pool2d(a.get(0), pool))
            });
        }
        print(&format!("average_pool_{channels}"), &inputs, |a| {
            let x = FeatureMap::from_nchw(a.get::<4>(0).permute([0, 3, 1, 2]));
            let pool = AvgPool2d::new(3, 2, 1).without_padding();
            flat(pool.forward(x).into_nchw())
        });
        print(&format!("adaptive_average_{channels}"), &inputs, |a| {
            let x = FeatureMap::from_nchw(a.get::<4>(0).permute([0, 3, 1, 2]));
            flat(adaptive_avg_pool(x, [4, 5]).into_nchw())
        });
        print(&format!("global_average_{channels}"), &inputs, |a| {
            flat(common::global_avg_pool(a.get(0)))
        });
    }
}

fn rows() {
    for activation in [
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
    ] {
        let inputs = normal(45, &[&[13, 31]]);
        print(&format!("activation_{activation:?}"), &inputs, |a| {
            flat(activate::<2>(a.get(0), activation))
        });
        let inputs = normal(46, &[&[13, 31], &[45, 31], &[45]]);
        print(&format!("linear_{activation:?}"), &inputs, |a| {
            let bias = Some(a.get(2));
            let x: Tensor<2> = a.get(0);
            flat(common::linear(x, a.get(1), bias, Some(activation)))
        });
    }
    let inputs = normal(52, &[&[70, 310], &[45, 310], &[45]]);
    print("bf16_linear", &inputs, |a| {
        let (x, bias): (Tensor<2>, _) = (a.get(0), Some(a.get(2)));
        let linear = || flat(common::linear(x, a.get(1), bias, None));
        precision::with(Precision::Bf16, linear)
    });
    for features in [8, 100, 257] {
        let shapes: [&[usize]; 3] = [&[9, features], &[features], &[features]];
        let inputs = normal(47, &shapes);
        print(&format!("layer_norm_{features}"), &inputs, |a| {
            let affine = [a.get(1), a.get(2)];
            flat(common::layer_norm::<2>(a.get(0), affine, 1e-5))
        });
        print(&format!("softmax_{features}"), &inputs[..1], |a| {
            flat(softmax::<2>(a.get(0)))
        });
        print(&format!("log_softmax_{features}"), &inputs[..1], |a| {
            flat(log_softmax::<2>(a.get(0)))
        });
        print(&format!("layer_norm_of_sum_{features}"), &inputs, |a| {
            let (x, affine) = (a.get::<2>(0), [a.get(1), a.get(2)]);
            let residual = x.clone() * x.clone();
            let (y, sum) = common::layer_norm_add(x, residual, affine, 1e-5);
            flat(y * sum)
        });
        print(&format!("rms_norm_{features}"), &inputs[..2], |a| {
            flat(common::rms_norm::<2>(a.get(0), a.get(1), 1e-6))
        });
    }
    let inputs = normal(48, &[&[70, 1000]]);
    print("dropout", &inputs, |a| {
        flat(common::dropout::<2>(a.get(0), 5, 0.3))
    });
}

fn sequences() {
    let inputs = normal(49, &[&[40, 37]]);
    print("embedding", &inputs, |a| {
        let ids: Vec<usize> = (0..60).map(|i| i * i % 40).collect();
        let ids = integers(&ids, [3, 20], &a.device());
        flat(common::embedding(a.get(0), ids))
    });
    for (seq, heads, dim) in [(5, 2, 3), (33, 3, 16), (130, 2, 32), (64, 1, 64)] {
        for causal in [false, true] {
            let inputs = normal(50, &[&[2, seq, 3 * heads * dim]]);
            let config = AttentionConfig { heads, causal };
            print(&format!("attention_{seq}_{causal}"), &inputs, |a| {
                flat(attention(a.get(0), config))
            });
            print(&format!("attention_masked_{seq}_{causal}"), &inputs, |a| {
                let keys = common::all_but_every(5, [2, seq], &a.device());
                flat(masked_attention(a.get(0), keys, config))
            });
            let keys = [2, seq + 3, dim];
            let inputs = normal(52, &[&[2, seq, heads * dim], &keys, &keys]);
            print(&format!("attention_grouped_{seq}_{causal}"), &inputs, |a| {
                let keys = common::all_but_every(4, [2, seq + 3], &a.device());
                flat(cross_attention(
                    a.get(0),
                    a.get(1),
                    a.get(2),
                    Some(keys),
                    config,
                ))
            });
        }
    }
}

fn losses() {
    let inputs = normal(51, &[&[19, 101]]);
    let targets: Vec<f64> = (0..19 * 101).map(|i| f64::from(i % 7) / 6.0).collect();
    for smoothing in [0.0, 0.1] {
        for weighted in [false, true] {
            let name = format!("cross_entropy_{smoothing}_{weighted}");
            print(&name, &inputs, |a| {
                let labels: Vec<usize> = (0..19).map(|i| i * 5).collect();
                let labels = integers(&labels, [19], &a.device());
                let weights = weighted.then(|| a.constant(&targets[..101], [101]));
                common::cross_entropy_sum(a.get(0), labels, weights, smoothing)
            });
        }
    }
    print("binary_cross_entropy", &inputs, |a| {
        common::binary_cross_entropy_sum(a.get(0), a.constant(&targets, [19, 101]))
    });
    print("squared_error", &inputs, |a| {
        common::squared_error_sum(a.get(0), a.constant(&targets, [19, 101]))
    });
}
