//! One step of an optimizer, in place: each parameter, gradient and state is read and written once.

use super::takes;
use crate::by_type;
use crate::cpu::optim::{self, Adam, RmsProp, Sgd};
use crate::tensor::{Value, dense, values, values_mut};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, ExtensionType, Flex, TensorMetadata, backend_extension};

/// An update rule with its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UpdateRule {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam or AdamW.
    Adam(Adam),
    /// RMSprop.
    RmsProp(RmsProp),
}

impl UpdateRule {
    /// How many tensors of a parameter's size the rule remembers.
    pub fn slots(&self) -> usize {
        match self {
            Self::Sgd(s) => usize::from(s.momentum > 0.0),
            Self::Adam(_) => 2,
            Self::RmsProp(s) => 1 + usize::from(s.centered) + usize::from(s.momentum > 0.0),
        }
    }

    /// The rule with another learning rate.
    pub fn at(mut self, rate: f64) -> Self {
        match &mut self {
            Self::Sgd(s) => s.lr = rate,
            Self::Adam(s) => s.lr = rate,
            Self::RmsProp(s) => s.lr = rate,
        }
        self
    }
}

/// What a rule remembers of one parameter, flat.
#[derive(ExtensionType)]
pub enum Slots<B: Backend> {
    /// Nothing.
    Zero,
    /// A velocity, or a mean square.
    One(FloatTensor<B>),
    /// Adam's mean and mean square; RMSprop's with a mean or a velocity.
    Two(FloatTensor<B>, FloatTensor<B>),
    /// RMSprop's mean square, mean and velocity.
    Three(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
}

impl<B: Backend> Slots<B> {
    /// From a list of at most three.
    pub fn from_list(list: Vec<FloatTensor<B>>) -> Self {
        let mut list = list.into_iter();
        match (list.next(), list.next(), list.next()) {
            (Some(a), Some(b), Some(c)) => Self::Three(a, b, c),
            (Some(a), Some(b), None) => Self::Two(a, b),
            (Some(a), None, _) => Self::One(a),
            _ => Self::Zero,
        }
    }

    fn list(self) -> Vec<FloatTensor<B>> {
        match self {
            Self::Zero => Vec::new(),
            Self::One(a) => vec![a],
            Self::Two(a, b) => vec![a, b],
            Self::Three(a, b, c) => vec![a, b, c],
        }
    }
}

/// Optimizer steps on plain tensors, outside the graph.
#[backend_extension(Flex)]
pub trait StepOps: Backend {
    /// Step number `step` (from 1) with gradients times `scale`; returns the parameter and its slots.
    fn optimizer_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        #[extension_type] slots: Slots<Self>,
        step: u64,
        scale: f64,
        rule: UpdateRule,
    ) -> Vec<FloatTensor<Self>> {
        plain::<Self>(parameter, gradient, slots.list(), step, scale, rule)
    }

    /// The sum of the squares of all elements, `[1]`.
    fn square_sum(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_sum(Self::float_mul(x.clone(), x))
    }
}

impl StepOps for Flex {
    fn optimizer_step(
        parameter: FlexTensor,
        gradient: FlexTensor,
        slots: Slots<Flex>,
        step: u64,
        scale: f64,
        rule: UpdateRule,
    ) -> Vec<FlexTensor> {
        if !takes(parameter.dtype()) {
            return plain::<Flex>(parameter, gradient, slots.list(), step, scale, rule);
        }
        super::packed::forget(&parameter);
        let (p, g) = (dense(parameter), dense(gradient));
        let slots = slots.list().into_iter().map(dense).collect();
        by_type!(p, T => stepped::<T>(p, &g, slots, step, scale, rule), else unreachable!("`takes`"))
    }

    fn square_sum(x: FlexTensor) -> FlexTensor {
        if !takes(x.dtype()) {
            return Flex::float_sum(Flex::float_mul(x.clone(), x));
        }
        let x = dense(x);
        by_type!(x, T => {
            let sum = optim::square_sum(values::<T>(&x));
            crate::tensor::new::<T>(&[1], |out| out[0] = crate::real::Real::of(sum))
        }, else unreachable!("`takes`"))
    }
}

