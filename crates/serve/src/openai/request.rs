//! What is asked at `/v1/chat/completions`.

use super::fields::{Drawn, Missing, OneOrMany, StreamOptions, answers, most_tokens};
use super::messages::{ChatMessage, messages};
use super::tools::{Calls, Tool, ToolChoice};
use crate::error::ServeError;
use crate::limits::Limits;
use modelwright_generate::{ChatSettings, Constraint, Message, Overflow};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A conversation whose last message is to be answered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChatRequest {
    /// Name of a model that talks.
    pub model: String,
    /// Who said what, the oldest first.
    messages: Vec<ChatMessage>,
    /// Send the answer piece by piece, as server-sent events up to `[DONE]`.
    pub stream: Option<bool>,
    /// What is told beside a stream.
    pub stream_options: Option<StreamOptions>,
    /// How many answers, 1 to 8.
    n: Option<usize>,
    /// Most tokens of an answer.
    max_completion_tokens: Option<usize>,
    /// The older name of `max_completion_tokens`.
    max_tokens: Option<usize>,
    /// Texts at which an answer ends.
    stop: Option<OneOrMany>,
    /// 0: always the most probable token; above: the higher, the more freely.
    temperature: Option<f32>,
    /// Draw from the fewest tokens that have this probability together.
    top_p: Option<f32>,
    /// Draw from so many tokens; 0: from all. Not in OpenAI's API.
    top_k: Option<usize>,
    /// Draw from tokens with this share of the best one's probability. Not in OpenAI's API.
    min_p: Option<f32>,
    /// Above 1: repeat less. Not in OpenAI's API.
    repetition_penalty: Option<f32>,
    /// The same seed gives the same answer.
    seed: Option<i64>,
    /// Tell the log-probability of each token.
    logprobs: Option<bool>,
    /// Tell those of so many tokens in each place, 0 to 20.
    top_logprobs: Option<usize>,
    /// Text, some JSON object, or JSON of a schema.
    response_format: Option<ResponseFormat>,
    /// Functions that the model may call.
    tools: Option<Vec<Tool>>,
    /// Whether it calls one: `none`, `auto`, `required`, or a function by name.
    tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    parallel_tool_calls: Option<bool>,
    /// Refused unless 0.
    frequency_penalty: Option<f32>,
    /// Refused unless 0.
    presence_penalty: Option<f32>,
    /// Refused unless empty.
    #[schema(value_type = Option<Object>)]
    logit_bias: Option<Map<String, Value>>,
    /// Refused if true: nothing is stored.
    store: Option<bool>,
    /// Refused unless `auto` or `default`.
    service_tier: Option<String>,
    /// `text`, and nothing else.
    modalities: Option<Vec<String>>,
    /// Without effect.
    #[serde(rename = "metadata")]
    _metadata: Option<BTreeMap<String, String>>,
    /// Without effect.
    #[serde(rename = "user")]
    _user: Option<String>,
    /// Without effect.
    #[serde(rename = "safety_identifier")]
    _safety_identifier: Option<String>,
    /// Without effect: what conversations begin with alike is always computed once.
    #[serde(rename = "prompt_cache_key")]
    _prompt_cache_key: Option<String>,
}

/// What an answer is.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    /// Text.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON of a schema.
    JsonSchema { json_schema: NamedSchema },
}

/// A JSON schema.
#[derive(Deserialize, ToSchema)]
struct NamedSchema {
    #[schema(value_type = Object)]
    schema: Option<Value>,
}

/// A request that was checked.
pub(super) struct Order {
    pub messages: Vec<Message>,
    pub settings: ChatSettings,
    /// How many answers.
    pub answers: usize,
    /// Where calls of functions may come from.
    pub calls: Calls,
}

