//! From a picture to what the network sees; saved as `preprocessor_config.json`.

use crate::error::TaskError;
use modelwright_data::{DataError, ImageSet};
use serde::{Deserialize, Serialize};

/// Pictures are worked on at their own size up to this side.
const NATIVE: usize = 64;
/// Most pictures looked at to find mean and deviation.
const SAMPLE: usize = 5_000;

/// Size, scale and normalization, under the names Hugging Face's image processors use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ImageTransform {
    do_resize: bool,
    do_rescale: bool,
    do_normalize: bool,
    size: Size,
    num_channels: usize,
    rescale_factor: f64,
    image_mean: Vec<f32>,
    image_std: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Size {
    height: usize,
    width: usize,
}

/// `[height, width, channels]` at which the pictures are worked on.
pub(super) fn working_shape(set: &ImageSet, asked: Option<usize>) -> Result<[usize; 3], TaskError> {
    if asked.is_some_and(|side| !(4..=1024).contains(&side)) {
        return Err(TaskError::asked(
            "data.image_size is out of range",
            "give a side from 4 to 1024 pixels",
        ));
    }
    let shapes = set.shapes()?;
    let colour = shapes.iter().any(|s| s[2] == 3);
    let channels = if colour { 3 } else { 1 };
    let first = shapes[0];
    let alike = shapes.iter().all(|s| s[..2] == first[..2]);
    Ok(match asked {
        Some(side) => [side, side, channels],
        None if alike && first[0].max(first[1]) <= NATIVE => [first[0], first[1], channels],
        None => [NATIVE, NATIVE, channels],
    })
}

impl ImageTransform {
    fn new([height, width, channels]: [usize; 3], mean: Vec<f32>, std: Vec<f32>) -> Self {
        Self {
            do_resize: true,
            do_rescale: true,
            do_normalize: true,
            size: Size { height, width },
            num_channels: channels,
            rescale_factor: 1.0 / 255.0,
            image_mean: mean,
            image_std: std,
        }
    }

    /// Mean and deviation of the channels over the training pictures.
    pub fn fit(set: &ImageSet, shape: [usize; 3], train: &[usize]) -> Result<Self, TaskError> {
        let channels = shape[2];
        let mut sums = vec![(0.0f64, 0.0f64); channels];
        let mut count = 0.0;
        for i in train.iter().step_by(train.len().div_ceil(SAMPLE).max(1)) {
            let raster = set.raster(*i)?.fit(shape);
            for pixel in raster.pixels().chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    let value = f64::from(*value) / 255.0;
                    sum.0 += value;
                    sum.1 += value * value;
                }
            }
            count += (shape[0] * shape[1]) as f64;
        }
        let mean = |s: &(f64, f64)| s.0 / count;
        let std = |s: &(f64, f64)| (s.1 / count - mean(s).powi(2)).max(0.0).sqrt().max(1e-3);
        let to_f32 = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
        let means = sums.iter().map(mean).collect();
        let stds = sums.iter().map(std).collect();
        Ok(Self::new(shape, to_f32(means), to_f32(stds)))
    }

    /// What torchvision's pretrained networks expect; grey pictures become three equal channels.
    pub fn imagenet([height, width, _]: [usize; 3]) -> Self {
        Self::new(
            [height, width, 3],
            vec![0.485, 0.456, 0.406],
            vec![0.229, 0.224, 0.225],
        )
    }

    /// `[height, width, channels]` of what is put in.
    pub fn shape(&self) -> [usize; 3] {
        [self.size.height, self.size.width, self.num_channels]
    }

    /// `[channels, height, width]` of what comes out.
    pub fn planes(&self) -> [usize; 3] {
        [self.num_channels, self.size.height, self.size.width]
    }

    /// An error unless the file fits together; it may have been edited by hand.
    pub fn check(self) -> Result<Self, String> {
        let n = self.num_channels;
        let sizes = self.image_mean.len() == n && self.image_std.len() == n;
        let fine = (n == 1 || n == 3) && sizes && self.image_std.iter().all(|s| *s > 0.0);
        let side = |s: usize| (1..=4096).contains(&s);
        match fine && side(self.size.height) && side(self.size.width) {
            true => Ok(self),
            false => Err("size, channels, mean and std do not fit together".into()),
        }
    }

    /// Picture `i` as planes from 0 to 1: `[channels, height, width]`, before normalization.
    pub fn write(&self, set: &ImageSet, i: usize, out: &mut [f32]) -> Result<(), DataError> {
        let shape = self.shape();
        match set.packed_as(i, shape) {
            Some(pixels) => self.spread(pixels, out),
            None => self.spread(set.raster(i)?.fit(shape).pixels(), out),
        }
        Ok(())
    }

    /// Interleaved bytes to planes from 0 to 1.
    fn spread(&self, pixels: &[u8], planes: &mut [f32]) {
        let size = self.size.height * self.size.width;
        for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
            for (out, pixel) in plane.iter_mut().zip(pixels.chunks_exact(self.num_channels)) {
                *out = f32::from(pixel[channel]) * self.rescale_factor as f32;
            }
        }
    }

    /// `(x - mean) / std`, in place.
    pub fn normalize(&self, planes: &mut [f32]) {
        let size = self.size.height * self.size.width;
        for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
            let (mean, scale) = (self.image_mean[channel], 1.0 / self.image_std[channel]);
            plane.iter_mut().for_each(|v| *v = (*v - mean) * scale);
        }
    }

    pub fn to_json(&self) -> Vec<u8> {
        // Plain numbers and booleans always serialize.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}
