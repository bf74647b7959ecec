//! The finished model as a folder that other tools read.

use crate::card::{DATA_SHEET, MODEL_CARD};
use crate::error::RunError;
use crate::files::{NewFolder, write_file};
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
    /// Name of the network as Hugging Face's tools have it, such as `MlpForImageClassification`.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// The `[model]` section of the recipe.
    pub model: serde_json::Value,
    /// Class names by index; empty for a regression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id2label: BTreeMap<u32, String>,
    /// Index by class name; empty for a regression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label2id: BTreeMap<String, u32>,
    /// Outputs of the network: classes, or 1 for a regression.
    #[serde(default)]
    pub num_labels: usize,
    /// The run it is from.
    pub run: String,
    /// SHA-256 of the other files, so that a damaged one is found.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What Hugging Face's tools need to build the network; nothing here reads it.
    #[serde(flatten)]
    pub others: serde_json::Map<String, serde_json::Value>,
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
            architectures: vec![format!("{}For{}", camel(model_type), camel(task))],
            model,
            id2label: (0..).zip(labels.iter().cloned()).collect(),
            label2id: labels.iter().cloned().zip(0..).collect(),
            num_labels: labels.len().max(1),
            run: run.into(),
            files: BTreeMap::new(),
            others: serde_json::Map::new(),
        }
    }

    /// With the description that Hugging Face's own class of this network reads. Its `model_type`,
    /// `architectures` and `num_labels` replace ours; of other entries that both have, ours stay.
    pub fn with_hugging_face(
        mut self,
        entries: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        let ours = serde_json::to_value(&self).unwrap_or_default();
        for (key, value) in entries {
            match (key.as_str(), &value) {
                ("model_type", serde_json::Value::String(name)) => self.model_type = name.clone(),
                ("architectures", serde_json::Value::Array(names)) => {
                    let names = names.iter().filter_map(serde_json::Value::as_str);
                    self.architectures = names.map(String::from).collect();
                }
                ("num_labels", serde_json::Value::Number(count)) => {
                    self.num_labels = count.as_u64().map_or(self.num_labels, |n| n as usize);
                }
                ("id2label" | "label2id", _) => {}
                _ if ours.get(&key).is_some() => {}
                _ => {
                    self.others.insert(key, value);
                }
            }
        }
        self
    }
}

/// Writes a bundle to `path`, which must not exist: complete or not at all.
pub fn write_bundle(
    path: &Path,
    mut config: BundleConfig,
    files: &[(&str, Vec<u8>)],
) -> Result<(), RunError> {
    let folder = NewFolder::create(path)?;
    for (name, content) in files {
        write_file(&folder.path().join(name), content)?;
        config.files.insert(name.to_string(), digest(content));
    }
    let text = serde_json::to_vec_pretty(&config).map_err(|e| RunError::content(path, e))?;
    write_file(&folder.path().join(CONFIG), &text)?;
    folder.finish()
}

/// `image-classification` as `ImageClassification`.
fn camel(name: &str) -> String {
    name.split(['-', '_'])
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            [first.to_uppercase(), rest.to_string()]
        })
        .collect()
}

/// A bundle on disk whose files are all there and undamaged; model card and data sheet may have been
/// edited.
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
        let text = std::fs::read(path.join(CONFIG)).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => broken(format!("{CONFIG} is missing")),
            _ => RunError::io(&path.join(CONFIG), e),
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
            // These are for people, who may edit them with any tool; nothing is computed from them.
            let for_people = [MODEL_CARD, DATA_SHEET].contains(&name.as_str());
            if digest(&bundle.read(name)?) != *expected && !for_people {
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

    /// Adds a file or replaces one, with its checksum: complete or not at all. A program that is stopped
    /// meanwhile leaves a bundle that can be used; a file that is just being replaced has no checksum.
    pub fn put(&mut self, name: &str, content: &[u8]) -> Result<(), RunError> {
        if !is_plain(name) {
            return Err(self.broken(format!("`{name}` is no plain file name")));
        }
        if self.config.files.remove(name).is_some() {
            self.write_config()?;
        }
        write_file(&self.path.join(name), content)?;
        self.config.files.insert(name.into(), digest(content));
        self.write_config()
    }

    fn write_config(&self) -> Result<(), RunError> {
        let path = self.path.join(CONFIG);
        let text = serde_json::to_vec_pretty(&self.config);
        write_file(&path, &text.map_err(|e| RunError::content(&path, e))?)
    }

    /// The content of a file of the bundle.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, RunError> {
        let broken = |problem: String| self.broken(problem);
        if !is_plain(name) {
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
        std::fs::read(&path).map_err(|e| RunError::io(&path, e))
    }

    /// A JSON file of the bundle.
    pub fn read_json<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T, RunError> {
        serde_json::from_slice(&self.read(name)?).map_err(|e| self.broken(format!("{name}: {e}")))
    }

    /// The error that says what is wrong with this bundle.
    pub fn broken(&self, problem: String) -> RunError {
        RunError::Bundle {
            path: self.path.clone(),
            problem,
        }
    }
}

