//! Language models that write.
//!
//! [`Engine::load`] turns a [`LanguageModel`](modelwright_models::LanguageModel) into a running engine:
//! a thread that computes the next tokens of all conversations together (continuous batching, Yu et al.
//! 2022) over a paged cache of keys and values (Kwon et al. 2023). A [`Request`] is tokens in and a
//! [`Reply`] of events out; [`Engine::chat`] is the same for messages, by the model's own
//! [`ChatTemplate`].
//!
//! This crate reads no file, prints nothing and knows no protocol.

mod cache;
mod chat;
mod constraint;
mod engine;
mod error;
mod memory;
mod message;
mod net;
mod options;
mod reply;
mod request;
mod sampler;
mod scheduler;
mod stops;
mod template;
mod tool_calls;

pub use chat::ChatSettings;
pub use constraint::Constraint;
pub use engine::Engine;
pub use error::GenerateError;
pub use memory::Memory;
pub use message::{FunctionCall, Message, Role, ToolCall};
pub use options::{EngineOptions, Load};
pub use reply::{Alternative, Event, Finish, Reply, TokenLogprob, Usage};
pub use request::{Overflow, Request, Sampling};
pub use template::ChatTemplate;
pub use tool_calls::{Answer, parse_answer};
