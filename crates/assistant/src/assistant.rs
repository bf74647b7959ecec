//! An assistant that is open.

use crate::embedder::Embedder;
use crate::error::AssistantError;
use crate::folder::{self, MANIFEST, Manifest};
use crate::passages::Passage;
use crate::search::{Meaning, Query, Ranked, Searcher};
use crate::settings::Settings;
use crate::text;
use std::path::{Path, PathBuf};

/// An assistant that is open; any thread may ask it.
pub struct Assistant {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) settings: Settings,
    pub(crate) passages: Vec<Passage>,
    pub(crate) searcher: Searcher,
}

/// A passage that was found.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// The passage.
    pub passage: &'a Passage,
    /// How well it fits, from 0 to 1.
    pub score: f32,
}

impl Assistant {
    /// Whether a folder is that of an assistant.
    pub fn is(folder: &Path) -> bool {
        folder.join(MANIFEST).is_file()
    }

    /// Opens a folder that [`build`](crate::build()) wrote, with its embedder if it has one.
    ///
    /// # Errors
    /// A file is missing or damaged, a setting makes no sense, or the embedder is not there any more or
    /// another one than that of the vectors.
    pub fn open(folder: &Path) -> Result<Self, AssistantError> {
        Self::open_with(folder, None)
    }

    /// As [`open`](Self::open), with the embedder from another place.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(folder: &Path, embedder: Option<&str>) -> Result<Self, AssistantError> {
        let content = folder::read(folder)?;
        let manifest = content.manifest;
        let meaning = match manifest.embedder.as_ref().zip(content.vectors) {
            Some((info, vectors)) => {
                let embedder = Embedder::open(embedder.unwrap_or(&info.source))?;
                if embedder.digest() != info.digest {
                    return Err(AssistantError::asked(
                        format!(
                            "{} was built with another embedder than {}, or that has changed since",
                            folder.display(),
                            embedder.source()
                        ),
                        "give the one it was built with, or build the assistant anew",
                    ));
                }
                Some(Meaning {
                    embedder,
                    vectors,
                    languages: info.languages.clone(),
                })
            }
            None => None,
        };
        Ok(Self {
            folder: folder.into(),
            searcher: Searcher::new(&content.passages, meaning),
            manifest,
            settings: content.settings,
            passages: content.passages,
        })
    }

    /// What it was made of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What a person decided about it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its settings, to be changed for as long as it is open.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The folder of its log.
    pub fn log_folder(&self) -> PathBuf {
        folder::log_folder(&self.folder)
    }

    /// Its passages.
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// The passage that a citation names.
    pub fn passage(&self, id: &str) -> Option<&Passage> {
        self.passages.iter().find(|passage| passage.id == id)
    }

    /// The first words of a conversation in a language, or in the usual one.
    pub fn greeting(&self, language: Option<&str>) -> String {
        let language = language.unwrap_or(&self.settings.language);
        self.settings.voice(language).greeting.clone()
    }

    /// The best passages for a question.
    ///
    /// # Errors
    /// The embedder broke off.
    pub fn search(&self, question: &str, most: usize) -> Result<Vec<Hit<'_>>, AssistantError> {
        let (query, ranked) = self.ranked(question)?;
        let hit = |row: &u32| Hit {
            passage: &self.passages[*row as usize],
            score: query.fit(*row),
        };
        Ok(ranked.passages.iter().take(most).map(hit).collect())
    }

    pub(crate) fn ranked(&self, question: &str) -> Result<(Query, Ranked), AssistantError> {
        let query = self.searcher.query(question)?;
        let ranked = self.searcher.rank(&query, |_| false);
        Ok((query, ranked))
    }

    /// The probability that the best passage answers a question, and from which one on it is given.
    pub(crate) fn confidence(&self, question: &str, ranked: &Ranked) -> (f32, f64) {
        let language = text::language(question).unwrap_or(text::ENGLISH);
        let thresholds = &self.manifest.thresholds;
        let Some(threshold) = thresholds.get(language).or_else(|| thresholds.get("")) else {
            return (
                ranked.evidence.top,
                self.settings.answer_from.unwrap_or(0.5),
            );
        };
        let confidence = match ranked.passages.is_empty() {
            true => 0.0,
            false => threshold.calibration.probability(ranked.evidence),
        };
        (
            confidence,
            self.settings.answer_from.unwrap_or(threshold.answer_from),
        )
    }
}
