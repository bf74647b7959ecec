//! Embedding and attention.

use crate::common::{self, Args, Input, Rng, View, flat, integers};
use crate::{SHAPES, compare};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use modelwright_kernels::nn::{
    AttentionConfig, attention, cross_attention, masked_attention, segment_attention,
};

#[test]
fn embedding() {
    let mut rng = Rng(32);
    for i in 0..SHAPES {
        let [vocabulary, features, batch, seq] = [50, 70, 4, 30].map(|most| rng.between(1, most));
        let ids: Vec<usize> = (0..batch * seq).map(|_| rng.below(vocabulary)).collect();
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &[vocabulary, features], view)];
        // Every other time the ids are a view as well.
        let turned = i % 2 == 1;
        compare(
            &format!("embedding {vocabulary} {features} {batch} {seq} {view:?}"),
            &inputs,
            |a| {
                let ids = match turned {
                    true => integers(&ids, [seq, batch], &a.device()).transpose(),
                    false => integers(&ids, [batch, seq], &a.device()),
                };
                flat(common::embedding(a.get(0), ids))
            },
            |a| {
                let mut ids = integers(&ids, [batch * seq], &a.device());
                if turned {
                    ids = ids.reshape([seq, batch]).transpose().reshape([batch * seq]);
                }
                flat(a.get::<2>(0).select(0, ids))
            },
        );
    }
}

/// Sizes of an attention.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    heads: usize,
    kv_heads: usize,
    q_len: usize,
    kv_len: usize,
    dim: usize,
}

/// Attention composed of products and a softmax. `seen` is `[batch, keys]`.
fn attention_of_burn(
    [q, k, v]: [Tensor<3>; 3],
    s: Sizes,
    seen: &[bool],
    causal: bool,
    a: &Args,
) -> Tensor<1> {
    let heads_first = |x: Tensor<3>, len: usize, heads: usize| -> Tensor<4> {
        x.reshape([s.batch, len, heads, s.dim]).swap_dims(1, 2)
    };
    let group = s.heads / s.kv_heads;
    let repeated = |x| {
        let x: Tensor<5> = heads_first(x, s.kv_len, s.kv_heads).unsqueeze_dim(2);
        let x = x.repeat_dim(2, group);
        x.reshape([s.batch, s.heads, s.kv_len, s.dim])
    };
    let scores = heads_first(q, s.q_len, s.heads).matmul(repeated(k).transpose());
    let scores = scores.mul_scalar(1.0 / (s.dim as f64).sqrt());
    let hidden = |i: usize| {
        let (b, query, key) = (i / s.kv_len / s.q_len, i / s.kv_len % s.q_len, i % s.kv_len);
        let later = causal && key + s.q_len > query + s.kv_len;
        later || !seen[b * s.kv_len + key]
    };
    let hidden: Vec<bool> = (0..s.batch * s.q_len * s.kv_len).map(hidden).collect();
    // Weights of hidden keys are exactly 0, also where a query sees none.
    let shape = [s.batch, 1, s.q_len, s.kv_len];
    let pick = |off: f64, on: f64| -> Vec<f64> {
        hidden.iter().map(|h| if *h { off } else { on }).collect()
    };
    let p = softmax(scores + a.constant(&pick(-1e30, 0.0), shape), 3);
    let p = p * a.constant(&pick(0.0, 1.0), shape);
    flat(p.matmul(repeated(v)).swap_dims(1, 2))
}

/// The mask as a tensor.
fn mask(seen: &[bool], shape: [usize; 2], device: &Device) -> Tensor<2, Bool> {
    Tensor::from_data(TensorData::new(seen.to_vec(), shape), device)
}

/// Sequences of random lengths, and one with holes. The first has two keys at least: the gradient of
/// queries that see one key is zero, and comparing it would compare noise.
fn lengths(rng: &mut Rng, batch: usize, keys: usize) -> Vec<bool> {
    let mut seen = Vec::new();
    for i in 0..batch {
        let length = rng.between(if i == 0 { 2.min(keys) } else { 1 }, keys);
        let holes = i == 1;
        seen.extend((0..keys).map(|key| key < length && !(holes && rng.coin())));
    }
    seen
}

