use super::reference;
use super::*;
use crate::cpu::testing::{Rng, check_gradient};

fn geometry(rng: &mut Rng) -> Geometry {
    let groups = 1 + rng.below(3);
    let (mut cin, mut cout) = (groups * (1 + rng.below(20)), groups * (1 + rng.below(40)));
    let mut depth = groups;
    if rng.below(4) == 0 {
        (cin, depth) = (1 + rng.below(40), 0);
        cout = cin * (1 + rng.below(3));
    }
    if rng.below(6) == 0 {
        cout = depth.max(1) * (60 + rng.below(100));
        if depth == 0 {
            cout = cin * 2;
        }
    }
    Geometry {
        n: rng.below(4),
        h: 1 + rng.below(9),
        w: 1 + rng.below(9),
        cin,
        cout,
        kernel: [1 + rng.below(5), 1 + rng.below(5)],
        stride: [1 + rng.below(3), 1 + rng.below(3)],
        pad: [rng.below(4), rng.below(4), rng.below(4), rng.below(4)],
        dilation: [1 + rng.below(2), 1 + rng.below(2)],
        groups: if depth == 0 { cin } else { groups },
    }
}

fn wide<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|v| v.wide()).collect()
}

/// The largest error, relative to the largest value; every element must have been written.
fn error<T: Real>(a: &[T], b: &[f64]) -> f64 {
    assert!(
        a.iter().all(|v| v.wide().is_finite()),
        "an element was not written"
    );
    crate::cpu::testing::error(a, b)
}

/// A vector that must be overwritten completely.
fn garbage<T: Real>(n: usize) -> Vec<T> {
    vec![T::of(f64::NAN); n]
}

fn check<T: Real>(g: &Geometry, rng: &mut Rng, bound: f64) {
    let x: Vec<T> = rng.normals(g.input_len());
    let w: Vec<T> = rng.normals(g.weight_len());
    let dy: Vec<T> = rng.normals(g.output_len());
    let bias: Vec<T> = rng.normals(g.cout);
    let bias = (rng.below(2) == 0).then_some(&bias[..]);
    let mut y = garbage::<T>(g.output_len());
    forward(g, &x, &w, bias, &mut y);
    let want = reference::forward(g, &wide(&x), &wide(&w), bias.map(wide).as_deref());
    assert!(
        error(&y, &want) < bound,
        "forward {g:?}: {}",
        error(&y, &want)
    );
    let mut dx = garbage::<T>(g.input_len());
    backward_data(g, &w, &dy, &mut dx);
    let want = reference::backward_data(g, &wide(&w), &wide(&dy));
    assert!(
        error(&dx, &want) < bound,
        "data {g:?}: {}",
        error(&dx, &want)
    );
    let mut dw = garbage::<T>(g.weight_len());
    backward_weights(g, &x, &dy, &mut dw);
    let want = reference::backward_weights(g, &wide(&x), &wide(&dy));
    assert!(
        error(&dw, &want) < bound,
        "weights {g:?}: {}",
        error(&dw, &want)
    );
}

#[test]
fn agrees_with_the_definition_on_random_geometries() {
    let mut rng = Rng(1);
    for _ in 0..150 {
        let g = geometry(&mut rng);
        check::<f32>(&g, &mut rng, 2e-5);
        check::<f64>(&g, &mut rng, 1e-12);
    }
}

fn plain(n: usize, size: usize, cin: usize, cout: usize, k: usize, s: usize) -> Geometry {
    Geometry {
        n,
        h: size,
        w: size,
        cin,
        cout,
        kernel: [k, k],
        stride: [s, s],
        pad: [k / 2; 4],
        dilation: [1, 1],
        groups: 1,
    }
}

#[test]
fn agrees_where_blocks_and_chunks_have_edges() {
    let mut rng = Rng(2);
    // Several blocks of pixels, several chunks of depth (also inside a tap), several threads, the
    // copy with padding, the path for few pixels.
    for g in [
        plain(3, 17, 33, 70, 3, 1),
        plain(2, 16, 64, 128, 3, 2),
        plain(2, 9, 600, 20, 1, 1),
        plain(2, 9, 1100, 20, 1, 2),
        plain(1, 7, 130, 96, 3, 1),
        plain(5, 23, 3, 64, 7, 2),
        plain(4, 32, 3, 17, 3, 1),
        plain(4, 2, 100, 50, 3, 1),
        plain(4, 1, 100, 50, 3, 1),
        plain(1, 4, 100, 50, 3, 2),
        plain(2, 12, 64, 3, 3, 1),
        Geometry::linear(5, 300, 70),
        Geometry::linear(37, 301, 70),
        Geometry::linear(64, 784, 256),
        Geometry {
            groups: 4,
            ..plain(2, 11, 48, 72, 3, 1)
        },
        Geometry {
            groups: 32,
            ..plain(2, 11, 32, 32, 3, 2)
        },
        Geometry {
            groups: 70,
            ..plain(2, 11, 70, 140, 5, 1)
        },
    ] {
        check::<f32>(&g, &mut rng, 2e-5);
    }
}

