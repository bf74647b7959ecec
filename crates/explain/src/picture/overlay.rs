//! A heat map over its picture.

use super::PictureMap;
use modelwright_data::Raster;

/// Smaller pictures are enlarged so that their shorter side has at least so many pixels.
const SMALLEST: usize = 256;
/// How much of the picture is left under the strongest colour.
const LEFT: f64 = 0.25;
/// For and against: red and blue that people who do not tell red from green tell apart.
const FOR: [f64; 3] = [214.0, 39.0, 40.0];
const AGAINST: [f64; 3] = [31.0, 119.0, 180.0];

/// The picture in grey with the map in colour over it: red where it is above 0, blue where it is below,
/// the stronger the further. Small pictures are enlarged.
pub fn overlay(picture: &Raster, map: &PictureMap) -> Raster {
    let [height, width, channels] = picture.shape();
    let times = SMALLEST.div_ceil(height.min(width).max(1)).max(1);
    let (high, wide) = (height * times, width * times);
    let scale = map.largest().max(f64::MIN_POSITIVE);
    let mut pixels = Vec::with_capacity(high * wide * 3);
    for y in 0..high {
        for x in 0..wide {
            let at = (y / times * width + x / times) * channels;
            let grey = luma(&picture.pixels()[at..at + channels]);
            let place = |i: usize, side: usize| (i as f64 + 0.5) / side as f64;
            let value = map.at(place(y, high), place(x, wide)) / scale;
            let colour = if value >= 0.0 { FOR } else { AGAINST };
            let strength = (1.0 - LEFT) * value.abs().min(1.0);
            let mixed = colour.map(|c| grey * (1.0 - strength) + c * strength);
            pixels.extend(mixed.map(|c| c.round().clamp(0.0, 255.0) as u8));
        }
    }
    Raster::new([high, wide, 3], pixels)
}

/// Brightness of a pixel (ITU-R BT.601).
fn luma(pixel: &[u8]) -> f64 {
    match pixel {
        [red, green, blue] => {
            0.299 * f64::from(*red) + 0.587 * f64::from(*green) + 0.114 * f64::from(*blue)
        }
        _ => pixel.first().copied().map_or(0.0, f64::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_speaks_for_and_blue_against() {
        let picture = Raster::new([2, 2, 1], vec![255; 4]);
        let map = PictureMap {
            height: 2,
            width: 2,
            values: vec![1.0, 0.0, 0.0, -1.0],
        };
        let drawn = overlay(&picture, &map);
        assert_eq!(drawn.shape(), [256, 256, 3]);
        let pixel = |x: usize, y: usize| &drawn.pixels()[(y * 256 + x) * 3..][..3];
        assert!(
            pixel(0, 0)[0] > 200 && pixel(0, 0)[2] < 100,
            "{:?}",
            pixel(0, 0)
        );
        assert!(pixel(255, 255)[2] > 180 && pixel(255, 255)[0] < 100);
        assert_eq!(pixel(255, 0), [255; 3]);
        // Nothing to show is no error.
        let empty = PictureMap {
            values: vec![0.0; 4],
            ..map
        };
        assert!(overlay(&picture, &empty).pixels().iter().all(|p| *p == 255));
    }
}
