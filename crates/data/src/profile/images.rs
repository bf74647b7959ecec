//! Profile of pictures.

use super::{ClassCount, warn_of_classes};
use crate::dataset::Part;
use crate::error::DataError;
use crate::images::{ImageSet, Raster};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

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
    /// Pictures of the test part whose content is in the train part too, if the source has parts.
    pub shared_between_parts: usize,
    /// Unreadable, blank or unusually shaped pictures.
    pub odd: Vec<OddImage>,
    /// A few indices of each class, for a page with pictures.
    #[serde(skip)]
    pub samples: Vec<(String, Vec<Raster>)>,
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

pub(super) fn profile(
    set: &ImageSet,
    warnings: &mut Vec<String>,
) -> Result<ImageProfile, DataError> {
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
    let (duplicates, shared) = duplicates(set)?;
    let odd = odd(set, &looks);
    let unreadable = looks.iter().filter(|l| l.is_err()).count();
    for (count, what) in [
        (
            unreadable,
            "pictures cannot be read; `train` stops at them unless --skip-bad is given",
        ),
        (
            duplicates,
            "pictures occur more than once; equal ones always go into the same part",
        ),
        (
            shared,
            "pictures of the test part are in the train part too: the test score will be too good",
        ),
    ] {
        if count > 0 {
            warnings.push(format!("{count} {what}"));
        }
    }
    Ok(ImageProfile {
        classes,
        sizes,
        colour: good.iter().filter(|l| l.shape[2] == 3).count(),
        brightness: good.iter().map(|l| l.mean).sum::<f64>() / good.len().max(1) as f64,
        duplicates,
        shared_between_parts: shared,
        odd,
        samples: samples(set),
    })
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
    looks
        .iter()
        .enumerate()
        .filter_map(|(i, l)| {
            why(l).map(|why| OddImage {
                name: set.name(i),
                why,
            })
        })
        .take(MAX_ODD)
        .collect()
}

/// Contents that occur again, and those that are in train and test.
fn duplicates(set: &ImageSet) -> Result<(usize, usize), DataError> {
    let hashes = set.hashes()?;
    let mut first: HashMap<u64, Option<Part>> = HashMap::new();
    let mut again = 0;
    let mut train = std::collections::HashSet::new();
    for (hash, part) in hashes.iter().zip(&set.given) {
        again += usize::from(first.insert(*hash, *part).is_some());
        if *part == Some(Part::Train) {
            train.insert(*hash);
        }
    }
    let tests = hashes
        .iter()
        .zip(&set.given)
        .filter(|(_, part)| **part == Some(Part::Test));
    Ok((
        again,
        tests.filter(|(hash, _)| train.contains(hash)).count(),
    ))
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
