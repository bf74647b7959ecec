//! Batch norm with what follows it in one pass: an addition and a ReLU.

use super::{Maybe, plain, takes};
use crate::by_type;
use crate::cpu::{batch_norm as cpu, batch_norm_backward as backward};
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, new, row_len, values};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Flex, TensorMetadata, backend_extension};

/// What a batch norm does besides normalizing.
#[derive(Debug, Clone, Copy)]
pub struct NormConfig {
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// Batch norm over all but the last dimension: `y = act(γ (x - μ) / √(σ² + ε) + β [+ residual])`.
#[backend_extension(Autodiff, Flex)]
pub trait NormOps: Backend {
    /// With the statistics of the batch; returns the output, the mean and the biased variance.
    fn batch_norm_train_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        #[extension_type] residual: Maybe<Self>,
        config: NormConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::batch_norm_train::<Self>(x, gamma, beta, residual.option(), config)
    }

    /// With given statistics, which are constants.
    fn batch_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        #[extension_type] residual: Maybe<Self>,
        config: NormConfig,
    ) -> FloatTensor<Self> {
        plain::batch_norm::<Self>(
            x,
            [gamma, beta],
            [mean, variance],
            residual.option(),
            config,
        )
    }
}

impl NormOps for Flex {
    fn batch_norm_train_rows(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        residual: Maybe<Flex>,
        config: NormConfig,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let residual = residual.option();
        if !takes(x.dtype()) {
            return plain::batch_norm_train::<Flex>(x, gamma, beta, residual, config);
        }
        let affine = [dense(gamma), dense(beta)];
        by_type!(x, T => train::<T>(&dense(x), &affine, residual, config), else unreachable!("`takes`"))
    }

