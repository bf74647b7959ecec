//! What works on rows: linear layers, norms, activations, attention, embedding, losses.

use crate::common;
use crate::{Op, Seen, op, row, turned};
use burn::tensor::Tensor;
use burn::tensor::activation as burn_activation;
use modelwright_kernels::nn::{
    Activation, AttentionConfig, activate, attention, cross_attention, log_softmax, softmax,
};

/// All of them.
pub fn operations() -> Vec<Op> {
    let all = [rows(), sequences(), losses()];
    all.into_iter().flatten().collect()
}

/// Layers that work on rows of features.
fn rows() -> Vec<Op> {
    let linear = |rows: usize, activation: Option<Activation>| {
        op(
            format!("linear, {rows} rows, {activation:?}"),
            move |batch| vec![vec![batch, rows, 40], vec![50, 40], vec![50]],
            move |s| {
                let x: Tensor<3> = s.get(0);
                turned(common::linear(x, s.get(1), Some(s.get(2)), activation))
            },
            move |s| {
                let (x, weight): (Tensor<3>, Tensor<2>) = (s.get(0), s.get(1));
                let [batch, rows, from] = x.dims();
                let y = x.reshape([batch * rows, from]).matmul(weight.transpose());
                let y = y + row::<2>(s.get(2));
                let y = match activation {
                    Some(Activation::Gelu) => burn_activation::gelu(y),
                    Some(other) => panic!("{other:?}"),
                    None => y,
                };
                turned(y.reshape([batch, rows, 50]))
            },
        )
    };
    let layer_norm = op(
        "layer norm",
        |batch| vec![vec![batch, 6, 37], vec![37], vec![37]],
        |s| {
            let affine = [s.get(1), s.get(2)];
            turned(common::layer_norm::<3>(s.get(0), affine, 1e-5))
        },
        |s| {
            let x: Tensor<3> = s.get(0);
            let x = x.clone() - x.mean_dim(2);
            let variance = (x.clone() * x.clone()).mean_dim(2);
            let x = x / variance.add_scalar(1e-5).sqrt();
            turned(x * row::<3>(s.get(1)) + row::<3>(s.get(2)))
        },
    );
    let rms_norm = op(
        "RMS norm",
        |batch| vec![vec![batch, 6, 37], vec![37]],
        |s| turned(common::rms_norm::<3>(s.get(0), s.get(1), 1e-6)),
        |s| {
            let x: Tensor<3> = s.get(0);
            let square = (x.clone() * x.clone()).mean_dim(2);
            turned(x / square.add_scalar(1e-6).sqrt() * row::<3>(s.get(1)))
        },
    );
    let shape = |batch| vec![vec![batch, 7, 19]];
    let map = |name: &str, ours: fn(Tensor<3>) -> Tensor<3>, burns: fn(Tensor<3>) -> Tensor<3>| {
        let (ours, burns) = (
            move |s: &Seen| turned(ours(s.get(0))),
            move |s: &Seen| turned(burns(s.get(0))),
        );
        op(name, shape, ours, burns)
    };
    vec![
        linear(3, None),
        linear(60, None),
        linear(60, Some(Activation::Gelu)),
        layer_norm,
        rms_norm,
        map(
            "GELU",
            |x| activate(x, Activation::Gelu),
            burn_activation::gelu,
        ),
        map(
            "SiLU",
            |x| activate(x, Activation::Silu),
            burn_activation::silu,
        ),
        map(
            "ReLU",
            |x| activate(x, Activation::Relu),
            burn_activation::relu,
        ),
        map("softmax", softmax, |x| burn_activation::softmax(x, 2)),
        map("log-softmax", log_softmax, |x| {
            burn_activation::log_softmax(x, 2)
        }),
    ]
}

