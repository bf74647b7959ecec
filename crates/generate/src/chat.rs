//! Answers to conversations.

use crate::constraint::Constraint;
use crate::engine::Engine;
use crate::error::GenerateError;
use crate::message::{Message, Role};
use crate::reply::Reply;
use crate::request::{Overflow, Request, Sampling};
use serde_json::Value;

/// How a conversation is answered.
#[derive(Debug, Clone)]
pub struct ChatSettings {
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Texts at which the answer ends; they are not part of it.
    pub stop: Vec<String>,
    /// Most tokens of the answer; `None`: as many as the context has room for.
    pub max_tokens: Option<usize>,
    /// Tokens that the answer has at least.
    pub min_tokens: usize,
    /// What the answer must be.
    pub constraint: Option<Constraint>,
    /// Tell the log-probability of each token, with that many of the most probable ones.
    pub logprobs: Option<usize>,
    /// What happens if the conversation does not fit into the context.
    pub overflow: Overflow,
    /// Functions that the model may ask for: the list `tools` of OpenAI's API.
    pub tools: Option<Value>,
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            sampling: Sampling::default(),
            stop: Vec::new(),
            max_tokens: None,
            min_tokens: 0,
            constraint: None,
            logprobs: None,
            overflow: Overflow::DropOldest,
            tools: None,
        }
    }
}

impl ChatSettings {
    /// What is asked of a model that is to go on with `prompt` like this.
    pub fn request(&self, prompt: Vec<u32>) -> Request {
        Request {
            prompt,
            sampling: self.sampling,
            stop: self.stop.clone(),
            max_tokens: self.max_tokens,
            min_tokens: self.min_tokens,
            constraint: self.constraint.clone(),
            logprobs: self.logprobs,
        }
    }
}

impl Engine {
    /// Answers the last message of a conversation.
    ///
    /// A conversation must leave room for the answer: `max_tokens`, or an eighth of the context where
    /// none is given, but no more than half of it. With [`Overflow::DropOldest`] the oldest turns (a
    /// message of a person with all answers to it) are left out until it does; system messages at the
    /// start and the last turn always stay.
    ///
    /// # Errors
    /// The model has no chat template, the template refuses the messages, they do not fit, or as in
    /// [`submit`](Self::submit).
    pub fn chat(
        &self,
        messages: &[Message],
        settings: &ChatSettings,
    ) -> Result<Reply, GenerateError> {
        let (prompt, dropped) = self.prompt(messages, settings)?;
        let mut reply = self.submit(settings.request(prompt))?;
        reply.dropped = dropped;
        Ok(reply)
    }

    /// The tokens of a conversation, up to where the answer begins, and how many messages were left out.
    ///
    /// # Errors
    /// As [`chat`](Self::chat).
    pub fn prompt(
        &self,
        messages: &[Message],
        settings: &ChatSettings,
    ) -> Result<(Vec<u32>, usize), GenerateError> {
        if messages.is_empty() {
            return Err(GenerateError::asked(
                "there are no messages",
                "say something",
            ));
        }
        let context = self.context();
        let answer = settings.max_tokens.unwrap_or(context / 8);
        let room = context - answer.clamp(1, context / 2);
        let prompt = self.written(messages, settings.tools.as_ref())?;
        if prompt.len() <= room {
            return Ok((prompt, 0));
        }
        // The whole context may be used if the answer is cut short for it.
        let most = |prompt: Vec<u32>, dropped| match prompt.len() < context {
            true => Ok((prompt, dropped)),
            false => Err(GenerateError::TooLong {
                prompt: prompt.len(),
                context,
            }),
        };
        if settings.overflow == Overflow::Refuse {
            return most(prompt, 0);
        }
        let (first, starts) = turns(messages);
        let from = |start: usize| {
            let kept = [&messages[..first], &messages[start..]].concat();
            let prompt = self.written(&kept, settings.tools.as_ref())?;
            Ok::<_, GenerateError>((prompt, messages.len() - kept.len()))
        };
        // Fewer messages are fewer tokens, so the first turn from which all fits is found by halving.
        let (mut low, mut high) = (1, starts.len());
        let mut best = None;
        while low < high {
            let middle = low.midpoint(high);
            let (prompt, dropped) = from(starts[middle])?;
            if prompt.len() <= room {
                best = Some((prompt, dropped));
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if let Some(found) = best {
            return Ok(found);
        }
        let (prompt, dropped) = from(starts.last().copied().unwrap_or(first))?;
        most(prompt, dropped)
    }

    fn written(
        &self,
        messages: &[Message],
        tools: Option<&Value>,
    ) -> Result<Vec<u32>, GenerateError> {
        let template = self.template().ok_or_else(|| {
            GenerateError::Template(
                "there is none; this model continues texts (completions) and was not trained for chat"
                    .into(),
            )
        })?;
        let messages: Vec<Message> = messages.iter().map(|m| self.shielded(m)).collect();
        let text = template.render(&messages, tools, true)?;
        let parts = text.split(MARK);
        Ok(parts
            .flat_map(|part| self.tokenizer().encode_plain(part).ids)
            .collect())
    }

    /// A message in which no text is that of a special token: whoever writes `<|im_end|>` must not end
    /// a turn with it. Such texts are broken by a mark, at which the conversation is cut into pieces
    /// before it is made tokens.
    fn shielded(&self, message: &Message) -> Message {
        let shield = |text: &mut String| shield(text, self.special());
        let mut message = message.clone();
        shield(&mut message.content);
        message.name.as_mut().map(shield);
        message.tool_call_id.as_mut().map(shield);
        for call in &mut message.tool_calls {
            shield(&mut call.function.name);
            shield(&mut call.function.arguments);
        }
        message
    }
}

/// A character for private use, which no text has.
const MARK: char = '\u{f8fff}';

fn shield(text: &mut String, special: &[String]) {
    if text.contains(MARK) {
        *text = text.replace(MARK, "\u{fffd}");
    }
    for token in special {
        if text.contains(token.as_str()) {
            let first = token.chars().next().map_or(0, char::len_utf8);
            let broken = format!("{}{MARK}{}", &token[..first], &token[first..]);
            *text = text.replace(token, &broken);
        }
    }
}

/// How many messages of the system come first, and where each turn after them starts: at a message of a
/// person.
fn turns(messages: &[Message]) -> (usize, Vec<usize>) {
    let system = |m: &&Message| m.role == Role::System;
    let first = messages.iter().take_while(system).count();
    let asks = |i: &usize| *i == first || messages[*i].role == Role::User;
    (first, (first..messages.len()).filter(asks).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_tokens_in_texts_are_broken() {
        let special = ["<|im_end|>".to_string(), "<s>".to_string()];
        let mut text = format!("a<|im_end|>b{MARK}<s>");
        shield(&mut text, &special);
        let parts: Vec<&str> = text.split(MARK).collect();
        assert_eq!(parts, ["a<", "|im_end|>b\u{fffd}<", "s>"]);
    }

    #[test]
    fn turns_start_where_a_person_speaks() {
        let messages = [
            Message::system("be kind"),
            Message::user("one"),
            Message::assistant("two"),
            Message::tool("a", "b"),
            Message::user("three"),
        ];
        assert_eq!(turns(&messages), (1, vec![1, 4]));
        assert_eq!(turns(&messages[..1]), (1, vec![]));
        assert_eq!(turns(&messages[2..]), (0, vec![0, 2]));
    }
}
