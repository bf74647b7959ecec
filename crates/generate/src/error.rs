//! Why a model does not load or does not answer.

use modelwright_models::ModelError;
use std::sync::Arc;

/// Why a model does not load, or a request gets no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GenerateError {
    /// Something about the request is not possible.
    #[error("{problem}; {help}")]
    Asked {
        /// What is wrong.
        problem: String,
        /// What to do.
        help: String,
    },
    /// The prompt does not fit into the context.
    #[error(
        "the prompt has {prompt} tokens, but the context of this model has room for {context}, the \
         answer included; say it in fewer words, leave messages out, or load the model with a longer \
         context"
    )]
    TooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the context.
        context: usize,
    },
    /// Too many requests are waiting.
    #[error("{waiting} requests are waiting for this model already; try again in a moment")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// The chat template cannot be used with these messages.
    #[error("the chat template of the model: {0}")]
    Template(String),
    /// A schema or grammar cannot be used.
    #[error("the {kind} cannot be used: {problem}")]
    Constraint {
        /// `JSON schema` or `grammar`.
        kind: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The model does not fit into memory.
    #[error("{0}")]
    Memory(String),
    /// The files of the model cannot be used.
    #[error(transparent)]
    Model(#[from] Arc<ModelError>),
    /// The engine is stopping.
    #[error("the model is being stopped; try again soon")]
    Stopping,
    /// A bug, or a failure of this machine.
    #[error("the model failed: {0}")]
    Own(String),
}

impl GenerateError {
    /// Something about a request is not possible.
    pub(crate) fn asked(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Asked {
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// Whether whoever asked can do something about it.
    pub fn is_asked(&self) -> bool {
        matches!(
            self,
            Self::Asked { .. } | Self::TooLong { .. } | Self::Template(_) | Self::Constraint { .. }
        )
    }
}

impl From<ModelError> for GenerateError {
    fn from(error: ModelError) -> Self {
        Self::Model(Arc::new(error))
    }
}
