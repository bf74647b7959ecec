//! Vectors of a register, and the table of kernels compiled for each instruction set.
//!
//! The two kernels of this module keep a block of 6 x 4 registers for a whole sum. Loops over arrays
//! of that size are not reliably kept in registers by the compiler, so they are written on [`Lanes`]:
//! intrinsics where there are some, an array elsewhere.

use super::{dot, outer, product, tile};
use crate::isa::{Isa, Portable, isa};
use crate::real::Real;
use std::any::TypeId;

/// Rows of a block of registers.
pub(super) const ROWS: usize = 6;
/// The most registers in a row of a block.
pub(super) const VECTORS: usize = 4;

/// A register of [`Lanes::N`] elements.
///
/// Every method is unsafe for one reason: the code that it is inlined into must have been compiled
/// for the instruction set of the implementation. Pointers must be valid for the elements named.
pub(super) trait Lanes: Copy {
    /// The element.
    type T: Real;
    /// Elements in a register.
    const N: usize;
    /// The same value in every lane.
    unsafe fn splat(value: Self::T) -> Self;
    /// `N` elements.
    unsafe fn load(from: *const Self::T) -> Self;
    /// The first `count <= N` elements, then zeros.
    unsafe fn load_part(from: *const Self::T, count: usize) -> Self;
    /// Writes `N` elements.
    unsafe fn store(self, to: *mut Self::T);
    /// Writes the first `count <= N` elements.
    unsafe fn store_part(self, to: *mut Self::T, count: usize);
    /// `self * b + c`.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// The sum of all lanes, by halves.
    #[inline(always)]
    unsafe fn total(self) -> Self::T {
        let mut lanes = [Self::T::ZERO; 16];
        // SAFETY: no register has more than 16 lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
        }
        lanes[0]
    }
}

/// Four elements in an array: whatever the machine, whatever the element.
#[derive(Clone, Copy)]
pub(super) struct Four<T>([T; 4]);

