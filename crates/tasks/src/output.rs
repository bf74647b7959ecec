//! What comes out of a model, told by its bundle.

use serde::Serialize;

/// What a model gives, one a kind of [`crate::Prediction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OutputSchema {
    /// One of its classes, with the probabilities of all.
    Class,
    /// Any number of its labels, with the probabilities of all.
    Labels,
    /// A number.
    Value,
    /// A vector of length 1.
    Vector {
        /// Its numbers.
        width: usize,
    },
    /// A place in the text that it was given.
    Span,
    /// An answer that it knows, with the questions next to the one asked.
    Match,
    /// A text that it writes.
    Text,
}
