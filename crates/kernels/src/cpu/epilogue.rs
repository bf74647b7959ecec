//! What follows a convolution, done block by block while its outputs are in the cache: the map of a
//! batch norm whose statistics are constants, an addition, a ReLU.

use crate::dispatch;
use crate::real::Real;
use std::ops::Range;

/// `y = act(scale y + shift + residual)`, with `scale` and `shift` of each channel.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a, T> {
    /// Factor of each channel.
    pub scale: &'a [T],
    /// Added to each channel.
    pub shift: &'a [T],
    /// Added to each element, if there is one.
    pub residual: Option<&'a [T]>,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

impl<T: Real> Epilogue<'_, T> {
    /// Asserts that the sizes are those of an output `[…, channels]` of `elements`.
    pub(crate) fn check(&self, channels: usize, elements: usize) {
        assert!(
            [self.scale, self.shift].iter().all(|v| v.len() == channels),
            "epilogue: scale and shift are not {channels} channels"
        );
        assert!(
            self.residual.is_none_or(|r| r.len() == elements),
            "epilogue: the residual has another size than the output"
        );
    }

    /// The same, if this is f32: lets a generic kernel call one for f32.
    pub(crate) fn as_f32(&self) -> Option<Epilogue<'_, f32>> {
        Some(Epilogue {
            scale: T::as_f32(self.scale)?,
            shift: T::as_f32(self.shift)?,
            residual: self.residual.and_then(T::as_f32),
            relu: self.relu,
        })
    }

    /// Applies it to `y`, which is the output from element `at` on: whole pixels if `channels` are
    /// all of them, else these channels of one pixel.
    pub(crate) fn apply(&self, y: &mut [T], at: usize, channels: Range<usize>) {
        let residual = self.residual.map(|r| &r[at..at + y.len()]);
        let (scale, shift) = (&self.scale[channels.clone()], &self.shift[channels]);
        let floor = if self.relu { T::ZERO } else { T::NEG_INFINITY };
        match residual {
            Some(residual) => map_and_add(y, residual, scale, shift, floor),
            None => map(y, scale, shift, floor),
        }
    }
}

/// The larger of a value and `floor`; in this order a NaN stays.
#[inline(always)]
fn above<T: Real>(v: T, floor: T) -> T {
    if v < floor { floor } else { v }
}

dispatch! {
    /// `y = max(scale y + shift, floor)` in rows of as many channels as `scale` has.
    fn map<T>(y: &mut [T], scale: &[T], shift: &[T], floor: T) {
        for y in y.chunks_exact_mut(scale.len()) {
            for ((y, scale), shift) in y.iter_mut().zip(scale).zip(shift) {
                *y = above(y.fma::<I>(*scale, *shift), floor);
            }
        }
    }
}

dispatch! {
    /// `y = max(scale y + shift + residual, floor)` in rows of as many channels as `scale` has.
    fn map_and_add<T>(y: &mut [T], residual: &[T], scale: &[T], shift: &[T], floor: T) {
        let c = scale.len();
        for (y, residual) in y.chunks_exact_mut(c).zip(residual.chunks_exact(c)) {
            for (((y, r), scale), shift) in y.iter_mut().zip(residual).zip(scale).zip(shift) {
                *y = above(y.fma::<I>(*scale, *shift) + *r, floor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pixels_and_some_channels() {
        let (scale, shift) = ([2.0f32, 3.0, -1.0], [0.5f32, 0.0, 1.0]);
        let residual = [1.0f32, 1.0, 1.0, 0.0, -30.0, 0.0];
        let mut after = Epilogue {
            scale: &scale,
            shift: &shift,
            residual: None,
            relu: false,
        };
        after.check(3, 6);
        let x = [1.0, -1.0, 2.0, 4.0, 5.0, f32::NAN];
        let mut y = x;
        after.apply(&mut y, 0, 0..3);
        assert_eq!(y[..5], [2.5, -3.0, -1.0, 8.5, 15.0]);
        (after.residual, after.relu) = (Some(&residual[..]), true);
        let mut y = x;
        after.apply(&mut y[4..], 4, 1..3);
        assert_eq!(y[..5], [1.0, -1.0, 2.0, 4.0, 0.0]);
        assert!(y[5].is_nan());
    }
}
