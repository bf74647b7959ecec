//! Convolutions, and linear layers as convolutions of single pixels, in the precision they are
//! recorded with.

use crate::cpu::{bf16, conv};
use crate::precision::Precision;
use crate::real::Real;

/// A convolution and its precision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) geometry: conv::Geometry,
    pub(super) precision: Precision,
}

impl Product {
    /// Of a linear layer.
    pub(super) fn linear([rows, inputs, outputs]: [usize; 3], precision: Precision) -> Self {
        Self {
            geometry: conv::Geometry::linear(rows, inputs, outputs),
            precision,
        }
    }

    /// The linear layer that is computed in bf16, if it is one.
    fn bf16(&self) -> Option<bf16::Linear> {
        let g = &self.geometry;
        let pixels = g.kernel == [1; 2] && g.stride == [1; 2] && g.pad == [0; 4] && g.groups == 1;
        (self.precision == Precision::Bf16 && pixels).then_some(bf16::Linear {
            rows: g.n * g.h * g.w,
            inputs: g.cin,
            outputs: g.cout,
        })
    }

    /// [`conv::forward`].
    pub(super) fn forward<T: Real>(&self, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
        if let Some(linear) = self.bf16()
            && let (Some(x), Some(weight)) = (T::as_f32(x), T::as_f32(weight))
            && let Some(y) = T::as_f32_mut(y)
        {
            return linear.forward(x, weight, bias.and_then(T::as_f32), y);
        }
        conv::forward(&self.geometry, x, weight, bias, y);
    }

    /// [`conv::backward_data`].
    pub(super) fn backward_data<T: Real>(&self, weight: &[T], dy: &[T], dx: &mut [T]) {
        if let Some(linear) = self.bf16()
            && let (Some(weight), Some(dy)) = (T::as_f32(weight), T::as_f32(dy))
            && let Some(dx) = T::as_f32_mut(dx)
        {
            return linear.backward_data(weight, dy, dx);
        }
        conv::backward_data(&self.geometry, weight, dy, dx);
    }

    /// [`conv::backward_weights`].
    pub(super) fn backward_weights<T: Real>(&self, x: &[T], dy: &[T], dw: &mut [T]) {
        if let Some(linear) = self.bf16()
            && let (Some(x), Some(dy)) = (T::as_f32(x), T::as_f32(dy))
            && let Some(dw) = T::as_f32_mut(dw)
        {
            return linear.backward_weights(x, dy, dw);
        }
        conv::backward_weights(&self.geometry, x, dy, dw);
    }
}
