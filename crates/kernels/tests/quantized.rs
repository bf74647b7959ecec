//! The formats of GGUF files against the `gguf` package (`tests/golden/gguf_blocks.py`).

use modelwright_kernels::quant::{Format, Matrix, dequantize};

/// A format's blocks and their numbers.
fn golden(format: Format) -> (Vec<u8>, Vec<f32>) {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/golden/gguf_blocks.json")).unwrap();
    let one = &all[format.name()];
    let digits = one["bytes"].as_str().unwrap();
    let byte = |i: usize| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap();
    let values = one["values"].as_array().unwrap();
    (
        (0..digits.len() / 2).map(byte).collect(),
        values.iter().map(|v| v.as_f64().unwrap() as f32).collect(),
    )
}

#[test]
fn numbers_are_those_that_the_gguf_package_reads() {
    for format in Format::ALL {
        let (bytes, values) = golden(format);
        let mut found = vec![f32::NAN; values.len()];
        dequantize(format, &bytes, &mut found);
        assert_eq!(found, values, "{format}");
    }
}

#[test]
fn matrices_have_the_same_rows() {
    for format in Format::ALL {
        let (bytes, values) = golden(format);
        let cols = format.block().max(32);
        let matrix = Matrix::new(format, values.len() / cols, cols, &bytes).unwrap();
        let mut row = vec![f32::NAN; cols];
        for (i, exact) in values.chunks(cols).enumerate() {
            matrix.row(i, &mut row);
            assert_eq!(row, exact, "{format}");
        }
    }
}
