//! A folder of pictures with one folder a class.

use super::{ImageSet, Pixels};
use crate::dataset::Part;
use crate::error::DataError;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "webp", "gif"];

/// Whether the file's ending is one of a picture that can be read.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    ENDINGS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(ending))
}

/// Pictures in `folder` and below, sorted by path.
pub fn list_pictures(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in entries(&next)? {
            if entry.is_dir() {
                open.push(entry);
            } else if is_picture(&entry) {
                found.push(entry);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The sorted, visible entries of a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = std::fs::read_dir(folder).map_err(|e| DataError::io(folder, &e))?;
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry.map_err(|e| DataError::io(folder, &e))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

/// Reads `folder/CLASS/picture`, or `folder/{train,val,test}/CLASS/picture` with its own split.
pub fn read(folder: &Path) -> Result<ImageSet, DataError> {
    let parts: Vec<_> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| part_name(&path).map(|part| (path, part)))
        .collect();
    let has_train = parts.iter().any(|(_, part)| *part == Part::Train);
    let roots = match has_train && parts.len() >= 2 {
        true => parts
            .into_iter()
            .map(|(path, part)| (path, Some(part)))
            .collect(),
        false => vec![(folder.to_path_buf(), None)],
    };
    let mut found = Vec::new();
    for (root, part) in roots {
        for class in entries(&root)?.into_iter().filter(|path| path.is_dir()) {
            let name = file_name(&class);
            let pictures = list_pictures(&class)?;
            found.extend(pictures.into_iter().map(|path| (name.clone(), path, part)));
        }
    }
    check(folder, &found)?;
    let mut classes: Vec<String> = found.iter().map(|(class, ..)| class.clone()).collect();
    classes.sort();
    classes.dedup();
    let index = |class: &String| classes.binary_search(class).ok().map(|i| i as u32);
    Ok(ImageSet {
        labels: found.iter().map(|(class, ..)| index(class)).collect(),
        given: found.iter().map(|(.., part)| *part).collect(),
        pixels: Pixels::Files(found.iter().map(|(_, path, _)| path.clone()).collect()),
        classes,
    })
}

fn check(folder: &Path, found: &[(String, PathBuf, Option<Part>)]) -> Result<(), DataError> {
    const LAYOUT: &str = "put the pictures of each class into a folder of its own: cats/1.jpg, cats/2.jpg, dogs/1.jpg";
    if !found.is_empty() {
        return Ok(());
    }
    let loose = list_pictures(folder)?.len();
    let problem = match loose {
        0 => "no pictures in this folder (png, jpg, bmp, webp, gif)".to_string(),
        n => format!("{n} pictures, but no folder for each class"),
    };
    Err(DataError::new(folder.display(), problem, LAYOUT))
}

fn part_name(path: &Path) -> Option<Part> {
    match file_name(path).to_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" => Some(Part::Validation),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
