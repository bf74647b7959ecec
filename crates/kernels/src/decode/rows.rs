//! Operations on rows of features.

use crate::cpu::layer_norm::{layer_norm_forward, rms_norm_forward};
use crate::cpu::math::Math;
use crate::dispatch_math;
use crate::par;

/// `out = weight x / √(mean x² + ε)` for each row of `weight.len()` (Zhang & Sennrich 2019).
///
/// # Panics
/// If x is not whole rows, or `out` has another length.
pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let features = weight.len();
    assert_eq!(x.len(), out.len(), "rms norm: length of the output");
    let mut inverse = vec![0.0; x.len() / features.max(1)];
    let epsilon = f64::from(epsilon);
    rms_norm_forward(x, features, weight, epsilon, None, None, out, &mut inverse);
}

/// `out = weight (x - μ) / √(σ² + ε) + bias` for each row of `weight.len()` (Ba et al. 2016).
///
/// # Panics
/// If x is not whole rows, or `out` has another length.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]) {
    let features = weight.len();
    assert_eq!(x.len(), out.len(), "layer norm: length of the output");
    assert_eq!(bias.len(), features, "layer norm: length of the bias");
    let mut mean = vec![0.0; x.len() / features.max(1)];
    let mut inverse = mean.clone();
    layer_norm_forward(
        x,
        features,
        weight,
        bias,
        f64::from(epsilon),
        None,
        None,
        out,
        &mut mean,
        &mut inverse,
    );
}

/// `x += y`.
///
/// # Panics
/// If the lengths differ.
pub fn add(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len(), "sum: lengths");
    let pieces = par::pieces(x.len());
    par::split_mut(x, 1, pieces, |first, x| {
        for (x, y) in x.iter_mut().zip(&y[first..]) {
            *x += y;
        }
    });
}

/// `x += bias` for each row of `bias.len()`.
///
/// # Panics
/// If x is not whole rows.
pub fn add_rows(x: &mut [f32], bias: &[f32]) {
    let features = bias.len().max(1);
    assert!(
        x.len().is_multiple_of(features),
        "bias: x is not whole rows"
    );
    let pieces = par::pieces(x.len());
    par::split_mut(x, features, pieces, |_, x| {
        for row in x.chunks_exact_mut(features) {
            for (x, bias) in row.iter_mut().zip(bias) {
                *x += bias;
            }
        }
    });
}

/// `gate = gate σ(gate) up`, the gated unit of Llama's feed-forward layers (Shazeer 2020).
///
/// # Panics
/// If the lengths differ.
pub fn swiglu(gate: &mut [f32], up: &[f32]) {
    crate::cpu::swiglu::over(gate, up);
}

/// `x = x σ(√(8/π) (x + 0.044715 x³))`: GELU with the tangent, as GPT-2 has it (Hendrycks and Gimpel 2016).
pub fn gelu_tanh(x: &mut [f32]) {
    let pieces = par::pieces(x.len());
    par::split_mut(x, 1, pieces, |_, x| nearly_gelu(x));
}

dispatch_math! {
    fn nearly_gelu<T: Math>(x: &mut [T]) {
        let scale = T::of((8.0 / std::f64::consts::PI).sqrt());
        for x in x {
            let inner = scale * (T::of(0.044_715) * *x * *x).fma::<I>(*x, *x);
            *x *= inner.sigmoid::<I>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};

    /// f64 of each row of `features` by a formula.
    fn by_rows(x: &[f32], features: usize, f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
        let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        wide.chunks(features).flat_map(f).collect()
    }

    #[test]
    fn rows_are_what_their_formulas_say() {
        for (rows, features) in [(1, 7), (3, 64), (130, 600)] {
            let mut rng = Rng(5);
            let x: Vec<f32> = rng.normals(rows * features);
            let [weight, bias]: [Vec<f32>; 2] = [0; 2].map(|_| rng.normals(features));
            let count = features as f64;
            let mean = |row: &[f64]| row.iter().sum::<f64>() / count;
            let root = |row: &[f64]| (row.iter().map(|v| v * v).sum::<f64>() / count + 1e-5).sqrt();
            let weighted = |v: Vec<f64>| -> Vec<f64> {
                v.iter()
                    .zip(&weight)
                    .map(|(v, w)| v * f64::from(*w))
                    .collect()
            };

            let mut out = vec![f32::NAN; x.len()];
            rms_norm(&x, &weight, 1e-5, &mut out);
            let exact = by_rows(&x, features, |row| {
                weighted(row.iter().map(|v| v / root(row)).collect())
            });
            assert!(error(&out, &exact) < 1e-6);

            layer_norm(&x, &weight, &bias, 1e-5, &mut out);
            let exact = by_rows(&x, features, |row| {
                let centred: Vec<f64> = row.iter().map(|v| v - mean(row)).collect();
                let root = root(&centred);
                let normed = weighted(centred.iter().map(|v| v / root).collect());
                normed
                    .iter()
                    .zip(&bias)
                    .map(|(v, b)| v + f64::from(*b))
                    .collect()
            });
            assert!(error(&out, &exact) < 1e-6);

            let mut sum = x.clone();
            add_rows(&mut sum, &bias);
            add(&mut sum, &x);
            let both = x.iter().zip(bias.iter().cycle());
            assert!(sum.iter().zip(both).all(|(s, (x, b))| *s == x + b + x));

            let mut gelu = x.clone();
            gelu_tanh(&mut gelu);
            let exact = by_rows(&x, features, |row| {
                let inner =
                    |v: f64| (2.0 / std::f64::consts::PI).sqrt() * (v + 0.044715 * v * v * v);
                row.iter()
                    .map(|v| 0.5 * v * (1.0 + inner(*v).tanh()))
                    .collect()
            });
            assert!(error(&gelu, &exact) < 1e-6);
        }
    }
}