impl<T: Real> Lanes for Four<T> {
    type T = T;
    const N: usize = 4;
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller promises `N` elements; an array has the alignment of its element.
        Self(unsafe { *from.cast::<[T; 4]>() })
    }
    #[inline(always)]
    unsafe fn load_part(from: *const T, count: usize) -> Self {
        let mut all = [T::ZERO; 4];
        for (i, to) in all.iter_mut().enumerate().take(count) {
            // SAFETY: the caller promises `count` elements.
            *to = unsafe { *from.add(i) };
        }
        Self(all)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: as in `load`.
        unsafe { *to.cast::<[T; 4]>() = self.0 };
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut T, count: usize) {
        for (i, value) in self.0.iter().enumerate().take(count) {
            // SAFETY: the caller promises `count` elements.
            unsafe { *to.add(i) = *value };
        }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        let mut all = c.0;
        for ((to, a), b) in all.iter_mut().zip(self.0).zip(b.0) {
            *to = a.fma::<Portable>(b, *to);
        }
        Self(all)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// 16 f32 of AVX-512.
    #[derive(Clone, Copy)]
    pub(super) struct Sixteen(__m512);

    impl Lanes for Sixteen {
        type T = f32;
        const N: usize = 16;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: here and below, the contract of the trait.
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the contract of the trait.
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_part(from: *const f32, count: usize) -> Self {
            let mask = ((1u32 << count) - 1) as u16;
            // SAFETY: the contract of the trait; lanes that are masked off are not read.
            Self(unsafe { _mm512_maskz_loadu_ps(mask, from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the contract of the trait.
            unsafe { _mm512_storeu_ps(to, self.0) };
        }
        #[inline(always)]
        unsafe fn store_part(self, to: *mut f32, count: usize) {
            let mask = ((1u32 << count) - 1) as u16;
            // SAFETY: the contract of the trait; lanes that are masked off are not written.
            unsafe { _mm512_mask_storeu_ps(to, mask, self.0) };
        }
        #[inline(always)]
        unsafe fn fma(self, b: Self, c: Self) -> Self {
            // SAFETY: the contract of the trait.
            Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
        }
    }

    /// 8 f32 of AVX2.
    #[derive(Clone, Copy)]
    pub(super) struct Eight(__m256);

    /// All bits set in the first `count` of 8 lanes.
    #[inline(always)]
    unsafe fn first(count: usize) -> __m256i {
        // SAFETY: the callers are compiled for AVX2.
        unsafe {
            let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lane)
        }
    }

    impl Lanes for Eight {
        type T = f32;
        const N: usize = 8;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the contract of the trait.
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the contract of the trait.
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_part(from: *const f32, count: usize) -> Self {
            // SAFETY: the contract of the trait; lanes that are masked off are not read.
            Self(unsafe { _mm256_maskload_ps(from, first(count)) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the contract of the trait.
            unsafe { _mm256_storeu_ps(to, self.0) };
        }
        #[inline(always)]
        unsafe fn store_part(self, to: *mut f32, count: usize) {
            // SAFETY: the contract of the trait; lanes that are masked off are not written.
            unsafe { _mm256_maskstore_ps(to, first(count), self.0) };
        }
        #[inline(always)]
        unsafe fn fma(self, b: Self, c: Self) -> Self {
            // SAFETY: the contract of the trait.
            Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
        }
    }
}

/// Compilations of a kernel with arguments `A`.
type Grid<A> = [[unsafe fn(&A); VECTORS]; ROWS];

/// The kernels of one instruction set, by rows - 1 and registers in a row - 1.
pub(super) struct Kernels<T> {
    /// Elements in a register.
    pub lanes: usize,
    /// Registers in a row of a full block: what the register file has room for.
    pub vectors: usize,
    /// [`tile::tile`].
    pub tile: Grid<tile::Tile<T>>,
    /// [`tile::channels`].
    pub channels: Grid<tile::Tile<T>>,
    /// [`outer::outer`].
    pub outer: Grid<outer::Outer<T>>,
    /// [`dot::dot`].
    pub dot: Grid<dot::Dot<T>>,
    /// [`product::block`].
    pub block: Grid<product::Block<T>>,
}

impl<T> Kernels<T> {
    /// Columns of a full panel.
    pub fn width(&self) -> usize {
        self.lanes * self.vectors
    }

    /// Columns that `columns` take when the last register is filled up.
    pub fn padded(&self, columns: usize) -> usize {
        columns.next_multiple_of(self.lanes)
    }

    /// Panels of `columns`: (first column, columns, columns with padding).
    pub fn panels(&self, columns: usize) -> Vec<(usize, usize, usize)> {
        let each = (0..columns).step_by(self.width());
        each.map(|first| {
            let used = self.width().min(columns - first);
            (first, used, self.padded(used))
        })
        .collect()
    }
}

/// Compiles the kernels for an instruction set.
macro_rules! kernels {
    ($name:ident, [$($generic:tt)*], $t:ty, $lanes:ty, $vectors:expr $(, $features:literal)?) => {
        fn $name<$($generic)*>() -> Kernels<$t> {
            $(#[target_feature(enable = $features)])?
            unsafe fn tile_of<$($generic)* const R: usize, const V: usize>(a: &tile::Tile<$t>) {
                // SAFETY: the contract is that of the function called; the features are enabled.
                unsafe { tile::tile::<$lanes, R, V>(a) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn channels_of<$($generic)* const R: usize, const V: usize>(a: &tile::Tile<$t>) {
                // SAFETY: the contract is that of the function called; the features are enabled.
                unsafe { tile::channels::<$lanes, R, V>(a) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn outer_of<$($generic)* const R: usize, const V: usize>(a: &outer::Outer<$t>) {
                // SAFETY: the contract is that of the function called; the features are enabled.
                unsafe { outer::outer::<$lanes, R, V>(a) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn dot_of<$($generic)* const R: usize, const V: usize>(a: &dot::Dot<$t>) {
                // SAFETY: the contract is that of the function called; the features are enabled.
                unsafe { dot::dot::<$lanes, R, V>(a) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn block_of<$($generic)* const R: usize, const V: usize>(a: &product::Block<$t>) {
                // SAFETY: the contract is that of the function called; the features are enabled.
                unsafe { product::block::<$lanes, R, V>(a) }
            }
            kernels!(@table $vectors, $lanes, [tile_of, channels_of, outer_of, dot_of, block_of], $($generic)*)
        }
    };
    (@table $vectors:expr, $lanes:ty, $names:tt, T: Real,) => {
        kernels!(@kernels $vectors, $lanes, $names, [T])
    };
    (@table $vectors:expr, $lanes:ty, $names:tt,) => {
        kernels!(@kernels $vectors, $lanes, $names, [])
    };
    (@kernels $vectors:expr, $lanes:ty, [$tile:ident, $channels:ident, $outer:ident, $dot:ident, $block:ident], $g:tt) => {
        Kernels {
            lanes: <$lanes as Lanes>::N,
            vectors: $vectors,
            tile: kernels!(@rows $tile, $g),
            channels: kernels!(@rows $channels, $g),
            outer: kernels!(@rows $outer, $g),
            dot: kernels!(@rows $dot, $g),
            block: kernels!(@rows $block, $g),
        }
    };
    (@rows $f:ident, $g:tt) => {
        [
            kernels!(@row $f, 1, $g), kernels!(@row $f, 2, $g), kernels!(@row $f, 3, $g),
            kernels!(@row $f, 4, $g), kernels!(@row $f, 5, $g), kernels!(@row $f, 6, $g),
        ]
    };
    (@row $f:ident, $r:literal, [$($g:ident)?]) => {
        [$f::<$($g,)? $r, 1>, $f::<$($g,)? $r, 2>, $f::<$($g,)? $r, 3>, $f::<$($g,)? $r, 4>]
    };
}

kernels!(portable, [T: Real,], T, Four<T>, 2);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx512,
    [],
    f32,
    x86::Sixteen,
    4,
    "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, [], f32, x86::Eight, 2, "avx2,fma");

/// The kernels for this machine.
pub(super) fn kernels<T: Real>() -> Kernels<T> {
    #[cfg(target_arch = "x86_64")]
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        let chosen = match isa() {
            Isa::Avx512 => avx512(),
            Isa::Avx2 => avx2(),
            Isa::Portable => portable::<f32>(),
        };
        // SAFETY: `T` is f32, so both sides are the same type; the value holds no resource.
        return unsafe { std::mem::transmute_copy(&chosen) };
    }
    portable::<T>()
}

/// A pointer that may be given to other threads; what is written through it is disjoint.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: only a promise of the code that writes: no two threads touch the same element.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Of a slice that stays borrowed while this is used.
    pub fn new(slice: &mut [T]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// The address of element `i`.
    #[inline(always)]
    pub fn at(self, i: usize) -> *mut T {
        self.0.wrapping_add(i)
    }
}
