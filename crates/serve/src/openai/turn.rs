//! An answer as it comes: text, calls of functions, its end.

use super::tools::Calls;
use crate::chat::{Grounds, Piece};
use crate::error::ServeError;
use modelwright_generate::{Finish, FunctionCall, TokenLogprob, ToolCall, Usage, parse_answer};
use serde_json::Value;

/// What a call of a function begins with in a model's text.
const MARK: &str = "<tool_call>";

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Delta {
    /// More text.
    Text(String, Vec<TokenLogprob>),
    /// The model wants a function to be called.
    Call(ToolCall),
    /// What the answer rests on.
    Grounds(Grounds),
    /// The answer is complete.
    End(&'static str, Usage),
    /// The answer ends here because of an error.
    Failed(ServeError),
}

/// What is known of an answer while it comes.
pub(super) struct Turn {
    calls: Calls,
    /// The functions that the model was told of.
    tools: Option<Value>,
    /// Names its calls.
    id: String,
    /// Text that may be a call, or the beginning of one.
    held: String,
    /// Log-probabilities of it.
    tokens: Vec<TokenLogprob>,
    /// Whether all that comes is held until the end.
    holds: bool,
    /// Whether text was passed on.
    said: bool,
}

impl Turn {
    /// Nothing was said yet. `id` is the answer's.
    pub fn new(calls: Calls, tools: Option<Value>, id: &str) -> Self {
        Self {
            holds: matches!(calls, Calls::Always(_)),
            calls,
            tools,
            id: id.into(),
            held: String::new(),
            tokens: Vec::new(),
            said: false,
        }
    }

    /// What the next piece tells.
    pub fn take(&mut self, piece: Piece) -> Vec<Delta> {
        match piece {
            Piece::Text { text, tokens } => self.text(text, tokens),
            Piece::Grounds(grounds) => vec![Delta::Grounds(grounds)],
            Piece::Done { reason, usage } => self.end(reason, usage),
            Piece::Failed(error) => vec![Delta::Failed(error)],
        }
    }

    fn text(&mut self, text: String, tokens: Vec<TokenLogprob>) -> Vec<Delta> {
        if !self.calls.are_possible() {
            return vec![Delta::Text(text, tokens)];
        }
        self.held += &text;
        self.tokens.extend(tokens);
        // Some models write a call as nothing but an object.
        self.holds |= !self.said && self.held.trim_start().starts_with('{');
        if self.holds {
            return Vec::new();
        }
        let safe = match self.held.find(MARK) {
            Some(at) => {
                self.holds = true;
                at
            }
            None => self.held.len() - beginning(&self.held),
        };
        let said: String = self.held.drain(..safe).collect();
        if said.trim().is_empty() && !self.said {
            // Space before a call is no text.
            self.held.insert_str(0, &said);
            return Vec::new();
        }
        self.said = true;
        vec![Delta::Text(said, std::mem::take(&mut self.tokens))]
    }

    /// What was held, and the end.
    fn end(&mut self, reason: Finish, usage: Usage) -> Vec<Delta> {
        let held = std::mem::take(&mut self.held);
        let (text, calls) = match &self.calls {
            Calls::Never => (held, Vec::new()),
            Calls::Maybe { parallel } => {
                let mut answer = parse_answer(&held, self.tools.as_ref());
                answer
                    .tool_calls
                    .truncate(if *parallel { usize::MAX } else { 1 });
                (answer.content, answer.tool_calls)
            }
            Calls::Always(_) => match self.call(&held) {
                Some(call) => (String::new(), vec![call]),
                // It was cut off: what there is of it is told as it is.
                None => (held, Vec::new()),
            },
        };
        let reason = match reason {
            Finish::Stop if !calls.is_empty() => "tool_calls",
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::Cancelled => return vec![Delta::Failed(ServeError::stopping())],
        };
        let tokens = std::mem::take(&mut self.tokens);
        let mut deltas = Vec::new();
        if !text.is_empty() || !tokens.is_empty() {
            deltas.push(Delta::Text(text, tokens));
        }
        for (i, mut call) in calls.into_iter().enumerate() {
            call.id = format!("call_{}_{i}", self.id.trim_start_matches("chatcmpl-"));
            deltas.push(Delta::Call(call));
        }
        deltas.push(Delta::End(reason, usage));
        deltas
    }

    /// The call that an answer is which had to be one.
    fn call(&self, text: &str) -> Option<ToolCall> {
        let call: Value = serde_json::from_str(text).ok()?;
        Some(ToolCall {
            id: String::new(),
            kind: "function".into(),
            function: FunctionCall {
                name: call["name"].as_str()?.into(),
                arguments: call.get("arguments")?.to_string(),
            },
        })
    }
}

/// Bytes at the end of a text that may be the beginning of a call.
fn beginning(text: &str) -> usize {
    let lengths = (1..MARK.len()).rev();
    lengths
        .into_iter()
        .find(|n| text.ends_with(&MARK[..*n]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(calls: Calls, pieces: &[&str]) -> (Vec<String>, Vec<ToolCall>, &'static str) {
        let tools = serde_json::json!([{ "type": "function", "function": { "name": "f" } }]);
        let mut turn = Turn::new(calls, Some(tools), "chatcmpl-7");
        let mut deltas = Vec::new();
        for text in pieces {
            let piece = Piece::Text {
                text: text.to_string(),
                tokens: Vec::new(),
            };
            deltas.extend(turn.take(piece));
        }
        deltas.extend(turn.take(Piece::Done {
            reason: Finish::Stop,
            usage: Usage::default(),
        }));
        let (mut texts, mut calls, mut end) = (Vec::new(), Vec::new(), "");
        for delta in deltas {
            match delta {
                Delta::Text(text, _) => texts.push(text),
                Delta::Call(call) => calls.push(call),
                Delta::End(reason, _) => end = reason,
                other => panic!("{other:?}"),
            }
        }
        (texts, calls, end)
    }

    #[test]
    fn text_passes_until_a_call_begins() {
        let call = "{\"name\": \"f\", \"arguments\": {\"x\": 1}}";
        let maybe = || Calls::Maybe { parallel: true };
        let (texts, calls, end) = told(
            maybe(),
            &[
                "Let me ",
                "see <",
                "b>. <tool",
                "_call>",
                call,
                "</tool_call>",
            ],
        );
        assert_eq!(texts.concat().trim_end(), "Let me see <b>.");
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].id, "call_7_0");
        assert_eq!(calls[0].function.name, "f");
        assert_eq!(calls[0].function.arguments, "{\"x\":1}");
        assert_eq!(end, "tool_calls");
        let (texts, calls, end) = told(maybe(), &["a < b", " <tool"]);
        assert_eq!(
            (texts.concat().as_str(), calls.len(), end),
            ("a < b <tool", 0, "stop")
        );
        // Where no call is possible nothing waits.
        let (texts, _, _) = told(Calls::Never, &["<tool_call>", "a"]);
        assert_eq!(texts, ["<tool_call>", "a"]);
    }

    #[test]
    fn an_answer_that_must_be_a_call_is_one() {
        let text = ["{\"name\": \"f\", ", "\"arguments\": {\"a\": [1]}}"];
        let (texts, calls, end) = told(Calls::Always(Vec::new()), &text);
        assert!(texts.is_empty());
        assert_eq!(calls[0].function.arguments, "{\"a\":[1]}");
        assert_eq!(end, "tool_calls");
        let (texts, calls, _) = told(Calls::Always(Vec::new()), &text[..1]);
        assert_eq!((texts.len(), calls.len()), (1, 0));
    }
}
