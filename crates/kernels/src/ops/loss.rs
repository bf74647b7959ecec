//! Losses that find their gradient on the way.
//!
//! Each returns the sum over all examples; the gradient of that sum is made in the same pass and only
//! scaled in the backward pass.

use super::{Maybe, plain, takes};
use crate::by_type;
use crate::cpu::math::Math;
use crate::cpu::{cross_entropy as entropy, loss as cpu};
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, indices, new, values, values_mut};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};

/// Losses as sums over a batch, `[1]`.
#[backend_extension(Autodiff, Flex)]
pub trait LossOps: Backend {
    /// Cross-entropy of `[rows, classes]` logits and `[rows]` labels, with one weight a class and
    /// label smoothing ε: `Σ -(1-ε) w_y ln p_y - ε/K Σ_c w_c ln p_c`.
    fn cross_entropy_sum(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        #[extension_type] weights: Maybe<Self>,
        smoothing: f64,
    ) -> FloatTensor<Self> {
        plain::cross_entropy::<Self>(logits, labels, weights.option(), smoothing)
    }

    /// Cross-entropy of single logits and targets from 0 to 1.
    fn binary_cross_entropy_sum(
        logits: FloatTensor<Self>,
        target: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        plain::binary_cross_entropy::<Self>(logits, target)
    }

    /// Squared error.
    fn squared_error_sum(x: FloatTensor<Self>, target: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::squared_error::<Self>(x, target)
    }
}

impl LossOps for Flex {
    fn cross_entropy_sum(
        logits: FlexTensor,
        labels: FlexTensor,
        weights: Maybe<Flex>,
        smoothing: f64,
    ) -> FlexTensor {
        let weights = weights.option();
        if !takes(logits.dtype()) {
            return plain::cross_entropy::<Flex>(logits, labels, weights, smoothing);
        }
        let logits = dense(logits);
        by_type!(logits, T => cross_entropy::<T>(&logits, labels, weights, smoothing, false).0,
            else unreachable!("`takes`"))
    }

    fn binary_cross_entropy_sum(logits: FlexTensor, target: FlexTensor) -> FlexTensor {
        if !takes(logits.dtype()) {
            return plain::binary_cross_entropy::<Flex>(logits, target);
        }
        by_type!(logits, T => pointwise::<T>(&dense(logits), target, cpu::binary_cross_entropy).0,
            else unreachable!("`takes`"))
    }

    fn squared_error_sum(x: FlexTensor, target: FlexTensor) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::squared_error::<Flex>(x, target);
        }
        by_type!(x, T => pointwise::<T>(&dense(x), target, cpu::squared_error).0,
            else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> LossOps for Autodiff<Flex, C> {
    fn cross_entropy_sum(
        logits: Node<C>,
        labels: FlexTensor,
        weights: Maybe<Self>,
        smoothing: f64,
    ) -> Node<C> {
        let weights = weights.option();
        // Our kernel takes the weights as constants.
        let constant = weights.as_ref().is_none_or(|w| !w.is_tracked());
        if !takes(logits.dtype()) || !constant {
            return plain::cross_entropy::<Self>(logits, labels, weights, smoothing);
        }
        let weights = weights.map(|w| w.into_primitive());
        record::<_, C, _>([logits], |[logits], wanted| {
            let logits = dense(logits);
            let (loss, gradient) = by_type!(logits, T =>
                cross_entropy::<T>(&logits, labels, weights, smoothing, wanted[0]),
                else unreachable!("`takes`"));
            (loss, SumRule { gradient })
        })
    }

    fn binary_cross_entropy_sum(logits: Node<C>, target: Node<C>) -> Node<C> {
        // Our kernel takes the target as a constant.
        if !takes(logits.dtype()) || target.is_tracked() {
            return plain::binary_cross_entropy::<Self>(logits, target);
        }
        let target = target.into_primitive();
        record::<_, C, _>([logits], |[x], _| {
            let (loss, gradient) = by_type!(x, T =>
                pointwise::<T>(&dense(x), target, cpu::binary_cross_entropy),
                else unreachable!("`takes`"));
            (
                loss,
                SumRule {
                    gradient: Some(gradient),
                },
            )
        })
    }

    fn squared_error_sum(x: Node<C>, target: Node<C>) -> Node<C> {
        if !takes(x.dtype()) || target.is_tracked() {
            return plain::squared_error::<Self>(x, target);
        }
        let target = target.into_primitive();
        record::<_, C, _>([x], |[x], _| {
            let (loss, gradient) = by_type!(x, T =>
                pointwise::<T>(&dense(x), target, cpu::squared_error),
                else unreachable!("`takes`"));
            (
                loss,
                SumRule {
                    gradient: Some(gradient),
                },
            )
        })
    }
}

fn cross_entropy<T: Value + Math>(
    logits: &FlexTensor,
    labels: FlexTensor,
    weights: Option<FlexTensor>,
    smoothing: f64,
    with_gradient: bool,
) -> (FlexTensor, Option<FlexTensor>) {
    let [rows, classes] = dims(logits);
    let labels = indices(labels);
    let weights = weights.map(dense);
    let rule = entropy::CrossEntropy {
        classes,
        weights: weights.as_ref().map(values::<T>),
        smoothing,
        ignore_index: None,
    };
    let mut losses = vec![T::ZERO; rows];
    let mut run = |gradient: Option<&mut [T]>| {
        entropy::cross_entropy(rule, values::<T>(logits), &labels, &mut losses, gradient);
    };
    let gradient = match with_gradient {
        true => Some(new::<T>(&[rows, classes], |g| run(Some(g)))),
        false => {
            run(None);
            None
        }
    };
    (scalar::<T>(losses.iter().map(|l| l.wide()).sum()), gradient)
}

fn pointwise<T: Value>(
    x: &FlexTensor,
    target: FlexTensor,
    loss: impl Fn(&[T], &[T], &mut [T]) -> f64,
) -> (FlexTensor, FlexTensor) {
    let target = dense(target);
    assert_eq!(
        x.shape(),
        target.shape(),
        "loss: shapes of prediction and target"
    );
    let mut sum = 0.0;
    let gradient = new::<T>(&x.shape().to_vec(), |g| {
        sum = loss(values::<T>(x), values::<T>(&target), g);
    });
    (scalar::<T>(sum), gradient)
}

fn scalar<T: Value>(value: f64) -> FlexTensor {
    new::<T>(&[1], |out| out[0] = T::of(value))
}

/// The gradient of the sum; what comes from behind it is one number.
#[derive(Debug, Clone)]
struct SumRule {
    gradient: Option<FlexTensor>,
}

impl Rule<1> for SumRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        let scale = |mut gradient: FlexTensor| {
            by_type!(dy, T => {
                let factor = values::<T>(&dy)[0];
                let all = values_mut::<T>(&mut gradient);
                let pieces = crate::par::pieces(all.len());
                crate::par::split_mut(all, 1, pieces, |_, part| {
                    part.iter_mut().for_each(|g| *g *= factor);
                });
            }, else unreachable!("`takes`"));
            gradient
        };
        [self.gradient.map(scale)]
    }
}
