//! General 2-D convolution of channels-last images, with gradients, and its transpose.
//!
//! Images are `[n, h, w, channels]`; weights are in the layout of PyTorch, `[cout, cin / groups, kh,
//! kw]`. Nothing is ever expanded to a matrix of windows:
//!
//! * forward and data gradient gather the inputs of each output pixel by address ([`gather`]);
//! * the weight gradient sums outer products of input pixels and output gradients ([`scatter`]);
//! * images of few channels are first copied with their padding, so that one run of memory holds a
//!   whole kernel row ([`plan`]);
//! * a handful of output pixels would not pay for rearranging the weights: they are one product with
//!   the weights as they are ([`few`]);
//! * with one input channel for each group, neighbouring channels are the vectors ([`depthwise`]).

mod bias;
mod depthwise;
mod dot;
mod few;
mod gather;
mod lanes;
mod outer;
mod packed;
mod plan;
mod product;
#[cfg(test)]
mod reference;
mod scatter;
mod tile;
mod transposed;
mod weights;

pub use bias::bias_gradient;
pub use packed::{Packed, Source, forward_then, worth_packing, worth_packing_for};
pub use transposed::{transposed_backward_data, transposed_backward_weights, transposed_forward};

use crate::cpu::epilogue::Epilogue;
use crate::real::Real;
use gather::Weights;
pub(crate) use lanes::Shared;
use plan::Axis;
use weights::Layout;

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Images.
    pub n: usize,
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub stride: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pad: [usize; 4],
    /// Vertical and horizontal dilation.
    pub dilation: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
}

impl Geometry {
    /// Asserts that the sizes make sense.
    pub fn check(&self) {
        assert!(self.cin > 0 && self.cout > 0, "convolution: no channels");
        assert!(
            self.kernel.iter().all(|k| *k > 0),
            "convolution: empty kernel"
        );
        assert!(self.stride.iter().all(|s| *s > 0), "convolution: stride 0");
        assert!(
            self.dilation.iter().all(|d| *d > 0),
            "convolution: dilation 0"
        );
        assert!(
            self.groups > 0
                && self.cin.is_multiple_of(self.groups)
                && self.cout.is_multiple_of(self.groups),
            "convolution: {} groups do not divide {} and {} channels",
            self.groups,
            self.cin,
            self.cout
        );
    }

    /// Output height and width: `(size + pads - dilation (kernel - 1) - 1) / stride + 1`, 0 if the
    /// kernel is larger than the padded image.
    pub fn out(&self) -> [usize; 2] {
        let axis = |size: usize, i: usize| {
            let reach = self.dilation[i] * (self.kernel[i] - 1) + 1;
            let padded = size + self.pad[i] + self.pad[i + 2];
            match padded >= reach {
                true => (padded - reach) / self.stride[i] + 1,
                false => 0,
            }
        };
        [axis(self.h, 0), axis(self.w, 1)]
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.n * self.h * self.w * self.cin
    }

    /// A linear layer as a convolution of single pixels.
    pub fn linear(rows: usize, inputs: usize, outputs: usize) -> Self {
        Self {
            n: 1,
            h: 1,
            w: rows,
            cin: inputs,
            cout: outputs,
            kernel: [1, 1],
            stride: [1, 1],
            pad: [0; 4],
            dilation: [1, 1],
            groups: 1,
        }
    }

    /// Elements of the weights.
    pub fn weight_len(&self) -> usize {
        self.cout * (self.cin / self.groups) * self.kernel[0] * self.kernel[1]
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        let [h, w] = self.out();
        self.n * h * w * self.cout
    }

    /// Groups, inputs and outputs of each, elements of the kernel.
    fn layout(&self) -> [usize; 4] {
        let (inputs, outputs) = (self.cin / self.groups, self.cout / self.groups);
        [
            self.groups,
            inputs,
            outputs,
            self.kernel[0] * self.kernel[1],
        ]
    }

    /// Axes of the forward direction for a given output size.
    fn forward_axes(&self, out: [usize; 2]) -> [Axis; 2] {
        [(self.h, 0), (self.w, 1)].map(|(size, i)| {
            Axis::forward(
                size,
                out[i],
                self.kernel[i],
                self.stride[i],
                self.pad[i],
                self.dilation[i],
            )
        })
    }

    /// Axes of the data gradient: one for each remainder modulo the stride.
    fn backward_axes(&self, out: [usize; 2]) -> [Vec<Axis>; 2] {
        [(self.h, 0), (self.w, 1)].map(|(size, i)| {
            Axis::backward(
                size,
                out[i],
                self.kernel[i],
                self.stride[i],
                self.pad[i],
                self.dilation[i],
            )
        })
    }

