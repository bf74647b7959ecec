//! Any error on the way from data to prediction.

use modelwright_data::DataError;
use modelwright_generate::GenerateError;
use modelwright_models::ModelError;
use modelwright_runs::RunError;
use modelwright_train::TrainError;
use modelwright_train::recipe::RecipeError;

/// What went wrong; the message says where, [`TaskError::help`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// In the data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// In the model or its weights.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// While a model writes.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// While training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// In the recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// In a run or bundle.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What was asked does not go together.
    #[error("{message}")]
    Asked {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

impl TaskError {
    pub(crate) fn asked(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Asked {
            message: message.into(),
            help: help.into(),
        }
    }

    /// What the person can do, if the message does not say it already.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Data(e) | Self::Train(TrainError::Data(e)) => e.help.clone(),
            Self::Recipe(e) => e.help.clone(),
            Self::Asked { help, .. } => help.clone(),
            Self::Run(e) => return e.help(),
            Self::Model(ModelError::Weights { .. }) => {
                "give a .safetensors, .pth, .pt or .bin file, or a hub id such as OWNER/NAME".into()
            }
            Self::Train(TrainError::File { problem, .. } | TrainError::Observer(problem)) => {
                return modelwright_runs::file_help(problem);
            }
            _ => return None,
        };
        (!help.is_empty()).then_some(help)
    }
}
