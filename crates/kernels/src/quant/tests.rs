use super::*;
use crate::cpu::testing::Rng;
use blocks::offset;
use half::f32_to_f16;

/// Random blocks whose scales are of a usual size.
fn random_blocks(format: Format, rows: usize, cols: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng(seed);
    let size = format.bytes(rows * cols).unwrap();
    let mut bytes: Vec<u8> = (0..size).map(|_| rng.below(256) as u8).collect();
    // Where numbers with a point are, for random bits may be no number.
    let points: &[usize] = match format {
        Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[0, 2],
        Format::Q6K => &[208],
        _ => &[0],
    };
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        match format {
            Format::F32 => block.copy_from_slice(&(rng.normal() as f32).to_le_bytes()),
            Format::Bf16 => {
                block.copy_from_slice(&((rng.normal() as f32).to_bits() >> 16).to_le_bytes()[..2])
            }
            _ => {
                for at in points {
                    let value = f32_to_f16(rng.normal() as f32);
                    block[*at..][..2].copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
    bytes
}

/// Shapes with rows that are no multiple of 16, and one block or several in a row.
fn shapes(format: Format) -> Vec<(usize, usize)> {
    match format.block() {
        1 => vec![(1, 1), (33, 7), (48, 64), (17, 100)],
        32 => vec![(1, 32), (33, 64), (48, 576), (17, 96)],
        _ => vec![(1, 256), (33, 512), (48, 768)],
    }
}

#[test]
fn rows_are_the_dequantized_ones() {
    for format in Format::ALL {
        for (rows, cols) in shapes(format) {
            let bytes = random_blocks(format, rows, cols, 1);
            let matrix = Matrix::new(format, rows, cols, &bytes).unwrap();
            let mut all = vec![f32::NAN; rows * cols];
            dequantize(format, &bytes, &mut all);
            let mut row = vec![f32::NAN; cols];
            for (i, exact) in all.chunks(cols).enumerate() {
                matrix.row(i, &mut row);
                assert_eq!(row, exact, "{format} row {i}");
            }
            assert_eq!(
                (matrix.rows(), matrix.cols(), matrix.format()),
                (rows, cols, format)
            );
        }
    }
}

#[test]
fn columns_are_the_dequantized_ones() {
    for format in Format::ALL {
        for (rows, cols) in shapes(format) {
            let bytes = random_blocks(format, rows, cols, 12);
            let matrix = Matrix::new(format, rows, cols, &bytes).unwrap();
            let mut all = vec![f32::NAN; rows * cols];
            dequantize(format, &bytes, &mut all);
            for range in [0..rows, rows / 16 * 16..rows, 0..rows.min(20)] {
                let mut found = vec![f32::NAN; range.len() * cols];
                matrix.columns(range.clone(), &mut found);
                for (i, row) in range.clone().enumerate() {
                    for (c, exact) in all[row * cols..][..cols].iter().enumerate() {
                        let found = found[c * range.len() + i];
                        let near = (found - exact).abs() <= 1e-5 * exact.abs().max(1e-2);
                        assert!(near, "{format} {row} {c}: {found} {exact}");
                    }
                }
            }
        }
    }
}

/// x as a product takes it: rounded for formats with codes.
fn rounded(format: Format, x: &[f32]) -> Vec<f64> {
    let wide = |scale: f32, codes: &[i8]| -> Vec<f64> {
        codes
            .iter()
            .map(|q| f64::from(scale) * f64::from(*q))
            .collect()
    };
    match format.block() {
        1 => x.iter().map(|v| f64::from(*v)).collect(),
        32 => activation::small(x)
            .iter()
            .flat_map(|b| wide(b.scale, &b.codes))
            .collect(),
        _ => activation::large(x)
            .iter()
            .flat_map(|b| wide(b.scale, &b.codes))
            .collect(),
    }
}

/// Products in f64 with the dequantized weights, and the sums of their sizes.
fn exact(weights: &[f32], x: &[f64], cols: usize) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    for x in x.chunks(cols) {
        for row in weights.chunks(cols) {
            let products = row.iter().zip(x).map(|(w, x)| f64::from(*w) * x);
            let size = products.clone().map(f64::abs).sum();
            out.push((products.sum(), size));
        }
    }
    out
}

#[test]
fn products_are_those_of_dequantized_weights() {
    for format in Format::ALL {
        for (rows, cols) in shapes(format) {
            let bytes = random_blocks(format, rows, cols, 2);
            let matrix = Matrix::new(format, rows, cols, &bytes).unwrap();
            let mut weights = vec![0.0; rows * cols];
            dequantize(format, &bytes, &mut weights);
            // Minima are multiplied with sums that an f16 holds.
            let minima = [Format::Q4_1, Format::Q5_1].contains(&format);
            let step = if minima { 1.0 / 1024.0 } else { 1e-6 };
            for n in [0, 1, 2, 3, 7, 16, 33] {
                let x: Vec<f32> = Rng(3).normals(n * cols);
                let mut out = vec![f32::NAN; n * rows];
                matrix.product(&x, &mut out);
                let exact = exact(&weights, &rounded(format, &x), cols);
                for (i, (found, (exact, size))) in out.iter().zip(exact).enumerate() {
                    let near = (f64::from(*found) - exact).abs() <= step * size;
                    assert!(
                        near,
                        "{format} [{rows}, {cols}] n {n}: {i} is {found}, not {exact}"
                    );
                }
            }
        }
    }
}

#[test]
fn products_are_within_the_rounding_of_x() {
    for format in Format::ALL {
        let (rows, cols, n) = (40, 512, 5);
        let bytes = random_blocks(format, rows, cols, 4);
        let matrix = Matrix::new(format, rows, cols, &bytes).unwrap();
        let mut weights = vec![0.0; rows * cols];
        dequantize(format, &bytes, &mut weights);
        let x: Vec<f32> = Rng(5).normals(n * cols);
        let mut out = vec![f32::NAN; n * rows];
        matrix.product(&x, &mut out);
        let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        for (found, (exact, size)) in out.iter().zip(exact(&weights, &wide, cols)) {
            // Numbers of usual size are rounded to a 127th of the largest: half of that at most.
            assert!((f64::from(*found) - exact).abs() <= 0.02 * size, "{format}");
        }
    }
}

#[test]
fn a_row_does_not_depend_on_others_or_on_threads() {
    for format in Format::ALL {
        let (rows, cols, n) = (300, 768, 33);
        let bytes = random_blocks(format, rows, cols, 6);
        let matrix = Matrix::new(format, rows, cols, &bytes).unwrap();
        let x: Vec<f32> = Rng(7).normals(n * cols);
        let run = |x: &[f32], threads: usize| {
            let mut out = vec![f32::NAN; x.len() / cols * rows];
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| matrix.product(x, &mut out));
            out
        };
        let together = run(&x, 1);
        assert!(together == run(&x, 3), "{format}");
        for (i, x) in x.chunks(cols).enumerate() {
            assert!(
                run(x, 1) == together[i * rows..][..rows],
                "{format} row {i}"
            );
        }
    }
}

#[test]
fn several_matrices_share_one_x() {
    let (cols, n) = (256, 3);
    let formats = [Format::Q4_1, Format::Q6K, Format::F16];
    let matrices = formats.map(|format| {
        let rows = 20 + format.block_bytes() % 30;
        Matrix::new(format, rows, cols, &random_blocks(format, rows, cols, 8)).unwrap()
    });
    let x: Vec<f32> = Rng(9).normals(n * cols);
    let mut together = matrices.each_ref().map(|m| vec![f32::NAN; n * m.rows()]);
    let [a, b, c] = &mut together;
    products(matrices.each_ref(), &x, [a, b, c]);
    for (matrix, together) in matrices.iter().zip(together) {
        let mut alone = vec![f32::NAN; together.len()];
        matrix.product(&x, &mut alone);
        assert_eq!(alone, together);
    }
}

#[test]
fn extreme_codes_do_not_overflow() {
    for format in [
        Format::Q8_0,
        Format::Q5_1,
        Format::Q6K,
        Format::Q5K,
        Format::Q4K,
    ] {
        let (rows, cols) = (16, 1024);
        let mut bytes = random_blocks(format, rows, cols, 10);
        for block in bytes.chunks_exact_mut(format.block_bytes()) {
            let one = f32_to_f16(1.0).to_le_bytes();
            match format {
                Format::Q8_0 => block[2..].fill(0x80),
                Format::Q6K => {
                    // Codes of 0 are weights of -32, times -128.
                    block[..192].fill(0);
                    block[192..208].fill(0x80);
                    block[208..].copy_from_slice(&one);
                    continue;
                }
                _ => {
                    block[4..].fill(0xff);
                    block[2..4].copy_from_slice(&one);
                }
            }
            block[..2].copy_from_slice(&one);
        }
        let matrix = Matrix::new(format, rows, cols, &bytes).unwrap();
        let mut weights = vec![0.0; rows * cols];
        dequantize(format, &bytes, &mut weights);
        for sign in [1.0, -1.0] {
            let x = vec![sign; cols];
            let mut out = vec![f32::NAN; rows];
            matrix.product(&x, &mut out);
            for (found, weights) in out.iter().zip(weights.chunks(cols)) {
                let exact = sign * weights.iter().sum::<f32>();
                assert!(
                    (found - exact).abs() <= 2e-3 * exact.abs(),
                    "{format}: {found} {exact}"
                );
            }
        }
    }
}

#[test]
fn quantized_weights_are_within_half_a_step() {
    let mut x: Vec<f32> = Rng(11).normals(32 * 20);
    x[32..64].fill(0.0);
    let bytes = quantize_q8_0(&x);
    assert_eq!(Some(bytes.len()), Format::Q8_0.bytes(x.len()));
    let mut back = vec![f32::NAN; x.len()];
    dequantize(Format::Q8_0, &bytes, &mut back);
    for (x, back) in x.chunks(32).zip(back.chunks(32)) {
        let most = x.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        // Half a step, and what the scale lost as an f16.
        let bound = most / 127.0 * 0.5 + most / 2048.0;
        assert!(x.iter().zip(back).all(|(x, b)| (x - b).abs() <= bound));
    }
}

#[test]
fn what_does_not_fit_is_said() {
    for (format, rows, cols, bytes, word) in [
        (Format::Q4_1, 2, 33, 40, "blocks of 32"),
        (Format::Q4K, 2, 128, 144, "blocks of 256"),
        (Format::Q8_0, 2, 32, 67, "67"),
        (Format::F32, 2, 0, 0, "one or more"),
        (Format::F32, usize::MAX, 2, 8, "takes"),
    ] {
        let error = Matrix::new(format, rows, cols, &vec![0; bytes]).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
    let empty = Matrix::new(Format::Q4_0, 0, 32, &[]).unwrap();
    empty.product(&[1.0; 32], &mut []);
    assert_eq!(offset(Format::Q4_1), 0);
}
