//! Transposed convolution: PyTorch's `ConvTranspose2d`.
//!
//! It is the data gradient of the convolution with input and output exchanged, its data gradient is
//! that convolution, and its weight gradient is the same with the roles of the images exchanged. A
//! stride that equals the kernel (up-sampling by 2 x 2 in a U-Net) needs no special case: every
//! remainder of the position modulo the stride has a single tap, so nothing overlaps.

use super::{Geometry, data_to, forward_to, weights_to};
use crate::real::Real;

impl Geometry {
    /// Output height and width when this describes a transposed convolution:
    /// `(size - 1) stride - pads + dilation (kernel - 1) + output_padding + 1`.
    pub fn transposed_out(&self, output_padding: [usize; 2]) -> [usize; 2] {
        let axis = |size: usize, i: usize| match size {
            0 => 0,
            _ => {
                let reach = self.dilation[i] * (self.kernel[i] - 1) + 1;
                let whole = (size - 1) * self.stride[i] + reach + output_padding[i];
                whole.saturating_sub(self.pad[i] + self.pad[i + 2])
            }
        };
        [axis(self.h, 0), axis(self.w, 1)]
    }

    /// The convolution whose data gradient this transposed convolution is; its output is `h` x `w`.
    fn mirror(&self, output_padding: [usize; 2]) -> Self {
        self.check();
        let most = self.stride.iter().zip(&self.dilation);
        assert!(
            output_padding
                .iter()
                .zip(most)
                .all(|(p, (stride, dilation))| p < stride.max(dilation)),
            "transposed convolution: the output padding must be less than stride or dilation"
        );
        let [h, w] = self.transposed_out(output_padding);
        Self {
            h,
            w,
            cin: self.cout,
            cout: self.cin,
            ..*self
        }
    }
}

/// `y[n, oh, ow, cout]` of `x[n, h, w, cin]` and `weight[cin, cout / groups, kh, kw]`:
///
/// `y[b, i dh + p sh - top, j dw + q sw - left, o] += weight[c, o, i, j] x[b, p, q, c]`, plus
/// `bias[cout]`; the output size is [`Geometry::transposed_out`].
pub fn transposed_forward<T: Real>(
    g: &Geometry,
    output_padding: [usize; 2],
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let mirror = g.mirror(output_padding);
    mirror.check_lengths([g.h, g.w], y.len(), weight.len(), x.len());
    data_to(&mirror, [g.h, g.w], weight, x, bias, y);
}

/// Gradient of the input of [`transposed_forward`].
pub fn transposed_backward_data<T: Real>(
    g: &Geometry,
    output_padding: [usize; 2],
    weight: &[T],
    dy: &[T],
    dx: &mut [T],
) {
    let mirror = g.mirror(output_padding);
    mirror.check_lengths([g.h, g.w], dy.len(), weight.len(), dx.len());
    forward_to(&mirror, [g.h, g.w], dy, weight, None, None, dx);
}

/// Gradient of the weights of [`transposed_forward`], overwritten: `[cin, cout / groups, kh, kw]`.
pub fn transposed_backward_weights<T: Real>(
    g: &Geometry,
    output_padding: [usize; 2],
    x: &[T],
    dy: &[T],
    dw: &mut [T],
) {
    let mirror = g.mirror(output_padding);
    mirror.check_lengths([g.h, g.w], dy.len(), dw.len(), x.len());
    weights_to(&mirror, [g.h, g.w], dy, x, dw);
}
