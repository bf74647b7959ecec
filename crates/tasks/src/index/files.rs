//! The files of an index, written whole and read with every size checked.

use super::graph::{Graph, Layer};
use super::nearest::Vectors;
use crate::error::TaskError;
use burn::tensor::TensorData;
use modelwright_runs::RunError;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The description of an index.
pub(super) const INFO: &str = "index.json";
/// The vectors.
pub(super) const VECTORS: &str = "vectors.safetensors";
/// A line for each row of the table.
pub(super) const ROWS: &str = "rows.jsonl";
/// The links of a graph.
pub(super) const GRAPH: &str = "graph.safetensors";
/// The current version of the layout.
pub(super) const VERSION: u32 = 1;

/// `index.json`: what an index holds and which model made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexInfo {
    /// Version of this layout.
    pub modelwright_index: u32,
    /// The model that made the vectors: a folder, or a hub id.
    pub model: String,
    /// A hash of its weights, tokenizer and settings: vectors of another model cannot be compared.
    pub digest: String,
    /// Where the texts are from.
    pub source: String,
    /// Columns of their table.
    pub columns: Vec<String>,
    /// The one that was embedded.
    pub text: String,
    /// Rows that can be found.
    pub count: usize,
    /// Different texts among them, each of which has one vector.
    pub distinct: usize,
    /// Numbers of a vector.
    pub dimension: usize,
    /// A hash of each of the other files, so that a damaged one is found.
    pub files: BTreeMap<String, String>,
}

/// The folder of an index, for messages and names of files.
pub(super) struct Folder(pub PathBuf);

impl Folder {
    /// The error for an index that is not what it should be.
    pub fn broken(&self, problem: impl std::fmt::Display) -> TaskError {
        TaskError::asked(
            format!("{} is no complete index: {problem}", self.0.display()),
            "make it anew with `modelwright embed MODEL DATA -o INDEX`",
        )
    }

    /// The description.
    pub fn info(&self) -> Result<IndexInfo, TaskError> {
        let text = std::fs::read(self.0.join(INFO));
        let text = text.map_err(|e| self.broken(format!("{INFO}: {}", e.kind())))?;
        let info: IndexInfo =
            serde_json::from_slice(&text).map_err(|e| self.broken(format!("{INFO}: {e}")))?;
        match info.modelwright_index > VERSION {
            true => Err(self.broken(format!(
                "its layout {} is newer than this program's {VERSION}",
                info.modelwright_index
            ))),
            false => Ok(info),
        }
    }

    /// The content of a file that the description names.
    pub fn read(&self, info: &IndexInfo, name: &str) -> Result<Vec<u8>, TaskError> {
        let known = info.files.get(name);
        let known = known.ok_or_else(|| self.broken(format!("{INFO} does not name {name}")))?;
        let content = std::fs::read(self.0.join(name));
        let content = content.map_err(|e| self.broken(format!("{name}: {}", e.kind())))?;
        let mut hash = Xxh3::new();
        hash.update(&content);
        match format!("{:032x}", hash.digest128()) == *known {
            true => Ok(content),
            false => Err(self.broken(format!(
                "{name} is damaged or was changed (its checksum differs)"
            ))),
        }
    }
}

/// The hash of a file for [`IndexInfo::files`].
pub(super) fn checksum(path: &Path) -> Result<String, TaskError> {
    let hash = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let (mut hash, mut block) = (Xxh3::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut block)? {
                0 => return Ok(format!("{:032x}", hash.digest128())),
                n => hash.update(&block[..n]),
            }
        }
    };
    hash().map_err(|e| RunError::io(path, e).into())
}

/// Writes the vectors, and which of them belongs to each row.
pub(super) fn write_vectors(
    path: &Path,
    vectors: Vectors,
    of_row: Vec<u32>,
) -> Result<(), TaskError> {
    let (shape, count) = ([vectors.rows(), vectors.dimension()], of_row.len());
    let values = TensorData::new(vectors.into_values(), shape);
    let of_row = TensorData::new(of_row, [count]);
    write(
        path,
        &[
            ("vectors".into(), Dtype::F32, values),
            ("vector_of_row".into(), Dtype::U32, of_row),
        ],
    )
}

/// Writes the links of a graph.
pub(super) fn write_graph(path: &Path, graph: &Graph) -> Result<(), TaskError> {
    let numbers = |name: String, values: &[u32]| {
        let data = TensorData::new(values.to_vec(), [values.len()]);
        (name, Dtype::U32, data)
    };
    let mut tensors = vec![numbers("entry".into(), &[graph.entry])];
    for (i, layer) in graph.layers.iter().enumerate() {
        tensors.push(numbers(format!("layers.{i}.nodes"), &layer.nodes));
        tensors.push(numbers(format!("layers.{i}.starts"), &layer.starts));
        tensors.push(numbers(format!("layers.{i}.links"), &layer.links));
    }
    write(path, &tensors)
}