    fn batch_norm_rows(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        residual: Maybe<Flex>,
        config: NormConfig,
    ) -> FlexTensor {
        let residual = residual.option();
        if !takes(x.dtype()) {
            return plain::batch_norm::<Flex>(x, [gamma, beta], [mean, variance], residual, config);
        }
        let fixed = [gamma, beta, mean, variance].map(dense);
        by_type!(x, T => infer::<T>(&dense(x), &fixed, residual, config), else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> NormOps for Autodiff<Flex, C> {
    fn batch_norm_train_rows(
        x: Node<C>,
        gamma: Node<C>,
        beta: Node<C>,
        residual: Maybe<Self>,
        config: NormConfig,
    ) -> (Node<C>, Node<C>, Node<C>) {
        if !takes(x.dtype()) {
            return plain::batch_norm_train::<Self>(x, gamma, beta, residual.option(), config);
        }
        let mut statistics = None;
        let mut forward = |x: FlexTensor, gamma, beta, residual| {
            let (x, affine) = (dense(x), [dense(gamma), dense(beta)]);
            let (y, mean, variance) = by_type!(x, T => train::<T>(&x, &affine, residual, config),
                else unreachable!("`takes`"));
            statistics = Some((mean.clone(), variance.clone()));
            let [gamma, _] = affine;
            let output = config.relu.then(|| y.clone());
            let rule = NormRule {
                x,
                output,
                gamma,
                mean,
                variance,
                config,
                frozen: false,
            };
            (y, rule)
        };
        let y = match residual {
            Maybe::Some(residual) => {
                record::<_, C, _>([x, gamma, beta, residual], |[x, g, b, r], _| {
                    forward(x, g, b, Some(r))
                })
            }
            Maybe::None => {
                record::<_, C, _>([x, gamma, beta], |[x, g, b], _| forward(x, g, b, None))
            }
        };
        let Some((mean, variance)) = statistics else {
            unreachable!("`record` calls the forward pass once")
        };
        (y, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn batch_norm_rows(
        x: Node<C>,
        gamma: Node<C>,
        beta: Node<C>,
        mean: Node<C>,
        variance: Node<C>,
        residual: Maybe<Self>,
        config: NormConfig,
    ) -> Node<C> {
        if !takes(x.dtype()) {
            let statistics = [mean, variance];
            return plain::batch_norm::<Self>(
                x,
                [gamma, beta],
                statistics,
                residual.option(),
                config,
            );
        }
        let statistics = [mean, variance].map(|t| dense(t.into_primitive()));
        let forward = |x: FlexTensor, gamma, beta, residual| {
            let x = dense(x);
            let [mean, variance] = statistics;
            let fixed = [dense(gamma), dense(beta), mean, variance];
            let y = by_type!(x, T => infer::<T>(&x, &fixed, residual, config), else unreachable!("`takes`"));
            let [gamma, _, mean, variance] = fixed;
            let output = config.relu.then(|| y.clone());
            let rule = NormRule {
                x,
                output,
                gamma,
                mean,
                variance,
                config,
                frozen: true,
            };
            (y, rule)
        };
        match residual {
            Maybe::Some(residual) => {
                record::<_, C, _>([x, gamma, beta, residual], |[x, g, b, r], _| {
                    forward(x, g, b, Some(r))
                })
            }
            Maybe::None => {
                record::<_, C, _>([x, gamma, beta], |[x, g, b], _| forward(x, g, b, None))
            }
        }
    }
}

fn train<T: Value>(
    x: &FlexTensor,
    [gamma, beta]: &[FlexTensor; 2],
    residual: Option<FlexTensor>,
    config: NormConfig,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let c = row_len(x);
    let residual = residual.map(dense);
    let (mut mean, mut variance) = (vec![T::ZERO; c], vec![T::ZERO; c]);
    let y = new::<T>(&x.shape().to_vec(), |y| {
        cpu::forward_train(
            values::<T>(x),
            c,
            values::<T>(gamma),
            values::<T>(beta),
            config.epsilon,
            residual.as_ref().map(values::<T>),
            config.relu,
            y,
            &mut mean,
            &mut variance,
        )
    });
    let row = |v: Vec<T>| new::<T>(&[c], |out| out.copy_from_slice(&v));
    (y, row(mean), row(variance))
}

fn infer<T: Value>(
    x: &FlexTensor,
    [gamma, beta, mean, variance]: &[FlexTensor; 4],
    residual: Option<FlexTensor>,
    config: NormConfig,
) -> FlexTensor {
    let residual = residual.map(dense);
    let (scale, shift) = cpu::fold(
        values::<T>(gamma),
        values::<T>(beta),
        values::<T>(mean),
        values::<T>(variance),
        config.epsilon,
    );
    new::<T>(&x.shape().to_vec(), |y| {
        cpu::infer(
            values::<T>(x),
            row_len(x),
            &scale,
            &shift,
            residual.as_ref().map(values::<T>),
            config.relu,
            y,
        )
    })
}

/// What the backward pass of a batch norm keeps.
#[derive(Debug, Clone)]
struct NormRule {
    x: FlexTensor,
    /// The output, for the ReLU's mask.
    output: Option<FlexTensor>,
    gamma: FlexTensor,
    mean: FlexTensor,
    variance: FlexTensor,
    config: NormConfig,
    /// Whether the statistics are constants.
    frozen: bool,
}

impl<const N: usize> Rule<N> for NormRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let dy = dense(dy);
        by_type!(dy, T => self.backward::<T, N>(&dy, wanted), else unreachable!("`takes`"))
    }
}

impl NormRule {
    fn backward<T: Value, const N: usize>(
        &self,
        dy: &FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N] {
        let c = row_len(&self.x);
        let shape = self.x.shape().to_vec();
        let (mut dgamma, mut dbeta) = (vec![T::ZERO; c], vec![T::ZERO; c]);
        let mut dx = None;
        let with_residual = wanted.get(3).copied().unwrap_or(false);
        let residual = |run: &mut dyn FnMut(Option<&mut [T]>)| match with_residual {
            true => Some(new::<T>(&shape, |dr| run(Some(dr)))),
            false => {
                run(None);
                None
            }
        };
        let dresidual = residual(&mut |dr| {
            dx = Some(new::<T>(&shape, |dx| {
                let run = match self.frozen {
                    true => backward::backward_frozen,
                    false => backward::backward_train,
                };
                run(
                    values::<T>(&self.x),
                    self.output.as_ref().map_or(&[], values::<T>),
                    values::<T>(dy),
                    c,
                    values::<T>(&self.gamma),
                    values::<T>(&self.mean),
                    values::<T>(&self.variance),
                    self.config.epsilon,
                    self.config.relu,
                    dx,
                    &mut dgamma,
                    &mut dbeta,
                    dr,
                )
            }));
        });
        let row = |v: &[T]| new::<T>(&[c], |out| out.copy_from_slice(v));
        let mut found = [dx, Some(row(&dgamma)), Some(row(&dbeta)), dresidual].into_iter();
        std::array::from_fn(|i| found.next().flatten().filter(|_| wanted[i]))
    }
}
