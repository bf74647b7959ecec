use super::*;
use crate::cpu::testing::{Rng, check_gradient, error};
use crate::real::Real;

/// A case: sizes, options, and operands in f64.
struct Case {
    shape: Shape,
    causal: bool,
    mask: Option<Vec<bool>>,
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
    d_o: Vec<f64>,
}

/// Results: o, lse, and the gradients of q, k and v.
type Results<T> = [Vec<T>; 5];

impl Case {
    /// `sizes` are batch, heads, heads of keys, queries, keys, dim.
    fn new(sizes: [usize; 6], causal: bool, masked: bool) -> Self {
        let [batch, heads, kv_heads, q_len, kv_len, dim] = sizes;
        let shape = Shape {
            batch,
            heads,
            kv_heads,
            q_len,
            kv_len,
            dim,
        };
        let mut rng = Rng(sizes.iter().fold(7, |seed, n| seed * 31 + *n as u64));
        let (rows, keys) = (batch * q_len * heads * dim, batch * kv_len * kv_heads * dim);
        // Of the last sequence, no key may be seen.
        let visible = |i: usize, u: f64| u < 0.6 && (batch == 1 || i / kv_len + 1 < batch);
        let mask = (0..batch * kv_len)
            .map(|i| visible(i, rng.uniform()))
            .collect();
        Self {
            shape,
            causal,
            mask: masked.then_some(mask),
            q: rng.normals(rows),
            k: rng.normals(keys),
            v: rng.normals(keys),
            d_o: rng.normals(rows),
        }
    }

    fn options(&self) -> Options<'_> {
        let scale = 1.0 / (self.shape.dim as f64).sqrt();
        Options {
            causal: self.causal,
            mask: self.mask.as_deref(),
            scale,
        }
    }

    fn views(&self) -> [View; 2] {
        let s = &self.shape;
        [
            View::contiguous(s.q_len, s.heads * s.dim),
            View::contiguous(s.kv_len, s.kv_heads * s.dim),
        ]
    }

    fn run<T: Real>(&self) -> Results<T> {
        let round = |x: &[f64]| x.iter().map(|v| T::of(*v)).collect::<Vec<T>>();
        let [q, k, v, d_o] = [&self.q, &self.k, &self.v, &self.d_o].map(|x| round(x));
        let [rows, keys] = self.views();
        let [q, k, v] =
            [(&q, rows), (&k, keys), (&v, keys)].map(|(data, view)| Rows { data, view });
        let garbage = |n: usize| vec![T::of(f64::NAN); n];
        let (mut o, s) = (garbage(q.data.len()), &self.shape);
        let mut lse = garbage(s.batch * s.heads * s.q_len);
        forward(s, q, k, v, &self.options(), &mut o, &mut lse);
        let [mut dq, mut dk, mut dv] = [q, k, v].map(|x| garbage(x.data.len()));
        let gradients = Gradients::Separate {
            q: RowsMut {
                data: &mut dq,
                view: rows,
            },
            k: RowsMut {
                data: &mut dk,
                view: keys,
            },
            v: RowsMut {
                data: &mut dv,
                view: keys,
            },
        };
        backward(s, q, k, v, &self.options(), &o, &lse, &d_o, gradients);
        [o, lse, dq, dk, dv]
    }

    /// Probabilities of one query, and its `lse`.
    fn probabilities(&self, b: usize, h: usize, i: usize) -> (Vec<f64>, f64) {
        let s = &self.shape;
        let scores: Vec<f64> = (0..s.kv_len)
            .map(|j| {
                let masked = self
                    .mask
                    .as_ref()
                    .is_some_and(|mask| !mask[b * s.kv_len + j]);
                if masked || (self.causal && j + s.q_len > i + s.kv_len) {
                    return f64::NEG_INFINITY;
                }
                let (q, k) = (self.q_at(b, i, h), self.k_at(b, j, h));
                (0..s.dim)
                    .map(|d| self.q[q + d] * self.k[k + d])
                    .sum::<f64>()
                    * self.options().scale
            })
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return (vec![0.0; s.kv_len], largest);
        }
        let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        (
            scores.iter().map(|s| (s - largest).exp() / sum).collect(),
            largest + sum.ln(),
        )
    }

    fn q_at(&self, b: usize, i: usize, h: usize) -> usize {
        ((b * self.shape.q_len + i) * self.shape.heads + h) * self.shape.dim
    }

    fn k_at(&self, b: usize, j: usize, h: usize) -> usize {
        let s = &self.shape;
        ((b * s.kv_len + j) * s.kv_heads + h / s.group()) * s.dim
    }

    /// By the definition, with all scores and the chain rule.
    fn reference(&self) -> Results<f64> {
        let s = &self.shape;
        let (mut o, mut dq) = (vec![0.0; self.q.len()], vec![0.0; self.q.len()]);
        let (mut dk, mut dv) = (vec![0.0; self.k.len()], vec![0.0; self.k.len()]);
        let mut all = Vec::new();
        for (b, h) in (0..s.batch).flat_map(|b| (0..s.heads).map(move |h| (b, h))) {
            for i in 0..s.q_len {
                let (p, lse) = self.probabilities(b, h, i);
                all.push(lse);
                let at = self.q_at(b, i, h);
                let mut dp = vec![0.0; s.kv_len];
                for j in 0..s.kv_len {
                    let key = self.k_at(b, j, h);
                    for d in 0..s.dim {
                        o[at + d] += p[j] * self.v[key + d];
                        dv[key + d] += p[j] * self.d_o[at + d];
                        dp[j] += self.v[key + d] * self.d_o[at + d];
                    }
                }
                let mean: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
                for j in 0..s.kv_len {
                    let (key, ds) = (self.k_at(b, j, h), p[j] * (dp[j] - mean));
                    for d in 0..s.dim {
                        dq[at + d] += ds * self.options().scale * self.k[key + d];
                        dk[key + d] += ds * self.options().scale * self.q[at + d];
                    }
                }
            }
        }
        [o, all, dq, dk, dv]
    }
}

