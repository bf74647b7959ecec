//! Layer and RMS norm of rows, with the sum that goes on along a residual stream.

use super::{plain, takes};
use crate::by_type;
use crate::cpu::layer_norm as cpu;
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, new, row_len, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};

/// Normalization of each row of features, the last dimension.
#[backend_extension(Autodiff, Flex)]
pub trait RowNormOps: Backend {
    /// `γ (x - μ) / √(σ² + ε) + β` with the mean and variance of each row (Ba et al. 2016).
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        plain::layer_norm::<Self>(x, gamma, beta, epsilon)
    }

    /// [`Self::layer_norm_rows`] of `x + residual`; returns it and the sum.
    fn layer_norm_add_rows(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::layer_norm_add::<Self>([x, residual], [gamma, beta], epsilon)
    }

    /// `γ x / √(mean x² + ε)` in each row (Zhang & Sennrich 2019).
    fn rms_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        plain::rms_norm::<Self>(x, gamma, epsilon)
    }
}

impl RowNormOps for Flex {
    fn layer_norm_rows(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::layer_norm::<Flex>(x, gamma, beta, epsilon);
        }
        let x = dense(x);
        let affine = [dense(gamma), dense(beta)];
        by_type!(x, T => layer_norm::<T>(&x, None, &affine, epsilon).y, else unreachable!("`takes`"))
    }

    fn layer_norm_add_rows(
        x: FlexTensor,
        residual: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> (FlexTensor, FlexTensor) {
        if !takes(x.dtype()) {
            return plain::layer_norm_add::<Flex>([x, residual], [gamma, beta], epsilon);
        }
        let (x, residual) = (dense(x), dense(residual));
        let affine = [dense(gamma), dense(beta)];
        let done = by_type!(x, T => layer_norm::<T>(&x, Some(&residual), &affine, epsilon),
            else unreachable!("`takes`"));
        match done.sum {
            Some(sum) => (done.y, sum),
            None => unreachable!("there was a residual"),
        }
    }

    fn rms_norm_rows(x: FlexTensor, gamma: FlexTensor, epsilon: f64) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::rms_norm::<Flex>(x, gamma, epsilon);
        }
        let (x, gamma) = (dense(x), dense(gamma));
        by_type!(x, T => rms_norm::<T>(&x, &gamma, epsilon).0, else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> RowNormOps for Autodiff<Flex, C> {
    fn layer_norm_rows(x: Node<C>, gamma: Node<C>, beta: Node<C>, epsilon: f64) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::layer_norm::<Self>(x, gamma, beta, epsilon);
        }
        record::<_, C, _>([x, gamma, beta], |[x, gamma, beta], _| {
            let (x, affine) = (dense(x), [dense(gamma), dense(beta)]);
            let done = by_type!(x, T => layer_norm::<T>(&x, None, &affine, epsilon), else unreachable!("`takes`"));
            let [gamma, _] = affine;
            done.recorded(x, gamma)
        })
    }

    fn layer_norm_add_rows(
        x: Node<C>,
        residual: Node<C>,
        gamma: Node<C>,
        beta: Node<C>,
        epsilon: f64,
    ) -> (Node<C>, Node<C>) {
        if !takes(x.dtype()) {
            return plain::layer_norm_add::<Self>([x, residual], [gamma, beta], epsilon);
        }
        // Two nodes of the graph, whose values come from one pass: the sum, and its norm.
        let affine = [&gamma, &beta].map(|t| dense(t.clone().into_primitive()));
        let mut done = None;
        let sum = record::<_, C, _>([x, residual], |[x, residual], _| {
            let (x, residual) = (dense(x), dense(residual));
            let normalized = by_type!(x, T => layer_norm::<T>(&x, Some(&residual), &affine, epsilon),
                else unreachable!("`takes`"));
            let Some(sum) = normalized.sum.clone() else {
                unreachable!("there was a residual")
            };
            done = Some(normalized);
            (sum, SumRule)
        });
        let Some(done) = done else {
            unreachable!("`record` calls the forward pass once")
        };
        let y = record::<_, C, _>([sum.clone(), gamma, beta], |[sum, _, _], _| {
            let [gamma, _] = affine;
            done.recorded(sum, gamma)
        });
        (y, sum)
    }

    fn rms_norm_rows(x: Node<C>, gamma: Node<C>, epsilon: f64) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::rms_norm::<Self>(x, gamma, epsilon);
        }
        record::<_, C, _>([x, gamma], |[x, gamma], _| {
            let (x, gamma) = (dense(x), dense(gamma));
            let (y, inv_std) =
                by_type!(x, T => rms_norm::<T>(&x, &gamma, epsilon), else unreachable!("`takes`"));
            (
                y,
                RowNormRule {
                    x,
                    gamma,
                    mean: None,
                    inv_std,
                },
            )
        })
    }
}

