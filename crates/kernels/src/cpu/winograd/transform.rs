//! The small transforms of Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2016): `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A`, each a one-dimensional
//! transform applied to the columns and then to the rows of a tile.

use super::vector::Vector;
use crate::real::Real;

/// A one-dimensional transform of `R` values to `S`.
pub(super) trait Line<const R: usize, const S: usize> {
    /// Its result, lane by lane.
    ///
    /// # Safety
    /// Inside [`Vector::enter`].
    unsafe fn apply<V: Vector>(values: [V; R]) -> [V; S];
}

/// A choice of points: tiles of `A x A` inputs give `M x M` outputs, `A = M + 2`.
pub(super) trait Scheme<const M: usize, const A: usize> {
    /// `Bᵀ d`.
    type Input: Line<A, A>;
    /// `Aᵀ m`.
    type Output: Line<A, M>;
    /// `A dy`, the adjoint of [`Scheme::Output`].
    type OutputAdjoint: Line<M, A>;
    /// `G g`.
    type Filter: Line<3, A>;
    /// `Gᵀ du`, the adjoint of [`Scheme::Filter`].
    type FilterAdjoint: Line<A, 3>;
}

/// The points 0, 1, -1 and ∞.
pub(super) struct F2;
/// The points 0, 1, -1, 2, -2 and ∞.
pub(super) struct F4;

/// The constant in all lanes.
///
/// # Safety
/// Inside [`Vector::enter`].
#[inline(always)]
unsafe fn constant<V: Vector>(value: f64) -> V {
    // SAFETY: as the caller promises.
    unsafe { V::splat(<V::Elem as Real>::of(value)) }
}

/// `a * v`.
///
/// # Safety
/// Inside [`Vector::enter`].
#[inline(always)]
unsafe fn scale<V: Vector>(a: f64, v: V) -> V {
    // SAFETY: as the caller promises. Adding -0 changes nothing, not even the sign of a zero.
    unsafe { constant::<V>(a).fma(v, constant(-0.0)) }
}

/// `a * v + w`.
///
/// # Safety
/// Inside [`Vector::enter`].
#[inline(always)]
unsafe fn plus<V: Vector>(a: f64, v: V, w: V) -> V {
    // SAFETY: as the caller promises.
    unsafe { constant::<V>(a).fma(v, w) }
}

impl Scheme<2, 4> for F2 {
    type Input = Input2;
    type Output = Output2;
    type OutputAdjoint = OutputAdjoint2;
    type Filter = Filter2;
    type FilterAdjoint = FilterAdjoint2;
}

/// [`Scheme::Input`] of [`F2`].
pub(super) struct Input2;
impl Line<4, 4> for Input2 {
    #[inline(always)]
    unsafe fn apply<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
        [a.sub(c), b.add(c), c.sub(b), b.sub(d)]
    }
}

/// [`Scheme::Output`] of [`F2`].
pub(super) struct Output2;
impl Line<4, 2> for Output2 {
    #[inline(always)]
    unsafe fn apply<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
        [a.add(b.add(c)), b.sub(c).sub(d)]
    }
}

/// [`Scheme::OutputAdjoint`] of [`F2`].
pub(super) struct OutputAdjoint2;
impl Line<2, 4> for OutputAdjoint2 {
    #[inline(always)]
    unsafe fn apply<V: Vector>([a, b]: [V; 2]) -> [V; 4] {
        // SAFETY: as the caller promises.
        [a, a.add(b), a.sub(b), unsafe { scale(-1.0, b) }]
    }
}

/// [`Scheme::Filter`] of [`F2`].
pub(super) struct Filter2;
impl Line<3, 4> for Filter2 {
    #[inline(always)]
    unsafe fn apply<V: Vector>([a, b, c]: [V; 3]) -> [V; 4] {
        // SAFETY: as the caller promises.
        unsafe {
            let (even, odd) = (scale(0.5, a.add(c)), scale(0.5, b));
            [a, even.add(odd), even.sub(odd), c]
        }
    }
}

/// [`Scheme::FilterAdjoint`] of [`F2`].
pub(super) struct FilterAdjoint2;
impl Line<4, 3> for FilterAdjoint2 {
    #[inline(always)]
    unsafe fn apply<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 3] {
        // SAFETY: as the caller promises.
        unsafe {
            let sum = b.add(c);
            [plus(0.5, sum, a), scale(0.5, b.sub(c)), plus(0.5, sum, d)]
        }
    }
}

impl Scheme<4, 6> for F4 {
    type Input = Input4;
    type Output = Output4;
    type OutputAdjoint = OutputAdjoint4;
    type Filter = Filter4;
    type FilterAdjoint = FilterAdjoint4;
}

/// [`Scheme::Input`] of [`F4`].
pub(super) struct Input4;
impl Line<6, 6> for Input4 {
    #[inline(always)]
    unsafe fn apply<V: Vector>(d: [V; 6]) -> [V; 6] {
        // SAFETY: as the caller promises.
        unsafe {
            let (even, odd) = (plus(-4.0, d[2], d[4]), plus(-4.0, d[1], d[3]));
            let (even2, odd2) = (d[4].sub(d[2]), d[3].sub(d[1]));
            [
                plus(4.0, d[0], plus(-5.0, d[2], d[4])),
                even.add(odd),
                even.sub(odd),
                plus(2.0, odd2, even2),
                plus(-2.0, odd2, even2),
                plus(4.0, d[1], plus(-5.0, d[3], d[5])),
            ]
        }
    }
}

