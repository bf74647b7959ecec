//! The IDX format of MNIST (big-endian header, then bytes), gzipped or not.

use super::{ImageSet, Pixels};
use crate::dataset::Part;
use crate::error::DataError;
use crate::open::read_maybe_gzip;
use std::path::Path;

const HELP: &str = "fetch the file again; it may have been cut short";

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
