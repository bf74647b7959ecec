//! Tables: rows with named, typed columns.

mod csv;
mod encode;
mod infer;
mod json;
mod jsonl;
mod parquet;
mod prescribed;

pub use csv::parse as parse_csv;
pub use encode::{ColumnEncoder, TableEncoder};
pub use jsonl::{LIST_SEPARATOR, from_objects, parse as parse_jsonl};
pub use parquet::read as read_parquet;

pub(crate) use csv::{parse_text as parse_csv_text, read as read_csv};
pub(crate) use json::read as read_json;
pub(crate) use jsonl::read as read_jsonl;
pub(crate) use prescribed::SPLIT;

use crate::error::DataError;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The code of a missing label.
pub const MISSING: u32 = u32::MAX;

/// What a column holds, as told by its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// `true` and `false`.
    Boolean,
    /// Days, as days since 1970-01-01; with a time of day, fractions of a day.
    Date,
    /// A limited set of words.
    Category,
    /// Free text.
    Text,
}

impl Kind {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Category => "category",
            Self::Text => "text",
        }
    }

    /// Whether the values are on a scale.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number | Self::Date)
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// From the header.
    pub name: String,
    /// Told by the values.
    pub kind: Kind,
    /// The values.
    pub data: ColumnData,
}

/// The values of a column, one a row.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnData {
    /// A missing number is NaN; no other value is.
    Numbers(Vec<f64>),
    /// Index into `levels`; a missing one is [`MISSING`].
    Labels {
        /// One a row.
        codes: Vec<u32>,
        /// Distinct values, sorted.
        levels: Vec<String>,
    },
}

impl Column {
    /// A column of words; `None` is a missing one.
    pub fn of_words(name: impl Into<String>, words: &[Option<String>]) -> Self {
        infer::column_of_words(name.into(), words)
    }

    /// A column of free text, however few and short the texts are; `None` is a missing one.
    pub fn of_texts(name: impl Into<String>, texts: &[Option<String>]) -> Self {
        let (codes, levels) = infer::encode(texts, false);
        Self {
            name: name.into(),
            kind: Kind::Text,
            data: ColumnData::Labels { codes, levels },
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.data {
            ColumnData::Numbers(values) => values.len(),
            ColumnData::Labels { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of missing values.
    pub fn missing(&self) -> usize {
        (0..self.len()).filter(|row| self.is_missing(*row)).count()
    }

    /// Whether the value of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.data {
            ColumnData::Numbers(values) => values[row].is_nan(),
            ColumnData::Labels { codes, .. } => codes[row] == MISSING,
        }
    }

    /// The value as text; empty where it is missing.
    pub fn text(&self, row: usize) -> String {
        match &self.data {
            ColumnData::Numbers(values) if values[row].is_nan() => String::new(),
            ColumnData::Numbers(values) => values[row].to_string(),
            ColumnData::Labels { codes, levels } => {
                levels.get(codes[row] as usize).cloned().unwrap_or_default()
            }
        }
    }

    /// The value of a column of words; `None` where it is missing, and for numbers.
    pub fn word(&self, row: usize) -> Option<&str> {
        match &self.data {
            ColumnData::Numbers(_) => None,
            ColumnData::Labels { codes, levels } => {
                levels.get(codes[row] as usize).map(String::as_str)
            }
        }
    }

    /// Number of distinct values, missing ones left out.
    pub fn distinct(&self) -> usize {
        match &self.data {
            ColumnData::Labels { levels, .. } => levels.len(),
            ColumnData::Numbers(values) => {
                let mut bits: Vec<u64> = values
                    .iter()
                    .filter(|v| !v.is_nan())
                    .map(|v| v.to_bits())
                    .collect();
                bits.sort_unstable();
                bits.dedup();
                bits.len()
            }
        }
    }

    /// Puts the values of `more`, which are of the same sort, below.
    fn append(&mut self, more: Self) {
        match (&mut self.data, more.data) {
            (ColumnData::Numbers(values), ColumnData::Numbers(more)) => values.extend(more),
            (
                ColumnData::Labels { codes, levels },
                ColumnData::Labels {
                    codes: more,
                    levels: others,
                },
            ) => {
                let (old, own) = (std::mem::take(codes), std::mem::take(levels));
                *levels = own.iter().chain(&others).cloned().collect();
                levels.sort_unstable();
                levels.dedup();
                let recode = |codes: Vec<u32>, own: Vec<String>| -> Vec<u32> {
                    let place = |l: &String| levels.binary_search(l).map_or(MISSING, |i| i as u32);
                    let map: Vec<u32> = own.iter().map(place).collect();
                    let code = |c: u32| map.get(c as usize).copied().unwrap_or(MISSING);
                    codes.into_iter().map(code).collect()
                };
                let (first, second) = (recode(old, own), recode(more, others));
                *codes = first;
                codes.extend(second);
            }
            _ => {}
        }
    }

    /// The column as words, for use as class labels: numbers become their text.
    pub fn to_labels(&self) -> (Vec<u32>, Vec<String>) {
        if let ColumnData::Labels { codes, levels } = &self.data {
            return (codes.clone(), levels.clone());
        }
        let texts: Vec<_> = (0..self.len())
            .map(|r| (!self.is_missing(r)).then(|| self.text(r)))
            .collect();
        infer::encode(&texts, true)
    }
}

/// Parses a table whose form nobody told: JSON lines if it starts with an object, else CSV.
pub fn parse_text(place: &str, bytes: &[u8], encoding: &str) -> Result<Table, DataError> {
    match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => parse_jsonl(place, bytes),
        _ => parse_csv(place, bytes, encoding),
    }
}

/// A table in memory, by column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// All of one length.
    pub columns: Vec<Column>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The column of this name, or an error that lists those there are.
    pub fn require(&self, name: &str, place: &str) -> Result<&Column, DataError> {
        self.column(name).ok_or_else(|| {
            let names: Vec<_> = self.columns.iter().map(|c| c.name.as_str()).collect();
            DataError::new(
                place,
                format!("no column `{name}`"),
                format!("the columns are: {}", names.join(", ")),
            )
        })
    }

