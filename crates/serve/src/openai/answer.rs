//! What comes back from the addresses where models write.

use super::logprobs::{ChatLogprobs, TextLogprobs};
use crate::chat::Citation;
use modelwright_generate::{ToolCall, Usage};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};
use utoipa::ToSchema;

/// What every answer to a request says of itself.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub id: String,
    pub created: u64,
    pub model: String,
}

impl Head {
    /// Of an answer of a model; `prefix` says what kind it is.
    pub fn new(prefix: &str, model: &str) -> Self {
        let mut bytes = [0; 12];
        // An id that is not unique is better than no answer.
        let _ = getrandom::fill(&mut bytes);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            id: format!("{prefix}-{}", crate::tokens::hex(&bytes)),
            created: now.map_or(0, |t| t.as_secs()),
            model: model.into(),
        }
    }
}

/// Answers to a conversation.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatCompletion {
    /// Names the answer; feedback repeats it.
    pub id: String,
    /// `chat.completion`.
    pub object: &'static str,
    /// In seconds since 1970.
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// As many as were asked for.
    pub choices: Vec<ChatChoice>,
    /// Tokens read and written.
    pub usage: TokenUsage,
}

/// One answer.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatChoice {
    /// Its number, from 0.
    pub index: usize,
    /// What the model says.
    pub message: AnswerMessage,
    /// Log-probabilities of its tokens, if they were asked for.
    #[schema(required = true)]
    pub logprobs: Option<ChatLogprobs>,
    /// Why it ended: `stop`, `length` or `tool_calls`.
    pub finish_reason: &'static str,
}

/// What a model says.
#[derive(Serialize, ToSchema)]
pub(super) struct AnswerMessage {
    /// `assistant`.
    pub role: &'static str,
    /// The text; null if there are only calls.
    #[schema(required = true)]
    pub content: Option<String>,
    /// Always null, for OpenAI's clients.
    #[schema(required = true)]
    pub refusal: Option<String>,
    /// The functions that the model wants to be called.
    #[schema(value_type = Vec<Object>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// What an assistant did: `answered`, `refused`, `handed_over` or `small_talk`. Not in OpenAI's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The passages that an assistant's answer is taken from. Not in OpenAI's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citations: Option<Vec<Citation>>,
}

/// Texts that go on from a text.
#[derive(Serialize, ToSchema)]
pub(super) struct TextCompletion {
    /// Names the answer.
    pub id: String,
    /// `text_completion`.
    pub object: &'static str,
    /// In seconds since 1970.
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// As many as were asked for, of each prompt.
    pub choices: Vec<TextChoice>,
    /// Tokens read and written.
    pub usage: TokenUsage,
}

/// One text.
#[derive(Serialize, ToSchema)]
pub(super) struct TextChoice {
    /// Its number, from 0: those of the first prompt come first.
    pub index: usize,
    /// What comes after the prompt.
    pub text: String,
    /// Log-probabilities of its tokens, if they were asked for.
    #[schema(required = true)]
    pub logprobs: Option<TextLogprobs>,
    /// Why it ended: `stop` or `length`.
    pub finish_reason: &'static str,
}

/// Tokens of a request.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct TokenUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens written.
    pub completion_tokens: usize,
    /// Their sum.
    pub total_tokens: usize,
    /// How many did not have to be computed again.
    pub prompt_tokens_details: PromptTokens,
}

/// More of the tokens of a prompt.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct PromptTokens {
    /// Those that had been computed for an earlier request.
    pub cached_tokens: usize,
}

impl TokenUsage {
    /// Adds an answer's. Of several answers to one prompt, that is counted `once`.
    pub fn add(&mut self, usage: Usage, once: bool) {
        self.completion_tokens += usage.completion;
        if once {
            self.prompt_tokens += usage.prompt;
            self.prompt_tokens_details.cached_tokens += usage.cached;
        }
        self.total_tokens = self.prompt_tokens + self.completion_tokens;
    }
}
