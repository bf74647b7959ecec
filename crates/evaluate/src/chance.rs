//! May it be chance? Tests of means, and what to make of many tests at once.

use crate::bootstrap::Interval;
use crate::special::student_tail;
use serde::{Deserialize, Serialize};

/// Standard errors on each side of a 95 % interval of a normal distribution.
pub(crate) const SURE: f64 = 1.959_963_984_540_054;

/// How many, how large, how spread.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sums {
    pub n: f64,
    pub sum: f64,
    pub squares: f64,
}

impl Sums {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        values.fold(Self::default(), |s, v| Self {
            n: s.n + 1.0,
            sum: s.sum + v,
            squares: s.squares + v * v,
        })
    }

    /// What is left without a part.
    pub fn without(self, part: Self) -> Self {
        Self {
            n: self.n - part.n,
            sum: self.sum - part.sum,
            squares: self.squares - part.squares,
        }
    }

    pub fn mean(self) -> f64 {
        if self.n > 0.0 { self.sum / self.n } else { 0.0 }
    }

    /// The unbiased variance; 0 with one value.
    pub fn variance(self) -> f64 {
        if self.n < 2.0 {
            return 0.0;
        }
        ((self.squares - self.sum * self.sum / self.n) / (self.n - 1.0)).max(0.0)
    }

    /// The mean with its 95 % interval by the normal distribution.
    pub fn interval(self) -> Interval {
        let half = SURE * (self.variance() / self.n.max(1.0)).sqrt();
        Interval {
            low: self.mean() - half,
            high: self.mean() + half,
        }
    }
}

/// Welch's t and its one-sided p-value that `a` has the larger mean.
pub(crate) fn welch(a: Sums, b: Sums) -> (f64, f64) {
    let (left, right) = (a.variance() / a.n, b.variance() / b.n);
    let difference = a.mean() - b.mean();
    let error = (left + right).sqrt();
    if a.n < 2.0 || b.n < 2.0 || error == 0.0 {
        // Without spread on both sides any difference is certain, but so few values say nothing.
        let certain = a.n.min(b.n) >= 2.0 && difference > 0.0;
        return match certain {
            true => (f64::INFINITY, 0.0),
            false => (0.0, 1.0),
        };
    }
    let freedom =
        (left + right) * (left + right) / (left * left / (a.n - 1.0) + right * right / (b.n - 1.0));
    let t = difference / error;
    (t, student_tail(t, freedom))
}

/// How the chance of a find grows with the number of places that were searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// No wrong find in 95 % of the searches (Holm 1979).
    #[default]
    Holm,
    /// At most 5 % of the finds wrong on average (Benjamini & Hochberg 1995).
    BenjaminiHochberg,
}

impl Correction {
    /// p-values that take into account how many there are.
    pub fn adjust(self, chances: &[f64]) -> Vec<f64> {
        let n = chances.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
        let mut adjusted = vec![0.0; n];
        match self {
            Self::Holm => {
                let mut largest = 0f64;
                for (rank, i) in order.into_iter().enumerate() {
                    largest = largest.max(chances[i] * (n - rank) as f64).min(1.0);
                    adjusted[i] = largest;
                }
            }
            Self::BenjaminiHochberg => {
                let mut smallest = 1f64;
                for (rank, i) in order.into_iter().enumerate().rev() {
                    smallest = smallest.min(chances[i] * n as f64 / (rank + 1) as f64);
                    adjusted[i] = smallest;
                }
            }
        }
        adjusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Values made by `tests/golden/drift.py` with SciPy.
    #[test]
    fn tests_equal_scipy() {
        let golden = include_str!("../../../tests/golden/drift.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let list = |v: &Value| serde_json::from_value::<Vec<f64>>(v.clone()).unwrap();
        let g = &golden["welch"];
        let sums = |key: &str| Sums::of(list(&g[key]).into_iter());
        let (t, chance) = welch(sums("a"), sums("b"));
        assert!((t - g["t"].as_f64().unwrap()).abs() < 1e-10, "{t}");
        assert!(
            (chance - g["p"].as_f64().unwrap()).abs() < 1e-10,
            "{chance}"
        );
        let g = &golden["adjusted"];
        for (correction, key) in [
            (Correction::Holm, "holm"),
            (Correction::BenjaminiHochberg, "bh"),
        ] {
            let adjusted = correction.adjust(&list(&g["p"]));
            for (actual, expected) in adjusted.iter().zip(list(&g[key])) {
                assert!((actual - expected).abs() < 1e-12, "{key} {adjusted:?}");
            }
        }
    }

    #[test]
    fn without_spread_a_difference_is_certain_and_few_values_say_nothing() {
        let of = |values: &[f64]| Sums::of(values.iter().copied());
        assert_eq!(welch(of(&[1.0; 5]), of(&[0.0; 5])).1, 0.0);
        assert_eq!(welch(of(&[0.0; 5]), of(&[1.0; 5])).1, 1.0);
        assert_eq!(welch(of(&[1.0]), of(&[0.0, 0.1])).1, 1.0);
    }
}
