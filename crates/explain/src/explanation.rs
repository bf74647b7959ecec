//! What a method says of one answer.

use crate::method::Method;
use crate::picture::PictureMap;
use crate::said::{Setting, Unit, tr};
use crate::subject::Subject;
use modelwright_evaluate::number;
use modelwright_words::Lang;
use serde::Serialize;

/// The shares that the pieces of one example have in one answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// How it was found.
    pub method: Method,
    /// What the method takes for granted.
    pub assumes: String,
    /// The class that is explained; absent for a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What shares and scores are measured in.
    pub unit: Unit,
    /// The model's score for the example.
    pub score: f64,
    /// The score that shares are counted from, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    /// How far base and shares together are from the score, where they should add up to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// How the method was set, such as the baseline or the size of a patch.
    pub settings: Setting,
    /// The shares.
    #[serde(flatten)]
    pub shares: Shares,
}

/// Shares of pieces of an example. A new kind of data adds a variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Shares {
    /// Of the pixels of a picture.
    Picture(PictureMap),
    /// Of pieces of a text.
    Text {
        /// The text as the model reads it.
        text: String,
        /// In the order of the text.
        pieces: Vec<TextShare>,
    },
    /// Of the columns of a row.
    Row {
        /// In the order of the model's columns.
        columns: Vec<ColumnShare>,
    },
}

/// The share of a piece of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextShare {
    /// The piece.
    pub text: String,
    /// Its first character, counted from 0.
    pub start: usize,
    /// One behind its last character.
    pub end: usize,
    /// What speaks for the answer is above 0.
    pub value: f64,
}

/// The share of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnShare {
    /// Its name.
    pub column: String,
    /// Its value in this row; absent where it is missing.
    pub given: Option<String>,
    /// What speaks for the answer is above 0.
    pub value: f64,
    /// Standard error of the value, where it was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

impl Explanation {
    /// Of an output of a model, without base and delta.
    pub(crate) fn new(
        method: Method,
        subject: &Subject,
        unit: Unit,
        score: f64,
        settings: Setting,
        shares: Shares,
    ) -> Self {
        Self {
            method,
            assumes: method.assumes(Lang::En),
            class: subject.class_name().map(String::from),
            unit,
            score,
            base: None,
            delta: None,
            settings,
            shares,
        }
    }

    /// What is explained, in a few words.
    pub fn of(&self, lang: Lang) -> String {
        let (score, unit) = (number(self.score), self.unit.words(lang));
        match &self.class {
            Some(class) => tr(
                lang,
                "of-class",
                &[("class", class), ("unit", &unit), ("score", &score)],
            ),
            None => tr(lang, "of-number", &[("score", &score)]),
        }
    }

    /// The numbers of all pieces.
    pub fn values(&self) -> Vec<f64> {
        match &self.shares {
            Shares::Picture(map) => map.values.clone(),
            Shares::Text { pieces, .. } => pieces.iter().map(|p| p.value).collect(),
            Shares::Row { columns } => columns.iter().map(|c| c.value).collect(),
        }
    }
}
