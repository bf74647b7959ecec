//! Operations on rows: the linear layer with its activation, activations alone, layer and RMS norm,
//! dropout.

use super::packed::packed;
use super::{Maybe, plain, takes};
use crate::by_type;
use crate::cpu::math::Math;
use crate::cpu::{conv, dropout, layer_norm as cpu};
use crate::graph::{Node, Rule, record};
use crate::tensor::{Value, dense, dims, new, values, values_mut};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};

pub use crate::cpu::activation::Activation;

/// Operations whose last dimension is a row of features.
#[backend_extension(Autodiff, Flex)]
pub trait DenseOps: Backend {
    /// `act(x Wᵀ + b)`: `[…, in]` and `[out, in]` to `[…, out]`.
    fn linear_rows(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        activation: Option<Activation>,
    ) -> FloatTensor<Self> {
        plain::linear::<Self>(x, weight, bias.option(), activation)
    }

    /// An activation of every element.
    fn activate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        plain::activate::<Self>(x, activation)
    }

    /// `γ (x - μ) / √(σ² + ε) + β` with the mean and variance of each row (Ba et al. 2016).
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        plain::layer_norm::<Self>(x, gamma, beta, epsilon)
    }

    /// `γ x / √(mean x² + ε)` in each row (Zhang & Sennrich 2019).
    fn rms_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        plain::rms_norm::<Self>(x, gamma, epsilon)
    }

    /// Sets a share `probability` of the elements to zero and divides the others by what is left.
    fn dropout(x: FloatTensor<Self>, seed: u64, probability: f64) -> FloatTensor<Self> {
        plain::dropout::<Self>(x, seed, probability)
    }
}

impl DenseOps for Flex {
    fn linear_rows(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Flex>,
        activation: Option<Activation>,
    ) -> FlexTensor {
        let bias = bias.option();
        if !takes(x.dtype()) {
            return plain::linear::<Flex>(x, weight, bias, activation);
        }
        // The dense copy of a view lives for this call only; there is nothing to keep.
        let lasting = weight.layout().contiguous_offsets().is_some();
        let (x, weight) = (dense(x), dense(weight));
        let purpose = if lasting {
            Purpose::Use
        } else {
            Purpose::UseOnce
        };
        by_type!(x, T => linear::<T>(&x, &weight, bias, activation, purpose).0,
            else unreachable!("`takes`"))
    }

    fn activate(x: FlexTensor, activation: Activation) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::activate::<Flex>(x, activation);
        }
        let x = dense(x);
        by_type!(x, T => activated::<T>(&x, activation), else unreachable!("`takes`"))
    }

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
        by_type!(x, T => layer_norm::<T>(&x, &affine, epsilon).0, else unreachable!("`takes`"))
    }

    fn rms_norm_rows(x: FlexTensor, gamma: FlexTensor, epsilon: f64) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::rms_norm::<Flex>(x, gamma, epsilon);
        }
        let (x, gamma) = (dense(x), dense(gamma));
        by_type!(x, T => rms_norm::<T>(&x, &gamma, epsilon).0, else unreachable!("`takes`"))
    }

    fn dropout(x: FlexTensor, seed: u64, probability: f64) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::dropout::<Flex>(x, seed, probability);
        }
        let x = dense(x);
        by_type!(x, T => dropped::<T>(&x, seed, probability), else unreachable!("`takes`"))
    }
}

