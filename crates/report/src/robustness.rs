//! Does the model hold where the input is not as clean as in the data? Each kind of damage is done in
//! growing strength, always to the same examples.

use crate::subject::Subject;
use image::imageops;
use modelwright_data::images::Pixels;
use modelwright_data::rng::{Purpose, stream};
use modelwright_data::{Column, ColumnData, Content, DataError, ImageSet, Raster, Table};
use modelwright_tasks::{AnswerValues, Answers, Prediction, TaskError};
use rand::{Rng, RngExt};
use rayon::prelude::*;
use serde::Serialize;

/// Most examples that are damaged.
const MOST: usize = 1000;
/// Strengths of each damage; at 1 a person still knows what it is, but not at a glance.
pub const STRENGTHS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Pictures: normal noise on every pixel, at most 0.2 of the range in standard deviation. Numbers
    /// of a table: at most one standard deviation of their column.
    Noise,
    /// A Gaussian blur of at most an eighth of the picture's side.
    Blur,
    /// Darker, down to a quarter of the light.
    Darkness,
    /// Brighter, up to two and a half times the light.
    Brightness,
    /// Turned by at most 45 degrees to either side.
    Rotation,
    /// Letters swapped, lost or doubled, at most in every third word.
    Typos,
}

/// A score by the strength of a damage.
#[derive(Debug, Clone, Serialize)]
pub struct RobustnessCurve {
    /// What is done.
    pub damage: Damage,
    /// Its strengths.
    pub strengths: Vec<f64>,
    /// The score at each of them: the share of right answers, or of a regression the mean absolute error.
    pub scores: Vec<f64>,
    /// Examples that were damaged.
    pub examples: usize,
}

/// The curves of all kinds of damage that the input can take; `text` is the column that is read as one.
///
/// # Errors
/// A picture cannot be read, or the model cannot answer.
pub fn curves(
    subject: &Subject,
    text: Option<&str>,
    seed: u64,
) -> Result<Vec<RobustnessCurve>, TaskError> {
    let every = subject.answers.examples.len().div_ceil(MOST).max(1);
    let chosen: Vec<usize> = (0..subject.answers.examples.len()).step_by(every).collect();
    let rows: Vec<usize> = chosen
        .iter()
        .map(|i| subject.answers.examples[*i])
        .collect();
    let content = subject.dataset.content.select(&rows);
    let kinds: &[Damage] = match (&content, text) {
        (Content::Images(_), _) => &[
            Damage::Noise,
            Damage::Blur,
            Damage::Darkness,
            Damage::Brightness,
            Damage::Rotation,
        ],
        (Content::Table(_), Some(_)) => &[Damage::Typos],
        (Content::Table(_), None) => &[Damage::Noise],
    };
    let mut curves = Vec::new();
    for damage in kinds {
        let mut scores = Vec::new();
        for strength in STRENGTHS {
            let damaged = damaged(&content, *damage, strength, text, seed)?;
            let place = &subject.dataset.source;
            let answers = subject.predictor.predict(place, &damaged, 0..rows.len())?;
            scores.push(score(&subject.answers, &chosen, &answers));
        }
        // One that has no effect at all, such as noise on a table without numbers, says nothing.
        if let Some(scores) = scores.into_iter().collect::<Option<Vec<f64>>>() {
            curves.push(RobustnessCurve {
                damage: *damage,
                strengths: STRENGTHS.to_vec(),
                scores,
                examples: rows.len(),
            });
        }
    }
    Ok(curves)
}

/// The share of right classes, or the mean absolute error; `None` for other kinds of answer.
fn score(answers: &Answers, chosen: &[usize], predictions: &[Prediction]) -> Option<f64> {
    let pairs = chosen.iter().zip(predictions);
    let sum: f64 = match &answers.values {
        AnswerValues::Classes { classes, truth, .. } => pairs
            .map(|(i, p)| match p {
                Prediction::Class { label, .. } => f64::from(*label == classes[truth[*i] as usize]),
                _ => 0.0,
            })
            .sum(),
        AnswerValues::Values { truth, .. } => pairs
            .map(|(i, p)| match p {
                Prediction::Value { value } => (value - truth[*i]).abs(),
                _ => 0.0,
            })
            .sum(),
        _ => return None,
    };
    Some(sum / chosen.len().max(1) as f64)
}

