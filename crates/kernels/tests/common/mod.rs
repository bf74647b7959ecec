//! What the tests of operations share: random inputs, runs with gradients, comparisons, and the
//! operations as functions of tensors.

#![allow(dead_code)] // each test file uses a part of it

use burn::backend::Dispatch;
use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use modelwright_kernels::nn::Activation;
use modelwright_kernels::ops::{
    ConvOps, ConvShape, DenseOps, LossOps, Maybe, NormConfig, NormOps, PoolOps, PoolShape,
    RowNormOps, SequenceOps,
};

/// A small generator, so that failures repeat (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// `n` standard normal values.
    pub fn normals(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.normal()).collect()
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// One of `all`.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Yes or no.
    pub fn coin(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// How an input lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Row-major without gaps.
    Dense,
    /// With its axes in the opposite order.
    Reversed,
    /// A window of a tensor that is larger by one along every axis.
    Window,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Reversed, Self::Window];
}

/// Values of an input, in the order of memory.
#[derive(Debug, Clone)]
pub struct Input {
    shape: Vec<usize>,
    view: View,
    /// All elements in memory, with those outside of a window.
    pub values: Vec<f64>,
}

impl Input {
    /// Standard normal, row-major.
    pub fn normal(rng: &mut Rng, shape: &[usize]) -> Self {
        Self::laid(rng, shape, View::Dense)
    }

    /// Standard normal, laid out as `view` says.
    pub fn laid(rng: &mut Rng, shape: &[usize], view: View) -> Self {
        let mut input = Self {
            shape: shape.to_vec(),
            view,
            values: Vec::new(),
        };
        input.values = rng.normals(input.stored().iter().product());
        input
    }

    /// The input with `f` of every value.
    pub fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }

    /// The shape in memory.
    fn stored(&self) -> Vec<usize> {
        let sizes = self.shape.iter().copied();
        match self.view {
            View::Dense => sizes.collect(),
            View::Reversed => sizes.rev().collect(),
            View::Window => sizes.map(|n| n + 1).collect(),
        }
    }
}

/// The inputs of one run as tensors.
pub struct Args<'a> {
    inputs: &'a [Input],
    leaves: Vec<Tensor<1>>,
    dtype: DType,
}

impl<'a> Args<'a> {
    fn new(
        inputs: &'a [Input],
        device: &Device,
        dtype: DType,
        tracked: impl Fn(usize) -> bool,
    ) -> Self {
        let leaf = |(i, input): (usize, &Input)| {
            let leaf = tensor(&input.values, [input.values.len()], device, dtype);
            if tracked(i) {
                leaf.require_grad()
            } else {
                leaf
            }
        };
        Self {
            inputs,
            leaves: inputs.iter().enumerate().map(leaf).collect(),
            dtype,
        }
    }

    /// Input number `i`.
    pub fn get<const D: usize>(&self, i: usize) -> Tensor<D> {
        let input = &self.inputs[i];
        let stored: [usize; D] = input.stored().try_into().expect("the rank of the input");
        let x: Tensor<D> = self.leaves[i].clone().reshape(stored);
        match input.view {
            View::Dense => x,
            View::Reversed => x.permute(std::array::from_fn::<usize, D, _>(|d| D - 1 - d)),
            View::Window => (0..D).fold(x, |x, d| x.narrow(d, 1, input.shape[d])),
        }
    }

    /// Where the run takes place.
    pub fn device(&self) -> Device {
        self.leaves[0].device()
    }

    /// A tensor without gradient, of the type of the run.
    pub fn constant<const D: usize>(&self, values: &[f64], shape: [usize; D]) -> Tensor<D> {
        tensor(values, shape, &self.device(), self.dtype)
    }
}

/// A tensor of these values.
pub fn tensor<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    device: &Device,
    dtype: DType,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, dtype))
}