impl<C: CheckpointStrategy> DenseOps for Autodiff<Flex, C> {
    fn linear_rows(
        x: Node<C>,
        weight: Node<C>,
        bias: Maybe<Self>,
        activation: Option<Activation>,
    ) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::linear::<Self>(x, weight, bias.option(), activation);
        }
        match bias {
            Maybe::Some(bias) => record::<_, C, _>([x, weight, bias], |[x, w, b], wanted| {
                linear_recorded(x, w, Some(b), activation, &wanted)
            }),
            Maybe::None => record::<_, C, _>([x, weight], |[x, w], wanted| {
                linear_recorded(x, w, None, activation, &wanted)
            }),
        }
    }

    fn activate(x: Node<C>, activation: Activation) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::activate::<Self>(x, activation);
        }
        record::<_, C, _>([x], |[x], _| {
            let x = dense(x);
            let y = by_type!(x, T => activated::<T>(&x, activation), else unreachable!("`takes`"));
            // A ReLU's slope follows from its output as well, which the next layer keeps anyway.
            let output = activation.keeps_output() || activation == Activation::Relu;
            let kept = if output { y.clone() } else { x };
            (y, ActivationRule { kept, activation })
        })
    }

    fn layer_norm_rows(x: Node<C>, gamma: Node<C>, beta: Node<C>, epsilon: f64) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::layer_norm::<Self>(x, gamma, beta, epsilon);
        }
        record::<_, C, _>([x, gamma, beta], |[x, gamma, beta], _| {
            let (x, affine) = (dense(x), [dense(gamma), dense(beta)]);
            let (y, mean, inv_std) = by_type!(x, T => layer_norm::<T>(&x, &affine, epsilon), else unreachable!("`takes`"));
            let [gamma, _] = affine;
            (
                y,
                RowNormRule {
                    x,
                    gamma,
                    mean: Some(mean),
                    inv_std,
                },
            )
        })
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

    fn dropout(x: Node<C>, seed: u64, probability: f64) -> Node<C> {
        if !takes(x.dtype()) {
            return plain::dropout::<Self>(x, seed, probability);
        }
        record::<_, C, _>([x], |[x], _| {
            let x = dense(x);
            let y =
                by_type!(x, T => dropped::<T>(&x, seed, probability), else unreachable!("`takes`"));
            (y, DropoutRule { seed, probability })
        })
    }
}

/// Shape of the output of a linear layer, its rows, inputs and outputs.
fn linear_shape(x: &FlexTensor, weight: &FlexTensor) -> (Vec<usize>, [usize; 3]) {
    let [outputs, inputs] = dims(weight);
    let mut shape = x.shape().to_vec();
    let last = shape.last().copied().unwrap_or(0);
    assert_eq!(last, inputs, "linear: features of input and weight");
    let rows = x.shape().num_elements() / inputs.max(1);
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    (shape, [rows, inputs, outputs])
}

/// What a linear layer is computed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// For training: what the backward pass needs is kept.
    Train,
    /// With a weight that is likely to be used again.
    Use,
    /// With a weight that is gone afterwards.
    UseOnce,
}

/// The output and, for training, the values before the activation if its slope needs them.
fn linear<T: Value + Math>(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<FlexTensor>,
    activation: Option<Activation>,
    purpose: Purpose,
) -> (FlexTensor, Option<FlexTensor>) {
    let (shape, [rows, inputs, outputs]) = linear_shape(x, weight);
    let bias = bias.map(dense);
    let bias = bias.as_ref().map(values::<T>);
    let fused = bias.filter(|_| activation.is_none());
    let packed = (purpose == Purpose::Use && conv::worth_packing(rows, inputs, outputs))
        .then(|| packed::<T>(weight));
    let mut pre = new::<T>(&shape, |y| match &packed {
        Some(packed) => packed.forward(values::<T>(x), fused, y),
        None => {
            // As a convolution of single pixels: its kernels lay the weights out by registers, where a
            // general product packs a transposed operand element by element.
            let g = conv::Geometry::linear(rows, inputs, outputs);
            conv::forward(&g, values::<T>(x), values::<T>(weight), fused, y)
        }
    });
    let Some(activation) = activation else {
        return (pre, None);
    };
    let zeros;
    let bias = match bias {
        Some(bias) => bias,
        None => {
            zeros = vec![T::ZERO; outputs];
            &zeros
        }
    };
    let in_place = activation.keeps_output() || activation == Activation::Relu;
    if in_place || purpose != Purpose::Train {
        activation.bias_forward_over(values_mut::<T>(&mut pre), bias);
        return (pre, None);
    }
    let post = new::<T>(&shape, |y| {
        activation.bias_forward_in_place(values_mut::<T>(&mut pre), bias, y)
    });
    (post, Some(pre))
}

/// What the backward pass of a linear layer keeps.
#[derive(Debug, Clone)]
struct LinearRule {
    x: FlexTensor,
    weight: FlexTensor,
    /// The activation with what its slope follows from.
    activation: Option<(Activation, FlexTensor)>,
}

