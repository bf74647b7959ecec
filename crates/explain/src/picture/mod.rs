//! Where in a picture is what speaks for an answer?

mod cam;
mod gradients;
mod occlusion;
mod overlay;

pub use cam::grad_cam;
pub use gradients::{Baseline, integrated};
pub use occlusion::{Patch, occlusion};
pub use overlay::overlay;

use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_tasks::{Inside, PictureInside};
use serde::Serialize;

/// A share for each pixel of a picture in the size that the model sees, row by row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PictureMap {
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// What speaks for the class is above 0, what speaks against it below.
    pub values: Vec<f64>,
}

impl PictureMap {
    /// The value at a place given as shares of height and width, between those of the pixels around it.
    pub fn at(&self, down: f64, right: f64) -> f64 {
        let place = |share: f64, side: usize| {
            let place = (share * side as f64 - 0.5).clamp(0.0, side as f64 - 1.0);
            let low = place.floor() as usize;
            (low, (low + 1).min(side - 1), place - place.floor())
        };
        let ((top, bottom, y), (left, right, x)) =
            (place(down, self.height), place(right, self.width));
        let of = |row: usize, column: usize| self.values[row * self.width + column];
        let between = |row| of(row, left) * (1.0 - x) + of(row, right) * x;
        between(top) * (1.0 - y) + between(bottom) * y
    }

    /// The same map with other numbers of pixels.
    pub fn resized(&self, height: usize, width: usize) -> Self {
        let middle = |i: usize, side: usize| (i as f64 + 0.5) / side as f64;
        let row = |y| (0..width).map(move |x| self.at(middle(y, height), middle(x, width)));
        Self {
            height,
            width,
            values: (0..height).flat_map(row).collect(),
        }
    }

    /// The largest distance from 0.
    pub fn largest(&self) -> f64 {
        self.values.iter().fold(0.0, |most, v| v.abs().max(most))
    }
}

/// The network behind a subject, if it is one of pictures.
fn inside<'a>(subject: &Subject<'a>) -> Result<&'a dyn PictureInside> {
    match subject.predictor().inside() {
        Inside::Pictures(net) => Ok(net),
        _ => Err(asked(
            "this method looks into a network of pictures, which this model is not",
            "leave --method away",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_pixels_are_between_theirs() {
        let map = PictureMap {
            height: 2,
            width: 2,
            values: vec![0.0, 1.0, 2.0, 3.0],
        };
        assert_eq!(map.at(0.25, 0.25), 0.0);
        assert_eq!(map.at(0.5, 0.5), 1.5);
        assert_eq!(map.at(1.0, 0.75), 3.0);
        assert_eq!(map.resized(2, 2), map);
        let large = map.resized(8, 4);
        assert_eq!((large.values.len(), large.values[31]), (32, 3.0));
    }
}