/// A tensor of whole numbers.
pub fn integers<const D: usize>(
    values: &[usize],
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let values: Vec<i64> = values.iter().map(|v| *v as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor of yes and no: every `n`-th element is no.
pub fn all_but_every(n: usize, shape: [usize; 2], device: &Device) -> Tensor<2, Bool> {
    let count = shape[0] * shape[1];
    let values: Vec<bool> = (0..count).map(|i| i % n != n - 1).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The elements of a tensor.
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().into_data().iter::<f64>().collect()
}

/// All elements in a row.
pub fn flat<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let count = x.shape().num_elements();
    x.reshape([count])
}

/// What the outputs of a run are multiplied by before they are added up.
pub fn weights(n: usize) -> Vec<f64> {
    Rng(99).normals(n)
}

/// Output of an operation, and the gradient of its sum with [`weights`] for every tracked input.
pub struct Run {
    /// Output.
    pub output: Vec<f64>,
    /// One for each input, in the order of memory.
    pub gradients: Vec<Option<Vec<f64>>>,
}

impl Run {
    /// The gradient of a tracked input.
    pub fn gradient(&self, i: usize) -> &[f64] {
        match &self.gradients[i] {
            Some(gradient) => gradient,
            None => panic!("input {i} has no gradient"),
        }
    }
}

/// Runs an operation with gradients for all inputs.
pub fn run(inputs: &[Input], dtype: DType, op: impl Fn(&Args) -> Tensor<1>) -> Run {
    run_tracked(inputs, dtype, |_| true, op)
}

/// Runs an operation with gradients for the inputs that `tracked` chooses.
pub fn run_tracked(
    inputs: &[Input],
    dtype: DType,
    tracked: impl Fn(usize) -> bool,
    op: impl Fn(&Args) -> Tensor<1>,
) -> Run {
    let device = Device::flex().autodiff();
    let args = Args::new(inputs, &device, dtype, tracked);
    let y = op(&args);
    let output = values(y.clone());
    let weights = args.constant(&weights(output.len()), [output.len()]);
    let grads = (y * weights).sum().backward();
    let gradient = |leaf: &Tensor<1>| leaf.grad(&grads).map(values);
    let gradients = args.leaves.iter().map(gradient).collect();
    Run { output, gradients }
}

/// Runs an operation outside of any graph.
pub fn forward(inputs: &[Input], dtype: DType, op: impl Fn(&Args) -> Tensor<1>) -> Vec<f64> {
    values(op(&Args::new(inputs, &Device::flex(), dtype, |_| false)))
}

/// Largest |a - b| divided by the largest |b|; infinite if there is a NaN.
pub fn error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths differ");
    let scale = b.iter().map(|v| v.abs()).fold(1e-30, f64::max);
    let distance = |(a, b): (&f64, &f64)| match (a - b).abs() {
        d if d.is_nan() => f64::INFINITY,
        d => d,
    };
    a.iter().zip(b).map(distance).fold(0.0, f64::max) / scale
}

/// Asserts that `a` and `b` agree within `tolerance` of the largest value.
pub fn assert_close(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    let error = error(a, b);
    assert!(error <= tolerance, "{what}: {error:e} > {tolerance:e}");
}

/// Elements of an input whose gradient is compared with differences.
const SAMPLES: usize = 64;

/// Checks the gradients of an operation in f64 against central differences: eps 1e-6, atol 1e-5,
/// rtol 1e-3. Also that it gives the same outside of a graph, and the same gradient to an input when
/// no other input wants one.
pub fn check_gradients(what: &str, inputs: &[Input], op: impl Fn(&Args) -> Tensor<1>) {
    let whole = run(inputs, DType::F64, &op);
    let weights = weights(whole.output.len());
    let loss = |inputs: &[Input]| -> f64 {
        let output = forward(inputs, DType::F64, &op);
        output.iter().zip(&weights).map(|(y, w)| y * w).sum()
    };
    let plain = forward(inputs, DType::F64, &op);
    assert_close(
        &format!("{what}: without a graph"),
        &plain,
        &whole.output,
        1e-12,
    );
    for (i, input) in inputs.iter().enumerate() {
        let gradient = whole.gradient(i);
        let count = input.values.len();
        assert_eq!(gradient.len(), count, "{what}: input {i}");
        let chosen: Vec<usize> = if count <= SAMPLES {
            (0..count).collect()
        } else {
            let mut rng = Rng(7);
            (0..SAMPLES).map(|_| rng.below(count)).collect()
        };
        for at in chosen {
            let moved = |by: f64| {
                let mut moved = inputs.to_vec();
                moved[i].values[at] += by;
                loss(&moved)
            };
            let numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!(
                (gradient[at] - numeric).abs() <= 1e-5 + 1e-3 * numeric.abs(),
                "{what}: input {i}, element {at}: {} but by differences {numeric}",
                gradient[at]
            );
        }
        let alone = run_tracked(inputs, DType::F64, |j| j == i, &op);
        let name = format!("{what}: input {i} alone");
        assert_close(&name, alone.gradient(i), gradient, 1e-12);
        let others = alone.gradients.iter().flatten().count();
        assert_eq!(others, 1, "{name}: gradients nobody asked for");
    }
}

/// Convolution of `[n, h, w, c]`.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    shape: ConvShape,
) -> Tensor<4> {
    let bias: Maybe<Dispatch> = bias.map(Tensor::into_dispatch).into();
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as ConvOps>::conv2d_nhwc(x, weight, bias, shape))
}

/// Convolution of `[n, h, w, c]`, then a batch norm with given mean and variance.
#[allow(clippy::too_many_arguments)] // those of the operation
pub fn conv2d_norm(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    [gamma, beta]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    residual: Option<Tensor<4>>,
    shape: ConvShape,
    config: NormConfig,
) -> Tensor<4> {
    let bias: Maybe<Dispatch> = bias.map(Tensor::into_dispatch).into();
    let residual: Maybe<Dispatch> = residual.map(Tensor::into_dispatch).into();
    Tensor::from_dispatch(<Dispatch as ConvOps>::conv2d_norm_nhwc(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias,
        gamma.into_dispatch(),
        beta.into_dispatch(),
        mean.into_dispatch(),
        variance.into_dispatch(),
        residual,
        shape,
        config,
    ))
}

