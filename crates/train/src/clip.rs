//! Limiting each element of the gradients; a limit on their joint norm is a factor of the optimizer's
//! step (see [`modelwright_kernels::optim::clip_scale`]).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Limits each element of the gradients to ±`most` (`clip_grad_value_`).
pub fn by_value<M: Module>(module: &M, mut grads: GradientsParams, most: f64) -> GradientsParams {
    module.visit(&mut Clamp {
        grads: &mut grads,
        most,
    });
    grads
}

struct Clamp<'a> {
    grads: &'a mut GradientsParams,
    most: f64,
}

impl ModuleVisitor for Clamp<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            let clamped = grad.clamp(-self.most, self.most);
            self.grads.register(param.id, clamped);
        }
    }
}
