//! Against the direct sum in f64.

use super::*;
use crate::cpu::testing::{Rng, check_gradient, error};

/// y, dx and dw of the direct sums.
fn naive(s: &Shape3x3, x: &[f64], k: &[f64], dy: &[f64]) -> [Vec<f64>; 3] {
    let (oh, ow) = s.output();
    let mut y = vec![0.0; s.outputs()];
    let mut dx = vec![0.0; s.inputs()];
    let mut dw = vec![0.0; s.weights()];
    for n in 0..s.n {
        for i in 0..oh {
            for j in 0..ow {
                for t in 0..9 {
                    let (a, b) = (
                        (i + t / 3).wrapping_sub(s.pad[0]),
                        (j + t % 3).wrapping_sub(s.pad[1]),
                    );
                    if a >= s.h || b >= s.w {
                        continue;
                    }
                    let out = ((n * oh + i) * ow + j) * s.cout;
                    let inp = ((n * s.h + a) * s.w + b) * s.cin;
                    for o in 0..s.cout {
                        for c in 0..s.cin {
                            let w = (o * s.cin + c) * 9 + t;
                            y[out + o] += x[inp + c] * k[w];
                            dx[inp + c] += dy[out + o] * k[w];
                            dw[w] += x[inp + c] * dy[out + o];
                        }
                    }
                }
            }
        }
    }
    [y, dx, dw]
}

fn as_type<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|v| T::of(*v)).collect()
}

/// Compares all passes with the direct sums; returns the worst relative error.
fn compare<T: Real>(s: &Shape3x3, tile: Tile) -> f64 {
    let mut rng = Rng(7);
    let round = |v: Vec<f32>| -> Vec<f64> { v.into_iter().map(f64::from).collect() };
    let x = round(rng.normals(s.inputs()));
    let k = round(rng.normals(s.weights()));
    let dy = round(rng.normals(s.outputs()));
    let bias = round(rng.normals(s.cout));
    let [mut y0, dx0, dw0] = naive(s, &x, &k, &dy);
    for pixel in y0.chunks_mut(s.cout) {
        for (y, b) in pixel.iter_mut().zip(&bias) {
            *y += b;
        }
    }
    let (x, k, dy, bias) = (
        as_type::<T>(&x),
        as_type::<T>(&k),
        as_type::<T>(&dy),
        as_type::<T>(&bias),
    );
    let mut y = vec![T::of(f64::NAN); s.outputs()];
    let mut dx = vec![T::of(f64::NAN); s.inputs()];
    let mut dw = vec![T::of(f64::NAN); s.weights()];
    forward_by(tile, s, &x, &k, Some(&bias), &mut y);
    backward_data_by(tile, s, &k, &dy, &mut dx);
    backward_weights_by(tile, s, &x, &dy, &mut dw);
    error(&y, &y0).max(error(&dx, &dx0)).max(error(&dw, &dw0))
}

fn shape(n: usize, h: usize, w: usize, cin: usize, cout: usize, pad: [usize; 4]) -> Shape3x3 {
    Shape3x3 {
        n,
        h,
        w,
        cin,
        cout,
        pad,
    }
}

const SHAPES: [(usize, usize, usize, usize, usize, [usize; 4]); 12] = [
    (1, 7, 5, 3, 17, [1; 4]),
    (2, 7, 5, 17, 3, [0; 4]),
    (2, 4, 4, 16, 32, [1; 4]),
    (1, 8, 9, 33, 40, [0, 1, 2, 1]),
    (3, 3, 3, 1, 1, [0; 4]),
    (1, 1, 1, 5, 7, [1; 4]),
    (1, 1, 2, 5, 7, [2, 0, 0, 1]),
    (2, 11, 6, 64, 65, [2; 4]),
    (20, 9, 9, 20, 34, [1; 4]),
    (0, 6, 6, 4, 4, [1; 4]),
    (1, 16, 16, 130, 96, [1; 4]),
    (2, 4, 4, 300, 260, [1; 4]),
];

#[test]
fn all_passes_are_the_direct_sums() {
    for (n, h, w, cin, cout, pad) in SHAPES {
        let s = shape(n, h, w, cin, cout, pad);
        for (tile, bound) in [(Tile::F2, 2e-6), (Tile::F4, 3e-5)] {
            let wrong = compare::<f32>(&s, tile);
            assert!(wrong < bound, "{s:?} {tile:?} f32: {wrong:e}");
            let wrong = compare::<f64>(&s, tile);
            assert!(wrong < 1e-13, "{s:?} {tile:?} f64: {wrong:e}");
        }
    }
}

#[test]
fn many_channels_keep_their_precision() {
    let s = shape(1, 8, 8, 512, 33, [1; 4]);
    let (two, four) = (compare::<f32>(&s, Tile::F2), compare::<f32>(&s, Tile::F4));
    assert!(two < 5e-6 && four < 3e-5, "{two:e} {four:e}");
}

#[test]
fn gradients_are_differences() {
    let s = shape(2, 5, 4, 3, 2, [1, 0, 1, 2]);
    let mut rng = Rng(3);
    let x: Vec<f64> = rng.normals(s.inputs());
    let k: Vec<f64> = rng.normals(s.weights());
    let dy: Vec<f64> = rng.normals(s.outputs());
    let loss = |x: &[f64], k: &[f64]| -> f64 {
        let mut y = vec![0.0; s.outputs()];
        forward(&s, x, k, None, &mut y);
        y.iter().zip(&dy).map(|(y, d)| y * d).sum()
    };
    let (mut dx, mut dk) = (vec![0.0; x.len()], vec![0.0; k.len()]);
    backward_data(&s, &k, &dy, &mut dx);
    backward_weights(&s, &x, &dy, &mut dk);
    check_gradient(&x, &dx, |x| loss(x, &k));
    check_gradient(&k, &dk, |k| loss(&x, k));
}

#[test]
fn results_repeat_and_threads_agree() {
    for s in [
        shape(9, 20, 20, 24, 40, [1; 4]),
        shape(4, 6, 6, 160, 200, [1; 4]),
    ] {
        let mut rng = Rng(5);
        let x: Vec<f32> = rng.normals(s.inputs());
        let k: Vec<f32> = rng.normals(s.weights());
        let dy: Vec<f32> = rng.normals(s.outputs());
        let all = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a pool");
            let mut y = vec![f32::NAN; s.outputs()];
            let mut dx = vec![f32::NAN; s.inputs()];
            let mut dw = vec![f32::NAN; s.weights()];
            pool.install(|| {
                forward(&s, &x, &k, None, &mut y);
                backward_data(&s, &k, &dy, &mut dx);
                backward_weights(&s, &x, &dy, &mut dw);
            });
            [y, dx, dw]
        };
        let [one, three] = [all(1), all(3)];
        for (one, three) in one.iter().zip(&three) {
            assert!(error(one, three) < 2e-5);
        }
        assert_eq!(three, all(3));
    }
}

#[test]
fn an_image_smaller_than_the_filter_gives_nothing() {
    let s = shape(1, 1, 5, 2, 2, [0; 4]);
    let (x, k) = (vec![1.0f32; s.inputs()], vec![1.0f32; s.weights()]);
    let (mut dx, mut dw) = (x.clone(), k.clone());
    forward(&s, &x, &k, None, &mut []);
    backward_data(&s, &k, &[], &mut dx);
    backward_weights(&s, &x, &[], &mut dw);
    assert!(dx.iter().chain(&dw).all(|v| *v == 0.0));
}
