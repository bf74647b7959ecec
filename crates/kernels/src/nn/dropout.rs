//! Dropout.

use crate::noise;
use crate::ops::DenseOps;
use burn::backend::Dispatch;
use burn::module::Module;
use burn::tensor::Tensor;

/// Sets a share of the elements to zero while training and scales the others up, so that the mean
/// stays (Srivastava et al. 2014). Which ones follows from the thread's noise seed (see
/// [`crate::noise`]) and the element's position: no mask is stored, the backward pass draws it again.
#[derive(Module, Debug)]
pub struct Dropout {
    probability: f64,
}

impl Dropout {
    /// Drops a share from 0 up to but not including 1.
    pub fn new(probability: f64) -> Self {
        Self { probability }
    }

    /// The same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.probability == 0.0 || !x.device().is_autodiff() {
            return x;
        }
        let y = <Dispatch as DenseOps>::dropout(x.into_dispatch(), noise::next(), self.probability);
        Tensor::from_dispatch(y)
    }
}