fn stepped<T: Value>(
    mut p: FlexTensor,
    g: &FlexTensor,
    mut slots: Vec<FlexTensor>,
    step: u64,
    scale: f64,
    rule: UpdateRule,
) -> Vec<FlexTensor> {
    assert_eq!(
        slots.len(),
        rule.slots(),
        "the optimizer's state is of another rule"
    );
    {
        let (p, g) = (values_mut::<T>(&mut p), values::<T>(g));
        let mut state = slots.iter_mut().map(values_mut::<T>);
        let mut next = || state.next();
        match &rule {
            UpdateRule::Sgd(s) => optim::sgd(p, g, next(), step == 1, scale, s),
            UpdateRule::Adam(s) => {
                if let (Some(mean), Some(square)) = (next(), next()) {
                    optim::adam(p, g, mean, square, step, scale, s);
                }
            }
            UpdateRule::RmsProp(s) => {
                if let Some(square) = next() {
                    let mean = if s.centered { next() } else { None };
                    optim::rmsprop(p, g, square, mean, next(), scale, s);
                }
            }
        }
    }
    let mut all = vec![p];
    all.append(&mut slots);
    all
}

/// The same rules composed of a backend's own operations.
fn plain<B: Backend>(
    p: FloatTensor<B>,
    g: FloatTensor<B>,
    slots: Vec<FloatTensor<B>>,
    step: u64,
    scale: f64,
    rule: UpdateRule,
) -> Vec<FloatTensor<B>> {
    let shape = p.shape();
    let mut slots = slots
        .into_iter()
        .map(|s| B::float_reshape(s, shape.clone()));
    let times = |x: FloatTensor<B>, factor: f64| B::float_mul_scalar(x, factor.into());
    // `keep * old + gain * new`.
    let blend = |old, keep, new, gain| B::float_add(times(old, keep), times(new, gain));
    let mut g = times(g, scale);
    let decay = match &rule {
        UpdateRule::Sgd(s) => s.weight_decay,
        UpdateRule::Adam(s) if s.decoupled => 0.0,
        UpdateRule::Adam(s) => s.weight_decay,
        UpdateRule::RmsProp(s) => s.weight_decay,
    };
    if decay > 0.0 {
        g = B::float_add(g, times(p.clone(), decay));
    }
    let squared = |x: FloatTensor<B>| B::float_mul(x.clone(), x);
    let mut kept = Vec::new();
    let p = match rule {
        UpdateRule::Sgd(s) => {
            let direction = match slots.next() {
                None => g,
                Some(old) => {
                    let gain = if s.averaging {
                        1.0 - s.momentum
                    } else {
                        1.0 - s.dampening
                    };
                    let fresh = if s.averaging { gain } else { 1.0 };
                    let v = match step {
                        1 => times(g.clone(), fresh),
                        _ => blend(old, s.momentum, g.clone(), gain),
                    };
                    kept.push(v.clone());
                    match s.nesterov {
                        true => blend(v, s.momentum, g, fresh),
                        false => v,
                    }
                }
            };
            B::float_sub(p, times(direction, s.lr))
        }
        UpdateRule::Adam(s) => {
            let (Some(mean), Some(square)) = (slots.next(), slots.next()) else {
                panic!("the optimizer's state is of another rule")
            };
            let p = if s.decoupled {
                times(p, 1.0 - s.lr * s.weight_decay)
            } else {
                p
            };
            let mean = blend(mean, s.beta1, g.clone(), 1.0 - s.beta1);
            let square = blend(square, s.beta2, squared(g), 1.0 - s.beta2);
            let unbias = |beta: f64| 1.0 - beta.powf(step as f64);
            let root = times(B::float_sqrt(square.clone()), 1.0 / unbias(s.beta2).sqrt());
            let root = B::float_add_scalar(root, s.eps.into());
            let move_by = times(B::float_div(mean.clone(), root), s.lr / unbias(s.beta1));
            kept.extend([mean, square]);
            B::float_sub(p, move_by)
        }
        UpdateRule::RmsProp(s) => {
            let Some(square) = slots.next() else {
                panic!("the optimizer's state is of another rule")
            };
            let square = blend(square, s.alpha, squared(g.clone()), 1.0 - s.alpha);
            kept.push(square.clone());
            let mut spread = square;
            if s.centered
                && let Some(mean) = slots.next()
            {
                let mean = blend(mean, s.alpha, g.clone(), 1.0 - s.alpha);
                kept.push(mean.clone());
                spread = B::float_sub(spread, squared(mean));
            }
            let root = B::float_add_scalar(B::float_sqrt(spread), s.eps.into());
            let mut direction = B::float_div(g, root);
            if s.momentum > 0.0
                && let Some(old) = slots.next()
            {
                direction = B::float_add(times(old, s.momentum), direction);
                kept.push(direction.clone());
            }
            B::float_sub(p, times(direction, s.lr))
        }
    };
    let flat = burn::tensor::Shape::from(vec![shape.num_elements()]);
    let mut all = vec![p];
    all.extend(kept.into_iter().map(|t| B::float_reshape(t, flat.clone())));
    all
}
