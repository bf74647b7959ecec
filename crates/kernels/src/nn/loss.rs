//! Losses, as means over the batch.

use crate::ops::LossOps;
use burn::backend::Dispatch;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Class labels on a device, with what weighting them needs.
#[derive(Debug, Clone)]
pub struct Labels {
    /// `[batch]`.
    index: Tensor<1, Int>,
    /// One weight a class; `None` if all are 1.
    weights: Option<Tensor<1>>,
    /// Sum of the weights of the examples.
    total: f64,
}

impl Labels {
    /// Labels of a batch; `weights` holds one weight a class, or nothing.
    pub fn new(labels: &[u32], weights: &[f32], device: &Device) -> Self {
        let index: Vec<i64> = labels.iter().map(|l| i64::from(*l)).collect();
        let of_class = |l: &u32| weights.get(*l as usize).copied().unwrap_or(1.0);
        Self {
            index: Tensor::from_data(TensorData::new(index, [labels.len()]), device),
            weights: (!weights.is_empty()).then(|| Tensor::from_floats(weights, device)),
            total: labels.iter().map(|l| f64::from(of_class(l))).sum(),
        }
    }

    /// Sum of the weights of the examples: what the mean loss is divided by.
    pub fn total_weight(&self) -> f64 {
        self.total
    }
}

/// `torch.nn.functional.cross_entropy` with class weights and label smoothing ε:
/// `Σ w_y (-(1-ε) ln p_y) / Σ w_y + ε/K Σ_c w_c (-ln p_c) / Σ w_y`.
///
/// `logits` is `[batch, classes]`, the result `[1]`.
pub fn cross_entropy(logits: Tensor<2>, labels: &Labels, smoothing: f64) -> Tensor<1> {
    let weights = labels.weights.clone().map(Tensor::into_dispatch);
    let sum = <Dispatch as LossOps>::cross_entropy_sum(
        logits.into_dispatch(),
        labels.index.clone().into_dispatch(),
        weights.into(),
        smoothing,
    );
    Tensor::<1>::from_dispatch(sum).div_scalar(labels.total)
}

/// Binary cross-entropy of logits, the mean over all elements, `[1]`.
pub fn binary_cross_entropy<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<1> {
    let count = logits.shape().num_elements() as f64;
    let sum = <Dispatch as LossOps>::binary_cross_entropy_sum(
        logits.into_dispatch(),
        target.into_dispatch(),
    );
    Tensor::<1>::from_dispatch(sum).div_scalar(count)
}

/// Mean squared error over all elements, `[1]`.
pub fn mse(predicted: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    let count = predicted.shape().num_elements() as f64;
    let sum =
        <Dispatch as LossOps>::squared_error_sum(predicted.into_dispatch(), target.into_dispatch());
    Tensor::<1>::from_dispatch(sum).div_scalar(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences in f64 against the gradient of autodiff.
    fn check_gradient(loss: impl Fn(Tensor<2>) -> Tensor<1>, values: &[f64], shape: [usize; 2]) {
        let device = Device::flex().autodiff();
        let tensor = |v: &[f64]| {
            Tensor::<2>::from_data(
                TensorData::new(v.to_vec(), shape),
                (&device, burn::tensor::DType::F64),
            )
        };
        let x = tensor(values).require_grad();
        let grads = loss(x.clone()).backward();
        let gradient: Vec<f64> = x.grad(&grads).unwrap().into_data().iter::<f64>().collect();
        let at = |v: &[f64]| loss(tensor(v)).into_data().iter::<f64>().next().unwrap();
        for i in 0..values.len() {
            let (mut up, mut down) = (values.to_vec(), values.to_vec());
            up[i] += 1e-6;
            down[i] -= 1e-6;
            let numeric = (at(&up) - at(&down)) / 2e-6;
            assert!(
                (gradient[i] - numeric).abs() <= 1e-5 + 1e-3 * numeric.abs(),
                "{i}: {} {numeric}",
                gradient[i]
            );
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let values = [0.3, -1.2, 2.0, 0.1, 0.0, -0.4];
        let device = Device::flex().autodiff();
        let plain = Labels::new(&[2, 0], &[], &device);
        check_gradient(|x| cross_entropy(x, &plain, 0.0), &values, [2, 3]);
        check_gradient(|x| cross_entropy(x, &plain, 0.1), &values, [2, 3]);
        let target = [0.5, 0.2, -0.1, 0.0, 1.0, 2.0];
        let target = TensorData::new(target.to_vec(), [2, 3]);
        let dtype = burn::tensor::DType::F64;
        check_gradient(
            |x| mse(x, Tensor::from_data(target.clone(), (&device, dtype))),
            &values,
            [2, 3],
        );
    }

    #[test]
    fn weights_and_smoothing_follow_the_formula() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[1.0f32, 2.0, 3.0], [0.5, 0.0, -0.5]], &device);
        let weights = [1.0, 2.0, 0.5];
        let labels = Labels::new(&[1, 2], &weights, &device);
        let loss: f32 = cross_entropy(logits, &labels, 0.1).into_scalar();
        // torch.nn.functional.cross_entropy(logits, [1, 2], weight=[1, 2, .5], label_smoothing=.1)
        let ln = |row: [f64; 3]| {
            let z = row.iter().map(|v| v.exp()).sum::<f64>().ln();
            row.map(|v| v - z)
        };
        let (a, b) = (ln([1.0, 2.0, 3.0]), ln([0.5, 0.0, -0.5]));
        let hard = -(2.0 * a[1] + 0.5 * b[2]) / 2.5;
        let soft = -[a, b]
            .iter()
            .map(|r| r[0] + 2.0 * r[1] + 0.5 * r[2])
            .sum::<f64>()
            / 2.5
            / 3.0;
        assert!((f64::from(loss) - (0.9 * hard + 0.1 * soft)).abs() < 1e-6);
    }
}
