//! The operations composed of Burn's own: what other backends run, and what ours are compared with.

use super::{Activation, AttentionShape, ConvShape, NormConfig, PoolShape};
use burn::backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn::backend::{Backend, DType, TensorMetadata};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Distribution, Shape, Slice, TensorData};

/// `[n, h, w, c]` as `[n, c, h, w]`.
pub(crate) fn to_nchw<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(x, &[0, 3, 1, 2])
}

/// `[n, c, h, w]` as `[n, h, w, c]`, in that order in memory.
pub(crate) fn to_nhwc<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(x, &[0, 2, 3, 1])
}

fn broadcast<B: Backend>(row: FloatTensor<B>, rank: usize) -> FloatTensor<B> {
    let mut shape = vec![1; rank];
    shape[rank - 1] = row.shape().num_elements();
    B::float_reshape(row, Shape::from(shape))
}

pub(crate) fn conv2d<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    s: ConvShape,
) -> FloatTensor<B> {
    let [top, left, bottom, right] = s.pad;
    let mut options = ConvOptions::new(s.stride, [0, 0], s.dilation, s.groups);
    options.padding = [(top, bottom), (left, right)];
    to_nhwc::<B>(B::conv2d(to_nchw::<B>(x), weight, bias, options))
}

pub(crate) fn conv_transpose2d<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    stride: usize,
) -> FloatTensor<B> {
    let options = ConvTransposeOptions::new([stride; 2], [0, 0], [0, 0], [1, 1], 1);
    to_nhwc::<B>(B::conv_transpose2d(to_nchw::<B>(x), weight, bias, options))
}

/// Output, mean and biased variance of a batch norm over all but the last dimension.
pub(crate) fn batch_norm_train<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    residual: Option<FloatTensor<B>>,
    config: NormConfig,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let channels = shape[shape.num_dims() - 1];
    let rows = shape.num_elements() / channels.max(1);
    let flat = B::float_reshape(x, Shape::from(vec![rows, channels]));
    let done = B::batch_norm_train(flat, gamma, beta, config.epsilon);
    let y = B::float_reshape(done.output, shape);
    (
        finish::<B>(y, residual, config.relu),
        done.mean,
        done.variance,
    )
}

/// Batch norm with statistics that are constants.
pub(crate) fn batch_norm<B: Backend>(
    x: FloatTensor<B>,
    affine: [FloatTensor<B>; 2],
    statistics: [FloatTensor<B>; 2],
    residual: Option<FloatTensor<B>>,
    config: NormConfig,
) -> FloatTensor<B> {
    let rank = x.shape().num_dims();
    let [gamma, beta] = affine.map(|t| broadcast::<B>(t, rank));
    let [mean, variance] = statistics.map(|t| broadcast::<B>(t, rank));
    let std = B::float_sqrt(B::float_add_scalar(variance, config.epsilon.into()));
    let x = B::float_div(B::float_sub(x, mean), std);
    let y = B::float_add(B::float_mul(x, gamma), beta);
    finish::<B>(y, residual, config.relu)
}

fn finish<B: Backend>(
    y: FloatTensor<B>,
    residual: Option<FloatTensor<B>>,
    relu: bool,
) -> FloatTensor<B> {
    let y = match residual {
        Some(r) => B::float_add(y, r),
        None => y,
    };
    if relu { B::relu(y) } else { y }
}

pub(crate) fn max_pool2d<B: Backend>(x: FloatTensor<B>, p: PoolShape) -> FloatTensor<B> {
    let padding = [p.pad, p.pad];
    let y = B::max_pool2d(
        to_nchw::<B>(x),
        [p.kernel; 2],
        [p.stride; 2],
        padding,
        [1, 1],
        false,
    );
    to_nhwc::<B>(y)
}

pub(crate) fn avg_pool2d<B: Backend>(
    x: FloatTensor<B>,
    p: PoolShape,
    include_padding: bool,
) -> FloatTensor<B> {
    let y = B::avg_pool2d(
        to_nchw::<B>(x),
        [p.kernel; 2],
        [p.stride; 2],
        [p.pad; 2],
        include_padding,
        false,
    );
    to_nhwc::<B>(y)
}

pub(crate) fn adaptive_avg_pool2d<B: Backend>(
    x: FloatTensor<B>,
    out: [usize; 2],
) -> FloatTensor<B> {
    to_nhwc::<B>(B::adaptive_avg_pool2d(to_nchw::<B>(x), out))
}

pub(crate) fn global_avg_pool<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let (n, c) = (shape[0], shape[3]);
    let pixels = shape[1] * shape[2];
    let x = B::float_reshape(x, Shape::from(vec![n, pixels, c]));
    B::float_reshape(B::float_mean_dim(x, 1), Shape::from(vec![n, c]))
}

