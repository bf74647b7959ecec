//! What can go wrong with an assistant.

use modelwright_data::DataError;
use modelwright_generate::GenerateError;
use modelwright_runs::RunError;
use modelwright_tasks::TaskError;
use std::path::Path;

/// Why an assistant is not built, opened or heard; the message says where,
/// [`help`](AssistantError::help) what to do.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    /// A document or a table cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file cannot be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The embedder.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The language model.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// There is nothing of that name.
    #[error("{0}")]
    Missing(String),
    /// What was asked does not go together, or a file is not what it should be.
    #[error("{message}")]
    Asked {
        /// What is wrong, and where.
        message: String,
        /// What to do.
        help: String,
    },
}

impl AssistantError {
    /// Something is wrong that a person can mend.
    pub fn asked(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Asked {
            message: message.into(),
            help: help.into(),
        }
    }

    /// A file of an assistant's folder is missing or damaged.
    pub(crate) fn broken(folder: &Path, problem: impl std::fmt::Display) -> Self {
        Self::asked(
            format!("{} is no complete assistant: {problem}", folder.display()),
            "build it anew with `modelwright assistant build DOCUMENTS -o FOLDER`",
        )
    }

    /// Whether something was asked for that is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Whether whoever asked can do something about it.
    pub fn is_asked(&self) -> bool {
        match self {
            Self::Missing(_) | Self::Asked { .. } => true,
            Self::Generate(error) => error.is_asked(),
            _ => false,
        }
    }

    /// What the person can do, if the message does not say it already.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Data(e) => e.help.clone(),
            Self::Run(e) => return e.help(),
            Self::Task(e) => return e.help(),
            Self::Generate(_) | Self::Missing(_) => return None,
            Self::Asked { help, .. } => help.clone(),
        };
        (!help.is_empty()).then_some(help)
    }
}
