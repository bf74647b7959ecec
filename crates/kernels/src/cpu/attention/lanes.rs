//! Vectors of numbers for the products of blocks: AVX-512, AVX2, and arrays for everything else.
//!
//! The plain loops of [`dispatch!`](crate::dispatch) do not keep a block of sums in registers
//! reliably, and attention is little else; so here the vectors are spelled out.

use crate::real::Real;

/// `N` rows of `N` numbers, aligned to cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Block<T, const N: usize>(pub [[T; N]; N]);

impl<T: Real, const N: usize> Block<T, N> {
    /// All 0.
    pub const ZERO: Self = Self([[T::ZERO; N]; N]);
}

/// `N` numbers in as many registers as they take.
///
/// The hand-written vectors hold f32 whatever `T` is, so that generic code may name them; it has to
/// see to it that `T` is f32 where they run (`each_isa!` does). With another `T` they would
/// compute nonsense, but touch no memory that is not theirs.
pub(super) trait Lanes<T: Real, const N: usize>: Copy {
    fn load(from: &[T; N]) -> Self;
    fn store(self, to: &mut [T; N]);
    fn splat(value: T) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self * b + c`.
    fn fma(self, b: Self, c: Self) -> Self;
    fn larger(self, other: Self) -> Self;
    /// 2 to this power, for powers up to 127; exactly 0 below -126. Relative error 2e-7 in f32.
    fn exp2(self) -> Self;

    /// Sum of all lanes, in pairs.
    #[inline(always)]
    fn sum(self) -> T {
        let mut all = [T::ZERO; N];
        self.store(&mut all);
        let mut half = N / 2;
        while half > 0 {
            let (low, high) = all.split_at_mut(half);
            low.iter_mut().zip(high).for_each(|(a, b)| *a += *b);
            half /= 2;
        }
        all[0]
    }

    /// `to[j][i] = from[i][j]`.
    #[inline(always)]
    fn transpose(from: &Block<T, N>, to: &mut Block<T, N>) {
        for (j, to) in to.0.iter_mut().enumerate() {
            for (to, from) in to.iter_mut().zip(&from.0) {
                *to = from[j];
            }
        }
    }
}

/// `2^r = 1 + r (c0 + c1 r + ...)` for `|r| <= 1/2` (Moshier, Cephes `exp2f`), highest power first.
pub(super) const EXP2: [f32; 6] = [
    1.535_336_2e-4,
    1.339_887_4e-3,
    9.618_437e-3,
    5.550_332_5e-2,
    2.402_264_7e-1,
    std::f32::consts::LN_2,
];

/// Numbers in [`Plain`] lanes: a block of them fits the registers, 16 or 32 of 4 f32 each.
pub(super) const PLAIN: usize = if cfg!(target_arch = "x86_64") { 4 } else { 8 };

/// Lanes of any number, for instruction sets without vectors of their own here.
#[derive(Clone, Copy)]
pub(super) struct Plain<T, const N: usize>([T; N]);

impl<T: Real, const N: usize> Plain<T, N> {
    #[inline(always)]
    fn zip(mut self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        self
    }
}

impl<T: Real, const N: usize> Lanes<T, N> for Plain<T, N> {
    #[inline(always)]
    fn load(from: &[T; N]) -> Self {
        Self(*from)
    }
    #[inline(always)]
    fn store(self, to: &mut [T; N]) {
        *to = self.0;
    }
    #[inline(always)]
    fn splat(value: T) -> Self {
        Self([value; N])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn fma(mut self, b: Self, c: Self) -> Self {
        for ((a, b), c) in self.0.iter_mut().zip(b.0).zip(c.0) {
            *a = a.fma::<crate::isa::Portable>(b, c);
        }
        self
    }
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        self.zip(other, T::larger)
    }
    #[inline(always)]
    fn exp2(mut self) -> Self {
        match T::as_f32_mut(&mut self.0) {
            Some(lanes) => lanes.iter_mut().for_each(|x| *x = exp2(*x)),
            None => self.0.iter_mut().for_each(|x| *x = T::of(x.wide().exp2())),
        }
        self
    }
}

/// One lane of [`Lanes::exp2`], without branches.
#[inline(always)]
fn exp2(x: f32) -> f32 {
    // Adding 3 · 2^22 leaves the nearest whole number in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x + ROUND;
    let r = x - (shifted - ROUND);
    let mut sum = EXP2[0];
    for c in &EXP2[1..] {
        sum = sum * r + c;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    if x < -126.0 {
        0.0
    } else {
        (sum * r + 1.0) * power
    }
}
/// Defines `fn name<T>(args)` as `body::<T, V, N>(args)` with the best lanes `V` of this machine,
/// where `body` and all that it calls is `#[inline(always)]`.
macro_rules! each_isa {
    ($vis:vis fn $name:ident<T> = $body:ident($($arg:ident: $ty:ty),* $(,)?)) => {
        $vis fn $name<T: $crate::real::Real>($($arg: $ty),*) {
            use $crate::cpu::attention::lanes;
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::cpu::attention::x86;
                use $crate::isa::{Isa, isa};
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512<T: $crate::real::Real>($($arg: $ty),*) {
                    $body::<T, x86::Avx512<T>, 16>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<T: $crate::real::Real>($($arg: $ty),*) {
                    $body::<T, x86::Avx2<T>, 8>($($arg),*)
                }
                let single = std::any::TypeId::of::<T>() == std::any::TypeId::of::<f32>();
                match isa() {
                    // SAFETY: `isa` returns a set only if the processor reports all its features.
                    Isa::Avx512 if single => return unsafe { avx512::<T>($($arg),*) },
                    // SAFETY: as above.
                    Isa::Avx2 if single => return unsafe { avx2::<T>($($arg),*) },
                    _ => {}
                }
            }
            $body::<T, lanes::Plain<T, { lanes::PLAIN }>, { lanes::PLAIN }>($($arg),*)
        }
    };
}
pub(super) use each_isa;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::Rng;

