//! Filters transformed before they are used.

use super::forward::{Measure, Prepare};
use super::panels::Shared;
use super::vector::Plain;
#[cfg(target_arch = "x86_64")]
use super::vector::{Ymm, Zmm};
use super::{F2, F4, Shape3x3, Tile, cost, filter};
use crate::buffer::{Scratch, scratch};
use crate::isa::{Isa, isa};
use crate::real::Real;

/// Transformed filters, for use many times: 1.8 (F2) or 4 times as large as the weights, 3 MB at most.
pub struct Filters<T> {
    transformed: Scratch<T>,
    tile: Tile,
    channels: [usize; 2],
}

impl<T: Real> Filters<T> {
    /// Of `weight[cout, cin, 3, 3]`, for images of these sizes; none if they are too large to gain
    /// from it (reading them takes as long as making them), or would meet too few tiles.
    pub fn new(s: &Shape3x3, weight: &[T]) -> Option<Self> {
        s.check();
        assert_eq!(
            weight.len(),
            s.weights(),
            "winograd: weight is not [cout, cin, 3, 3]"
        );
        let tile = cost::cheaper(s);
        let mut transformed = scratch(measure::<T>(s, tile)?);
        prepare(s, tile, weight, &mut transformed);
        Some(Self {
            transformed,
            tile,
            channels: [s.cin, s.cout],
        })
    }

    /// The filters as the product reads them.
    pub fn transformed(&self) -> &[T] {
        &self.transformed
    }

    /// Whether a convolution of these sizes uses these filters.
    pub fn fit(&self, s: &Shape3x3) -> bool {
        self.tile == cost::cheaper(s)
            && self.channels == [s.cin, s.cout]
            && measure::<T>(s, self.tile) == Some(self.transformed.len())
    }
}

/// How many elements the transformed filters are, if they are made at once.
fn measure<T: Real>(s: &Shape3x3, tile: Tile) -> Option<usize> {
    let sizes = Measure { shape: *s };
    match T::as_f32(&[]) {
        Some(_) => run_f32!(sizes, tile),
        None => run!(sizes, tile, Plain<T>),
    }
}

fn prepare<T: Real>(s: &Shape3x3, tile: Tile, weight: &[T], out: &mut [T]) {
    fn job<T: Real>(s: &Shape3x3, weight: &[T], out: &mut [T]) -> Prepare<T> {
        Prepare {
            shape: *s,
            filter: filter(s, weight, false),
            out: Shared(out.as_mut_ptr()),
        }
    }
    if let (Some(weight), Some(out)) = (T::as_f32(weight), T::as_f32_mut(out)) {
        let job = job(s, weight, out);
        // SAFETY: `isa` names only sets the processor has; the caller has checked the sizes.
        unsafe { run_f32!(job, tile) }
    } else {
        let job = job(s, weight, out);
        // SAFETY: plain code; the caller has checked the sizes.
        unsafe { run!(job, tile, Plain<T>) }
    }
}
