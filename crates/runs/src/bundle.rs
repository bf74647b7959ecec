//! The finished model as a folder that other tools read.

use crate::error::RunError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The description of the model.
pub const CONFIG: &str = "config.json";
/// Its weights.
pub const MODEL: &str = "model.safetensors";
/// What happens to an input before the network sees it.
pub const PREPROCESSOR: &str = "preprocessor_config.json";
/// Class names by index.
pub const LABELS: &str = "labels.json";

/// `config.json`: Hugging Face's layout with what is needed to build the network again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BundleConfig {
    /// Version of this layout.
    pub modelwright_bundle: u32,
    /// What the model does.
    pub task: String,
    /// Its architecture.
    pub model_type: String,
    /// The `[model]` section of the recipe.
    pub model: serde_json::Value,
    /// Class names by index; empty for a regression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id2label: BTreeMap<u32, String>,
    /// The run it is from.
    pub run: String,
    /// SHA-256 of the other files, so that a damaged one is found.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// The current layout version.
const VERSION: u32 = 1;
/// No file of a bundle that is read whole may be larger.
const MAX_BYTES: u64 = 16 << 30;

impl BundleConfig {
    /// A description without checksums; [`write_bundle`] fills those in.
    pub fn new(
        task: &str,
        run: &str,
        model_type: &str,
        model: serde_json::Value,
        labels: &[String],
    ) -> Self {
        Self {
            modelwright_bundle: VERSION,
            task: task.into(),
            model_type: model_type.into(),
            model,
            id2label: (0..).zip(labels.iter().cloned()).collect(),
            run: run.into(),
            files: BTreeMap::new(),
        }
    }
}

/// Writes a bundle to `path`, which must not exist: complete or not at all.
pub fn write_bundle(
    path: &Path,
    mut config: BundleConfig,
    files: &[(&str, Vec<u8>)],
) -> Result<(), RunError> {
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| RunError::file(parent, e))?;
    let temporary = tempfile::Builder::new()
        .prefix(".bundle-")
        .tempdir_in(parent)
        .map_err(|e| RunError::file(parent, e))?;
    for (name, content) in files {
        crate::files::write_file(&temporary.path().join(name), content)?;
        config.files.insert(name.to_string(), digest(content));
    }
    let text = serde_json::to_vec_pretty(&config).map_err(|e| RunError::file(path, e))?;
    crate::files::write_file(&temporary.path().join(CONFIG), &text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let readable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(temporary.path(), readable)
            .map_err(|e| RunError::file(path, e))?;
    }
    std::fs::rename(temporary.keep(), path).map_err(|e| RunError::file(path, e))
}

/// A bundle on disk whose files are all there and undamaged.
#[derive(Debug, Clone)]
pub struct Bundle {
    path: PathBuf,
    /// Its description.
    pub config: BundleConfig,
}

impl Bundle {
    /// Opens the bundle at `path`, or the one inside a run folder, and checks every file.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let inner = path.join("bundle");
        let path = if inner.join(CONFIG).exists() {
            inner.as_path()
        } else {
            path
        };
        let broken = |problem: String| RunError::Bundle {
            path: path.into(),
            problem,
        };
        if !path.exists() {
            return Err(broken("no such folder".into()));
        }
        let text = std::fs::read(path.join(CONFIG)).map_err(|_| {
            broken(format!(
                "{CONFIG} is missing; give the `bundle` folder of a finished run"
            ))
        })?;
        let config: BundleConfig = serde_json::from_slice(&text)
            .map_err(|e| broken(format!("{CONFIG} is not from this program ({e})")))?;
        if config.modelwright_bundle > VERSION {
            let version = config.modelwright_bundle;
            return Err(broken(format!(
                "its layout {version} is newer than this program's {VERSION}"
            )));
        }
        let bundle = Self {
            path: path.into(),
            config,
        };
        for (name, expected) in &bundle.config.files {
            if digest(&bundle.read(name)?) != *expected {
                return Err(broken(format!(
                    "{name} is damaged or was changed (its checksum differs)"
                )));
            }
        }
        Ok(bundle)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file of the bundle.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, RunError> {
        let broken = |problem: String| RunError::Bundle {
            path: self.path.clone(),
            problem,
        };
        let plain = Path::new(name).components().count() == 1 && !name.starts_with('.');
        if !plain {
            return Err(broken(format!("`{name}` is no plain file name")));
        }
        let path = self.path.join(name);
        let size = path
            .metadata()
            .map_err(|_| broken(format!("{name} is missing")))?
            .len();
        if size > MAX_BYTES {
            return Err(broken(format!("{name} is larger than 16 GiB")));
        }
        std::fs::read(&path).map_err(|e| RunError::file(&path, e))
    }

    /// A JSON file of the bundle.
    pub fn read_json<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T, RunError> {
        serde_json::from_slice(&self.read(name)?).map_err(|e| RunError::Bundle {
            path: self.path.clone(),
            problem: format!("{name}: {e}"),
        })
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_complete_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let config = BundleConfig::new("t", "r", "mlp", serde_json::json!({}), &["a".into()]);
        write_bundle(&path, config, &[(MODEL, vec![1, 2, 3])]).unwrap();
        assert_eq!(Bundle::open(&path).unwrap().read(MODEL).unwrap(), [1, 2, 3]);
        std::fs::write(path.join(MODEL), [1, 2]).unwrap();
        assert!(
            Bundle::open(&path)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
        std::fs::remove_file(path.join(MODEL)).unwrap();
        assert!(
            Bundle::open(&path)
                .unwrap_err()
                .to_string()
                .contains("model.safetensors is missing")
        );
        assert!(
            Bundle::open(folder.path())
                .unwrap_err()
                .to_string()
                .contains("config.json is missing")
        );
    }

    #[test]
    fn a_checksum_entry_cannot_name_a_file_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = BundleConfig::new("t", "r", "mlp", serde_json::json!({}), &[]);
        config.files.insert("../secret".into(), String::new());
        std::fs::write(
            folder.path().join(CONFIG),
            serde_json::to_vec(&config).unwrap(),
        )
        .unwrap();
        assert!(
            Bundle::open(folder.path())
                .unwrap_err()
                .to_string()
                .contains("no plain file name")
        );
    }
}
