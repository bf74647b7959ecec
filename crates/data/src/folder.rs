//! Folders of examples, with one folder a class.

use crate::dataset::Part;
use crate::error::DataError;
use std::path::{Path, PathBuf};

/// A file in the folder of a class.
pub(crate) struct Classed {
    /// Name of the folder.
    pub class: String,
    /// The file.
    pub path: PathBuf,
    /// The part that the folder above prescribes.
    pub part: Option<Part>,
}

/// The wanted files in `folder/CLASS` and below, or in `folder/{train,val,test}/CLASS` with their part.
pub(crate) fn classed(folder: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<Classed>, DataError> {
    let mut found = Vec::new();
    for (root, part) in roots(folder)? {
        for class in entries(&root)?.into_iter().filter(|path| path.is_dir()) {
            let name = file_name(&class);
            found.extend(list(&class, wanted)?.into_iter().map(|path| Classed {
                class: name.clone(),
                path,
                part,
            }));
        }
    }
    Ok(found)
}

/// The folders that hold the folders of the classes, with the part each prescribes.
fn roots(folder: &Path) -> Result<Vec<(PathBuf, Option<Part>)>, DataError> {
    let parts: Vec<(PathBuf, Part)> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Part::meant_by(&file_name(&path)).map(|part| (path, part)))
        .collect();
    let has_train = parts.iter().any(|(_, part)| *part == Part::Train);
    Ok(match has_train && parts.len() >= 2 {
        true => parts
            .into_iter()
            .map(|(path, part)| (path, Some(part)))
            .collect(),
        false => vec![(folder.to_path_buf(), None)],
    })
}

/// The wanted files in `folder` and below, sorted by path.
pub(crate) fn list(folder: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in entries(&next)? {
            if entry.is_dir() {
                open.push(entry);
            } else if wanted(&entry) {
                found.push(entry);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The sorted, visible entries of a folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
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

/// Whether the file's ending is one of these.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    endings
        .iter()
        .any(|known| known.eq_ignore_ascii_case(ending))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