fn damaged(
    content: &Content,
    damage: Damage,
    strength: f64,
    text: Option<&str>,
    seed: u64,
) -> Result<Content, DataError> {
    Ok(match content {
        Content::Images(set) => Content::Images(pictures(set, damage, strength, seed)?),
        Content::Table(table) => Content::Table(rows(table, damage, strength, text, seed)),
    })
}

fn pictures(
    set: &ImageSet,
    damage: Damage,
    strength: f64,
    seed: u64,
) -> Result<ImageSet, DataError> {
    let rasters = (0..set.len())
        .into_par_iter()
        .map(|i| {
            let mut rng = stream(seed, Purpose::Augment, (0, i as u64));
            Ok(picture(&set.raster(i)?, damage, strength, &mut rng))
        })
        .collect::<Result<Vec<Raster>, DataError>>()?;
    Ok(ImageSet {
        pixels: Pixels::Rasters(rasters),
        ..set.clone()
    })
}

/// A picture that is damaged.
fn picture(raster: &Raster, damage: Damage, strength: f64, rng: &mut impl Rng) -> Raster {
    let shape = raster.shape();
    let each = |change: &mut dyn FnMut(f64) -> f64| {
        let pixels = raster.pixels().iter();
        let changed = pixels.map(|p| change(f64::from(*p)).round().clamp(0.0, 255.0) as u8);
        Raster::new(shape, changed.collect())
    };
    match damage {
        // At strength 0 nothing is rounded or resampled.
        _ if strength == 0.0 => raster.clone(),
        Damage::Noise => each(&mut |p| p + 51.0 * strength * normal(rng)),
        Damage::Darkness => each(&mut |p| p * (1.0 - 0.75 * strength)),
        Damage::Brightness => each(&mut |p| p * (1.0 + 1.5 * strength)),
        Damage::Blur => blurred(raster, strength),
        Damage::Rotation => {
            let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
            turned(raster, side * 45.0 * strength)
        }
        Damage::Typos => raster.clone(),
    }
}

fn blurred(raster: &Raster, strength: f64) -> Raster {
    let [height, width, channels] = raster.shape();
    let sigma = strength * height.min(width) as f64 / 8.0 / 2.0;
    let picture = raster.to_image();
    let pixels = match channels {
        1 => imageops::blur(&picture.to_luma8(), sigma as f32).into_raw(),
        _ => imageops::blur(&picture.to_rgb8(), sigma as f32).into_raw(),
    };
    Raster::new(raster.shape(), pixels)
}

/// Turned around its middle, pixels between those there are interpolated, what was outside repeats the
/// nearest pixel of the edge.
fn turned(raster: &Raster, degrees: f64) -> Raster {
    let [height, width, channels] = raster.shape();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = |n: usize| (n as f64 - 1.0) / 2.0;
    let (my, mx) = (middle(height), middle(width));
    let pixels = raster.pixels();
    let at = |y: f64, x: f64, c: usize| {
        let y = y.clamp(0.0, height as f64 - 1.0) as usize;
        let x = x.clamp(0.0, width as f64 - 1.0) as usize;
        f64::from(pixels[(y * width + x) * channels + c])
    };
    let mut turned = Vec::with_capacity(pixels.len());
    for i in 0..height * width {
        let (dy, dx) = ((i / width) as f64 - my, (i % width) as f64 - mx);
        let (y, x) = (my + cos * dy - sin * dx, mx + sin * dy + cos * dx);
        let (y0, x0) = (y.floor(), x.floor());
        let (fy, fx) = (y - y0, x - x0);
        for c in 0..channels {
            let top = at(y0, x0, c) * (1.0 - fx) + at(y0, x0 + 1.0, c) * fx;
            let bottom = at(y0 + 1.0, x0, c) * (1.0 - fx) + at(y0 + 1.0, x0 + 1.0, c) * fx;
            turned.push((top * (1.0 - fy) + bottom * fy).round() as u8);
        }
    }
    Raster::new(raster.shape(), turned)
}

