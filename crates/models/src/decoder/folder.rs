//! Tensors of a folder of safetensors files, read one at a time.

use crate::error::ModelError;
use crate::text::folder::Folder;
use crate::weights::{self, HeaderEntry};
use modelwright_kernels::quant::Format;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// The weights of a folder, of which the headers have been read.
#[derive(Debug)]
pub(super) struct Shards {
    folder: Folder,
    tensors: BTreeMap<String, Place>,
}

/// Where a tensor is.
#[derive(Debug)]
struct Place {
    file: PathBuf,
    start: u64,
    entry: HeaderEntry,
    format: Format,
}

impl Shards {
    /// Reads the headers; the tensors of all files must have different names and sizes that agree with
    /// their shapes.
    pub fn open(folder: Folder) -> Result<Self, ModelError> {
        let mut tensors = BTreeMap::new();
        for file in folder.weights()? {
            let fail = |problem: String| ModelError::Weights {
                path: file.clone(),
                problem,
            };
            if file.extension().is_none_or(|e| e != "safetensors") {
                let problem =
                    "language models are read from .safetensors; save the model in that format";
                return Err(fail(problem.into()));
            }
            let (data, entries) = weights::safetensors_header(&file).map_err(fail)?;
            for (name, entry) in entries {
                // Buffers such as masks are no weights.
                let Some(format) = format(&entry.dtype) else {
                    continue;
                };
                check(&name, &entry, format).map_err(fail)?;
                let place = Place {
                    file: file.clone(),
                    start: data + entry.data_offsets[0],
                    entry,
                    format,
                };
                if tensors.insert(name.clone(), place).is_some() {
                    return Err(fail(format!("`{name}` is in another file as well")));
                }
            }
        }
        Ok(Self { folder, tensors })
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Names in the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.tensors.get(name)?.entry.shape)
    }

    /// Bytes of all tensors.
    pub fn memory(&self) -> u64 {
        let sizes = self.tensors.values().map(|place| {
            let [start, end] = place.entry.data_offsets;
            end - start
        });
        sizes.sum()
    }

    /// The bytes of a tensor.
    pub fn read(&self, name: &str) -> Result<(Format, Vec<u8>), ModelError> {
        let Some(place) = self.tensors.get(name) else {
            return Err(self.folder.unusable(format!("its weights have no {name}")));
        };
        let [start, end] = place.entry.data_offsets;
        let mut bytes = vec![0; (end - start) as usize];
        let read = File::open(&place.file).and_then(|mut file| {
            file.seek(SeekFrom::Start(place.start))?;
            file.read_exact(&mut bytes)
        });
        match read {
            Ok(()) => Ok((place.format, bytes)),
            Err(e) => Err(ModelError::Weights {
                path: place.file.clone(),
                problem: format!("{name}: {e}"),
            }),
        }
    }
}

fn format(dtype: &str) -> Option<Format> {
    match dtype {
        "F32" => Some(Format::F32),
        "F16" => Some(Format::F16),
        "BF16" => Some(Format::Bf16),
        _ => None,
    }
}

/// Whether the bytes of a tensor are as many as its shape needs.
fn check(name: &str, entry: &HeaderEntry, format: Format) -> Result<(), String> {
    let mut sizes = entry.shape.iter().copied();
    let elements = sizes.try_fold(1usize, usize::checked_mul);
    let needed = elements.and_then(|n| format.bytes(n));
    let [start, end] = entry.data_offsets;
    match needed.is_some_and(|needed| needed as u64 == end - start) {
        true => Ok(()),
        false => Err(format!(
            "`{name}` has {} bytes, which do not fit its shape {:?}",
            end - start,
            entry.shape
        )),
    }
}
