//! The folder of an assistant.
//!
//! | file | holds |
//! |---|---|
//! | `assistant.json` | [`Manifest`]: what it was made of, and how sure it must be |
//! | `passages.jsonl` | the passages, one a line |
//! | `vectors.safetensors` | `passages` `[n, dimension]`, with an embedder |
//! | `settings.toml` | [`Settings`]: to be edited |
//! | `log/` | what was asked and answered |

use crate::calibrate::Threshold;
use crate::error::AssistantError;
use crate::passages::Passage;
use crate::settings::{SETTINGS, Settings};
use burn::tensor::TensorData;
use modelwright_models::weights::{self, StateDict};
use modelwright_runs::{NewFolder, RunError, write_file};
use modelwright_tasks::index::Vectors;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The current version of the layout.
pub const VERSION: u32 = 1;
/// The manifest.
pub const MANIFEST: &str = "assistant.json";
/// The folder of the log.
pub const LOG: &str = "log";
const PASSAGES: &str = "passages.jsonl";
const VECTORS: &str = "vectors.safetensors";
/// Their name in that file.
const TENSOR: &str = "passages";

/// What an assistant was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout.
    pub modelwright_assistant: u32,
    /// Documents that were read.
    pub documents: usize,
    /// Passages that were made of them.
    pub passages: usize,
    /// The language model.
    pub model: Option<String>,
    /// The sentence encoder.
    pub embedder: Option<EmbedderInfo>,
    /// How sure to be, by language; under `""` in any other.
    pub thresholds: BTreeMap<String, Threshold>,
}

/// The encoder that made the vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedderInfo {
    /// Where it was.
    pub source: String,
    /// A hash of its weights.
    pub digest: String,
    /// Numbers of a vector.
    pub dimension: usize,
    /// Languages that it knows.
    pub languages: BTreeSet<String>,
}

/// What a folder holds.
pub struct Content {
    /// What it was made of.
    pub manifest: Manifest,
    /// The passages.
    pub passages: Vec<Passage>,
    /// Their vectors.
    pub vectors: Option<Vectors>,
    /// What a person decides.
    pub settings: Settings,
}

/// An error if there is something at `path` that is no assistant.
pub fn check_place(path: &Path) -> Result<(), AssistantError> {
    let empty = || {
        path.read_dir()
            .is_ok_and(|mut entries| entries.next().is_none())
    };
    if !path.exists() || path.join(MANIFEST).is_file() || empty() {
        return Ok(());
    }
    Err(AssistantError::asked(
        format!("{} is there already and is no assistant", path.display()),
        "choose another name with --output",
    ))
}

/// The folder of the log of an assistant.
pub fn log_folder(folder: &Path) -> PathBuf {
    folder.join(LOG)
}

/// The name under which a model is found again from any folder.
pub fn full_name(name: &str) -> String {
    match Path::new(name).canonicalize() {
        Ok(path) => path.display().to_string(),
        Err(_) => name.into(),
    }
}

/// Writes the folder: complete or not at all. Of one that is there, settings and log are kept.
pub fn write(
    path: &Path,
    manifest: &Manifest,
    passages: &[Passage],
    vectors: Option<&Vectors>,
    settings: &Settings,
) -> Result<(), AssistantError> {
    let folder = NewFolder::create(path)?;
    let place = |name: &str| folder.path().join(name);
    let lines: Vec<String> = passages
        .iter()
        .map(|p| serde_json::to_string(p).unwrap_or_default())
        .collect();
    write_file(&place(PASSAGES), (lines.join("\n") + "\n").as_bytes())?;
    if let Some(vectors) = vectors {
        let shape = [vectors.rows(), vectors.dimension()];
        let data = TensorData::new(vectors.values().to_vec(), shape);
        let bytes = weights::to_bytes(&StateDict::from([(TENSOR.into(), data)]));
        let bytes =
            bytes.map_err(|problem| AssistantError::asked(format!("{VECTORS}: {problem}"), ""))?;
        write_file(&place(VECTORS), &bytes)?;
    }
    let old = path.join(SETTINGS);
    let kept = std::fs::read(&old).unwrap_or_else(|_| settings.to_toml().into_bytes());
    write_file(&place(SETTINGS), &kept)?;
    write_file(
        &place(MANIFEST),
        &serde_json::to_vec_pretty(manifest).unwrap_or_default(),
    )?;
    // An older one goes out of the way at once, and is removed when this is dropped, but not its log.
    let away = NewFolder::create(path)?;
    if path.exists() {
        let old = away.path().join("old");
        std::fs::rename(path, &old).map_err(|e| RunError::io(path, e))?;
        let log = old.join(LOG);
        if log.is_dir() {
            std::fs::rename(&log, place(LOG)).map_err(|e| RunError::io(&log, e))?;
        }
    }
    Ok(folder.finish()?)
}

