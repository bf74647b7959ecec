//! What is asked of a model.

use crate::constraint::Constraint;
use crate::error::GenerateError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most stop strings of a request.
const STOPS: usize = 16;
/// Most bytes of a stop string.
const STOP_BYTES: usize = 256;
/// Most alternatives that are told for a token.
const ALTERNATIVES: usize = 20;

/// Tokens to go on from, and how.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The tokens that the model reads, with all special ones.
    pub prompt: Vec<u32>,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Texts at which the answer ends; they are not part of it.
    pub stop: Vec<String>,
    /// Most tokens of the answer; `None`: as many as the context has room for.
    pub max_tokens: Option<usize>,
    /// Tokens that the answer has at least: before, the model cannot end it.
    pub min_tokens: usize,
    /// What the answer must be.
    pub constraint: Option<Constraint>,
    /// Tell the log-probability of each token, with that many of the most probable ones.
    pub logprobs: Option<usize>,
}

impl Request {
    /// Checks everything that can be said without the model.
    pub(crate) fn check(&self) -> Result<(), GenerateError> {
        self.sampling.check()?;
        if self.prompt.is_empty() {
            return Err(GenerateError::asked("the prompt is empty", "say something"));
        }
        if self.max_tokens == Some(0) {
            return Err(GenerateError::asked(
                "max_tokens is 0",
                "ask for one token at least, or leave it away",
            ));
        }
        if self.stop.len() > STOPS {
            return Err(GenerateError::asked(
                format!("{} stop strings are given", self.stop.len()),
                format!("give at most {STOPS}"),
            ));
        }
        if self
            .stop
            .iter()
            .any(|s| s.is_empty() || s.len() > STOP_BYTES)
        {
            return Err(GenerateError::asked(
                "a stop string is empty or too long",
                format!("give 1 to {STOP_BYTES} bytes each"),
            ));
        }
        if self.logprobs.is_some_and(|n| n > ALTERNATIVES) {
            return Err(GenerateError::asked(
                "logprobs asks for too many alternatives",
                format!("ask for at most {ALTERNATIVES}"),
            ));
        }
        Ok(())
    }
}

/// How the next token is chosen from the probabilities of all.
///
/// In this order: repetition penalty, temperature, `top_k`, `top_p`, `min_p`, a draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Logits are divided by it: below 1 the probable gets more probable. 0: always the most probable
    /// token.
    pub temperature: f32,
    /// Draw from the `top_k` most probable tokens (Fan et al. 2018); 0: from all.
    pub top_k: usize,
    /// Draw from the fewest tokens that have this probability together (Holtzman et al. 2020); 1: from
    /// all.
    pub top_p: f32,
    /// Draw from tokens with at least this share of the probability of the most probable one
    /// (Nguyen et al. 2024); 0: from all.
    pub min_p: f32,
    /// Logits of tokens that were there already are divided by it if positive and multiplied if negative
    /// (Keskar et al. 2019); 1: no penalty.
    pub repetition_penalty: f32,
    /// The same seed and prompt give the same text, whatever else the model writes meanwhile; `None`:
    /// another one each time.
    pub seed: Option<u64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.7,
            top_k: 0,
            top_p: 0.95,
            min_p: 0.0,
            repetition_penalty: 1.0,
            seed: None,
        }
    }
}

impl Sampling {
    /// Always the most probable token.
    pub fn greedy() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            ..Self::default()
        }
    }

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// One is not.
    pub fn check(&self) -> Result<(), GenerateError> {
        let ranges = [
            ("temperature", self.temperature, 0.0..=100.0),
            ("top_p", self.top_p, 1e-6..=1.0),
            ("min_p", self.min_p, 0.0..=1.0),
            ("repetition_penalty", self.repetition_penalty, 0.1..=10.0),
        ];
        for (name, value, range) in ranges {
            if !range.contains(&value) {
                let (low, high) = range.into_inner();
                return Err(GenerateError::asked(
                    format!("{name} is {value}"),
                    format!("give a number from {low} to {high}"),
                ));
            }
        }
        Ok(())
    }
}

/// What happens if a conversation does not fit into the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// An error says how long it is and how long it may be.
    #[default]
    Refuse,
    /// The oldest messages are left out, whole ones, but never the system prompt and never the last
    /// message; the reply says how many.
    DropOldest,
}
