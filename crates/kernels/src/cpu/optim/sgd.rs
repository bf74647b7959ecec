//! Stochastic gradient descent.

use super::part;
use crate::dispatch;
use crate::real::Real;
use rayon::prelude::*;

/// Stochastic gradient descent. The default is PyTorch's (learning rate 1e-3, nothing else).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
    /// Share γ of the velocity that is kept; 0 for no velocity.
    pub momentum: f64,
    /// The velocity gains `(1 - dampening) g`.
    pub dampening: f64,
    /// Look ahead: step along `g + γ v` instead of `v`.
    pub nesterov: bool,
    /// Added to the gradient: `weight_decay p`.
    pub weight_decay: f64,
    /// The velocity is a moving average from 0, `v = γ v + (1 - γ) g`, and `dampening` is ignored.
    /// With `nesterov` the step is `γ v + (1 - γ) g`, the average after the same gradient again.
    pub averaging: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            averaging: false,
        }
    }
}

/// One step of stochastic gradient descent on `p`.
///
/// `velocity` is needed if `momentum` is not 0 and untouched otherwise. At the `first` step it is
/// written without being read: with the gradient, or its share `1 - γ` if `averaging`.
pub fn sgd<T: Real>(
    p: &mut [T],
    g: &[T],
    velocity: Option<&mut [T]>,
    first: bool,
    scale: f64,
    s: &Sgd,
) {
    assert_eq!(p.len(), g.len(), "sgd: gradients do not match parameters");
    let gain = if s.averaging {
        1.0 - s.momentum
    } else {
        1.0 - s.dampening
    };
    let fresh = if s.averaging { gain } else { 1.0 };
    let k = SgdFactors {
        scale: T::of(scale),
        decay: T::of(s.weight_decay),
        step: T::of(-s.lr),
        keep: T::of(s.momentum),
        gain: T::of(if first { fresh } else { gain }),
        ahead: T::of(fresh),
        first,
        nesterov: s.nesterov,
    };
    let each = part(p.len());
    if s.momentum == 0.0 {
        return p
            .par_chunks_mut(each)
            .zip(g.par_chunks(each))
            .for_each(|(p, g)| sgd_plain(p, g, k));
    }
    let v = velocity.expect("sgd: momentum needs a velocity");
    assert_eq!(p.len(), v.len(), "sgd: velocity does not match parameters");
    p.par_chunks_mut(each)
        .zip(g.par_chunks(each))
        .zip(v.par_chunks_mut(each))
        .for_each(|((p, g), v)| sgd_momentum(p, g, v, k));
}

#[derive(Clone, Copy)]
struct SgdFactors<T> {
    scale: T,
    decay: T,
    step: T,
    keep: T,
    gain: T,
    ahead: T,
    first: bool,
    nesterov: bool,
}

dispatch! {
    fn sgd_plain<T>(p: &mut [T], g: &[T], k: SgdFactors<T>) {
        for (p, g) in p.iter_mut().zip(g) {
            let g = *g * k.scale + k.decay * *p;
            *p += k.step * g;
        }
    }
}

dispatch! {
    fn sgd_momentum<T>(p: &mut [T], g: &[T], v: &mut [T], k: SgdFactors<T>) {
        match (k.first, k.nesterov) {
            (false, false) => sgd_loop::<T, false, false>(p, g, v, k),
            (false, true) => sgd_loop::<T, false, true>(p, g, v, k),
            (true, false) => sgd_loop::<T, true, false>(p, g, v, k),
            (true, true) => sgd_loop::<T, true, true>(p, g, v, k),
        }
    }
}

#[inline(always)]
fn sgd_loop<T: Real, const FIRST: bool, const NESTEROV: bool>(
    p: &mut [T],
    g: &[T],
    v: &mut [T],
    k: SgdFactors<T>,
) {
    for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
        let g = *g * k.scale + k.decay * *p;
        *v = if FIRST {
            k.gain * g
        } else {
            *v * k.keep + k.gain * g
        };
        let along = if NESTEROV {
            k.ahead * g + k.keep * *v
        } else {
            *v
        };
        *p += k.step * along;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SIZES, reference, start};
    use super::*;
    use crate::cpu::testing::error;

    #[test]
    fn sgd_follows_pytorch() {
        for (n, wd, momentum, dampening, nesterov) in [
            (SIZES[0], 0.0, 0.9, 0.0, false),
            (SIZES[1], 0.1, 0.0, 0.0, false),
            (SIZES[2], 0.01, 0.9, 0.0, true),
            (SIZES[3], 0.0, 0.8, 0.1, false),
            (SIZES[4], 0.01, 0.9, 0.0, true),
        ] {
            let s = Sgd {
                lr: 0.1,
                momentum,
                dampening,
                nesterov,
                weight_decay: wd,
                averaging: false,
            };
            let (start, gs) = start(n);
            let (mut p, mut v) = (start.clone(), vec![f32::NAN; n]);
            for (t, g) in gs.iter().enumerate() {
                sgd(&mut p, g, Some(&mut v), t == 0, 0.5, &s);
            }
            let (wd, mu, damp) = (wd as f32, momentum as f32, (1.0 - dampening) as f32);
            let wanted = reference(&start, &gs, |t, p, g, state| {
                let mut g = 0.5 * g + wd * *p;
                if mu != 0.0 {
                    state[0] = if t == 1 { g } else { state[0] * mu + damp * g };
                    g = if nesterov {
                        g + mu * state[0]
                    } else {
                        state[0]
                    };
                }
                *p += -0.1 * g;
            });
            assert_eq!(p, wanted, "{s:?}");
        }
    }

    #[test]
    fn averaging_velocity_starts_at_zero() {
        for nesterov in [false, true] {
            let s = Sgd {
                lr: 0.1,
                momentum: 0.9,
                averaging: true,
                nesterov,
                ..Sgd::default()
            };
            let (start, gs) = start(37);
            let (mut p, mut v) = (start.clone(), vec![f32::NAN; 37]);
            for (t, g) in gs.iter().enumerate() {
                sgd(&mut p, g, Some(&mut v), t == 0, 1.0, &s);
            }
            let wanted = reference(&start, &gs, |_, p, g, state| {
                state[0] = 0.9 * state[0] + (1.0 - 0.9f64) as f32 * g;
                let ahead = 0.9 * state[0] + 0.1 * g;
                *p -= 0.1 * if nesterov { ahead } else { state[0] };
            });
            assert!(error(&p, &wanted) < 1e-6);
        }
    }
}
