//! Norms, activations, dropout, softmax and losses.

use super::entry::{Entry, Pass, Ready, Setting, Work};
use super::pools::TOGETHER;
use burn::tensor::Tensor;
use modelwright_kernels::nn::{
    Activation, Dropout, Labels, LayerNorm, RmsNorm, activate, binary_cross_entropy, cross_entropy,
    mse, softmax,
};

// Operations of an elementary function, counted in `cpu/math.rs` (a fused multiply-add is two).
const EXP: usize = 21;
const ERF: usize = 27 + EXP;
const SIGMOID: usize = EXP + 2;

/// Operations for each element, forward and backward.
fn of_activation(activation: Activation) -> [usize; 2] {
    match activation {
        Activation::Gelu => [ERF + 4, ERF + EXP + 8],
        Activation::Silu => [SIGMOID + 1, SIGMOID + 5],
        _ => [1, 1],
    }
}

/// What works on rows of features.
pub fn rows(rows: usize, features: usize) -> Vec<Entry> {
    let size = [rows, features];
    let mut all = Vec::new();
    all.extend(norm("layer norm", size, [8, 11], |s, features| {
        let layer = s.layer(LayerNorm::new(features, 1e-5, &s.device));
        Box::new(move |x| layer.forward(x))
    }));
    all.extend(norm("RMS norm", size, [4, 8], |s, features| {
        let layer = s.layer(RmsNorm::new(features, 1e-6, &s.device));
        Box::new(move |x| layer.forward(x))
    }));
    for (name, activation) in [
        ("GELU", Activation::Gelu),
        ("SiLU", Activation::Silu),
        ("ReLU", Activation::Relu),
    ] {
        let flop = of_activation(activation);
        all.extend(norm(name, size, flop, move |_, _| {
            Box::new(move |x| activate(x, activation))
        }));
    }
    // The hash of an element is whole numbers.
    all.extend(norm("dropout", size, [1, 1], |_, _| {
        let layer = Dropout::new(0.1);
        Box::new(move |x| layer.forward(x))
    }));
    all
}

/// An operation that keeps the shape of rows.
type Map = Box<dyn Fn(Tensor<2>) -> Tensor<2>>;

/// Forward reads x and writes y; backward reads dy and x (dropout: nothing else), writes dx.
fn norm(
    kernel: &'static str,
    [rows, features]: [usize; 2],
    flop: [usize; 2],
    make: impl Fn(&Setting, usize) -> Map + Copy + 'static,
) -> Vec<Entry> {
    let (shape, count) = (format!("{rows}x{features}"), rows * features);
    let ready = move |s: &mut Setting| -> Ready<2> {
        let (map, x) = (make(s, features), s.input([rows, features]));
        Box::new(move || map(x.clone()))
    };
    let entry = |pass| {
        let work = match pass {
            Pass::Forward => Work::new(flop[0] * count, 2 * count),
            _ if kernel == "dropout" => Work::new(flop[1] * count, 2 * count),
            _ => Work::new(flop[1] * count, 3 * count),
        };
        Entry::operation(kernel, &shape, pass, work, ready)
    };
    TOGETHER.into_iter().map(entry).collect()
}

/// What works on rows of logits: softmax, and cross-entropy, whose forward pass makes the
/// gradient, so that backward only scales it.
pub fn logits(rows: usize, classes: usize) -> Vec<Entry> {
    let (shape, count) = (format!("{rows}x{classes}"), rows * classes);
    let softmaxes = TOGETHER.map(|pass| {
        let work = match pass {
            Pass::Forward => Work::new((EXP + 4) * count, 2 * count),
            _ => Work::new(4 * count, 3 * count),
        };
        let make = move |s: &mut Setting| -> Ready<2> {
            let x = s.input([rows, classes]);
            Box::new(move || softmax(x.clone()))
        };
        Entry::operation("softmax", &shape, pass, work, make)
    });
    let entropies = TOGETHER.map(|pass| {
        let flop = if pass == Pass::Forward { EXP + 5 } else { 1 };
        let work = Work::new(flop * count, 2 * count);
        let work = match pass {
            Pass::Forward => work,
            _ => work.on(count),
        };
        let make = move |s: &mut Setting| -> Ready<1> {
            let labels = s.source.labels(rows, classes as u32);
            let labels = Labels::new(&labels, &[], &s.device);
            let x = s.input([rows, classes]);
            Box::new(move || cross_entropy(x.clone(), &labels, 0.0))
        };
        Entry::operation("cross-entropy", &shape, pass, work, make)
    });
    softmaxes.into_iter().chain(entropies).collect()
}

/// Losses of single elements; they make their gradient in the forward pass too.
pub fn elements(count: usize) -> Vec<Entry> {
    type Loss = fn(Tensor<2>, Tensor<2>) -> Tensor<1>;
    // Binary cross-entropy takes an exponential, a logarithm of about the same cost, and a quotient.
    let losses: [(&str, usize, Loss); 2] = [
        (
            "binary cross-entropy",
            2 * EXP + 8,
            binary_cross_entropy::<2>,
        ),
        ("squared error", 3, mse),
    ];
    let entries = |(kernel, flop, loss): (&'static str, usize, Loss)| {
        TOGETHER.map(|pass| {
            let work = match pass {
                Pass::Forward => Work::new(flop * count, 3 * count),
                _ => Work::new(count, 2 * count).on(count),
            };
            let make = move |s: &mut Setting| -> Ready<1> {
                let (target, x) = (s.source.bits([count, 1]), s.input([count, 1]));
                Box::new(move || loss(x.clone(), target.clone()))
            };
            Entry::operation(kernel, &format!("{count}"), pass, work, make)
        })
    };
    losses.into_iter().flat_map(entries).collect()
}
