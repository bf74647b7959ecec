//! Weights between the layout of PyTorch and the panels of the kernels.

use super::lanes::{Kernels, Shared};
use crate::buffer::{Scratch, scratch};
use crate::cpu::transpose::transpose;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// How the weights of one product `[taps, inputs] x outputs` lie in `[cout, cin / groups, kh, kw]`.
pub(super) struct Layout {
    /// Groups.
    pub groups: usize,
    /// Channels of a group that are summed over.
    pub inputs: usize,
    /// Channels of a group that come out.
    pub outputs: usize,
    /// Elements of the kernel, kh x kw.
    pub area: usize,
    /// Distance between inputs.
    pub input_step: usize,
    /// Distance between outputs.
    pub output_step: usize,
}

impl Layout {
    /// Of a convolution.
    pub fn forward(groups: usize, inputs: usize, outputs: usize, area: usize) -> Self {
        let (input_step, output_step) = (area, inputs * area);
        Self {
            groups,
            inputs,
            outputs,
            area,
            input_step,
            output_step,
        }
    }

    /// Of the data gradient: the `inputs` are the output channels of the convolution.
    pub fn backward(groups: usize, inputs: usize, outputs: usize, area: usize) -> Self {
        let (input_step, output_step) = (outputs * area, area);
        Self {
            groups,
            inputs,
            outputs,
            area,
            input_step,
            output_step,
        }
    }

    /// Elements of one group.
    fn group(&self) -> usize {
        self.inputs * self.outputs * self.area
    }
}

/// Panels `[group][panel][taps, inputs, columns of the panel]` of the weights of `taps`, the last
/// register of each filled up with zeros.
pub(super) fn pack<T: Real>(
    weight: &[T],
    layout: &Layout,
    taps: &[usize],
    kernels: &Kernels<T>,
) -> Scratch<T> {
    let depth = taps.len() * layout.inputs;
    let group = depth * kernels.padded(layout.outputs);
    let mut packed = scratch::<T>(layout.groups * group);
    // One unit of work: a range of inputs of a panel.
    let panels = kernels.panels(layout.outputs);
    let pieces = par::pieces(layout.groups * group);
    let ranges = match pieces {
        1 => 1,
        _ => (4 * pieces)
            .div_ceil(panels.len() * layout.groups)
            .min(layout.inputs),
    };
    let each = layout.inputs.div_ceil(ranges);
    let to = Shared::new(&mut packed);
    let unit = |i: usize| {
        let (g, i) = (i / (panels.len() * ranges), i % (panels.len() * ranges));
        let (first, used, padded) = panels[i / ranges];
        let inputs = i % ranges * each..layout.inputs.min((i % ranges + 1) * each);
        let most = inputs_at_once(layout.area, padded);
        // Columns of padding stay zero throughout.
        let mut block = vec![T::ZERO; most * layout.area * padded];
        let base = g * layout.group() + first * layout.output_step;
        let panel = g * group + depth * first;
        for start in inputs.clone().step_by(most) {
            let count = most.min(inputs.end - start);
            let from = &weight[base + start * layout.input_step..];
            turn(from, layout, taps, count, used, padded, &mut block);
            for (t, tap) in taps.iter().enumerate() {
                for c in 0..count {
                    let from = &block[(c * layout.area + tap) * padded..][..padded];
                    let to = to.at(panel + (t * layout.inputs + start + c) * padded);
                    // SAFETY: this row of the panel is only written here, and is inside the
                    // buffer.
                    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, padded) };
                }
            }
        }
    };
    match pieces {
        1 => (0..layout.groups * panels.len() * ranges).for_each(unit),
        _ => (0..layout.groups * panels.len() * ranges)
            .into_par_iter()
            .for_each(unit),
    }
    packed
}

/// Inputs that are rearranged at a time: whole cache lines on both sides, and a block in between
/// that stays in the first-level cache.
fn inputs_at_once(area: usize, columns: usize) -> usize {
    (BLOCK / (area * columns)).clamp(4, 64)
}

/// Elements of a block.
const BLOCK: usize = 6144;