#[test]
fn attention_causal_and_masked() {
    let mut rng = Rng(33);
    for i in 0..SHAPES {
        let [batch, seq, heads, dim] = [3, 75, 4, 40].map(|most| rng.between(1, most));
        let config = AttentionConfig {
            heads,
            causal: i % 2 == 0,
        };
        let masked = i % 3 > 0;
        let seen = match masked {
            true => lengths(&mut rng, batch, seq),
            false => vec![true; batch * seq],
        };
        let view = rng.pick(&View::ALL);
        let inputs = [Input::laid(&mut rng, &[batch, seq, 3 * heads * dim], view)];
        compare(
            &format!("attention {batch} {seq} {dim} {config:?} {masked} {view:?}"),
            &inputs,
            |a| {
                let keys = mask(&seen, [batch, seq], &a.device());
                flat(match masked {
                    true => masked_attention(a.get(0), keys, config),
                    false => attention(a.get(0), config),
                })
            },
            |a| {
                let width = heads * dim;
                let part = |i: usize| a.get::<3>(0).narrow(2, i * width, width);
                let sizes = Sizes {
                    batch,
                    heads,
                    kv_heads: heads,
                    q_len: seq,
                    kv_len: seq,
                    dim,
                };
                attention_of_burn([0, 1, 2].map(part), sizes, &seen, config.causal, a)
            },
        );
    }
}

#[test]
fn attention_to_another_sequence_with_fewer_heads() {
    let mut rng = Rng(41);
    for i in 0..SHAPES {
        let kv_heads = rng.between(1, 3);
        let s = Sizes {
            batch: rng.between(1, 3),
            heads: kv_heads * rng.between(1, 3),
            kv_heads,
            q_len: rng.between(1, 60),
            kv_len: rng.between(2, 75),
            dim: rng.between(1, 40),
        };
        let config = AttentionConfig {
            heads: s.heads,
            causal: i % 2 == 0,
        };
        let masked = i % 3 > 0;
        let seen = match masked {
            true => lengths(&mut rng, s.batch, s.kv_len),
            false => vec![true; s.batch * s.kv_len],
        };
        let views = [(); 3].map(|()| rng.pick(&View::ALL));
        let keys = [s.batch, s.kv_len, s.kv_heads * s.dim];
        let inputs = [
            Input::laid(&mut rng, &[s.batch, s.q_len, s.heads * s.dim], views[0]),
            Input::laid(&mut rng, &keys, views[1]),
            Input::laid(&mut rng, &keys, views[2]),
        ];
        compare(
            &format!("attention {s:?} {config:?} {masked} {views:?}"),
            &inputs,
            |a| {
                let keys = masked.then(|| mask(&seen, [s.batch, s.kv_len], &a.device()));
                flat(cross_attention(a.get(0), a.get(1), a.get(2), keys, config))
            },
            |a| {
                let operands = [a.get(0), a.get(1), a.get(2)];
                attention_of_burn(operands, s, &seen, config.causal, a)
            },
        );
    }
}

/// Columns of one projection are read in place: the same numbers as from the packed tensor.
#[test]
fn columns_of_a_projection_are_as_good_as_a_packed_tensor() {
    let (heads, dim) = (2, 8);
    let config = AttentionConfig {
        heads,
        causal: true,
    };
    let inputs = [Input::normal(&mut Rng(42), &[2, 20, 3 * heads * dim])];
    compare(
        "columns",
        &inputs,
        |a| {
            let part = |i: usize| a.get::<3>(0).narrow(2, i * heads * dim, heads * dim);
            flat(cross_attention(part(0), part(1), part(2), None, config))
        },
        |a| flat(attention(a.get(0), config)),
    );
}

/// Each segment of a row is as if it were alone.
#[test]
fn attention_inside_of_segments() {
    let mut rng = Rng(43);
    for _ in 0..SHAPES {
        let kv_heads = rng.between(1, 3);
        let (heads, dim) = (kv_heads * rng.between(1, 3), rng.between(1, 40));
        let count = rng.between(1, 5);
        let lengths: Vec<usize> = (0..count).map(|i| rng.between(2 - i.min(1), 40)).collect();
        let tokens = lengths.iter().sum();
        let keys = [1, tokens, kv_heads * dim];
        let views = [(); 3].map(|()| rng.pick(&View::ALL));
        let inputs = [
            Input::laid(&mut rng, &[1, tokens, heads * dim], views[0]),
            Input::laid(&mut rng, &keys, views[1]),
            Input::laid(&mut rng, &keys, views[2]),
        ];
        compare(
            &format!("segments {lengths:?} {heads} {kv_heads} {dim} {views:?}"),
            &inputs,
            |a| {
                let y = segment_attention(a.get(0), a.get(1), a.get(2), heads, &lengths);
                flat(y)
            },
            |a| {
                let mut start = 0;
                let alone = lengths.iter().map(|length| {
                    let part = |i: usize| a.get::<3>(i).narrow(1, start, *length);
                    let operands = [0, 1, 2].map(part);
                    start += length;
                    let sizes = Sizes {
                        batch: 1,
                        heads,
                        kv_heads,
                        q_len: *length,
                        kv_len: *length,
                        dim,
                    };
                    attention_of_burn(operands, sizes, &vec![true; *length], true, a)
                });
                Tensor::cat(alone.collect(), 0)
            },
        );
    }
}