fn write(path: &Path, tensors: &[(String, Dtype, TensorData)]) -> Result<(), TaskError> {
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, dtype, data)| {
            let view = TensorView::new(*dtype, data.shape().to_vec(), data.as_bytes());
            view.map(|view| (name, view))
        })
        .collect();
    let failed = |e: String| std::io::Error::other(e);
    let written = views
        .and_then(|views| serialize_to_file(views, None, path))
        .map_err(|e| match e {
            safetensors::SafeTensorError::IoError(e) => e,
            other => failed(other.to_string()),
        })
        .and_then(|()| File::open(path)?.sync_all());
    written.map_err(|e| RunError::io(path, e).into())
}

/// The vectors, and which of them belongs to each row.
///
/// # Errors
/// A sentence, if the content is not that of `info`.
pub(super) fn vectors(content: &[u8], info: &IndexInfo) -> Result<(Vectors, Vec<u32>), String> {
    let file = open(content)?;
    let shape = [info.distinct, info.dimension];
    let values = tensor(
        &file,
        "vectors",
        Dtype::F32,
        Some(&shape),
        f32::from_le_bytes,
    )?;
    let of_row = numbers(&file, "vector_of_row", Some(info.count))?;
    if info.dimension == 0 || info.distinct == 0 {
        return Err("it holds no vector".into());
    }
    if of_row.iter().any(|v| *v as usize >= info.distinct) {
        return Err("a row has no vector".into());
    }
    if values.iter().any(|v| !v.is_finite()) {
        return Err("a vector holds what is no number".into());
    }
    Ok((Vectors::new(values, info.dimension), of_row))
}

/// The graph of `total` vectors.
///
/// # Errors
/// A sentence, if the content is not one.
pub(super) fn graph(content: &[u8], total: usize) -> Result<Graph, String> {
    let file = open(content)?;
    let mut layers = Vec::new();
    while file
        .tensor(&format!("layers.{}.nodes", layers.len()))
        .is_ok()
    {
        let list = |what: &str| numbers(&file, &format!("layers.{}.{what}", layers.len()), None);
        layers.push(Layer {
            nodes: list("nodes")?,
            starts: list("starts")?,
            links: list("links")?,
        });
    }
    let entry = numbers(&file, "entry", Some(1))?[0];
    let graph = Graph { entry, layers };
    match graph.complaint(total) {
        None => Ok(graph),
        Some(problem) => Err(problem),
    }
}

fn open(content: &[u8]) -> Result<SafeTensors<'_>, String> {
    let file = SafeTensors::deserialize(content);
    file.map_err(|e| format!("not a complete safetensors file ({e})"))
}

fn numbers(file: &SafeTensors, name: &str, count: Option<usize>) -> Result<Vec<u32>, String> {
    let shape = count.map(|count| [count]);
    let shape = shape.as_ref().map(|s| s.as_slice());
    tensor(file, name, Dtype::U32, shape, u32::from_le_bytes)
}

fn tensor<T>(
    file: &SafeTensors,
    name: &str,
    dtype: Dtype,
    shape: Option<&[usize]>,
    read: fn([u8; 4]) -> T,
) -> Result<Vec<T>, String> {
    let view = file
        .tensor(name)
        .map_err(|_| format!("no `{name}` in it"))?;
    if view.dtype() != dtype || shape.is_some_and(|s| s != view.shape()) {
        return Err(format!(
            "`{name}` is {:?} {:?}, expected {dtype:?} {:?}",
            view.dtype(),
            view.shape(),
            shape.unwrap_or_default()
        ));
    }
    let (words, _) = view.data().as_chunks::<4>();
    Ok(words.iter().map(|word| read(*word)).collect())
}

/// A row of the table that an index was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    /// Its number in the table, counted from 1.
    pub row: usize,
    /// What it holds, by column.
    pub values: Map<String, Value>,
}

/// The lines of `rows.jsonl`, read when they are asked for.
pub(super) struct Lines {
    content: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Lines {
    /// # Errors
    /// A sentence, if there are not `count` lines.
    pub fn new(content: Vec<u8>, count: usize) -> Result<Self, String> {
        let ends = content.iter().enumerate().filter(|(_, b)| **b == b'\n');
        let ends: Vec<usize> = ends.map(|(i, _)| i).collect();
        match ends.len() == count {
            true => Ok(Self { content, ends }),
            false => Err(format!("{} lines, expected {count}", ends.len())),
        }
    }

    /// One row.
    ///
    /// # Errors
    /// A sentence, if the line does not hold one.
    pub fn row(&self, line: usize) -> Result<Row, String> {
        let start = line
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] + 1);
        let text = &self.content[start..self.ends[line]];
        serde_json::from_slice(text).map_err(|e| format!("line {}: {e}", line + 1))
    }
}
