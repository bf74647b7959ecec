//! The gated unit of Llama's feed-forward layers (Shazeer 2020): `y = g σ(g) u`.

use crate::cpu::math::Math;
use crate::dispatch_math;
use crate::par;
use rayon::prelude::*;

/// `y = g σ(g) u` for gate g and value u of one length.
pub fn forward<T: Math>(gate: &[T], up: &[T], y: &mut [T]) {
    assert_eq!(gate.len(), y.len(), "swiglu: length of the gate");
    assert_eq!(up.len(), y.len(), "swiglu: length of the values");
    let pieces = par::pieces(y.len());
    par::split_mut(y, 1, pieces, |first, y| {
        values(&gate[first..], &up[first..], y);
    });
}

/// The same in the place of the gate.
pub fn over<T: Math>(gate: &mut [T], up: &[T]) {
    assert_eq!(gate.len(), up.len(), "swiglu: lengths");
    let pieces = par::pieces(gate.len());
    par::split_mut(gate, 1, pieces, |first, gate| {
        values_over(gate, &up[first..])
    });
}

/// Backwards through [`forward`]: `dg = dy u (s + g s (1 - s))` with `s = σ(g)`, and `du = dy g s`.
pub fn backward<T: Math>(gate: &[T], up: &[T], dy: &[T], dgate: &mut [T], dup: &mut [T]) {
    let len = dy.len();
    assert_eq!(gate.len(), len, "swiglu: length of the gate");
    assert_eq!(up.len(), len, "swiglu: length of the values");
    assert_eq!(
        [dgate.len(), dup.len()],
        [len; 2],
        "swiglu: lengths of the gradients"
    );
    let each = len.div_ceil(par::pieces(len)).max(1);
    let one = |(i, (dgate, dup)): (usize, (&mut [T], &mut [T]))| {
        let first = i * each;
        slopes(&gate[first..], &up[first..], &dy[first..], dgate, dup);
    };
    if each >= len {
        return one((0, (dgate, dup)));
    }
    let parts = dgate.par_chunks_mut(each).zip(dup.par_chunks_mut(each));
    parts.enumerate().for_each(one);
}

dispatch_math! {
    fn values<T: Math>(gate: &[T], up: &[T], y: &mut [T]) {
        for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
            *y = *g * g.sigmoid::<I>() * *u;
        }
    }
}

dispatch_math! {
    fn values_over<T: Math>(gate: &mut [T], up: &[T]) {
        for (g, u) in gate.iter_mut().zip(up) {
            *g = *g * g.sigmoid::<I>() * *u;
        }
    }
}

dispatch_math! {
    fn slopes<T: Math>(gate: &[T], up: &[T], dy: &[T], dgate: &mut [T], dup: &mut [T]) {
        let inputs = gate.iter().zip(up).zip(dy);
        for ((dg, du), ((g, u), dy)) in dgate.iter_mut().zip(dup).zip(inputs) {
            let s = g.sigmoid::<I>();
            let value = *g * s;
            *dg = *dy * *u * value.fma::<I>(T::ONE - s, s);
            *du = *dy * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::{Rng, check_gradient, error};

    #[test]
    fn values_are_those_of_the_formula() {
        for n in [0, 1, 37, 100_000] {
            let mut rng = Rng(5);
            let (gate, up): (Vec<f32>, Vec<f32>) = (rng.normals(n), rng.normals(n));
            let exact: Vec<f64> = gate
                .iter()
                .zip(&up)
                .map(|(g, u)| f64::from(*g) / (1.0 + (-f64::from(*g)).exp()) * f64::from(*u))
                .collect();
            let mut y = vec![f32::NAN; n];
            forward(&gate, &up, &mut y);
            assert!(error(&y, &exact) < 1e-6);
            let mut place = gate.clone();
            over(&mut place, &up);
            assert_eq!(place, y);
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let mut rng = Rng(6);
        let [gate, up, dy]: [Vec<f64>; 3] = [0; 3].map(|_| rng.normals(19));
        let (mut dgate, mut dup) = (vec![0.0; 19], vec![0.0; 19]);
        backward(&gate, &up, &dy, &mut dgate, &mut dup);
        let loss = |gate: &[f64], up: &[f64]| {
            let mut y = vec![0.0; 19];
            forward(gate, up, &mut y);
            y.iter().zip(&dy).map(|(y, dy)| y * dy).sum()
        };
        check_gradient(&gate, &dgate, |gate| loss(gate, &up));
        check_gradient(&up, &dup, |up| loss(&gate, up));
    }

    #[test]
    fn threads_share_the_gradients() {
        let n = 200_001;
        let mut rng = Rng(7);
        let [gate, up, dy]: [Vec<f32>; 3] = [0; 3].map(|_| rng.normals(n));
        let run = |threads| {
            let (mut dgate, mut dup) = (vec![0.0; n], vec![0.0; n]);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| backward(&gate, &up, &dy, &mut dgate, &mut dup));
            (dgate, dup)
        };
        assert!(run(1) == run(3));
    }
}
