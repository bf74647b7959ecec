//! Weights from and to files.

use super::{Shapes, StateDict};
use crate::error::ModelError;
use burn::tensor::{DType, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

/// The state dict as a safetensors buffer, marked as Hugging Face's tools expect of PyTorch weights.
pub fn to_bytes(state: &StateDict) -> Result<Vec<u8>, String> {
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    let views = state
        .iter()
        .map(|(name, data)| {
            let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes());
            view.map(|v| (name, v)).map_err(|e| format!("{name}: {e}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    safetensors::serialize(views, metadata).map_err(|e| e.to_string())
}

/// A state dict from a safetensors buffer, converted to f32.
pub fn from_bytes(bytes: &[u8]) -> Result<StateDict, String> {
    let file = safetensors::SafeTensors::deserialize(bytes)
        .map_err(|e| format!("not a complete safetensors file ({e})"))?;
    let mut state = StateDict::new();
    for (name, view) in file.iter() {
        if let Some(dtype) = dtype_of_safetensors(view.dtype()) {
            state.insert(
                name.into(),
                to_f32(view.data().to_vec(), view.shape(), dtype),
            );
        }
    }
    Ok(state)
}

/// Reads a `.safetensors`, `.pth`, `.pt` or `.bin` file.
pub fn read_file(path: &Path) -> Result<StateDict, ModelError> {
    let fail = |problem: String| ModelError::Weights {
        path: path.into(),
        problem,
    };
    if !path.is_file() {
        return Err(fail("no such file".into()));
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    match extension {
        "safetensors" => {
            let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
            from_bytes(&bytes).map_err(fail)
        }
        "pth" | "pt" | "bin" => read_pytorch(path).map_err(fail),
        other => Err(fail(format!(
            "unknown ending `.{other}`; expected .safetensors, .pth, .pt or .bin"
        ))),
    }
}

/// Names and shapes of the tensors of a file that [`read_file`] reads; none of their values are read.
pub(crate) fn shapes(path: &Path) -> Result<Shapes, ModelError> {
    let fail = |problem: String| ModelError::Weights {
        path: path.into(),
        problem,
    };
    if path.extension().is_some_and(|e| e == "safetensors") {
        return header(path).map_err(fail);
    }
    let reader = pytorch_reader::PytorchReader::new(path).map_err(|e| fail(e.to_string()))?;
    let tensors = reader.tensors().iter();
    Ok(tensors
        .map(|(name, tensor)| (plain(name), tensor.shape().to_vec()))
        .collect())
}

/// Names and shapes in the header of a safetensors file.
fn header(path: &Path) -> Result<Shapes, String> {
    let tensors = safetensors_header(path)?.1.into_iter();
    Ok(tensors.map(|(name, entry)| (name, entry.shape)).collect())
}

/// What the header of a safetensors file says of a tensor.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct HeaderEntry {
    /// The type of its numbers, by safetensors' name.
    pub(crate) dtype: String,
    /// The size of each dimension.
    pub(crate) shape: Vec<usize>,
    /// The first byte and the one behind the last, counted from the end of the header.
    pub(crate) data_offsets: [u64; 2],
}

/// The header of a safetensors file: the length of a JSON object, and the object. Gives the byte at
/// which the values begin, and the tensors by name, all of which end inside of the file.
pub(crate) fn safetensors_header(
    path: &Path,
) -> Result<(u64, BTreeMap<String, HeaderEntry>), String> {
    const LARGEST: u64 = 100 << 20;
    let mut file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let broken = |problem: String| format!("not a complete safetensors file ({problem})");
    let mut length = [0; 8];
    file.read_exact(&mut length)
        .map_err(|e| broken(e.to_string()))?;
    let length = u64::from_le_bytes(length);
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    if length > size.min(LARGEST) {
        return Err(broken(format!("a header of {length} bytes")));
    }
    let mut text = Vec::new();
    file.take(length)
        .read_to_end(&mut text)
        .map_err(|e| e.to_string())?;
    let entries: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|e| broken(e.to_string()))?;
    let data = 8 + length;
    let mut tensors = BTreeMap::new();
    for (name, entry) in entries {
        if name == "__metadata__" {
            continue;
        }
        let entry: HeaderEntry =
            serde_json::from_value(entry).map_err(|e| broken(e.to_string()))?;
        let [start, end] = entry.data_offsets;
        if start > end || end > size.saturating_sub(data) {
            return Err(broken(format!("`{name}` ends behind the end of the file")));
        }
        tensors.insert(name, entry);
    }
    Ok((data, tensors))
}

/// Checkpoints of `DataParallel` carry a prefix.
fn plain(name: &str) -> String {
    name.strip_prefix("module.").unwrap_or(name).into()
}

fn read_pytorch(path: &Path) -> Result<StateDict, String> {
    let reader = pytorch_reader::PytorchReader::new(path).map_err(|e| e.to_string())?;
    let mut state = StateDict::new();
    for (name, tensor) in reader.into_tensors() {
        if name.ends_with("num_batches_tracked") {
            continue;
        }
        let Some(dtype) = dtype_of_pytorch(tensor.dtype()) else {
            continue;
        };
        let shape = tensor.shape().to_vec();
        let bytes = tensor.read().map_err(|e| format!("{name}: {e}"))?;
        state.insert(plain(&name), to_f32(bytes, &shape, dtype));
    }
    match state.is_empty() {
        true => Err("no float tensors in it; save `model.state_dict()`".into()),
        false => Ok(state),
    }
}

fn to_f32(bytes: Vec<u8>, shape: &[usize], dtype: DType) -> TensorData {
    TensorData::from_bytes_vec(bytes, shape.to_vec(), dtype).convert::<f32>()
}

fn dtype_of_safetensors(dtype: Dtype) -> Option<DType> {
    match dtype {
        Dtype::F64 => Some(DType::F64),
        Dtype::F32 => Some(DType::F32),
        Dtype::F16 => Some(DType::F16),
        Dtype::BF16 => Some(DType::BF16),
        _ => None,
    }
}

fn dtype_of_pytorch(dtype: pytorch_reader::DType) -> Option<DType> {
    match dtype {
        pytorch_reader::DType::F64 => Some(DType::F64),
        pytorch_reader::DType::F32 => Some(DType::F32),
        pytorch_reader::DType::F16 => Some(DType::F16),
        pytorch_reader::DType::BF16 => Some(DType::BF16),
        _ => None,
    }
}
