//! The files of a pretrained text model: a Hugging Face folder, or a repository of a hub.

use crate::error::ModelError;
use crate::hub::{self, Repository};
use crate::tokenizer::Tokenizer;
use crate::weights::{self, StateDict};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) const CONFIG: &str = "config.json";
/// What sentence-transformers adds: how a sentence's vector is made, and the longest text.
const POOLING: &str = "1_Pooling/config.json";
const SENTENCES: &str = "sentence_bert_config.json";
/// Names of weights, safest first; an index lists the files that large ones are divided into.
const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// A folder on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// `source` itself, or the folder that the files of the hub id `source` are fetched to.
    pub(crate) fn locate(source: &str) -> Result<Self, ModelError> {
        Self::locate_with(source, &[POOLING, SENTENCES])
    }

    /// The same; `others` are files that are fetched beside config, tokenizer and weights.
    pub(crate) fn locate_with(source: &str, others: &[&str]) -> Result<Self, ModelError> {
        let folder = match hub::is_id(source) {
            true => fetched(source, others)?,
            false => Self(source.into()),
        };
        match (folder.0.is_dir(), folder.0.exists()) {
            (true, _) => Ok(folder),
            (_, true) => Err(folder.unusable("it is a file; pass the folder that it is in")),
            (_, false) => Err(folder.unusable("no such folder")),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn unusable(&self, problem: impl Into<String>) -> ModelError {
        ModelError::Pretrained {
            place: self.0.clone(),
            problem: problem.into(),
        }
    }

    /// The content of `config.json`.
    pub(crate) fn config(&self) -> Result<Vec<u8>, ModelError> {
        std::fs::read(self.0.join(CONFIG)).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => self.unusable(format!(
                "{CONFIG} is missing; a Hugging Face folder holds {CONFIG}, tokenizer.json (or \
                 vocab.txt) and model.safetensors (or pytorch_model.bin)"
            )),
            _ => self.unusable(format!("{CONFIG}: {e}")),
        })
    }

    /// A file that need not be there, as JSON.
    pub(crate) fn json(&self, name: &str) -> Result<Value, ModelError> {
        match std::fs::read(self.0.join(name)) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| self.unusable(format!("{name}: {e}")))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
            Err(e) => Err(self.unusable(format!("{name}: {e}"))),
        }
    }

    /// Whether sentences are the first token (true) or the mean of the tokens (false), where it is
    /// said; and the most tokens of a text.
    pub(crate) fn sentences(&self) -> Result<(Option<bool>, Option<usize>), ModelError> {
        let pooling = self.json(POOLING)?;
        let first = pooling["pooling_mode_cls_token"].as_bool() == Some(true)
            || pooling["pooling_mode"] == "cls";
        let longest = self.json(SENTENCES)?["max_seq_length"].as_u64();
        let longest = longest.and_then(|n| usize::try_from(n).ok());
        Ok((pooling.is_object().then_some(first), longest))
    }

    /// The files of the weights.
    pub(crate) fn weights(&self) -> Result<Vec<PathBuf>, ModelError> {
        let Some(name) = WEIGHTS.iter().find(|name| self.0.join(name).exists()) else {
            return Err(self.unusable(format!(
                "it has no weights: neither {} nor {} is there",
                WEIGHTS[0], WEIGHTS[2]
            )));
        };
        let files = match name.strip_suffix(".index.json") {
            Some(_) => self.parts(name)?,
            None => vec![self.0.join(name)],
        };
        match files.iter().find(|file| !file.is_file()) {
            Some(file) => Err(self.unusable(format!(
                "{} is missing, which {name} says is part of the weights",
                file.strip_prefix(&self.0).unwrap_or(file).display()
            ))),
            None => Ok(files),
        }
    }

    /// The files that an index lists.
    fn parts(&self, index: &str) -> Result<Vec<PathBuf>, ModelError> {
        let content = self.json(index)?;
        let parts: Option<BTreeSet<&str>> = content["weight_map"]
            .as_object()
            .and_then(|map| map.values().map(Value::as_str).collect());
        let plain = |name: &&str| {
            Path::new(name)
                .file_name()
                .is_some_and(|file| file == *name)
        };
        match parts {
            Some(parts) if !parts.is_empty() && parts.iter().all(plain) => {
                Ok(parts.iter().map(|name| self.0.join(name)).collect())
            }
            _ => Err(self.unusable(format!("{index} lists no files of this folder"))),
        }
    }

    /// All tensors of the weights, by the names in the files.
    pub(crate) fn read(&self) -> Result<StateDict, ModelError> {
        let mut state = StateDict::new();
        for file in self.weights()? {
            state.append(&mut weights::read_file(&file)?);
        }
        Ok(state)
    }
}

