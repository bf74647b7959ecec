//! The binary archives of CIFAR-10 and CIFAR-100.

use super::{ImageSet, Pixels};
use crate::dataset::Part;
use crate::error::DataError;
use crate::open::read_maybe_gzip;
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
/// No batch of the official archives is larger; checked before a tar member is read.
const MAX_MEMBER: u64 = 256 << 20;

/// Which of the two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar {
    /// 10 classes, one label byte.
    Ten,
    /// 100 classes, a coarse and a fine label byte.
    Hundred,
}

impl Cifar {
    fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    fn class_file(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred => "fine_label_names.txt",
        }
    }

    fn part_of(file: &str) -> Option<Part> {
        match file {
            "test_batch.bin" | "test.bin" => Some(Part::Test),
            "train.bin" => Some(Part::Train),
            name if name.starts_with("data_batch_") && name.ends_with(".bin") => Some(Part::Train),
            _ => None,
        }
    }
}

/// Reads the `.tar.gz` archive, or the folder it unpacks to.
pub fn read(which: Cifar, path: &Path) -> Result<ImageSet, DataError> {
    let files = match path.is_dir() {
        true => files_of_folder(which, path)?,
        false => files_of_archive(which, path)?,
    };
    let mut set = ImageSet {
        classes: classes(which, &files),
        labels: Vec::new(),
        given: Vec::new(),
        pixels: Pixels::Packed {
            shape: [SIDE, SIDE, 3],
            bytes: Vec::new(),
        },
    };
    let mut pixels = Vec::new();
    for (name, bytes) in &files {
        if let Some(part) = Cifar::part_of(name) {
            let place = path.join(name);
            append(which, &place, bytes, part, &mut set, &mut pixels)?;
        }
    }
    if set.is_empty() {
        return Err(DataError::new(
            path.display(),
            "no CIFAR batch in it (data_batch_1.bin … or train.bin)",
            "give the folder or archive of the binary version",
        ));
    }
    set.pixels = Pixels::Packed {
        shape: [SIDE, SIDE, 3],
        bytes: pixels,
    };
    Ok(set)
}

/// Records are label byte(s), then a red, a green and a blue plane.
fn append(
    which: Cifar,
    place: &Path,
    bytes: &[u8],
    part: Part,
    set: &mut ImageSet,
    pixels: &mut Vec<u8>,
) -> Result<(), DataError> {
    let labels = which.label_bytes();
    let record = labels + 3 * PLANE;
    if bytes.is_empty() || bytes.len() % record != 0 {
        let problem = format!(
            "{} bytes are no whole number of {record}-byte records",
            bytes.len()
        );
        return Err(DataError::new(
            place.display(),
            problem,
            "fetch the file again; it may have been cut short",
        ));
    }
    for (row, record) in bytes.chunks_exact(record).enumerate() {
        let label = record[labels - 1];
        if usize::from(label) >= set.classes.len() {
            let problem = format!(
                "record {row} has the label {label}, but there are {} classes",
                set.classes.len()
            );
            return Err(DataError::new(
                place.display(),
                problem,
                "use the binary version of the right set",
            ));
        }
        set.labels.push(Some(u32::from(label)));
        set.given.push(Some(part));
        let planes = &record[labels..];
        pixels
            .extend((0..PLANE).flat_map(|i| [planes[i], planes[PLANE + i], planes[2 * PLANE + i]]));
    }
    Ok(())
}

fn classes(which: Cifar, files: &[(String, Vec<u8>)]) -> Vec<String> {
    let named = files.iter().find(|(name, _)| name == which.class_file());
    let names: Vec<String> = named
        .map(|(_, bytes)| {
            String::from_utf8_lossy(bytes)
                .lines()
                .map(str::trim)
                .map(String::from)
                .collect()
        })
        .unwrap_or_default();
    let names: Vec<String> = names.into_iter().filter(|n| !n.is_empty()).collect();
    let count = if which == Cifar::Ten { 10 } else { 100 };
    match names.len() == count {
        true => names,
        false => (0..count).map(|i| i.to_string()).collect(),
    }
}

fn files_of_folder(which: Cifar, folder: &Path) -> Result<Vec<(String, Vec<u8>)>, DataError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| DataError::io(folder, &e))? {
        paths.push(entry.map_err(|e| DataError::io(folder, &e))?.path());
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if Cifar::part_of(&name).is_some() || name == which.class_file() {
            files.push((
                name,
                std::fs::read(&path).map_err(|e| DataError::io(&path, &e))?,
            ));
        }
    }
    Ok(files)
}

/// Members are read into memory by name; nothing is written, so no path of theirs is trusted.
fn files_of_archive(which: Cifar, path: &Path) -> Result<Vec<(String, Vec<u8>)>, DataError> {
    let broken = |e: std::io::Error| {
        DataError::new(
            path.display(),
            format!("not a complete tar archive ({e})"),
            "fetch the file again",
        )
    };
    let bytes = read_maybe_gzip(path)?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut files = Vec::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let member = entry.path().map_err(broken)?.into_owned();
        let name = member
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let wanted = Cifar::part_of(&name).is_some() || name == which.class_file();
        if !wanted || entry.size() > MAX_MEMBER {
            continue;
        }
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).map_err(broken)?;
        files.push((name, content));
    }
    files.sort();
    Ok(files)
}
