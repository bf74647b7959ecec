//! Depthwise convolution: every group has one input channel.
//!
//! There is nothing to share between channels: neighbouring channels are the lanes of a register, and
//! a block of pixels shares the weights. With several outputs for each channel the input is repeated first.

use super::Geometry;
use super::gather::{Sizes, Weights, gather, gather_all};
use super::plan::Axis;
use super::weights::Layout;
use crate::cpu::epilogue::Epilogue;
use crate::dispatch;
use crate::isa::Target;
use crate::par;
use crate::real::Real;
use std::borrow::Cow;

/// Channels whose sums are kept in registers.
const LANES: usize = 64;

/// Whether the convolution is done here.
pub(super) fn takes(g: &Geometry) -> bool {
    g.groups == g.cin && g.groups > 1
}

/// Every channel `times` times.
fn repeated<T: Real>(x: &[T], times: usize) -> Cow<'_, [T]> {
    match times {
        1 => Cow::Borrowed(x),
        _ => x
            .iter()
            .flat_map(|v| std::iter::repeat_n(*v, times))
            .collect::<Vec<_>>()
            .into(),
    }
}

/// One input and `channels` outputs, which are together in the weights `[channels, 1, kh, kw]`.
fn layout(channels: usize, area: usize) -> Layout {
    let (input_step, output_step) = (channels * area, area);
    Layout {
        groups: 1,
        inputs: 1,
        outputs: channels,
        area,
        input_step,
        output_step,
    }
}

/// [`super::forward`].
pub(super) fn forward<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    after: Option<&Epilogue<T>>,
    y: &mut [T],
) {
    let [rows, columns] = g.forward_axes(out);
    let x = repeated(x, g.cout / g.cin);
    let sizes = Sizes {
        n: g.n,
        from: [g.h, g.w, g.cout],
        to: [out[0], out[1], g.cout],
        kernel_width: g.kernel[1],
        depthwise: true,
    };
    let layout = layout(g.cout, g.kernel[0] * g.kernel[1]);
    gather(
        &sizes,
        &rows,
        &columns,
        &layout,
        &x,
        Weights::Plain(weight),
        bias,
        after,
        y,
    );
}

/// [`super::backward_data`].
pub(super) fn backward_data<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    weight: &[T],
    dy: &[T],
    bias: Option<&[T]>,
    dx: &mut [T],
) {
    let axes = g.backward_axes(out);
    let sizes = Sizes {
        n: g.n,
        from: [out[0], out[1], g.cout],
        to: [g.h, g.w, g.cout],
        kernel_width: g.kernel[1],
        depthwise: true,
    };
    let layout = layout(g.cout, g.kernel[0] * g.kernel[1]);
    let weight = Weights::Plain(weight);
    let all = |bias: Option<&[T]>, dx: &mut [T]| {
        gather_all(&sizes, &axes, &layout, dy, weight, bias, dx);
    };
    let times = g.cout / g.cin;
    if times == 1 {
        return all(bias, dx);
    }
    let mut wide = vec![T::ZERO; dx.len() * times];
    all(None, &mut wide);
    for (i, (dx, parts)) in dx.iter_mut().zip(wide.chunks_exact(times)).enumerate() {
        let bias = bias.map_or(T::ZERO, |bias| bias[i % g.cin]);
        *dx = parts.iter().fold(bias, |sum, part| sum + *part);
    }
}

/// What the weight gradient of one line of outputs needs.
struct Products<'a> {
    /// Columns.
    axis: &'a Axis,
    /// First pixel of the input row.
    input: usize,
    /// First pixel of the line of outputs.
    output: usize,
    /// Row of the kernel times its width.
    tap: usize,
    /// Channels.
    channels: usize,
}

/// Adds the sums of products over a range of outputs for `L` channels from `first`.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // all of them are sizes or operands
fn products<T: Real, I: Target, const L: usize>(
    p: &Products,
    offset: isize,
    outputs: std::ops::Range<usize>,
    x: &[T],
    dy: &[T],
    sums: &mut [T],
    first: usize,
) {
    let mut sum = [T::ZERO; L];
    for q in outputs {
        let input = p.input + ((q * p.axis.advance) as isize + offset) as usize;
        let x = &x[input * p.channels + first..][..L];
        let dy = &dy[(p.output + q) * p.channels + first..][..L];
        for ((sum, x), dy) in sum.iter_mut().zip(x).zip(dy) {
            *sum = x.fma::<I>(*dy, *sum);
        }
    }
    for (to, sum) in sums[first..first + L].iter_mut().zip(sum) {
        *to += sum;
    }
}

dispatch! {
    /// Adds to `sums[area, channels]` the products of one row of inputs and one of gradients.
    fn line_products<T>(p: &Products, x: &[T], dy: &[T], sums: &mut [T]) {
        let c = p.channels;
        for (j, offset) in &p.axis.taps {
            let sums = &mut sums[(p.tap + j) * c..(p.tap + j + 1) * c];
            let mut begin = 0;
            while begin < p.axis.count && p.axis.input(begin, *offset).is_none() {
                begin += 1;
            }
            let mut end = p.axis.count;
            while end > begin && p.axis.input(end - 1, *offset).is_none() {
                end -= 1;
            }
            let mut first = 0;
            while first + LANES <= c {
                products::<T, I, LANES>(p, *offset, begin..end, x, dy, sums, first);
                first += LANES;
            }
            while first + 16 <= c {
                products::<T, I, 16>(p, *offset, begin..end, x, dy, sums, first);
                first += 16;
            }
            while first < c {
                products::<T, I, 1>(p, *offset, begin..end, x, dy, sums, first);
                first += 1;
            }
        }
    }
}

/// [`super::backward_weights`].
pub(super) fn backward_weights<T: Real>(
    g: &Geometry,
    out: [usize; 2],
    x: &[T],
    dy: &[T],
    dw: &mut [T],
) {
    let [rows, columns] = g.forward_axes(out);
    let x = repeated(x, g.cout / g.cin);
    let (area, channels) = (g.kernel[0] * g.kernel[1], g.cout);
    let parts = par::map_ranges(g.n * out[0], par::pieces(dy.len() * 4), |lines| {
        let mut sums = vec![T::ZERO; area * channels];
        for at in lines {
            let (image, qy) = (at / out[0], at % out[0]);
            for (i, offset) in &rows.taps {
                if let Some(iy) = rows.input(qy, *offset) {
                    let input = (image * g.h + iy) * g.w;
                    let (output, tap) = (at * out[1], i * g.kernel[1]);
                    let p = Products {
                        axis: &columns,
                        input,
                        output,
                        tap,
                        channels,
                    };
                    line_products(&p, &x, dy, &mut sums);
                }
            }
        }
        sums
    });
    for (c, dw) in dw.chunks_exact_mut(area).enumerate() {
        for (t, dw) in dw.iter_mut().enumerate() {
            *dw = parts.iter().map(|part| part[t * channels + c]).sum();
        }
    }
}
