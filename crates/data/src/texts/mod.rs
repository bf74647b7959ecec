//! Texts that are no table yet: folders of text files, books, conversations, Markdown, SQuAD. Each becomes
//! one.

mod chat;
mod folder;
mod markdown;
mod prose;
mod squad;

pub use folder::{is_text, list, read_files};

pub(crate) use chat::conversation;
pub(crate) use folder::read as read_folder;
pub(crate) use markdown::{is_markdown, read as read_markdown};
pub(crate) use prose::{is_prose, read_files as read_prose_files, table as prose_table};
pub(crate) use squad::table as squad_table;

use crate::error::DataError;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Name of the column that holds the text.
pub const TEXT: &str = "text";
/// Name of the column that holds the class of a text.
pub const LABEL: &str = "label";
/// Name of the column that tells the file of a text.
pub const FILE: &str = "file";

/// A larger file is no text that somebody wrote as one example.
const LARGEST: u64 = 16 << 20;

/// The names of files below `root` and their contents in UTF-8.
fn contents(
    root: Option<&Path>,
    paths: &[PathBuf],
    encoding: &str,
    notes: &mut Vec<String>,
) -> Result<(Vec<String>, Vec<String>), DataError> {
    let read = |path: &PathBuf| -> Result<(String, Vec<u8>), DataError> {
        let fail = |e: std::io::Error| DataError::io(path, &e);
        let size = std::fs::metadata(path).map_err(fail)?.len();
        if size > LARGEST {
            return Err(DataError::new(
                path.display(),
                format!("larger than {} MiB", LARGEST >> 20),
                "give one text a file; a table has the ending .csv or .jsonl",
            ));
        }
        let bytes = std::fs::read(path).map_err(fail)?;
        Ok((path.display().to_string(), bytes))
    };
    let files: Vec<(String, Vec<u8>)> = paths.par_iter().map(read).collect::<Result<_, _>>()?;
    let texts = crate::encoding::decode_all(&files, encoding, notes)?;
    let name = |path: &PathBuf| match root.and_then(|root| path.strip_prefix(root).ok()) {
        // The same on every system, because it is part of the data.
        Some(below) => {
            let parts = below.iter().map(|part| part.to_string_lossy());
            parts.collect::<Vec<_>>().join("/")
        }
        None => path.display().to_string(),
    };
    Ok((paths.iter().map(name).collect(), texts))
}
