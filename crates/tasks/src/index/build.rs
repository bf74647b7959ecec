//! From a table of texts to an index.

use super::files::{GRAPH, INFO, IndexInfo, ROWS, Row, VECTORS, VERSION};
use super::files::{checksum, write_graph, write_vectors};
use super::graph::Graph;
use super::nearest::Vectors;
use crate::error::TaskError;
use crate::text;
use crate::text_embedding::SentenceEncoder;
use modelwright_data::table::{Column, ColumnData, Kind};
use modelwright_data::{DataConfig, Table};
use modelwright_runs::{NewFile, NewFolder, RunError, write_file};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Different texts from which on an index has a graph; fewer are compared one by one in a moment.
pub const GRAPH_FROM: usize = 100_000;

/// What takes a while when an index is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Texts go through the network.
    Embedding,
    /// Vectors are linked to a graph.
    Linking,
}

/// Told how far it is: the stage, what is done of it, and all of it.
pub type Told<'a> = &'a (dyn Fn(Stage, usize, usize) + Sync);

/// The texts of a table with their vectors.
pub struct Embedded<'a> {
    table: &'a Table,
    source: &'a str,
    column: &'a Column,
    /// The rows that have a text.
    rows: Vec<usize>,
    /// The vector of each of them.
    of_row: Vec<u32>,
    vectors: Vectors,
    /// Tokenizing and the network, without anything else.
    pub seconds: f64,
}

