//! One decoded picture.

use crate::error::DataError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, imageops::FilterType};
use std::io::Cursor;
use std::path::Path;

/// What is decoded at most: a small file may claim a picture that fills the memory.
#[derive(Debug, Clone, Copy)]
pub struct PictureLimits {
    /// Largest width and height.
    pub side: u32,
    /// Most pixels.
    pub pixels: u64,
    /// Largest decoded size in bytes.
    pub bytes: u64,
}

impl Default for PictureLimits {
    fn default() -> Self {
        Self {
            side: 16_384,
            pixels: 16_384 * 16_384,
            bytes: 512 << 20,
        }
    }
}

/// 8-bit pixels, row by row, with 1 (grey) or 3 (red, green, blue) channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    shape: [usize; 3],
    pixels: Vec<u8>,
}

impl Raster {
    /// A picture of `[height, width, channels]`.
    ///
    /// # Panics
    /// If the number of pixels is not the product of the shape.
    pub fn new(shape: [usize; 3], pixels: Vec<u8>) -> Self {
        assert_eq!(
            shape.iter().product::<usize>(),
            pixels.len(),
            "shape and pixels differ"
        );
        Self { shape, pixels }
    }

    /// `[height, width, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Height x width x channels bytes.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The picture in another size and number of channels; unchanged if it has them.
    pub fn fit(self, shape: [usize; 3]) -> Self {
        if self.shape == shape {
            return self;
        }
        let [height, width, channels] = shape;
        let picture = self.to_image();
        let resized = match (picture.height() as usize, picture.width() as usize) {
            size if size == (height, width) => picture,
            _ => picture.resize_exact(width as u32, height as u32, FilterType::Triangle),
        };
        let pixels = match channels {
            1 => resized.into_luma8().into_raw(),
            _ => resized.into_rgb8().into_raw(),
        };
        Self { shape, pixels }
    }

    /// For writing as PNG or resizing.
    pub fn to_image(&self) -> DynamicImage {
        let [height, width, channels] = self.shape;
        let (w, h) = (width as u32, height as u32);
        let picture = match channels {
            1 => image::GrayImage::from_raw(w, h, self.pixels.clone()).map(Into::into),
            _ => image::RgbImage::from_raw(w, h, self.pixels.clone()).map(Into::into),
        };
        picture.unwrap_or_default()
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// It has no pixel, which the format cannot say.
    pub fn to_png(&self) -> Result<Vec<u8>, String> {
        let mut png = Cursor::new(Vec::new());
        self.to_image()
            .write_to(&mut png, image::ImageFormat::Png)
            .map_err(|e| e.to_string())?;
        Ok(png.into_inner())
    }

    fn from_image(picture: DynamicImage) -> Self {
        let (height, width) = (picture.height() as usize, picture.width() as usize);
        let picture = on_white(picture);
        let (channels, pixels) = match picture.color().has_color() {
            false => (1, picture.into_luma8().into_raw()),
            true => (3, picture.into_rgb8().into_raw()),
        };
        Self {
            shape: [height, width, channels],
            pixels,
        }
    }
}

/// Transparent pixels are shown on white, as a browser would.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let grey = !picture.color().has_color();
    let mut rgba = picture.into_rgba8();
    for pixel in rgba.pixels_mut() {
        let alpha = u32::from(pixel[3]);
        for channel in 0..3 {
            let value = u32::from(pixel[channel]) * alpha + 255 * (255 - alpha);
            pixel[channel] = (value / 255) as u8;
        }
        pixel[3] = 255;
    }
    match grey {
        true => DynamicImage::ImageRgba8(rgba).into_luma8().into(),
        false => DynamicImage::ImageRgba8(rgba).into_rgb8().into(),
    }
}

/// Decodes a file; the format is told by its first bytes, the orientation by its metadata.
pub fn read_picture(path: &Path) -> Result<Raster, DataError> {
    let bytes = std::fs::read(path).map_err(|e| DataError::io(path, &e))?;
    decode_bytes(&bytes, PictureLimits::default()).map_err(|problem| {
        DataError::new(
            path.display(),
            format!("cannot be read as a picture ({problem})"),
            "replace or remove the file, or add --skip-bad to leave such pictures out",
        )
    })
}

/// Decodes a picture in memory; what is too large is refused by its header.
pub fn decode_bytes(bytes: &[u8], at_most: PictureLimits) -> Result<Raster, String> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > at_most.side || pixels > at_most.pixels {
        return Err(format!("{width}x{height} pixels are too many"));
    }
    if decoder.total_bytes() > at_most.bytes {
        let mebibytes = at_most.bytes >> 20;
        return Err(format!("larger than {mebibytes} MiB when decoded"));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(at_most.bytes);
    decoder.set_limits(limits).map_err(|e| e.to_string())?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    picture.apply_orientation(orientation);
    Ok(Raster::from_image(picture))
}

/// Height, width and channels from the header, without decoding.
pub(super) fn shape_of(path: &Path) -> Result<[usize; 3], DataError> {
    let fail = |e: &dyn std::fmt::Display| {
        DataError::new(
            path.display(),
            format!("cannot be read as a picture ({e})"),
            "replace or remove the file, or add --skip-bad to leave such pictures out",
        )
    };
    let decoder = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| fail(&e))?
        .into_decoder()
        .map_err(|e| fail(&e))?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() {
        3
    } else {
        1
    };
    Ok([height as usize, width as usize, channels])
}
