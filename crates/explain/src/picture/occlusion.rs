//! A patch moved over a picture (Zeiler & Fergus 2014).

use super::PictureMap;
use crate::explanation::{Explanation, Shares};
use crate::method::Method;
use crate::said::Setting;
use crate::subject::{BlackBox, Subject};
use crate::{Result, asked};
use modelwright_data::images::Pixels;
use modelwright_data::{Content, ImageSet, Raster};

/// Patches on one side of a picture.
const PATCHES: usize = 8;
/// Pictures that are made before they are asked about.
const AT_ONCE: usize = 256;

/// A square that is moved over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// Side in pixels.
    pub side: usize,
    /// Pixels from one place to the next.
    pub step: usize,
}

impl Patch {
    /// An eighth of the longer side, but at least two pixels, moved by half of itself.
    pub fn of([height, width, _]: [usize; 3]) -> Self {
        let side = height.max(width).div_ceil(PATCHES).max(2);
        Self {
            side,
            step: side.div_ceil(2),
        }
    }

    /// First and last pixel of the patch at each place along a side; the last place ends at the edge.
    fn places(self, length: usize) -> Vec<(usize, usize)> {
        let side = self.side.clamp(1, length);
        let last = length - side;
        let mut starts: Vec<usize> = (0..=last).step_by(self.step.max(1)).collect();
        if starts.last() != Some(&last) {
            starts.push(last);
        }
        starts
            .into_iter()
            .map(|start| (start, start + side))
            .collect()
    }
}

/// What the score loses if a patch of the picture's mean colour covers a pixel: the mean over the places
/// of the patch that cover it.
///
/// # Errors
/// The model takes no pictures.
pub fn occlusion(
    subject: &Subject,
    examples: &Content,
    row: usize,
    patch: Option<Patch>,
) -> Result<Explanation> {
    let Content::Images(set) = examples else {
        return Err(asked(
            "a patch covers pictures, and these are rows",
            "leave --method away",
        ));
    };
    let one = Content::Images(set.select(&[row]));
    let Content::Images(seen) = subject.predictor().prepare(subject.place(), one)? else {
        unreachable!("pictures stay pictures")
    };
    let picture = seen.raster(0)?;
    let patch = patch.unwrap_or(Patch::of(picture.shape()));
    let (score, map) = covered(subject, &picture, patch)?;
    let settings = Setting::Patch {
        side: patch.side,
        step: patch.step,
    };
    let (method, unit) = (Method::Occlusion, subject.unit());
    let shares = Shares::Picture(map);
    Ok(Explanation::new(
        method, subject, unit, score, settings, shares,
    ))
}

/// The score of a picture, and what each pixel adds to it.
fn covered(model: &dyn BlackBox, picture: &Raster, patch: Patch) -> Result<(f64, PictureMap)> {
    let [height, width, _] = picture.shape();
    let ask = |rasters: Vec<Raster>| {
        let set = ImageSet::unlabelled(Pixels::Rasters(rasters));
        model.scores(&Content::Images(set))
    };
    let score = ask(vec![picture.clone()])?[0];
    let down = patch.places(height);
    let across = patch.places(width);
    let squares: Vec<_> = down
        .iter()
        .flat_map(|y| across.iter().map(move |x| (*y, *x)))
        .collect();
    let fill = mean_colour(picture);
    let (mut sums, mut counts) = (vec![0.0; height * width], vec![0.0; height * width]);
    for squares in squares.chunks(AT_ONCE) {
        let hidden = squares.iter().map(|square| hide(picture, *square, &fill));
        let scores = ask(hidden.collect())?;
        for (((top, bottom), (left, right)), without) in squares.iter().zip(scores) {
            for pixel in (*top..*bottom).flat_map(|y| (*left..*right).map(move |x| y * width + x)) {
                sums[pixel] += score - without;
                counts[pixel] += 1.0;
            }
        }
    }
    let values = sums
        .iter()
        .zip(&counts)
        .map(|(sum, count)| sum / count)
        .collect();
    let map = PictureMap {
        height,
        width,
        values,
    };
    Ok((score, map))
}

/// A picture with a square of one colour over it.
fn hide(
    picture: &Raster,
    ((top, bottom), (left, right)): ((usize, usize), (usize, usize)),
    colour: &[u8],
) -> Raster {
    let [_, width, channels] = picture.shape();
    let mut pixels = picture.pixels().to_vec();
    for y in top..bottom {
        for x in left..right {
            let at = (y * width + x) * channels;
            pixels[at..at + channels].copy_from_slice(colour);
        }
    }
    Raster::new(picture.shape(), pixels)
}

fn mean_colour(picture: &Raster) -> Vec<u8> {
    let channels = picture.shape()[2];
    let count = (picture.pixels().len() / channels.max(1)).max(1) as u64;
    let mean = |channel| {
        let values = picture.pixels().iter().skip(channel).step_by(channels);
        let sum: u64 = values.map(|v| u64::from(*v)).sum();
        (sum as f64 / count as f64).round() as u8
    };
    (0..channels).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the white pixels in the upper left quarter.
    struct Quarter;

    impl BlackBox for Quarter {
        fn scores(&self, examples: &Content) -> Result<Vec<f64>> {
            let Content::Images(set) = examples else {
                return Ok(Vec::new());
            };
            let score = |i: usize| -> Result<f64> {
                let raster = set.raster(i)?;
                let [height, width, _] = raster.shape();
                let inside = |i: &usize| i / width < height / 2 && i % width < width / 2;
                let white = (0..height * width).filter(inside);
                Ok(white.filter(|i| raster.pixels()[*i] == 255).count() as f64)
            };
            (0..set.len()).map(score).collect()
        }
    }

    #[test]
    fn what_lies_where_the_model_looks_counts() {
        let mut pixels = vec![0; 64];
        pixels[9] = 255;
        pixels[63] = 255;
        let picture = Raster::new([8, 8, 1], pixels);
        let patch = Patch { side: 2, step: 1 };
        let (score, map) = covered(&Quarter, &picture, patch).unwrap();
        assert_eq!(score, 1.0);
        // The white pixel at (1, 1) is covered by four places of the patch, all of which lose it.
        assert_eq!(map.values[9], 1.0);
        assert_eq!(
            (map.values[0], map.values[10], map.values[63]),
            (1.0, 0.5, 0.0)
        );
        assert!(map.values.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn the_patch_reaches_the_edge() {
        let patch = Patch { side: 4, step: 3 };
        assert_eq!(patch.places(9), [(0, 4), (3, 7), (5, 9)]);
        assert_eq!(patch.places(2), [(0, 2)]);
        assert_eq!(Patch::of([224, 100, 3]), Patch { side: 28, step: 14 });
        assert_eq!(Patch::of([8, 8, 1]), Patch { side: 2, step: 1 });
    }
}
