//! Models behind an address: predictions over HTTP, several models and versions at once, batching,
//! tokens, limits and metrics.
//!
//! [`Models`] holds what is loaded and predicts, [`chat::ChatModels`] what talks; [`router`] puts them
//! behind the Open Inference Protocol, OpenAI's API and addresses for people; [`access`], [`security`]
//! and [`server`] guard the way in.

pub mod access;
mod answer;
mod batcher;
pub mod chat;
mod docs;
mod error;
mod example;
mod friendly;
mod input;
mod limits;
mod lineup;
pub mod load;
pub mod metrics;
mod model;
mod oip;
mod openai;
mod openapi;
mod rate;
mod registry;
mod router;
pub mod security;
pub mod server;
mod stamp;
mod summary;
pub mod telemetry;
mod tls;
pub mod tokens;
mod watch;
pub mod widget;

pub use access::Access;
pub use answer::Answer;
pub use batcher::use_threads;
pub use error::ServeError;
pub use input::Input;
pub use limits::Limits;
pub use metrics::Metrics;
pub use registry::Models;
pub use router::{App, no_such_address, router, talking};
pub use summary::{ModelSummary, VersionSummary};

/// A result whose error says what was wrong and what to do.
pub type Result<T> = std::result::Result<T, ServeError>;
