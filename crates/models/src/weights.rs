//! Weights by name: out of a module, into a module, from and to files.
//!
//! Names and layouts are PyTorch's because the layers are (see [`modelwright_kernels::nn`]). Reading executes
//! nothing: safetensors is data, and a PyTorch file goes through an allow-list pickle reader that
//! refuses every global that is not a tensor, a storage or a plain container.

use crate::error::ModelError;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

/// Tensors by their dotted PyTorch name.
pub type StateDict = BTreeMap<String, TensorData>;

/// Shapes of tensors by their name.
pub(crate) type Shapes = BTreeMap<String, Vec<usize>>;

/// The state dict of `module`: parameters and running statistics, as f32.
pub fn collect<M: Module>(module: &M) -> StateDict {
    // `valid` folds pending running statistics into the values that are visited.
    let mut collector = Collector::default();
    module.valid().visit(&mut collector);
    collector.tensors
}

/// Number of trainable parameters; running statistics are state, not parameters.
pub fn count<M: Module>(module: &M) -> usize {
    let mut counter = Counter::default();
    module.visit(&mut counter);
    counter.total
}

/// `module` with the values of `state`; names and shapes must agree exactly.
///
/// # Errors
/// A sentence that names the missing, unexpected or wrongly shaped tensors.
pub fn apply<M: Module>(module: M, state: StateDict) -> Result<M, String> {
    let (module, loader) = load(module, state);
    match loader.complaint() {
        Some(problem) => Err(problem),
        None => Ok(module),
    }
}

/// `module` with the values of `state` except the head, which keeps its fresh weights where its
/// shape differs. Returns whether the head was kept.
///
/// # Errors
/// As [`apply`], for every tensor outside the head.
pub fn apply_pretrained<M: Module>(
    module: M,
    state: StateDict,
    head: &str,
) -> Result<(M, bool), String> {
    let in_head = |name: &str| {
        name.strip_prefix(head)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let (module, kept) = apply_except(module, state, in_head)?;
    Ok((module, !kept.is_empty()))
}

/// `module` with the values of `state`, of which those that are `optional` may be missing, of another
/// shape, or unknown to the module. Returns the parameters that kept their values.
///
/// # Errors
/// As [`apply`], for every tensor that is not optional.
pub(crate) fn apply_except<M: Module>(
    module: M,
    state: StateDict,
    optional: impl Fn(&str) -> bool,
) -> Result<(M, Vec<String>), String> {
    let (module, mut loader) = load(module, state);
    let mut kept = Vec::new();
    let mut needed = |name: &String| {
        let optional = optional(name);
        if optional {
            kept.push(name.clone());
        }
        !optional
    };
    loader.missing.retain(&mut needed);
    loader.misshaped.retain(|(name, _)| needed(name));
    loader.state.retain(|name, _| !optional(name));
    match loader.complaint() {
        Some(problem) => Err(problem),
        None => Ok((module, kept)),
    }
}

/// Gives every parameter an id made from its name, so that optimizer state survives the process.
pub fn assign_ids<M: Module>(module: M) -> M {
    module.map(&mut IdAssigner::default())
}

/// The id of every parameter by its name.
pub fn ids<M: Module>(module: &M) -> BTreeMap<String, u64> {
    let mut reader = IdReader::default();
    module.visit(&mut reader);
    reader.ids
}

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

/// The header of a safetensors file: the length of a JSON object, and the object.
fn header(path: &Path) -> Result<Shapes, String> {
    const LARGEST: u64 = 100 << 20;
    #[derive(serde::Deserialize)]
    struct Tensor {
        shape: Vec<usize>,
    }
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
    let tensors = entries
        .into_iter()
        .filter(|(name, _)| name != "__metadata__");
    tensors
        .map(|(name, entry)| {
            let tensor: Tensor =
                serde_json::from_value(entry).map_err(|e| broken(e.to_string()))?;
            Ok((name, tensor.shape))
        })
        .collect()
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

/// The dotted path of the parameter being visited; the variant of an enum is not part of it.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn enter(&mut self, name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.0.push(name.to_string());
        }
    }

    fn exit(&mut self, container: &str) {
        if !container.starts_with("Enum:") {
            self.0.pop();
        }
    }

    fn path(&self) -> String {
        self.0.join(".")
    }
}

#[derive(Default)]
struct Collector {
    names: Names,
    tensors: StateDict,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.names.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data().convert::<f32>();
        self.tensors.insert(self.names.path(), data);
    }
}

#[derive(Default)]
struct Counter {
    names: Names,
    total: usize,
}

impl ModuleVisitor for Counter {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.names.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let last = self.names.0.last().map(String::as_str);
        if !matches!(last, Some("running_mean" | "running_var")) {
            self.total += param.lazy_shape().num_elements();
        }
    }
}

fn load<M: Module>(module: M, state: StateDict) -> (M, Loader) {
    let mut loader = Loader {
        names: Names::default(),
        state,
        missing: Vec::new(),
        misshaped: Vec::new(),
    };
    let module = module.map(&mut loader);
    (module, loader)
}

struct Loader {
    names: Names,
    state: StateDict,
    missing: Vec<String>,
    /// Names, and the shapes that were found and expected.
    misshaped: Vec<(String, [Vec<usize>; 2])>,
}

impl Loader {
    fn complaint(&self) -> Option<String> {
        let unexpected: Vec<_> = self.state.keys().cloned().collect();
        let misshaped = self.misshaped.iter();
        let misshaped: Vec<_> = misshaped
            .map(|(name, [found, expected])| format!("{name} ({found:?}, expected {expected:?})"))
            .collect();
        let mut parts = Vec::new();
        for (what, names) in [
            ("missing", &self.missing),
            ("of another shape", &misshaped),
            ("unexpected", &unexpected),
        ] {
            if let Some(first) = names.first() {
                let more = match names.len() {
                    1 => String::new(),
                    n => format!(" and {} more", n - 1),
                };
                parts.push(format!("{what}: {first}{more}"));
            }
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.names.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.names.path();
        let Some(data) = self.state.remove(&name) else {
            self.missing.push(name);
            return param;
        };
        let (expected, found) = (param.lazy_shape().to_vec(), data.shape().to_vec());
        if expected != found {
            self.misshaped.push((name, [found, expected]));
            return param;
        }
        let device = param.lazy_device();
        let trains = param.val().is_require_grad();
        param.map(|_| Tensor::from_data(data, &device).set_require_grad(trains))
    }
}

#[derive(Default)]
struct IdReader {
    names: Names,
    ids: BTreeMap<String, u64>,
}

impl ModuleVisitor for IdReader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.names.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.ids.insert(self.names.path(), param.id.val());
    }
}

#[derive(Default)]
struct IdAssigner {
    names: Names,
}

impl ModuleMapper for IdAssigner {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.names.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = ParamId::from(fnv1a(self.names.path().as_bytes()));
        let (_, value, mapper) = param.consume();
        Param::from_mapped_value(id, value, mapper)
    }
}

/// FNV-1a, 64 bit.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
