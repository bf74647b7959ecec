use super::rounded::round;
use super::*;
use crate::cpu::testing::Rng;

/// Odd sizes, whole tiles, more rows than a task has, and sums in several blocks and passes.
const SIZES: [[usize; 3]; 11] = [
    [0, 3, 4],
    [3, 4, 0],
    [1, 1, 1],
    [5, 2, 16],
    [13, 31, 33],
    [14, 32, 32],
    [15, 33, 17],
    [29, 513, 65],
    [420, 70, 34],
    [64, 300, 130],
    [5000, 20, 31],
];

/// The operands of a layer: x, weight, bias, dy.
struct Case {
    layer: Linear,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new([rows, inputs, outputs]: [usize; 3]) -> Self {
        let mut rng = Rng(7);
        Self {
            layer: Linear {
                rows,
                inputs,
                outputs,
            },
            x: rng.normals(rows * inputs),
            weight: rng.normals(outputs * inputs),
            bias: rng.normals(outputs),
            dy: rng.normals(rows * outputs),
        }
    }

    /// y, dx and dw, from memory that holds something else.
    fn run(&self) -> [Vec<f32>; 3] {
        let l = &self.layer;
        let [mut y, mut dx, mut dw] = [&self.dy, &self.x, &self.weight].map(|v| vec![7.0; v.len()]);
        l.forward(&self.x, &self.weight, Some(&self.bias), &mut y);
        l.backward_data(&self.weight, &self.dy, &mut dx);
        l.backward_weights(&self.x, &self.dy, &mut dw);
        [y, dx, dw]
    }

    /// The same with the f32 kernels.
    fn run_rounded(&self) -> [Vec<f32>; 3] {
        let l = &self.layer;
        let [mut y, mut dx, mut dw] = [&self.dy, &self.x, &self.weight].map(|v| vec![7.0; v.len()]);
        rounded::forward(l, &self.x, &self.weight, Some(&self.bias), &mut y);
        rounded::backward_data(l, &self.weight, &self.dy, &mut dx);
        rounded::backward_weights(l, &self.x, &self.dy, &mut dw);
        [y, dx, dw]
    }

    /// The three results in f64 with the number of terms of each sum, of factors after `f`; with
    /// `size`, sums of absolute values.
    fn exact(&self, f: impl Fn(f32) -> f32, size: bool) -> [(Vec<f64>, usize); 3] {
        let Linear {
            rows: m,
            inputs: k,
            outputs: n,
        } = self.layer;
        let wide = |values: &[f32], f: &dyn Fn(f32) -> f32| -> Vec<f64> {
            let one = |v: &f32| f64::from(f(*v));
            let one = |v: &f32| if size { one(v).abs() } else { one(v) };
            values.iter().map(one).collect()
        };
        let [x, w, dy] = [&self.x, &self.weight, &self.dy].map(|v| wide(v, &f));
        let bias = wide(&self.bias, &|v| v);
        let [mut y, mut dx, mut dw] = [m * n, m * k, n * k].map(|len| vec![0.0; len]);
        for i in 0..m {
            for o in 0..n {
                y[i * n + o] = bias[o];
                for c in 0..k {
                    y[i * n + o] += x[i * k + c] * w[o * k + c];
                    dx[i * k + c] += dy[i * n + o] * w[o * k + c];
                    dw[o * k + c] += dy[i * n + o] * x[i * k + c];
                }
            }
        }
        [(y, k + 1), (dx, n), (dw, m)]
    }
}

/// Asserts `|found - exact| <= bound(terms) size` of each element.
fn assert_within(
    what: &str,
    found: [Vec<f32>; 3],
    exact: [(Vec<f64>, usize); 3],
    size: &[(Vec<f64>, usize); 3],
    bound: impl Fn(usize) -> f64,
) {
    for (((found, (exact, terms)), (size, _)), name) in
        found.iter().zip(&exact).zip(size).zip(["y", "dx", "dw"])
    {
        assert_eq!(found.len(), exact.len());
        for (i, ((found, exact), size)) in found.iter().zip(exact).zip(size).enumerate() {
            let error = (f64::from(*found) - exact).abs();
            assert!(
                error <= bound(*terms) * size,
                "{what}: {name}[{i}] is {found}, exactly {exact}"
            );
        }
    }
}

