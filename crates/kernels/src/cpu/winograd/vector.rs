//! Vectors of one instruction set: the transforms and the product are written once over [`Vector`].

use crate::isa::Portable;
use crate::real::Real;

/// Work that is compiled for the instruction set of `V`.
pub(super) trait Job<V: Vector> {
    /// Does it.
    ///
    /// # Safety
    /// Only [`Vector::enter`] may call this, and the job's own pointers must be valid.
    unsafe fn run(self);
}

/// A register of elements. Everything is `#[inline(always)]`, so that it ends up inside
/// [`Vector::enter`], which is compiled for the instruction set.
pub(super) trait Vector: Copy {
    /// What the lanes hold.
    type Elem: Real;
    /// Elements in a register.
    const LANES: usize;
    /// Rows of accumulators of the product: two registers each, and three more must fit.
    const ROWS: usize;
    /// Channels that lie together in transformed data: the columns of the product.
    const PANEL: usize = 2 * Self::LANES;

    /// Runs a job in a function compiled for this instruction set.
    ///
    /// # Safety
    /// The processor must have the instruction set, and the job's pointers must be valid.
    unsafe fn enter<J: Job<Self>>(job: J);
    /// All lanes equal.
    ///
    /// # Safety
    /// Inside [`Vector::enter`].
    unsafe fn splat(value: Self::Elem) -> Self;
    /// `LANES` elements.
    ///
    /// # Safety
    /// Inside [`Vector::enter`], with as many elements readable at `from`.
    unsafe fn load(from: *const Self::Elem) -> Self;
    /// The first `count <= LANES` elements, then zeros.
    ///
    /// # Safety
    /// Inside [`Vector::enter`], with `count` elements readable at `from`.
    unsafe fn load_part(from: *const Self::Elem, count: usize) -> Self;
    /// Writes all lanes.
    ///
    /// # Safety
    /// `LANES` elements must be writable at `to`.
    unsafe fn store(self, to: *mut Self::Elem);
    /// Writes the first `count <= LANES` lanes.
    ///
    /// # Safety
    /// `count` elements must be writable at `to`.
    unsafe fn store_part(self, to: *mut Self::Elem, count: usize);
    /// Lane by lane.
    fn add(self, other: Self) -> Self;
    /// Lane by lane.
    fn sub(self, other: Self) -> Self;
    /// `self * factor + term`, lane by lane.
    fn fma(self, factor: Self, term: Self) -> Self;
    /// Swaps rows and columns of a square of elements.
    ///
    /// # Safety
    /// `rows` must hold `LANES` vectors.
    unsafe fn transpose(rows: &mut [Self]);
}

/// Four elements in plain code: for f64, and for machines without a hand-written vector.
#[derive(Clone, Copy)]
pub(super) struct Plain<T>([T; 4]);

