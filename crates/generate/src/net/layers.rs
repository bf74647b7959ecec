//! The parts of a block.

use modelwright_kernels::decode;
use modelwright_kernels::quant::{Matrix, products};

/// y = x Wᵀ + b.
pub(super) struct Linear {
    pub weight: Matrix,
    pub bias: Option<Vec<f32>>,
}

impl Linear {
    /// Width of the output.
    pub fn rows(&self) -> usize {
        self.weight.rows()
    }

    pub fn apply(&self, x: &[f32], out: &mut [f32]) {
        self.weight.product(x, out);
        self.add_bias(out);
    }

    pub fn add_bias(&self, out: &mut [f32]) {
        if let Some(bias) = &self.bias {
            decode::add_rows(out, bias);
        }
    }
}

/// A norm over rows of `weight.len()`.
pub(super) enum Norm {
    /// Zhang & Sennrich 2019.
    Rms { weight: Vec<f32>, epsilon: f32 },
    /// Ba et al. 2016.
    Layer {
        weight: Vec<f32>,
        bias: Vec<f32>,
        epsilon: f32,
    },
}

impl Norm {
    pub fn apply(&self, x: &[f32], out: &mut [f32]) {
        match self {
            Norm::Rms { weight, epsilon } => decode::rms_norm(x, weight, *epsilon, out),
            Norm::Layer {
                weight,
                bias,
                epsilon,
            } => decode::layer_norm(x, weight, bias, *epsilon, out),
        }
    }
}

pub(super) enum Mlp {
    /// down(silu(gate(x)) * up(x)) (Shazeer 2020).
    Gated {
        gate: Linear,
        up: Linear,
        down: Linear,
    },
    /// down(gelu(up(x))), with the tanh form of GELU as in GPT-2.
    Plain { up: Linear, down: Linear },
}

impl Mlp {
    /// `a` and `b` are buffers for rows of the inner width.
    pub fn apply(&self, x: &[f32], a: &mut [f32], b: &mut [f32], out: &mut [f32]) {
        match self {
            Mlp::Gated { gate, up, down } => {
                let inner = x.len() / gate.weight.cols() * gate.rows();
                let (a, b) = (&mut a[..inner], &mut b[..inner]);
                products([&gate.weight, &up.weight], x, [&mut *a, &mut *b]);
                gate.add_bias(a);
                up.add_bias(b);
                decode::swiglu(a, b);
                down.apply(a, out);
            }
            Mlp::Plain { up, down } => {
                let inner = x.len() / up.weight.cols() * up.rows();
                let a = &mut a[..inner];
                up.apply(x, a);
                decode::gelu_tanh(a);
                down.apply(a, out);
            }
        }
    }
}
