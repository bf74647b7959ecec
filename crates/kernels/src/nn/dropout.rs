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
        if self.probability == 0.0 || !x.device().is_autodiff() || noise::is_off() {
            return x;
        }
        let y = <Dispatch as DenseOps>::dropout(x.into_dispatch(), noise::next(), self.probability);
        Tensor::from_dispatch(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn gradients_without_noise_are_those_of_the_whole_network() {
        let layer = Dropout::new(0.5);
        let x = Tensor::<2>::ones([8, 64], &Device::flex().autodiff()).require_grad();
        let sum = |y: Tensor<2>| y.sum().inner().into_scalar::<f32>();
        let y = noise::without(|| layer.forward(x.clone()));
        assert_eq!(sum(y), 512.0);
        assert_ne!(sum(layer.forward(x)), 512.0);
    }
}
