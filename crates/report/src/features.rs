//! What can be said of an example without the model: by this, examples are divided into slices.

use modelwright_data::images::Raster;
use modelwright_data::{Column, ColumnData, Content, DataError, ImageSet, Table};
use modelwright_evaluate::Feature;
use modelwright_tasks::feature_of;
use rayon::prelude::*;

/// Names of what is measured of pictures and texts.
pub const MEASURED: [&str; 4] = ["brightness", "contrast", "sharpness", "length"];
/// A column with more different words than this divides nothing.
const MOST_WORDS: usize = 50;

/// All properties of some examples; `text` is the column that the model reads as a text.
///
/// # Errors
/// A picture cannot be read.
pub fn features(content: &Content, text: Option<&str>) -> Result<Vec<Feature>, DataError> {
    match content {
        Content::Images(set) => of_pictures(set),
        Content::Table(table) => Ok(of_rows(table, text)),
    }
}

fn of_pictures(set: &ImageSet) -> Result<Vec<Feature>, DataError> {
    let looks = (0..set.len())
        .into_par_iter()
        .map(|i| set.raster(i).map(|raster| look(&raster)))
        .collect::<Result<Vec<_>, _>>()?;
    let feature = |(i, name): (usize, &&str)| {
        Feature::numbers(*name, looks.iter().map(|look| look[i]).collect())
    };
    Ok(MEASURED[..3].iter().enumerate().map(feature).collect())
}

/// Mean brightness and its standard deviation (both from 0 to 1), and sharpness: the variance of the
/// Laplacian (Pech-Pacheco et al. 2000), which is small where a picture is blurred.
fn look(raster: &Raster) -> [f64; 3] {
    let [height, width, channels] = raster.shape();
    let grey: Vec<f64> = raster
        .pixels()
        .chunks_exact(channels.max(1))
        .map(|pixel| pixel.iter().map(|p| f64::from(*p)).sum::<f64>() / (255.0 * channels as f64))
        .collect();
    let (brightness, variance) = moments(grey.iter().copied());
    let inside = (1..height.saturating_sub(1))
        .flat_map(|y| (1..width.saturating_sub(1)).map(move |x| (y, x)));
    let laplacian = inside.map(|(y, x)| {
        let at = |y: usize, x: usize| grey[y * width + x];
        at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1) - 4.0 * at(y, x)
    });
    [brightness, variance.sqrt(), moments(laplacian).1]
}

/// Mean and variance.
fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut count, mut sum, mut squares) = (0.0f64, 0.0, 0.0);
    for value in values {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    let mean = sum / count.max(1.0);
    (mean, (squares / count.max(1.0) - mean * mean).max(0.0))
}

fn of_rows(table: &Table, text: Option<&str>) -> Vec<Feature> {
    let feature = |column: &Column| {
        if Some(column.name.as_str()) == text {
            let length = |row: usize| column.text(row).chars().count() as f64;
            return Some(Feature::numbers(
                MEASURED[3],
                (0..column.len()).map(length).collect(),
            ));
        }
        match &column.data {
            ColumnData::Labels { levels, .. } if levels.len() > MOST_WORDS => None,
            _ => Some(feature_of(column)),
        }
    };
    table.columns.iter().filter_map(feature).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_evaluate::Values;

    #[test]
    fn a_blurred_picture_is_less_sharp_and_a_bright_one_brighter() {
        let checks = |low: u8, high: u8, size: usize| {
            let pixel = |i: usize| {
                if (i / 16 / size + i % 16 / size).is_multiple_of(2) {
                    low
                } else {
                    high
                }
            };
            Raster::new([16, 16, 1], (0..256).map(pixel).collect())
        };
        let [dark, contrast, sharp] = look(&checks(0, 100, 1));
        let [bright, same, _] = look(&checks(155, 255, 1));
        let [_, _, smooth] = look(&checks(0, 100, 8));
        assert!(bright > dark + 0.5);
        assert!((contrast - same).abs() < 1e-9);
        assert!(sharp > 4.0 * smooth);
    }

    #[test]
    fn columns_and_the_length_of_a_text_are_features() {
        let csv = b"text,city,age\nhello there,Rome,3\nhi,,4\n";
        let table = modelwright_data::table::parse_csv("t", csv, "utf-8").unwrap();
        let found = of_rows(&table, Some("text"));
        let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["length", "city", "age"]);
        let Values::Numbers(lengths) = &found[0].values else {
            panic!("{found:?}")
        };
        assert_eq!(lengths, &[11.0, 2.0]);
    }
}