/// Transposed convolution of `[n, h, w, c]`.
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
) -> Tensor<4> {
    let bias: Maybe<Dispatch> = bias.map(Tensor::into_dispatch).into();
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    let y = <Dispatch as ConvOps>::conv_transpose2d_nhwc(x, weight, bias, stride);
    Tensor::from_dispatch(y)
}

/// Batch norm with the statistics of the batch: output, mean, biased variance.
pub fn batch_norm_train<const D: usize>(
    x: Tensor<D>,
    [gamma, beta]: [Tensor<1>; 2],
    residual: Option<Tensor<D>>,
    config: NormConfig,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let residual: Maybe<Dispatch> = residual.map(Tensor::into_dispatch).into();
    let (y, mean, variance) = <Dispatch as NormOps>::batch_norm_train_rows(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        residual,
        config,
    );
    (
        Tensor::from_dispatch(y),
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    )
}

/// Batch norm with given mean and variance.
pub fn batch_norm<const D: usize>(
    x: Tensor<D>,
    [gamma, beta]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    residual: Option<Tensor<D>>,
    config: NormConfig,
) -> Tensor<D> {
    let residual: Maybe<Dispatch> = residual.map(Tensor::into_dispatch).into();
    Tensor::from_dispatch(<Dispatch as NormOps>::batch_norm_rows(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        mean.into_dispatch(),
        variance.into_dispatch(),
        residual,
        config,
    ))
}

/// Max pooling of `[n, h, w, c]`.
pub fn max_pool2d(x: Tensor<4>, shape: PoolShape) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as PoolOps>::max_pool2d_nhwc(
        x.into_dispatch(),
        shape,
    ))
}

/// The mean of each channel of `[n, h, w, c]`.
pub fn global_avg_pool(x: Tensor<4>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as PoolOps>::global_avg_pool_nhwc(
        x.into_dispatch(),
    ))
}

/// `act(x Wᵀ + b)`.
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Option<Activation>,
) -> Tensor<D> {
    let bias: Maybe<Dispatch> = bias.map(Tensor::into_dispatch).into();
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    let y = <Dispatch as DenseOps>::linear_rows(x, weight, bias, activation);
    Tensor::from_dispatch(y)
}

/// Layer norm over the last dimension.
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    [gamma, beta]: [Tensor<1>; 2],
    epsilon: f64,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as RowNormOps>::layer_norm_rows(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    ))
}

/// Layer norm of `x + residual`, and the sum.
pub fn layer_norm_add<const D: usize>(
    x: Tensor<D>,
    residual: Tensor<D>,
    [gamma, beta]: [Tensor<1>; 2],
    epsilon: f64,
) -> (Tensor<D>, Tensor<D>) {
    let (y, sum) = <Dispatch as RowNormOps>::layer_norm_add_rows(
        x.into_dispatch(),
        residual.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    );
    (Tensor::from_dispatch(y), Tensor::from_dispatch(sum))
}

/// RMS norm over the last dimension.
pub fn rms_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    let (x, gamma) = (x.into_dispatch(), gamma.into_dispatch());
    Tensor::from_dispatch(<Dispatch as RowNormOps>::rms_norm_rows(x, gamma, epsilon))
}

/// Dropout with a seed.
pub fn dropout<const D: usize>(x: Tensor<D>, seed: u64, probability: f64) -> Tensor<D> {
    let y = <Dispatch as DenseOps>::dropout(x.into_dispatch(), seed, probability);
    Tensor::from_dispatch(y)
}

/// Rows of a table.
pub fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    let (table, ids) = (table.into_dispatch(), ids.into_dispatch());
    Tensor::from_dispatch(<Dispatch as SequenceOps>::embedding_rows(table, ids))
}

/// Sum of the cross-entropies of all rows.
pub fn cross_entropy_sum(
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
    weights: Option<Tensor<1>>,
    smoothing: f64,
) -> Tensor<1> {
    let weights: Maybe<Dispatch> = weights.map(Tensor::into_dispatch).into();
    let (logits, labels) = (logits.into_dispatch(), labels.into_dispatch());
    let sum = <Dispatch as LossOps>::cross_entropy_sum(logits, labels, weights, smoothing);
    Tensor::from_dispatch(sum)
}

/// Sum of the binary cross-entropies of all elements.
pub fn binary_cross_entropy_sum<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
    let (logits, target) = (logits.into_dispatch(), target.into_dispatch());
    let sum = <Dispatch as LossOps>::binary_cross_entropy_sum(logits, target);
    Tensor::from_dispatch(sum)
}

/// Sum of the squared errors of all elements.
pub fn squared_error_sum<const D: usize>(x: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
    let (x, target) = (x.into_dispatch(), target.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LossOps>::squared_error_sum(x, target))
}