    /// A hash of the values of each row.
    pub fn hashes(&self) -> Vec<u64> {
        hashes(self.rows(), self.columns.iter())
    }

    /// A hash of the values of each row, but for those of some columns.
    pub fn hashes_without(&self, names: &[&str]) -> Vec<u64> {
        let is_other = |c: &&Column| !names.contains(&c.name.as_str());
        hashes(self.rows(), self.columns.iter().filter(is_other))
    }

    /// A hash of the values of each row in some columns only.
    pub fn hashes_of(&self, names: &[&str]) -> Vec<u64> {
        let is_it = |c: &&Column| names.contains(&c.name.as_str());
        hashes(self.rows(), self.columns.iter().filter(is_it))
    }

    /// Puts the rows of `other` below. Its columns are the same, in the same order.
    ///
    /// # Errors
    /// They are not, or a column holds words in one table and numbers in the other.
    pub fn append(&mut self, other: Self) -> Result<(), DataError> {
        let names = self.columns.iter().map(|c| &c.name);
        if names.ne(other.columns.iter().map(|c| &c.name)) {
            return Err(DataError::new("tables", "their columns differ", ""));
        }
        let fit = |(a, b): (&Column, &Column)| {
            std::mem::discriminant(&a.data) == std::mem::discriminant(&b.data)
        };
        if let Some((column, _)) = self.columns.iter().zip(&other.columns).find(|p| !fit(*p)) {
            let problem = format!("`{}` holds words and numbers", column.name);
            return Err(DataError::new("tables", problem, ""));
        }
        for (column, more) in self.columns.iter_mut().zip(other.columns) {
            column.append(more);
        }
        Ok(())
    }

    /// The rows in `keep`, in that order.
    pub fn select(&self, keep: &[usize]) -> Self {
        let pick = |column: &Column| Column {
            name: column.name.clone(),
            kind: column.kind,
            data: match &column.data {
                ColumnData::Numbers(v) => ColumnData::Numbers(keep.iter().map(|i| v[*i]).collect()),
                ColumnData::Labels { codes, levels } => ColumnData::Labels {
                    codes: keep.iter().map(|i| codes[*i]).collect(),
                    levels: levels.clone(),
                },
            },
        };
        Self {
            columns: self.columns.iter().map(pick).collect(),
        }
    }
}

fn hashes<'a>(rows: usize, columns: impl Iterator<Item = &'a Column>) -> Vec<u64> {
    let mut hashers = vec![Xxh3::new(); rows];
    for column in columns {
        match &column.data {
            ColumnData::Numbers(values) => {
                for (hasher, value) in hashers.iter_mut().zip(values) {
                    hasher.update(&value.to_bits().to_le_bytes());
                }
            }
            ColumnData::Labels { codes, levels } => {
                for (hasher, code) in hashers.iter_mut().zip(codes) {
                    hasher.update(levels.get(*code as usize).map_or(b"", |l| l.as_bytes()));
                    hasher.update(&[0xff]);
                }
            }
        }
    }
    hashers.iter().map(Xxh3::digest).collect()
}