fn linear_recorded(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    activation: Option<Activation>,
    wanted: &[bool],
) -> (FlexTensor, LinearRule) {
    let (x, weight) = (dense(x), dense(weight));
    let purpose = match wanted.contains(&true) {
        true => Purpose::Train,
        false => Purpose::Use,
    };
    let (y, pre) = by_type!(x, T => linear::<T>(&x, &weight, bias, activation, purpose),
        else unreachable!("`takes`"));
    let activation = activation.map(|a| (a, pre.unwrap_or_else(|| y.clone())));
    (
        y,
        LinearRule {
            x,
            weight,
            activation,
        },
    )
}

impl<const N: usize> Rule<N> for LinearRule {
    fn gradients(self, dy: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N] {
        let dy = dense(dy);
        by_type!(dy, T => self.backward::<T, N>(dy, wanted), else unreachable!("`takes`"))
    }
}

impl LinearRule {
    fn backward<T: Value + Math, const N: usize>(
        self,
        dy: FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N] {
        let (shape, [rows, inputs, outputs]) = linear_shape(&self.x, &self.weight);
        let dz = match &self.activation {
            Some((activation, kept)) => new::<T>(&shape, |dz| {
                activation.backward(values::<T>(kept), values::<T>(&dy), dz)
            }),
            None => dy,
        };
        let dz = values::<T>(&dz);
        let (x, weight) = (values::<T>(&self.x), values::<T>(&self.weight));
        let g = conv::Geometry::linear(rows, inputs, outputs);
        std::array::from_fn(|i| match i {
            _ if !wanted[i] => None,
            0 => Some(new::<T>(&self.x.shape().to_vec(), |dx| {
                conv::backward_data(&g, weight, dz, dx)
            })),
            1 => Some(new::<T>(&[outputs, inputs], |dw| {
                conv::backward_weights(&g, x, dz, dw)
            })),
            _ => Some(new::<T>(&[outputs], |db| conv::bias_gradient(dz, db))),
        })
    }
}

fn activated<T: Value + Math>(x: &FlexTensor, activation: Activation) -> FlexTensor {
    new::<T>(&x.shape().to_vec(), |y| {
        activation.forward(values::<T>(x), y)
    })
}

#[derive(Debug, Clone)]
struct ActivationRule {
    kept: FlexTensor,
    activation: Activation,
}

impl Rule<1> for ActivationRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        let shape = dy.shape().to_vec();
        [Some(by_type!(dy, T => new::<T>(&shape, |dx| {
            self.activation.backward(values::<T>(&self.kept), values::<T>(&dy), dx)
        }), else unreachable!("`takes`")))]
    }
}

fn dropped<T: Value>(x: &FlexTensor, seed: u64, probability: f64) -> FlexTensor {
    new::<T>(&x.shape().to_vec(), |y| {
        dropout::dropout(seed, probability, values::<T>(x), y)
    })
}

/// The mask is drawn again.
#[derive(Debug, Clone)]
struct DropoutRule {
    seed: u64,
    probability: f64,
}

impl Rule<1> for DropoutRule {
    fn gradients(self, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dy = dense(dy);
        [Some(
            by_type!(dy, T => dropped::<T>(&dy, self.seed, self.probability),
            else unreachable!("`takes`")),
        )]
    }
}

/// Features in a row.
fn features(x: &FlexTensor) -> usize {
    x.shape().to_vec().last().copied().unwrap_or(1)
}

/// Output, and mean and reciprocal deviation of each row.
fn layer_norm<T: Value>(
    x: &FlexTensor,
    [gamma, beta]: &[FlexTensor; 2],
    epsilon: f64,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let c = features(x);
    let rows = x.shape().num_elements() / c.max(1);
    let (mut mean, mut inv_std) = (vec![T::ZERO; rows], vec![T::ZERO; rows]);
    let y = new::<T>(&x.shape().to_vec(), |y| {
        cpu::layer_norm_forward(
            values::<T>(x),
            c,
            values::<T>(gamma),
            values::<T>(beta),
            epsilon,
            None,
            None,
            y,
            &mut mean,
            &mut inv_std,
        )
    });
    let list = |v: Vec<T>| new::<T>(&[rows], |out| out.copy_from_slice(&v));
    (y, list(mean), list(inv_std))
}

/// Output, and reciprocal root mean square of each row.
fn rms_norm<T: Value>(
    x: &FlexTensor,
    gamma: &FlexTensor,
    epsilon: f64,
) -> (FlexTensor, FlexTensor) {
    let c = features(x);
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
        let c = features(&self.x);
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
