//! The IDX format of MNIST (big-endian header, then bytes), gzipped or not.

use super::{ImageSet, Pixels};
use crate::dataset::Part;
use crate::error::DataError;
use crate::open::read_maybe_gzip;
use std::path::Path;

const HELP: &str = "fetch the file again; it may have been cut short";
/// Largest height and width. The header has room for 4 billion, which no picture has; nothing else
/// in the format would show that it is damaged.
const MAX_SIDE: usize = 65_535;

/// Reads a file of pictures: `[count, height, width]` bytes. Returns (count, height, width, bytes).
pub fn read_images(path: &Path) -> Result<(usize, usize, usize, Vec<u8>), DataError> {
    let (sizes, bytes) = read(path, 3)?;
    Ok((sizes[0], sizes[1], sizes[2], bytes))
}

/// Reads pictures and their labels; `parts` are (pictures, labels, part).
pub fn read_pair(
    parts: &[(&Path, &Path, Option<Part>)],
    classes: Vec<String>,
) -> Result<ImageSet, DataError> {
    let mut set = ImageSet {
        classes,
        labels: Vec::new(),
        given: Vec::new(),
        pixels: Pixels::Packed {
            shape: [0; 3],
            bytes: Vec::new(),
        },
    };
    let mut size = None;
    let mut pixels = Vec::new();
    for (images, labels, part) in parts {
        let (count, height, width, bytes) = read_images(images)?;
        let (sizes, values) = read(labels, 1)?;
        if sizes[0] != count {
            let problem = format!("{} labels for {count} pictures", sizes[0]);
            return Err(DataError::new(
                labels.display(),
                problem,
                "use the file that belongs to the pictures",
            ));
        }
        if *size.get_or_insert((height, width)) != (height, width) {
            let problem = format!("pictures of {width}x{height} beside others of another size");
            return Err(DataError::new(
                images.display(),
                problem,
                "use files of one set",
            ));
        }
        if let Some(most) = values.iter().max().map(|m| usize::from(*m)) {
            while set.classes.len() <= most {
                set.classes.push(set.classes.len().to_string());
            }
        }
        set.labels
            .extend(values.iter().map(|v| Some(u32::from(*v))));
        set.given.extend(std::iter::repeat_n(*part, count));
        pixels.extend(bytes);
    }
    let (height, width) = size.unwrap_or((0, 0));
    set.pixels = Pixels::Packed {
        shape: [height, width, 1],
        bytes: pixels,
    };
    Ok(set)
}

