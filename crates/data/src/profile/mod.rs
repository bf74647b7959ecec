//! What is in a data set and what is odd about it.

mod html;
mod images;
mod tables;
mod texts;

pub use html::page;
pub use images::{ImageProfile, OddImage, SharedPictures};
pub use tables::{ColumnProfile, NumberSummary, TableProfile};
pub use texts::{Lengths, TextProfile};

use crate::dataset::{Content, Dataset};
use crate::error::DataError;
use serde::Serialize;

/// A profile of a data set.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// The source, as given.
    pub source: String,
    /// Number of examples.
    pub examples: usize,
    /// Facts that depend on the kind of data.
    pub content: ContentProfile,
    /// Things a person should look at, in plain words.
    pub warnings: Vec<String>,
}

/// The part of a profile that depends on the kind of data.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ContentProfile {
    /// Pictures.
    Images(ImageProfile),
    /// A table.
    Table(TableProfile),
}

/// Examples of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// Its name.
    pub name: String,
    /// Its examples.
    pub examples: usize,
}

impl Profile {
    /// Looks at every example. One that cannot be read is listed as odd.
    ///
    /// # Errors
    /// A target that is no column of the table.
    pub fn new(dataset: &Dataset, target: Option<&str>) -> Result<Self, DataError> {
        let mut warnings = dataset.notes.clone();
        let content = match &dataset.content {
            Content::Images(set) => ContentProfile::Images(images::profile(set, &mut warnings)),
            Content::Table(table) => {
                let target = target.or(dataset.suggested_target.as_deref());
                if let Some(name) = target {
                    table.require(name, &dataset.source)?;
                }
                ContentProfile::Table(tables::profile(table, target, &mut warnings))
            }
        };
        Ok(Self {
            source: dataset.source.clone(),
            examples: dataset.content.len(),
            content,
            warnings,
        })
    }
}

/// Says so if classes are few or very uneven.
fn warn_of_classes(classes: &[ClassCount], warnings: &mut Vec<String>) {
    let present: Vec<_> = classes.iter().filter(|c| c.examples > 0).collect();
    if let [only] = present.as_slice() {
        warnings.push(format!(
            "only one class (`{}`): nothing to tell apart",
            only.name
        ));
    }
    let (most, least) = (
        present.iter().map(|c| c.examples).max().unwrap_or(0),
        present.iter().min_by_key(|c| c.examples),
    );
    if let Some(least) = least.filter(|l| l.examples * 10 < most) {
        warnings.push(format!(
            "uneven classes: `{}` has {} examples, the largest {most}; try --class-weights balanced",
            least.name, least.examples
        ));
    }
}
