//! Optimizer steps against the formulas of PyTorch's documentation, written with Burn's operations.

mod common;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Gradients, Tensor};
use common::{Rng, assert_close, flat, tensor, values};
use modelwright_kernels::nn::{Init, Linear};
use modelwright_kernels::optim::{Adam, Optimizer, RmsProp, Rule, Sgd, clip_scale};

/// `state = keep * state + (1 - keep) * new`; returns it.
fn blend(state: &mut Tensor<1>, new: Tensor<1>, keep: f64) -> Tensor<1> {
    *state = state.clone().mul_scalar(keep) + new.mul_scalar(1.0 - keep);
    state.clone()
}

/// One step; `state` starts as zeros.
fn reference_step(
    rule: &Rule,
    rate: f64,
    step: i32,
    p: Tensor<1>,
    g: Tensor<1>,
    state: &mut [Tensor<1>; 3],
) -> Tensor<1> {
    let [first, second, third] = state;
    match rule {
        Rule::Sgd(s) => {
            let g = g + p.clone().mul_scalar(s.weight_decay);
            *first = match step {
                1 => g.clone(),
                _ => first.clone().mul_scalar(s.momentum) + g.clone().mul_scalar(1.0 - s.dampening),
            };
            let along = match s.nesterov {
                true => g + first.clone().mul_scalar(s.momentum),
                false => first.clone(),
            };
            p - along.mul_scalar(rate)
        }
        Rule::Adam(s) => {
            let (p, g) = match s.decoupled {
                true => (p.mul_scalar(1.0 - rate * s.weight_decay), g),
                false => (p.clone(), g + p.mul_scalar(s.weight_decay)),
            };
            let mean = blend(first, g.clone(), s.beta1).div_scalar(1.0 - s.beta1.powi(step));
            let square = blend(second, g.clone() * g, s.beta2);
            let square = square.div_scalar(1.0 - s.beta2.powi(step));
            p - mean.mul_scalar(rate) / square.sqrt().add_scalar(s.eps)
        }
        Rule::RmsProp(s) => {
            let g = g + p.clone().mul_scalar(s.weight_decay);
            let mut spread = blend(first, g.clone() * g.clone(), s.alpha);
            if s.centered {
                let mean = blend(second, g.clone(), s.alpha);
                spread = spread - mean.clone() * mean;
            }
            let along = g / spread.sqrt().add_scalar(s.eps);
            *third = third.clone().mul_scalar(s.momentum) + along;
            p - third.clone().mul_scalar(rate)
        }
    }
}

/// A small layer with the inputs and outputs it shall learn.
struct Problem {
    layer: Linear,
    x: Tensor<2>,
    target: Tensor<2>,
}

impl Problem {
    fn new(inputs: usize, outputs: usize) -> Self {
        let device = Device::flex().autodiff();
        modelwright_kernels::noise::seed(38);
        let mut rng = Rng(38);
        let mut random = |shape: [usize; 2]| {
            let values = rng.normals(shape[0] * shape[1]);
            tensor(&values, shape, &device, DType::F32)
        };
        Self {
            x: random([11, inputs]),
            target: random([11, outputs]),
            layer: Linear::new(inputs, outputs, Init::Default, &device),
        }
    }

    /// Gradients of the squared error, made by Burn's operations.
    fn gradients(&self, layer: &Linear) -> Gradients {
        let y = self.x.clone().matmul(layer.weight.val().transpose());
        let y = y + bias_of(layer).unsqueeze::<2>();
        let d = y - self.target.clone();
        (d.clone() * d).mean().backward()
    }
}

fn bias_of(layer: &Linear) -> Tensor<1> {
    match &layer.bias {
        Some(bias) => bias.val(),
        None => unreachable!("the layer has a bias"),
    }
}

/// Weight and bias in a row each.
fn parameters(layer: &Linear) -> [Tensor<1>; 2] {
    [flat(layer.weight.val().inner()), bias_of(layer).inner()]
}

