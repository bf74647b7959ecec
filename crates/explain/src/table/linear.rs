//! Exact Shapley values of linear models.

use modelwright_tasks::LinearOutputs;

/// What is explained of a linear model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinearScore {
    weights: Vec<f64>,
    bias: f64,
}

impl LinearScore {
    /// The quantity of a model with one output; of a class its mean log-odds against each other class,
    /// `z_c - mean of the other z`, which is linear where the probability is not. Of two classes this is
    /// the log of the odds.
    pub fn new(outputs: &LinearOutputs, class: Option<usize>) -> Self {
        let count = outputs.weights.len();
        let Some(class) = class.filter(|_| count > 1) else {
            return Self {
                weights: outputs.weights[0].clone(),
                bias: outputs.biases[0],
            };
        };
        let share = |output: usize| match output == class {
            true => 1.0,
            false => -1.0 / (count - 1) as f64,
        };
        let sum = |of: &dyn Fn(usize) -> f64| -> f64 {
            (0..count).map(|output| share(output) * of(output)).sum()
        };
        let inputs = 0..outputs.weights[0].len();
        Self {
            weights: inputs.map(|i| sum(&|o| outputs.weights[o][i])).collect(),
            bias: sum(&|o| outputs.biases[o]),
        }
    }

    /// The score of encoded inputs.
    pub fn score(&self, inputs: &[f32]) -> f64 {
        let terms = self.weights.iter().zip(inputs);
        self.bias + terms.map(|(w, x)| w * f64::from(*x)).sum::<f64>()
    }

    /// The mean score of many rows of inputs.
    pub fn base(&self, rows: &[f32]) -> f64 {
        let rows = rows.chunks_exact(self.weights.len());
        let count = rows.len().max(1) as f64;
        rows.map(|row| self.score(row)).sum::<f64>() / count
    }

    /// The Shapley value of each column: `Σ w_i (x_i - mean x_i)` over the inputs that it became, of
    /// which `widths` are so many a column.
    pub fn shares(&self, inputs: &[f32], background: &[f32], widths: &[usize]) -> Vec<f64> {
        let width = self.weights.len();
        let rows = background.chunks_exact(width);
        let count = rows.len().max(1) as f64;
        let mut means = vec![0.0; width];
        for row in rows {
            for (mean, x) in means.iter_mut().zip(row) {
                *mean += f64::from(*x) / count;
            }
        }
        let term = |i: usize| self.weights[i] * (f64::from(inputs[i]) - means[i]);
        let mut start = 0;
        let mut shares = Vec::with_capacity(widths.len());
        for width in widths {
            shares.push((start..start + width).map(term).sum());
            start += width;
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_have_the_log_of_their_odds() {
        let outputs = LinearOutputs {
            weights: vec![vec![1.0, 0.0, 2.0], vec![0.5, 1.0, -1.0]],
            biases: vec![0.1, 0.2],
        };
        let score = LinearScore::new(&outputs, Some(1));
        assert_eq!(score.weights, [-0.5, 1.0, -3.0]);
        let inputs = [2.0, 1.0, 0.5];
        let background = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let shares = score.shares(&inputs, &background, &[1, 2]);
        assert_eq!(shares, [-0.75, 0.5]);
        let sum = score.base(&background) + shares.iter().sum::<f64>();
        assert!((sum - score.score(&inputs)).abs() < 1e-12);
    }
}