pub(crate) fn activate<B: Backend>(x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::Relu => B::relu(x),
        Activation::Gelu => B::gelu(x),
        Activation::GeluTanh => {
            let cube = B::float_mul(B::float_mul(x.clone(), x.clone()), x.clone());
            let inner = B::float_add(x.clone(), B::float_mul_scalar(cube, 0.044715.into()));
            let root = (2.0 / std::f64::consts::PI).sqrt();
            let tanh = B::float_tanh(B::float_mul_scalar(inner, root.into()));
            let half = B::float_mul_scalar(x, 0.5.into());
            B::float_mul(half, B::float_add_scalar(tanh, 1.0.into()))
        }
        Activation::Silu => B::float_mul(x.clone(), B::sigmoid(x)),
        Activation::Sigmoid => B::sigmoid(x),
        Activation::Tanh => B::float_tanh(x),
    }
}

pub(crate) fn linear<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    activation: Option<Activation>,
) -> FloatTensor<B> {
    // Burn stores the weight of its linear operation as `[in, out]`.
    let weight = B::float_swap_dims(weight, 0, 1);
    let y = B::linear(x, weight, bias);
    match activation {
        Some(activation) => activate::<B>(y, activation),
        None => y,
    }
}

pub(crate) fn layer_norm<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    B::layer_norm(x, gamma, Some(beta), epsilon)
}

/// Layer norm of a sum, and the sum.
pub(crate) fn layer_norm_add<B: Backend>(
    [x, residual]: [FloatTensor<B>; 2],
    [gamma, beta]: [FloatTensor<B>; 2],
    epsilon: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let sum = B::float_add(x, residual);
    let y = layer_norm::<B>(sum.clone(), gamma, beta, epsilon);
    (y, sum)
}

pub(crate) fn rms_norm<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let rank = x.shape().num_dims();
    let squares = B::float_mul(x.clone(), x.clone());
    let mean = B::float_mean_dim(squares, rank - 1);
    let root = B::float_sqrt(B::float_add_scalar(mean, epsilon.into()));
    B::float_mul(B::float_div(x, root), broadcast::<B>(gamma, rank))
}

/// Softmax of each row, or its logarithm.
pub(crate) fn softmax<B: Backend>(x: FloatTensor<B>, log: bool) -> FloatTensor<B> {
    let last = x.shape().num_dims() - 1;
    match log {
        true => B::log_softmax(x, last),
        false => B::softmax(x, last),
    }
}

pub(crate) fn embedding<B: Backend>(table: FloatTensor<B>, ids: IntTensor<B>) -> FloatTensor<B> {
    B::embedding(table, ids)
}

/// Attention over `q`, `k`, `v` side by side in `[batch, seq, 3 * heads * dim]`.
pub(crate) fn attention_packed<B: Backend>(
    qkv: FloatTensor<B>,
    keys: Option<BoolTensor<B>>,
    s: AttentionShape,
) -> FloatTensor<B> {
    let shape = qkv.shape();
    let (batch, seq, width) = (shape[0], shape[1], shape[2] / 3);
    let part = |i: usize| {
        let slices = [
            Slice::from(0..batch as isize),
            Slice::from(0..seq as isize),
            Slice::from((i * width) as isize..((i + 1) * width) as isize),
        ];
        B::float_slice(qkv.clone(), &slices)
    };
    attention::<B>([part(0), part(1), part(2)], keys, s)
}

/// Attention of queries `[batch, q_len, heads dim]` to keys and values `[batch, kv_len, kv_heads dim]`.
pub(crate) fn attention<B: Backend>(
    [q, k, v]: [FloatTensor<B>; 3],
    keys: Option<BoolTensor<B>>,
    s: AttentionShape,
) -> FloatTensor<B> {
    let (q_shape, k_shape) = (q.shape(), k.shape());
    let (batch, q_len, width) = (q_shape[0], q_shape[1], q_shape[2]);
    let (kv_len, dim) = (k_shape[1], width / s.heads);
    let kv_heads = k_shape[2] / dim;
    let heads_first = |x, len: usize, heads: usize| {
        let x = B::float_reshape(x, Shape::from(vec![batch, len, heads, dim]));
        B::float_swap_dims(x, 1, 2)
    };
    // A head of keys beside each head of queries that it serves.
    let repeated = |x| {
        let (x, group) = (heads_first(x, kv_len, kv_heads), s.heads / kv_heads);
        let x = B::float_reshape(x, Shape::from(vec![batch, kv_heads, 1, kv_len, dim]));
        let x = B::float_expand(x, Shape::from(vec![batch, kv_heads, group, kv_len, dim]));
        B::float_reshape(x, Shape::from(vec![batch, s.heads, kv_len, dim]))
    };
    let (q, k, v) = (heads_first(q, q_len, s.heads), repeated(k), repeated(v));
    let scores = B::float_matmul(q, B::float_swap_dims(k, 2, 3));
    let scores = B::float_mul_scalar(scores, (1.0 / (dim as f64).sqrt()).into());
    let hidden = hidden::<B>(keys, s.causal, [batch, s.heads, q_len, kv_len], &scores);
    let p = match hidden {
        None => B::softmax(scores, 3),
        Some(hidden) => {
            // Finite, so that a query that sees nothing is no NaN; its weights are then set to 0.
            let lowest = if scores.dtype() == DType::F16 {
                -6e4
            } else {
                -1e30
            };
            let scores = B::float_mask_fill(scores, hidden.clone(), lowest.into());
            B::float_mask_fill(B::softmax(scores, 3), hidden, 0.0.into())
        }
    };
    let y = B::float_swap_dims(B::float_matmul(p, v), 1, 2);
    B::float_reshape(y, Shape::from(vec![batch, q_len, width]))
}

