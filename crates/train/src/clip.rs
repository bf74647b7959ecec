//! Gradient clipping over a whole module.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales all gradients so that their joint 2-norm is at most `most` (`clip_grad_norm_`).
pub fn by_norm<M: Module>(module: &M, mut grads: GradientsParams, most: f64) -> GradientsParams {
    let mut sum = SquareSum {
        grads: &grads,
        total: 0.0,
    };
    module.visit(&mut sum);
    let scale = most / (sum.total.sqrt() + 1e-6);
    if scale < 1.0 {
        map(module, &mut grads, Change::Scale(scale));
    }
    grads
}

/// Limits each element of the gradients to ±`most` (`clip_grad_value_`).
pub fn by_value<M: Module>(module: &M, mut grads: GradientsParams, most: f64) -> GradientsParams {
    map(module, &mut grads, Change::Clamp(most));
    grads
}

struct SquareSum<'a> {
    grads: &'a GradientsParams,
    total: f64,
}

impl ModuleVisitor for SquareSum<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            let squares = (grad.clone() * grad).sum().into_scalar::<f32>();
            self.total += f64::from(squares);
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Scale(f64),
    Clamp(f64),
}

fn map<M: Module>(module: &M, grads: &mut GradientsParams, change: Change) {
    module.visit(&mut Changer { grads, change });
}

struct Changer<'a> {
    grads: &'a mut GradientsParams,
    change: Change,
}

impl ModuleVisitor for Changer<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            let changed = match self.change {
                Change::Scale(factor) => grad.mul_scalar(factor),
                Change::Clamp(most) => grad.clamp(-most, most),
            };
            self.grads.register(param.id, changed);
        }
    }
}