fn read(path: &Path, dimensions: usize) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let mut bytes = read_maybe_gzip(path)?;
    let fail = |problem: String| Err(DataError::new(path.display(), problem, HELP));
    let header = 4 + 4 * dimensions;
    if bytes.len() < header {
        return fail(format!(
            "{} bytes are too few for an IDX header",
            bytes.len()
        ));
    }
    if bytes[..4] != [0, 0, 8, dimensions as u8] {
        let problem = format!("not an IDX file of bytes with {dimensions} dimension(s)");
        return Err(DataError::new(
            path.display(),
            problem,
            "give a file in MNIST's format",
        ));
    }
    let sizes: Vec<usize> = bytes[4..header]
        .chunks_exact(4)
        .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)
        .collect();
    // Of the dimensions the first is the count; a picture without pixels fits any number of bytes.
    if let Some(side) = sizes[1..].iter().find(|s| !(1..=MAX_SIDE).contains(*s)) {
        return fail(format!(
            "its header promises pictures with a side of {side} pixels, not 1 to {MAX_SIDE}"
        ));
    }
    let expected = sizes.iter().try_fold(1usize, |n, s| n.checked_mul(*s));
    let found = bytes.len() - header;
    if expected != Some(found) {
        let expected = expected.map_or("more bytes than fit in memory".into(), |n| {
            format!("{n} bytes")
        });
        return fail(format!(
            "its header promises {expected} after it, but {found} follow"
        ));
    }
    bytes.drain(..header);
    Ok((sizes, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::path::PathBuf;

    /// An IDX file: magic number, sizes, bytes.
    fn idx(sizes: &[u32], content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        bytes.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
        bytes.extend(content);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    /// Two pictures to train on and one to test with, 2 rows of 3 pixels each.
    fn check_pair(pack: fn(&[u8]) -> Vec<u8>) {
        let folder = Folder::new();
        let pixels: Vec<u8> = (0..18).map(|i| i * 10).collect();
        let files = [
            ("a-images", idx(&[2, 2, 3], &pixels[..12])),
            ("a-labels", idx(&[2], &[1, 0])),
            ("b-images", idx(&[1, 2, 3], &pixels[12..])),
            ("b-labels", idx(&[1], &[2])),
        ]
        .map(|(name, bytes)| folder.write(name, &pack(&bytes)));
        let [a, a_labels, b, b_labels] = files.each_ref().map(PathBuf::as_path);
        let parts = [
            (a, a_labels, Some(Part::Train)),
            (b, b_labels, Some(Part::Test)),
        ];
        let set = read_pair(&parts, vec!["shirt".into()]).unwrap();
        assert_eq!(set.len(), 3);
        // Row by row, as the file has them; the height comes before the width.
        assert_eq!(set.raster(1).unwrap().shape(), [2, 3, 1]);
        for i in 0..3 {
            assert_eq!(set.packed(i), Some(&pixels[6 * i..6 * (i + 1)]));
        }
        assert_eq!(set.labels, [Some(1), Some(0), Some(2)]);
        // A label beyond the known names is called by its number.
        assert_eq!(set.classes, ["shirt", "1", "2"]);
        let given = [Some(Part::Train), Some(Part::Train), Some(Part::Test)];
        assert_eq!(set.given, given);
    }

    #[test]
    fn plain_and_gzipped_files_read_alike() {
        check_pair(<[u8]>::to_vec);
        check_pair(gzip);
    }

    #[test]
    fn files_opened_by_name_have_no_parts_and_a_folder_of_four_has() {
        let folder = Folder::new();
        let pictures = idx(&[2, 1, 2], &[1, 2, 3, 4]);
        for part in ["train", "t10k"] {
            folder.write(&format!("{part}-images-idx3-ubyte.gz"), &gzip(&pictures));
            folder.write(
                &format!("{part}-labels-idx1-ubyte.gz"),
                &gzip(&idx(&[2], &[0, 1])),
            );
        }
        let given = |path: &Path| {
            let source = path.display().to_string();
            let dataset = crate::open(&source, crate::OpenOptions::default()).unwrap();
            match dataset.content {
                crate::Content::Images(set) => set.given,
                crate::Content::Table(_) => panic!("a table"),
            }
        };
        let one = folder.0.path().join("train-images-idx3-ubyte.gz");
        assert_eq!(given(&one), [None, None]);
        let (train, test) = (Some(Part::Train), Some(Part::Test));
        assert_eq!(given(folder.0.path()), [train, train, test, test]);
    }

    #[test]
    fn sizes_no_picture_has_are_refused() {
        let folder = Folder::new();
        let wrong: [&[u32]; 5] = [
            &[2, 0, 0],
            &[2, 0, 4],
            &[2, 4, 0],
            &[1, 70_000, 1],
            &[u32::MAX; 3],
        ];
        for sizes in wrong {
            let path = folder.write("x", &idx(sizes, &[]));
            let error = read_images(&path).unwrap_err().to_string();
            assert!(error.contains("a side of"), "{sizes:?}: {error}");
        }
        // No picture at all is fine: it is said later, of the whole set.
        let path = folder.write("x", &idx(&[0, 28, 28], &[]));
        assert_eq!(read_images(&path).unwrap(), (0, 28, 28, Vec::new()));
        let path = folder.write("x", &idx(&[u32::MAX, 4, 4], &[7; 5]));
        let error = read_images(&path).unwrap_err().to_string();
        assert!(error.contains("promises 68719476720 bytes"), "{error}");
    }
}
