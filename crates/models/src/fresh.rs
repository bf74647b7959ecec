//! Parameters of a network before anything is loaded.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_kernels::nn::{Embedding, Init, LayerNorm, Linear};

/// Makes layers as BERT starts them: weights N(0, 0.02²), biases zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh<'a> {
    pub(crate) device: &'a Device,
    /// Zero weights, for layers that will be loaded: to draw a hundred million numbers takes seconds.
    pub(crate) blank: bool,
}

impl Fresh<'_> {
    pub(crate) fn weight(self, shape: [usize; 2]) -> Param<Tensor<2>> {
        match self.blank {
            true => Param::from_data(TensorData::zeros::<f32, _>(shape), self.device),
            false => Init::Normal.weight(shape, shape[1], shape[0], self.device),
        }
    }

    pub(crate) fn bias(self, size: usize) -> Param<Tensor<1>> {
        Param::from_data(TensorData::zeros::<f32, _>([size]), self.device)
    }

    pub(crate) fn linear(self, inputs: usize, outputs: usize) -> Linear {
        Linear {
            weight: self.weight([outputs, inputs]),
            bias: Some(self.bias(outputs)),
        }
    }

    pub(crate) fn table(self, ids: usize, features: usize) -> Embedding {
        Embedding {
            weight: self.weight([ids, features]),
        }
    }

    pub(crate) fn norm(self, features: usize, epsilon: f64) -> LayerNorm {
        LayerNorm::new(features, epsilon, self.device)
    }
}
