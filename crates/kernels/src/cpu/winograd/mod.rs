//! The 3x3 convolution of stride 1 by Winograd's minimal filtering: tiles of 2x2 or 4x4 outputs take
//! 2.25 or 4 times fewer multiplications than the direct sum.
//!
//! Images are channels-last `[n, h, w, c]`, weights are `[cout, cin, 3, 3]`. Tiles of the input are
//! transformed (`V = Bᵀ d B`), multiplied point by point with the transformed filters
//! (`M[ξ] = V[ξ] U[ξ]`, `U = G g Gᵀ`), which are matrix products over the channels, and transformed
//! back (`Y = Aᵀ M A`). Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
//! In f32 the largest error is about 1e-6 (2x2) or 1e-5 (4x4) of the largest result.

mod cost;
mod filter;
mod forward;
mod image;
mod panels;
mod product;
#[cfg(test)]
mod tests;
mod transform;
mod vector;
mod weights;

pub use cost::{pays, tile};

use crate::cpu::epilogue::Epilogue;
use crate::isa::{Isa, isa};
use crate::real::Real;
use filter::Filter;
use forward::Layer;
use panels::Shared;
use transform::{F2, F4};
use vector::Plain;
#[cfg(target_arch = "x86_64")]
use vector::{Ymm, Zmm};
use weights::Gradient;

/// Sizes of a 3x3 convolution of stride 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape3x3 {
    /// Images.
    pub n: usize,
    /// Rows of an input image.
    pub h: usize,
    /// Columns of an input image.
    pub w: usize,
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// Zeros around the input: top, left, bottom, right, each at most 2.
    pub pad: [usize; 4],
}

impl Shape3x3 {
    /// Rows and columns of an output image.
    pub fn output(&self) -> (usize, usize) {
        let [top, left, bottom, right] = self.pad;
        (
            (self.h + top + bottom).saturating_sub(2),
            (self.w + left + right).saturating_sub(2),
        )
    }

    /// The convolution that computes the gradient of this one's input from that of its output.
    pub fn adjoint(&self) -> Self {
        let (h, w) = self.output();
        Self {
            n: self.n,
            h,
            w,
            cin: self.cout,
            cout: self.cin,
            pad: self.pad.map(|p| 2 - p),
        }
    }

    fn check(&self) {
        assert!(
            self.pad.iter().all(|p| *p <= 2),
            "winograd: padding above 2"
        );
        assert!(self.cin > 0 && self.cout > 0, "winograd: no channels");
    }

    fn inputs(&self) -> usize {
        self.n * self.h * self.w * self.cin
    }

    fn outputs(&self) -> usize {
        let (h, w) = self.output();
        self.n * h * w * self.cout
    }

    fn weights(&self) -> usize {
        self.cout * self.cin * 9
    }
}

/// Outputs of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// 2x2 outputs of 4x4 inputs: 2.25 times fewer multiplications.
    F2,
    /// 4x4 outputs of 6x6 inputs: 4 times fewer multiplications.
    F4,
}

/// Calls `$this.run` with the vectors of the instruction set in use and the scheme of a tile.
macro_rules! run {
    ($this:expr, $tile:expr, $V:ty) => {
        match $tile {
            Tile::F2 => $this.run::<$V, F2, 2, 4>(),
            Tile::F4 => $this.run::<$V, F4, 4, 6>(),
        }
    };
}

/// [`run!`] for f32.
macro_rules! run_f32 {
    ($this:expr, $tile:expr) => {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if !cost::narrow(&$this.shape) => run!($this, $tile, Zmm),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx2 => run!($this, $tile, Ymm),
            _ => run!($this, $tile, Plain<f32>),
        }
    };
}

// After the macros, which it uses.
mod ready;

pub use ready::Filters;

/// `y[n,i,j,o] = bias[o] + Σ x[n, i+r-top, j+s-left, c] weight[o,c,r,s]`, x being zero outside.
///
/// x is `[n, h, w, cin]`, weight `[cout, cin, 3, 3]`, bias `[cout]`, y `[n, oh, ow, cout]`.
pub fn forward<T: Real>(s: &Shape3x3, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    forward_by(cost::cheaper(s), s, x, weight, bias, y);
}