    fn exp2_all<T: Real, V: Lanes<T, N>, const N: usize>(x: &[T], y: &mut [T]) {
        for (x, y) in x.as_chunks::<N>().0.iter().zip(y.as_chunks_mut::<N>().0) {
            V::load(x).exp2().store(y);
        }
    }
    each_isa!(fn fast_exp2<T> = exp2_all(x: &[T], y: &mut [T]));

    #[test]
    fn exp2_is_close() {
        let mut rng = Rng(1);
        let mut x: Vec<f32> = (0..160_000)
            .map(|_| (130.0 * rng.uniform() - 129.0) as f32)
            .collect();
        x[..4].copy_from_slice(&[0.0, -126.0, f32::NEG_INFINITY, -1e30]);
        let mut y = vec![f32::NAN; x.len()];
        let check = |y: &[f32]| {
            assert_eq!(y[..4], [1.0, f32::MIN_POSITIVE, 0.0, 0.0]);
            for (x, y) in x.iter().zip(y) {
                let wanted = if *x < -126.0 {
                    0.0
                } else {
                    f64::from(*x).exp2()
                };
                assert!((f64::from(*y) - wanted).abs() <= 2e-7 * wanted, "{x} {y}");
            }
        };
        fast_exp2(&x, &mut y);
        check(&y);
        y.fill(f32::NAN);
        exp2_all::<f32, Plain<f32, 8>, 8>(&x, &mut y);
        check(&y);
    }

    fn moves<T: Real, V: Lanes<T, N>, const N: usize>(wrong: &mut usize) {
        let (mut from, mut to) = (Block::<T, N>::ZERO, Block::<T, N>::ZERO);
        for (i, row) in from.0.iter_mut().enumerate() {
            for (j, v) in row.iter_mut().enumerate() {
                *v = T::of((i * N + j) as f64);
            }
        }
        V::transpose(&from, &mut to);
        for (i, row) in from.0.iter().enumerate() {
            *wrong += row
                .iter()
                .enumerate()
                .filter(|(j, v)| **v != to.0[*j][i])
                .count();
            let sum = row.iter().copied().sum::<T>();
            *wrong += usize::from(V::load(row).sum() != sum);
        }
    }
    each_isa!(fn all_moves<T> = moves(wrong: &mut usize));

    #[test]
    fn blocks_turn_and_lanes_add_up() {
        let mut wrong = 0;
        all_moves::<f32>(&mut wrong);
        all_moves::<f64>(&mut wrong);
        moves::<f32, Plain<f32, 8>, 8>(&mut wrong);
        assert_eq!(wrong, 0);
    }
}
