//! Products with weights that are constants and stay as they are stored, in f32 or f64: a tile of rows is
//! dequantized, used for all tokens and forgotten.

use super::product::Product;
use crate::buffer::scratch;
use crate::par;
use crate::precision::Precision;
use crate::quant::Matrix;
use crate::real::Real;
use std::any::TypeId;
use std::ops::Range;

/// Weights of a tile: a few MB, which the third cache holds.
const TILE: usize = 1 << 20;

/// The rows of each tile.
fn tiles(weight: &Matrix) -> impl Iterator<Item = Range<usize>> {
    let (rows, cols) = (weight.rows(), weight.cols());
    let each = (TILE / cols / 16).max(1) * 16;
    (0..rows)
        .step_by(each)
        .map(move |first| first..(first + each).min(rows))
}

/// Calls `f` with the rows of a tile, transposed, `[cols, rows]`.
fn with_tile<T: Real>(weight: &Matrix, rows: Range<usize>, f: impl FnOnce(&[T])) {
    let len = rows.len() * weight.cols();
    let mut tile = scratch::<f32>(len);
    weight.columns(rows, &mut tile);
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        return f(bytemuck::cast_slice(&tile));
    }
    let wide: Vec<T> = tile.iter().map(|v| T::of(f64::from(*v))).collect();
    f(&wide);
}

/// The product with a tile of the transposed weights, as that of a layer from its rows to the columns of
/// the matrix.
fn product(tokens: usize, weight: &Matrix, rows: usize, precision: Precision) -> Product {
    Product::linear([tokens, rows, weight.cols()], precision)
}

/// `y[n, rows] = x[n, cols] Wᵀ`.
pub(super) fn forward<T: Real>(weight: &Matrix, x: &[T], precision: Precision, y: &mut [T]) {
    let (outputs, n) = (weight.rows(), x.len() / weight.cols());
    for rows in tiles(weight) {
        let product = product(n, weight, rows.len(), precision);
        with_tile(weight, rows.clone(), |tile| {
            if rows.len() == outputs {
                return product.backward_data(tile, x, y);
            }
            let mut part = scratch::<T>(n * rows.len());
            product.backward_data(tile, x, &mut part);
            par::split_mut(y, outputs, par::pieces(part.len()), |first, y| {
                let part = part[first * rows.len()..].chunks_exact(rows.len());
                for (y, part) in y.chunks_exact_mut(outputs).zip(part) {
                    y[rows.clone()].copy_from_slice(part);
                }
            });
        });
    }
}

/// `dx[n, cols] = dy[n, rows] W`.
pub(super) fn backward<T: Real>(weight: &Matrix, dy: &[T], precision: Precision, dx: &mut [T]) {
    let outputs = weight.rows();
    if outputs == 0 {
        return dx.fill(T::ZERO);
    }
    let n = dy.len() / outputs;
    for rows in tiles(weight) {
        let product = product(n, weight, rows.len(), precision);
        with_tile(weight, rows.clone(), |tile| {
            if rows.len() == outputs {
                return product.forward(dy, tile, None, dx);
            }
            let mut own = scratch::<T>(n * rows.len());
            let dy = dy.chunks_exact(outputs);
            for (own, dy) in own.chunks_exact_mut(rows.len()).zip(dy) {
                own.copy_from_slice(&dy[rows.clone()]);
            }
            if rows.start == 0 {
                return product.forward(&own, tile, None, dx);
            }
            let mut part = scratch::<T>(dx.len());
            product.forward(&own, tile, None, &mut part);
            par::split_mut(dx, 1, par::pieces(part.len()), |first, dx| {
                for (dx, part) in dx.iter_mut().zip(&part[first..]) {
                    *dx += *part;
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, error};
    use crate::quant::{Format, dequantize, quantize_q8_0};

    #[test]
    fn tiles_add_up_to_the_whole() {
        let (rows, cols, n) = (2500, 512, 5);
        let mut rng = Rng(31);
        let bytes = quantize_q8_0(&rng.normals::<f32>(rows * cols));
        let weight = Matrix::new(Format::Q8_0, rows, cols, &bytes).unwrap();
        assert!(tiles(&weight).count() > 1);
        let mut values = vec![0.0f32; rows * cols];
        dequantize(Format::Q8_0, &bytes, &mut values);
        let (x, dy): (Vec<f32>, Vec<f32>) = (rng.normals(n * cols), rng.normals(n * rows));
        let (mut y, mut dx) = (vec![f32::NAN; n * rows], vec![f32::NAN; n * cols]);
        forward(&weight, &x, Precision::F32, &mut y);
        backward(&weight, &dy, Precision::F32, &mut dx);
        let (mut exact_y, mut exact_dx) = (vec![0.0f64; n * rows], vec![0.0f64; n * cols]);
        for i in 0..n {
            for o in 0..rows {
                for c in 0..cols {
                    let w = f64::from(values[o * cols + c]);
                    exact_y[i * rows + o] += f64::from(x[i * cols + c]) * w;
                    exact_dx[i * cols + c] += f64::from(dy[i * rows + o]) * w;
                }
            }
        }
        assert!(error(&y, &exact_y) < 1e-5);
        assert!(error(&dx, &exact_dx) < 1e-5);
    }
}