/// [`forward`] with a given tile.
pub fn forward_by<T: Real>(
    tile: Tile,
    s: &Shape3x3,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    s.check();
    assert_eq!(x.len(), s.inputs(), "winograd: x is not [n, h, w, cin]");
    assert_eq!(
        weight.len(),
        s.weights(),
        "winograd: weight is not [cout, cin, 3, 3]"
    );
    assert_eq!(y.len(), s.outputs(), "winograd: y is not [n, oh, ow, cout]");
    assert!(
        bias.is_none_or(|b| b.len() == s.cout),
        "winograd: bias is not [cout]"
    );
    convolve(tile, s, x, Weights::plain(weight), bias, None, y);
}

/// [`forward`] with filters in either form, and what comes after it while the outputs are in the
/// cache.
pub fn forward_then<T: Real>(
    s: &Shape3x3,
    x: &[T],
    weight: Source<T>,
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    y: &mut [T],
) {
    s.check();
    assert_eq!(x.len(), s.inputs(), "winograd: x is not [n, h, w, cin]");
    assert_eq!(y.len(), s.outputs(), "winograd: y is not [n, oh, ow, cout]");
    assert!(
        bias.is_none_or(|b| b.len() == s.cout),
        "winograd: bias is not [cout]"
    );
    if let Some(after) = after {
        after.check(s.cout, y.len());
    }
    let tile = cost::cheaper(s);
    let weights = match weight {
        Source::Plain(weight) => {
            assert_eq!(
                weight.len(),
                s.weights(),
                "winograd: weight is not [cout, cin, 3, 3]"
            );
            Weights::plain(weight)
        }
        Source::Ready(filters) => {
            assert!(filters.fit(s), "winograd: filters made for another layer");
            Weights {
                data: &[],
                turned: false,
                ready: Some(filters.transformed()),
            }
        }
    };
    convolve(tile, s, x, weights, bias, after, y);
}

/// The filters of a convolution.
#[derive(Clone, Copy)]
pub enum Source<'a, T> {
    /// As PyTorch has them.
    Plain(&'a [T]),
    /// Transformed before.
    Ready(&'a Filters<T>),
}

/// `dx[n,i,j,c] = Σ dy[n, i-r+top, j-s+left, o] weight[o,c,r,s]`, the gradient of x.
///
/// weight is `[cout, cin, 3, 3]`, dy `[n, oh, ow, cout]`, dx `[n, h, w, cin]`.
pub fn backward_data<T: Real>(s: &Shape3x3, weight: &[T], dy: &[T], dx: &mut [T]) {
    backward_data_by(cost::cheaper(&s.adjoint()), s, weight, dy, dx);
}

/// [`backward_data`] with a given tile.
pub fn backward_data_by<T: Real>(tile: Tile, s: &Shape3x3, weight: &[T], dy: &[T], dx: &mut [T]) {
    s.check();
    assert_eq!(dx.len(), s.inputs(), "winograd: dx is not [n, h, w, cin]");
    assert_eq!(
        weight.len(),
        s.weights(),
        "winograd: weight is not [cout, cin, 3, 3]"
    );
    assert_eq!(
        dy.len(),
        s.outputs(),
        "winograd: dy is not [n, oh, ow, cout]"
    );
    if s.outputs() == 0 {
        return dx.fill(T::ZERO);
    }
    convolve(
        tile,
        &s.adjoint(),
        dy,
        Weights::turned(weight),
        None,
        None,
        dx,
    );
}

/// `dw[o,c,r,s] = Σ x[n, i+r-top, j+s-left, c] dy[n,i,j,o]`, the gradient of weight.
///
/// x is `[n, h, w, cin]`, dy `[n, oh, ow, cout]`, dw `[cout, cin, 3, 3]`. The order of summation
/// depends on the number of threads only.
pub fn backward_weights<T: Real>(s: &Shape3x3, x: &[T], dy: &[T], dw: &mut [T]) {
    backward_weights_by(cost::cheaper(s), s, x, dy, dw);
}

/// [`backward_weights`] with a given tile.
pub fn backward_weights_by<T: Real>(tile: Tile, s: &Shape3x3, x: &[T], dy: &[T], dw: &mut [T]) {
    s.check();
    assert_eq!(x.len(), s.inputs(), "winograd: x is not [n, h, w, cin]");
    assert_eq!(
        dy.len(),
        s.outputs(),
        "winograd: dy is not [n, oh, ow, cout]"
    );
    assert_eq!(
        dw.len(),
        s.weights(),
        "winograd: dw is not [cout, cin, 3, 3]"
    );
    if s.outputs() == 0 {
        return dw.fill(T::ZERO);
    }
    if let (Some(x), Some(dy)) = (T::as_f32(x), T::as_f32(dy))
        && let Some(dw) = T::as_f32_mut(dw)
    {
        let g = Gradient {
            shape: *s,
            x,
            dy,
            dw: Shared(dw.as_mut_ptr()),
        };
        // SAFETY: `isa` names only sets the processor has; the sizes were checked above.
        unsafe { run_f32!(g, tile) }
    } else {
        let g = Gradient {
            shape: *s,
            x,
            dy,
            dw: Shared(dw.as_mut_ptr()),
        };
        // SAFETY: plain code; the sizes were checked above.
        unsafe { run!(g, tile, Plain<T>) }
    }
}

/// The filters of a pass.
#[derive(Clone, Copy)]
struct Weights<'a, T> {
    data: &'a [T],
    /// Whether they belong to the adjoint of the convolution.
    turned: bool,
    /// Transformed, if they are.
    ready: Option<&'a [T]>,
}

