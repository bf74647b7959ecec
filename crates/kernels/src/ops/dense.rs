//! Operations on rows: the linear layer with its activation, activations alone, dropout.

use super::packed::{packed, settled};
use super::product::Product;
use super::{Maybe, plain, takes};
use crate::by_type;
use crate::cpu::math::Math;
use crate::cpu::{conv, dropout};
use crate::graph::{Node, Rule, record};
use crate::precision::{self, Precision};
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
        let (weight, lasting) = settled(weight);
        let x = dense(x);
        let purpose = if lasting {
            Purpose::Use
        } else {
            Purpose::UseOnce
        };
        by_type!(x, T => linear::<T>(&x, &weight, bias, activation, purpose, Precision::F32).0,
            else unreachable!("`takes`"))
    }

    fn activate(x: FlexTensor, activation: Activation) -> FlexTensor {
        if !takes(x.dtype()) {
            return plain::activate::<Flex>(x, activation);
        }
        let x = dense(x);
        by_type!(x, T => activated::<T>(&x, activation), else unreachable!("`takes`"))
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
    precision: Precision,
) -> (FlexTensor, Option<FlexTensor>) {
    let (shape, [rows, inputs, outputs]) = linear_shape(x, weight);
    let bias = bias.map(dense);
    let bias = bias.as_ref().map(values::<T>);
    let fused = bias.filter(|_| activation.is_none());
    let kept = purpose == Purpose::Use && precision == Precision::F32;
    let packed = (kept && conv::worth_packing(rows, inputs, outputs)).then(|| packed::<T>(weight));
    let mut pre = new::<T>(&shape, |y| match &packed {
        Some(packed) => packed.forward(values::<T>(x), fused, y),
        None => {
            // As a convolution of single pixels: its kernels lay the weights out by registers, where a
            // general product packs a transposed operand element by element.
            Product::linear([rows, inputs, outputs], precision).forward(
                values::<T>(x),
                values::<T>(weight),
                fused,
                y,
            )
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
    /// That of the forward pass.
    precision: Precision,
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
    let precision = precision::current();
    let (y, pre) = by_type!(x, T => linear::<T>(&x, &weight, bias, activation, purpose, precision),
        else unreachable!("`takes`"));
    let activation = activation.map(|a| (a, pre.unwrap_or_else(|| y.clone())));
    (
        y,
        LinearRule {
            x,
            weight,
            activation,
            precision,
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
        let mut dbias = None;
        let dz = match &self.activation {
            // The bias gradient comes from the same pass.
            Some((activation, kept)) if N == 3 && wanted[N - 1] => new::<T>(&shape, |dz| {
                dbias = Some(new::<T>(&[outputs], |db| {
                    activation.bias_backward(values::<T>(kept), values::<T>(&dy), dz, db)
                }));
            }),
            Some((activation, kept)) => new::<T>(&shape, |dz| {
                activation.backward(values::<T>(kept), values::<T>(&dy), dz)
            }),
            None => dy,
        };
        let dz = values::<T>(&dz);
        let (x, weight) = (values::<T>(&self.x), values::<T>(&self.weight));
        let product = Product::linear([rows, inputs, outputs], self.precision);
        std::array::from_fn(|i| match i {
            _ if !wanted[i] => None,
            0 => Some(new::<T>(&self.x.shape().to_vec(), |dx| {
                product.backward_data(weight, dz, dx)
            })),
            1 => Some(new::<T>(&[outputs, inputs], |dw| {
                product.backward_weights(x, dz, dw)
            })),
            _ => Some(match dbias.take() {
                Some(dbias) => dbias,
                None => new::<T>(&[outputs], |db| conv::bias_gradient(dz, db)),
            }),
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