impl<'a> Embedded<'a> {
    /// Embeds the texts of a column: the one that is named, or the one that must be it. Equal texts go
    /// through the network once, `batch` texts at a time. `source` names the table in messages.
    pub fn new(
        encoder: &SentenceEncoder,
        table: &'a Table,
        source: &'a str,
        column: Option<&str>,
        batch: usize,
        told: Told,
    ) -> Result<Self, TaskError> {
        let config = DataConfig {
            text: column.map(String::from),
            ..DataConfig::default()
        };
        let column = text::text_column(table, source, &config, &[])?;
        let texts = text::texts(column);
        let has_text = |row: &usize| !texts[*row].trim().is_empty();
        let rows: Vec<usize> = (0..texts.len()).filter(has_text).collect();
        if rows.is_empty() {
            return Err(TaskError::asked(
                format!(
                    "{source}: the column `{}` has no text in any row",
                    column.name
                ),
                "choose another with --text",
            ));
        }
        let (of_row, distinct) = distinct(rows.iter().map(|row| &*texts[*row]));
        let started = Instant::now();
        let told = |done, total| told(Stage::Embedding, done, total);
        let vectors = encoder.embed(&distinct, batch, &told);
        Ok(Self {
            table,
            source,
            column,
            rows,
            of_row,
            vectors: Vectors::new(vectors, encoder.dimension()),
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Rows that have a text.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Rows of the table without one, which cannot be found.
    pub fn left_out(&self) -> usize {
        self.table.rows() - self.rows.len()
    }

    /// Different texts.
    pub fn distinct(&self) -> usize {
        self.vectors.rows()
    }

    /// Each row that has a text, counted from 1, with its vector.
    pub fn vectors(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let of_row = self.rows.iter().zip(&self.of_row);
        of_row.map(|(row, vector)| (row + 1, self.vectors.row(*vector as usize)))
    }

    /// Writes the index to `path`: complete or not at all. An index that is there is replaced.
    pub fn write(
        self,
        path: &Path,
        model: &str,
        encoder: &SentenceEncoder,
        told: Told,
    ) -> Result<(), TaskError> {
        check_place(path)?;
        let folder = NewFolder::create(path)?;
        let place = |name: &str| folder.path().join(name);
        self.write_rows(&place(ROWS))?;
        let mut files = vec![ROWS, VECTORS];
        if self.distinct() > GRAPH_FROM {
            let told = |done, total| told(Stage::Linking, done, total);
            write_graph(&place(GRAPH), &Graph::build(&self.vectors, &told))?;
            files.push(GRAPH);
        }
        let columns = self.table.columns.iter().map(|c| c.name.clone());
        let mut info = IndexInfo {
            modelwright_index: VERSION,
            model: full_name(model),
            digest: encoder.digest().into(),
            source: self.source.into(),
            columns: columns.collect(),
            text: self.column.name.clone(),
            count: self.count(),
            distinct: self.distinct(),
            dimension: self.vectors.dimension(),
            files: BTreeMap::new(),
        };
        write_vectors(&place(VECTORS), self.vectors, self.of_row)?;
        for name in files {
            info.files.insert(name.into(), checksum(&place(name))?);
        }
        let text = serde_json::to_vec_pretty(&info).unwrap_or_default();
        write_file(&place(INFO), &text)?;
        // An older one goes out of the way at once, and is removed when this is dropped.
        let away = NewFolder::create(path)?;
        if path.exists() {
            let gone = std::fs::rename(path, away.path().join("old"));
            gone.map_err(|e| RunError::io(path, e))?;
        }
        Ok(folder.finish()?)
    }

    fn write_rows(&self, path: &Path) -> Result<(), TaskError> {
        let mut file = std::io::BufWriter::new(NewFile::create(path)?);
        let write = |file: &mut std::io::BufWriter<NewFile>| -> std::io::Result<()> {
            for row in &self.rows {
                let columns = self.table.columns.iter();
                let line = Row {
                    row: row + 1,
                    values: columns.map(|c| (c.name.clone(), value(c, *row))).collect(),
                };
                serde_json::to_writer(&mut *file, &line)?;
                file.write_all(b"\n")?;
            }
            file.flush()
        };
        write(&mut file).map_err(|e| RunError::io(path, e))?;
        let file = file
            .into_inner()
            .map_err(|e| RunError::io(path, e.into_error()))?;
        Ok(file.finish()?)
    }
}

/// The number of each text among the different ones, and those, in the order in which they come.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> (Vec<u32>, Vec<&'a str>) {
    let mut numbers = HashMap::new();
    let mut different = Vec::new();
    let number = texts.map(|text| {
        *numbers.entry(text).or_insert_with(|| {
            different.push(text);
            different.len() as u32 - 1
        })
    });
    (number.collect(), different)
}

/// A value as JSON has it.
fn value(column: &Column, row: usize) -> Value {
    match &column.data {
        _ if column.is_missing(row) => Value::Null,
        ColumnData::Numbers(values) if column.kind == Kind::Integer => (values[row] as i64).into(),
        ColumnData::Numbers(values) => values[row].into(),
        ColumnData::Labels { .. } => column.text(row).into(),
    }
}

/// An error if there is something at `path` that is no index.
fn check_place(path: &Path) -> Result<(), TaskError> {
    let empty = || {
        path.read_dir()
            .is_ok_and(|mut entries| entries.next().is_none())
    };
    if !path.exists() || path.join(INFO).is_file() || empty() {
        return Ok(());
    }
    Err(TaskError::asked(
        format!("{} is there already and is no index", path.display()),
        "choose another name with --output",
    ))
}

/// The name under which the model is found again from any folder.
fn full_name(model: &str) -> String {
    match Path::new(model).canonicalize() {
        Ok(path) => path.display().to_string(),
        Err(_) => model.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number() {
        let (numbers, different) = distinct(["b", "a", "b", "c", "a"].into_iter());
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!(different, ["b", "a", "c"]);
    }

    #[test]
    fn only_an_index_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        assert!(check_place(&path).is_ok());
        std::fs::create_dir(&path).unwrap();
        assert!(check_place(&path).is_ok());
        std::fs::write(path.join("thesis.txt"), "mine").unwrap();
        assert!(check_place(&path).is_err());
        assert!(check_place(&path.join("thesis.txt")).is_err());
        std::fs::write(path.join(INFO), "{}").unwrap();
        assert!(check_place(&path).is_ok());
    }
}
