//! RMSprop.

use super::{Lerp, part};
use crate::dispatch;
use crate::real::Real;
use rayon::prelude::*;

/// RMSprop (Hinton, 2012; centered: Graves, 2013). The default is PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the mean of squared gradients.
    pub alpha: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Share of the momentum buffer that is kept; 0 for no buffer.
    pub momentum: f64,
    /// Divide by the standard deviation of the gradients instead of their root mean square.
    pub centered: bool,
    /// Added to the gradient: `weight_decay p`.
    pub weight_decay: f64,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            lr: 1e-2,
            alpha: 0.99,
            eps: 1e-8,
            momentum: 0.0,
            centered: false,
            weight_decay: 0.0,
        }
    }
}

/// One step of RMSprop on `p`. All state is 0 before the first step; `grad_avg` is needed if
/// `centered` and `momentum_buffer` if `momentum` is not 0, and untouched otherwise.
pub fn rmsprop<T: Real>(
    p: &mut [T],
    g: &[T],
    square_avg: &mut [T],
    grad_avg: Option<&mut [T]>,
    momentum_buffer: Option<&mut [T]>,
    scale: f64,
    s: &RmsProp,
) {
    let n = p.len();
    assert!(
        g.len() == n && square_avg.len() == n,
        "rmsprop: lengths differ"
    );
    let k = RmsFactors {
        scale: T::of(scale),
        decay: T::of(s.weight_decay),
        keep: T::of(s.alpha),
        gain: T::of(1.0 - s.alpha),
        mean: Lerp::new(1.0 - s.alpha),
        eps: T::of(s.eps),
        momentum: T::of(s.momentum),
        step: T::of(-s.lr),
    };
    let each = part(n);
    let parts = n.div_ceil(each);
    let mean = state(s.centered, grad_avg, n, each, parts);
    let buffer = state(s.momentum != 0.0, momentum_buffer, n, each, parts);
    p.par_chunks_mut(each)
        .zip(g.par_chunks(each))
        .zip(square_avg.par_chunks_mut(each))
        .zip(mean.into_par_iter().zip(buffer))
        .for_each(|(((p, g), v), (mean, buffer))| match (mean, buffer) {
            (None, None) => rms_plain(p, g, v, k),
            (Some(mean), None) => rms_centered(p, g, v, mean, k),
            (None, Some(buffer)) => rms_momentum(p, g, v, buffer, k),
            (Some(mean), Some(buffer)) => rms_both(p, g, v, mean, buffer, k),
        });
}

/// The parts of an optional state, or `parts` times nothing.
fn state<T>(
    needed: bool,
    data: Option<&mut [T]>,
    n: usize,
    each: usize,
    parts: usize,
) -> Vec<Option<&mut [T]>> {
    if !needed {
        return (0..parts).map(|_| None).collect();
    }
    let data = data.expect("rmsprop: a state is missing");
    assert_eq!(data.len(), n, "rmsprop: a state does not match parameters");
    data.chunks_mut(each).map(Some).collect()
}

#[derive(Clone, Copy)]
struct RmsFactors<T> {
    scale: T,
    decay: T,
    keep: T,
    gain: T,
    mean: Lerp<T>,
    eps: T,
    momentum: T,
    step: T,
}

/// The gradient with decay and the denominator; updates the mean square.
#[inline(always)]
fn rms<T: Real>(p: T, g: T, v: &mut T, k: RmsFactors<T>) -> (T, T) {
    let g = g * k.scale + k.decay * p;
    *v = *v * k.keep + k.gain * g * g;
    (g, v.sqrt() + k.eps)
}

/// As [`rms`] with the variance; updates the mean as well.
#[inline(always)]
fn rms_deviation<T: Real>(p: T, g: T, v: &mut T, mean: &mut T, k: RmsFactors<T>) -> (T, T) {
    let g = g * k.scale + k.decay * p;
    *v = *v * k.keep + k.gain * g * g;
    *mean = k.mean.at(*mean, g);
    (g, (*v - *mean * *mean).sqrt() + k.eps)
}

dispatch! {
    fn rms_plain<T>(p: &mut [T], g: &[T], v: &mut [T], k: RmsFactors<T>) {
        for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
            let (g, denominator) = rms(*p, *g, v, k);
            *p += k.step * g / denominator;
        }
    }
}

dispatch! {
    fn rms_centered<T>(p: &mut [T], g: &[T], v: &mut [T], mean: &mut [T], k: RmsFactors<T>) {
        for (((p, g), v), mean) in p.iter_mut().zip(g).zip(v).zip(mean) {
            let (g, denominator) = rms_deviation(*p, *g, v, mean, k);
            *p += k.step * g / denominator;
        }
    }
}

dispatch! {
    fn rms_momentum<T>(p: &mut [T], g: &[T], v: &mut [T], buffer: &mut [T], k: RmsFactors<T>) {
        for (((p, g), v), buffer) in p.iter_mut().zip(g).zip(v).zip(buffer) {
            let (g, denominator) = rms(*p, *g, v, k);
            *buffer = *buffer * k.momentum + g / denominator;
            *p += k.step * *buffer;
        }
    }
}

dispatch! {
    fn rms_both<T>(
        p: &mut [T], g: &[T], v: &mut [T], mean: &mut [T], buffer: &mut [T], k: RmsFactors<T>,
    ) {
        for ((((p, g), v), mean), buffer) in p.iter_mut().zip(g).zip(v).zip(mean).zip(buffer) {
            let (g, denominator) = rms_deviation(*p, *g, v, mean, k);
            *buffer = *buffer * k.momentum + g / denominator;
            *p += k.step * *buffer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SIZES, reference, start};
    use super::*;

    #[test]
    fn rmsprop_follows_pytorch() {
        for (n, momentum, centered, weight_decay) in [
            (SIZES[0], 0.9, true, 0.0),
            (SIZES[1], 0.0, false, 0.0),
            (SIZES[2], 0.0, true, 0.1),
            (SIZES[3], 0.9, false, 0.0),
            (SIZES[4], 0.9, true, 0.01),
        ] {
            let s = RmsProp {
                momentum,
                centered,
                weight_decay,
                ..RmsProp::default()
            };
            let (start, gs) = start(n);
            let mut p = start.clone();
            let (mut v, mut mean, mut buffer) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
            for g in &gs {
                let (mean, buffer) = (centered.then_some(&mut mean[..]), Some(&mut buffer[..]));
                rmsprop(&mut p, g, &mut v, mean, buffer, 1.0, &s);
            }
            let gain = (1.0 - s.alpha) as f32;
            let wanted = reference(&start, &gs, |_, p, g, state| {
                let [v, mean, buffer] = state;
                let g = g + weight_decay as f32 * *p;
                *v = *v * 0.99 + gain * g * g;
                let mut variance = *v;
                if centered {
                    *mean += gain * (g - *mean);
                    variance -= *mean * *mean;
                }
                let denominator = variance.sqrt() + 1e-8;
                if momentum == 0.0 {
                    *p += -0.01 * g / denominator;
                } else {
                    *buffer = *buffer * 0.9 + g / denominator;
                    *p += -0.01 * *buffer;
                }
            });
            assert_eq!(p, wanted, "{s:?}");
        }
    }
}