impl<'a, T> Weights<'a, T> {
    fn plain(data: &'a [T]) -> Self {
        Self {
            data,
            turned: false,
            ready: None,
        }
    }

    fn turned(data: &'a [T]) -> Self {
        Self {
            turned: true,
            ..Self::plain(data)
        }
    }
}

/// A convolution of shape `s`.
fn convolve<T: Real>(
    tile: Tile,
    s: &Shape3x3,
    x: &[T],
    weights: Weights<T>,
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    y: &mut [T],
) {
    if s.outputs() == 0 {
        return;
    }
    if let (Some(x), Some(data)) = (T::as_f32(x), T::as_f32(weights.data))
        && let Some(y) = T::as_f32_mut(y)
    {
        let weights = Weights {
            data,
            turned: weights.turned,
            ready: weights.ready.and_then(T::as_f32),
        };
        let after = after.and_then(Epilogue::as_f32);
        let layer = layer(s, x, weights, bias.and_then(T::as_f32), after.as_ref(), y);
        // SAFETY: `isa` names only sets the processor has; the callers have checked the sizes.
        unsafe { run_f32!(layer, tile) }
    } else {
        let layer = layer(s, x, weights, bias, after, y);
        // SAFETY: plain code; the callers have checked the sizes.
        unsafe { run!(layer, tile, Plain<T>) }
    }
}

fn layer<'a, T: Real>(
    s: &Shape3x3,
    x: &'a [T],
    weights: Weights<'a, T>,
    bias: Option<&'a [T]>,
    after: Option<&'a Epilogue<'a, T>>,
    y: &mut [T],
) -> Layer<'a, T> {
    Layer {
        shape: *s,
        x,
        filter: filter(s, weights.data, weights.turned),
        ready: weights.ready,
        bias,
        after,
        y: Shared(y.as_mut_ptr()),
    }
}

/// Filters as a pass of shape `s` reads them; `turned` says that they belong to its adjoint.
fn filter<T: Real>(s: &Shape3x3, weight: &[T], turned: bool) -> Filter<T> {
    let (out_step, in_step) = match turned {
        true => (9, s.cout * 9),
        false => (s.cin * 9, 9),
    };
    Filter {
        data: Shared::reading(weight),
        outs: s.cout,
        out_step,
        in_step,
        turned,
    }
}
