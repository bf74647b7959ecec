//! Random changes to training pictures, on planes of f32 from 0 to 1.

use crate::config::AugmentConfig;
use crate::error::DataError;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

impl AugmentConfig {
    /// Whether pictures stay as they are (mixup works on batches and is asked for separately).
    pub fn is_identity(&self) -> bool {
        Self {
            mixup: 0.0,
            ..self.clone()
        } == Self::default()
    }

    /// An error that names the first setting out of range.
    pub fn check(&self) -> Result<(), DataError> {
        let checks = [
            (
                "rotate",
                (0.0..=180.0).contains(&self.rotate),
                "an angle from 0 to 180 degrees",
            ),
            (
                "jitter",
                (0.0..=1.0).contains(&self.jitter),
                "a share from 0 to 1",
            ),
            (
                "mixup",
                (0.0..=100.0).contains(&self.mixup),
                "a strength from 0 to 100",
            ),
        ];
        match checks.iter().find(|(_, fine, _)| !fine) {
            Some((key, _, allowed)) => Err(DataError::new(
                format!("augment.{key}"),
                "out of range",
                format!("give {allowed}"),
            )),
            None => Ok(()),
        }
    }

    /// Changes a picture of `[channels, height, width]` planes in place.
    pub fn apply(&self, planes: &mut [f32], shape: [usize; 3], rng: &mut ChaCha8Rng) {
        if self.crop_padding > 0 {
            let most = 2 * self.crop_padding;
            let shift = |rng: &mut ChaCha8Rng| {
                rng.random_range(0..=most) as isize - self.crop_padding as isize
            };
            let (down, right) = (shift(rng), shift(rng));
            translate(planes, shape, down, right);
        }
        if self.flip && rng.random_bool(0.5) {
            planes.chunks_exact_mut(shape[2]).for_each(<[f32]>::reverse);
        }
        if self.rotate > 0.0 {
            let degrees = rng.random_range(-self.rotate..=self.rotate);
            rotate(planes, shape, degrees.to_radians() as f32);
        }
        if self.jitter > 0.0 {
            jitter(planes, shape, self.jitter as f32, rng);
        }
        if self.cutout > 0 {
            cutout(planes, shape, self.cutout, rng);
        }
    }
}

/// Moves the picture; what comes in at the border is black.
fn translate(planes: &mut [f32], [_, height, width]: [usize; 3], down: isize, right: isize) {
    for plane in planes.chunks_exact_mut(height * width) {
        let old = plane.to_vec();
        for y in 0..height {
            for x in 0..width {
                let (sy, sx) = (y as isize - down, x as isize - right);
                let inside =
                    (0..height as isize).contains(&sy) && (0..width as isize).contains(&sx);
                plane[y * width + x] = if inside {
                    old[sy as usize * width + sx as usize]
                } else {
                    0.0
                };
            }
        }
    }
}

/// Turns the picture clockwise about its middle with bilinear sampling; corners that come in are black.
fn rotate(planes: &mut [f32], [_, height, width]: [usize; 3], angle: f32) {
    let (sin, cos) = angle.sin_cos();
    let (cy, cx) = ((height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0);
    for plane in planes.chunks_exact_mut(height * width) {
        let old = plane.to_vec();
        let at = |y: isize, x: isize| {
            let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
            if inside {
                old[y as usize * width + x as usize]
            } else {
                0.0
            }
        };
        for y in 0..height {
            for x in 0..width {
                let (dy, dx) = (y as f32 - cy, x as f32 - cx);
                let (sy, sx) = (cy + dy * cos - dx * sin, cx + dy * sin + dx * cos);
                let (fy, fx) = (sy.floor(), sx.floor());
                let (ty, tx) = (sy - fy, sx - fx);
                let (iy, ix) = (fy as isize, fx as isize);
                let top = at(iy, ix) * (1.0 - tx) + at(iy, ix + 1) * tx;
                let bottom = at(iy + 1, ix) * (1.0 - tx) + at(iy + 1, ix + 1) * tx;
                plane[y * width + x] = top * (1.0 - ty) + bottom * ty;
            }
        }
    }
}

/// Brightness, contrast and (in colour) saturation, each by a factor of 1 ± `most`.
fn jitter(
    planes: &mut [f32],
    [channels, height, width]: [usize; 3],
    most: f32,
    rng: &mut ChaCha8Rng,
) {
    let factor = |rng: &mut ChaCha8Rng| 1.0 + rng.random_range(-most..=most);
    let (brightness, contrast, saturation) = (factor(rng), factor(rng), factor(rng));
    let mean = brightness * planes.iter().sum::<f32>() / planes.len().max(1) as f32;
    for value in planes.iter_mut() {
        *value = (*value * brightness - mean) * contrast + mean;
    }
    if channels == 3 {
        let size = height * width;
        for i in 0..size {
            // Luma of ITU-R BT.601, as torchvision uses.
            let grey = 0.299 * planes[i] + 0.587 * planes[size + i] + 0.114 * planes[2 * size + i];
            for channel in 0..3 {
                let value = &mut planes[channel * size + i];
                *value = (*value - grey) * saturation + grey;
            }
        }
    }
    planes
        .iter_mut()
        .for_each(|value| *value = value.clamp(0.0, 1.0));
}

/// Blanks a square whose centre is anywhere in the picture (DeVries & Taylor 2017).
fn cutout(planes: &mut [f32], [_, height, width]: [usize; 3], side: usize, rng: &mut ChaCha8Rng) {
    let (cy, cx) = (rng.random_range(0..height), rng.random_range(0..width));
    let span = |centre: usize, limit: usize| {
        centre.saturating_sub(side / 2)..(centre + side.div_ceil(2)).min(limit)
    };
    for plane in planes.chunks_exact_mut(height * width) {
        for y in span(cy, height) {
            plane[y * width..][span(cx, width)].fill(0.0);
        }
    }
}

/// The share of the first picture in mixup: a draw from Beta(α, α) (Zhang et al. 2018).
///
/// X / (X + Y) of two draws from Gamma(α) is one. Their logarithms are drawn, because for small α the
/// draws themselves are too small for a float and 0 / 0 would come out.
pub fn mixup_share(alpha: f64, rng: &mut impl Rng) -> f32 {
    // The logarithms of even smaller α overflow; the shares are 0 or 1 long before that.
    let alpha = alpha.max(1e-100);
    let (x, y) = (ln_gamma_draw(alpha, rng), ln_gamma_draw(alpha, rng));
    (1.0 / (1.0 + (y - x).exp())) as f32
}

/// The logarithm of a draw from Gamma(`shape`, 1) (Marsaglia & Tsang 2000).
fn ln_gamma_draw(shape: f64, rng: &mut impl Rng) -> f64 {
    if shape < 1.0 {
        // The method needs a shape of at least 1: Gamma(a) is Gamma(a + 1) * U^(1/a).
        let boost = ln_uniform_draw(rng) / shape;
        return ln_gamma_draw(shape + 1.0, rng) + boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = normal_draw(rng);
        let v = (1.0 + c * normal).powi(3);
        if v > 0.0 && ln_uniform_draw(rng) < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return (d * v).ln();
        }
    }
}

