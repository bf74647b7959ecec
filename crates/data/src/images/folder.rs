//! A folder of pictures with one folder a class.

use super::{ImageSet, Pixels};
use crate::error::DataError;
use crate::folder;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "webp", "gif"];

/// Whether the file's ending is one of a picture that can be read.
pub fn is_picture(path: &Path) -> bool {
    folder::has_ending(path, &ENDINGS)
}

/// Pictures in `folder` and below, sorted by path.
pub fn list_pictures(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    folder::list(folder, is_picture)
}

/// Reads `folder/CLASS/picture`, or `folder/{train,val,test}/CLASS/picture` with its own split.
pub fn read(folder: &Path) -> Result<ImageSet, DataError> {
    let found = folder::classed(folder, is_picture)?;
    if found.is_empty() {
        return Err(nothing(folder)?);
    }
    let mut classes: Vec<String> = found.iter().map(|f| f.class.clone()).collect();
    classes.sort();
    classes.dedup();
    let index = |class: &String| classes.binary_search(class).ok().map(|i| i as u32);
    Ok(ImageSet {
        labels: found.iter().map(|f| index(&f.class)).collect(),
        given: found.iter().map(|f| f.part).collect(),
        pixels: Pixels::Files(found.into_iter().map(|f| f.path).collect()),
        classes,
    })
}

/// Why there are no pictures in folders of classes.
fn nothing(folder: &Path) -> Result<DataError, DataError> {
    let problem = match list_pictures(folder)?.len() {
        0 => "no pictures in this folder (png, jpg, bmp, webp, gif), and no texts (txt, md)".into(),
        n => format!("{n} pictures, but no folder for each class"),
    };
    Ok(DataError::new(
        folder.display(),
        problem,
        "put the pictures or texts of each class into a folder of its own: cats/1.jpg, cats/2.jpg, \
         dogs/1.jpg",
    ))
}
