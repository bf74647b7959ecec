//! Steps of the optimizers.

use super::clock::{self, Times};
use super::entry::{Entry, Pass, Work};
use crate::data::Source;
use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use modelwright_kernels::optim::{Adam, Optimizer, RmsProp, Rule, Sgd, clip_scale};
use std::cell::RefCell;

/// A module of one parameter.
#[derive(Module, Debug)]
struct One {
    weight: Param<Tensor<2>>,
}

/// Every rule on a parameter, and the norm of its gradient.
pub fn steps(rows: usize, columns: usize) -> Vec<Entry> {
    let momentum = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    let decoupled = Adam {
        weight_decay: 0.01,
        decoupled: true,
        ..Adam::default()
    };
    // Operations for each element; reads and writes of it in all arrays; arrays.
    let rules = [
        ("SGD", Rule::Sgd(Sgd::default()), [2, 3, 2]),
        ("SGD, momentum", Rule::Sgd(momentum), [4, 5, 3]),
        ("Adam", Rule::Adam(Adam::default()), [12, 7, 4]),
        ("AdamW", Rule::Adam(decoupled), [13, 7, 4]),
        ("RMSprop", Rule::RmsProp(RmsProp::default()), [8, 5, 3]),
    ];
    let (shape, count) = (format!("{rows}x{columns}"), rows * columns);
    let entry = |(kernel, rule, [flop, moves, arrays]): (&'static str, Rule, [usize; 3])| {
        let work = Work::new(flop * count, moves * count).on(arrays * count);
        let run = move |seconds: f64| step(seconds, rule, [rows, columns]);
        Entry::new(kernel, &shape, Pass::Step, work, run)
    };
    let norm = Entry::new(
        "gradient norm",
        &shape,
        Pass::Step,
        Work::new(2 * count, count),
        move |seconds| {
            let (one, gradient) = parameter([rows, columns]);
            let mut grads = GradientsParams::new();
            grads.register(one.weight.id, gradient);
            clock::times(seconds, || (), |()| clip_scale(&one, &grads, 1.0))
        },
    );
    rules.into_iter().map(entry).chain([norm]).collect()
}

/// A parameter and its gradient.
fn parameter(shape: [usize; 2]) -> (One, Tensor<2>) {
    let device = Device::flex();
    let mut source = Source::new(device.clone());
    let gradient = source.values(shape);
    let weight = Param::from_data(source.values(shape).into_data(), &device.autodiff());
    (One { weight }, gradient)
}

/// Times of one step with a gradient that is there.
fn step(seconds: f64, rule: Rule, shape: [usize; 2]) -> Times {
    let (one, gradient) = parameter(shape);
    let id = one.weight.id;
    let (one, mut optimizer) = (RefCell::new(Some(one)), Optimizer::new(rule));
    let prepare = || {
        let mut grads = GradientsParams::new();
        grads.register(id, gradient.clone());
        (one.take(), grads)
    };
    let run = |(module, grads): (Option<One>, GradientsParams)| {
        let moved = module.map(|module| optimizer.step(1e-3, module, grads, 1.0));
        one.replace(moved);
    };
    clock::times(seconds, prepare, run)
}