/// The logarithm of a draw from 0 (left out, so that it is finite) to 1.
fn ln_uniform_draw(rng: &mut impl Rng) -> f64 {
    (1.0 - rng.random::<f64>()).ln()
}

/// A draw from the standard normal distribution (Marsaglia's polar method).
fn normal_draw(rng: &mut impl Rng) -> f64 {
    loop {
        let x: f64 = rng.random_range(-1.0..1.0);
        let y: f64 = rng.random_range(-1.0..1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    fn rng(n: u64) -> ChaCha8Rng {
        stream(1, Purpose::Augment, (n, 0))
    }

    #[test]
    fn each_change_is_seeded_and_keeps_the_range() {
        let config = AugmentConfig {
            crop_padding: 2,
            flip: true,
            rotate: 20.0,
            jitter: 0.4,
            cutout: 3,
            mixup: 0.0,
        };
        let picture: Vec<f32> = (0..3 * 8 * 8).map(|i| i as f32 / 192.0).collect();
        let change = |n| {
            let mut planes = picture.clone();
            config.apply(&mut planes, [3, 8, 8], &mut rng(n));
            planes
        };
        assert_eq!(change(1), change(1));
        assert_ne!(change(1), change(2));
        assert!(change(3).iter().all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn a_quarter_turn_of_a_square_is_exact() {
        let mut planes = vec![1.0, 2.0, 3.0, 4.0];
        rotate(&mut planes, [1, 2, 2], std::f32::consts::FRAC_PI_2);
        for (a, b) in planes.iter().zip([3.0, 1.0, 4.0, 2.0]) {
            assert!((a - b).abs() < 1e-5, "{planes:?}");
        }
    }

    #[test]
    fn a_moved_picture_has_a_black_border() {
        let mut planes = vec![1.0, 2.0, 3.0, 4.0];
        translate(&mut planes, [1, 2, 2], 1, 0);
        assert_eq!(planes, [0.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn mixup_shares_have_betas_mean_and_variance() {
        let count = 20_000;
        for alpha in [0.1, 0.4, 1.0, 8.0, 50.0] {
            let mut rng = rng(9);
            let draws: Vec<f64> = (0..count)
                .map(|_| f64::from(mixup_share(alpha, &mut rng)))
                .collect();
            let mean = draws.iter().sum::<f64>() / f64::from(count);
            let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / f64::from(count);
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            // Five standard errors of the mean; the variance's own error is about 1 % at most.
            let near = 5.0 * (expected / f64::from(count)).sqrt();
            assert!((mean - 0.5).abs() < near, "alpha {alpha}: mean {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.05,
                "alpha {alpha}: variance {variance} instead of {expected}"
            );
        }
    }

    #[test]
    fn mixup_of_tiny_strength_takes_one_picture_or_the_other() {
        for alpha in [1e-6, 1e-300, f64::MIN_POSITIVE] {
            let mut rng = rng(10);
            let draws: Vec<f32> = (0..1000).map(|_| mixup_share(alpha, &mut rng)).collect();
            assert!(draws.iter().all(|d| (0.0..=1.0).contains(d)), "{alpha}");
            let first = draws.iter().filter(|d| **d > 0.5).count();
            assert!((400..600).contains(&first), "alpha {alpha}: {first}");
        }
    }
}
