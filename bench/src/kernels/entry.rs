//! One line of the table: an operation, what of it is timed, and how.

use super::clock::{self, Times};
use crate::data::Source;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// What of an operation is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Forward as in training, with what the backward pass needs written down.
    Forward,
    /// Forward outside of a graph.
    Inference,
    /// Backward, gradient of the input only.
    Input,
    /// Backward, gradients of the parameters only.
    Weights,
    /// Backward, all gradients.
    Backward,
    /// Update of parameters.
    Step,
}

impl Pass {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Inference => "inference",
            Self::Input => "dx",
            Self::Weights => "dW",
            Self::Backward => "backward",
            Self::Step => "step",
        }
    }
}

/// What a pass has to do.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Floating-point operations that the kernel makes.
    pub flop: f64,
    /// Operations of the plain algorithm; Winograd makes fewer.
    pub plain: f64,
    /// Bytes that it must read and write at least, each array once a pass over it.
    pub bytes: f64,
    /// Bytes of the arrays.
    pub data: f64,
}

impl Work {
    /// Operations, and f32 numbers read and written.
    pub fn new(flop: usize, numbers: usize) -> Self {
        Self {
            flop: flop as f64,
            plain: flop as f64,
            bytes: 4.0 * numbers as f64,
            data: 4.0 * numbers as f64,
        }
    }

    /// With arrays of fewer numbers, some of which are read and written, or read twice.
    pub fn on(self, numbers: usize) -> Self {
        Self {
            data: 4.0 * numbers as f64,
            ..self
        }
    }
}

/// What is timed; tensors are made only when it runs.
pub struct Entry {
    /// The kernel's family.
    pub kernel: &'static str,
    /// Sizes, for people.
    pub shape: String,
    /// What of it is timed.
    pub pass: Pass,
    /// What that has to do.
    pub work: Work,
    run: Box<dyn Fn(f64) -> Times>,
}

/// Where the tensors of an entry come from.
pub struct Setting {
    /// Makes values.
    pub source: Source,
    /// Where.
    pub device: Device,
    pass: Pass,
}

impl Setting {
    /// An input, tracked if the pass wants its gradient.
    pub fn input<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let x = self.source.values(shape);
        match self.pass {
            Pass::Forward | Pass::Input | Pass::Backward => x.require_grad(),
            Pass::Inference | Pass::Weights | Pass::Step => x,
        }
    }

    /// A layer, its parameters tracked if the pass wants their gradients.
    pub fn layer<M: Module>(&self, layer: M) -> M {
        match self.pass {
            Pass::Input | Pass::Inference => layer.no_grad(),
            _ => layer,
        }
    }
}

/// An operation that is ready to run.
pub type Ready<const D: usize> = Box<dyn Fn() -> Tensor<D>>;

impl Entry {
    /// An operation on tensors. Of a backward pass, only that is on the clock, less what Burn needs to
    /// start one and to walk the graph.
    pub fn operation<const D: usize>(
        kernel: &'static str,
        shape: &str,
        pass: Pass,
        work: Work,
        make: impl Fn(&mut Setting) -> Ready<D> + 'static,
    ) -> Self {
        let run = move |seconds: f64| {
            let plain = Device::flex();
            let device = match pass {
                Pass::Inference => plain,
                _ => plain.autodiff(),
            };
            let mut setting = Setting {
                source: Source::new(device.clone()),
                device,
                pass,
            };
            let operation = make(&mut setting);
            match pass {
                Pass::Forward | Pass::Inference | Pass::Step => {
                    clock::times(seconds, || (), |()| operation())
                }
                Pass::Input | Pass::Weights | Pass::Backward => backward(seconds, &*operation)
                    .without(start_of_backward(
                        seconds,
                        operation().shape().num_elements(),
                        &setting.device,
                    )),
            }
        };
        Self::new(kernel, shape, pass, work, run)
    }

    /// Anything that times itself, given the seconds it may take.
    pub fn new(
        kernel: &'static str,
        shape: &str,
        pass: Pass,
        work: Work,
        run: impl Fn(f64) -> Times + 'static,
    ) -> Self {
        Self {
            kernel,
            shape: shape.to_owned(),
            pass,
            work,
            run: Box::new(run),
        }
    }

    /// Times it for about `seconds`.
    pub fn time(&self, seconds: f64) -> Times {
        (self.run)(seconds)
    }

    /// What `--filter` looks for its text in.
    pub fn title(&self) -> String {
        format!("{} {} {}", self.kernel, self.pass.name(), self.shape)
    }
}

/// Times of the backward pass alone; the forward pass before it is off the clock.
fn backward<const D: usize>(seconds: f64, operation: &dyn Fn() -> Tensor<D>) -> Times {
    let run = |y: Tensor<D>| {
        let grads = y.backward();
        (y, grads)
    };
    clock::times(seconds, operation, run)
}

/// Times of what every backward pass of an output of `count` elements begins with: a tensor of ones,
/// and a walk over a graph, here of a reshape that computes nothing.
fn start_of_backward(seconds: f64, count: usize, device: &Device) -> Times {
    let leaf = Tensor::<1>::zeros([count], device).require_grad();
    backward(seconds.min(0.1), &|| leaf.clone().reshape([count, 1]))
}
