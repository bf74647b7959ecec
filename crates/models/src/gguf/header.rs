//! The header: metadata, and where each tensor lies.

use super::kinds;
use super::reader::Reader;
use super::value::Value;
use modelwright_kernels::quant::Format;
use std::collections::BTreeMap;
use std::io::Read;

const MAGIC: [u8; 4] = *b"GGUF";
/// Where files say nothing.
const ALIGNMENT: u64 = 32;
const LARGEST_ALIGNMENT: u64 = 1 << 16;
const MOST_DIMENSIONS: u32 = 4;
/// A key, a kind and a value.
const SMALLEST_ENTRY: u64 = 8 + 4 + 1;
/// A name, dimensions, a type and an offset.
const SMALLEST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;

/// What a file says of itself; all tensors lie inside of it and apart from each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Of the format: 2 or 3.
    pub version: u32,
    /// Values by key.
    pub metadata: BTreeMap<String, Value>,
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorInfo>,
    /// The byte that offsets of tensors count from.
    pub data: u64,
}

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// PyTorch's order of dimensions: the last one lies together.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub format: Format,
    /// From the start of the data.
    pub offset: u64,
    /// Its size.
    pub bytes: u64,
}

impl TensorInfo {
    /// Everything but the last dimension.
    pub fn rows(&self) -> u64 {
        let [outer @ .., _] = &self.shape[..] else {
            return 1;
        };
        outer.iter().map(|n| *n as u64).product()
    }
}

impl Header {
    /// Reads the header of a file of `size` bytes. The error is a sentence.
    pub fn read(source: impl Read, size: u64) -> Result<Self, String> {
        let mut reader = Reader::new(source, size);
        let version = version(&mut reader)?;
        let tensors = reader.count("tensors", SMALLEST_TENSOR)?;
        let entries = reader.count("metadata entries", SMALLEST_ENTRY)?;
        let metadata = metadata(&mut reader, entries)?;
        let alignment = alignment(&metadata)?;
        let tensors = infos(&mut reader, tensors, alignment)?;
        let data = reader.position().next_multiple_of(alignment);
        let header = Self {
            version,
            metadata,
            tensors,
            data,
        };
        header.check_places(size)?;
        Ok(header)
    }

    /// A number of metadata.
    pub fn unsigned(&self, key: &str) -> Option<u64> {
        self.metadata.get(key)?.unsigned()
    }

    /// A real number of metadata.
    pub fn float(&self, key: &str) -> Option<f64> {
        self.metadata.get(key)?.float()
    }

    /// A truth value of metadata.
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.metadata.get(key)?.bool()
    }

    /// A text of metadata.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.metadata.get(key)?.text()
    }

    /// A list of metadata.
    pub fn list(&self, key: &str) -> Option<&[Value]> {
        self.metadata.get(key)?.list()
    }

    /// Every tensor must end inside of the file, and before the next one starts.
    fn check_places(&self, size: u64) -> Result<(), String> {
        let mut places: Vec<(u64, u64, &str)> = Vec::with_capacity(self.tensors.len());
        for (name, tensor) in &self.tensors {
            let start = self.data.checked_add(tensor.offset);
            let end = start.and_then(|start| start.checked_add(tensor.bytes));
            match (start, end) {
                (Some(start), Some(end)) if end <= size => places.push((start, end, name)),
                _ => {
                    return Err(format!(
                        "tensor `{name}` ends behind the end of the file ({size} bytes); the file is cut \
                         off or damaged"
                    ));
                }
            }
        }
        places.sort_unstable();
        for two in places.windows(2) {
            let [(_, end, first), (start, _, second)] = two else {
                continue;
            };
            if start < end {
                return Err(format!("tensors `{first}` and `{second}` overlap"));
            }
        }
        Ok(())
    }
}

fn version<R: Read>(reader: &mut Reader<R>) -> Result<u32, String> {
    if reader.bytes::<4>()? != MAGIC {
        return Err("it does not begin with GGUF; it is no GGUF file".into());
    }
    match reader.u32()? {
        known @ (2 | 3) => Ok(known),
        swapped if (1..=3).contains(&swapped.swap_bytes()) => Err(
            "its numbers are big-endian, which is not supported; convert it for little-endian machines"
                .into(),
        ),
        other => Err(format!(
            "it is of GGUF version {other}; versions 2 and 3 are supported"
        )),
    }
}

fn metadata<R: Read>(
    reader: &mut Reader<R>,
    count: u64,
) -> Result<BTreeMap<String, Value>, String> {
    let mut entries = BTreeMap::new();
    for i in 0..count {
        let key = reader
            .text()
            .map_err(|e| format!("metadata entry {}: {e}", i + 1))?;
        let value = reader.u32().and_then(|kind| Value::read(reader, kind));
        let value = value.map_err(|e| format!("metadata `{key}`: {e}"))?;
        if entries.contains_key(&key) {
            return Err(format!("metadata `{key}` is there twice"));
        }
        entries.insert(key, value);
    }
    Ok(entries)
}

fn alignment(metadata: &BTreeMap<String, Value>) -> Result<u64, String> {
    const KEY: &str = "general.alignment";
    let Some(value) = metadata.get(KEY) else {
        return Ok(ALIGNMENT);
    };
    match value.unsigned() {
        Some(n) if n.is_power_of_two() && n <= LARGEST_ALIGNMENT => Ok(n),
        _ => Err(format!(
            "metadata `{KEY}` must be a power of two up to {LARGEST_ALIGNMENT}, not {value:?}"
        )),
    }
}

fn infos<R: Read>(
    reader: &mut Reader<R>,
    count: u64,
    alignment: u64,
) -> Result<BTreeMap<String, TensorInfo>, String> {
    let mut tensors = BTreeMap::new();
    for i in 0..count {
        let name = reader
            .text()
            .map_err(|e| format!("the name of tensor {}: {e}", i + 1))?;
        let tensor = info(reader).map_err(|e| format!("tensor `{name}` {e}"))?;
        if tensor.offset % alignment != 0 {
            return Err(format!(
                "tensor `{name}` starts at {}, which is no multiple of the alignment {alignment}",
                tensor.offset
            ));
        }
        if tensors.contains_key(&name) {
            return Err(format!("tensor `{name}` is there twice"));
        }
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// What is known of one tensor; the error goes on after its name.
fn info<R: Read>(reader: &mut Reader<R>) -> Result<TensorInfo, String> {
    let inside = |e: String| format!("is damaged: {e}");
    let dimensions = reader.u32().map_err(inside)?;
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(format!(
            "has {dimensions} dimensions; it must be 1 to {MOST_DIMENSIONS}"
        ));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        let size = reader.u64().map_err(inside)?;
        match usize::try_from(size) {
            Ok(size) if size > 0 => shape.push(size),
            _ => return Err(format!("has a dimension of {size}")),
        }
    }
    let format = kinds::format(reader.u32().map_err(inside)?)?;
    let offset = reader.u64().map_err(inside)?;
    let sizes = shape.iter();
    let elements = sizes.copied().try_fold(1usize, |all, n| all.checked_mul(n));
    let bytes = elements
        .filter(|_| shape[0].is_multiple_of(format.block()))
        .and_then(|n| format.bytes(n));
    let Some(bytes) = bytes else {
        return Err(format!(
            "has the shape {shape:?}, which no {} tensor can have",
            format.name()
        ));
    };
    // The file counts dimensions from the one that lies together.
    shape.reverse();
    Ok(TensorInfo {
        shape,
        format,
        offset,
        bytes: bytes as u64,
    })
}
