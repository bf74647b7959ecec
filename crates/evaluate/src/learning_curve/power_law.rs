//! The power law and its fit.

use serde::{Deserialize, Serialize};

/// Exponents are looked for between these; errors of real models fall with 0.05 to 0.7.
const EXPONENTS: (f64, f64) = (0.01, 3.0);
/// Steps of the search for the exponent, first even ones, then ever finer ones.
const STEPS: (usize, usize) = (40, 40);

/// The error of a model that was trained on a part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearningPoint {
    /// Examples it was trained on.
    pub examples: usize,
    /// Its error on examples that it was not trained on.
    pub error: f64,
    /// Standard error of that.
    pub spread: f64,
}

impl LearningPoint {
    /// An error that is a share of wrong answers, on `measured` examples.
    pub fn share(examples: usize, error: f64, measured: usize) -> Self {
        let measured = measured as f64;
        // One right and one wrong answer more, so that no error at all is not taken for certain.
        let share = (error.clamp(0.0, 1.0) * measured + 1.0) / (measured + 2.0);
        Self {
            examples,
            error,
            spread: (share * (1.0 - share) / (measured + 2.0)).sqrt(),
        }
    }

    /// A root mean squared error on `measured` examples; it varies by its 1 / √(2 n)th part where errors
    /// are normal.
    pub fn rmse(examples: usize, error: f64, measured: usize) -> Self {
        Self {
            examples,
            error,
            spread: error / (2.0 * measured.max(1) as f64).sqrt(),
        }
    }
}

/// error(n) = a n^-b + c.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PowerLaw {
    /// The part that data takes away, with one example.
    pub a: f64,
    /// How fast it goes.
    pub b: f64,
    /// The part that stays.
    pub c: f64,
}

impl PowerLaw {
    /// The error with `examples`.
    pub fn at(&self, examples: f64) -> f64 {
        self.a * examples.powf(-self.b) + self.c
    }

    /// The law with a, b, c ≥ 0 that is nearest to the points, by least squares in units of their
    /// standard errors, and the sum of these squares.
    pub(super) fn fit(points: &[LearningPoint]) -> (Self, f64) {
        let fit = |log_b: f64| line(points, log_b.exp());
        let (low, high) = (EXPONENTS.0.ln(), EXPONENTS.1.ln());
        let step = (high - low) / STEPS.0 as f64;
        let tried = (0..=STEPS.0).map(|i| low + i as f64 * step);
        let best = tried.min_by(|a, b| fit(*a).1.total_cmp(&fit(*b).1));
        let best = best.unwrap_or(low);
        // Golden section between the neighbours of the best one.
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = ((best - step).max(low), (best + step).min(high));
        for _ in 0..STEPS.1 {
            let (left, right) = (high - golden * (high - low), low + golden * (high - low));
            match fit(left).1 <= fit(right).1 {
                true => high = right,
                false => low = left,
            }
        }
        fit(f64::midpoint(low, high))
    }
}

/// For a given exponent the law is a line in n^-b: weighted least squares with both parts at least 0.
fn line(points: &[LearningPoint], b: f64) -> (PowerLaw, f64) {
    let scale = most(points);
    let (mut sw, mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    // Sizes in units of the largest keep all sums in one order of magnitude.
    let rows = points.iter().map(|p| {
        let x = (p.examples as f64 / scale).powf(-b);
        (x, p.error, p.spread.max(f64::EPSILON).powi(-2))
    });
    let rows: Vec<(f64, f64, f64)> = rows.collect();
    for (x, y, w) in &rows {
        sw += w;
        sx += w * x;
        sy += w * y;
        sxx += w * x * x;
        sxy += w * x * y;
    }
    let off = |(a, c): (f64, f64)| {
        let squares = rows.iter().map(|(x, y, w)| w * (a * x + c - y).powi(2));
        squares.sum::<f64>()
    };
    let both = sw * sxx - sx * sx;
    let inside = ((sw * sxy - sx * sy) / both, (sxx * sy - sx * sxy) / both);
    // The best of all is inside or, if that is out of bounds, on one of the two edges.
    let candidates = [inside, (sxy / sxx, 0.0), (0.0, sy / sw)];
    let fits = |v: f64| v.is_finite() && v >= 0.0;
    let candidates = candidates.into_iter();
    let allowed = candidates.filter(|(a, c)| fits(*a) && fits(*c));
    let measured = allowed.map(|line| (line, off(line)));
    let best = measured.min_by(|x, y| x.1.total_cmp(&y.1));
    let ((a, c), squares) = best.unwrap_or(((0.0, 0.0), f64::INFINITY));
    let a = a * scale.powf(b);
    (PowerLaw { a, b, c }, squares)
}

/// The largest number of training examples.
pub(super) fn most(points: &[LearningPoint]) -> f64 {
    points.iter().map(|p| p.examples).max().unwrap_or(1) as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::{close, golden, numbers};

    pub const SIZES: [usize; 6] = [100, 200, 400, 800, 1600, 3200];

    /// Errors that follow a law exactly, as if each were of `measured` examples.
    pub fn points(law: PowerLaw, measured: usize, sizes: &[usize]) -> Vec<LearningPoint> {
        let point = |n: &usize| LearningPoint::share(*n, law.at(*n as f64), measured);
        sizes.iter().map(point).collect()
    }

    #[test]
    fn a_law_is_found_again() {
        for law in [
            PowerLaw {
                a: 2.0,
                b: 0.5,
                c: 0.03,
            },
            PowerLaw {
                a: 1.0,
                b: 0.2,
                c: 0.0,
            },
            PowerLaw {
                a: 300.0,
                b: 1.5,
                c: 0.1,
            },
        ] {
            let (found, squares) = PowerLaw::fit(&points(law, 1000, &SIZES));
            assert!(squares < 1e-9, "{found:?} {squares}");
            for n in [3200.0, 6400.0, 32_000.0] {
                assert!((found.at(n) - law.at(n)).abs() < 1e-5, "{found:?} {n}");
            }
        }
    }

    /// Values made by `tests/golden/evaluation.py` with scipy's `curve_fit`.
    #[test]
    fn fits_equal_scipy() {
        for case in golden()["learning_curve"].as_array().unwrap() {
            let list = |key: &str| numbers(&case[key]);
            let rows = list("examples")
                .into_iter()
                .zip(list("error"))
                .zip(list("spread"));
            let points: Vec<_> = rows
                .map(|((examples, error), spread)| LearningPoint {
                    examples: examples as usize,
                    error,
                    spread,
                })
                .collect();
            let (law, squares) = PowerLaw::fit(&points);
            close(squares, &case["squares"], 1e-4);
            for (i, n) in list("ahead").into_iter().enumerate() {
                close(law.at(n), &case["forecast"][i], 2e-4);
            }
        }
    }
}