/// The error of a sum of f32 numbers, as a share of the sum of their sizes.
fn of_sum(terms: usize) -> f64 {
    (terms + 1) as f64 * f64::from(f32::EPSILON)
}

#[test]
fn products_are_those_of_rounded_factors() {
    for sizes in SIZES {
        let case = Case::new(sizes);
        let size = case.exact(round, true);
        let exact = case.exact(round, false);
        assert_within(
            &format!("{sizes:?}"),
            case.run(),
            exact.clone(),
            &size,
            of_sum,
        );
        if sizes.iter().all(|s| *s > 0) {
            let rounded = case.run_rounded();
            assert_within(&format!("rounded {sizes:?}"), rounded, exact, &size, of_sum);
        }
    }
}

#[test]
fn errors_are_those_of_two_roundings() {
    // Each factor is off by at most 2⁻⁸ of itself.
    let of_factors = (1.0 + 2f64.powi(-8)).powi(2) - 1.0;
    for sizes in SIZES {
        let case = Case::new(sizes);
        let (exact, size) = (case.exact(|v| v, false), case.exact(|v| v, true));
        let bound = |terms| of_factors + of_sum(terms) * (1.0 + of_factors);
        assert_within(&format!("{sizes:?}"), case.run(), exact, &size, bound);
    }
}

#[test]
fn a_layer_without_inputs_gives_its_bias() {
    let layer = Linear {
        rows: 2,
        inputs: 0,
        outputs: 3,
    };
    let mut y = [7.0; 6];
    layer.forward(&[], &[], Some(&[1.0, 2.0, 3.0]), &mut y);
    assert_eq!(y, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
}

#[test]
fn rounding_is_to_nearest_even() {
    let of = f32::from_bits;
    // A value, what it becomes: exact, below, at and above the middle, both parities, both signs.
    for (from, to) in [
        (0x3f80_0000, 0x3f80_0000),
        (0x3f80_7fff, 0x3f80_0000),
        (0x3f80_8000, 0x3f80_0000),
        (0x3f80_8001, 0x3f81_0000),
        (0x3f81_8000, 0x3f82_0000),
        (0xbf81_8000, 0xbf82_0000),
        (0x3fff_ffff, 0x4000_0000),
        (0x7f7f_ffff, 0x7f80_0000),
        (0xff80_0000, 0xff80_0000),
        (0x0000_0000, 0x0000_0000),
    ] {
        let (from, to) = (of(from), of(to));
        assert_eq!(round(from), to, "{from}");
        let mut y = [0.0];
        let layer = Linear {
            rows: 1,
            inputs: 1,
            outputs: 1,
        };
        layer.forward(&[from], &[1.0], None, &mut y);
        assert_eq!(y, [to], "{from} by the product");
        layer.forward(&[1.0], &[from], None, &mut y);
        assert_eq!(y, [to], "{from} by the product, as the right factor");
    }
    assert!(round(f32::NAN).is_nan());
}

#[test]
fn what_is_not_a_number_stays_so_where_it_belongs() {
    let mut case = Case::new([20, 40, 40]);
    case.x[3 * 40 + 39] = f32::NAN;
    let [y, _, dw] = case.run();
    for (i, row) in y.chunks(40).enumerate() {
        assert!(row.iter().all(|v| v.is_nan() == (i == 3)), "row {i}");
    }
    for (i, v) in dw.iter().enumerate() {
        assert_eq!(v.is_nan(), i % 40 == 39, "weight {i}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    if !native() {
        return;
    }
    for sizes in [[420, 700, 340], [3, 600, 1500], [5000, 100, 31]] {
        let case = Case::new(sizes);
        let [one, four] = [1, 4].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| case.run())
        });
        assert!(one == four, "{sizes:?}");
    }
}
