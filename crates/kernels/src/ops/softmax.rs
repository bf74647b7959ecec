//! Softmax and its logarithm over the last dimension.

use super::{plain, takes};
use crate::by_type;
use crate::cpu::math::Math;
use crate::cpu::softmax as cpu;
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, new, row_len, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};

/// Rows of scores to probabilities.
#[backend_extension(Autodiff, Flex)]
pub trait SoftmaxOps: Backend {
    /// `e^x / Σ e^x` in each row; its logarithm if `log`.
    fn softmax_rows(x: FloatTensor<Self>, log: bool) -> FloatTensor<Self> {
        plain::softmax::<Self>(x, log)
    }
}

impl SoftmaxOps for Flex {
    fn softmax_rows(x: FlexTensor, log: bool) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::softmax::<Flex>(x, log);
        }
        let x = dense(x);
        by_type!(x, T => forward::<T>(&x, log), else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> SoftmaxOps for Autodiff<Flex, C> {
    fn softmax_rows(x: Node<C>, log: bool) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::softmax::<Self>(x, log);
        }
        record::<_, C, _>([x], |[x], _| {
            let x = dense(x);
            let y = by_type!(x, T => forward::<T>(&x, log), else unreachable!("`takes`"));
            (y.clone(), SoftmaxRule { y, log })
        })
    }
}

/// Elements of a row.
fn classes(x: &FlexTensor) -> usize {
    row_len(x).max(1)
}

fn forward<T: Value + Math>(x: &FlexTensor, log: bool) -> FlexTensor {
    let run = match log {
        true => cpu::log_softmax_forward,
        false => cpu::softmax_forward,
    };
    new::<T>(&x.shape().to_vec(), |y| run(values::<T>(x), classes(x), y))
}

/// The gradient follows from the output.
#[derive(Debug, Clone)]
struct SoftmaxRule {
    y: FlexTensor,
    log: bool,
}

impl SoftmaxRule {
    fn backward<T: Value + Math>(&self, dy: &FlexTensor) -> FlexTensor {
        let run = match self.log {
            true => cpu::log_softmax_backward,
            false => cpu::softmax_backward,
        };
        let (y, dy) = (values::<T>(&self.y), values::<T>(dy));
        new::<T>(&self.y.shape().to_vec(), |dx| {
            run(y, dy, classes(&self.y), dx)
        })
    }
}

impl Rule<1> for SoftmaxRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => self.backward::<T>(&dy), else unreachable!("`takes`")),
        )]
    }
}
