//! Transposition of a matrix with distances between its rows.

use crate::isa::{Isa, isa};
use crate::real::Real;

/// `to[j to_step + i] = from[i from_step + j]` for `i < rows`, `j < columns`.
///
/// Elements of `to` that belong to no `(i, j)` stay as they are.
pub(crate) fn transpose<T: Real>(
    from: &[T],
    from_step: usize,
    to: &mut [T],
    to_step: usize,
    rows: usize,
    columns: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Avx512
        && rows >= x86::SIDE
        && columns >= x86::SIDE
        && let (Some(from), Some(to)) = (T::as_f32(from), T::as_f32_mut(to))
    {
        return x86::transpose(from, from_step, to, to_step, rows, columns);
    }
    quads(from, from_step, to, to_step, rows, columns);
}

/// Four by four, for what is left over and for other machines.
fn quads<T: Copy>(
    from: &[T],
    from_step: usize,
    to: &mut [T],
    to_step: usize,
    rows: usize,
    columns: usize,
) {
    let mut i = 0;
    // In registers: a quarter of the loads and stores.
    while i + 4 <= rows {
        let [a, b, c, d] =
            [0, 1, 2, 3].map(|k| from[(i + k) * from_step..][..columns].as_chunks::<4>());
        let quads = a.0.iter().zip(b.0).zip(c.0).zip(d.0);
        for ((((a, b), c), d), to) in quads.zip(to.chunks_mut(4 * to_step)) {
            for k in 0..4 {
                to[k * to_step + i..][..4].copy_from_slice(&[a[k], b[k], c[k], d[k]]);
            }
        }
        let rest = a.1.iter().zip(b.1).zip(c.1).zip(d.1);
        let first = columns / 4 * 4;
        for ((((a, b), c), d), j) in rest.zip(first..) {
            to[j * to_step + i..][..4].copy_from_slice(&[*a, *b, *c, *d]);
        }
        i += 4;
    }
    for i in i..rows {
        let run = &from[i * from_step..][..columns];
        for (to, value) in to[i..].iter_mut().step_by(to_step).zip(run) {
            *to = *value;
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::swap_axes;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// A block is 16 by 16: as many registers as lanes.
    pub(super) const SIDE: usize = 16;

    /// [`super::transpose`] in blocks; the edges are left to the general form.
    pub(super) fn transpose(
        from: &[f32],
        from_step: usize,
        to: &mut [f32],
        to_step: usize,
        rows: usize,
        columns: usize,
    ) {
        let (whole_rows, whole_columns) = (rows / SIDE * SIDE, columns / SIDE * SIDE);
        assert!(
            from.len() >= (rows - 1) * from_step + columns,
            "transpose: from is too small"
        );
        assert!(
            to.len() >= (columns - 1) * to_step + rows,
            "transpose: to is too small"
        );
        for i in (0..whole_rows).step_by(SIDE) {
            for j in (0..whole_columns).step_by(SIDE) {
                // SAFETY: the asserts keep rows i.. + 16 and columns j.. + 16 inside both slices, and
                // the caller has seen that the machine has AVX-512.
                unsafe {
                    let from = from.as_ptr().add(i * from_step + j);
                    block(
                        from,
                        from_step,
                        to.as_mut_ptr().add(j * to_step + i),
                        to_step,
                    );
                }
            }
        }
        if whole_columns < columns {
            let (from, to) = (&from[whole_columns..], &mut to[whole_columns * to_step..]);
            super::quads(
                from,
                from_step,
                to,
                to_step,
                whole_rows,
                columns - whole_columns,
            );
        }
        if whole_rows < rows {
            let (from, to) = (&from[whole_rows * from_step..], &mut to[whole_rows..]);
            super::quads(from, from_step, to, to_step, rows - whole_rows, columns);
        }
    }

    /// One block.
    ///
    /// # Safety
    /// AVX-512 F; 16 rows of 16 elements at both places.
    #[target_feature(enable = "avx512f")]
    unsafe fn block(from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        let mut rows = [_mm512_setzero_ps(); SIDE];
        for (i, row) in rows.iter_mut().enumerate() {
            // SAFETY: as the caller promises.
            *row = unsafe { _mm512_loadu_ps(from.add(i * from_step)) };
        }
        for (j, column) in swap_axes(rows).into_iter().enumerate() {
            // SAFETY: as the caller promises.
            unsafe { _mm512_storeu_ps(to.add(j * to_step), column) };
        }
    }

    /// Rows of a block to its columns: pairs, then quadruples of rows are interleaved, then quarters of
    /// registers moved.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn swap_axes(mut a: [__m512; SIDE]) -> [__m512; SIDE] {
        let mut b = a;
        for i in (0..SIDE).step_by(2) {
            b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
            b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
        }
        for i in (0..SIDE).step_by(4) {
            let pd = _mm512_castps_pd;
            let (p, q, r, s) = (pd(b[i]), pd(b[i + 1]), pd(b[i + 2]), pd(b[i + 3]));
            a[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(p, r));
            a[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(p, r));
            a[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(q, s));
            a[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(q, s));
        }
        // `a[4 g + c]` now holds, for each quarter k, column 4 k + c of rows 4 g.. + 4.
        for c in 0..4 {
            let even = _mm512_shuffle_f32x4::<0x88>(a[c], a[c + 4]);
            let odd = _mm512_shuffle_f32x4::<0xdd>(a[c], a[c + 4]);
            let even2 = _mm512_shuffle_f32x4::<0x88>(a[c + 8], a[c + 12]);
            let odd2 = _mm512_shuffle_f32x4::<0xdd>(a[c + 8], a[c + 12]);
            b[c] = _mm512_shuffle_f32x4::<0x88>(even, even2);
            b[c + 4] = _mm512_shuffle_f32x4::<0x88>(odd, odd2);
            b[c + 8] = _mm512_shuffle_f32x4::<0xdd>(even, even2);
            b[c + 12] = _mm512_shuffle_f32x4::<0xdd>(odd, odd2);
        }
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::Rng;

    #[test]
    fn every_element_goes_to_its_place_and_others_stay() {
        for (rows, columns, more) in [
            (16, 16, 0),
            (17, 35, 3),
            (64, 48, 1),
            (5, 40, 2),
            (33, 7, 0),
        ] {
            let (from_step, to_step) = (columns + more, rows + 2 * more);
            let from: Vec<f32> = Rng(1).normals(rows * from_step);
            let mut to = vec![9.0; columns * to_step];
            transpose(&from, from_step, &mut to, to_step, rows, columns);
            for (at, value) in to.iter().enumerate() {
                let (j, i) = (at / to_step, at % to_step);
                let expected = if i < rows {
                    from[i * from_step + j]
                } else {
                    9.0
                };
                assert_eq!(*value, expected, "{rows}x{columns}: {i}, {j}");
            }
        }
    }
}
