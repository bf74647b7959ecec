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
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    type Named = (&'static str, Vec<u8>);

    /// Another value for each plane and pixel, and for each `seed`.
    fn value(seed: usize, plane: usize, pixel: usize) -> u8 {
        (seed + 50 * plane + pixel * 7) as u8
    }

    fn record(labels: &[u8], seed: usize) -> Vec<u8> {
        let planes =
            (0..3).flat_map(|plane| (0..PLANE).map(move |pixel| value(seed, plane, pixel)));
        labels.iter().copied().chain(planes).collect()
    }

    /// The picture of `record`: red, green and blue of each pixel side by side, row by row.
    fn picture(seed: usize) -> Vec<u8> {
        (0..PLANE)
            .flat_map(|pixel| (0..3).map(move |plane| value(seed, plane, pixel)))
            .collect()
    }

    fn names(prefix: &str, count: usize) -> String {
        (0..count).map(|i| format!("{prefix}{i}\n")).collect()
    }

    fn ten() -> Vec<Named> {
        vec![
            (
                "data_batch_1.bin",
                [record(&[3], 1), record(&[9], 2)].concat(),
            ),
            ("test_batch.bin", record(&[0], 3)),
            ("batches.meta.txt", (names("kind ", 10) + "\n").into_bytes()),
            ("readme.html", b"not read".to_vec()),
        ]
    }

    fn hundred() -> Vec<Named> {
        vec![
            (
                "train.bin",
                [record(&[5, 99], 1), record(&[4, 0], 2)].concat(),
            ),
            ("test.bin", record(&[19, 42], 3)),
            ("fine_label_names.txt", names("fine ", 100).into_bytes()),
            ("coarse_label_names.txt", names("coarse ", 20).into_bytes()),
        ]
    }

    fn archive(files: &[Named]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder
                .append_data(&mut header, format!("cifar/{name}"), content.as_slice())
                .unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// Reads the files as a folder, as a `.tar` and as a `.tar.gz`, which must give the same.
    fn each_way(which: Cifar, files: &[Named], check: fn(&ImageSet)) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        check(&read(which, folder.path()).unwrap());
        let plain = archive(files);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut packed, &plain).unwrap();
        for bytes in [plain, packed.finish().unwrap()] {
            let path = folder.path().join("archive");
            std::fs::write(&path, bytes).unwrap();
            check(&read(which, &path).unwrap());
        }
    }

    #[test]
    fn cifar_10_has_one_label_a_picture() {
        each_way(Cifar::Ten, &ten(), |set| {
            assert_eq!(set.labels, [Some(3), Some(9), Some(0)]);
            let (train, test) = (Some(Part::Train), Some(Part::Test));
            assert_eq!(set.given, [train, train, test]);
            assert_eq!(set.classes.len(), 10);
            assert_eq!(set.classes[9], "kind 9");
            assert_eq!(set.raster(0).unwrap().shape(), [32, 32, 3]);
            for i in 0..3 {
                assert_eq!(set.packed(i).unwrap(), picture(i + 1));
            }
        });
    }

    #[test]
    fn of_cifar_100_the_fine_labels_are_taken() {
        // Files are read in the order of their names: test before train.
        each_way(Cifar::Hundred, &hundred(), |set| {
            assert_eq!(set.labels, [Some(42), Some(99), Some(0)]);
            let (train, test) = (Some(Part::Train), Some(Part::Test));
            assert_eq!(set.given, [test, train, train]);
            assert_eq!(set.classes.len(), 100);
            assert_eq!(set.classes[42], "fine 42");
            for (i, seed) in [3, 1, 2].into_iter().enumerate() {
                assert_eq!(set.packed(i).unwrap(), picture(seed));
            }
        });
    }

    #[test]
    fn without_their_names_classes_are_called_by_number() {
        let batches: Vec<Named> = ten().into_iter().take(2).collect();
        each_way(Cifar::Ten, &batches, |set| {
            assert_eq!(set.classes[9], "9");
        });
    }

    /// The cut falls between two records, so that the length alone would not tell.
    #[test]
    fn an_archive_that_was_cut_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.tar");
        let header = 512;
        std::fs::write(&path, &archive(&ten())[..header + 1 + 3 * PLANE]).unwrap();
        let error = read(Cifar::Ten, &path).unwrap_err().to_string();
        assert!(error.contains("not a complete tar archive"), "{error}");
    }
}
