//! Random inputs, made before the clock runs.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Makes inputs on a device.
pub struct Source {
    rng: ChaCha8Rng,
    device: Device,
}

impl Source {
    /// Always the same inputs.
    pub fn new(device: Device) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(0),
            device,
        }
    }

    /// Values with mean 0 and variance 1.
    pub fn values<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        let width = 12f32.sqrt();
        let values: Vec<f32> = (0..count)
            .map(|_| (self.rng.random::<f32>() - 0.5) * width)
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Zeros and ones.
    pub fn bits<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|_| f32::from(u8::from(self.rng.random::<bool>())))
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Whole numbers below `limit`.
    pub fn labels(&mut self, count: usize, limit: u32) -> Vec<u32> {
        (0..count)
            .map(|_| self.rng.random_range(0..limit))
            .collect()
    }

    /// `[batch, seq]` whole numbers below `limit`.
    pub fn ids(&mut self, batch: usize, seq: usize, limit: u32) -> Tensor<2, Int> {
        let values: Vec<i64> = self
            .labels(batch * seq, limit)
            .into_iter()
            .map(i64::from)
            .collect();
        Tensor::from_data(TensorData::new(values, [batch, seq]), &self.device)
    }
}