/// Whether `name` is that of a file in the bundle or in a folder of it (`1_Pooling/config.json`), not of
/// something elsewhere.
fn is_plain(name: &str) -> bool {
    let mut parts = name.split(['/', '\\']);
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(':');
    parts.clone().count() <= 2 && parts.all(plain)
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
    fn the_description_has_what_hugging_face_reads() {
        let labels = ["cat".to_string(), "dog".to_string()];
        let config = BundleConfig::new(
            "image-classification",
            "r",
            "mlp",
            serde_json::json!({}),
            &labels,
        );
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!(json["architectures"][0], "MlpForImageClassification");
        assert_eq!(json["id2label"]["1"], "dog");
        assert_eq!(json["label2id"]["dog"], 1);
        assert_eq!(json["num_labels"], 2);
        // Bundles written before these keys are read as before.
        let mut old = json.clone();
        for key in ["architectures", "label2id", "num_labels"] {
            old.as_object_mut().unwrap().remove(key);
        }
        let old: BundleConfig = serde_json::from_value(old).unwrap();
        assert_eq!(old.id2label, config.id2label);
    }

    #[test]
    fn what_hugging_face_calls_a_network_wins_and_the_rest_of_ours_stays() {
        let labels = ["cat".to_string(), "dog".to_string()];
        let theirs = serde_json::json!({
            "model_type": "distilbert", "architectures": ["DistilBertForSequenceClassification"],
            "hidden_size": 32, "task": "something else", "id2label": { "0": "LABEL_0" },
        });
        let theirs = theirs.as_object().unwrap().clone();
        let config = BundleConfig::new("t", "r", "bert", serde_json::json!({}), &labels)
            .with_hugging_face(theirs);
        let text = serde_json::to_string(&config).unwrap();
        let again: BundleConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(again, config);
        assert_eq!(
            (again.task.as_str(), again.model_type.as_str()),
            ("t", "distilbert")
        );
        assert_eq!(again.architectures, ["DistilBertForSequenceClassification"]);
        assert_eq!(
            (&again.others["hidden_size"], again.others.len()),
            (&32.into(), 1)
        );
        assert_eq!(again.id2label[&1], "dog");
    }

    #[test]
    fn a_checksum_entry_cannot_name_a_file_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "../secret",
            "a/../../secret",
            "/etc/passwd",
            "a/b/c",
            "..",
            "C:\\x",
            "",
        ] {
            let mut config = BundleConfig::new("t", "r", "mlp", serde_json::json!({}), &[]);
            config.files.insert(name.into(), String::new());
            let text = serde_json::to_vec(&config).unwrap();
            std::fs::write(folder.path().join(CONFIG), text).unwrap();
            let error = Bundle::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("no plain file name"), "{name}: {error}");
        }
    }

    #[test]
    fn files_are_replaced_with_their_checksums_and_a_card_may_be_edited_by_hand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let config = BundleConfig::new("t", "r", "mlp", serde_json::json!({}), &["a".into()]);
        let files = [(MODEL, vec![1]), (MODEL_CARD, b"card".to_vec())];
        write_bundle(&path, config, &files).unwrap();
        let mut bundle = Bundle::open(&path).unwrap();
        bundle.put(LABELS, b"[]").unwrap();
        bundle.put(MODEL, &[2]).unwrap();
        let again = Bundle::open(&path).unwrap();
        assert_eq!(again.config, bundle.config);
        assert_eq!(again.read(MODEL).unwrap(), [2]);
        assert_eq!(again.config.files[MODEL], digest(&[2]));
        assert!(again.config.files.contains_key(LABELS));
        assert!(bundle.put("../x", b"").is_err());
        std::fs::write(path.join(MODEL_CARD), "card, edited").unwrap();
        assert!(Bundle::open(&path).is_ok());
        std::fs::write(path.join(LABELS), "[1]").unwrap();
        assert!(Bundle::open(&path).is_err());
    }

    #[test]
    fn a_bundle_may_hold_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let config = BundleConfig::new("t", "r", "bert", serde_json::json!({}), &[]);
        write_bundle(&path, config, &[("1_Pooling/config.json", vec![1])]).unwrap();
        let bundle = Bundle::open(&path).unwrap();
        assert_eq!(bundle.read("1_Pooling/config.json").unwrap(), [1]);
        std::fs::write(path.join("1_Pooling/config.json"), [2]).unwrap();
        assert!(Bundle::open(&path).is_err());
    }
}
