//! Mean and variance of every channel of `[rows, c]` in one pass, safe from cancellation.

use crate::cpu::channel_lanes::Lanes;
use crate::dispatch;
use crate::isa::Target;
use crate::par;
use crate::real::Real;

/// Wide rows that are summed in `T` before the sums move on to f64.
///
/// Rounding of a chunk's variance grows with its length, the cost of merging with its inverse.
const CHUNK: usize = 128;

/// Rows of statistics that are read together, so that the sums are loaded and stored once for all.
const TOGETHER: usize = 4;

/// Count, mean and sum of squared deviations, for each of several columns.
pub(crate) struct Moments {
    count: Vec<f64>,
    pub(crate) mean: Vec<f64>,
    m2: Vec<f64>,
}

impl Moments {
    fn new(columns: usize) -> Self {
        let zeros = || vec![0.0; columns];
        Self {
            count: zeros(),
            mean: zeros(),
            m2: zeros(),
        }
    }

    /// The biased variance; 0 of nothing.
    pub(crate) fn variance(&self, column: usize) -> f64 {
        match self.count[column] {
            0.0 => 0.0,
            count => self.m2[column] / count,
        }
    }

    /// Merges another set of values into a column (Chan, Golub and LeVeque, 1979).
    fn merge(&mut self, column: usize, count: f64, mean: f64, m2: f64) {
        let total = self.count[column] + count;
        if total > 0.0 {
            let delta = mean - self.mean[column];
            self.mean[column] += delta * (count / total);
            self.m2[column] += m2 + delta * delta * (self.count[column] * count / total);
            self.count[column] = total;
        }
    }
}

/// Moments of every channel of `x` `[rows, c]`.
pub(crate) fn statistics<T: Real>(x: &[T], lanes: Lanes) -> Moments {
    let Lanes { c, width } = lanes;
    let parts = par::map_ranges(x.len() / c, par::pieces(x.len()), |rows| {
        let mut part = Moments::new(width);
        moments(&x[rows.start * c..rows.end * c], &mut part);
        part
    });
    let mut total = Moments::new(c);
    for part in &parts {
        for lane in 0..width {
            total.merge(lane % c, part.count[lane], part.mean[lane], part.m2[lane]);
        }
    }
    total
}

dispatch! {
    /// Moments of every lane of `x`, whole wide rows and perhaps a part of one.
    ///
    /// One pass: a chunk is summed as differences from the mean of the chunk before it (the first
    /// chunk from its first row). If two means in a row are D apart, rounding adds no more than about
    /// n D² eps to the squared deviations of n rows, but the step between the means itself adds
    /// n D² / 2, so the relative error of the sum over all chunks stays a small multiple of eps.
    fn moments<T>(x: &[T], total: &mut Moments) {
        let width = total.count.len();
        let (wide, tail) = x.split_at(x.len() / width * width);
        if !wide.is_empty() {
            let mut shift = wide[..width].to_vec();
            let mut sum = vec![T::ZERO; width];
            let mut square = vec![T::ZERO; width];
            for chunk in wide.chunks(CHUNK * width) {
                sum.fill(T::ZERO);
                square.fill(T::ZERO);
                let mut blocks = chunk.chunks_exact(TOGETHER * width);
                for block in blocks.by_ref() {
                    add_rows::<T, I, TOGETHER>(block, &shift, &mut sum, &mut square);
                }
                for row in blocks.remainder().chunks_exact(width) {
                    add_rows::<T, I, 1>(row, &shift, &mut sum, &mut square);
                }
                merge_chunk((chunk.len() / width) as f64, &sum, &square, &mut shift, total);
            }
        }
        for (lane, x) in tail.iter().enumerate() {
            total.merge(lane, 1.0, x.wide(), 0.0);
        }
    }
}

/// Adds `R` wide rows to the sums of differences from `shift` and of their squares.
#[inline(always)]
fn add_rows<T: Real, I: Target, const R: usize>(
    rows: &[T],
    shift: &[T],
    sum: &mut [T],
    square: &mut [T],
) {
    let width = shift.len();
    let (sum, square) = (&mut sum[..width], &mut square[..width]);
    let rows: [&[T]; R] = std::array::from_fn(|r| &rows[r * width..][..width]);
    for lane in 0..width {
        let (mut s, mut q) = (sum[lane], square[lane]);
        for row in rows {
            let d = row[lane] - shift[lane];
            s += d;
            q = d.fma::<I>(d, q);
        }
        sum[lane] = s;
        square[lane] = q;
    }
}

/// Merges the sums of a chunk of `n` wide rows; leaves its means in `shift`.
#[inline(always)]
fn merge_chunk<T: Real>(n: f64, sum: &[T], square: &[T], shift: &mut [T], total: &mut Moments) {
    let width = shift.len();
    let (sum, square) = (&sum[..width], &square[..width]);
    let (mean, m2) = (&mut total.mean[..width], &mut total.m2[..width]);
    // Every lane has had the same number of rows so far.
    let before = total.count[0];
    let (part, between) = (n / (before + n), before * n / (before + n));
    let inverse = 1.0 / n;
    for lane in 0..width {
        let s = sum[lane].wide();
        let own = shift[lane].wide() + s * inverse;
        let deviations = square[lane].wide() - s * s * inverse;
        // Written so that NaN stays.
        let deviations = if deviations < 0.0 { 0.0 } else { deviations };
        let delta = own - mean[lane];
        mean[lane] += delta * part;
        m2[lane] += deviations + delta * delta * between;
        shift[lane] = T::of(own);
    }
    total.count.fill(before + n);
}