/// Reads a folder.
pub fn read(path: &Path) -> Result<Content, AssistantError> {
    let broken =
        |name: &str, problem: String| AssistantError::broken(path, format!("{name}: {problem}"));
    let bytes =
        |name: &str| std::fs::read(path.join(name)).map_err(|e| broken(name, e.to_string()));
    let manifest: Manifest =
        serde_json::from_slice(&bytes(MANIFEST)?).map_err(|e| broken(MANIFEST, e.to_string()))?;
    if manifest.modelwright_assistant > VERSION {
        let problem = format!(
            "its layout {} is newer than this program's {VERSION}",
            manifest.modelwright_assistant
        );
        return Err(broken(MANIFEST, problem));
    }
    let mut passages = Vec::new();
    for (i, line) in bytes(PASSAGES)?
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .enumerate()
    {
        let passage: Passage = serde_json::from_slice(line)
            .map_err(|e| broken(PASSAGES, format!("line {}: {e}", i + 1)))?;
        passages.push(passage);
    }
    if passages.len() != manifest.passages || passages.is_empty() {
        let problem = format!(
            "{} passages, expected {}",
            passages.len(),
            manifest.passages
        );
        return Err(broken(PASSAGES, problem));
    }
    let vectors = match &manifest.embedder {
        Some(info) => {
            let shape = [passages.len(), info.dimension];
            Some(vectors(&bytes(VECTORS)?, shape).map_err(|problem| broken(VECTORS, problem))?)
        }
        None => None,
    };
    Ok(Content {
        manifest,
        passages,
        vectors,
        settings: Settings::read(path)?,
    })
}

fn vectors(content: &[u8], shape: [usize; 2]) -> Result<Vectors, String> {
    let mut state = weights::from_bytes(content)?;
    let data = state
        .remove(TENSOR)
        .ok_or_else(|| format!("no `{TENSOR}` in it"))?;
    let found = data.shape().to_vec();
    if found != shape || shape[1] == 0 {
        return Err(format!("`{TENSOR}` is {found:?}, expected {shape:?}"));
    }
    let values = data.try_into_vec::<f32>().map_err(|e| format!("{e:?}"))?;
    Ok(Vectors::new(values, shape[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bm25::tests::passage;
    use crate::reply::Mode;

    fn manifest(passages: usize) -> Manifest {
        Manifest {
            modelwright_assistant: VERSION,
            documents: 1,
            passages,
            model: None,
            embedder: None,
            thresholds: BTreeMap::new(),
        }
    }

    #[test]
    fn settings_and_log_outlive_a_new_build() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        let settings = Settings::new("Shop", Mode::Extract);
        write(&path, &manifest(1), &[passage("a", "b")], None, &settings).unwrap();
        let mut edited = settings.clone();
        edited.passages = 5;
        std::fs::write(path.join(SETTINGS), edited.to_toml()).unwrap();
        std::fs::create_dir(path.join(LOG)).unwrap();
        std::fs::write(path.join(LOG).join("x"), "y").unwrap();
        write(
            &path,
            &manifest(2),
            &[passage("a", "b"), passage("c", "d")],
            None,
            &settings,
        )
        .unwrap();
        let content = read(&path).unwrap();
        assert_eq!((content.passages.len(), content.settings.passages), (2, 5));
        assert!(path.join(LOG).join("x").is_file());
        assert_eq!(place.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn damaged_folders_are_told() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        let settings = Settings::new("Shop", Mode::Extract);
        write(&path, &manifest(1), &[passage("a", "b")], None, &settings).unwrap();
        std::fs::write(path.join(PASSAGES), "{").unwrap();
        assert!(
            read(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("passages.jsonl: line 1")
        );
        std::fs::write(path.join(PASSAGES), "").unwrap();
        assert!(
            read(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("0 passages, expected 1")
        );
        assert!(read(place.path()).is_err());
        std::fs::write(place.path().join("thesis"), "").unwrap();
        assert!(check_place(place.path()).is_err() && check_place(&path).is_ok());
    }

    #[test]
    fn vectors_have_the_right_shape() {
        let bytes = |shape: [usize; 2]| {
            let data = TensorData::new(vec![0.5f32; shape[0] * shape[1]], shape);
            weights::to_bytes(&StateDict::from([(TENSOR.into(), data)])).unwrap()
        };
        assert_eq!(vectors(&bytes([2, 3]), [2, 3]).unwrap().rows(), 2);
        assert!(
            vectors(&bytes([3, 2]), [2, 3])
                .unwrap_err()
                .contains("[3, 2]")
        );
        assert!(vectors(b"x", [2, 3]).is_err());
    }
}
