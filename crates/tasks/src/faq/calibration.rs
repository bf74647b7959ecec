//! From how near the best match is to how probable it is that it is right.

use serde::{Deserialize, Serialize};

/// What is known of a best match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Its score.
    pub top: f32,
    /// How much higher it is than that of the next question with other answers.
    pub margin: f32,
}

/// Probability = σ(bias + top · score + margin · margin), by logistic regression (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    bias: f64,
    top: f64,
    margin: f64,
}

/// Newton steps; few are needed.
const STEPS: usize = 50;
/// Weight of the squared slopes in the mean loss, so that examples that can be told apart without a
/// mistake do not make it sure of everything.
const RIDGE: f64 = 1e-3;

impl Calibration {
    /// Fitted to matches that were right or not; both kinds weigh the same, as if every second question
    /// had an answer.
    pub fn fit(examples: &[(Evidence, bool)]) -> Self {
        let right = examples.iter().filter(|(_, right)| *right).count() as f64;
        let wrong = examples.len() as f64 - right;
        // Platt's targets: a finite number of examples is no certainty.
        let target = |is_right: bool| match is_right {
            true => (right + 1.0) / (right + 2.0),
            false => 1.0 / (wrong + 2.0),
        };
        let weight = |is_right: bool| 0.5 / if is_right { right } else { wrong };
        let mut w = [0.0; 3];
        for _ in 0..STEPS {
            let mut gradient = [0.0, RIDGE * w[1], RIDGE * w[2]];
            let mut curvature = [[1e-9, 0.0, 0.0], [0.0, RIDGE, 0.0], [0.0, 0.0, RIDGE]];
            for (evidence, is_right) in examples {
                let x = inputs(*evidence);
                let p = sigmoid(dot(&w, &x));
                let (share, error) = (weight(*is_right), p - target(*is_right));
                for i in 0..3 {
                    gradient[i] += share * error * x[i];
                    for j in 0..3 {
                        curvature[i][j] += share * p * (1.0 - p) * x[i] * x[j];
                    }
                }
            }
            let step = solve(curvature, gradient);
            // A full step may overshoot where the curve is flat.
            let scale = 1.0 / (step.iter().map(|s| s.abs()).fold(0.0, f64::max) / 5.0).max(1.0);
            (0..3).for_each(|i| w[i] -= scale * step[i]);
        }
        Self {
            bias: w[0],
            top: w[1],
            margin: w[2],
        }
    }

    /// The probability that a match is right.
    pub fn probability(&self, evidence: Evidence) -> f32 {
        sigmoid(dot(&[self.bias, self.top, self.margin], &inputs(evidence))) as f32
    }

    /// Whether it says anything, which what comes from a file need not.
    pub fn is_finite(&self) -> bool {
        [self.bias, self.top, self.margin]
            .iter()
            .all(|v| v.is_finite())
    }
}

fn inputs(evidence: Evidence) -> [f64; 3] {
    [1.0, f64::from(evidence.top), f64::from(evidence.margin)]
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The solution of `a x = b` for a symmetric, positive `a`, by Gauss' elimination.
fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
    for i in 0..3 {
        for j in i + 1..3 {
            let factor = a[j][i] / a[i][i];
            let (row, other) = (a[i], &mut a[j]);
            (0..3).for_each(|k| other[k] -= factor * row[k]);
            b[j] -= factor * b[i];
        }
    }
    let mut x = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|j| a[i][j] * x[j]).sum();
        x[i] = (b[i] - known) / a[i][i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::rng::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn equations_are_solved() {
        let a = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]];
        let x = solve(a, [1.0, -2.0, 3.0]);
        for (row, b) in a.iter().zip([1.0, -2.0, 3.0]) {
            assert!((dot(row, &x) - b).abs() < 1e-12);
        }
    }

    #[test]
    fn probabilities_are_those_of_the_examples() {
        // Right with probability σ(8 top - 4), whatever the margin.
        let mut rng = stream(7, Purpose::Augment, (0, 0));
        let mut draw = || {
            let top: f32 = rng.random_range(0.0..1.0);
            let evidence = Evidence {
                top,
                margin: rng.random_range(0.0..0.3),
            };
            let right = rng.random_bool(sigmoid(8.0 * f64::from(top) - 4.0));
            (evidence, right)
        };
        let examples: Vec<_> = (0..4000).map(|_| draw()).collect();
        let fitted = Calibration::fit(&examples);
        for top in [0.2, 0.5, 0.8] {
            let p = f64::from(fitted.probability(Evidence { top, margin: 0.1 }));
            let true_p = sigmoid(8.0 * f64::from(top) - 4.0);
            assert!((p - true_p).abs() < 0.06, "{top}: {p} {true_p}");
        }
    }

    #[test]
    fn what_can_be_told_apart_is_no_certainty() {
        let example = |top: f32, right| (Evidence { top, margin: 0.1 }, right);
        let examples: Vec<_> = (0..50)
            .flat_map(|i| {
                let more = i as f32 / 500.0;
                [example(0.9 + more, true), example(0.3 - more, false)]
            })
            .collect();
        let fitted = Calibration::fit(&examples);
        assert!(fitted.is_finite());
        let middle = fitted.probability(examples[0].0);
        assert!((0.9..0.999).contains(&middle), "{middle}");
        assert!(fitted.probability(examples[1].0) < 0.1);
        // Without any example of a kind it is still a number.
        assert!(Calibration::fit(&examples[..1]).is_finite());
        assert!(Calibration::fit(&[]).is_finite());
    }
}
