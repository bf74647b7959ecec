//! Linear layers with products of bfloat16 values and f32 sums.
//!
//! Operands come as f32 and are rounded to nearest even; sums, bias and result stay f32, so nothing but
//! the factors loses digits (8 bits are left, a relative error of at most 2⁻⁸ each).
//!
//! With AVX-512 BF16 the operands are packed in pairs along the sum (`pack`) and multiplied in
//! registers (`tile`, driven by `blocks`). Other machines round the operands and multiply them with
//! the f32 kernels (`rounded`): a product of two bf16 values is exact there, so only the order of the
//! sums differs, and what is below the smallest normal number, which AVX-512 BF16 takes as zero.

#[cfg(target_arch = "x86_64")]
mod blocks;
#[cfg(target_arch = "x86_64")]
mod pack;
mod rounded;
#[cfg(target_arch = "x86_64")]
mod tile;

#[cfg(target_arch = "x86_64")]
use blocks::{Mat, Sizes};

/// The sizes of a linear layer `y = x Wᵀ + b`, or of a convolution of single pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Rows of x and y.
    pub rows: usize,
    /// Features of x.
    pub inputs: usize,
    /// Features of y.
    pub outputs: usize,
}

impl Linear {
    /// `y[rows, outputs] = x[rows, inputs] weight[outputs, inputs]ᵀ + bias`.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        self.check(x.len(), weight.len(), y.len());
        if let Some(bias) = bias {
            assert_eq!(bias.len(), self.outputs, "linear: length of the bias");
        }
        if self.is_empty() {
            return match bias {
                Some(bias) if !bias.is_empty() => y
                    .chunks_exact_mut(bias.len())
                    .for_each(|row| row.copy_from_slice(bias)),
                _ => y.fill(0.0),
            };
        }
        #[cfg(target_arch = "x86_64")]
        if native() {
            let (a, b) = (Mat::rows(x, self.inputs), Mat::rows(weight, self.inputs));
            let sizes = Sizes::new(self.rows, self.inputs, self.outputs);
            return blocks::product(sizes, a, b.t(), bias, y);
        }
        rounded::forward(self, x, weight, bias, y);
    }

    /// Gradient of the input: `dx[rows, inputs] = dy weight`.
    pub fn backward_data(&self, weight: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.check(dx.len(), weight.len(), dy.len());
        if self.is_empty() {
            return dx.fill(0.0);
        }
        #[cfg(target_arch = "x86_64")]
        if native() {
            let (a, b) = (Mat::rows(dy, self.outputs), Mat::rows(weight, self.inputs));
            let sizes = Sizes::new(self.rows, self.outputs, self.inputs);
            return blocks::product(sizes, a, b, None, dx);
        }
        rounded::backward_data(self, weight, dy, dx);
    }

    /// Gradient of the weights: `dw[outputs, inputs] = dyᵀ x`.
    pub fn backward_weights(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        self.check(x.len(), dw.len(), dy.len());
        if self.is_empty() {
            return dw.fill(0.0);
        }
        #[cfg(target_arch = "x86_64")]
        if native() {
            let (a, b) = (Mat::rows(dy, self.outputs), Mat::rows(x, self.inputs));
            let sizes = Sizes::new(self.outputs, self.rows, self.inputs);
            return blocks::product(sizes, a.t(), b, None, dw);
        }
        rounded::backward_weights(self, x, dy, dw);
    }

    /// Whether there is nothing to multiply.
    fn is_empty(&self) -> bool {
        self.rows == 0 || self.inputs == 0 || self.outputs == 0
    }

    fn check(&self, x: usize, weight: usize, y: usize) {
        let Self {
            rows,
            inputs,
            outputs,
        } = *self;
        assert_eq!(x, rows * inputs, "linear: length of the input");
        assert_eq!(weight, outputs * inputs, "linear: length of the weights");
        assert_eq!(y, rows * outputs, "linear: length of the output");
    }
}

/// Whether the processor multiplies bf16 itself.
#[cfg(target_arch = "x86_64")]
fn native() -> bool {
    use crate::isa::{Isa, isa};
    isa() == Isa::Avx512 && is_x86_feature_detected!("avx512bf16")
}

#[cfg(test)]
mod tests;
