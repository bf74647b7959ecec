//! Profile of pictures.

use super::{ClassCount, warn_of_classes};
use crate::dataset::Part;
use crate::error::DataError;
use crate::images::{ImageSet, Raster};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// Most odd pictures that are listed.
const MAX_ODD: usize = 50;

/// Facts about pictures.
#[derive(Debug, Clone, Serialize)]
pub struct ImageProfile {
    /// Examples of each class.
    pub classes: Vec<ClassCount>,
    /// How many pictures have each size, `WIDTHxHEIGHT`, most frequent first.
    pub sizes: Vec<(String, usize)>,
    /// Pictures in colour.
    pub colour: usize,
    /// Mean brightness from 0 to 255.
    pub brightness: f64,
    /// Pictures whose content occurs before.
    pub duplicates: usize,
    /// For each two parts that the source prescribes, the pictures that are in both.
    pub shared_between_parts: Vec<SharedPictures>,
    /// Unreadable, blank or unusually shaped pictures.
    pub odd: Vec<OddImage>,
    /// A few indices of each class, for a page with pictures.
    #[serde(skip)]
    pub samples: Vec<(String, Vec<Raster>)>,
}

/// Pictures that two parts of a source have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedPictures {
    /// The part whose score suffers.
    pub part: Part,
    /// The part that is used before it.
    pub also_in: Part,
    /// Pictures of `part` whose content is in `also_in` too.
    pub pictures: usize,
}

/// A picture to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OddImage {
    /// Path or number.
    pub name: String,
    /// What is odd.
    pub why: String,
}

/// What one picture tells.
struct Look {
    shape: [usize; 3],
    mean: f64,
    spread: f64,
}

