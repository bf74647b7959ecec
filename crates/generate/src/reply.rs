//! What a model answers, piece by piece.

use crate::error::GenerateError;
use serde::Serialize;
use tokio::sync::mpsc;

/// An answer on its way. Dropping it ends the work on it.
#[derive(Debug)]
pub struct Reply {
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    pub(crate) prompt: usize,
    pub(crate) dropped: usize,
    pub(crate) seed: u64,
}

impl Reply {
    /// The next event, waiting for it; `None` after the last. Not to be called from async code.
    pub fn recv(&mut self) -> Option<Event> {
        self.events.blocking_recv()
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt
    }

    /// Messages that were left out, because the conversation is longer than the context.
    pub fn dropped_messages(&self) -> usize {
        self.dropped
    }

    /// The seed that the answer is drawn with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Waits for the whole answer. Not to be called from async code.
    ///
    /// # Errors
    /// The answer failed, or the engine stopped.
    pub fn text(mut self) -> Result<(String, Finish, Usage), GenerateError> {
        let mut all = String::new();
        while let Some(event) = self.recv() {
            match event {
                Event::Text { text, .. } => all.push_str(&text),
                Event::Done { reason, usage } => return Ok((all, reason, usage)),
                Event::Failed(error) => return Err(error),
            }
        }
        Err(GenerateError::Stopping)
    }

    /// As [`text`](Self::text), in async code.
    ///
    /// # Errors
    /// The answer failed, or the engine stopped.
    pub async fn whole(mut self) -> Result<(String, Finish, Usage), GenerateError> {
        let mut all = String::new();
        while let Some(event) = self.next().await {
            match event {
                Event::Text { text, .. } => all.push_str(&text),
                Event::Done { reason, usage } => return Ok((all, reason, usage)),
                Event::Failed(error) => return Err(error),
            }
        }
        Err(GenerateError::Stopping)
    }
}

/// A piece of an answer. `Done` or `Failed` is the last.
#[derive(Debug, Clone)]
pub enum Event {
    /// More text.
    Text {
        /// Whole characters; what may be the start of a stop string is held back.
        text: String,
        /// The tokens that it was made of, where log-probabilities were asked for. The text of a token
        /// may come with a later event, and a token may have none.
        tokens: Vec<TokenLogprob>,
    },
    /// The answer is complete.
    Done {
        /// Why it ended.
        reason: Finish,
        /// Tokens read and written.
        usage: Usage,
    },
    /// The answer ends here because of an error.
    Failed(GenerateError),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it, or a stop string came.
    Stop,
    /// `max_tokens` are written, or the context is full.
    Length,
    /// Nobody waits for it any more, or the engine stops.
    Cancelled,
}

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens of the answer, the one that ended it included.
    pub completion: usize,
    /// Tokens of the prompt that had been computed for an earlier request.
    pub cached: usize,
}

/// A token that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// Its number.
    pub id: u32,
    /// What it stands for; not always whole characters.
    pub bytes: Vec<u8>,
    /// Natural logarithm of the probability that the model gave it, before temperature, cuts and
    /// constraints.
    pub logprob: f32,
    /// The most probable tokens in its place, best first.
    pub top: Vec<Alternative>,
}

/// A token that might have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// Its number.
    pub id: u32,
    /// What it stands for.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability.
    pub logprob: f32,
}
