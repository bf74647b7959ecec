//! Batch norm and pooling.

use super::entry::{Entry, Pass, Ready, Setting, Work};
use super::layers::Window;
use super::products::{lying, pictures};
use modelwright_kernels::nn::{AvgPool2d, BatchNorm, MaxPool2d, global_avg_pool};

/// Forward, and all gradients at once.
pub const TOGETHER: [Pass; 2] = [Pass::Forward, Pass::Backward];

/// Batch norm with a ReLU: forward reads x twice (statistics, then y), backward reads x and dy twice
/// (sums, then dx).
pub fn batch_norm(batch: usize, side: usize, channels: usize) -> Vec<Entry> {
    let count = batch * side * side * channels;
    let shape = format!("{batch}x{side}x{side}x{channels}");
    let make = move |s: &mut Setting| -> Ready<4> {
        let layer = s.layer(BatchNorm::new(channels, &s.device));
        let x = s.input([batch, side, side, channels]);
        Box::new(move || lying(layer.forward_relu(pictures(x.clone()))))
    };
    let entry = |pass| {
        let work = match pass {
            Pass::Forward => Work::new(7 * count, 3 * count).on(2 * count),
            _ => Work::new(10 * count, 5 * count).on(3 * count),
        };
        Entry::operation("batch norm, ReLU", &shape, pass, work, make)
    };
    TOGETHER.into_iter().map(entry).collect()
}

/// The shape for people, and numbers in and out.
fn sizes(w: Window) -> (String, usize, usize) {
    let out = (w.side + 2 * w.padding - w.kernel) / 2 + 1;
    let shape = format!(
        "{}x{side}x{side}x{}, {k}x{k}, stride 2",
        w.batch,
        w.channels,
        side = w.side,
        k = w.kernel
    );
    let maps = w.batch * w.channels;
    (shape, maps * w.side * w.side, maps * out * out)
}

/// Max pooling; it writes a position for each output, which its gradient reads.
pub fn max_pool(w: Window) -> Vec<Entry> {
    let (shape, inputs, outputs) = sizes(w);
    let work = Work::new(outputs * w.kernel * w.kernel, inputs + 2 * outputs);
    let make = move |s: &mut Setting| -> Ready<4> {
        let x = s.input([w.batch, w.side, w.side, w.channels]);
        let layer = MaxPool2d::new(w.kernel, 2, w.padding);
        Box::new(move || lying(layer.forward(pictures(x.clone()))))
    };
    let entry = |pass| Entry::operation("max pool", &shape, pass, work, make);
    TOGETHER.into_iter().map(entry).collect()
}

/// Average pooling.
pub fn average_pool(w: Window) -> Vec<Entry> {
    let (shape, inputs, outputs) = sizes(w);
    let work = Work::new(outputs * w.kernel * w.kernel, inputs + outputs);
    let make = move |s: &mut Setting| -> Ready<4> {
        let x = s.input([w.batch, w.side, w.side, w.channels]);
        let layer = AvgPool2d::new(w.kernel, 2, w.padding);
        Box::new(move || lying(layer.forward(pictures(x.clone()))))
    };
    let entry = |pass| Entry::operation("average pool", &shape, pass, work, make);
    TOGETHER.into_iter().map(entry).collect()
}

/// The mean over all pixels.
pub fn global_pool(batch: usize, side: usize, channels: usize) -> Vec<Entry> {
    let (inputs, outputs) = (batch * side * side * channels, batch * channels);
    let shape = format!("{batch}x{side}x{side}x{channels}");
    let make = move |s: &mut Setting| -> Ready<2> {
        let x = s.input([batch, side, side, channels]);
        Box::new(move || global_avg_pool(pictures(x.clone())))
    };
    let work = Work::new(inputs, inputs + outputs);
    let entry = |pass| Entry::operation("global average", &shape, pass, work, make);
    TOGETHER.into_iter().map(entry).collect()
}
