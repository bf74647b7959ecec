//! Tools for models whose template knows none, in the words of Hermes (which Qwen uses as well).

use crate::message::{Message, Role};
use serde_json::Value;

/// Messages in which tools, calls and their results are told in words.
pub(super) fn told(messages: &[Message], tools: Option<&Value>) -> Vec<Message> {
    let mut told: Vec<Message> = messages.iter().map(in_words).collect();
    let tools = tools.and_then(Value::as_array).filter(|t| !t.is_empty());
    let Some(tools) = tools else {
        return told;
    };
    let list: Vec<String> = tools.iter().map(Value::to_string).collect();
    let how = format!(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are \
         provided with function signatures within <tools></tools> XML tags:\n<tools>\n{}\n</tools>\n\n\
         For each function call, return a json object with function name and arguments within \
         <tool_call></tool_call> XML tags:\n<tool_call>\n{{\"name\": <function-name>, \"arguments\": \
         <args-json-object>}}\n</tool_call>",
        list.join("\n")
    );
    match told.first_mut().filter(|m| m.role == Role::System) {
        Some(system) => system.content = format!("{}\n\n{how}", system.content),
        None => told.insert(0, Message::system(how)),
    }
    told
}

fn in_words(message: &Message) -> Message {
    let mut words = message.clone();
    if message.role == Role::Tool {
        words.role = Role::User;
        words.content = format!("<tool_response>\n{}\n</tool_response>", message.content);
    }
    for call in std::mem::take(&mut words.tool_calls) {
        let function = call.function;
        let name = Value::from(function.name);
        let call = format!(
            "<tool_call>\n{{\"name\": {name}, \"arguments\": {}}}\n</tool_call>",
            function.arguments
        );
        if !words.content.is_empty() {
            words.content.push('\n');
        }
        words.content.push_str(&call);
    }
    words
}
