//! The documents of a bundle that a person completes.

use super::front;
use super::marks::{Mark, fill, place, places};
use super::questions;
use crate::bundle::Bundle;
use crate::error::RunError;
use serde::Serialize;

/// The model card, where Hugging Face's hub looks for it.
pub const MODEL_CARD: &str = "README.md";
/// The sheet of the data.
pub const DATA_SHEET: &str = "DATASHEET.md";

/// The date, as figures in a card are marked with it: `2026-05-17`.
pub fn today() -> String {
    jiff::ZonedDateTime::now().date().to_string()
}

/// A question in a document of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Its name.
    pub key: String,
    /// The document that it is in.
    pub document: &'static str,
    /// What is asked.
    pub question: String,
    /// The answer; `None` while it is open.
    pub answer: Option<String>,
}

/// Model card and data sheet, with their marked places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Name of the file and its text.
    pub(super) texts: Vec<(&'static str, String)>,
}

impl Documents {
    /// Those that were just made.
    pub fn new(card: String, sheet: String) -> Self {
        Self {
            texts: vec![(MODEL_CARD, card), (DATA_SHEET, sheet)],
        }
    }

    /// Those of a bundle; one of an older version has no data sheet and no questions.
    pub fn of(bundle: &Bundle) -> Result<Self, RunError> {
        let mut texts = Vec::new();
        for name in [MODEL_CARD, DATA_SHEET] {
            if bundle.path().join(name).exists() {
                let text = String::from_utf8(bundle.read(name)?)
                    .map_err(|_| bundle.broken(format!("{name} is not in UTF-8")))?;
                texts.push((name, text));
            }
        }
        Ok(Self { texts })
    }

    /// The text of a document.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.texts.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| text.as_str())
    }

    /// The names and texts.
    pub fn into_files(self) -> Vec<(&'static str, Vec<u8>)> {
        let files = self.texts.into_iter();
        files
            .map(|(name, text)| (name, text.into_bytes()))
            .collect()
    }

    /// All questions, answered or not, in the order of the documents.
    pub fn questions(&self) -> Vec<Question> {
        let of = |(name, text): &(&'static str, String)| {
            let places = places(Mark::Question, text);
            let questions = places.into_iter().map(|place| Question {
                // A person may have added one, which has no text of ours.
                question: questions::question(&place.key)
                    .map_or_else(|| place.key.clone(), String::from),
                answer: place.answer(text).map(String::from),
                document: name,
                key: place.key,
            });
            questions.collect::<Vec<_>>()
        };
        self.texts.iter().flat_map(of).collect()
    }

    /// Answers a question, anew if it was answered; the licence and the languages go into the front
    /// matter too.
    ///
    /// # Errors
    /// There is no such question, or the answer is empty.
    pub fn answer(&mut self, key: &str, answer: &str) -> Result<(), RunError> {
        let wrong = |problem: String| RunError::Setting {
            name: key.into(),
            problem,
        };
        if answer.trim().is_empty() {
            return Err(wrong("the answer is empty".into()));
        }
        let mut texts = self.texts.iter_mut();
        let found =
            texts.find_map(|(_, text)| fill(Mark::Question, text, key, answer).then_some(text));
        let Some(text) = found else {
            let keys: Vec<String> = self.questions().into_iter().map(|q| q.key).collect();
            return Err(wrong(match keys.is_empty() {
                true => {
                    "the card of this bundle asks nothing; an older version of the program wrote it"
                        .into()
                }
                false => format!(
                    "the card asks no such question; it asks {}",
                    keys.join(", ")
                ),
            }));
        };
        if let Some((entry, lines)) = front::lines_of_answer(key, answer) {
            front::set(text, entry, &lines);
        }
        Ok(())
    }

    /// Answers what is open here and answered in `others`, and returns the keys.
    pub fn take_answers(&mut self, others: &Self) -> Vec<String> {
        let open = self.questions().into_iter().filter(|q| q.answer.is_none());
        let open: Vec<String> = open.map(|q| q.key).collect();
        let mut taken = Vec::new();
        for known in others.questions() {
            if let Some(answer) = &known.answer
                && open.contains(&known.key)
                && self.answer(&known.key, answer).is_ok()
            {
                taken.push(known.key);
            }
        }
        taken
    }

    /// Puts what was measured into its place of the model card, or into a new section at its end.
    pub fn set_measured(&mut self, key: &str, title: &str, text: &str) {
        let Some((_, card)) = self.texts.iter_mut().find(|(name, _)| *name == MODEL_CARD) else {
            return;
        };
        if !fill(Mark::Measured, card, key, text) {
            *card += &format!(
                "\n## {title}\n\n{}",
                place(Mark::Measured, key, text.trim())
            );
        }
    }

    /// Writes those that are new or have changed into their bundle, with their checksums.
    pub fn save(&self, bundle: &mut Bundle) -> Result<(), RunError> {
        for (name, text) in &self.texts {
            let there = bundle.path().join(name).exists();
            if !there || bundle.read(name)? != text.as_bytes() {
                bundle.put(name, text.as_bytes())?;
            }
        }
        Ok(())
    }
}
