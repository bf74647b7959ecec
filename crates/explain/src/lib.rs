//! Why does a model say what it says?
//!
//! There are two sorts of methods. Those that need answers alone ask a [`BlackBox`]: what does it say if
//! a patch of the picture, a word or a value is another? Those that look inside take gradients, which
//! [`modelwright_tasks::Inside`] gives. Every result says what its method assumes ([`Method::assumes`]),
//! because a picture of an explanation convinces whether or not it is true.
//!
//! New kinds of data (a time series, a sound) bring a way to put pieces of an example away, or slopes,
//! and the methods here do the rest.

mod explanation;
mod method;
mod nearest;
mod path;
pub mod picture;
mod said;
mod subject;
pub mod table;
pub mod text;

pub use explanation::{ColumnShare, Explanation, Shares, TextShare};
pub use method::Method;
pub use nearest::{Near, Neighbours, nearest};
pub use path::{PathShares, integrated_gradients};
pub use said::{Compared, Loss, Setting, Unit};
pub use subject::{BlackBox, Subject};

use modelwright_tasks::TaskError;

/// A result whose error says what was wrong, where, and what to do.
pub type Result<T> = std::result::Result<T, TaskError>;

/// The error for what does not go together.
fn asked(message: impl Into<String>, help: impl Into<String>) -> TaskError {
    TaskError::Asked {
        message: message.into(),
        help: help.into(),
    }
}
