//! Which instructions this machine has, and code that is compiled once for each of them.
//!
//! A kernel is a plain loop in an `#[inline(always)]` body. [`dispatch!`](crate::dispatch) compiles
//! the body for every instruction set and picks one at run time, so nobody has to build with
//! `target-cpu=native`. `MODELWRIGHT_ISA` (`avx512`, `avx2`, `neon`, `portable`) forces one, for tests;
//! a set that the machine lacks is never chosen.

use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What every machine of this architecture has (on aarch64 that includes NEON).
    Portable,
    /// AVX2 with fused multiply-add: 8 f32 lanes, 16 registers.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 16 f32 lanes, 32 registers.
    Avx512,
}

/// The instruction set in use, decided once in a process.
pub fn isa() -> Isa {
    static CHOSEN: OnceLock<Isa> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let best = detect();
        let wanted = match std::env::var("MODELWRIGHT_ISA").as_deref() {
            Ok("portable" | "neon") => Isa::Portable,
            Ok("avx2") => Isa::Avx2,
            _ => Isa::Avx512,
        };
        best.min(wanted)
    })
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx512, avx2) {
        (true, true) => Isa::Avx512,
        (_, true) => Isa::Avx2,
        _ => Isa::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Isa {
    Isa::Portable
}

/// Whether `a.mul_add(b, c)` is one instruction in the code being compiled for a set.
pub trait Target: Copy {
    /// True where fused multiply-add is an instruction.
    const FMA: bool;
}

/// Tag of [`Isa::Portable`]; aarch64 always has fused multiply-add.
#[derive(Clone, Copy)]
pub struct Portable;
/// Tag of AVX2 and AVX-512.
#[derive(Clone, Copy)]
pub struct Fused;

impl Target for Portable {
    const FMA: bool = cfg!(target_arch = "aarch64");
}
impl Target for Fused {
    const FMA: bool = true;
}

/// Compiles a function for every instruction set and chooses at run time.
///
/// The body may use the type parameter `I: Target` (for [`Real::fma`](crate::real::Real::fma)) and
/// what it calls must be `#[inline(always)]` to be compiled for the same set.
///
/// ```ignore
/// dispatch! {
///     /// y += a x.
///     pub fn axpy<T>(a: T, x: &[T], y: &mut [T]) {
///         for (y, x) in y.iter_mut().zip(x) { *y = T::fma::<I>(a, *x, *y); }
///     }
/// }
/// ```
#[macro_export]
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<T>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name<T: $crate::real::Real>($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            // A kernel without fused multiply-add does not ask which set it is compiled for.
            #[allow(clippy::extra_unused_type_parameters)]
            fn body<T: $crate::real::Real, I: $crate::isa::Target>($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512<T: $crate::real::Real>($($arg: $ty),*) $(-> $ret)? {
                    body::<T, $crate::isa::Fused>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<T: $crate::real::Real>($($arg: $ty),*) $(-> $ret)? {
                    body::<T, $crate::isa::Fused>($($arg),*)
                }
                match $crate::isa::isa() {
                    // SAFETY: `isa` returns a set only if the processor reports all its features.
                    $crate::isa::Isa::Avx512 => return unsafe { avx512::<T>($($arg),*) },
                    // SAFETY: as above.
                    $crate::isa::Isa::Avx2 => return unsafe { avx2::<T>($($arg),*) },
                    $crate::isa::Isa::Portable => {}
                }
            }
            body::<T, $crate::isa::Portable>($($arg),*)
        }
    };
}
