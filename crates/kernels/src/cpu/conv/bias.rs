//! Gradient of the bias: sums of columns.

use crate::dispatch;
use crate::par;
use crate::real::Real;

/// Sums kept at a time.
const LANES: usize = 64;
/// Rows that are summed in working precision before the sum is added to a double.
const BLOCK: usize = 128;

/// `db[c] = sum over rows of dy[row, c]`, for `dy[rows, cout]` with `cout = db.len()`.
///
/// Blocks of 128 rows are summed in the precision of the elements, blocks in f64.
pub fn bias_gradient<T: Real>(dy: &[T], db: &mut [T]) {
    let cout = db.len();
    assert!(
        cout > 0 && dy.len().is_multiple_of(cout),
        "bias gradient: {} / {cout}",
        dy.len()
    );
    // Several rows of few channels are one row of more columns.
    let fold = (LANES / cout).max(1);
    let wide = fold * cout;
    let rows = dy.len() / wide;
    let (body, rest) = dy.split_at(rows * wide);
    let parts = par::map_ranges(rows, par::pieces(dy.len()), |range| {
        let mut sums = vec![0.0; wide];
        columns(&body[range.start * wide..range.end * wide], &mut sums);
        sums
    });
    let mut sums = vec![0.0; cout];
    for part in &parts {
        for row in part.chunks_exact(cout) {
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
    }
    for row in rest.chunks_exact(cout) {
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value.wide());
    }
    db.iter_mut()
        .zip(&sums)
        .for_each(|(db, sum)| *db = T::of(*sum));
}

dispatch! {
    /// Adds the columns of `rows[.., sums.len()]` to `sums`.
    fn columns<T>(rows: &[T], sums: &mut [f64]) {
        let width = sums.len();
        for block in rows.chunks(BLOCK * width) {
            let mut first = 0;
            while first + LANES <= width {
                let mut sum = [T::ZERO; LANES];
                for row in block.chunks_exact(width) {
                    for (sum, value) in sum.iter_mut().zip(&row[first..first + LANES]) {
                        *sum = value.fma::<I>(T::ONE, *sum);
                    }
                }
                for (to, sum) in sums[first..first + LANES].iter_mut().zip(sum) {
                    *to += sum.wide();
                }
                first += LANES;
            }
            let left = width - first;
            let mut sum = [T::ZERO; LANES];
            for row in block.chunks_exact(width) {
                for (sum, value) in sum[..left].iter_mut().zip(&row[first..]) {
                    *sum = value.fma::<I>(T::ONE, *sum);
                }
            }
            for (to, sum) in sums[first..].iter_mut().zip(sum) {
                *to += sum.wide();
            }
        }
    }
}