/// `block[input, tap, column]` of weights that begin at `weight`.
fn turn<T: Real>(
    weight: &[T],
    layout: &Layout,
    taps: &[usize],
    inputs: usize,
    columns: usize,
    padded: usize,
    block: &mut [T],
) {
    let area = layout.area;
    if layout.input_step == area && 2 * taps.len() > area {
        // Inputs and taps are together: one run for each column.
        transpose(
            weight,
            layout.output_step,
            block,
            padded,
            columns,
            inputs * area,
        );
    } else if area == 1 {
        for (c, to) in block.chunks_exact_mut(padded).take(inputs).enumerate() {
            to[..columns].copy_from_slice(&weight[c * layout.input_step..][..columns]);
        }
    } else {
        for c in 0..inputs {
            let block = &mut block[c * area * padded..(c + 1) * area * padded];
            for tap in taps {
                let run = weight[c * layout.input_step + tap..]
                    .iter()
                    .step_by(layout.output_step);
                let to = block[tap * padded..][..columns].iter_mut();
                to.zip(run).for_each(|(to, value)| *to = *value);
            }
        }
    }
}

/// The inverse of [`pack`] for the forward layout, summing `parts` copies of the panels in order.
/// Taps that are missing get zero.
pub(super) fn unpack<T: Real>(
    packed: &[T],
    parts: usize,
    layout: &Layout,
    taps: &[usize],
    kernels: &Kernels<T>,
    weight: &mut [T],
) {
    let depth = taps.len() * layout.inputs;
    let group = depth * kernels.padded(layout.outputs);
    let whole = group * layout.groups;
    let pieces = par::pieces(weight.len());
    let panels = kernels.panels(layout.outputs);
    // One unit of work: the columns of one register, whose weights are together in PyTorch's layout.
    let row = layout.inputs * layout.area;
    let mut units: Vec<(usize, usize, &mut [T])> = Vec::new();
    for (g, part) in weight.chunks_mut(layout.group().max(1)).enumerate() {
        let blocks = part.chunks_mut(row * kernels.lanes).enumerate();
        units.extend(blocks.map(|(i, block)| (g, i * kernels.lanes, block)));
    }
    let unit = |(g, column, block): (usize, usize, &mut [T])| {
        let (first, _, padded) = panels[column / kernels.width()];
        let base = g * group + depth * first + column - first;
        let columns = block.len() / row;
        if 2 * taps.len() <= layout.area {
            block.fill(T::ZERO);
            for c in 0..layout.inputs {
                for (t, tap) in taps.iter().enumerate() {
                    let at = base + (t * layout.inputs + c) * padded;
                    for o in 0..columns {
                        let more = (1..parts).map(|part| packed[part * whole + at + o]);
                        let to = &mut block[o * row + c * layout.area + tap];
                        *to = more.fold(packed[at + o], |sum, value| sum + value);
                    }
                }
            }
            return;
        }
        let most = inputs_at_once(layout.area, kernels.lanes);
        let mut lines = vec![T::ZERO; most * layout.area * kernels.lanes];
        for start in (0..layout.inputs).step_by(most) {
            let inputs = most.min(layout.inputs - start);
            for (t, tap) in taps.iter().enumerate() {
                for c in 0..inputs {
                    let at = base + (t * layout.inputs + start + c) * padded;
                    let line =
                        &mut lines[(c * layout.area + tap) * kernels.lanes..][..kernels.lanes];
                    line.copy_from_slice(&packed[at..at + kernels.lanes]);
                    for part in 1..parts {
                        let more = &packed[part * whole + at..][..kernels.lanes];
                        line.iter_mut()
                            .zip(more)
                            .for_each(|(sum, value)| *sum += *value);
                    }
                }
            }
            let to = &mut block[start * layout.area..];
            transpose(
                &lines,
                kernels.lanes,
                to,
                row,
                inputs * layout.area,
                columns,
            );
        }
    };
    match pieces {
        1 => units.into_iter().for_each(unit),
        _ => units.into_par_iter().for_each(unit),
    }
}
