//! Models that talk: language models and assistants, by name.

mod assistant;
mod engine;
mod models;
mod source;
mod talker;
mod watched;

pub(crate) use models::VERSION;
pub use models::{ChatModel, ChatModels};
pub use source::ChatSource;
pub use talker::{About, Ask, Citation, Feedback, Grounds, Piece, Pieces, Prompt, Talker};
