//! What an assistant says, and what it rests on.

use serde::{Deserialize, Serialize};

/// What was done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It has an answer from the documents.
    Answered,
    /// The documents do not answer it, as far as can be told.
    Refused,
    /// A person is to go on.
    HandedOver,
    /// A greeting, thanks and the like.
    SmallTalk,
}

impl Decision {
    /// As it stands in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::HandedOver => "handed_over",
            Self::SmallTalk => "small_talk",
        }
    }
}

/// How an answer comes to its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words of the documents, as they stand there.
    Extract,
    /// The model's own words, each sentence checked against the passages.
    Compose,
    /// The words of a FAQ's answer that surely fits, or else the model's.
    Auto,
}

/// Why it was decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A passage fits well enough.
    Found,
    /// No passage fits well enough.
    Unsure,
    /// The message is after the assistant's instructions, or wants to change them.
    Guarded,
    /// The customer asks for a person.
    AskedForPerson,
    /// The customer is angry again.
    Angry,
    /// It would have been one refusal too many in a row.
    Refusals,
    /// A word came up that the settings name.
    Word,
    /// A phrase of small talk.
    SmallTalk,
}

/// A passage that an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The number in the answer, as in `[1]`.
    pub number: usize,
    /// Id of the passage, for [`Assistant::passage`](crate::Assistant::passage).
    pub passage: String,
    /// Title of the document.
    pub title: String,
    /// File of the document, below the folder that was given.
    pub file: String,
    /// The headings above the passage, outermost first, or the question of a FAQ.
    pub heading: String,
    /// The words that the answer rests on.
    pub quote: String,
}

/// Tokens that the language model read and wrote; none where it was not asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Of the prompt.
    pub prompt: usize,
    /// Of the answer.
    pub completion: usize,
}

/// Milliseconds that parts of an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Until the passages were found.
    pub search: u64,
    /// All of it.
    pub total: u64,
}

/// An answer, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Names this exchange, for feedback.
    pub id: String,
    /// What the customer reads, with the numbers of citations.
    pub text: String,
    /// What was done with the message.
    pub decision: Decision,
    /// Why.
    pub why: Why,
    /// What the text rests on.
    pub citations: Vec<Citation>,
    /// Probability that the best passage answers the question, from the calibration; for small talk
    /// and hand-over 1.
    pub confidence: f32,
    /// Least support of a sentence of the answer by the passages it cites, from 0 to 1; verbatim words
    /// have 1. `None` where nothing is claimed.
    pub groundedness: Option<f32>,
    /// How the text came to its words.
    pub mode: Mode,
    /// Language of the reply, such as `en` or `zh`.
    pub language: String,
    /// For the colleague that takes over: what happened so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Sentences of the model that were held back, because no passage says so or they told the
    /// instructions.
    #[serde(default)]
    pub held_back: usize,
    /// What the language model did.
    #[serde(default)]
    pub spent: Spent,
    /// How long it took.
    pub timings: Timings,
}