/// The folder with the files of a hub repository.
///
/// Weights are fetched last: when they are here, all that there is to fetch is here, and nobody asks
/// the hub.
fn fetched(id: &str, others: &[&str]) -> Result<Folder, ModelError> {
    if let Some(config) = hub::cached(id, CONFIG) {
        let folder = folder_of(&config);
        if folder.weights().is_ok() {
            return Ok(folder);
        }
    }
    let repository = Repository::open(id)?;
    let Some(config) = repository.find(CONFIG)? else {
        return Err(ModelError::Hub {
            id: id.into(),
            problem: format!("it has no {CONFIG}"),
        });
    };
    for name in Tokenizer::FILES.iter().chain(others) {
        repository.find(name)?;
    }
    let folder = folder_of(&config);
    for name in WEIGHTS {
        if repository.find(name)?.is_none() {
            continue;
        }
        if name.ends_with(".index.json") {
            for part in folder.parts(name)? {
                let part = part.file_name().and_then(|name| name.to_str());
                repository.find(part.unwrap_or_default())?;
            }
        }
        break;
    }
    Ok(folder)
}

fn folder_of(file: &Path) -> Folder {
    Folder(file.parent().unwrap_or(Path::new(".")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let folder = Folder::locate(place.path().to_str().unwrap()).unwrap();
        (place, folder)
    }

    #[test]
    fn weights_in_several_files_are_found_and_missing_ones_named() {
        let index = r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
        let files = [
            ("model.safetensors.index.json", index),
            ("model-1.safetensors", ""),
        ];
        let (place, folder) = folder(&files);
        let error = folder.weights().unwrap_err().to_string();
        assert!(error.contains("model-2.safetensors is missing"), "{error}");
        std::fs::write(place.path().join("model-2.safetensors"), "").unwrap();
        assert_eq!(folder.weights().unwrap().len(), 2);
    }

    #[test]
    fn an_index_cannot_name_files_elsewhere() {
        for name in [
            "../model.safetensors",
            "/model.safetensors",
            "a/b.safetensors",
            "..",
        ] {
            let index = format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#);
            let (_place, folder) = folder(&[("pytorch_model.bin.index.json", &index)]);
            let error = folder.weights().unwrap_err().to_string();
            assert!(error.contains("lists no files of this folder"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        let (place, folder) = folder(&[]);
        for error in [folder.config().unwrap_err(), folder.weights().unwrap_err()] {
            let error = error.to_string();
            let shown = place.path().display().to_string();
            assert!(error.contains(&shown), "{error}");
            assert!(
                error.contains("config.json is missing") || error.contains("no weights"),
                "{error}"
            );
        }
        let error = Folder::locate("no/such/place").unwrap_err().to_string();
        assert!(error.contains("no such folder"), "{error}");
    }

    #[test]
    fn a_sentence_model_says_how_it_pools() {
        let files = [
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode_cls_token": true}"#,
            ),
            ("sentence_bert_config.json", r#"{"max_seq_length": 200}"#),
        ];
        let (_place, said) = folder(&files);
        assert_eq!(said.sentences().unwrap(), (Some(true), Some(200)));
        let (_place, plain) = folder(&[]);
        assert_eq!(plain.sentences().unwrap(), (None, None));
    }
}
