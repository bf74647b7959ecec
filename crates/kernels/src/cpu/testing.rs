//! What the tests of kernels share.

use crate::real::Real;

/// A small generator, so that failures repeat (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// `n` standard normal values.
    pub fn normals<T: Real>(&mut self, n: usize) -> Vec<T> {
        (0..n).map(|_| T::of(self.normal())).collect()
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// Largest |a - b| divided by the largest |b|.
pub fn error<A: Real, B: Real>(a: &[A], b: &[B]) -> f64 {
    assert_eq!(a.len(), b.len());
    let scale = b.iter().map(|v| v.wide().abs()).fold(1e-30, f64::max);
    let worst = a.iter().zip(b).map(|(a, b)| (a.wide() - b.wide()).abs());
    // NaN must not pass as small.
    worst.fold(0.0, |w: f64, d| if w.is_nan() || d <= w { w } else { d }) / scale
}

/// Checks `grad` (of the scalar `loss` at `x`) against central differences:
/// eps 1e-6, atol 1e-5, rtol 1e-3.
pub fn check_gradient(x: &[f64], grad: &[f64], mut loss: impl FnMut(&[f64]) -> f64) {
    let mut moved = x.to_vec();
    for i in 0..x.len() {
        moved[i] = x[i] + 1e-6;
        let up = loss(&moved);
        moved[i] = x[i] - 1e-6;
        let down = loss(&moved);
        moved[i] = x[i];
        let numeric = (up - down) / 2e-6;
        assert!(
            (grad[i] - numeric).abs() <= 1e-5 + 1e-3 * numeric.abs(),
            "element {i}: {} but by differences {numeric}",
            grad[i]
        );
    }
}
