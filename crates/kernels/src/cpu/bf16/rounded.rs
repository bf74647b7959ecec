//! The products where the processor has none of bf16: operands rounded to bf16 values, f32 kernels.

use super::Linear;
use crate::buffer::{Scratch, scratch};
use crate::cpu::conv::{self, Geometry};
use crate::par;

/// [`Linear::forward`].
pub(super) fn forward(l: &Linear, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    conv::forward(&geometry(l), &rounded(x), &rounded(weight), bias, y);
}

/// [`Linear::backward_data`].
pub(super) fn backward_data(l: &Linear, weight: &[f32], dy: &[f32], dx: &mut [f32]) {
    conv::backward_data(&geometry(l), &rounded(weight), &rounded(dy), dx);
}

/// [`Linear::backward_weights`].
pub(super) fn backward_weights(l: &Linear, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    conv::backward_weights(&geometry(l), &rounded(x), &rounded(dy), dw);
}

fn geometry(l: &Linear) -> Geometry {
    Geometry::linear(l.rows, l.inputs, l.outputs)
}

/// A copy with every value rounded to bf16.
fn rounded(values: &[f32]) -> Scratch<f32> {
    let mut copy = scratch::<f32>(values.len());
    par::split_mut(&mut copy, 1, par::pieces(values.len()), |first, part| {
        for (to, value) in part.iter_mut().zip(&values[first..]) {
            *to = round(*value);
        }
    });
    copy
}

/// The nearest bf16 value, of two equally near ones the even one.
#[inline(always)]
pub(super) fn round(value: f32) -> f32 {
    let bits = value.to_bits();
    let up = 0x7fff + (bits >> 16 & 1);
    let nearest = f32::from_bits(bits.wrapping_add(up) & 0xffff_0000);
    // The addition could carry out of the digits of one that is not a number.
    if value.is_nan() { value } else { nearest }
}
