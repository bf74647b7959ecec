//! Every operation, whatever its inputs lie like in memory and however few they are: against Burn's
//! own, in f32.

#[path = "../common/mod.rs"]
mod common;

mod pictures;
mod rows;

use burn::tensor::{DType, Int, Tensor};
use common::{Args, Input, Rng, Run, flat, forward, integers, run};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Difference that is accepted, as a share of the largest value, or of 1.
const TOLERANCE: f64 = 1e-4;

/// How an input lies in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    Dense,
    /// The last two axes are exchanged.
    Swapped,
    /// All axes in the opposite order.
    Reversed,
    /// Inside of a tensor that is larger along every axis.
    Window,
    /// Inside of one that is longer along the last axis only: rows are whole, with gaps between.
    Columns,
    /// One element along the first axis stands for all of them (stride 0).
    Repeated,
}

const LAYOUTS: [Layout; 5] = [
    Layout::Swapped,
    Layout::Reversed,
    Layout::Window,
    Layout::Columns,
    Layout::Repeated,
];

impl Layout {
    /// The shape in memory.
    fn stored(self, shape: &[usize]) -> Vec<usize> {
        let (mut stored, rank) = (shape.to_vec(), shape.len());
        match self {
            Self::Dense => {}
            Self::Swapped if rank > 1 => stored.swap(rank - 2, rank - 1),
            Self::Swapped => {}
            Self::Reversed => stored.reverse(),
            Self::Window => stored.iter_mut().for_each(|n| *n += 3),
            Self::Columns => stored[rank - 1] += 5,
            Self::Repeated => stored[0] = stored[0].min(1),
        }
        stored
    }

    /// The view of `shape`.
    fn view<const D: usize>(self, x: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
        match self {
            Self::Dense => x,
            Self::Swapped if D > 1 => x.swap_dims(D - 2, D - 1),
            Self::Swapped => x,
            Self::Reversed => x.permute(std::array::from_fn::<usize, D, _>(|d| D - 1 - d)),
            Self::Window => (0..D).fold(x, |x, d| x.narrow(d, 2, shape[d])),
            Self::Columns => x.narrow(D - 1, 3, shape[D - 1]),
            Self::Repeated => x.expand(shape),
        }
    }
}

/// The inputs of an operation, seen through their layouts.
struct Seen<'a> {
    args: &'a Args<'a>,
    shapes: &'a [Vec<usize>],
    layouts: &'a [Layout],
}

impl Seen<'_> {
    /// Input number `i`.
    fn get<const D: usize>(&self, i: usize) -> Tensor<D> {
        let shape: [usize; D] = self.shapes[i].clone().try_into().expect("the rank");
        self.layouts[i].view(self.args.get(i), shape)
    }

    /// Whole numbers below `limit`, a view if `turned`.
    fn ids(&self, shape: [usize; 2], limit: usize, turned: bool) -> Tensor<2, Int> {
        let mut rng = Rng(5);
        let values: Vec<usize> = (0..shape[0] * shape[1]).map(|_| rng.below(limit)).collect();
        let device = self.args.device();
        match turned {
            true => integers(&values, [shape[1], shape[0]], &device).transpose(),
            false => integers(&values, shape, &device),
        }
    }
}

type Body = Box<dyn Fn(&Seen) -> Tensor<1>>;

/// An operation by us and by Burn.
struct Op {
    name: String,
    /// For a batch of some size.
    shapes: Box<dyn Fn(usize) -> Vec<Vec<usize>>>,
    ours: Body,
    burns: Body,
}

fn op(
    name: impl Into<String>,
    shapes: impl Fn(usize) -> Vec<Vec<usize>> + 'static,
    ours: impl Fn(&Seen) -> Tensor<1> + 'static,
    burns: impl Fn(&Seen) -> Tensor<1> + 'static,
) -> Op {
    Op {
        name: name.into(),
        shapes: Box::new(shapes),
        ours: Box::new(ours),
        burns: Box::new(burns),
    }
}

/// All elements in a row, the last axis first, so that the gradient comes back as a view. (Burn reads
/// the size 0 in a new shape as "that of this axis before", so nothing stays as it is.)
fn turned<const D: usize>(y: Tensor<D>) -> Tensor<1> {
    match y.shape().num_elements() {
        0 => flat(y),
        _ => flat(y.permute(std::array::from_fn::<usize, D, _>(|d| D - 1 - d))),
    }
}

/// A row to be broadcast.
fn row<const D: usize>(x: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[D - 1] = x.dims()[0];
    x.reshape(shape)
}

fn operations() -> Vec<Op> {
    let mut all = pictures::operations();
    all.extend(rows::operations());
    all
}

