//! From documents to the folder of an assistant.

use crate::calibrate::{Threshold, calibrate};
use crate::documents::{self, Skipped};
use crate::embedder::Embedder;
use crate::error::AssistantError;
use crate::folder::{self, EmbedderInfo, Manifest};
use crate::guard;
use crate::passages::{Passage, cut};
use crate::reply::Mode;
use crate::search::{Meaning, Searcher};
use crate::settings::Settings;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What an assistant is made of.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Name of the company.
    pub name: String,
    /// The language model: a GGUF file, a folder, a hub id or a bundle.
    pub model: Option<String>,
    /// The sentence encoder: a bundle, a folder or a hub id.
    pub embedder: Option<String>,
    /// How answers come to their words.
    pub mode: Mode,
}

/// What takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Documents are read.
    Reading,
    /// Passages go through the encoder.
    Embedding,
    /// Questions are asked, to learn how sure to be.
    Calibrating,
}

/// Something in a document that speaks to a model and not to customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suspicious {
    /// The document.
    pub file: String,
    /// The headings above.
    pub heading: String,
    /// The words that were taken out.
    pub text: String,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct BuildReport {
    /// Documents that were read.
    pub documents: usize,
    /// Passages that can be found.
    pub passages: usize,
    /// Passages of each language.
    pub languages: BTreeMap<String, usize>,
    /// Languages in which meanings are compared; in others words are.
    pub by_meaning: BTreeSet<String>,
    /// Files that were not read.
    pub skipped: Vec<Skipped>,
    /// What speaks to a model, and was taken out.
    pub suspicious: Vec<Suspicious>,
    /// What was noticed, by document.
    pub notes: Vec<String>,
    /// When it answers, by language.
    pub thresholds: BTreeMap<String, Threshold>,
}

/// Reads documents and writes an assistant to `folder`: complete or not at all. One that is there is
/// replaced, but its settings and its log stay.
///
/// # Errors
/// A path that is not there, nothing to read, an encoder that cannot be opened, or a folder that holds
/// something else or cannot be written.
pub fn build(
    paths: &[PathBuf],
    options: &BuildOptions,
    folder: &Path,
    told: &(dyn Fn(Stage, usize, usize) + Sync),
) -> Result<BuildReport, AssistantError> {
    folder::check_place(folder)?;
    let documents = documents::read(paths, &|done, all| told(Stage::Reading, done, all))?;
    let (mut passages, mut suspicious) = (Vec::new(), Vec::new());
    for document in &documents.read {
        for passage in cut(document) {
            passages.extend(checked(passage, &mut suspicious));
        }
    }
    if passages.is_empty() {
        return Err(AssistantError::asked(
            "all that the documents say speaks to a model and not to customers",
            "look at what was taken out, and give documents that people wrote for people",
        ));
    }
    let meaning = match &options.embedder {
        Some(source) => Some(meaning(source, &passages, &|d, a| {
            told(Stage::Embedding, d, a)
        })?),
        None => None,
    };
    let searcher = Searcher::new(&passages, meaning);
    let thresholds = calibrate(&passages, &searcher, &|d, a| told(Stage::Calibrating, d, a))?;
    let meaning = searcher.meaning();
    let manifest = Manifest {
        modelwright_assistant: folder::VERSION,
        documents: documents.read.len(),
        passages: passages.len(),
        model: options.model.as_deref().map(folder::full_name),
        embedder: meaning.map(|m| EmbedderInfo {
            source: folder::full_name(m.embedder.source()),
            digest: m.embedder.digest().into(),
            dimension: m.embedder.dimension(),
            languages: m.languages.clone(),
        }),
        thresholds: thresholds.clone(),
    };
    let settings = Settings::new(&options.name, options.mode);
    folder::write(
        folder,
        &manifest,
        &passages,
        meaning.map(|m| &m.vectors),
        &settings,
    )?;
    let mut languages = BTreeMap::new();
    for passage in &passages {
        *languages.entry(passage.language.clone()).or_insert(0) += 1;
    }
    let of_document = |d: &documents::Document| -> Vec<String> {
        d.notes
            .iter()
            .map(|note| format!("{}: {note}", d.file))
            .collect()
    };
    Ok(BuildReport {
        documents: documents.read.len(),
        passages: passages.len(),
        languages,
        by_meaning: meaning.map(|m| m.languages.clone()).unwrap_or_default(),
        skipped: documents.skipped,
        suspicious,
        notes: documents.read.iter().flat_map(of_document).collect(),
        thresholds,
    })
}

/// A passage without what speaks to a model, which is told; none if nothing else is in it.
fn checked(mut passage: Passage, suspicious: &mut Vec<Suspicious>) -> Option<Passage> {
    let heading = passage.path();
    let mut taken = Vec::new();
    let mut clean = |text: &str| {
        let (kept, found) = guard::cleaned(text);
        taken.extend(found);
        kept
    };
    passage.text = clean(&passage.text);
    passage.title = clean(&passage.title);
    passage.heading = passage.heading.iter().map(|h| clean(h)).collect();
    suspicious.extend(taken.into_iter().map(|text| Suspicious {
        file: passage.file.clone(),
        heading: heading.clone(),
        text,
    }));
    let left = passage.text.replace(guard::TAKEN_OUT, "");
    left.chars().any(char::is_alphanumeric).then_some(passage)
}

/// The vectors of the passages, and the languages that the encoder knows.
fn meaning(
    source: &str,
    passages: &[Passage],
    told: &dyn Fn(usize, usize),
) -> Result<Meaning, AssistantError> {
    let embedder = Embedder::open(source)?;
    let texts: Vec<String> = passages.iter().map(Passage::embedded).collect();
    let mut languages = BTreeSet::new();
    let all: BTreeSet<&str> = passages.iter().map(|p| p.language.as_str()).collect();
    for language in all {
        let own = passages
            .iter()
            .zip(&texts)
            .filter(|(p, _)| p.language == language);
        if embedder.knows(own.map(|(_, text)| text.clone()).collect())? {
            languages.insert(language.to_string());
        }
    }
    let vectors = embedder.vectors(&texts, told)?;
    Ok(Meaning {
        embedder,
        vectors,
        languages,
    })
}
