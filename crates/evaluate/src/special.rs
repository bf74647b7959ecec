//! Tails of distributions that tests need, from the gamma and beta functions.

use std::f64::consts::PI;

/// Lanczos' coefficients for g = 7.
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];
/// Most steps of a series or a continued fraction.
const STEPS: usize = 10_000;
/// Steps end once a term changes nothing.
const EXACT: f64 = 1e-15;
/// Up to so many examples the one-sided Kolmogorov-Smirnov tail is summed up exactly.
const SMALL: f64 = 2000.0;
/// Stands for zero in a continued fraction.
const TINY: f64 = 1e-300;

/// The logarithm of the gamma function of `x` > 0.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    if x < 0.5 {
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let terms = LANCZOS.iter().enumerate().skip(1);
    let sum = LANCZOS[0] + terms.map(|(i, c)| c / (x + i as f64)).sum::<f64>();
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularized upper incomplete gamma function Q(a, x).
pub(crate) fn gamma_upper(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..STEPS {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * EXACT {
                break;
            }
        }
        return (1.0 - sum * scale).clamp(0.0, 1.0);
    }
    let mut fraction = Fraction::new(x + 1.0 - a);
    for i in 1..STEPS {
        let i = i as f64;
        if fraction.step(-i * (i - a), x + 1.0 - a + 2.0 * i) {
            break;
        }
    }
    (scale / fraction.value).clamp(0.0, 1.0)
}

/// The regularized incomplete beta function I_x(a, b).
pub(crate) fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The continued fraction is quick on this side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    let ends = a * x.ln() + b * (-x).ln_1p();
    let scale = (ends + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let mut fraction = Fraction::new(1.0);
    for m in 0..STEPS {
        let m = m as f64;
        if m > 0.0 {
            let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
            fraction.step(even, 1.0);
        }
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        if fraction.step(odd, 1.0) {
            break;
        }
    }
    (scale / fraction.value).clamp(0.0, 1.0)
}

/// A continued fraction b0 + a1 / (b1 + a2 / (b2 + …)), by Lentz's method.
struct Fraction {
    value: f64,
    c: f64,
    d: f64,
}

impl Fraction {
    fn new(b: f64) -> Self {
        let value = if b == 0.0 { TINY } else { b };
        Self {
            value,
            c: value,
            d: 0.0,
        }
    }

    /// Takes in the next a and b; true once they change nothing.
    fn step(&mut self, a: f64, b: f64) -> bool {
        let or_tiny = |v: f64| if v == 0.0 { TINY } else { v };
        self.d = 1.0 / or_tiny(b + a * self.d);
        self.c = or_tiny(b + a / self.c);
        let change = self.c * self.d;
        self.value *= change;
        (change - 1.0).abs() < EXACT
    }
}

/// How probable a chi-squared value of at least `x` is.
pub(crate) fn chi_squared_tail(x: f64, freedom: f64) -> f64 {
    gamma_upper(freedom / 2.0, x / 2.0)
}

/// How probable a value of Student's t of at least `t` is, one-sided.
pub(crate) fn student_tail(t: f64, freedom: f64) -> f64 {
    let beyond = 0.5 * beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t < 0.0 { 1.0 - beyond } else { beyond }
}

/// How probable a Kolmogorov-Smirnov statistic of at least `d` is for `n` examples, a whole number, and
/// one known distribution: Kolmogorov's limit with Vrbik's (2018) correction for small samples, in which
/// the largest term is exact where it matters; good to 0.001 from ten examples on.
pub(crate) fn kolmogorov_tail(d: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let x = d * root + 1.0 / (6.0 * root) + (d * root - 1.0) / (4.0 * n);
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        (-2.0 * k * k * x * x).exp()
    };
    let exact = n <= SMALL && d * root > 0.8;
    let first = if exact { smirnov_tail(d, n) } else { term(1) };
    let others: f64 = (1..50).map(|i| term(2 * i + 1) - term(2 * i)).sum();
    (2.0 * (first + others)).clamp(0.0, 1.0)
}

/// How probable a one-sided statistic of at least `d` is (Birnbaum & Tingey 1951).
fn smirnov_tail(d: f64, n: f64) -> f64 {
    let last = (n * (1.0 - d)).floor().max(0.0) as usize;
    let term = |j: usize| {
        let j = j as f64;
        let ways = ln_gamma(n + 1.0) - ln_gamma(j + 1.0) - ln_gamma(n - j + 1.0);
        let rest = (1.0 - d - j / n).max(0.0);
        (ways + (j - 1.0) * (d + j / n).ln() + (n - j) * rest.ln()).exp()
    };
    if d >= 1.0 {
        return 0.0;
    }
    d * (0..=last).map(term).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Values made by `tests/golden/drift.py` with SciPy.
    #[test]
    fn tails_equal_scipy() {
        let golden = include_str!("../../../tests/golden/drift.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for (name, tail, tolerance) in [
            ("chi2", chi_squared_tail as fn(f64, f64) -> f64, 1e-10),
            ("t", student_tail as fn(f64, f64) -> f64, 1e-10),
            ("kolmogorov", kolmogorov_tail as fn(f64, f64) -> f64, 1e-3),
        ] {
            for row in golden["tails"][name].as_array().unwrap() {
                let [x, parameter, expected] = [0, 1, 2].map(|i| row[i].as_f64().unwrap());
                let actual = tail(x, parameter);
                assert!(
                    (actual - expected).abs() < tolerance,
                    "{name} {x} {parameter}: {actual} {expected}"
                );
            }
        }
    }

    #[test]
    fn ends_are_certain() {
        assert_eq!((beta(2.0, 3.0, 0.0), beta(2.0, 3.0, 1.0)), (0.0, 1.0));
        assert_eq!(gamma_upper(1.5, 0.0), 1.0);
        assert!((student_tail(0.0, 7.0) - 0.5).abs() < 1e-12);
        assert_eq!(kolmogorov_tail(0.0, 100.0), 1.0);
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-12);
    }
}