impl ChatRequest {
    /// What is to be done.
    ///
    /// # Errors
    /// A field asks for what is not possible, and is named.
    pub fn order(self, limits: &Limits) -> Result<Order, ServeError> {
        self.missing().refuse()?;
        let text_only = |kinds: &Vec<String>| kinds.iter().all(|kind| kind == "text");
        if !self.modalities.as_ref().is_none_or(text_only) {
            return Err(unsupported("modalities", "models here write text only"));
        }
        let drawn = Drawn {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
        };
        let (name, asked) = match self.max_completion_tokens {
            Some(most) => ("max_completion_tokens", Some(most)),
            None => ("max_tokens", self.max_tokens),
        };
        let parallel = self.parallel_tool_calls.unwrap_or(true);
        let calls = Calls::new(self.tools.as_deref(), self.tool_choice, parallel)?;
        let format = self.response_format.map(ResponseFormat::constraint);
        let format = format.transpose()?.flatten();
        let forced = calls.constraint();
        if format.is_some() && calls.are_possible() {
            return Err(unsupported(
                "response_format",
                "it cannot be had together with tools",
            ));
        }
        let settings = ChatSettings {
            sampling: drawn.sampling()?,
            stop: self.stop.map(OneOrMany::into_vec).unwrap_or_default(),
            max_tokens: Some(most_tokens(name, asked, limits.answer_tokens, limits)?),
            constraint: forced.or(format),
            logprobs: logprobs(self.logprobs, self.top_logprobs)?,
            overflow: Overflow::Refuse,
            tools: calls.told(self.tools.as_deref()),
            ..ChatSettings::default()
        };
        Ok(Order {
            messages: messages(self.messages)?,
            settings,
            answers: answers(self.n)?,
            calls,
        })
    }

    fn missing(&self) -> Missing<'_> {
        Missing {
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            logit_bias: &self.logit_bias,
            store: self.store,
            service_tier: &self.service_tier,
        }
    }
}

impl ResponseFormat {
    fn constraint(self) -> Result<Option<Constraint>, ServeError> {
        match self {
            Self::Text => Ok(None),
            Self::JsonObject => Ok(Some(Constraint::JsonObject)),
            Self::JsonSchema { json_schema } => match json_schema.schema {
                Some(schema) => Ok(Some(Constraint::JsonSchema(schema))),
                None => Err(ServeError::input(
                    "response_format has no schema",
                    "give json_schema.schema",
                )
                .at("response_format.json_schema.schema")),
            },
        }
    }
}

fn unsupported(param: &str, help: &str) -> ServeError {
    ServeError::input(format!("{param} cannot be had like this"), help)
        .at(param)
        .with_code("unsupported_parameter")
}

/// How many alternatives are told for each token, if log-probabilities are told at all.
fn logprobs(told: Option<bool>, top: Option<usize>) -> Result<Option<usize>, ServeError> {
    match (told.unwrap_or(false), top) {
        (false, Some(_)) => Err(ServeError::input(
            "top_logprobs is given, but not logprobs",
            "set logprobs to true",
        )
        .at("top_logprobs")),
        (false, None) => Ok(None),
        (true, top) => Ok(Some(top.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_generate::Role;
    use serde_json::json;

    fn order(more: Value) -> Result<Order, ServeError> {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let request: ChatRequest = serde_json::from_value(body).unwrap();
        request.order(&Limits::default())
    }

    #[test]
    fn texts_come_whole_or_in_parts() {
        let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
        let order = order(json!({ "messages": [
            { "role": "developer", "content": "be short" },
            { "role": "user", "content": parts },
            { "role": "assistant", "content": null, "refusal": null, "tool_calls": [
                { "id": "1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "1", "content": "3" },
        ] }))
        .unwrap();
        let said: Vec<&str> = order.messages.iter().map(|m| m.content.as_str()).collect();
        assert_eq!(said, ["be short", "ab", "", "3"]);
        assert_eq!(order.messages[0].role, Role::System);
        assert_eq!(order.messages[2].tool_calls[0].function.name, "f");
    }

    #[test]
    fn what_cannot_be_is_named() {
        let picture = json!([{ "type": "image_url", "image_url": { "url": "https://a" } }]);
        for (more, param) in [
            (json!({ "messages": [] }), "messages"),
            (
                json!({ "messages": [{ "role": "user" }] }),
                "messages[0].content",
            ),
            (
                json!({ "messages": [{ "role": "user", "content": picture }] }),
                "messages[0].content",
            ),
            (
                json!({ "messages": [{ "role": "tool", "content": "3" }] }),
                "messages[0].tool_call_id",
            ),
            (json!({ "frequency_penalty": 1.0 }), "frequency_penalty"),
            (json!({ "temperature": -1 }), "temperature"),
            (json!({ "n": 0 }), "n"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (
                json!({ "max_completion_tokens": 100000 }),
                "max_completion_tokens",
            ),
            (json!({ "top_logprobs": 2 }), "top_logprobs"),
            (json!({ "tool_choice": "required" }), "tool_choice"),
            (json!({ "modalities": ["audio"] }), "modalities"),
            (
                json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "a" } } }),
                "response_format.json_schema.schema",
            ),
        ] {
            let error = order(more.clone())
                .err()
                .unwrap_or_else(|| panic!("{more}"));
            assert_eq!(error.param(), Some(param), "{more}: {error}");
        }
    }
}
