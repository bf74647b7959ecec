//! What talks at a place: a file, a folder, a model of the hub.

use super::assistant::AssistantTalker;
use super::engine::LanguageTalker;
use super::talker::Talker;
use crate::error::ServeError;
use modelwright_assistant::Desk;
use modelwright_generate::EngineOptions;
use modelwright_models::DecoderFamily;
use modelwright_runs::CONFIG;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The task of language models that are trained here.
const TASK: &str = "chat";

/// A model that talks, before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatSource {
    /// A language model: a GGUF file, a folder of Hugging Face's, a bundle, or a hub id.
    Language(String),
    /// An assistant's folder.
    Assistant(PathBuf),
}

impl ChatSource {
    /// What talks at `place`, if something does. What is there is looked at, but not loaded.
    pub fn at(place: &str) -> Option<Self> {
        let path = Path::new(place);
        let language = || Some(Self::Language(place.into()));
        if path.is_file() {
            return is_gguf(path).then(language)?;
        }
        if !path.is_dir() {
            return is_hub_id(place).then(language)?;
        }
        if Desk::is(path) {
            return Some(Self::Assistant(path.into()));
        }
        // A run's folder has its bundle inside.
        let inside = path.join("bundle");
        if inside.is_dir() {
            return Self::at(&inside.to_string_lossy());
        }
        (writes(path) || gguf_files(path) == 1).then(language)?
    }

    /// Loads it.
    ///
    /// # Errors
    /// Its files are damaged, of a kind that is not known, or do not fit into memory.
    pub fn load(&self, options: &EngineOptions) -> Result<Arc<dyn Talker>, ServeError> {
        Ok(match self {
            Self::Language(place) => Arc::new(LanguageTalker::load(place, options)?),
            Self::Assistant(folder) => Arc::new(AssistantTalker::load(folder, options)?),
        })
    }
}

fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}

fn gguf_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| is_gguf(&entry.path())).count()
}

/// `owner/name`, which is no path here: not even its first part is.
fn is_hub_id(place: &str) -> bool {
    let plain = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
    };
    match place.split_once('/') {
        Some((owner, name)) => plain(owner) && plain(name) && !Path::new(owner).exists(),
        None => false,
    }
}

/// Whether the folder's `config.json` is of a network that writes: of a bundle for chat, or of a
/// decoder of Hugging Face's.
fn writes(folder: &Path) -> bool {
    let text = std::fs::read(folder.join(CONFIG)).unwrap_or_default();
    let config: Value = serde_json::from_slice(&text).unwrap_or_default();
    if config.get("modelwright_bundle").is_some() {
        return config["task"] == TASK;
    }
    DecoderFamily::deserialize(&config["model_type"]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_talks_is_told_by_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a.gguf", "");
        write("one/b.GGUF", "");
        write("two/a.gguf", "");
        write("two/b.gguf", "");
        write("llama/config.json", "{\"model_type\": \"llama\"}");
        write("bert/config.json", "{\"model_type\": \"bert\"}");
        let bundle = |task: &str| {
            format!(
                "{{\"modelwright_bundle\": 1, \"model_type\": \"llama\", \"task\": \"{task}\"}}"
            )
        };
        write("run/bundle/config.json", &bundle("chat"));
        write("topics/config.json", &bundle("text-classification"));
        for talks in ["a.gguf", "one", "llama", "run/bundle"] {
            let found = ChatSource::at(&place(talks));
            assert_eq!(found, Some(ChatSource::Language(place(talks))), "{talks}");
        }
        let inside = ChatSource::Language(place("run/bundle"));
        assert_eq!(ChatSource::at(&place("run")), Some(inside));
        for silent in ["two", "bert", "topics", "nothing"] {
            assert_eq!(ChatSource::at(&place(silent)), None, "{silent}");
        }
    }

    #[test]
    fn a_path_is_no_hub_id() {
        assert!(is_hub_id("HuggingFaceTB/SmolLM2-135M-Instruct"));
        for path in [
            "smollm2",
            "/models/a",
            "./a",
            "a/b/c",
            "src/missing",
            "a b/c",
            "",
        ] {
            assert!(!is_hub_id(path), "{path}");
        }
    }
}
