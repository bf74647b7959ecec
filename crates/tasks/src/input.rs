//! What goes into a model, told by its bundle.

use modelwright_data::TableEncoder;
use modelwright_data::table::ColumnEncoder;
use serde::Serialize;

/// What a model takes. New kinds of data add variants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum InputSchema {
    /// Pictures; those of another size or number of channels are brought to this one.
    Images {
        /// Pixels from top to bottom.
        height: usize,
        /// Pixels from left to right.
        width: usize,
        /// 1 for grey, 3 for red, green and blue.
        channels: usize,
    },
    /// Rows of a table.
    Table {
        /// The columns that are read; others may be there and are not looked at.
        columns: Vec<InputColumn>,
    },
}

/// A column that a model reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputColumn {
    /// Its name.
    pub name: String,
    /// What is in it.
    #[serde(flatten)]
    pub values: InputValues,
}

/// What is in a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum InputValues {
    /// A number; a date counts as days since 1970-01-01.
    Number {
        /// The mean of the training rows.
        typical: f64,
    },
    /// One of a set of words.
    Category {
        /// Those that the model knows by themselves.
        levels: Vec<String>,
    },
    /// A text of any length.
    Text {
        /// About how many characters the model reads; the rest of a longer text it does not see.
        longest: usize,
    },
}

impl InputSchema {
    /// One column of texts, of which about `longest` characters are read.
    pub(crate) fn text(name: &str, longest: usize) -> Self {
        Self::Table {
            columns: vec![InputColumn {
                name: name.into(),
                values: InputValues::Text { longest },
            }],
        }
    }

    /// The only column that has to be given, if it holds text: then a text alone is an example.
    pub fn only_text(&self) -> Option<&InputColumn> {
        match self {
            Self::Table { columns } => match columns.as_slice() {
                [column] if matches!(column.values, InputValues::Text { .. }) => Some(column),
                _ => None,
            },
            Self::Images { .. } => None,
        }
    }

    /// The columns that an encoder reads.
    pub(crate) fn of_table(encoder: &TableEncoder) -> Self {
        let column = |encoder: &ColumnEncoder| InputColumn {
            name: encoder.name().into(),
            values: match encoder {
                ColumnEncoder::Number { mean, .. } => InputValues::Number { typical: *mean },
                ColumnEncoder::Category { levels, .. } => InputValues::Category {
                    levels: levels.clone(),
                },
            },
        };
        Self::Table {
            columns: encoder.columns.iter().map(column).collect(),
        }
    }
}
