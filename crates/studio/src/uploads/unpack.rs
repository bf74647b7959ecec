//! Unpacks a zip archive that may have been made to do harm.

use super::{UploadLimits, names};
use crate::problem::Problem;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use zip::ZipArchive;
use zip::result::ZipError;

/// Below this size a file may be packed as well as it likes: a blank picture is.
const SMALL: u64 = 1 << 20;

/// Unpacks `archive` into `folder`, which must be empty. Nothing is trusted: not the names, which
/// may lead elsewhere, nor the sizes, which may be false.
///
/// # Errors
/// A damaged archive, or one that holds what no data set has.
pub fn unpack(archive: &Path, folder: &Path, limits: UploadLimits) -> Result<(), Problem> {
    let file = BufReader::new(File::open(archive)?);
    let mut zip = ZipArchive::new(file).map_err(damaged)?;
    if zip.len() > limits.files {
        return Err(Problem::bad("upload-too-many", limits.files));
    }
    let mut left = limits.bytes;
    for index in 0..zip.len() {
        let member = zip.by_index(index).map_err(damaged)?;
        let name = name_of(member.name_raw());
        if member.is_dir() {
            continue;
        }
        let Some(place) = names::place(&name)? else {
            continue;
        };
        if member.is_symlink() || !member.is_file() {
            return Err(Problem::bad("upload-link", name));
        }
        if member.encrypted() {
            return Err(Problem::bad("upload-encrypted", name));
        }
        let allowed = SMALL.max(member.compressed_size().saturating_mul(limits.ratio));
        if member.size() > allowed {
            return Err(Problem::bad("upload-bomb", name));
        }
        if member.size() > left {
            return Err(Problem::bad("upload-too-large", limits.bytes >> 20));
        }
        let path = folder.join(place);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let new = File::options().write(true).create_new(true).open(&path);
        let mut out = new.map_err(|_| Problem::bad("upload-twice", &name))?;
        let most = allowed.min(left);
        let written = copy(member, &mut out, most)
            .map_err(|e| Problem::bad("upload-damaged", format!("{name}: {e}")))?;
        if written > most {
            return Err(Problem::bad("upload-bomb", name));
        }
        left -= written;
    }
    Ok(())
}

/// Copies at most one byte more than `most`, by which the caller sees that there is more.
fn copy(from: impl Read, to: &mut File, most: u64) -> std::io::Result<u64> {
    let written = std::io::copy(&mut from.take(most.saturating_add(1)), to)?;
    to.flush()?;
    Ok(written)
}

/// The name of a member. Old programs in China write names in the encoding of their system.
fn name_of(raw: &[u8]) -> String {
    if let Ok(name) = std::str::from_utf8(raw) {
        return name.into();
    }
    encoding_rs::GB18030.decode(raw).0.into_owned()
}

fn damaged(error: ZipError) -> Problem {
    Problem::bad("upload-damaged", error)
}
