//! Convolutions by the definition, in f64.

use super::Geometry;

/// Calls `f(input element, weight element, output element)` for every product of the definition.
pub fn each_product(g: &Geometry, out: [usize; 2], mut f: impl FnMut(usize, usize, usize)) {
    let (cin, cout) = (g.cin / g.groups, g.cout / g.groups);
    let [kh, kw] = g.kernel;
    for b in 0..g.n {
        for (p, q) in (0..out[0]).flat_map(|p| (0..out[1]).map(move |q| (p, q))) {
            for (i, j) in (0..kh).flat_map(|i| (0..kw).map(move |j| (i, j))) {
                let y = (p * g.stride[0] + i * g.dilation[0]).wrapping_sub(g.pad[0]);
                let x = (q * g.stride[1] + j * g.dilation[1]).wrapping_sub(g.pad[1]);
                if y >= g.h || x >= g.w {
                    continue;
                }
                for o in 0..g.cout {
                    for c in 0..cin {
                        let input = ((b * g.h + y) * g.w + x) * g.cin + o / cout * cin + c;
                        let weight = ((o * cin + c) * kh + i) * kw + j;
                        let output = ((b * out[0] + p) * out[1] + q) * g.cout + o;
                        f(input, weight, output);
                    }
                }
            }
        }
    }
}

/// Forward.
pub fn forward(g: &Geometry, x: &[f64], w: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
    let mut y = vec![0.0; g.output_len()];
    if let Some(bias) = bias {
        y.chunks_exact_mut(g.cout)
            .for_each(|row| row.copy_from_slice(bias));
    }
    each_product(g, g.out(), |i, k, o| y[o] += x[i] * w[k]);
    y
}

/// Data gradient.
pub fn backward_data(g: &Geometry, w: &[f64], dy: &[f64]) -> Vec<f64> {
    let mut dx = vec![0.0; g.input_len()];
    each_product(g, g.out(), |i, k, o| dx[i] += dy[o] * w[k]);
    dx
}

/// Weight gradient.
pub fn backward_weights(g: &Geometry, x: &[f64], dy: &[f64]) -> Vec<f64> {
    let mut dw = vec![0.0; g.weight_len()];
    each_product(g, g.out(), |i, k, o| dw[k] += dy[o] * x[i]);
    dw
}