/// Five steps by us and by the formulas.
fn compare_rule(rule: Rule, scale: f64) {
    let problem = Problem::new(57, 33);
    let mut layer = problem.layer.clone();
    let mut optimizer = Optimizer::new(rule);
    let mut expected = parameters(&layer);
    let mut states = expected
        .clone()
        .map(|p| [p.zeros_like(), p.zeros_like(), p.zeros_like()]);
    for step in 1..=5 {
        let rate = 0.02 / f64::from(step);
        let grads = problem.gradients(&layer);
        let found = [
            layer.weight.val().grad(&grads).map(flat),
            bias_of(&layer).grad(&grads),
        ];
        for ((p, g), state) in expected.iter_mut().zip(found).zip(&mut states) {
            let g = g.expect("a parameter without gradient").mul_scalar(scale);
            *p = reference_step(&rule, rate, step, p.clone(), g, state);
        }
        let grads = GradientsParams::from_grads(grads, &layer);
        layer = optimizer.step(rate, layer, grads, scale);
        for (i, (ours, theirs)) in parameters(&layer).into_iter().zip(&expected).enumerate() {
            assert_close(
                &format!("{rule:?}, step {step}, parameter {i}"),
                &values(ours),
                &values(theirs.clone()),
                1e-5,
            );
        }
        assert!(layer.weight.val().is_require_grad());
    }
}

#[test]
fn sgd_follows_the_formula() {
    for (momentum, nesterov, dampening, weight_decay) in [
        (0.0, false, 0.0, 0.0),
        (0.0, false, 0.0, 0.1),
        (0.9, false, 0.0, 0.01),
        (0.9, false, 0.2, 0.0),
        (0.9, true, 0.0, 0.01),
    ] {
        let rule = Rule::Sgd(Sgd {
            momentum,
            nesterov,
            dampening,
            weight_decay,
            ..Default::default()
        });
        compare_rule(rule, 1.0);
        compare_rule(rule, 0.5);
    }
}

#[test]
fn adam_and_adamw_follow_the_formula() {
    for (decoupled, weight_decay) in [(false, 0.0), (false, 0.1), (true, 0.1)] {
        let rule = Rule::Adam(Adam {
            decoupled,
            weight_decay,
            ..Default::default()
        });
        compare_rule(rule, 1.0);
        compare_rule(rule, 0.5);
    }
}

#[test]
fn rmsprop_follows_the_formula() {
    for (centered, momentum, weight_decay) in [
        (false, 0.0, 0.0),
        (true, 0.0, 0.0),
        (false, 0.9, 0.01),
        (true, 0.9, 0.01),
    ] {
        // A mean square that forgets quickly, so that five steps tell.
        let rule = Rule::RmsProp(RmsProp {
            alpha: 0.9,
            centered,
            momentum,
            weight_decay,
            ..Default::default()
        });
        compare_rule(rule, 1.0);
        compare_rule(rule, 0.5);
    }
}

/// What `torch.optim` does with a group of its own for the bias whose rate is half the other's.
#[test]
fn a_factor_of_a_half_is_half_the_rate() {
    for rule in [
        Rule::Sgd(Sgd {
            momentum: 0.9,
            ..Default::default()
        }),
        Rule::Adam(Adam {
            decoupled: true,
            weight_decay: 0.1,
            ..Default::default()
        }),
        Rule::RmsProp(RmsProp::default()),
    ] {
        let problem = Problem::new(57, 33);
        let Some(bias) = &problem.layer.bias else {
            unreachable!("the layer has a bias")
        };
        let factors = [(bias.id.val(), 0.5)].into();
        let after = |rate: f64, optimizer: &mut Optimizer| {
            let mut layer = problem.layer.clone();
            for _ in 0..3 {
                // The same gradients each time, so that the two parameters do not act on each other.
                let grads = problem.gradients(&problem.layer);
                let grads = GradientsParams::from_grads(grads, &problem.layer);
                layer = optimizer.step(rate, layer, grads, 1.0);
            }
            parameters(&layer).map(values)
        };
        let plain = || Optimizer::new(rule);
        let mixed = after(0.02, &mut plain().with_factors(factors));
        assert_eq!(mixed[0], after(0.02, &mut plain())[0], "{rule:?}: weight");
        assert_eq!(mixed[1], after(0.01, &mut plain())[1], "{rule:?}: bias");
    }
}

