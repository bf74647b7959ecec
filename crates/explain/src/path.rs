//! Integrated gradients (Sundararajan et al. 2017).

use modelwright_tasks::Slopes;

/// Shares of the numbers of an input in the difference of a score to that of a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct PathShares {
    /// One for each number.
    pub values: Vec<f64>,
    /// The score of the input.
    pub score: f64,
    /// The score of the baseline.
    pub base: f64,
}

impl PathShares {
    /// How far the shares are from adding up to the difference of the scores (completeness): the error
    /// of the sum over the path.
    pub fn delta(&self) -> f64 {
        self.base + self.values.iter().sum::<f64>() - self.score
    }
}

/// The share of each number: `(x - x') ∫ ∂F(x' + α (x - x')) / ∂x dα`, the integral as a sum over
/// `steps` points by Gauss and Legendre's rule. `slopes` is asked for at most `at_once` points together.
pub fn integrated_gradients(
    input: &[f32],
    baseline: &[f32],
    steps: usize,
    at_once: usize,
    slopes: impl Fn(&[f32]) -> Slopes,
) -> PathShares {
    let between = |share: f64| {
        let share = share as f32;
        let pairs = input.iter().zip(baseline);
        pairs.map(move |(x, from)| from + share * (x - from))
    };
    let mut sum = vec![0.0f64; input.len()];
    for nodes in gauss_legendre(steps.max(1)).chunks(at_once.max(1)) {
        let points: Vec<f32> = nodes
            .iter()
            .flat_map(|(share, _)| between(*share))
            .collect();
        let found = slopes(&points);
        let rows = found.gradients.chunks_exact(input.len().max(1));
        for ((_, weight), row) in nodes.iter().zip(rows) {
            for (sum, slope) in sum.iter_mut().zip(row) {
                *sum += weight * f64::from(*slope);
            }
        }
    }
    let score = |point: &[f32]| slopes(point).scores.first().copied().unwrap_or(f64::NAN);
    let differences = input
        .iter()
        .zip(baseline)
        .map(|(x, from)| f64::from(x - from));
    PathShares {
        values: sum.iter().zip(differences).map(|(s, d)| s * d).collect(),
        score: score(input),
        base: score(baseline),
    }
}

/// Points between 0 and 1 and their weights, with which a sum over a polynomial of degree `2 n - 1` is
/// its integral. The points are roots of the Legendre polynomial, found by Newton's method.
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let node = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (value, before) = legendre(n, x);
            slope = n as f64 * (x * value - before) / (x * x - 1.0);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        // From [-1, 1] to [0, 1], the lowest first.
        (0.5 - 0.5 * x, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(node).collect()
}

/// The Legendre polynomials of degree `n` and `n - 1` at `x`.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut value, mut before) = (1.0, 0.0);
    for k in 0..n {
        let k = k as f64;
        let next = ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0);
        (before, value) = (value, next);
    }
    (value, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_exact_for_polynomials() {
        for n in [1, 2, 5, 50] {
            let nodes = gauss_legendre(n);
            for degree in 0..2 * n.min(20) {
                let sum: f64 = nodes.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                let exact = 1.0 / (degree as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-12, "{n} {degree}: {sum} {exact}");
            }
            assert!(nodes.windows(2).all(|w| w[0].0 < w[1].0));
        }
    }

    /// F(x, y) = x² y from (0, 0) to (2, 3): the shares are 8 and 4.
    #[test]
    fn shares_add_up_whatever_goes_together() {
        let slopes = |points: &[f32]| {
            let pairs = points.chunks_exact(2);
            Slopes {
                scores: pairs
                    .clone()
                    .map(|p| f64::from(p[0] * p[0] * p[1]))
                    .collect(),
                gradients: pairs
                    .flat_map(|p| [2.0 * p[0] * p[1], p[0] * p[0]])
                    .collect(),
            }
        };
        let found = integrated_gradients(&[2.0, 3.0], &[0.0, 0.0], 10, 4, slopes);
        for (value, expected) in found.values.iter().zip([8.0, 4.0]) {
            assert!((value - expected).abs() < 1e-5, "{value}");
        }
        assert_eq!((found.score, found.base), (12.0, 0.0));
        assert!(found.delta().abs() < 1e-5);
    }
}
