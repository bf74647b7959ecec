//! What talks, whatever is behind it.

use crate::error::ServeError;
use futures_util::stream::BoxStream;
use modelwright_generate::{ChatSettings, Finish, Load, Message, TokenLogprob, Usage};
use serde::Serialize;
use utoipa::ToSchema;

/// A language model, or an assistant on top of one.
pub trait Talker: Send + Sync {
    /// What it is.
    fn about(&self) -> About;

    /// Begins to answer the last message of a conversation. May compute for a moment.
    ///
    /// # Errors
    /// The conversation does not suit it, or too many are waiting.
    fn chat(&self, ask: Ask) -> Result<Pieces, ServeError>;

    /// Begins to go on with a text.
    ///
    /// # Errors
    /// The text does not suit it, it goes on with no texts, or too many are waiting.
    fn complete(&self, prompt: Prompt, settings: ChatSettings) -> Result<Pieces, ServeError>;

    /// Notes what a person thinks of an answer.
    ///
    /// # Errors
    /// It keeps no log of conversations, or has given no such answer.
    fn feedback(&self, feedback: Feedback) -> Result<(), ServeError>;

    /// What it is doing and has done.
    fn load(&self) -> Load;
}

/// What a talker is, for lists.
#[derive(Debug, Clone)]
pub struct About {
    /// `chat` for a language model, `assistant` for one that answers from documents.
    pub task: &'static str,
    /// Family of the network.
    pub architecture: String,
    /// Most tokens of a conversation.
    pub context: usize,
}

/// A conversation whose last message is to be answered.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Names the answer.
    pub id: String,
    /// Who said what, the oldest first.
    pub messages: Vec<Message>,
    /// How to answer, and the functions that the model may call.
    pub settings: ChatSettings,
}

/// A text to go on with.
#[derive(Debug, Clone)]
pub enum Prompt {
    /// As words.
    Text(String),
    /// As the model's own tokens.
    Tokens(Vec<u32>),
}

/// An answer on its way. [`Piece::Done`] or [`Piece::Failed`] is the last; dropping it ends the work.
pub type Pieces = BoxStream<'static, Piece>;

/// A piece of an answer.
#[derive(Debug, Clone)]
pub enum Piece {
    /// More text.
    Text {
        /// Whole characters.
        text: String,
        /// Its tokens, where log-probabilities were asked for.
        tokens: Vec<TokenLogprob>,
    },
    /// What an assistant's answer rests on.
    Grounds(Grounds),
    /// The answer is complete.
    Done {
        /// Why it ended.
        reason: Finish,
        /// Tokens read and written.
        usage: Usage,
    },
    /// The answer ends here because of an error.
    Failed(ServeError),
}

/// What an assistant's answer rests on.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Grounds {
    /// What the assistant did: `answered`, `refused`, `handed_over` or `small_talk`.
    pub decision: String,
    /// The passages that it took the answer from.
    pub citations: Vec<Citation>,
}

/// A passage of a document that an answer is taken from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Citation {
    /// The number that stands in brackets in the answer.
    pub number: usize,
    /// The document's title.
    pub title: String,
    /// The document's file.
    pub file: String,
    /// Where in the document.
    pub heading: String,
    /// What was taken from it.
    pub quote: String,
    /// The whole passage.
    pub text: String,
}

/// What a person thinks of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The answer's id.
    pub id: String,
    /// Whether it was good.
    pub good: bool,
    /// In words.
    pub note: Option<String>,
}
