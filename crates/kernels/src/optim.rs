//! The optimizer: one update rule over all parameters of a module, in place.

use crate::ops::{Slots, StepOps, UpdateRule};
use burn::backend::Dispatch;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

pub use crate::cpu::optim::{Adam, RmsProp, Sgd};
pub use crate::ops::UpdateRule as Rule;

/// An update rule with what it remembers of every parameter.
///
/// State is keyed by parameter id, so a module whose ids are stable can go on in another process.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: UpdateRule,
    /// Of the learning rate, by parameter id; 1 for the others.
    factors: BTreeMap<u64, f64>,
    memory: BTreeMap<u64, Memory>,
}

/// What is remembered of one parameter.
#[derive(Debug, Clone, Default)]
struct Memory {
    /// Steps made.
    steps: u64,
    /// One for each slot of the rule, flat.
    slots: Vec<Tensor<1>>,
}

/// The saved state of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Parameter id.
    pub id: u64,
    /// Steps made.
    pub steps: u64,
    /// One flat tensor for each slot of the rule.
    pub slots: Vec<TensorData>,
}

impl Optimizer {
    /// A rule without memory.
    pub fn new(rule: UpdateRule) -> Self {
        Self {
            rule,
            factors: BTreeMap::new(),
            memory: BTreeMap::new(),
        }
    }

    /// The optimizer with other learning rates for some parameters: theirs is the common one times the
    /// factor at their id, as with the parameter groups of `torch.optim`.
    pub fn with_factors(mut self, factors: BTreeMap<u64, f64>) -> Self {
        self.factors = factors;
        self
    }

    /// One step: `module` with every parameter that has a gradient moved at learning rate `rate`.
    /// Gradients are multiplied by `scale` first (see [`clip_scale`]).
    ///
    /// The update is in place where nothing else holds the parameter.
    pub fn step<M: Module>(
        &mut self,
        rate: f64,
        module: M,
        grads: GradientsParams,
        scale: f64,
    ) -> M {
        module.map(&mut Stepper {
            rule: self.rule,
            rate,
            factors: &self.factors,
            memory: &mut self.memory,
            grads,
            scale,
        })
    }

    /// All that must be saved to go on exactly.
    pub fn save(&self) -> Vec<Saved> {
        let saved = |(id, memory): (&u64, &Memory)| Saved {
            id: *id,
            steps: memory.steps,
            slots: memory.slots.iter().map(|t| t.to_data()).collect(),
        };
        self.memory.iter().map(saved).collect()
    }

    /// The optimizer with a saved state.
    ///
    /// # Errors
    /// If the state is of another rule.
    pub fn restore(
        mut self,
        saved: Vec<Saved>,
        device: &burn::tensor::Device,
    ) -> Result<Self, String> {
        for s in saved {
            if s.slots.len() != self.rule.slots() {
                return Err("the optimizer's state is of another update rule".into());
            }
            let slots = s.slots.into_iter().map(|t| {
                let dtype = t.dtype();
                Tensor::from_data(t, (device, dtype))
            });
            let memory = Memory {
                steps: s.steps,
                slots: slots.collect(),
            };
            self.memory.insert(s.id, memory);
        }
        Ok(self)
    }
}

struct Stepper<'a> {
    rule: UpdateRule,
    rate: f64,
    factors: &'a BTreeMap<u64, f64>,
    memory: &'a mut BTreeMap<u64, Memory>,
    grads: GradientsParams,
    scale: f64,
}

impl ModuleMapper for Stepper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.grads.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let trains = tensor.is_require_grad();
        let strategy = tensor.gradient_checkpointing_strategy();
        let memory = self.memory.entry(id.val()).or_default();
        let size = tensor.shape().num_elements();
        let tensor = tensor.inner();
        while memory.slots.len() < self.rule.slots() {
            let options = (&tensor.device(), tensor.dtype());
            memory.slots.push(Tensor::zeros([size], options));
        }
        memory.steps += 1;
        let factor = self.factors.get(&id.val()).copied().unwrap_or(1.0);
        let slots = std::mem::take(&mut memory.slots);
        let slots = slots.into_iter().map(Tensor::into_dispatch).collect();
        let mut stepped = <Dispatch as StepOps>::optimizer_step(
            tensor.into_dispatch(),
            gradient.into_dispatch(),
            Slots::from_list(slots),
            memory.steps,
            self.scale,
            self.rule.at(self.rate * factor),
        )
        .into_iter();
        let Some(moved) = stepped.next() else {
            unreachable!("a step returns the parameter first")
        };
        memory.slots = stepped.map(Tensor::from_dispatch).collect();
        let mut tensor = Tensor::from_inner(Tensor::<D>::from_dispatch(moved));
        if let Some(strategy) = strategy {
            tensor = tensor.with_gradient_checkpointing_strategy(strategy);
        }
        if trains {
            tensor = tensor.require_grad();
        }
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// The factor that brings the joint 2-norm of all gradients down to `most` (`clip_grad_norm_`); 1 if
/// it is below.
pub fn clip_scale<M: Module>(module: &M, grads: &GradientsParams, most: f64) -> f64 {
    let mut sum = SquareSum { grads, total: 0.0 };
    module.visit(&mut sum);
    (most / (sum.total.sqrt() + 1e-6)).min(1.0)
}

struct SquareSum<'a> {
    grads: &'a GradientsParams,
    total: f64,
}

impl ModuleVisitor for SquareSum<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.grads.get::<D>(param.id) {
            let sum = <Dispatch as StepOps>::square_sum(gradient.into_dispatch());
            self.total += f64::from(Tensor::<1>::from_dispatch(sum).into_scalar::<f32>());
        }
    }
}