pub(super) fn profile(set: &ImageSet, warnings: &mut Vec<String>) -> ImageProfile {
    let looks: Vec<Result<Look, DataError>> = (0..set.len())
        .into_par_iter()
        .map(|i| set.raster(i).map(|r| look(&r)))
        .collect();
    let classes: Vec<ClassCount> = set
        .classes
        .iter()
        .enumerate()
        .map(|(c, name)| ClassCount {
            name: name.clone(),
            examples: set.labels.iter().filter(|l| **l == Some(c as u32)).count(),
        })
        .collect();
    warn_of_classes(&classes, warnings);
    let good: Vec<&Look> = looks.iter().flatten().collect();
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for l in &good {
        *sizes
            .entry(format!("{}x{}", l.shape[1], l.shape[0]))
            .or_default() += 1;
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    // A file that cannot be read has no hash; it is among the odd pictures.
    let hashes: Vec<Option<u64>> = (0..set.len())
        .into_par_iter()
        .map(|i| set.hash(i).ok())
        .collect();
    let duplicates = duplicates(&hashes);
    let shared_between_parts = shared(&hashes, &set.given);
    let odd = odd(set, &looks);
    let unreadable = looks.iter().filter(|l| l.is_err()).count();
    for (count, what) in [
        (
            unreadable,
            "pictures cannot be read; `train` stops at them unless --skip-bad is given",
        ),
        (
            duplicates,
            "pictures have an equal one; equal pictures go into the same part, unless the source has parts",
        ),
    ] {
        if count > 0 {
            warnings.push(format!("{count} {what}"));
        }
    }
    for shared in shared_between_parts.iter().filter(|s| s.pictures > 0) {
        let (part, also_in) = (shared.part.name(), shared.also_in.name());
        warnings.push(format!(
            "{} pictures of the {part} part are in the {also_in} part too: the {part} score will be too good",
            shared.pictures
        ));
    }
    ImageProfile {
        classes,
        sizes,
        colour: good.iter().filter(|l| l.shape[2] == 3).count(),
        brightness: good.iter().map(|l| l.mean).sum::<f64>() / good.len().max(1) as f64,
        duplicates,
        shared_between_parts,
        odd,
        samples: samples(set),
    }
}

fn look(raster: &Raster) -> Look {
    let pixels = raster.pixels();
    let n = pixels.len().max(1) as f64;
    let mean = pixels.iter().map(|p| f64::from(*p)).sum::<f64>() / n;
    let variance = pixels
        .iter()
        .map(|p| (f64::from(*p) - mean).powi(2))
        .sum::<f64>()
        / n;
    Look {
        shape: raster.shape(),
        mean,
        spread: variance.sqrt(),
    }
}

fn odd(set: &ImageSet, looks: &[Result<Look, DataError>]) -> Vec<OddImage> {
    let mut areas: Vec<usize> = looks
        .iter()
        .flatten()
        .map(|l| l.shape[0] * l.shape[1])
        .collect();
    areas.sort_unstable();
    let usual = areas.get(areas.len() / 2).copied().unwrap_or(0);
    let why = |look: &Result<Look, DataError>| -> Option<String> {
        let look = match look {
            Ok(look) => look,
            Err(e) => return Some(e.problem.clone()),
        };
        let [height, width, _] = look.shape;
        let area = height * width;
        if look.spread < 2.0 {
            Some(format!("blank: every pixel is about {:.0}", look.mean))
        } else if height.max(width) > 4 * height.min(width) {
            Some(format!("very long: {width}x{height}"))
        } else if area * 16 < usual || usual * 16 < area {
            Some(format!("unusual size: {width}x{height}"))
        } else {
            None
        }
    };
    // Unreadable ones first: the list is limited, and they are what stops a training.
    let looks_that = |fail: bool| {
        let all = looks.iter().enumerate();
        all.filter(move |(_, look)| look.is_err() == fail)
    };
    looks_that(true)
        .chain(looks_that(false))
        .filter_map(|(i, l)| {
            why(l).map(|why| OddImage {
                name: set.name(i),
                why,
            })
        })
        .take(MAX_ODD)
        .collect()
}

/// How many contents occurred before.
fn duplicates(hashes: &[Option<u64>]) -> usize {
    let mut seen = HashSet::new();
    hashes
        .iter()
        .flatten()
        .filter(|h| !seen.insert(**h))
        .count()
}

/// What the parts that the source prescribes have in common, two by two.
fn shared(hashes: &[Option<u64>], given: &[Option<Part>]) -> Vec<SharedPictures> {
    let of = |part: Part| -> Vec<u64> {
        hashes
            .iter()
            .zip(given)
            .filter(|(_, g)| **g == Some(part))
            .filter_map(|(hash, _)| *hash)
            .collect()
    };
    [
        (Part::Validation, Part::Train),
        (Part::Test, Part::Train),
        (Part::Test, Part::Validation),
    ]
    .into_iter()
    .filter(|(part, also_in)| given.contains(&Some(*part)) && given.contains(&Some(*also_in)))
    .map(|(part, also_in)| {
        let before: HashSet<u64> = of(also_in).into_iter().collect();
        SharedPictures {
            part,
            also_in,
            pictures: of(part).iter().filter(|h| before.contains(*h)).count(),
        }
    })
    .collect()
}

/// The first readable pictures of each class, small.
fn samples(set: &ImageSet) -> Vec<(String, Vec<Raster>)> {
    let of_class = |class: usize| {
        (0..set.len())
            .filter(|i| set.labels[*i] == Some(class as u32))
            .filter_map(|i| set.raster(i).ok())
            .map(small)
            .take(8)
            .collect()
    };
    set.classes
        .iter()
        .enumerate()
        .take(100)
        .map(|(c, name)| (name.clone(), of_class(c)))
        .collect()
}

/// At most 96 pixels on the longer side.
fn small(raster: Raster) -> Raster {
    let [height, width, channels] = raster.shape();
    let longest = height.max(width);
    if longest <= 96 {
        return raster;
    }
    let side = |s: usize| (s * 96 / longest).max(1);
    raster.fit([side(height), side(width), channels])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Pixels;

    #[test]
    fn every_two_parts_are_compared() {
        let (train, validation, test) = (Part::Train, Part::Validation, Part::Test);
        let set = ImageSet {
            classes: vec!["a".into()],
            labels: vec![Some(0); 7],
            given: [train, train, validation, validation, test, test, test]
                .map(Some)
                .into(),
            pixels: Pixels::Packed {
                shape: [1, 1, 1],
                bytes: vec![1, 2, 1, 3, 2, 3, 9],
            },
        };
        let mut warnings = Vec::new();
        let profile = profile(&set, &mut warnings);
        assert_eq!(profile.duplicates, 3);
        let found: Vec<_> = profile
            .shared_between_parts
            .iter()
            .map(|s| (s.part, s.also_in, s.pictures))
            .collect();
        let expected = [
            (validation, train, 1),
            (test, train, 1),
            (test, validation, 1),
        ];
        assert_eq!(found, expected);
        let told = |text: &str| warnings.iter().any(|w| w.contains(text));
        assert!(told(
            "1 pictures of the validation part are in the train part too"
        ));
        assert!(told(
            "1 pictures of the test part are in the validation part too"
        ));
    }

    #[test]
    fn unreadable_files_are_listed_first_and_stop_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blank = folder.path().join("blank.png");
        image::GrayImage::new(4, 4).save(&blank).unwrap();
        let damaged = folder.path().join("damaged.png");
        std::fs::write(&damaged, b"no picture").unwrap();
        let gone = folder.path().join("gone.png");
        let set = ImageSet {
            classes: vec!["a".into()],
            labels: vec![Some(0); 3],
            given: vec![None; 3],
            pixels: Pixels::Files(vec![blank, damaged, gone]),
        };
        let mut warnings = Vec::new();
        let profile = profile(&set, &mut warnings);
        let odd: Vec<&str> = profile.odd.iter().map(|o| o.name.as_str()).collect();
        for (name, file) in odd.iter().zip(["damaged.png", "gone.png", "blank.png"]) {
            assert!(name.ends_with(file), "{odd:?}");
        }
        assert_eq!(odd.len(), 3);
        assert!(profile.shared_between_parts.is_empty());
        assert!(
            warnings
                .iter()
                .any(|w| w.starts_with("2 pictures cannot be read"))
        );
    }
}
