//! Windows of pooling on channels-last pictures `[n, h, w, c]`, for
//! [`pool_max`](crate::cpu::pool_max) and [`pool_average`](crate::cpu::pool_average).
//!
//! Gradients are gathered: every
//! input position looks at the windows that cover it, so each element is written once, in vectors,
//! and the order of additions is fixed.

/// Shape and windows of a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Pictures.
    pub n: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Padding at the top, left, bottom and right; smaller than the window, so that none is empty.
    pub padding: [usize; 4],
}

impl Pool {
    /// Height and width of the output: `(size + padding - kernel) / stride + 1`, rounded down.
    pub fn output(&self) -> [usize; 2] {
        let [t, l, b, r] = self.padding;
        let [kh, kw] = self.kernel;
        let [sh, sw] = self.stride;
        assert!(
            kh > 0 && kw > 0 && sh > 0 && sw > 0,
            "pool: kernel and stride must not be 0"
        );
        assert!(
            t.max(b) < kh && l.max(r) < kw,
            "pool: padding must be smaller than the kernel"
        );
        let (h, w) = (self.h + t + b, self.w + l + r);
        assert!(
            self.h > 0 && self.w > 0 && h >= kh && w >= kw,
            "pool: the kernel is larger than the padded picture"
        );
        [(h - kh) / sh + 1, (w - kw) / sw + 1]
    }

    /// Windows along the height and along the width.
    pub(crate) fn axes(&self) -> [Axis; 2] {
        let [oh, ow] = self.output();
        let [t, l, _, _] = self.padding;
        [
            Axis::sliding(self.h, oh, self.kernel[0], self.stride[0], t),
            Axis::sliding(self.w, ow, self.kernel[1], self.stride[1], l),
        ]
    }
}

/// First position and the one after the last.
pub(crate) type Span = (usize, usize);

/// The windows along one axis. Their starts and their ends never go back.
pub(crate) struct Axis {
    /// Input positions of every window, without padding.
    pub(crate) windows: Vec<Span>,
    /// Windows that cover every input position.
    pub(crate) covers: Vec<Span>,
}

impl Axis {
    fn sliding(size: usize, out: usize, kernel: usize, stride: usize, before: usize) -> Self {
        let window = |o: usize| {
            let end = (o * stride + kernel).saturating_sub(before);
            ((o * stride).saturating_sub(before), end.min(size))
        };
        Self::new(size, (0..out).map(window).collect())
    }

    /// The axis of these windows on `size` positions.
    pub(crate) fn new(size: usize, windows: Vec<Span>) -> Self {
        let cover = |i: usize| {
            let first = windows.partition_point(|w| w.1 <= i);
            (first, windows.partition_point(|w| w.0 <= i).max(first))
        };
        let covers = (0..size).map(cover).collect();
        Self { windows, covers }
    }
}

/// The windows that cover an input position, in order, not yet taken.
pub(crate) struct Cover {
    oy: usize,
    ox: usize,
    oxs: Span,
    ow: usize,
    left: usize,
}

impl Cover {
    #[inline(always)]
    pub(crate) fn new(oys: Span, oxs: Span, ow: usize) -> Self {
        let left = (oys.1 - oys.0) * (oxs.1 - oxs.0);
        Self {
            oy: oys.0,
            ox: oxs.0,
            oxs,
            ow,
            left,
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.left
    }

    /// The next `N` windows `oy * ow + ox`.
    #[inline(always)]
    pub(crate) fn take<const N: usize>(&mut self) -> [usize; N] {
        self.left -= N;
        std::array::from_fn(|_| {
            let window = self.oy * self.ow + self.ox;
            self.ox += 1;
            if self.ox == self.oxs.1 {
                self.ox = self.oxs.0;
                self.oy += 1;
            }
            window
        })
    }
}

/// Calls a block of 64, 16 or 1 channels, from the first channel to the last.
macro_rules! channel_blocks {
    ($c:expr, $at:ident, $block:ident :: <$($t:tt),*>($($arg:expr),* $(,)?)) => {{
        let mut $at = 0;
        while $at + 64 <= $c {
            $block::<$($t,)* 64>($($arg),*);
            $at += 64;
        }
        while $at + 16 <= $c {
            $block::<$($t,)* 16>($($arg),*);
            $at += 16;
        }
        while $at < $c {
            $block::<$($t,)* 1>($($arg),*);
            $at += 1;
        }
    }};
}
pub(crate) use channel_blocks;

/// `B` elements from `at`.
#[inline(always)]
pub(crate) fn block<T, const B: usize>(data: &[T], at: usize) -> &[T; B] {
    data[at..at + B].try_into().expect("B elements")
}

/// As [`block`], to write.
#[inline(always)]
pub(crate) fn block_mut<T, const B: usize>(data: &mut [T], at: usize) -> &mut [T; B] {
    (&mut data[at..at + B]).try_into().expect("B elements")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_are_the_windows_around_a_position() {
        let mut g = Pool {
            n: 1,
            h: 9,
            w: 7,
            c: 1,
            kernel: [3, 2],
            stride: [2, 3],
            padding: [1; 4],
        };
        for padding in [[1; 4], [0; 4], [2, 1, 0, 0]] {
            g.padding = padding;
            for (axis, size) in g.axes().iter().zip([9, 7]) {
                for i in 0..size {
                    for (o, window) in axis.windows.iter().enumerate() {
                        let covered = (window.0..window.1).contains(&i);
                        assert_eq!(covered, (axis.covers[i].0..axis.covers[i].1).contains(&o));
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "padding must be smaller")]
    fn empty_windows_are_refused() {
        Pool {
            n: 1,
            h: 4,
            w: 4,
            c: 1,
            kernel: [2; 2],
            stride: [1; 2],
            padding: [2; 4],
        }
        .output();
    }
}
