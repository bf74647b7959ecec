//! A data set: typed examples with labels.

use crate::error::DataError;
use crate::images::ImageSet;
use crate::table::Table;
use serde::{Deserialize, Serialize};

/// Which use an example is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Weights are fitted to it.
    Train,
    /// Watched while training, to stop early and to keep the best weights.
    Validation,
    /// Touched once, at the end.
    Test,
}

impl Part {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The part of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        [Self::Train, Self::Validation, Self::Test]
            .into_iter()
            .find(|part| part.name() == name)
    }

    /// The part that a word means which people use for it, such as the name of a folder.
    pub fn meant_by(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Examples from one source.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Short name, for run ids and titles.
    pub name: String,
    /// Where it came from, as the person gave it.
    pub source: String,
    /// The examples.
    pub content: Content,
    /// The target column that the source itself suggests.
    pub suggested_target: Option<String>,
    /// Columns of a table whose values were lists of texts; now each list is one text, its parts
    /// separated by [`LIST_SEPARATOR`](crate::table::LIST_SEPARATOR).
    pub lists: Vec<String>,
    /// What was left out, converted or repaired while reading.
    pub notes: Vec<String>,
}

/// The kinds of example. A new kind of data is a new variant and a module beside `images`.
#[derive(Debug, Clone)]
pub enum Content {
    /// Pictures, each with at most one label.
    Images(ImageSet),
    /// Rows with named columns.
    Table(Table),
}

impl Content {
    /// Number of examples.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(set) => set.len(),
            Self::Table(table) => table.rows(),
        }
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples in `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Images(set) => Self::Images(set.select(rows)),
            Self::Table(table) => Self::Table(table.select(rows)),
        }
    }

    /// Puts the examples of `other` behind. Labels and prescribed parts are kept, class names are
    /// those of `self`.
    ///
    /// # Errors
    /// They are of another kind, or their columns differ.
    pub fn append(&mut self, other: Self) -> Result<(), DataError> {
        match (self, other) {
            (Self::Images(set), Self::Images(other)) => set.append(other),
            (Self::Table(table), Self::Table(other)) => table.append(other),
            _ => Err(DataError::new("examples", "pictures and rows", "")),
        }
    }
}
