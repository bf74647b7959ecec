//! An index: the vectors of many texts in a folder, to be searched by meaning.
//!
//! | file | holds |
//! |---|---|
//! | `index.json` | which model, which table, how many ([`IndexInfo`]), with a checksum of each other file |
//! | `vectors.safetensors` | `vectors` `[distinct, dimension]`, and `vector_of_row` |
//! | `rows.jsonl` | the rows of the table that have a text, with all their columns |
//! | `graph.safetensors` | only with more than 100,000 different texts: links between the vectors |

mod build;
mod files;
mod graph;
mod nearest;

pub use build::{Embedded, GRAPH_FROM, Stage, Told};
pub use files::IndexInfo;
pub use nearest::{Near, Vectors};

use crate::error::TaskError;
use crate::text_embedding::SentenceEncoder;
use files::{Folder, GRAPH, Lines, ROWS, VECTORS};
use graph::Graph;
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::Path;

/// An index that is open, in memory.
pub struct Index {
    folder: Folder,
    info: IndexInfo,
    vectors: Vectors,
    /// Where the rows of each vector start in `rows_of`; one more than vectors.
    starts: Vec<usize>,
    /// Lines by their vector.
    rows_of: Vec<u32>,
    graph: Option<Graph>,
    lines: Lines,
}

/// A row that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Its number in the table, counted from 1.
    pub row: usize,
    /// Cosine with the query: 1 is the same meaning.
    pub score: f32,
    /// What it holds, by column.
    pub values: Map<String, Value>,
}

impl Index {
    /// Opens the index in a folder.
    ///
    /// # Errors
    /// A file is missing, damaged, or does not go with the others.
    pub fn open(path: &Path) -> Result<Self, TaskError> {
        let folder = Folder(path.into());
        let info = folder.info()?;
        let broken = |name: &str, problem: String| folder.broken(format!("{name}: {problem}"));
        let content = folder.read(&info, VECTORS)?;
        let (vectors, of_row) = files::vectors(&content, &info).map_err(|e| broken(VECTORS, e))?;
        drop(content);
        let graph = match info.files.contains_key(GRAPH) {
            true => {
                let graph = files::graph(&folder.read(&info, GRAPH)?, vectors.rows());
                Some(graph.map_err(|e| broken(GRAPH, e))?)
            }
            false => None,
        };
        let lines = Lines::new(folder.read(&info, ROWS)?, info.count);
        let lines = lines.map_err(|e| broken(ROWS, e))?;
        let (starts, rows_of) = by_vector(&of_row, vectors.rows());
        Ok(Self {
            folder,
            info,
            vectors,
            starts,
            rows_of,
            graph,
            lines,
        })
    }

    /// What it holds.
    pub fn info(&self) -> &IndexInfo {
        &self.info
    }

    /// An error unless `encoder` is the model that made the index.
    pub fn check_model(&self, encoder: &SentenceEncoder) -> Result<(), TaskError> {
        match encoder.digest() == self.info.digest {
            true => Ok(()),
            false => Err(TaskError::asked(
                format!(
                    "{} was made with another model ({}), or that model has changed since",
                    self.folder.0.display(),
                    self.info.model
                ),
                "name the model that made it with --model, or make the index anew with \
                 `modelwright embed`",
            )),
        }
    }

    /// The `k` rows that are nearest to a vector of length 1, the nearest first.
    pub fn search(&self, query: &[f32], k: usize) -> Result<Vec<Found>, TaskError> {
        assert_eq!(
            query.len(),
            self.info.dimension,
            "index: length of the query"
        );
        let near = match &self.graph {
            Some(graph) => graph.nearest(&self.vectors, query, k),
            None => self.vectors.nearest(query, k).remove(0),
        };
        let rows = near.iter().flat_map(|near| {
            let rows = self.starts[near.row as usize]..self.starts[near.row as usize + 1];
            self.rows_of[rows].iter().map(|line| (*line, near.score))
        });
        let found = |(line, score): (u32, f32)| {
            let row = self.lines.row(line as usize);
            let row = row.map_err(|e| self.folder.broken(format!("{ROWS}: {e}")))?;
            Ok(Found {
                row: row.row,
                score,
                values: row.values,
            })
        };
        rows.take(k).map(found).collect()
    }
}

/// The lines of each vector: where they start, and all of them.
fn by_vector(of_row: &[u32], vectors: usize) -> (Vec<usize>, Vec<u32>) {
    let mut lines: Vec<u32> = (0..of_row.len() as u32).collect();
    // A stable sort: the rows of one text stay in their order.
    lines.sort_by_key(|line| of_row[*line as usize]);
    let mut starts = vec![0; vectors + 1];
    for vector in of_row {
        starts[*vector as usize + 1] += 1;
    }
    for i in 0..vectors {
        starts[i + 1] += starts[i];
    }
    (starts, lines)
}

#[cfg(test)]
mod tests {
    use super::by_vector;

    #[test]
    fn rows_are_found_by_their_vector() {
        let (starts, lines) = by_vector(&[1, 0, 1, 3], 4);
        assert_eq!(starts, [0, 1, 3, 3, 4]);
        assert_eq!(lines, [1, 0, 2, 3]);
    }
}
