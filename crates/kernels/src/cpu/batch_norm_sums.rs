//! The sums that gradients of batch normalization need, and what can be written in the same pass.

use crate::cpu::channel_lanes::Lanes;
use crate::dispatch;
use crate::isa::Target;
use crate::par;
use crate::real::Real;
use rayon::prelude::*;

/// Wide rows that are summed in `T` before the sums move on to f64.
const CHUNK: usize = 128;

/// `Σ dz` and `Σ dz (x - mean)` of channels or lanes.
pub(crate) struct Sums {
    pub(crate) dz: Vec<f64>,
    pub(crate) product: Vec<f64>,
}

impl Sums {
    fn new(columns: usize) -> Self {
        Self {
            dz: vec![0.0; columns],
            product: vec![0.0; columns],
        }
    }
}

/// The first pass on all threads: sums of channels, `dz` and `dx = factor dz` where they are wanted.
/// `centre` and `factor` are for lanes.
#[allow(clippy::too_many_arguments)] // operands and results of one fused operation
pub(crate) fn reduce<T: Real>(
    x: &[T],
    y: Option<&[T]>,
    dy: &[T],
    lanes: Lanes,
    centre: &[T],
    factor: &[T],
    dz: Option<&mut [T]>,
    dx: Option<&mut [T]>,
) -> Sums {
    let pieces = par::pieces(x.len());
    let each = ((x.len() / lanes.c).div_ceil(pieces) * lanes.c).max(1);
    let count = x.len().div_ceil(each);
    let one = |i: usize, dz: Option<&mut [T]>, dx: Option<&mut [T]>| {
        let range = i * each..((i + 1) * each).min(x.len());
        let mut sums = Sums::new(lanes.width);
        let y = y.map(|y| &y[range.clone()]);
        let (dz, dx) = (dz.unwrap_or_default(), dx.unwrap_or_default());
        reduce_part(
            &x[range.clone()],
            y,
            &dy[range],
            centre,
            factor,
            dz,
            dx,
            &mut sums,
        );
        sums
    };
    let parts: Vec<Sums> = if count <= 1 {
        vec![one(0, dz, dx)]
    } else {
        let work: Vec<_> = cut(dz, each, count)
            .into_iter()
            .zip(cut(dx, each, count))
            .collect();
        work.into_par_iter()
            .enumerate()
            .map(|(i, (dz, dx))| one(i, dz, dx))
            .collect()
    };
    let mut total = Sums::new(lanes.c);
    for part in &parts {
        lanes.collect(&part.dz, &mut total.dz);
        lanes.collect(&part.product, &mut total.product);
    }
    total
}

/// `count` pieces of `each` elements, or as many times nothing.
fn cut<T>(data: Option<&mut [T]>, each: usize, count: usize) -> Vec<Option<&mut [T]>> {
    match data {
        Some(data) => data.chunks_mut(each).map(Some).collect(),
        None => (0..count).map(|_| None).collect(),
    }
}

dispatch! {
    /// [`reduce`] on one thread, for lanes; an empty `dz` or `dx` is not wanted.
    #[allow(clippy::too_many_arguments)] // operands and results of one fused operation
    fn reduce_part<T>(
        x: &[T],
        y: Option<&[T]>,
        dy: &[T],
        centre: &[T],
        factor: &[T],
        dz: &mut [T],
        dx: &mut [T],
        total: &mut Sums,
    ) {
        let width = centre.len();
        let (mut sum, mut product) = (vec![T::ZERO; width], vec![T::ZERO; width]);
        let output = y.unwrap_or(x);
        let (masks, gives_dz, gives_dx) = (y.is_some(), !dz.is_empty(), !dx.is_empty());
        let chunk = CHUNK * width;
        let mut start = 0;
        while start < x.len() {
            let end = (start + chunk).min(x.len());
            sum.fill(T::ZERO);
            product.fill(T::ZERO);
            for at in (start..end).step_by(width) {
                let row = at..(at + width).min(end);
                let (x, y, dy) = (&x[row.clone()], &output[row.clone()], &dy[row.clone()]);
                let dz: &mut [T] = if gives_dz { &mut dz[row.clone()] } else { &mut [] };
                let dx: &mut [T] = if gives_dx { &mut dx[row] } else { &mut [] };
                let (s, p) = (&mut sum[..], &mut product[..]);
                macro_rules! reduce {
                    ($relu:literal, $dz:literal, $dx:literal) => {
                        reduce_row::<T, I, $relu, $dz, $dx>(x, y, dy, centre, factor, dz, dx, s, p)
                    };
                }
                match (masks, gives_dz, gives_dx) {
                    (false, false, false) => reduce!(false, false, false),
                    (false, false, true) => reduce!(false, false, true),
                    (false, true, false) => reduce!(false, true, false),
                    (false, true, true) => reduce!(false, true, true),
                    (true, false, false) => reduce!(true, false, false),
                    (true, false, true) => reduce!(true, false, true),
                    (true, true, false) => reduce!(true, true, false),
                    (true, true, true) => reduce!(true, true, true),
                }
            }
            for (total, sum) in total.dz.iter_mut().zip(&sum) {
                *total += sum.wide();
            }
            for (total, product) in total.product.iter_mut().zip(&product) {
                *total += product.wide();
            }
            start = end;
        }
    }
}

/// One wide row, perhaps cut short at the end.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // operands and results of one fused operation
fn reduce_row<T: Real, I: Target, const RELU: bool, const DZ: bool, const DX: bool>(
    x: &[T],
    y: &[T],
    dy: &[T],
    centre: &[T],
    factor: &[T],
    dz: &mut [T],
    dx: &mut [T],
    sum: &mut [T],
    product: &mut [T],
) {
    let n = x.len();
    let (y, dy, centre, factor) = (&y[..n], &dy[..n], &centre[..n], &factor[..n]);
    let (sum, product) = (&mut sum[..n], &mut product[..n]);
    let dz = if DZ { &mut dz[..n] } else { dz };
    let dx = if DX { &mut dx[..n] } else { dx };
    for i in 0..n {
        let d = if RELU { masked(y[i], dy[i]) } else { dy[i] };
        if DZ {
            dz[i] = d;
        }
        if DX {
            dx[i] = factor[i] * d;
        }
        sum[i] += d;
        product[i] = (x[i] - centre[i]).fma::<I>(d, product[i]);
    }
}

/// The gradient before a ReLU: `dy` unless the output `y` is 0 or less.
#[inline(always)]
pub(crate) fn masked<T: Real>(y: T, dy: T) -> T {
    if y <= T::ZERO { T::ZERO } else { dy }
}