/// Which scores do not count, `[batch, heads, q_len, kv_len]`.
fn hidden<B: Backend>(
    keys: Option<BoolTensor<B>>,
    causal: bool,
    shape: [usize; 4],
    scores: &FloatTensor<B>,
) -> Option<BoolTensor<B>> {
    let [batch, _, q_len, kv_len] = shape;
    let whole = Shape::from(shape.to_vec());
    let masked = keys.map(|keys| {
        let keys = B::bool_reshape(keys, Shape::from(vec![batch, 1, 1, kv_len]));
        B::bool_expand(B::bool_not(keys), whole.clone())
    });
    if !causal {
        return masked;
    }
    let later = |i: usize| i % kv_len + q_len > i / kv_len + kv_len;
    let later: Vec<bool> = (0..q_len * kv_len).map(later).collect();
    let later = TensorData::new(later, [1, 1, q_len, kv_len]);
    let later = B::bool_expand(B::bool_from_data(later, &scores.device()), whole);
    Some(match masked {
        Some(masked) => B::bool_or(masked, later),
        None => later,
    })
}

/// Σ over rows of `-(1-ε) w_y ln p_y - ε/K Σ_c w_c ln p_c`, `[1]`.
pub(crate) fn cross_entropy<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    weights: Option<FloatTensor<B>>,
    smoothing: f64,
) -> FloatTensor<B> {
    let shape = logits.shape();
    let (rows, classes) = (shape[0], shape[1]);
    let log_p = B::log_softmax(logits, 1);
    let index = B::int_reshape(labels.clone(), Shape::from(vec![rows, 1]));
    let mut picked = B::float_gather(1, log_p.clone(), index);
    if let Some(weights) = weights.clone() {
        let of_row = B::float_select(weights, 0, labels);
        picked = B::float_mul(picked, B::float_reshape(of_row, Shape::from(vec![rows, 1])));
    }
    let hard = B::float_sum(picked);
    if smoothing == 0.0 {
        return B::float_neg(hard);
    }
    let spread = match weights {
        Some(weights) => B::float_mul(log_p, broadcast::<B>(weights, 2)),
        None => log_p,
    };
    let soft = B::float_mul_scalar(B::float_sum(spread), (smoothing / classes as f64).into());
    let hard = B::float_mul_scalar(hard, (1.0 - smoothing).into());
    B::float_neg(B::float_add(hard, soft))
}

/// Dropout with a backend's own generator: `seed` cannot be handed to it, so the mask is drawn from
/// what the device was seeded with.
pub(crate) fn dropout<B: Backend>(
    x: FloatTensor<B>,
    _seed: u64,
    probability: f64,
) -> FloatTensor<B> {
    let keep = 1.0 - probability;
    let mask = B::float_random(
        x.shape(),
        Distribution::Bernoulli(keep),
        &x.device(),
        x.dtype().into(),
    );
    B::float_mul_scalar(B::float_mul(x, mask), (1.0 / keep).into())
}

/// Σ `max(z, 0) - z t + ln(1 + e^-|z|)` over all elements, `[1]`.
pub(crate) fn binary_cross_entropy<B: Backend>(
    logits: FloatTensor<B>,
    target: FloatTensor<B>,
) -> FloatTensor<B> {
    // ln σ(z) = -ln(1 + e^-z) is Burn's `log_sigmoid`: the loss is z (1 - t) - ln σ(z).
    let product = B::float_mul(logits.clone(), target);
    let linear = B::float_sub(logits.clone(), product);
    B::float_sum(B::float_sub(linear, B::log_sigmoid(logits)))
}

/// Σ `(x - t)²` over all elements, `[1]`.
pub(crate) fn squared_error<B: Backend>(
    x: FloatTensor<B>,
    target: FloatTensor<B>,
) -> FloatTensor<B> {
    let difference = B::float_sub(x, target);
    B::float_sum(B::float_mul(difference.clone(), difference))
}
