//! Adam and AdamW.

use super::{Lerp, part};
use crate::dispatch;
use crate::real::Real;
use rayon::prelude::*;

/// Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019). The default is PyTorch's Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay: added to the gradient, or `decoupled` from it.
    pub weight_decay: f64,
    /// AdamW: `p` shrinks by `1 - lr weight_decay`, and the gradient does not change.
    pub decoupled: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
        }
    }
}

/// One step of Adam or AdamW on `p`; `step` counts from 1, and `m` and `v` are 0 before the first.
///
/// `p -= lr / (1 - β1^t) · m / (√v / √(1 - β2^t) + eps)`.
pub fn adam<T: Real>(
    p: &mut [T],
    g: &[T],
    m: &mut [T],
    v: &mut [T],
    step: u64,
    scale: f64,
    s: &Adam,
) {
    let n = p.len();
    assert!(
        g.len() == n && m.len() == n && v.len() == n,
        "adam: lengths differ"
    );
    assert!(step > 0, "adam: steps count from 1");
    let unbias = |beta: f64| 1.0 - beta.powf(step as f64);
    let (shrink, decay) = match s.decoupled {
        true => (1.0 - s.lr * s.weight_decay, 0.0),
        false => (1.0, s.weight_decay),
    };
    let k = AdamFactors {
        scale: T::of(scale),
        shrink: T::of(shrink),
        decay: T::of(decay),
        mean: Lerp::new(1.0 - s.beta1),
        keep: T::of(s.beta2),
        gain: T::of(1.0 - s.beta2),
        unbias: T::of(unbias(s.beta2).sqrt()),
        eps: T::of(s.eps),
        step: T::of(-(s.lr / unbias(s.beta1))),
    };
    let each = part(n);
    p.par_chunks_mut(each)
        .zip(g.par_chunks(each))
        .zip(m.par_chunks_mut(each).zip(v.par_chunks_mut(each)))
        .for_each(|((p, g), (m, v))| adam_part(p, g, m, v, k));
}

#[derive(Clone, Copy)]
struct AdamFactors<T> {
    scale: T,
    shrink: T,
    decay: T,
    mean: Lerp<T>,
    keep: T,
    gain: T,
    unbias: T,
    eps: T,
    step: T,
}

dispatch! {
    fn adam_part<T>(p: &mut [T], g: &[T], m: &mut [T], v: &mut [T], k: AdamFactors<T>) {
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = *g * k.scale + k.decay * *p;
            *m = k.mean.at(*m, g);
            *v = *v * k.keep + k.gain * g * g;
            let denominator = v.sqrt() / k.unbias + k.eps;
            *p = *p * k.shrink + k.step * *m / denominator;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SIZES, reference, start};
    use super::*;
    use crate::cpu::testing::error;

    #[test]
    fn adam_follows_pytorch() {
        for (n, weight_decay, decoupled, beta1) in [
            (SIZES[0], 0.0, false, 0.9),
            (SIZES[1], 0.0, false, 0.9),
            (SIZES[2], 0.1, true, 0.4),
            (SIZES[3], 0.1, false, 0.9),
            (SIZES[4], 0.01, true, 0.9),
        ] {
            let s = Adam {
                lr: 0.02,
                weight_decay,
                decoupled,
                beta1,
                ..Adam::default()
            };
            let (start, gs) = start(n);
            let (mut p, mut m, mut v) = (start.clone(), vec![0.0; n], vec![0.0; n]);
            for (t, g) in gs.iter().enumerate() {
                adam(&mut p, g, &mut m, &mut v, t as u64 + 1, 2.0, &s);
            }
            let wanted = reference(&start, &gs, |t, p, g, state| {
                let mut g = 2.0 * g;
                match decoupled {
                    true => *p *= (1.0 - s.lr * weight_decay) as f32,
                    false => g += weight_decay as f32 * *p,
                }
                let [m, v, _] = state;
                *m = match beta1 > 0.5 {
                    true => *m + (1.0 - beta1) as f32 * (g - *m),
                    false => g - beta1 as f32 * (g - *m),
                };
                *v = *v * 0.999 + (1.0 - 0.999f64) as f32 * g * g;
                let unbias = |beta: f64| 1.0 - beta.powi(t as i32);
                let denominator = v.sqrt() / unbias(0.999).sqrt() as f32 + 1e-8;
                *p += -(s.lr / unbias(beta1)) as f32 * *m / denominator;
            });
            // powf and powi may differ in the last bit of f64.
            assert!(error(&p, &wanted) < 3e-7, "{s:?}");
        }
    }
}
