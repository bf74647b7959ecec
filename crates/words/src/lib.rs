//! Languages, and texts in them from Fluent files. What pages and reports say lies beside them; this
//! crate knows only how to say it.

mod lang;
mod texts;

pub use lang::Lang;
pub use texts::{Texts, Value, keys};
