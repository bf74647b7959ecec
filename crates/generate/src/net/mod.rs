//! A decoder that only computes forwards, on slices, with weights as they are stored.
//!
//! A step takes rows of several sequences, a row a token: long pieces of prompts and single tokens that
//! were just written, together. Keys and values go to the cache and are read from there, so that a row
//! needs nothing but its own token and its place. Pre-norm blocks (Radford et al. 2019; Touvron et al.
//! 2023): x += O(attention(norm(x))); x += mlp(norm(x)).

mod layers;
mod load;

pub(crate) use load::page_bytes;

use layers::{Linear, Mlp, Norm};
use modelwright_kernels::decode::{self, KvPages, Rotary, Seen};
use modelwright_kernels::quant::{Matrix, products};
use modelwright_models::DecoderConfig;

/// A decoder with the buffers of one step.
pub(crate) struct Net {
    config: DecoderConfig,
    /// [vocabulary, hidden]
    embedding: Matrix,
    /// GPT-2's learned places, [positions, hidden].
    places: Option<Matrix>,
    blocks: Vec<Block>,
    norm: Norm,
    /// [vocabulary, hidden]; none: the embedding.
    head: Option<Matrix>,
    /// None where places are learned.
    rotary: Option<Rotary>,
    buffers: Buffers,
}

struct Block {
    attention_norm: Norm,
    q: Linear,
    k: Linear,
    v: Linear,
    /// Over each head of q and k (Qwen3).
    q_norm: Option<Norm>,
    k_norm: Option<Norm>,
    o: Linear,
    mlp_norm: Norm,
    mlp: Mlp,
}

/// Activations of a step: `rows` times the width of each.
#[derive(Default)]
struct Buffers {
    x: Vec<f32>,
    normed: Vec<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    attention: Vec<f32>,
    out: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    logits: Vec<f32>,
}

/// The rows of a step.
pub(crate) struct Step<'a> {
    pub tokens: &'a [u32],
    /// The place of each token in its sequence.
    pub positions: &'a [u32],
    /// Page and place in it where keys and values of each go.
    pub slots: &'a [(u32, u32)],
    /// What each sees.
    pub seen: &'a [Seen<'a>],
    /// Rows after which the next token is wanted, ascending.
    pub wanted: &'a [usize],
}

impl Net {
    /// Most rows of a step.
    pub fn rows(&self) -> usize {
        self.buffers.x.len() / self.config.hidden
    }

    /// Computes a step. Returns the logits of the wanted rows, [wanted, vocabulary].
    pub fn forward(&mut self, step: &Step<'_>, cache: &mut KvPages) -> &mut [f32] {
        let config = &self.config;
        let hidden = config.hidden;
        let b = &mut self.buffers;
        let mut rows = step.tokens.len();
        embed(&self.embedding, self.places.as_ref(), step, &mut b.x);
        let picked: Vec<Seen<'_>> = step.wanted.iter().map(|row| step.seen[*row]).collect();
        for (layer, block) in self.blocks.iter().enumerate() {
            let (width, kv) = (block.q.rows(), block.k.rows());
            block
                .attention_norm
                .apply(&b.x[..rows * hidden], &mut b.normed[..rows * hidden]);
            products(
                [&block.q.weight, &block.k.weight, &block.v.weight],
                &b.normed[..rows * hidden],
                [
                    &mut b.q[..rows * width],
                    &mut b.k[..rows * kv],
                    &mut b.v[..rows * kv],
                ],
            );
            block.q.add_bias(&mut b.q[..rows * width]);
            block.k.add_bias(&mut b.k[..rows * kv]);
            block.v.add_bias(&mut b.v[..rows * kv]);
            norm_heads(
                block.q_norm.as_ref(),
                &mut b.q[..rows * width],
                &mut b.attention,
            );
            norm_heads(
                block.k_norm.as_ref(),
                &mut b.k[..rows * kv],
                &mut b.attention,
            );
            if let Some(rotary) = &self.rotary {
                rotary.apply(&mut b.q[..rows * width], config.heads, step.positions);
                rotary.apply(&mut b.k[..rows * kv], config.kv_heads, step.positions);
            }
            cache.write(layer, step.slots, &b.k[..rows * kv], &b.v[..rows * kv]);
            let mut seen = step.seen;
            if layer + 1 == self.blocks.len() {
                // What is left matters only where the next token is wanted.
                if step.wanted.is_empty() {
                    return &mut [];
                }
                pick(&mut b.q, width, step.wanted);
                pick(&mut b.x, hidden, step.wanted);
                rows = step.wanted.len();
                seen = &picked;
            }
            let attention = &mut b.attention[..rows * width];
            let q = &b.q[..rows * width];
            decode::paged_attention(
                q,
                config.heads,
                cache,
                layer,
                seen,
                config.window,
                attention,
            );
            let (x, out) = (&mut b.x[..rows * hidden], &mut b.out[..rows * hidden]);
            block.o.apply(attention, out);
            decode::add(x, out);
            let normed = &mut b.normed[..rows * hidden];
            block.mlp_norm.apply(x, normed);
            block.mlp.apply(normed, &mut b.gate, &mut b.up, out);
            decode::add(x, out);
        }
        let normed = &mut b.normed[..rows * hidden];
        self.norm.apply(&b.x[..rows * hidden], normed);
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let logits = &mut b.logits[..rows * head.rows()];
        head.product(normed, logits);
        logits
    }
}

fn embed(embedding: &Matrix, places: Option<&Matrix>, step: &Step<'_>, x: &mut [f32]) {
    let hidden = embedding.cols();
    for (row, token) in x.chunks_exact_mut(hidden).zip(step.tokens) {
        embedding.row(*token as usize, row);
    }
    let Some(places) = places else {
        return;
    };
    let mut place = vec![0.0; hidden];
    for (row, position) in x.chunks_exact_mut(hidden).zip(step.positions) {
        places.row(*position as usize, &mut place);
        decode::add(row, &place);
    }
}

/// Norms each head by itself; `buffer` is of the same size at least.
fn norm_heads(norm: Option<&Norm>, x: &mut [f32], buffer: &mut [f32]) {
    if let Some(norm) = norm {
        let buffer = &mut buffer[..x.len()];
        norm.apply(x, buffer);
        x.copy_from_slice(buffer);
    }
}

/// Moves some rows, ascending, to the front.
fn pick(x: &mut [f32], width: usize, rows: &[usize]) {
    for (to, from) in rows.iter().enumerate() {
        x.copy_within(from * width..(from + 1) * width, to * width);
    }
}

#[cfg(test)]
mod tests;