const CASES: [([usize; 6], bool, bool); 16] = [
    ([1, 1, 1, 1, 1, 8], false, false),
    ([2, 1, 1, 1, 33, 16], true, true),
    ([1, 2, 2, 16, 16, 16], true, false),
    ([2, 2, 1, 17, 15, 24], true, false),
    ([1, 4, 2, 70, 70, 64], true, true),
    ([2, 3, 1, 33, 49, 12], false, true),
    ([3, 2, 2, 5, 64, 32], false, false),
    ([1, 2, 1, 64, 5, 40], true, false),
    ([2, 6, 3, 13, 31, 9], true, true),
    ([1, 1, 1, 31, 300, 33], false, true),
    ([1, 2, 1, 140, 290, 20], true, false),
    ([1, 1, 1, 65, 129, 64], true, false),
    ([2, 2, 2, 48, 48, 1], false, false),
    ([0, 2, 2, 8, 8, 8], false, false),
    ([2, 2, 2, 0, 8, 8], false, false),
    ([2, 2, 2, 8, 0, 8], false, false),
];

/// Largest difference relative to the largest number; equal infinities are equal.
fn difference<T: Real>(found: &[T], wanted: &[f64]) -> f64 {
    let finite = |x: f64| if x == f64::NEG_INFINITY { -1e3 } else { x };
    let found: Vec<f64> = found.iter().map(|x| finite(x.wide())).collect();
    let wanted: Vec<f64> = wanted.iter().map(|x| finite(*x)).collect();
    // Gradients of softmax over one key are 0, with nothing to compare to but 1.
    let largest = wanted.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    error(&found, &wanted) * largest.max(1e-30) / if largest < 1e-3 { 1.0 } else { largest }
}

#[test]
fn agrees_with_the_definition() {
    for (sizes, causal, masked) in CASES {
        let case = Case::new(sizes, causal, masked);
        let wanted = case.reference();
        let (double, single) = (case.run::<f64>(), case.run::<f32>());
        for (i, name) in ["o", "lse", "dq", "dk", "dv"].into_iter().enumerate() {
            let (e64, e32) = (
                difference(&double[i], &wanted[i]),
                difference(&single[i], &wanted[i]),
            );
            assert!(
                e64 < 1e-12,
                "{name} of {sizes:?} causal {causal} mask {masked}: {e64:e} in f64"
            );
            assert!(
                e32 < 1e-5,
                "{name} of {sizes:?} causal {causal} mask {masked}: {e32:e} in f32"
            );
        }
    }
}