impl<T: Real> Vector for Plain<T> {
    type Elem = T;
    const LANES: usize = 4;
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 12 } else { 4 };

    #[inline(never)]
    unsafe fn enter<J: Job<Self>>(job: J) {
        // SAFETY: plain code needs no particular instructions; the caller vouches for the pointers.
        unsafe { job.run() }
    }
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller has four readable elements there; an array is aligned like its element.
        Self(unsafe { *from.cast::<[T; 4]>() })
    }
    #[inline(always)]
    unsafe fn load_part(from: *const T, count: usize) -> Self {
        let mut lanes = [T::ZERO; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(count) {
            // SAFETY: `i < count`, and the caller has `count` readable elements there.
            *lane = unsafe { *from.add(i) };
        }
        Self(lanes)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller has four writable elements there.
        unsafe { *to.cast::<[T; 4]>() = self.0 }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut T, count: usize) {
        for (i, lane) in self.0.into_iter().enumerate().take(count) {
            // SAFETY: `i < count`, and the caller has `count` writable elements there.
            unsafe { *to.add(i) = lane }
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
    #[inline(always)]
    fn fma(self, factor: Self, term: Self) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[i].fma::<Portable>(factor.0[i], term.0[i])
        }))
    }
    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self]) {
        for i in 1..4 {
            for j in 0..i {
                let kept = rows[i].0[j];
                rows[i].0[j] = rows[j].0[i];
                rows[j].0[i] = kept;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Ymm, Zmm};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Job, Vector};
    use crate::cpu::transpose::swap_axes;
    use std::arch::x86_64::*;

    /// Sixteen f32 of AVX-512.
    #[derive(Clone, Copy)]
    pub(crate) struct Zmm(__m512);
    /// Eight f32 of AVX2.
    #[derive(Clone, Copy)]
    pub(crate) struct Ymm(__m256);

    // In all methods below: a vector value, or the promise of an unsafe method, exists only inside
    // `enter`, whose caller vouches for the instruction set; pointers are vouched for as the trait says.

    impl Vector for Zmm {
        type Elem = f32;
        const LANES: usize = 16;
        const ROWS: usize = 14;

        #[inline(always)]
        unsafe fn enter<J: Job<Self>>(job: J) {
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            #[inline(never)]
            unsafe fn inside<J: Job<Zmm>>(job: J) {
                // SAFETY: the caller of `enter` vouches for the job's pointers.
                unsafe { job.run() }
            }
            // SAFETY: the caller vouches for the instruction set.
            unsafe { inside(job) }
        }
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_part(from: *const f32, count: usize) -> Self {
            // SAFETY: see above; masked lanes are not read.
            Self(unsafe { _mm512_maskz_loadu_ps(mask(count), from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn store_part(self, to: *mut f32, count: usize) {
            // SAFETY: see above; masked lanes are not written.
            unsafe { _mm512_mask_storeu_ps(to, mask(count), self.0) }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn fma(self, factor: Self, term: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, term.0) })
        }
        #[inline(always)]
        unsafe fn transpose(rows: &mut [Self]) {
            // SAFETY: see above.
            unsafe {
                let mut t = [_mm512_setzero_ps(); 16];
                for (t, row) in t.iter_mut().zip(rows.iter()) {
                    *t = row.0;
                }
                for (row, column) in rows.iter_mut().zip(swap_axes(t)) {
                    row.0 = column;
                }
            }
        }
    }

    /// The lowest `count` bits.
    #[inline(always)]
    fn mask(count: usize) -> u16 {
        ((1u32 << count) - 1) as u16
    }

    impl Vector for Ymm {
        type Elem = f32;
        const LANES: usize = 8;
        const ROWS: usize = 6;

        #[inline(always)]
        unsafe fn enter<J: Job<Self>>(job: J) {
            #[target_feature(enable = "avx2,fma")]
            #[inline(never)]
            unsafe fn inside<J: Job<Ymm>>(job: J) {
                // SAFETY: the caller of `enter` vouches for the job's pointers.
                unsafe { job.run() }
            }
            // SAFETY: the caller vouches for the instruction set.
            unsafe { inside(job) }
        }
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_part(from: *const f32, count: usize) -> Self {
            // SAFETY: see above; masked lanes are not read.
            Self(unsafe { _mm256_maskload_ps(from, lanes_below(count)) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: see above.
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn store_part(self, to: *mut f32, count: usize) {
            // SAFETY: see above; masked lanes are not written.
            unsafe { _mm256_maskstore_ps(to, lanes_below(count), self.0) }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn fma(self, factor: Self, term: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
        }
        #[inline(always)]
        unsafe fn transpose(rows: &mut [Self]) {
            // SAFETY: see above.
            unsafe {
                let mut t = [_mm256_setzero_ps(); 8];
                for (t, row) in t.iter_mut().zip(rows.iter()) {
                    *t = row.0;
                }
                for i in (0..8).step_by(2) {
                    (t[i], t[i + 1]) = (
                        _mm256_unpacklo_ps(t[i], t[i + 1]),
                        _mm256_unpackhi_ps(t[i], t[i + 1]),
                    );
                }
                for i in (0..8).step_by(4) {
                    let mut d = [_mm256_setzero_pd(); 4];
                    for (j, d) in d.iter_mut().enumerate() {
                        *d = _mm256_castps_pd(t[i + j]);
                    }
                    t[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(d[0], d[2]));
                    t[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(d[0], d[2]));
                    t[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(d[1], d[3]));
                    t[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(d[1], d[3]));
                }
                for c in 0..4 {
                    rows[c].0 = _mm256_permute2f128_ps::<0x20>(t[c], t[c + 4]);
                    rows[c + 4].0 = _mm256_permute2f128_ps::<0x31>(t[c], t[c + 4]);
                }
            }
        }
    }

    /// All bits set in the lanes below `count`.
    #[inline(always)]
    fn lanes_below(count: usize) -> __m256i {
        // SAFETY: called only from the masked loads and stores above.
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes)
        }
    }
}