    fn check_lengths(&self, out: [usize; 2], x: usize, weight: usize, y: usize) {
        self.check();
        assert_eq!(x, self.input_len(), "convolution: length of the input");
        assert_eq!(
            weight,
            self.weight_len(),
            "convolution: length of the weights"
        );
        assert_eq!(
            y,
            self.n * out[0] * out[1] * self.cout,
            "convolution: length of the output"
        );
    }
}

/// `y[n, oh, ow, cout] = conv(x[n, h, w, cin], weight[cout, cin / groups, kh, kw]) + bias[cout]`:
///
/// `y[b, p, q, o] = bias[o] + sum over c, i, j of weight[o, c, i, j] x[b, p sh + i dh - top, q sw +
/// j dw - left, c]`, with `c` in the group of `o` and zeros outside the image.
pub fn forward<T: Real>(g: &Geometry, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    g.check();
    let out = g.out();
    g.check_lengths(out, x.len(), weight.len(), y.len());
    forward_to(g, out, x, weight, bias, None, y);
}

/// Gradient of the input: `dx[n, h, w, cin]` from `dy[n, oh, ow, cout]`.
pub fn backward_data<T: Real>(g: &Geometry, weight: &[T], dy: &[T], dx: &mut [T]) {
    g.check();
    let out = g.out();
    g.check_lengths(out, dx.len(), weight.len(), dy.len());
    data_to(g, out, weight, dy, None, dx);
}

/// Gradient of the weights, overwritten: `dw[cout, cin / groups, kh, kw]`.
pub fn backward_weights<T: Real>(g: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) {
    g.check();
    let out = g.out();
    g.check_lengths(out, x.len(), dw.len(), dy.len());
    weights_to(g, out, x, dy, dw);
}

/// [`forward`] with an output of given size, and what comes after it.
fn forward_to<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    y: &mut [T],
) {
    if let Some(bias) = bias {
        assert_eq!(bias.len(), g.cout, "convolution: length of the bias");
    }
    if depthwise::takes(g) {
        return depthwise::forward(g, out, x, weight, bias, after, y);
    }
    if few::takes(g, out) {
        few::forward(g, out, x, weight, bias, y);
        if let Some(after) = after {
            after.apply(y, 0, 0..g.cout);
        }
        return;
    }
    gather_to(g, out, x, Weights::Plain(weight), bias, after, y);
}

/// The general case of [`forward_to`].
fn gather_to<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    x: &[T],
    weight: Weights<T>,
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    y: &mut [T],
) {
    let [rows, columns] = g.forward_axes(out);
    let sizes = gather::Sizes {
        n: g.n,
        from: [g.h, g.w, g.cin],
        to: [out[0], out[1], g.cout],
        kernel_width: g.kernel[1],
        depthwise: false,
    };
    let [groups, inputs, outputs, area] = g.layout();
    let layout = Layout::forward(groups, inputs, outputs, area);
    gather::gather(&sizes, &rows, &columns, &layout, x, weight, bias, after, y);
}

/// [`backward_data`] for an output of given size; `bias[cin]` makes it a transposed convolution.
fn data_to<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    weight: &[T],
    dy: &[T],
    bias: Option<&[T]>,
    dx: &mut [T],
) {
    if let Some(bias) = bias {
        assert_eq!(bias.len(), g.cin, "convolution: length of the bias");
    }
    if depthwise::takes(g) {
        return depthwise::backward_data(g, out, weight, dy, bias, dx);
    }
    if few::takes(g, out) {
        return few::backward_data(g, out, weight, dy, bias, dx);
    }
    let sizes = gather::Sizes {
        n: g.n,
        from: [out[0], out[1], g.cout],
        to: [g.h, g.w, g.cin],
        kernel_width: g.kernel[1],
        depthwise: false,
    };
    let [groups, inputs, outputs, area] = g.layout();
    let layout = Layout::backward(groups, outputs, inputs, area);
    let axes = g.backward_axes(out);
    gather::gather_all(&sizes, &axes, &layout, dy, Weights::Plain(weight), bias, dx);
}

/// [`backward_weights`] for an output of given size.
fn weights_to<T: Real>(g: &Geometry, out: [usize; 2], x: &[T], dy: &[T], dw: &mut [T]) {
    if depthwise::takes(g) {
        return depthwise::backward_weights(g, out, x, dy, dw);
    }
    if few::takes(g, out) {
        return few::backward_weights(g, out, x, dy, dw);
    }
    scatter::backward_weights(g, out, x, dy, dw);
}

#[cfg(test)]
mod tests;
