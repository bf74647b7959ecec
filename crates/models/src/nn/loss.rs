//! Losses, as means over the batch.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Class labels on a device, with what weighting them needs.
#[derive(Debug, Clone)]
pub struct Labels {
    /// `[batch, 1]`.
    index: Tensor<2, Int>,
    /// Weight of each example, `[batch, 1]`; `None` if all are 1.
    weight: Option<Tensor<2>>,
    /// Sum of the weights of the examples.
    total: f64,
}

impl Labels {
    /// Labels of a batch; `weights` holds one weight a class, or nothing.
    pub fn new(labels: &[u32], weights: &[f32], device: &Device) -> Self {
        let shape = [labels.len(), 1];
        let index: Vec<i64> = labels.iter().map(|l| i64::from(*l)).collect();
        let of_class = |l: &u32| weights.get(*l as usize).copied().unwrap_or(1.0);
        let per_example: Vec<f32> = labels.iter().map(of_class).collect();
        let total = per_example.iter().map(|w| f64::from(*w)).sum();
        Self {
            index: Tensor::from_data(TensorData::new(index, shape), device),
            weight: (!weights.is_empty())
                .then(|| Tensor::from_data(TensorData::new(per_example, shape), device)),
            total,
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
/// `logits` is `[batch, classes]`, the result `[1]`. `class_weights` is the list given to [`Labels`].
pub fn cross_entropy(
    logits: Tensor<2>,
    labels: &Labels,
    class_weights: &[f32],
    smoothing: f64,
) -> Tensor<1> {
    let [_, classes] = logits.dims();
    let log_p = log_softmax(logits, 1);
    let mut picked = log_p.clone().gather(1, labels.index.clone());
    if let Some(weight) = &labels.weight {
        picked = picked * weight.clone();
    }
    let hard = picked.sum().neg().div_scalar(labels.total);
    if smoothing == 0.0 {
        return hard;
    }
    let spread = match class_weights.is_empty() {
        true => log_p,
        false => {
            let row = TensorData::new(class_weights.to_vec(), [1, classes]);
            let device = log_p.device();
            log_p * Tensor::<2>::from_data(row, &device)
        }
    };
    let soft = spread.sum().neg().div_scalar(labels.total * classes as f64);
    hard.mul_scalar(1.0 - smoothing) + soft.mul_scalar(smoothing)
}

/// Mean squared error over all elements, `[1]`.
pub fn mse(predicted: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    let difference = predicted - target;
    (difference.clone() * difference).mean()
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
        check_gradient(|x| cross_entropy(x, &plain, &[], 0.0), &values, [2, 3]);
        check_gradient(|x| cross_entropy(x, &plain, &[], 0.1), &values, [2, 3]);
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
        let loss: f32 = cross_entropy(logits, &labels, &weights, 0.1).into_scalar();
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
