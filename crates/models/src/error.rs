//! What can go wrong when a model is built or its weights are read.

use std::path::PathBuf;

/// An architecture that cannot be built, or weights that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A setting of the architecture is out of range.
    #[error("model.{key}: {problem}")]
    Config {
        /// The recipe key, without its section.
        key: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// The architecture does not take this kind of input.
    #[error(
        "architecture `{architecture}` takes {takes}, but this task gives it {given}; choose one of: {choices}"
    )]
    WrongInput {
        /// Name of the architecture.
        architecture: &'static str,
        /// The input it takes.
        takes: &'static str,
        /// The input of the task.
        given: &'static str,
        /// Architectures that fit.
        choices: String,
    },
    /// A weight file cannot be opened or is not what its name says.
    #[error("cannot read weights from {path}: {problem}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A weight file is sound but belongs to another network.
    #[error("the weights in {path} do not fit this model: {problem}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Missing, unexpected or wrongly shaped tensors.
        problem: String,
    },
    /// The files of a pretrained model are missing, contradict each other, or are of a kind that is not
    /// known.
    #[error("the pretrained model in {place} cannot be used: {problem}")]
    Pretrained {
        /// The folder.
        place: PathBuf,
        /// What is wrong, and in which file.
        problem: String,
    },
    /// A model hub could not be reached or has no such file.
    #[error(
        "cannot fetch `{id}` from the model hub: {problem}; without a network, download the file \
         elsewhere and pass its path to --weights"
    )]
    Hub {
        /// The hub id as given.
        id: String,
        /// What went wrong.
        problem: String,
    },
    /// The files of a tokenizer are missing, damaged, or contradict each other.
    #[error("the tokenizer in {place} cannot be used: {problem}")]
    Tokenizer {
        /// The file or folder.
        place: String,
        /// What is wrong.
        problem: String,
    },
}
