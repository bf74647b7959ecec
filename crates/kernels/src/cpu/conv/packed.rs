//! Weights in the order of the kernels, kept for use many times, and what follows a convolution.

use super::gather::Weights;
use super::lanes::kernels;
use super::weights::{Layout, pack};
use super::{Geometry, depthwise, few, forward_to, gather_to};
use crate::buffer::Scratch;
use crate::cpu::epilogue::Epilogue;
use crate::real::Real;

/// [`forward`](super::forward) with weights in either form, and what comes after it while the outputs are in the cache.
pub fn forward_then<T: Real>(
    g: &Geometry,
    x: &[T],
    weight: Source<T>,
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    y: &mut [T],
) {
    g.check();
    let out = g.out();
    if let Some(bias) = bias {
        assert_eq!(bias.len(), g.cout, "convolution: length of the bias");
    }
    if let Some(after) = after {
        after.check(g.cout, y.len());
    }
    match weight {
        Source::Plain(weight) => {
            g.check_lengths(out, x.len(), weight.len(), y.len());
            forward_to(g, out, x, weight, bias, after, y);
        }
        Source::Packed(packed) => {
            g.check_lengths(out, x.len(), g.weight_len(), y.len());
            assert!(packed.fits(g), "convolution: weights packed for another");
            gather_to(g, out, x, Weights::Packed(&packed.panels), bias, after, y);
        }
    }
}

/// The weights of a convolution.
#[derive(Clone, Copy)]
pub enum Source<'a, T> {
    /// As PyTorch has them.
    Plain(&'a [T]),
    /// Made ready before.
    Packed(&'a Packed<T>),
}

/// The weights of a convolution in the order in which the kernels read them, for use many times.
pub struct Packed<T> {
    panels: Scratch<T>,
    /// Groups, inputs and outputs of each, elements of the kernel.
    layout: [usize; 4],
}

impl<T: Real> Packed<T> {
    /// Of `weight[cout, cin / groups, kh, kw]`; the sizes of the images do not matter.
    pub fn new(g: &Geometry, weight: &[T]) -> Self {
        g.check();
        assert_eq!(
            weight.len(),
            g.weight_len(),
            "convolution: length of the weights"
        );
        let layout = g.layout();
        let [groups, inputs, outputs, area] = layout;
        let taps: Vec<usize> = (0..area).collect();
        let layout_of = Layout::forward(groups, inputs, outputs, area);
        Self {
            panels: pack(weight, &layout_of, &taps, &kernels::<T>()),
            layout,
        }
    }

    /// The weights as the kernels read them.
    pub fn panels(&self) -> &[T] {
        &self.panels
    }

    /// Whether a convolution of these sizes can use these weights.
    pub fn fits(&self, g: &Geometry) -> bool {
        self.layout == g.layout() && takes_packed(g)
    }

    /// `y[rows, outputs] = x[rows, inputs] weightᵀ + bias`: bit for bit what [`forward`](super::forward) computes for
    /// more rows than it treats in another way (see [`worth_packing`]).
    pub fn forward(&self, x: &[T], bias: Option<&[T]>, y: &mut [T]) {
        let [_, inputs, outputs, _] = self.layout;
        let g = Geometry::linear(x.len() / inputs.max(1), inputs, outputs);
        forward_then(&g, x, Source::Packed(self), bias, None, y);
    }
}

/// Whether the kernels can use [`Packed`] weights: every tap must meet the image somewhere (those that
/// do not are left out of the weights), and single channels have a kernel of their own.
fn takes_packed(g: &Geometry) -> bool {
    let axes = g.forward_axes(g.out());
    let all = axes.iter().zip(g.kernel).all(|(a, k)| a.taps.len() == k);
    all && !depthwise::takes(g)
}

/// Whether a linear layer of that many rows gains from [`Packed`] weights: fewer rows use the weights
/// where they lie, and for many the rearrangement does not count.
pub fn worth_packing(rows: usize, inputs: usize, outputs: usize) -> bool {
    rows <= MOST_PACKED && worth_packing_for(&Geometry::linear(rows, inputs, outputs))
}

/// The most rows for which packed weights are kept.
const MOST_PACKED: usize = 512;

/// Whether [`Packed`] weights pay, as they do for linear layers ([`worth_packing`]): for few pixels
/// the weights are used where they lie, and for many the rearrangement does not count.
pub fn worth_packing_for(g: &Geometry) -> bool {
    let out = g.out();
    let pixels = g.n * out[0] * out[1];
    let as_they_lie = pixels <= few::PIXELS_DOT && few::takes(g, out);
    takes_packed(g) && !as_they_lie && (1..=MOST_PIXELS).contains(&pixels)
}

/// The most pixels for which the packed weights of a convolution are kept.
const MOST_PIXELS: usize = 16 * 1024;
