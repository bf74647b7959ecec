//! Calls of functions in what a model wrote.

use crate::message::{FunctionCall, ToolCall};
use crate::sampler::any_seed;
use serde_json::Value;

/// The tags around calls (Hermes, Qwen, SmolLM).
const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
/// What Llama 3 may write before a call.
const PYTHON: &str = "<|python_tag|>";

/// An answer taken apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The text around the calls.
    pub content: String,
    /// Calls, in their order.
    pub tool_calls: Vec<ToolCall>,
}

/// Finds the calls in an answer: `<tool_call>{"name": …, "arguments": {…}}</tool_call>` as Hermes, Qwen
/// and SmolLM write them (a list of calls within the tags as well), or nothing but
/// `{"name": …, "parameters": {…}}` as Llama 3 does, several separated by `;`. `tools` is the list that
/// the model was given: without it, or for functions that are not in it, text stays text.
pub fn parse_answer(text: &str, tools: Option<&Value>) -> Answer {
    let names = tools.map(names).unwrap_or_default();
    let plain = || Answer {
        content: text.into(),
        tool_calls: Vec::new(),
    };
    if names.is_empty() {
        return plain();
    }
    if text.contains(OPEN) {
        return tagged(text, &names).unwrap_or_else(plain);
    }
    let calls = bare(text, &names);
    match calls.is_empty() {
        true => plain(),
        false => Answer {
            content: String::new(),
            tool_calls: calls,
        },
    }
}

fn names(tools: &Value) -> Vec<&str> {
    let tools = tools.as_array().into_iter().flatten();
    tools.filter_map(named).collect()
}

/// The name of a function, wrapped as OpenAI's API does or not.
fn named(tool: &Value) -> Option<&str> {
    let name = tool.pointer("/function/name").or_else(|| tool.get("name"));
    name?.as_str()
}

/// `None`: one of the calls is none.
fn tagged(text: &str, names: &[&str]) -> Option<Answer> {
    let mut answer = Answer::default();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        answer.content.push_str(before);
        // The last call may lack its end, where the model's own end took its place.
        let (inside, after) = after.split_once(CLOSE).unwrap_or((after, ""));
        let value: Value = serde_json::from_str(inside.trim()).ok()?;
        match value {
            Value::Array(calls) => {
                for value in &calls {
                    answer.tool_calls.push(call(value, names)?);
                }
            }
            value => answer.tool_calls.push(call(&value, names)?),
        }
        rest = after;
    }
    answer.content.push_str(rest);
    answer.content = answer.content.trim().into();
    Some(answer)
}

/// A text of calls and nothing else; otherwise none.
fn bare(text: &str, names: &[&str]) -> Vec<ToolCall> {
    let text = text.trim();
    let text = text.strip_prefix(PYTHON).unwrap_or(text);
    let mut calls = Vec::new();
    for value in serde_json::Deserializer::from_str(&text.replace("};", "}\n")).into_iter() {
        let found = value.ok().as_ref().and_then(|value| call(value, names));
        match found {
            Some(found) => calls.push(found),
            None => return Vec::new(),
        }
    }
    calls
}

fn call(value: &Value, names: &[&str]) -> Option<ToolCall> {
    let function = value.get("function").unwrap_or(value);
    let name = function.get("name")?.as_str()?;
    if !names.contains(&name) {
        return None;
    }
    let given = function
        .get("arguments")
        .or_else(|| function.get("parameters"));
    let arguments = match given {
        None | Some(Value::Null) => "{}".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    Some(ToolCall {
        id: format!("call_{:016x}", any_seed()),
        kind: "function".into(),
        function: FunctionCall {
            name: name.into(),
            arguments,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(text: &str) -> (String, Vec<(String, String)>) {
        let tools = json!([
            { "type": "function", "function": { "name": "weather" } },
            { "name": "time" },
        ]);
        let answer = parse_answer(text, Some(&tools));
        let calls = answer.tool_calls.into_iter();
        let calls = calls.map(|c| (c.function.name, c.function.arguments));
        (answer.content, calls.collect())
    }

    fn weather() -> (String, String) {
        ("weather".into(), r#"{"city":"Paris"}"#.into())
    }

    #[test]
    fn calls_in_tags_are_found() {
        let text = "I look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n\
                    </tool_call>\n<tool_call>{\"name\": \"time\"}</tool_call>";
        let time = ("time".into(), "{}".into());
        assert_eq!(parsed(text), ("I look.".into(), vec![weather(), time]));
    }

    #[test]
    fn lists_and_missing_ends_are_read() {
        let text = r#"<tool_call>[{"name": "weather", "arguments": {"city": "Paris"}}]"#;
        assert_eq!(parsed(text), (String::new(), vec![weather()]));
    }

    #[test]
    fn bare_calls_are_found() {
        let one = r#"<|python_tag|>{"name": "weather", "parameters": {"city": "Paris"}}"#;
        assert_eq!(parsed(one), (String::new(), vec![weather()]));
        let two = format!("{one}; {}", r#"{"name": "time", "parameters": {}}"#);
        assert_eq!(parsed(&two).1.len(), 2);
    }

    #[test]
    fn what_is_no_call_stays_text() {
        let texts = [
            r#"{"name": "weather", "parameters": {}} is how to ask"#,
            r#"{"name": "unknown", "parameters": {}}"#,
            "<tool_call>{broken</tool_call>",
            "It is sunny.",
            "",
        ];
        for text in texts {
            assert_eq!(parsed(text), (text.into(), vec![]));
        }
        let call = r#"{"name": "weather", "parameters": {}}"#;
        assert!(parse_answer(call, None).tool_calls.is_empty());
    }
}
