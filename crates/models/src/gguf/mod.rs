//! Reading GGUF, the file format of llama.cpp: metadata, a tokenizer, and weights, most often quantized.
//!
//! Nothing in a file is taken on trust. Every length, count and offset is compared with the size of the
//! file before anything is allocated for it, and no tensor is read before all of them are known to lie
//! inside of the file, apart from each other.

mod header;
mod kinds;
mod reader;
#[cfg(test)]
mod tests;
mod value;

pub use header::{Header, TensorInfo};
pub use value::Value;

use crate::error::ModelError;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file whose header has been read and checked.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    header: Header,
    file: Mutex<File>,
}

impl Gguf {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// It cannot be opened, is not GGUF, is damaged, or holds quantizations that are not known.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let read = || {
            let file = File::open(path).map_err(|e| e.to_string())?;
            let size = file.metadata().map_err(|e| e.to_string())?.len();
            let header = Header::read(BufReader::new(&file), size)?;
            Ok((header, file))
        };
        match read() {
            Ok((header, file)) => Ok(Self {
                path: path.into(),
                header,
                file: Mutex::new(file),
            }),
            Err(problem) => Err(failed(path, problem)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the rows from `first` on, `count` of them, of one tensor; a row is the last dimension.
    pub fn read(&self, tensor: &TensorInfo, first: u64, count: u64) -> Result<Vec<u8>, ModelError> {
        let rows = tensor.rows();
        let inside = first.checked_add(count).is_some_and(|end| end <= rows);
        assert!(inside, "rows {first} + {count} of {rows}");
        let width = tensor.bytes / rows.max(1);
        let start = self.header.data + tensor.offset + first * width;
        let mut bytes = vec![0; (count * width) as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file
            .seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|e| failed(&self.path, e.to_string()))?;
        Ok(bytes)
    }

    /// An error about this file.
    pub(crate) fn unusable(&self, problem: impl Into<String>) -> ModelError {
        failed(&self.path, problem.into())
    }
}

fn failed(path: &Path, problem: String) -> ModelError {
    ModelError::Weights {
        path: path.into(),
        problem,
    }
}
