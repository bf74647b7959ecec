//! What writes: a language model, or in tests a script.

use crate::error::AssistantError;
use crate::reply::Spent;
use modelwright_generate::{ChatSettings, Engine, Event, Message, Sampling};
use std::ops::ControlFlow;

/// Writes the next message of a conversation.
pub trait Writer: Send + Sync {
    /// Writes at most `most` tokens, piece by piece; `told` says whether to go on. Returns what it cost.
    ///
    /// # Errors
    /// The model fails, or the conversation does not fit.
    fn write(
        &self,
        messages: &[Message],
        most: usize,
        told: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Spent, AssistantError>;
}

/// The most probable words: an answer to a customer is no place for chance.
impl Writer for Engine {
    fn write(
        &self,
        messages: &[Message],
        most: usize,
        told: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Spent, AssistantError> {
        let settings = ChatSettings {
            sampling: Sampling::greedy(),
            max_tokens: Some(most),
            ..ChatSettings::default()
        };
        let mut reply = self.chat(messages, &settings)?;
        let mut spent = Spent {
            prompt: reply.prompt_tokens(),
            completion: 0,
        };
        while let Some(event) = reply.recv() {
            match event {
                Event::Text { text, .. } => {
                    // About one a token; the end tells exactly.
                    spent.completion += 1;
                    if told(&text).is_break() {
                        break;
                    }
                }
                Event::Done { usage, .. } => {
                    spent.completion = usage.completion;
                    break;
                }
                Event::Failed(error) => return Err(error.into()),
            }
        }
        Ok(spent)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Writes what it was told to, and remembers what it was asked.
    pub struct Scripted {
        pieces: Vec<String>,
        pub asked: Mutex<Vec<Vec<Message>>>,
    }

    impl Scripted {
        pub fn new(pieces: &[&str]) -> Self {
            Self {
                pieces: pieces.iter().map(|p| p.to_string()).collect(),
                asked: Mutex::new(Vec::new()),
            }
        }
    }

    impl Writer for Scripted {
        fn write(
            &self,
            messages: &[Message],
            _: usize,
            told: &mut dyn FnMut(&str) -> ControlFlow<()>,
        ) -> Result<Spent, AssistantError> {
            self.asked.lock().unwrap().push(messages.to_vec());
            for piece in &self.pieces {
                if told(piece).is_break() {
                    break;
                }
            }
            Ok(Spent {
                prompt: 1,
                completion: self.pieces.len(),
            })
        }
    }
}
