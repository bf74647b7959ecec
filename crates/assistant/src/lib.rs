//! A customer-service assistant from a language model and a company's own documents.
//!
//! [`build`] reads documents, cuts them into passages and writes a folder; [`Assistant::open`] reads it
//! and [`Assistant::answer`] answers the last message of a conversation: small talk and hand-over by rules,
//! else from the passages that a hybrid search finds, in their words or in those of a [`Writer`], with
//! citations, and not at all where it is not sure enough. [`Desk`] is the assistant with its language model
//! and its [`Log`].
//!
//! Nothing that the documents do not support is passed on: a model's sentences are checked one by one
//! before anybody reads them. What a document or a customer says to the model is data; see [`guard`] for
//! what of that can be decided, and what not.

mod answer;
mod assistant;
mod bm25;
mod build;
mod calibrate;
mod compose;
mod desk;
mod documents;
mod embedder;
mod error;
pub mod export;
mod extract;
mod folder;
mod ground;
pub mod guard;
mod log;
pub mod measure;
mod passages;
pub mod privacy;
mod prompt;
mod reply;
mod rules;
mod search;
mod settings;
mod text;
mod writer;

pub use assistant::{Assistant, Hit};
pub use build::{BuildOptions, BuildReport, Stage, Suspicious, build};
pub use calibrate::Threshold;
pub use desk::{Answering, Desk, Event};
pub use documents::{Kind, Skipped};
pub use error::AssistantError;
pub use folder::{EmbedderInfo, Manifest, log_folder};
pub use log::{Feedback, Log};
pub use passages::Passage;
pub use reply::{Citation, Decision, Mode, Reply, Spent, Timings, Why};
pub use settings::{HandOver, Settings, SmallTalk, Voice};
pub use writer::Writer;
