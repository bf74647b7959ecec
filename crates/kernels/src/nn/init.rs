//! Weight initialization, by PyTorch's formulas.

use crate::noise;
use burn::module::Param;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How weights start. `fan_in` and `fan_out` count the connections into and out of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// What PyTorch's layer would use: U(±1/√fan_in); for residual networks He normal on fan_out.
    #[default]
    Default,
    /// Xavier/Glorot: U(±√(6 / (fan_in + fan_out))). Suits sigmoid and tanh.
    XavierUniform,
    /// Xavier/Glorot: N(0, 2 / (fan_in + fan_out)).
    XavierNormal,
    /// He/Kaiming for ReLU: U(±√(6 / fan_in)).
    HeUniform,
    /// He/Kaiming for ReLU: N(0, 2 / fan_in).
    HeNormal,
    /// U(-0.1, 0.1) whatever the layer's size.
    Uniform,
    /// N(0, 0.02²) whatever the layer's size.
    Normal,
}

impl Init {
    /// The distribution of a weight with these fans.
    ///
    /// Sources: Glorot & Bengio 2010; He et al. 2015; `torch.nn.init`.
    pub fn distribution(self, fan_in: usize, fan_out: usize) -> Distribution {
        let (fan_in, fan_out) = (fan_in.max(1) as f64, fan_out.max(1) as f64);
        let symmetric = |bound: f64| Distribution::Uniform(-bound, bound);
        match self {
            Self::Default => symmetric(1.0 / fan_in.sqrt()),
            Self::XavierUniform => symmetric((6.0 / (fan_in + fan_out)).sqrt()),
            Self::XavierNormal => Distribution::Normal(0.0, (2.0 / (fan_in + fan_out)).sqrt()),
            Self::HeUniform => symmetric((6.0 / fan_in).sqrt()),
            Self::HeNormal => Distribution::Normal(0.0, (2.0 / fan_in).sqrt()),
            Self::Uniform => symmetric(0.1),
            Self::Normal => Distribution::Normal(0.0, 0.02),
        }
    }

    /// Draws a weight.
    pub fn weight<const D: usize>(
        self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
        device: &Device,
    ) -> Param<Tensor<D>> {
        draw(shape, self.distribution(fan_in, fan_out), device)
    }

    /// Draws a bias: PyTorch's U(±1/√fan_in), whatever the weights use.
    pub fn bias(self, size: usize, fan_in: usize, device: &Device) -> Param<Tensor<1>> {
        draw([size], Self::Default.distribution(fan_in, 1), device)
    }
}

/// A trainable parameter drawn from `distribution` with the thread's noise seed (see
/// [`crate::noise`]), the same on every device.
///
/// # Panics
/// For other than uniform and normal distributions.
pub(super) fn draw<const D: usize>(
    shape: [usize; D],
    distribution: Distribution,
    device: &Device,
) -> Param<Tensor<D>> {
    let mut rng = ChaCha8Rng::seed_from_u64(noise::next());
    let mut value = || match distribution {
        Distribution::Uniform(low, high) => low + (high - low) * rng.random::<f64>(),
        Distribution::Normal(mean, std) => mean + std * normal(&mut rng),
        other => panic!("weights are not drawn from {other:?}"),
    };
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| value() as f32)
        .collect();
    Param::from_data(TensorData::new(values, shape), device)
}

/// Standard normal (Box & Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bounds and deviations that PyTorch uses; made by `tests/golden/lenet_bn.py`.
    #[test]
    fn formulas_equal_torch() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/golden/init.json")).unwrap();
        let schemes = [
            ("default", Init::Default),
            ("xavier_uniform", Init::XavierUniform),
            ("xavier_normal", Init::XavierNormal),
            ("kaiming_uniform", Init::HeUniform),
            ("kaiming_normal", Init::HeNormal),
        ];
        let mut checked = 0;
        for layer in ["linear", "conv2d"] {
            let facts = &golden["layers"][layer];
            let fan = |key: &str| facts[key].as_u64().unwrap() as usize;
            for (name, init) in schemes {
                let expected = &facts["schemes"][name];
                let (key, actual) = match init.distribution(fan("fan_in"), fan("fan_out")) {
                    Distribution::Uniform(low, high) => {
                        assert_eq!(low, -high);
                        ("bound", high)
                    }
                    Distribution::Normal(mean, std) => {
                        assert_eq!(mean, 0.0);
                        ("std", std)
                    }
                    other => panic!("unexpected {other:?}"),
                };
                let expected = expected[key].as_f64().unwrap();
                assert!(
                    (actual - expected).abs() < 1e-6,
                    "{layer} {name}: {actual} {expected}"
                );
                checked += 1;
            }
        }
        assert_eq!(checked, 10);
    }

    #[test]
    fn the_same_seed_draws_the_same_weights() {
        let device = Device::flex();
        let draw = |seed| {
            noise::seed(seed);
            Init::HeNormal
                .weight([16, 9], 9, 16, &device)
                .val()
                .into_data()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