/// Asserts that `a` is `b` within the tolerance, relative to the largest value or to 1: a gradient that
/// is one sum of all elements may be near 0 by chance.
fn assert_close(what: &str, a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len(), "{what}: lengths");
    let scale = b.iter().map(|v| v.abs()).fold(1.0, f64::max);
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        let close = (a - b).abs() <= TOLERANCE * scale;
        assert!(close, "{what}: element {i} is {a}, not {b}");
    }
}

/// Compares an operation with Burn's, outputs and all gradients, in and outside of a graph.
fn compare(op: &Op, batch: usize, layouts: &[Layout]) {
    let shapes = (op.shapes)(batch);
    let mut rng = Rng(40);
    let inputs: Vec<Input> = shapes
        .iter()
        .zip(layouts)
        .map(|(shape, layout)| Input::normal(&mut rng, &layout.stored(shape)))
        .collect();
    let by = |body: &Body, args: &Args| {
        body(&Seen {
            args,
            shapes: &shapes,
            layouts,
        })
    };
    let what = format!("{}, batch {batch}, {layouts:?}", op.name);
    let ours = run(&inputs, DType::F32, |args| by(&op.ours, args));
    let burns = || run(&inputs, DType::F32, |args| by(&op.burns, args));
    let burns = match batch {
        // Some of Burn's operations refuse an empty batch; its answer can only be nothing.
        0 => catch_unwind(AssertUnwindSafe(burns)).unwrap_or_else(|_| nothing(&ours)),
        _ => burns(),
    };
    assert_close(&format!("{what}: output"), &ours.output, &burns.output);
    for i in 0..inputs.len() {
        let name = format!("{what}: gradient {i}");
        assert_close(&name, ours.gradient(i), burns.gradient(i));
    }
    let plain = forward(&inputs, DType::F32, |args| by(&op.ours, args));
    assert_close(&format!("{what}: without a graph"), &plain, &ours.output);
}

/// Zeros in the place of every number.
fn nothing(run: &Run) -> Run {
    let zeros = |gradient: &Option<Vec<f64>>| gradient.as_ref().map(|g| vec![0.0; g.len()]);
    Run {
        output: vec![0.0; run.output.len()],
        gradients: run.gradients.iter().map(zeros).collect(),
    }
}

/// Checks every operation, also those after one that fails.
fn check_all(check: impl Fn(&Op)) {
    let fails = |op: &Op| catch_unwind(AssertUnwindSafe(|| check(op))).is_err();
    let all = operations();
    let failed: Vec<_> = all
        .iter()
        .filter(|op| fails(op))
        .map(|op| &op.name)
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn every_input_may_be_a_view() {
    check_all(|op| {
        let count = (op.shapes)(3).len();
        for layout in LAYOUTS {
            for i in 0..count {
                let mut layouts = vec![Layout::Dense; count];
                layouts[i] = layout;
                compare(op, 3, &layouts);
            }
            compare(op, 3, &vec![layout; count]);
        }
    });
}

#[test]
fn a_batch_may_be_empty_or_single() {
    check_all(|op| {
        let count = (op.shapes)(3).len();
        for layout in [Layout::Dense, Layout::Swapped, Layout::Window] {
            compare(op, 1, &vec![layout; count]);
        }
        compare(op, 0, &vec![Layout::Dense; count]);
        // Burn keeps no graph of a part of nothing, and shapes only a first axis to nothing.
        let swapped = |shape: &Vec<usize>| match shape.as_slice() {
            [0, _] => Layout::Dense,
            _ => Layout::Swapped,
        };
        let shapes = (op.shapes)(0);
        compare(op, 0, &shapes.iter().map(swapped).collect::<Vec<_>>());
    });
}

/// Dropout has another noise than Burn's: a view must give what its copy gives.
#[test]
fn dropout_of_a_view_is_that_of_its_copy() {
    for layout in LAYOUTS {
        let fewest = usize::from(layout != Layout::Swapped);
        for batch in fewest..=3 {
            let shape = [batch, 5, 30];
            let input = [Input::normal(&mut Rng(41), &layout.stored(&shape))];
            let [view, copy] = [false, true].map(|copied| {
                run(&input, DType::F32, |args| {
                    let x = layout.view(args.get::<3>(0), shape);
                    // Through one row, which has no gaps.
                    let x = match copied && batch > 0 {
                        true => flat(x).reshape(shape),
                        false => x,
                    };
                    turned(common::dropout(x, 7, 0.4))
                })
            });
            assert_eq!(view.output, copy.output, "{layout:?}");
            assert_eq!(view.gradients, copy.gradients, "{layout:?}");
        }
    }
}
