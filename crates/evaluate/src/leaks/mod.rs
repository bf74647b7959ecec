//! What makes a model look better than it is: columns that give the answer away, and examples that lie
//! in two parts of the data.

mod columns;
mod copies;
mod similar;

pub use columns::{ColumnFinding, ColumnTrouble, LeakMeasure, LeakTarget, column_findings};
pub use copies::{Copies, NearCopy, copies, near_copies, picture_key};
pub use similar::{SimilarSet, similar_sets};
