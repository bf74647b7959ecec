//! Models as listed.

use crate::chat::VERSION;
use crate::registry::Model;
use serde::Serialize;
use std::path::PathBuf;
use utoipa::ToSchema;

/// A model as listed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelSummary {
    /// Its name, as OpenAI's clients look for it.
    pub id: String,
    /// `model`, for OpenAI's clients.
    pub object: &'static str,
    /// When it was made or loaded, in seconds since 1970.
    pub created: u64,
    /// Who made it, for OpenAI's clients: this program.
    pub owned_by: &'static str,
    /// Its name in addresses.
    pub name: String,
    /// What it does.
    pub task: String,
    /// Class names; empty where the answer is no class.
    pub labels: Vec<String>,
    /// Whether it answers.
    pub ready: bool,
    /// The version that answers where none is named.
    pub version: String,
    /// All loaded versions, oldest first; none of a model that talks, which is not replaced.
    pub versions: Vec<VersionSummary>,
}

/// A loaded version of a model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VersionSummary {
    /// Its number, in the order of loading.
    pub version: String,
    /// Start of the SHA-256 of the bundle's description; it may stand in an address instead of the
    /// number, and stays the same when the server starts again.
    pub digest: String,
    /// The run that made it.
    pub run: String,
    /// Its architecture.
    pub architecture: String,
    /// The bundle's folder; not told to clients.
    #[serde(skip)]
    pub bundle: PathBuf,
    /// Its share of the requests that name no version, in percent.
    pub share: u8,
}

impl ModelSummary {
    /// A model as it stands; `accepting` is whether the server takes requests.
    pub(crate) fn of(model: &Model, accepting: bool) -> Self {
        let lineup = model.lineup();
        let current = lineup.current();
        let created = current.and_then(|v| v.stamp?.seconds());
        let task = current.map(|v| v.task.clone()).unwrap_or_default();
        Self {
            labels: current.map(|v| v.labels.to_vec()).unwrap_or_default(),
            ready: accepting && current.is_some(),
            version: lineup.current.to_string(),
            versions: lineup
                .versions
                .iter()
                .map(|v| VersionSummary {
                    version: v.number.to_string(),
                    digest: v.digest.clone(),
                    run: v.run.clone(),
                    architecture: v.architecture.clone(),
                    bundle: v.source.clone(),
                    share: lineup.share(v.number),
                })
                .collect(),
            ..Self::named(model.name(), &task, created.unwrap_or_default())
        }
    }

    /// A model that answers and has no versions.
    pub(crate) fn named(name: &str, task: &str, created: u64) -> Self {
        Self {
            id: name.into(),
            object: "model",
            created,
            owned_by: "modelwright",
            name: name.into(),
            task: task.into(),
            labels: Vec::new(),
            ready: true,
            version: VERSION.into(),
            versions: Vec::new(),
        }
    }
}
