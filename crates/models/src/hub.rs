//! Pretrained weights from a path or a model hub.

use crate::error::ModelError;
use hf_hub::Cache;
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use std::path::{Path, PathBuf};

/// File names tried in a hub repository, safest first.
const CANDIDATES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// The local file for `source`: itself if it is a path, else a download of the hub id.
///
/// The hub's address comes from `HF_ENDPOINT`, its cache from `HF_HOME`, as in Hugging Face's own
/// tools. Nothing is fetched for a source that looks like a file.
pub fn locate(source: &str) -> Result<PathBuf, ModelError> {
    if !is_id(source) {
        return Ok(source.into());
    }
    let repository = Repository::open(source)?;
    let mut problem = None;
    for name in CANDIDATES {
        match repository.get(name) {
            Ok(path) => return Ok(path),
            Err(error) => problem = Some(repository.failed(name, &error)),
        }
    }
    match problem {
        Some(problem) => Err(problem),
        None => unreachable!("there are candidates"),
    }
}

/// Whether `source` is no path and looks like `owner/name`.
pub(crate) fn is_id(source: &str) -> bool {
    let path = Path::new(source);
    let names_a_file = path.extension().is_some_and(|e| {
        ["safetensors", "pth", "pt", "bin", "gguf"]
            .iter()
            .any(|known| e.eq_ignore_ascii_case(known))
    });
    !path.exists() && !names_a_file && source.split('/').count() == 2
}

/// A file of the repository `id` that was fetched before.
pub(crate) fn cached(id: &str, name: &str) -> Option<PathBuf> {
    Cache::from_env().model(id.to_string()).get(name)
}

/// A repository of the hub.
pub(crate) struct Repository {
    id: String,
    api: ApiRepo,
}

impl Repository {
    pub(crate) fn open(id: &str) -> Result<Self, ModelError> {
        let api = ApiBuilder::from_env().with_progress(false).build();
        let api = api.map_err(|e| ModelError::Hub {
            id: id.into(),
            problem: e.to_string(),
        })?;
        Ok(Self {
            id: id.into(),
            api: api.model(id.to_string()),
        })
    }

    fn get(&self, name: &str) -> Result<PathBuf, ApiError> {
        self.api.get(name)
    }

    fn failed(&self, name: &str, error: &ApiError) -> ModelError {
        ModelError::Hub {
            id: self.id.clone(),
            problem: format!("{name}: {error}"),
        }
    }

    /// Fetches a file unless it is here; `None` if the hub answers that it has no such file.
    pub(crate) fn find(&self, name: &str) -> Result<Option<PathBuf>, ModelError> {
        match self.get(name) {
            Ok(path) => Ok(Some(path)),
            // The status is inside of a type of the HTTP client, which is not ours to name.
            Err(ApiError::RequestError(e)) if e.to_string().ends_with("status: 404") => Ok(None),
            Err(error) => Err(self.failed(name, &error)),
        }
    }
}
