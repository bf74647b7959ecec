//! Messages of a conversation, in the words of OpenAI's API.

use serde::{Deserialize, Deserializer, Serialize};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever set the model up: how to behave.
    #[serde(alias = "developer")]
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// What a tool returned.
    #[serde(alias = "function")]
    Tool,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; empty where there are only tool calls. Read from a text, nothing, or a list of parts
    /// that are texts.
    #[serde(default, deserialize_with = "content")]
    pub content: String,
    /// Calls that the assistant asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a tool's message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Name of the speaker or tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Message {
    fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
        }
    }

    /// How to behave.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// What a person says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// What a tool returned for the call `id`.
    pub fn tool(id: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            tool_call_id: Some(id.into()),
            ..Self::new(Role::Tool, content)
        }
    }
}

/// A call of a function that the model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Name of this call; the tool's message repeats it.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What to call.
    pub function: FunctionCall,
}

/// A function and what to give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// Name of the function.
    pub name: String,
    /// Its arguments, an object as JSON text.
    pub arguments: String,
}

fn function() -> String {
    "function".into()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: String,
}

fn content<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Option::<Content>::deserialize(from)? {
        None => String::new(),
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts.into_iter().map(|part| part.text).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_openai_writes_them() {
        let read = |text: &str| serde_json::from_str::<Message>(text).unwrap();
        assert_eq!(
            read(r#"{"role": "user", "content": "Hi"}"#),
            Message::user("Hi")
        );
        let parts =
            r#"{"role": "developer", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}"#;
        assert_eq!(read(parts), Message::system("ab"));
        let call = r#"{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
            "function": {"name": "f", "arguments": "{}"}}]}"#;
        let call = read(call);
        assert_eq!((call.content.as_str(), call.tool_calls.len()), ("", 1));
        let picture = r#"{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}"#;
        assert!(serde_json::from_str::<Message>(picture).is_err());
        let again = serde_json::to_string(&Message::tool("1", "sunny")).unwrap();
        assert_eq!(
            again,
            r#"{"role":"tool","content":"sunny","tool_call_id":"1"}"#
        );
    }
}
