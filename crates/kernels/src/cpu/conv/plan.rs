//! Which inputs an output needs, along one axis of the image.

use crate::par;
use crate::real::Real;

/// Outputs `start + step q` for `q` in `0..count`; output `q` reads the inputs `advance q + offset`
/// of its taps, those outside `0..size` being zero.
///
/// Both directions have this form. A convolution has one axis, with `advance` the stride. Its data
/// gradient has one for each remainder of the position modulo the stride: between two pixels of the
/// same remainder the taps are the same, so no position is ever multiplied by a zero put in between.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// First output.
    pub start: usize,
    /// Distance between outputs.
    pub step: usize,
    /// Number of outputs.
    pub count: usize,
    /// Distance between the inputs of neighbouring outputs.
    pub advance: usize,
    /// Number of inputs.
    pub size: usize,
    /// (index in the kernel, offset), by ascending offset; those that only meet padding are left out.
    pub taps: Vec<(usize, isize)>,
}

impl Axis {
    /// Of a convolution.
    pub fn forward(
        size: usize,
        out: usize,
        kernel: usize,
        stride: usize,
        pad: usize,
        dilation: usize,
    ) -> Self {
        let taps = (0..kernel).map(|i| (i, (i * dilation) as isize - pad as isize));
        Self {
            start: 0,
            step: 1,
            count: out,
            advance: stride,
            size,
            taps: taps.collect(),
        }
        .trimmed()
    }

    /// Of the data gradient, with the arguments of the convolution.
    pub fn backward(
        size: usize,
        out: usize,
        kernel: usize,
        stride: usize,
        pad: usize,
        dilation: usize,
    ) -> Vec<Self> {
        let phase = |start: usize| {
            let taps = (0..kernel).rev().filter_map(|i| {
                let at = (start + pad) as isize - (i * dilation) as isize;
                let whole = at.rem_euclid(stride as isize) == 0;
                whole.then(|| (i, at.div_euclid(stride as isize)))
            });
            Self {
                start,
                step: stride,
                count: (size - start).div_ceil(stride),
                advance: 1,
                size: out,
                taps: taps.collect(),
            }
            .trimmed()
        };
        (0..stride.min(size)).map(phase).collect()
    }

    fn trimmed(mut self) -> Self {
        let taps = std::mem::take(&mut self.taps);
        self.taps = taps
            .into_iter()
            .filter(|(_, offset)| self.touches(*offset))
            .collect();
        self
    }

    /// Whether some output reads a real input at `offset`.
    fn touches(&self, offset: isize) -> bool {
        let first = ((-offset).max(0) as usize).div_ceil(self.advance);
        first < self.count && ((first * self.advance) as isize + offset) < self.size as isize
    }

    /// The input of output `q` at `offset`, if there is one.
    #[inline(always)]
    pub fn input(&self, q: usize, offset: isize) -> Option<usize> {
        let at = (q * self.advance) as isize + offset;
        (at >= 0 && at < self.size as isize).then_some(at as usize)
    }

    /// Whether the inputs of the taps are neighbours.
    pub fn dense(&self) -> bool {
        self.taps.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1)
    }

    /// The first input needed and the number of inputs from there to the last one needed.
    fn span(&self) -> (isize, usize) {
        match (self.taps.first(), self.taps.last()) {
            (Some(first), Some(last)) if self.count > 0 => {
                let far = ((self.count - 1) * self.advance) as isize + last.1;
                (first.1, (far - first.1 + 1) as usize)
            }
            _ => (0, 0),
        }
    }
}

/// Channels below which images are copied with their padding, so that one run of memory holds all
/// taps of a kernel row: shorter runs cost more to find than to multiply.
const FEW_CHANNELS: usize = 16;

/// A copy of the images with explicit zeros around them, for images of few channels.
pub(super) struct Padded<T> {
    /// `[n, h, w, channels]`.
    pub data: Vec<T>,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl<T: Real> Padded<T> {
    /// The copy, if it is worth it.
    pub fn of(source: &[T], n: usize, channels: usize, y: &Axis, x: &Axis) -> Option<Self> {
        let runs = x.taps.len() > 1 && !y.taps.is_empty() && x.dense();
        if channels >= FEW_CHANNELS || !runs || n == 0 {
            return None;
        }
        let ((top, h), (left, w)) = (y.span(), x.span());
        let mut data = vec![T::ZERO; n * h * w * channels];
        let (skip, from) = ((-left).max(0) as usize, left.max(0) as usize);
        let columns = w.saturating_sub(skip).min(x.size.saturating_sub(from)) * channels;
        let pieces = par::pieces(data.len());
        par::split_mut(&mut data, w * channels, pieces, |first, part| {
            for (i, row) in part.chunks_exact_mut(w * channels).enumerate() {
                let (image, at) = ((first + i) / h, ((first + i) % h) as isize + top);
                if at >= 0 && at < y.size as isize {
                    let start = ((image * y.size + at as usize) * x.size + from) * channels;
                    let to = &mut row[skip * channels..skip * channels + columns];
                    to.copy_from_slice(&source[start..start + columns]);
                }
            }
        });
        Some(Self { data, h, w })
    }

    /// Where the window of output `(image, y, x)` begins.
    #[inline(always)]
    pub fn window(&self, image: usize, y: usize, x: usize, channels: usize) -> usize {
        ((image * self.h + y) * self.w + x) * channels
    }
}
