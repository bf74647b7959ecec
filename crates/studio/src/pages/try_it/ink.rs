//! How drawings look in the data, so that a drawn one can be made alike.

use modelwright_data::{Content, Dataset, ImageSet, Raster};

/// Pictures that are looked at.
const SAMPLE: usize = 200;
/// How far a pixel's brightness must be from the background to count as ink.
const INK: u8 = 64;
/// Where the data cannot be read: light on dark, in the middle five sevenths, as in MNIST.
pub(crate) const USUAL: Ink = Ink {
    light_on_dark: true,
    share: 20.0 / 28.0,
    pen: 0.12,
};

/// Drawings in the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ink {
    /// Whether strokes are lighter than the background.
    pub light_on_dark: bool,
    /// The larger side of what is drawn, as a share of the picture's side.
    pub share: f64,
    /// The thickness of a stroke, as a share of that side.
    pub pen: f64,
}

impl Ink {
    /// Told by a sample of the data, brought to the model's size.
    pub fn of(data: &Dataset, shape: [usize; 3]) -> Self {
        match &data.content {
            Content::Images(set) => Self::of_set(set, shape),
            Content::Table(_) => USUAL,
        }
    }

    fn of_set(set: &ImageSet, shape: [usize; 3]) -> Self {
        let step = set.len().div_ceil(SAMPLE).max(1);
        let rasters = (0..set.len())
            .step_by(step)
            .filter_map(|i| set.raster(i).ok());
        let rasters: Vec<Raster> = rasters.map(|r| r.fit(shape)).collect();
        let dark = rasters.iter().filter(|r| border(r) < 128).count();
        let shares = median(rasters.iter().filter_map(share).collect());
        let pens = median(rasters.iter().filter_map(pen).collect());
        match shares.zip(pens) {
            Some((share, pen)) => Self {
                light_on_dark: 2 * dark >= rasters.len(),
                share,
                pen,
            },
            None => USUAL,
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How thick the strokes are as a share of the drawing's larger side; `None` without ink.
///
/// A stroke is far longer than it is thick, so its edges are about twice its length, and its area
/// divided by its length is the thickness.
fn pen(raster: &Raster) -> Option<f64> {
    let [height, width, channels] = raster.shape();
    let background = border(raster);
    let side = share(raster)? * height.max(width) as f64;
    let ink = |y: usize, x: usize| match (1..=height).contains(&y) && (1..=width).contains(&x) {
        true => raster.pixels()[((y - 1) * width + x - 1) * channels].abs_diff(background),
        false => 0,
    };
    let (mut area, mut edges) = (0.0, 0.0);
    for (y, x) in (0..=height).flat_map(|y| (0..=width).map(move |x| (y, x))) {
        area += f64::from(ink(y, x));
        edges += f64::from(ink(y, x).abs_diff(ink(y, x + 1)));
        edges += f64::from(ink(y, x).abs_diff(ink(y + 1, x)));
    }
    Some((2.0 * area / edges / side).clamp(0.05, 0.4))
}

/// The median brightness of the pixels at the border.
fn border(raster: &Raster) -> u8 {
    let [height, width, channels] = raster.shape();
    let at = |y: usize, x: usize| raster.pixels()[(y * width + x) * channels];
    let rows = (0..width).flat_map(|x| [at(0, x), at(height - 1, x)]);
    let columns = (0..height).flat_map(|y| [at(y, 0), at(y, width - 1)]);
    let mut all: Vec<u8> = rows.chain(columns).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

/// The larger side of the ink's bounding box as a share of the picture's; `None` without ink.
fn share(raster: &Raster) -> Option<f64> {
    let [height, width, channels] = raster.shape();
    let background = border(raster);
    let pixels = raster.pixels().chunks_exact(channels).enumerate();
    let ink = pixels.filter(|(_, p)| p[0].abs_diff(background) >= INK);
    let places: Vec<(usize, usize)> = ink.map(|(i, _)| (i / width, i % width)).collect();
    let extent = |of: fn(&(usize, usize)) -> usize| -> Option<usize> {
        let values = || places.iter().map(of);
        Some(values().max()? + 1 - values().min()?)
    };
    let (high, wide) = (extent(|p| p.0)?, extent(|p| p.1)?);
    Some((high as f64 / height as f64).max(wide as f64 / width as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::images::Pixels;

    #[test]
    fn polarity_and_size_are_told_by_the_pictures() {
        // A bar of 4 of 8 pixels, dark on light.
        let mut pixels = vec![250; 64];
        (2..6).for_each(|y| pixels[y * 8 + 3] = 10);
        let raster = Raster::new([8, 8, 1], pixels);
        let set = ImageSet::unlabelled(Pixels::Rasters(vec![raster]));
        let ink = Ink::of_set(&set, [8, 8, 1]);
        assert_eq!((ink.light_on_dark, ink.share), (false, 0.5));
        // 4 pixels with 10 edges.
        assert_eq!(ink.pen, 0.2);
        let blank = Raster::new([8, 8, 1], vec![0; 64]);
        let set = ImageSet::unlabelled(Pixels::Rasters(vec![blank]));
        assert_eq!(Ink::of_set(&set, [8, 8, 1]), USUAL);
    }
}
