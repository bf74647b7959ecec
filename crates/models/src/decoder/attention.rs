//! Causal attention with rotated queries and keys.

use super::config::DecoderConfig;
use super::origin::Origin;
use crate::error::ModelError;
use crate::projection::Projection;
use burn::module::Module;
use burn::tensor::{Bool, Tensor, TensorData};
use modelwright_kernels::nn::{RmsNorm, Rotary, Segments, rotary, segment_attention, softmax};

/// `softmax(Q Kᵀ / √dim) V` for every head, over what came before (Vaswani et al. 2017), with fewer
/// heads of keys and values (Ainslie et al. 2023).
#[derive(Module, Debug)]
pub(super) struct Attention {
    q_proj: Projection,
    k_proj: Projection,
    v_proj: Projection,
    o_proj: Projection,
    q_norm: Option<RmsNorm>,
    k_norm: Option<RmsNorm>,
    heads: usize,
    kv_heads: usize,
    /// None where positions are learned.
    #[module(skip)]
    rotary: Option<Rotary>,
    #[module(skip)]
    window: Option<usize>,
}

impl Attention {
    pub fn new(name: &str, c: &DecoderConfig, origin: &Origin) -> Result<Self, ModelError> {
        let linear = |part: &str, size: [usize; 2], bias: bool| {
            origin.linear(&format!("{name}.{part}"), size, bias)
        };
        let norm = |part: &str| match c.qk_norm {
            true => {
                let norm = origin.rms_norm(&format!("{name}.{part}"), c.head_dim, c.epsilon);
                norm.map(Some)
            }
            false => Ok(None),
        };
        let kv = [c.kv_rows(), c.hidden];
        Ok(Self {
            q_proj: linear("q_proj", [c.query_rows(), c.hidden], c.qkv_bias)?,
            k_proj: linear("k_proj", kv, c.qkv_bias)?,
            v_proj: linear("v_proj", kv, c.qkv_bias)?,
            o_proj: linear("o_proj", [c.hidden, c.query_rows()], c.output_bias)?,
            q_norm: norm("q_norm")?,
            k_norm: norm("k_norm")?,
            heads: c.heads,
            kv_heads: c.kv_heads,
            rotary: (!c.family.learned_positions()).then(|| Rotary::new(&c.frequencies())),
            window: c.window,
        })
    }

    /// `[rows, seq, hidden]` to the same shape.
    pub fn forward(&self, x: Tensor<3>, segments: &Segments) -> Tensor<3> {
        let q = self.q_proj.forward(x.clone());
        let k = self.k_proj.forward(x.clone());
        let v = self.v_proj.forward(x);
        let q = self.placed(q, self.heads, self.q_norm.as_ref(), segments);
        let k = self.placed(k, self.kv_heads, self.k_norm.as_ref(), segments);
        let longest = segments.lengths().iter().copied().max().unwrap_or(0);
        let seen = match self.window.filter(|window| *window < longest) {
            None => segment_attention(q, k, v, self.heads, segments),
            Some(window) => self.windowed(q, k, v, segments, window),
        };
        self.o_proj.forward(seen)
    }

    /// Queries or keys, normalized and rotated.
    fn placed(
        &self,
        x: Tensor<3>,
        heads: usize,
        norm: Option<&RmsNorm>,
        segments: &Segments,
    ) -> Tensor<3> {
        let x = match norm {
            Some(norm) => {
                let [rows, seq, width] = x.dims();
                let by_head = x.reshape([rows * seq, heads, width / heads]);
                norm.forward(by_head).reshape([rows, seq, width])
            }
            None => x,
        };
        match &self.rotary {
            Some(table) => rotary(x, heads, table, segments.positions()),
            None => x,
        }
    }

    /// Attention to the last `window` tokens alone, segment by segment. Scores are written down, which
    /// [`segment_attention`] avoids; it is for texts longer than the window, which are rare.
    fn windowed(
        &self,
        q: Tensor<3>,
        k: Tensor<3>,
        v: Tensor<3>,
        segments: &Segments,
        window: usize,
    ) -> Tensor<3> {
        let shape = q.dims();
        let flat = |x: Tensor<3>| {
            let [rows, seq, width] = x.dims();
            x.reshape([1, rows * seq, width])
        };
        let [q, k, v] = [q, k, v].map(flat);
        let mut start = 0;
        let mut parts = Vec::new();
        for length in segments.lengths().iter().copied() {
            let part = |x: &Tensor<3>| x.clone().narrow(1, start, length);
            parts.push(self.within(part(&q), part(&k), part(&v), window));
            start += length;
        }
        Tensor::cat(parts, 1).reshape(shape)
    }

    /// The same of one segment, `[1, length, …]`.
    fn within(&self, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, window: usize) -> Tensor<3> {
        let [_, length, width] = q.dims();
        let (dim, group) = (width / self.heads, self.heads / self.kv_heads);
        let queries: Tensor<4> = q
            .reshape([length, self.kv_heads, group, dim])
            .permute([1, 2, 0, 3]);
        let by_head = |x: Tensor<3>| -> Tensor<4> {
            let x: Tensor<4> = x
                .reshape([length, self.kv_heads, 1, dim])
                .permute([1, 2, 0, 3]);
            x.expand([self.kv_heads, group, length, dim])
        };
        let (k, v) = (by_head(k), by_head(v));
        let hidden = |i: usize| {
            let (query, key) = (i / length, i % length);
            key > query || query - key >= window
        };
        let hidden: Vec<bool> = (0..length * length).map(hidden).collect();
        let hidden = TensorData::new(hidden, [1, 1, length, length]);
        let hidden = Tensor::<4, Bool>::from_data(hidden, &queries.device());
        let scores = queries.matmul(k.swap_dims(2, 3)) / (dim as f64).sqrt();
        let scores = scores.mask_fill(hidden.expand([self.kv_heads, group, length, length]), -1e30);
        let seen = softmax(scores).matmul(v);
        seen.permute([2, 0, 1, 3]).reshape([1, length, width])
    }

    /// The layers by name.
    pub fn projections(&self) -> [(&'static str, &Projection); 4] {
        [
            ("q_proj", &self.q_proj),
            ("k_proj", &self.k_proj),
            ("v_proj", &self.v_proj),
            ("o_proj", &self.o_proj),
        ]
    }
}