fn rows(table: &Table, damage: Damage, strength: f64, text: Option<&str>, seed: u64) -> Table {
    let columns = table.columns.iter().zip(0..).map(|(column, position)| {
        let mut rng = stream(seed, Purpose::Augment, (position, 0));
        match (&column.data, damage) {
            (ColumnData::Numbers(values), Damage::Noise) => Column {
                data: ColumnData::Numbers(noisy(values, strength, &mut rng)),
                ..column.clone()
            },
            (_, Damage::Typos) if Some(column.name.as_str()) == text => {
                let texts: Vec<Option<String>> = (0..column.len())
                    .map(|row| {
                        (!column.is_missing(row))
                            .then(|| misspelt(&column.text(row), strength, &mut rng))
                    })
                    .collect();
                Column::of_texts(column.name.clone(), &texts)
            }
            _ => column.clone(),
        }
    });
    Table {
        columns: columns.collect(),
    }
}

fn noisy(values: &[f64], strength: f64, rng: &mut impl Rng) -> Vec<f64> {
    let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let count = known.len().max(1) as f64;
    let mean = known.iter().sum::<f64>() / count;
    let spread = (known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    values
        .iter()
        .map(|v| v + strength * spread * normal(rng))
        .collect()
}

/// A text in which a share of the words has a slip: letters swapped, lost or doubled.
fn misspelt(text: &str, strength: f64, rng: &mut impl Rng) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let words: Vec<usize> = (1..letters.len())
        .filter(|i| letters[*i].is_alphabetic() && letters[*i - 1].is_alphabetic())
        .collect();
    // About every fifth pair of letters stands for a word.
    let slips = words
        .iter()
        .filter(|_| rng.random_bool(strength / 15.0))
        .copied()
        .collect::<Vec<_>>();
    for at in slips.into_iter().rev() {
        match rng.random_range(0..3) {
            0 => letters.swap(at - 1, at),
            1 => drop(letters.remove(at)),
            _ => letters.insert(at, letters[at]),
        }
    }
    letters.into_iter().collect()
}

/// A draw from the standard normal distribution (Box & Muller 1958).
fn normal(rng: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (
        rng.random_range(f64::EPSILON..1.0),
        rng.random_range(0.0..1.0),
    );
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster() -> Raster {
        Raster::new([8, 8, 3], (0..192).map(|i| (i * 5 % 251) as u8).collect())
    }

    #[test]
    fn damage_grows_and_none_is_none() {
        for damage in [
            Damage::Noise,
            Damage::Blur,
            Damage::Darkness,
            Damage::Brightness,
            Damage::Rotation,
        ] {
            let distance = |strength: f64| -> f64 {
                let mut rng = stream(1, Purpose::Augment, (0, 0));
                let damaged = picture(&raster(), damage, strength, &mut rng);
                let pairs = damaged.pixels().iter().zip(raster().pixels().to_vec());
                pairs
                    .map(|(a, b)| (f64::from(*a) - f64::from(b)).abs())
                    .sum()
            };
            assert_eq!(distance(0.0), 0.0, "{damage:?}");
            assert!(distance(1.0) > distance(0.25), "{damage:?}");
        }
    }

    #[test]
    fn a_full_turn_changes_nothing() {
        assert_eq!(turned(&raster(), 360.0), raster());
        let half = turned(&turned(&raster(), 180.0), 180.0);
        assert_eq!(half, raster());
    }

    #[test]
    fn slips_leave_most_of_a_text() {
        let text = "the quick brown fox jumps over the lazy dog and then some more";
        let mut rng = stream(1, Purpose::Augment, (0, 0));
        assert_eq!(misspelt(text, 0.0, &mut rng), text);
        let damaged = misspelt(text, 1.0, &mut rng);
        assert_ne!(damaged, text);
        assert!(damaged.len().abs_diff(text.len()) < 6);
        let chinese = misspelt("这家酒店的服务真的很不错，下次还会再来", 1.0, &mut rng);
        assert!(chinese.chars().count() > 10);
    }

    #[test]
    fn noise_on_numbers_keeps_missing_ones() {
        let mut rng = stream(1, Purpose::Augment, (0, 0));
        let values = noisy(&[1.0, f64::NAN, 3.0], 1.0, &mut rng);
        assert!(values[1].is_nan() && values[0] != 1.0);
    }
}
