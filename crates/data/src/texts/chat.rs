//! Conversations in a row of JSON: lists of messages, in OpenAI's words or in ShareGPT's.

use crate::error::DataError;
use serde_json::{Map, Value, json};

/// What a message may hold beside who speaks and what is said.
const MORE: [&str; 3] = ["name", "tool_calls", "tool_call_id"];
const HELP: &str = "write each message as {\"role\": \"user\", \"content\": \"…\"}; roles are system, \
                    user, assistant and tool";

/// A list of messages as text: a JSON list of objects with `role` and `content`, whatever words the
/// source has for them. `None` if the list is one of something else. `name` is the key it stands under.
///
/// # Errors
/// It is a list of messages, but one of them is none, or nobody knows who speaks.
pub(crate) fn conversation(
    place: &str,
    name: &str,
    list: &[Value],
) -> Result<Option<String>, DataError> {
    let is_message = |value: &Value| {
        let has = |key: &str| value.get(key).is_some();
        has("role") || has("from") && has("value")
    };
    if !list.iter().any(is_message) {
        return Ok(None);
    }
    let messages = list.iter().enumerate().map(|(i, value)| {
        message(value).map_err(|problem| {
            let problem = format!("message {} of `{name}` {problem}", i + 1);
            DataError::new(place, problem, HELP)
        })
    });
    let messages: Vec<Value> = messages.collect::<Result<_, _>>()?;
    Ok(Some(Value::Array(messages).to_string()))
}

fn message(value: &Value) -> Result<Value, String> {
    let given = value.get("role").or_else(|| value.get("from"));
    let word = given.and_then(Value::as_str).ok_or("has no `role`")?;
    let role = role(word).ok_or_else(|| format!("is by `{word}`, which is no role"))?;
    let said = value.get("content").or_else(|| value.get("value"));
    let calls = value
        .get("tool_calls")
        .is_some_and(|calls| !calls.is_null());
    let content = match said {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts_of(parts)?,
        None | Some(Value::Null) if calls => String::new(),
        None | Some(Value::Null) => return Err("has no `content`".into()),
        Some(_) => return Err("has a `content` that is no text".into()),
    };
    let mut message = Map::from_iter([
        ("role".to_string(), json!(role)),
        ("content".to_string(), json!(content)),
    ]);
    for key in MORE {
        if let Some(more) = value.get(key).filter(|more| !more.is_null()) {
            message.insert(key.into(), more.clone());
        }
    }
    Ok(Value::Object(message))
}

/// OpenAI's content in parts; only those of text can be read.
fn parts_of(parts: &[Value]) -> Result<String, String> {
    let text = |part: &Value| part.get("text").and_then(Value::as_str).map(String::from);
    let texts: Option<Vec<String>> = parts.iter().map(text).collect();
    texts
        .map(|texts| texts.concat())
        .ok_or_else(|| "has a part that is no text".into())
}

/// Who speaks, in OpenAI's words.
fn role(word: &str) -> Option<&'static str> {
    Some(match word.trim().to_lowercase().as_str() {
        "system" | "developer" => "system",
        "user" | "human" => "user",
        "assistant" | "gpt" | "chatgpt" | "bing" | "bard" | "model" | "function_call" => {
            "assistant"
        }
        "tool" | "function" | "observation" => "tool",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<String>, String> {
        let list: Vec<Value> = serde_json::from_str(text).unwrap();
        conversation("t, line 3", "messages", &list).map_err(|e| e.to_string())
    }

    #[test]
    fn both_formats_become_one() {
        let expected = r#"[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"assistant","content":"你好"}]"#;
        for text in [
            r#"[{"role": "developer", "content": "Be kind."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                {"role": "assistant", "content": "你好", "tool_calls": null}]"#,
            r#"[{"from": "system", "value": "Be kind."}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "你好"}]"#,
        ] {
            assert_eq!(read(text).unwrap().unwrap(), expected);
        }
    }

    #[test]
    fn calls_of_tools_are_kept() {
        let text = r#"[{"role": "assistant", "content": null, "tool_calls": [{"id": "a"}]}, {"role": "tool", "tool_call_id": "a", "content": "3"}]"#;
        let found = read(text).unwrap().unwrap();
        assert!(
            found.contains(r#""content":"","tool_calls":[{"id":"a"}]"#),
            "{found}"
        );
        assert!(found.contains(r#""tool_call_id":"a""#), "{found}");
    }

    #[test]
    fn other_lists_are_none_and_broken_messages_are_named() {
        assert_eq!(read(r#"["a", "b"]"#).unwrap(), None);
        assert_eq!(read(r#"[{"x": 1}]"#).unwrap(), None);
        assert_eq!(read("[]").unwrap(), None);
        for (text, part) in [
            (
                r#"[{"role": "user", "content": "x"}, {"content": "y"}]"#,
                "line 3: message 2 of `messages` has no `role`",
            ),
            (r#"[{"role": "user"}]"#, "has no `content`"),
            (
                r#"[{"role": "king", "content": "x"}]"#,
                "`king`, which is no role",
            ),
            (r#"[{"role": "user", "content": 3}]"#, "no text"),
            (
                r#"[{"role": "user", "content": [{"type": "image_url"}]}]"#,
                "part that is no text",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