/// Attention composed of products and a softmax.
fn attended([q, k, v]: [Tensor<3>; 3], heads: usize, causal: bool) -> Tensor<3> {
    let [batch, seq, width] = q.dims();
    let split = |x: Tensor<3>| {
        x.reshape([batch, seq, heads, width / heads])
            .swap_dims(1, 2)
    };
    let scores = split(q).matmul(split(k).transpose());
    let mut scores = scores.div_scalar((width as f64 / heads as f64).sqrt());
    if causal {
        let hidden = Tensor::<2>::ones([seq, seq], &scores.device()).triu(1);
        scores = scores - hidden.mul_scalar(1e30).unsqueeze::<4>();
    }
    let y = burn_activation::softmax(scores, 3).matmul(split(v));
    y.swap_dims(1, 2).reshape([batch, seq, width])
}

fn sequences() -> Vec<Op> {
    let config = AttentionConfig {
        heads: 2,
        causal: true,
    };
    let packed = op(
        "attention",
        |batch| vec![vec![batch, 21, 72]],
        move |s| turned(attention(s.get(0), config)),
        |s| {
            let part = |i: usize| s.get::<3>(0).narrow(2, 24 * i, 24);
            turned(attended([0, 1, 2].map(part), 2, true))
        },
    );
    let separate = op(
        "attention of three inputs",
        |batch| vec![vec![batch, 21, 24]; 3],
        move |s| {
            let config = AttentionConfig {
                causal: false,
                ..config
            };
            let y = cross_attention(s.get(0), s.get(1), s.get(2), None, config);
            turned(y)
        },
        |s| turned(attended([0, 1, 2].map(|i| s.get(i)), 2, false)),
    );
    // The table has no batch; its ids have.
    let embedding = |batch: usize, ids_turned: bool| {
        op(
            format!("embedding of {batch} sequences, {ids_turned}"),
            |_| vec![vec![30, 18]],
            move |s| {
                let ids = s.ids([batch, 11], 30, ids_turned);
                turned(common::embedding(s.get(0), ids))
            },
            move |s| {
                let ids = s.ids([batch, 11], 30, ids_turned).reshape([batch * 11]);
                turned(s.get::<2>(0).select(0, ids).reshape([batch, 11, 18]))
            },
        )
    };
    let embeddings = [embedding(4, false), embedding(4, true), embedding(0, false)];
    [packed, separate].into_iter().chain(embeddings).collect()
}

fn losses() -> Vec<Op> {
    let entropy = op(
        "cross-entropy",
        |batch| vec![vec![batch, 13]],
        |s| {
            let x: Tensor<2> = s.get(0);
            let labels = s.ids([1, x.dims()[0]], 13, false).squeeze_dim(0);
            common::cross_entropy_sum(x, labels, None, 0.1)
        },
        |s| {
            let x = burn_activation::log_softmax(s.get::<2>(0), 1);
            let labels = s.ids([x.dims()[0], 1], 13, false);
            let (hard, soft) = (x.clone().gather(1, labels).sum(), x.sum());
            hard.mul_scalar(-0.9) - soft.mul_scalar(0.1 / 13.0)
        },
    );
    // Targets are views as well; as constants, or our kernels would leave them to Burn.
    let pair = |s: &Seen| {
        let x: Tensor<2> = s.get(0);
        let target = x.clone().detach().transpose().mul_scalar(0.5).transpose();
        (x, target)
    };
    let shapes = |batch| vec![vec![batch, 14]];
    let binary = op(
        "binary cross-entropy",
        shapes,
        move |s| {
            let (x, t) = pair(s);
            common::binary_cross_entropy_sum(x, t)
        },
        move |s| {
            let (x, t) = pair(s);
            (x.clone() - x.clone() * t - burn_activation::log_sigmoid(x)).sum()
        },
    );
    let squared = op(
        "squared error",
        shapes,
        move |s| {
            let (x, t) = pair(s);
            common::squared_error_sum(x, t)
        },
        move |s| {
            let (x, t) = pair(s);
            let d = x - t;
            (d.clone() * d).sum()
        },
    );
    vec![entropy, binary, squared]
}
