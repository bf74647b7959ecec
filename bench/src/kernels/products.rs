//! Linear layers and convolutions.

use super::entry::{Entry, Pass, Ready, Setting, Work};
use super::layers::Conv;
use burn::tensor::Tensor;
use modelwright_kernels::cpu::winograd::{self, Shape3x3, Tile};
use modelwright_kernels::nn::{Conv2d, ConvSpec, ConvTranspose2d, FeatureMap, Init, Linear};

/// Forward, and the two gradients apart.
const APART: [Pass; 3] = [Pass::Forward, Pass::Input, Pass::Weights];

/// `[n, h, w, c]` in memory as what layers take.
pub fn pictures(x: Tensor<4>) -> FeatureMap {
    FeatureMap::from_nchw(x.permute([0, 3, 1, 2]))
}

/// As it lies in memory, `[n, h, w, c]`: a gradient of ones then has that order too, as it has
/// inside a network.
pub fn lying(x: FeatureMap) -> Tensor<4> {
    x.into_nchw().permute([0, 2, 3, 1])
}

/// A product; also as inference runs it, where panels of the weights are kept.
pub fn linear(rows: usize, from: usize, to: usize) -> Vec<Entry> {
    let shape = format!("{rows}x{from} to {to}");
    let work = Work::new(2 * rows * from * to, rows * from + from * to + rows * to);
    let make = move |s: &mut Setting| -> Ready<2> {
        let layer = Linear::without_bias(from, to, Init::Default, &s.device);
        let (layer, x) = (s.layer(layer), s.input([rows, from]));
        Box::new(move || layer.forward(x.clone()))
    };
    let passes = [Pass::Forward, Pass::Inference, Pass::Input, Pass::Weights];
    let entry = |pass| Entry::operation("linear", &shape, pass, work, make);
    passes.into_iter().map(entry).collect()
}

/// A convolution.
pub fn conv(c: Conv) -> Vec<Entry> {
    let ([from, to], padding) = (c.channels, c.kernel / 2);
    let out = (c.side + 2 * padding - c.kernel) / c.stride + 1;
    let groups = if c.depthwise { from } else { 1 };
    let spec = ConvSpec {
        stride: c.stride,
        padding,
        groups,
        ..ConvSpec::new(c.channels, c.kernel)
    };
    let (inputs, outputs) = (c.batch * c.side * c.side * from, c.batch * out * out * to);
    let taps = c.kernel * c.kernel * from / groups;
    let plain = Work::new(2 * outputs * taps, inputs + outputs + to * taps);
    let shape = format!(
        "{}x{side}x{side}x{from} to {to}, stride {}",
        c.batch,
        c.stride,
        side = c.side
    );
    let make = move |s: &mut Setting| -> Ready<4> {
        let layer = s.layer(Conv2d::before_norm(spec, Init::Default, &s.device));
        let x = s.input([c.batch, c.side, c.side, from]);
        Box::new(move || lying(layer.forward(pictures(x.clone()))))
    };
    let entry = |pass| {
        let tile = tile(c, pass);
        let flop = tile.map_or(plain.flop, |tile| winograd_flop(c, tile));
        let kernel = match (tile, c.kernel) {
            (Some(Tile::F2), _) => "conv 3x3, Winograd F2",
            (Some(Tile::F4), _) => "conv 3x3, Winograd F4",
            (None, 1) => "conv 1x1",
            (None, 3) if c.depthwise => "conv 3x3, depthwise",
            (None, 3) => "conv 3x3, direct",
            _ => "conv 7x7, stem",
        };
        Entry::operation(kernel, &shape, pass, Work { flop, ..plain }, make)
    };
    let all = [Pass::Forward, Pass::Inference, Pass::Input, Pass::Weights];
    // A stem gets pictures, of which nobody wants a gradient.
    let wanted = |pass: &Pass| c.kernel < 7 || *pass != Pass::Input;
    all.into_iter().filter(wanted).map(entry).collect()
}

/// The tile with which a pass of a convolution runs, if by Winograd's algorithm.
fn tile(c: Conv, pass: Pass) -> Option<Tile> {
    if c.kernel != 3 || c.stride != 1 || c.depthwise {
        return None;
    }
    let shape = Shape3x3 {
        n: c.batch,
        h: c.side,
        w: c.side,
        cin: c.channels[0],
        cout: c.channels[1],
        pad: [1; 4],
    };
    let forward = winograd::tile(&shape)?;
    match pass {
        Pass::Input => winograd::tile(&shape.adjoint()).or(Some(forward)),
        _ => Some(forward),
    }
}

/// Operations of the products of transformed tiles; the transforms come on top.
fn winograd_flop(c: Conv, tile: Tile) -> f64 {
    let (m, points) = match tile {
        Tile::F2 => (2, 16),
        Tile::F4 => (4, 36),
    };
    let tiles = c.batch * c.side.div_ceil(m).pow(2);
    (points * tiles * 2 * c.channels[0] * c.channels[1]) as f64
}

/// A transposed convolution.
pub fn transposed(batch: usize, side: usize, channels: [usize; 2], kernel: usize) -> Vec<Entry> {
    let [from, to] = channels;
    let (pixels, taps) = (batch * side * side, kernel * kernel);
    let shape = format!("{batch}x{side}x{side}x{from} to {to}, {kernel}x{kernel}");
    let numbers = pixels * (from + taps * to) + from * to * taps;
    let work = Work::new(2 * pixels * from * to * taps, numbers);
    let make = move |s: &mut Setting| -> Ready<4> {
        let layer = ConvTranspose2d::new(channels, kernel, Init::Default, &s.device);
        let (layer, x) = (s.layer(layer), s.input([batch, side, side, from]));
        Box::new(move || lying(layer.forward(pictures(x.clone()))))
    };
    let entry = |pass| Entry::operation("conv, transposed", &shape, pass, work, make);
    APART.into_iter().map(entry).collect()
}
