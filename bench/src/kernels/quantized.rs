//! Products with weights that stay quantized: one token, bound by the bandwidth of the weights, and a
//! prompt.

use super::clock;
use super::entry::{Entry, Pass, Work};
use modelwright_kernels::quant::{Format, Matrix};

/// Tokens of generation, of eight conversations at once, and of a prompt.
const TOKENS: [usize; 3] = [1, 8, 512];
/// Multiply-adds of bytes that a dot product makes where f32 has one: the roof is that of f32.
const BYTES: f64 = 4.0;

/// `[rows, columns]` in a format.
pub fn products(format: Format, [rows, columns]: [usize; 2]) -> Vec<Entry> {
    let entry = |tokens: usize| {
        let shape = format!("{tokens}x{columns} to {rows}, {format}");
        let operations = (2 * tokens * rows * columns) as f64;
        let weights = format.bytes(rows * columns).unwrap_or(0);
        let bytes = (weights + 4 * tokens * (rows + columns)) as f64;
        let work = Work {
            flop: operations / BYTES,
            plain: operations,
            bytes,
            data: bytes,
        };
        let run = move |seconds: f64| {
            let matrix = matrix(format, rows, columns);
            let x: Vec<f32> = (0..tokens * columns)
                .map(|i| (i as f32 * 0.7).sin())
                .collect();
            let mut out = vec![0.0; tokens * rows];
            clock::times(seconds, || (), |()| matrix.product(&x, &mut out))
        };
        Entry::new("quantized", &shape, Pass::Inference, work, run)
    };
    TOKENS.into_iter().map(entry).collect()
}

/// Any weights: bytes below 60, as which every scale is a small number.
fn matrix(format: Format, rows: usize, columns: usize) -> Matrix {
    let size = format.bytes(rows * columns).unwrap_or(0);
    let bytes: Vec<u8> = (0..size).map(|i| (i * 37 % 59) as u8).collect();
    match Matrix::new(format, rows, columns, &bytes) {
        Ok(matrix) => matrix,
        Err(reason) => unreachable!("a layer that is no matrix: {reason}"),
    }
}