#[test]
fn transposed_is_the_adjoint_and_agrees_with_the_definition() {
    let mut rng = Rng(3);
    let mut done = 0;
    while done < 60 {
        let g = geometry(&mut rng);
        let padding = [
            rng.below(g.stride[0].max(g.dilation[0])),
            rng.below(g.stride[1]),
        ];
        let out = g.transposed_out(padding);
        if out[0] * out[1] == 0 {
            continue;
        }
        done += 1;
        let mirror = Geometry {
            h: out[0],
            w: out[1],
            cin: g.cout,
            cout: g.cin,
            ..g
        };
        let weights = g.cin * (g.cout / g.groups) * g.kernel[0] * g.kernel[1];
        let x: Vec<f64> = rng.normals(g.input_len());
        let w: Vec<f64> = rng.normals(weights);
        let bias: Vec<f64> = rng.normals(g.cout);
        let dy: Vec<f64> = rng.normals(g.n * out[0] * out[1] * g.cout);
        let mut want = vec![0.0; dy.len()];
        let (mut want_dx, mut want_dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        want.chunks_exact_mut(g.cout)
            .for_each(|row| row.copy_from_slice(&bias));
        reference::each_product(&mirror, [g.h, g.w], |i, k, o| {
            want[i] += w[k] * x[o];
            want_dx[o] += w[k] * dy[i];
            want_dw[k] += x[o] * dy[i];
        });
        let mut y = garbage(dy.len());
        transposed_forward(&g, padding, &x, &w, Some(&bias), &mut y);
        assert!(error(&y, &want) < 1e-12, "{g:?} {padding:?}");
        let mut dx = garbage(x.len());
        transposed_backward_data(&g, padding, &w, &dy, &mut dx);
        assert!(error(&dx, &want_dx) < 1e-12, "{g:?} {padding:?}");
        let mut dw = garbage(w.len());
        transposed_backward_weights(&g, padding, &x, &dy, &mut dw);
        assert!(error(&dw, &want_dw) < 1e-12, "{g:?} {padding:?}");
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn passes_are_adjoint() {
    let mut rng = Rng(4);
    for _ in 0..40 {
        let g = geometry(&mut rng);
        let x: Vec<f64> = rng.normals(g.input_len());
        let w: Vec<f64> = rng.normals(g.weight_len());
        let dy: Vec<f64> = rng.normals(g.output_len());
        let (mut y, mut dx, mut dw) = (garbage(dy.len()), garbage(x.len()), garbage(w.len()));
        forward(&g, &x, &w, None, &mut y);
        backward_data(&g, &w, &dy, &mut dx);
        backward_weights(&g, &x, &dy, &mut dw);
        let (a, b, c) = (dot(&y, &dy), dot(&x, &dx), dot(&w, &dw));
        let scale = 1e-10 * (1.0 + (dot(&y, &y) * dot(&dy, &dy)).sqrt());
        assert!(
            (a - b).abs() <= scale && (a - c).abs() <= scale,
            "{g:?}: {a} {b} {c}"
        );
    }
}

#[test]
fn gradients_agree_with_differences() {
    let mut rng = Rng(5);
    for g in [
        Geometry {
            pad: [1, 0, 2, 1],
            ..plain(1, 4, 3, 4, 3, 2)
        },
        Geometry {
            dilation: [2, 1],
            groups: 2,
            ..plain(2, 5, 4, 2, 3, 1)
        },
        Geometry {
            groups: 3,
            ..plain(1, 4, 3, 6, 3, 1)
        },
    ] {
        let x: Vec<f64> = rng.normals(g.input_len());
        let w: Vec<f64> = rng.normals(g.weight_len());
        let dy: Vec<f64> = rng.normals(g.output_len());
        let loss = |x: &[f64], w: &[f64]| {
            let mut y = garbage(dy.len());
            forward(&g, x, w, None, &mut y);
            dot(&y, &dy)
        };
        let (mut dx, mut dw) = (garbage(x.len()), garbage(w.len()));
        backward_data(&g, &w, &dy, &mut dx);
        backward_weights(&g, &x, &dy, &mut dw);
        check_gradient(&x, &dx, |x| loss(x, &w));
        check_gradient(&w, &dw, |w| loss(&x, w));
    }
}

#[test]
fn repeats_exactly() {
    let mut rng = Rng(6);
    for g in [plain(4, 16, 3, 64, 3, 1), plain(2, 16, 64, 64, 3, 2)] {
        let x: Vec<f32> = rng.normals(g.input_len());
        let dy: Vec<f32> = rng.normals(g.output_len());
        let mut first = garbage(g.weight_len());
        backward_weights(&g, &x, &dy, &mut first);
        for _ in 0..5 {
            let mut dw = garbage(g.weight_len());
            backward_weights(&g, &x, &dy, &mut dw);
            assert!(first == dw);
        }
    }
}

#[test]
fn bias_gradient_sums_columns() {
    let mut rng = Rng(7);
    for (rows, cout) in [
        (0, 3),
        (1, 1),
        (1000, 1),
        (777, 3),
        (333, 64),
        (300, 100),
        (5000, 129),
    ] {
        let dy: Vec<f32> = rng.normals(rows * cout);
        let mut db = garbage::<f32>(cout);
        bias_gradient(&dy, &mut db);
        let mut want = vec![0.0; cout];
        for row in dy.chunks_exact(cout) {
            want.iter_mut()
                .zip(row)
                .for_each(|(w, v)| *w += f64::from(*v));
        }
        assert!(error(&db, &want) < 1e-5, "{rows} {cout}");
    }
}
