//! Pretrained weights from a path or a model hub.

use crate::error::ModelError;
use hf_hub::api::sync::ApiBuilder;
use std::path::{Path, PathBuf};

/// File names tried in a hub repository, safest first.
const CANDIDATES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// The local file for `source`: itself if it is a path, else a download of the hub id.
///
/// The hub's address comes from `HF_ENDPOINT`, its cache from `HF_HOME`, as in Hugging Face's own
/// tools. Nothing is fetched for a source that looks like a file.
pub fn locate(source: &str) -> Result<PathBuf, ModelError> {
    let path = Path::new(source);
    let names_a_file = path.extension().is_some_and(|e| {
        ["safetensors", "pth", "pt", "bin"]
            .iter()
            .any(|known| e.eq_ignore_ascii_case(known))
    });
    if path.exists() || names_a_file || source.split('/').count() != 2 {
        return Ok(path.into());
    }
    fetch(source)
}

fn fetch(id: &str) -> Result<PathBuf, ModelError> {
    let fail = |problem: String| ModelError::Hub {
        id: id.into(),
        problem,
    };
    let api = ApiBuilder::from_env()
        .with_progress(false)
        .build()
        .map_err(|e| fail(e.to_string()))?;
    let repository = api.model(id.to_string());
    let mut problem = String::new();
    for name in CANDIDATES {
        match repository.get(name) {
            Ok(path) => return Ok(path),
            Err(error) => problem = format!("{name}: {error}"),
        }
    }
    Err(fail(problem))
}
