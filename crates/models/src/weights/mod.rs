//! Weights by name: out of a module, into a module, from and to files.
//!
//! Names and layouts are PyTorch's because the layers are (see [`modelwright_kernels::nn`]). Reading executes
//! nothing: safetensors is data, and a PyTorch file goes through an allow-list pickle reader that
//! refuses every global that is not a tensor, a storage or a plain container.

mod files;

pub(crate) use files::{HeaderEntry, safetensors_header, shapes};
pub use files::{from_bytes, read_file, to_bytes};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

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
