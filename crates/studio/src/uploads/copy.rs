//! A copy of a folder of pictures without those that are there twice.

use super::{CONTENT, Entry};
use crate::app::Studio;
use crate::problem::Problem;
use modelwright_data::images::Pixels;
use modelwright_data::{Content, Dataset, ImageSet, open, quiet};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Makes the copy as a data set of its own. Of equal pictures of one class the first stays; equal
/// pictures in several classes all go, because nobody can say which class is right.
///
/// # Errors
/// The data is no folder of pictures, or the disk is full.
pub fn without_duplicates(studio: &Studio, entry: &Entry) -> Result<Entry, Problem> {
    let mut config = entry.config();
    // A file that cannot be read cannot be compared; it is left where it is.
    config.skip_bad = false;
    let dataset = open(&entry.source, config.open_options(&quiet))?;
    let (set, paths) = pictures(&dataset)?;
    let incoming = studio.uploads().incoming()?;
    let content = incoming.path().join(CONTENT);
    let source = Path::new(&entry.source);
    for index in kept(set) {
        let path = &paths[index];
        let inside = path.strip_prefix(source).map_err(Problem::internal)?;
        let place = content.join(&entry.name).join(inside);
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // A second name for the same file costs no disk; file systems without them get a copy.
        if std::fs::hard_link(path, &place).is_err() {
            std::fs::copy(path, &place)?;
        }
    }
    let mut copy = studio.uploads().settle(incoming, &entry.name)?;
    copy.settings = entry.settings.clone();
    studio.uploads().save(&copy)?;
    Ok(copy)
}

fn pictures(dataset: &Dataset) -> Result<(&ImageSet, &[PathBuf]), Problem> {
    match &dataset.content {
        Content::Images(set) => match &set.pixels {
            Pixels::Files(paths) => Ok((set, paths)),
            Pixels::Packed { .. } | Pixels::Rasters(_) => {
                Err(Problem::bad("fix-no-folder", &dataset.source))
            }
        },
        Content::Table(_) => Err(Problem::bad("fix-no-folder", &dataset.source)),
    }
}

/// The pictures that stay, in order.
fn kept(set: &ImageSet) -> Vec<usize> {
    let hashes: Vec<Option<u64>> = (0..set.len()).map(|i| set.hash(i).ok()).collect();
    // Of each content: where it is first, and whether all its copies have one class.
    let mut seen: HashMap<u64, (usize, bool)> = HashMap::new();
    for (index, hash) in hashes.iter().enumerate() {
        if let Some(hash) = hash {
            let (first, agreed) = seen.entry(*hash).or_insert((index, true));
            *agreed &= set.labels[*first] == set.labels[index];
        }
    }
    let stays = |index: &usize| match hashes[*index] {
        Some(hash) => seen[&hash] == (*index, true),
        None => true,
    };
    (0..set.len()).filter(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_pictures_stays_and_contradictions_go() {
        let set = ImageSet {
            classes: vec!["a".into(), "b".into()],
            labels: [0, 0, 1, 0, 1].map(Some).into(),
            given: vec![None; 5],
            pixels: Pixels::Packed {
                shape: [1, 1, 1],
                bytes: vec![7, 7, 8, 9, 9],
            },
        };
        assert_eq!(kept(&set), [0, 2]);
    }
}
