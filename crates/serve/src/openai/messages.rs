//! Messages as clients send them.

use crate::error::ServeError;
use modelwright_generate::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Most messages of a conversation.
const MESSAGES: usize = 1000;

/// What somebody said.
#[derive(Deserialize, ToSchema)]
pub(super) struct ChatMessage {
    /// `system`, `user`, `assistant` or `tool`.
    #[schema(value_type = String)]
    role: Role,
    /// The text, as it is or in parts.
    content: Option<ChatContent>,
    /// Calls that the model asked for.
    #[schema(value_type = Option<Vec<Object>>)]
    tool_calls: Option<Vec<ToolCall>>,
    /// The call that a tool's message answers.
    tool_call_id: Option<String>,
    /// Who it was.
    name: Option<String>,
    /// Refused: `tool_calls` has taken its place.
    #[schema(value_type = Option<Object>)]
    function_call: Option<Value>,
    /// Refused.
    #[schema(value_type = Option<Object>)]
    audio: Option<Value>,
}

/// A text as it is or in parts.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum ChatContent {
    Text(String),
    Parts(Vec<ContentPart>),
}

/// A part of a text.
#[derive(Deserialize, ToSchema)]
struct ContentPart {
    /// `text`; other kinds are refused.
    #[serde(rename = "type")]
    kind: String,
    /// The text.
    text: Option<String>,
}

/// The messages in the form that models read.
///
/// # Errors
/// One of them cannot be read, and its field is named.
pub(super) fn messages(sent: Vec<ChatMessage>) -> Result<Vec<Message>, ServeError> {
    if sent.is_empty() || sent.len() > MESSAGES {
        return Err(ServeError::input(
            format!("there are {} messages", sent.len()),
            format!("send 1 to {MESSAGES}"),
        )
        .at("messages"));
    }
    let message = |(i, message): (usize, ChatMessage)| {
        message.read().map_err(|(field, problem, help)| {
            ServeError::input(problem, help).at(format!("messages[{i}].{field}"))
        })
    };
    sent.into_iter().enumerate().map(message).collect()
}

/// A field, what is wrong with it, and what to do.
type Fault = (&'static str, String, &'static str);

impl ChatMessage {
    fn read(self) -> Result<Message, Fault> {
        for (field, value) in [("function_call", self.function_call), ("audio", self.audio)] {
            if value.is_some_and(|v| !v.is_null()) {
                let problem = format!("{field} is not supported in messages");
                return Err((field, problem, "send text and tool_calls"));
            }
        }
        let tool_calls = self.tool_calls.unwrap_or_default();
        let content = match self.content {
            Some(content) => content.text()?,
            None if !tool_calls.is_empty() => String::new(),
            None => {
                let problem = "a message has no content".to_string();
                return Err(("content", problem, "send its text"));
            }
        };
        if self.role == Role::Tool && self.tool_call_id.is_none() {
            let problem = "a tool's message names no call".to_string();
            return Err((
                "tool_call_id",
                problem,
                "repeat the id of the call it answers",
            ));
        }
        Ok(Message {
            role: self.role,
            content,
            tool_calls,
            tool_call_id: self.tool_call_id,
            name: self.name,
        })
    }
}

impl ChatContent {
    fn text(self) -> Result<String, Fault> {
        let parts = match self {
            Self::Text(text) => return Ok(text),
            Self::Parts(parts) => parts,
        };
        let mut all = String::new();
        for part in parts {
            match part.text {
                Some(text) if part.kind == "text" => all += &text,
                _ => {
                    // The kind comes from the request, which may be long.
                    let kind: String = part.kind.chars().take(40).collect();
                    let problem = format!("a part of a message is of type `{kind}`");
                    return Err((
                        "content",
                        problem,
                        "models here read parts of type `text` only",
                    ));
                }
            }
        }
        Ok(all)
    }
}