/// [`Scheme::Output`] of [`F4`].
pub(super) struct Output4;
impl Line<6, 4> for Output4 {
    #[inline(always)]
    unsafe fn apply<V: Vector>(m: [V; 6]) -> [V; 4] {
        // SAFETY: as the caller promises.
        unsafe {
            let (sum, diff) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (sum2, diff2) = (m[3].add(m[4]), m[3].sub(m[4]));
            [
                m[0].add(sum).add(sum2),
                plus(2.0, diff2, diff),
                plus(4.0, sum2, sum),
                plus(8.0, diff2, diff.add(m[5])),
            ]
        }
    }
}

/// [`Scheme::OutputAdjoint`] of [`F4`].
pub(super) struct OutputAdjoint4;
impl Line<4, 6> for OutputAdjoint4 {
    #[inline(always)]
    unsafe fn apply<V: Vector>(y: [V; 4]) -> [V; 6] {
        // SAFETY: as the caller promises.
        unsafe {
            let (even, odd) = (y[0].add(y[2]), y[1].add(y[3]));
            let (even2, odd2) = (plus(4.0, y[2], y[0]), scale(2.0, plus(4.0, y[3], y[1])));
            [
                y[0],
                even.add(odd),
                even.sub(odd),
                even2.add(odd2),
                even2.sub(odd2),
                y[3],
            ]
        }
    }
}

/// [`Scheme::Filter`] of [`F4`].
pub(super) struct Filter4;
impl Line<3, 6> for Filter4 {
    #[inline(always)]
    unsafe fn apply<V: Vector>(g: [V; 3]) -> [V; 6] {
        // SAFETY: as the caller promises.
        unsafe {
            let (even, odd) = (scale(-1.0 / 6.0, g[0].add(g[2])), scale(-1.0 / 6.0, g[1]));
            let even2 = scale(1.0 / 24.0, plus(4.0, g[2], g[0]));
            let odd2 = scale(1.0 / 12.0, g[1]);
            [
                scale(0.25, g[0]),
                even.add(odd),
                even.sub(odd),
                even2.add(odd2),
                even2.sub(odd2),
                g[2],
            ]
        }
    }
}

/// [`Scheme::FilterAdjoint`] of [`F4`].
pub(super) struct FilterAdjoint4;
impl Line<6, 3> for FilterAdjoint4 {
    #[inline(always)]
    unsafe fn apply<V: Vector>(u: [V; 6]) -> [V; 3] {
        // SAFETY: as the caller promises.
        unsafe {
            let (sum, diff) = (u[1].add(u[2]), u[1].sub(u[2]));
            let (sum2, diff2) = (u[3].add(u[4]), u[3].sub(u[4]));
            [
                plus(0.25, u[0], plus(-1.0 / 6.0, sum, scale(1.0 / 24.0, sum2))),
                plus(-1.0 / 6.0, diff, scale(1.0 / 12.0, diff2)),
                plus(1.0 / 6.0, sum2.sub(sum), u[5]),
            ]
        }
    }
}

/// Where the elements of a tile are, channel 0 of each.
pub(super) type Places<V, const R: usize> = [[*mut <V as Vector>::Elem; R]; R];

/// Applies `L` to the columns and then to the rows of one tile, for the `count` channels that
/// start `skip` elements behind the source's pointers, and writes them `jump` elements behind the
/// target's (all lanes if `whole`, the rest of them zero). `bias` is added to the results.
///
/// # Safety
/// Inside [`Vector::enter`], with all those elements readable and writable.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // inlined everywhere; a struct would only name them again
#[allow(clippy::needless_range_loop)] // two arrays, one of them by columns
pub(super) unsafe fn transform<V: Vector, L: Line<R, S>, const R: usize, const S: usize>(
    from: &Places<V, R>,
    skip: usize,
    to: &Places<V, S>,
    jump: usize,
    count: usize,
    whole: bool,
    bias: Option<V>,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let full = count == V::LANES;
        let zero = constant::<V>(0.0);
        let mut half = [[zero; R]; S];
        for j in 0..R {
            let mut column = [zero; R];
            for i in 0..R {
                let place = from[i][j].add(skip);
                column[i] = if full {
                    V::load(place)
                } else {
                    V::load_part(place, count)
                };
            }
            let done = L::apply(column);
            for i in 0..S {
                half[i][j] = done[i];
            }
        }
        for i in 0..S {
            let done = L::apply(half[i]);
            for j in 0..S {
                let value = match bias {
                    Some(bias) => done[j].add(bias),
                    None => done[j],
                };
                let place = to[i][j].add(jump);
                if full || whole {
                    value.store(place)
                } else {
                    value.store_part(place, count)
                }
            }
        }
    }
}
