//! Weights of a decoder by their names here, whatever the file.

use super::config::DecoderConfig;
use super::folder::Shards;
use super::names::{self, Piece};
use super::stored::Stored;
use crate::error::ModelError;
use crate::gguf::Gguf;

/// Where weights come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A Hugging Face folder.
    Folder(Shards),
    /// A GGUF file.
    Gguf(Gguf),
}

impl Source {
    /// Bytes of all tensors.
    pub fn memory(&self) -> u64 {
        match self {
            Self::Folder(shards) => shards.memory(),
            Self::Gguf(file) => {
                let tensors = file.header().tensors.values();
                tensors.map(|tensor| tensor.bytes).sum()
            }
        }
    }

    /// Where the parameter `name` is, if the file has it, with the name in the file.
    fn place(&self, config: &DecoderConfig, name: &str) -> Option<Piece> {
        match self {
            Self::Folder(_) => {
                let piece = names::in_hugging_face(config, name)?;
                // Bodies that were saved without a head have no prefix.
                let bare = ["model.", "transformer."]
                    .iter()
                    .find_map(|prefix| piece.name.strip_prefix(prefix))
                    .map(String::from);
                let found = [Some(piece.name.clone()), bare];
                let name = found
                    .into_iter()
                    .flatten()
                    .find(|n| self.shape(n).is_some());
                name.map(|name| Piece { name, ..piece })
            }
            Self::Gguf(file) => {
                let mixed = file.header().text("general.architecture") == Some("llama");
                let piece = names::in_gguf(config, mixed, name)?;
                self.shape(&piece.name).is_some().then_some(piece)
            }
        }
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        match self {
            Self::Folder(shards) => shards.shape(name),
            Self::Gguf(file) => file.header().tensors.get(name).map(|t| &t.shape[..]),
        }
    }

    /// Checks that the file has all parameters of `config` in its shapes, and no more blocks.
    pub fn check(&self, config: &DecoderConfig) -> Result<(), ModelError> {
        for (name, shape) in names::all(config) {
            let Some(piece) = self.place(config, &name) else {
                return Err(self.unusable(format!(
                    "the weights have no {}",
                    self.theirs(config, &name)
                )));
            };
            let (wanted, found) = (piece.shape(&shape), self.shape(&piece.name));
            if found != Some(&wanted[..]) {
                return Err(self.unusable(format!(
                    "{} is {:?}, but by its config it must be {wanted:?}",
                    piece.name,
                    found.unwrap_or_default()
                )));
            }
        }
        let names: Box<dyn Iterator<Item = &str>> = match self {
            Self::Folder(shards) => Box::new(shards.names()),
            Self::Gguf(file) => Box::new(file.header().tensors.keys().map(String::as_str)),
        };
        match names.filter_map(names::block_of_file).max() {
            Some(last) if last >= config.layers => Err(self.unusable(format!(
                "the weights have {} blocks, but by its config there are {}",
                last + 1,
                config.layers
            ))),
            _ => Ok(()),
        }
    }

    /// The name that a parameter would have in the file.
    fn theirs(&self, config: &DecoderConfig, name: &str) -> String {
        let piece = match self {
            Self::Folder(_) => names::in_hugging_face(config, name),
            Self::Gguf(_) => names::in_gguf(config, false, name),
        };
        piece.map_or(name.into(), |piece| piece.name)
    }

    /// A parameter; `None` if the file does not have it.
    pub fn read(&self, config: &DecoderConfig, name: &str) -> Result<Option<Stored>, ModelError> {
        let Some(piece) = self.place(config, name) else {
            return Ok(None);
        };
        let stored = match self {
            Self::Folder(shards) => {
                let (format, bytes) = shards.read(&piece.name)?;
                let shape = shards.shape(&piece.name).unwrap_or_default().to_vec();
                Stored {
                    format,
                    shape,
                    bytes,
                }
            }
            Self::Gguf(file) => return read_gguf(file, config, &piece).map(Some),
        };
        let stored = match piece.transposed {
            true => stored.transposed(),
            false => stored,
        };
        Ok(Some(match piece.part {
            Some((first, all)) => stored.rows(first, all / 3),
            None => stored,
        }))
    }

    /// An error about the file or folder.
    pub fn unusable(&self, problem: impl Into<String>) -> ModelError {
        match self {
            Self::Folder(shards) => shards.folder().unusable(problem),
            Self::Gguf(file) => file.unusable(problem),
        }
    }
}

/// The rows of a parameter, and no others, of a tensor of a GGUF file.
fn read_gguf(file: &Gguf, config: &DecoderConfig, piece: &Piece) -> Result<Stored, ModelError> {
    let Some(tensor) = file.header().tensors.get(&piece.name) else {
        return Err(file.unusable(format!("it has no tensor {}", piece.name)));
    };
    let mut shape = tensor.shape.clone();
    let bytes = match piece.part {
        None => file.read(tensor, 0, tensor.rows())?,
        Some((first, all)) => {
            shape[0] = all / 3;
            match tensor.shape.len() {
                // A bias has one row; its numbers stand alone.
                1 => {
                    let bytes = file.read(tensor, 0, 1)?;
                    let size = bytes.len() / all;
                    bytes[first * size..(first + all / 3) * size].to_vec()
                }
                _ => file.read(tensor, first as u64, (all / 3) as u64)?,
            }
        }
    };
    let stored = Stored {
        format: tensor.format,
        shape,
        bytes,
    };
    Ok(match piece.mixed {
        Some(heads) if config.head_dim > 1 => stored.unmixed(heads),
        _ => stored,
    })
}