#[test]
fn a_step_in_place_changes_nothing_else() {
    let rules = [
        Rule::Sgd(Sgd {
            momentum: 0.9,
            ..Default::default()
        }),
        Rule::Adam(Adam::default()),
        Rule::RmsProp(RmsProp {
            centered: true,
            momentum: 0.9,
            ..Default::default()
        }),
    ];
    for rule in rules {
        // Large enough for memory of the pool.
        let problem = Problem::new(120, 70);
        let mut layer = problem.layer.clone();
        let mut optimizer = Optimizer::new(rule);
        let step = |optimizer: &mut Optimizer, layer: Linear| {
            let grads = problem.gradients(&layer);
            let grads = GradientsParams::from_grads(grads, &layer);
            optimizer.step(0.01, layer, grads, 1.0)
        };
        layer = step(&mut optimizer, layer);

        // A handle of the parameter, a view of it, and the whole layer.
        let held = layer.weight.val();
        let view = layer.weight.val().inner().transpose();
        let copy = layer.clone();
        let before = (held.to_data(), view.to_data(), bias_of(&copy).to_data());
        let mut twin = optimizer.clone();
        layer = step(&mut optimizer, layer);
        layer = step(&mut optimizer, layer);
        assert_eq!(held.to_data(), before.0, "{rule:?}: a handle changed");
        assert_eq!(view.to_data(), before.1, "{rule:?}: a view changed");
        assert_eq!(copy.weight.val().to_data(), before.0, "{rule:?}: a copy");
        assert_eq!(bias_of(&copy).to_data(), before.2, "{rule:?}: a copy");
        assert_ne!(layer.weight.val().to_data(), before.0, "{rule:?}: no step");

        // The memory of a copied optimizer is its own: the same steps lead to the same place.
        let mut again = copy;
        again = step(&mut twin, again);
        again = step(&mut twin, again);
        for (a, b) in parameters(&again).into_iter().zip(parameters(&layer)) {
            assert_close(&format!("{rule:?}: twin"), &values(a), &values(b), 1e-6);
        }
    }
}

#[test]
fn the_joint_norm_of_all_gradients_is_clipped() {
    let problem = Problem::new(57, 33);
    let grads = problem.gradients(&problem.layer);
    let found = [
        problem.layer.weight.val().grad(&grads).map(flat),
        bias_of(&problem.layer).grad(&grads),
    ];
    let squares = found.into_iter().flatten().flat_map(values);
    let norm = squares.map(|g| g * g).sum::<f64>().sqrt();
    let grads = GradientsParams::from_grads(grads, &problem.layer);
    let scale = clip_scale(&problem.layer, &grads, norm / 4.0);
    assert!((scale - 0.25).abs() < 1e-4, "{scale}");
    assert_eq!(clip_scale(&problem.layer, &grads, 2.0 * norm), 1.0);
}

#[test]
fn a_layer_without_gradients_stays() {
    let problem = Problem::new(5, 3);
    let layer = problem.layer.clone().no_grad();
    let before = layer.weight.val().to_data();
    let mut optimizer = Optimizer::new(Rule::Adam(Adam::default()));
    let layer = optimizer.step(0.1, layer, GradientsParams::new(), 1.0);
    assert_eq!(layer.weight.val().to_data(), before);
    assert!(optimizer.save().is_empty());
}