/// What a layer norm computes.
struct Normalized {
    y: FlexTensor,
    /// What was normalized, if that was a sum.
    sum: Option<FlexTensor>,
    /// Of each row.
    mean: FlexTensor,
    /// Reciprocal deviation of each row.
    inv_std: FlexTensor,
}

impl Normalized {
    /// The output, and how the gradients of `x`, which was normalized, γ and β follow.
    fn recorded(self, x: FlexTensor, gamma: FlexTensor) -> (FlexTensor, RowNormRule) {
        let rule = RowNormRule {
            x,
            gamma,
            mean: Some(self.mean),
            inv_std: self.inv_std,
        };
        (self.y, rule)
    }
}

fn layer_norm<T: Value>(
    x: &FlexTensor,
    residual: Option<&FlexTensor>,
    [gamma, beta]: &[FlexTensor; 2],
    epsilon: f64,
) -> Normalized {
    let (c, shape) = (row_len(x), x.shape().to_vec());
    let rows = x.shape().num_elements() / c.max(1);
    let (mut mean, mut inv_std) = (vec![T::ZERO; rows], vec![T::ZERO; rows]);
    let mut run = |sum: Option<&mut [T]>| {
        new::<T>(&shape, |y| {
            cpu::layer_norm_forward(
                values::<T>(x),
                c,
                values::<T>(gamma),
                values::<T>(beta),
                epsilon,
                residual.map(values::<T>),
                sum,
                y,
                &mut mean,
                &mut inv_std,
            )
        })
    };
    let mut y = None;
    let sum = residual.map(|_| new::<T>(&shape, |sum| y = Some(run(Some(sum)))));
    let y = y.unwrap_or_else(|| run(None));
    let list = |v: Vec<T>| new::<T>(&[rows], |out| out.copy_from_slice(&v));
    Normalized {
        y,
        sum,
        mean: list(mean),
        inv_std: list(inv_std),
    }
}

/// Both terms of a sum receive its gradient.
#[derive(Debug, Clone)]
struct SumRule;

impl Rule<2> for SumRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; 2]) -> [Option<FlexTensor>; 2] {
        wanted.map(|wanted| wanted.then(|| dy.clone()))
    }
}

/// Output, and reciprocal root mean square of each row.
fn rms_norm<T: Value>(
    x: &FlexTensor,
    gamma: &FlexTensor,
    epsilon: f64,
) -> (FlexTensor, FlexTensor) {
    let c = row_len(x);
    let rows = x.shape().num_elements() / c.max(1);
    let mut inv_std = vec![T::ZERO; rows];
    let y = new::<T>(&x.shape().to_vec(), |y| {
        let (x, gamma) = (values::<T>(x), values::<T>(gamma));
        cpu::rms_norm_forward(x, c, gamma, epsilon, None, None, y, &mut inv_std)
    });
    (y, new::<T>(&[rows], |out| out.copy_from_slice(&inv_std)))
}

/// What the backward pass of a layer norm (with `mean`) or RMS norm keeps.
#[derive(Debug, Clone)]
struct RowNormRule {
    x: FlexTensor,
    gamma: FlexTensor,
    mean: Option<FlexTensor>,
    inv_std: FlexTensor,
}

impl<const N: usize> Rule<N> for RowNormRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let dy = dense(dy);
        by_type!(dy, T => self.backward::<T, N>(&dy, wanted), else unreachable!("`takes`"))
    }
}

impl RowNormRule {
    fn backward<T: Value, const N: usize>(
        &self,
        dy: &FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N] {
        let c = row_len(&self.x);
        let (mut dgamma, mut dbeta) = (vec![T::ZERO; c], vec![T::ZERO; c]);
        let (x, gamma) = (values::<T>(&self.x), values::<T>(&self.gamma));
        let (inv_std, dy) = (values::<T>(&self.inv_std), values::<T>(dy));
        let dx = new::<T>(&self.x.shape().to_vec(), |dx| match &self.mean {
            Some(mean) => cpu::layer_norm_backward(
                x,
                c,
                gamma,
                values::<T>(mean),
                inv_std,
                dy,
                None,
                dx,
                &mut dgamma,
                &mut dbeta,
            ),
            None => cpu::rms_norm_backward(x, c, gamma, inv_std, dy, None, dx, &mut dgamma),
        });
        let row = |v: &[T]| new::<T>(&[c], |out| out.copy_from_slice(v));
        let mut found = [dx, row(&dgamma), row(&dbeta)].into_iter();
        std::array::from_fn(|i| found.next().filter(|_| wanted[i]))
    }
}