#[test]
fn gradients_agree_with_differences() {
    for (sizes, causal, masked) in [
        ([1, 2, 1, 5, 7, 3], true, false),
        ([2, 2, 2, 4, 3, 9], false, true),
        ([1, 1, 1, 9, 9, 2], true, true),
    ] {
        let mut case = Case::new(sizes, causal, masked);
        let [_, _, dq, dk, dv] = case.run::<f64>();
        let loss = |case: &Case| {
            let [o, ..] = case.run::<f64>();
            o.iter().zip(&case.d_o).map(|(o, d)| o * d).sum::<f64>()
        };
        let (q, k, v) = (case.q.clone(), case.k.clone(), case.v.clone());
        check_gradient(&q, &dq, |x| {
            case.q.copy_from_slice(x);
            loss(&case)
        });
        case.q.copy_from_slice(&q);
        check_gradient(&k, &dk, |x| {
            case.k.copy_from_slice(x);
            loss(&case)
        });
        case.k.copy_from_slice(&k);
        check_gradient(&v, &dv, |x| {
            case.v.copy_from_slice(x);
            loss(&case)
        });
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let mut case = Case::new([1, 1, 1, 20, 300, 16], false, false);
    case.q.iter_mut().for_each(|q| *q *= 300.0);
    let (wanted, found) = (case.reference(), case.run::<f32>());
    // Scores are near 1000, where f32 is exact to 6e-5, and so are probabilities.
    for i in [0, 4] {
        assert!(difference(&found[i], &wanted[i]) < 1e-3);
    }
    assert!(found.iter().flatten().all(|x| x.is_finite()));
}

#[test]
fn fused_buffers_give_the_same() {
    let case = Case::new([2, 4, 2, 37, 37, 24], true, false);
    let [o, lse, dq, dk, dv] = case.run::<f32>();
    let Shape {
        batch,
        heads,
        kv_heads,
        q_len,
        dim,
        ..
    } = case.shape;
    // One column more than needed, which stays as it is.
    let (wide, narrow) = (heads * dim, kv_heads * dim);
    let width = wide + 2 * narrow + 1;
    let join = |parts: [&[f32]; 3]| {
        let mut all = Vec::new();
        for row in 0..batch * q_len {
            all.extend_from_slice(&parts[0][row * wide..(row + 1) * wide]);
            all.extend_from_slice(&parts[1][row * narrow..(row + 1) * narrow]);
            all.extend_from_slice(&parts[2][row * narrow..(row + 1) * narrow]);
            all.push(77.0);
        }
        all
    };
    let single = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<_>>();
    let qkv = join([&single(&case.q), &single(&case.k), &single(&case.v)]);
    let views = [0, wide, wide + narrow].map(|first| View::columns(q_len, width, first));
    let [q, k, v] = views.map(|view| Rows { data: &qkv, view });
    let (mut o2, mut lse2) = (vec![f32::NAN; o.len()], vec![f32::NAN; lse.len()]);
    forward(&case.shape, q, k, v, &case.options(), &mut o2, &mut lse2);
    assert_eq!((&o, &lse), (&o2, &lse2));

    let (mut found, d_o) = (vec![77.0; qkv.len()], single(&case.d_o));
    let [to_q, to_k, to_v] = views;
    let gradients = Gradients::Fused {
        qkv: &mut found,
        q: to_q,
        k: to_k,
        v: to_v,
    };
    backward(
        &case.shape,
        q,
        k,
        v,
        &case.options(),
        &o,
        &lse,
        &d_o,
        gradients,
    );
    assert_eq!(found, join([&dq, &dk, &dv]));

    let (mut dq2, mut found) = (vec![f32::NAN; dq.len()], vec![0.0; qkv.len()]);
    let to_q = RowsMut {
        data: &mut dq2,
        view: View::contiguous(q_len, wide),
    };
    let gradients = Gradients::FusedKeysValues {
        q: to_q,
        kv: &mut found,
        k: to_k,
        v: to_v,
    };
    backward(
        &case.shape,
        q,
        k,
        v,
        &case.options(),
        &o,
        &lse,
        &d_o,
        gradients,
    );
    assert_eq!(dq, dq2);
    let column = |view: View| {
        (0..batch * q_len)
            .flat_map(move |row| (0..narrow).map(move |i| row * width + view.offset + i))
    };
    assert!(column(to_k).zip(&dk).all(|(i, d)| found[i] == *d));
    assert!(column(to_v).zip(&dv).all(|(i, d)| found[i] == *d));
}

#[test]
fn threads_do_not_change_results() {
    let case = Case::new([2, 4, 2, 80, 80, 64], true, true);
    let results = [1, 2, 3, 16].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| case.run::<f32>())
    });
    assert!(results.iter().all(|r| *r == results[0]));
}
