//! From the log to training data: answers that people liked become examples, and where one question has
//! an answer that was liked and one that was not, the two become a pair for preference tuning.

use crate::error::AssistantError;
use crate::log::{Exchange, Line, Said, lines};
use crate::reply::Decision;
use crate::text;
use modelwright_generate::Role;
use modelwright_runs::write_file;
use regex::Regex;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::LazyLock;

/// Examples, one conversation a line (OpenAI's format).
pub const CHAT: &str = "chat.jsonl";
/// Pairs of a better and a worse answer.
pub const PAIRS: &str = "preferences.jsonl";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Conversations with an answer that was liked.
    pub conversations: usize,
    /// Pairs.
    pub pairs: usize,
    /// Answers without any feedback.
    pub unrated: usize,
}

static NUMBERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\s*\[\d{1,2}\]").ok());

/// Writes `chat.jsonl` and `preferences.jsonl` into a folder, from the log in another. `voice` tells the
/// system prompt of a language. The last word of a person on an answer counts.
///
/// # Errors
/// The log cannot be read or a file not be written, or nothing in it was liked.
pub fn export(
    log: &Path,
    folder: &Path,
    voice: &dyn Fn(&str) -> String,
) -> Result<Exported, AssistantError> {
    let (exchanges, rated) = read(log)?;
    let mut chat = Vec::new();
    let mut by_question: BTreeMap<String, [Vec<&Exchange>; 2]> = BTreeMap::new();
    let mut unrated = 0;
    for exchange in &exchanges {
        // What was refused or passed on says nothing that a model should learn.
        let answered = exchange.reply.decision == Decision::Answered;
        let Some(up) = rated.get(&exchange.reply.id).copied() else {
            unrated += usize::from(answered);
            continue;
        };
        if up && answered {
            chat.push(conversation(exchange, voice));
        }
        if answered {
            let question = exchange
                .conversation
                .last()
                .map_or("", |said| &said.content);
            let entry = by_question.entry(text::folded(question)).or_default();
            entry[usize::from(up)].push(exchange);
        }
    }
    let pairs: Vec<Value> = by_question
        .values()
        .flat_map(|[down, up]| up.iter().zip(down))
        .filter(|(up, down)| plain(&up.reply.text) != plain(&down.reply.text))
        .map(|(up, down)| {
            json!({
                "prompt": prompt(up, voice),
                "chosen": [answer(&up.reply.text)],
                "rejected": [answer(&down.reply.text)],
            })
        })
        .collect();
    if chat.is_empty() && pairs.is_empty() {
        return Err(AssistantError::asked(
            format!(
                "{}: no answer in this log was liked by anybody",
                log.display()
            ),
            "collect thumbs up first: with `modelwright assistant ask`, on the chat page, or over HTTP",
        ));
    }
    write(&folder.join(CHAT), &chat)?;
    write(&folder.join(PAIRS), &pairs)?;
    Ok(Exported {
        conversations: chat.len(),
        pairs: pairs.len(),
        unrated,
    })
}

/// The exchanges of a log, and the last feedback on each answer.
fn read(log: &Path) -> Result<(Vec<Exchange>, HashMap<String, bool>), AssistantError> {
    let (mut exchanges, mut rated) = (Vec::new(), HashMap::new());
    for line in lines(log)? {
        match line {
            Line::Exchange(exchange) => exchanges.push(*exchange),
            Line::Feedback { feedback, .. } => {
                rated.insert(feedback.id, feedback.up);
            }
        }
    }
    Ok((exchanges, rated))
}

fn conversation(exchange: &Exchange, voice: &dyn Fn(&str) -> String) -> Value {
    let mut messages = prompt(exchange, voice);
    messages.push(answer(&exchange.reply.text));
    json!({ "messages": messages })
}

/// The system prompt and the conversation up to the answer.
fn prompt(exchange: &Exchange, voice: &dyn Fn(&str) -> String) -> Vec<Value> {
    let system = json!({ "role": "system", "content": voice(&exchange.reply.language) });
    let said = exchange
        .conversation
        .iter()
        .map(|said: &Said| match said.role {
            Role::Assistant => answer(&said.content),
            _ => json!({ "role": "user", "content": said.content }),
        });
    [system].into_iter().chain(said).collect()
}

fn answer(content: &str) -> Value {
    json!({ "role": "assistant", "content": plain(content) })
}

/// Without the numbers of citations, which mean nothing without the passages.
pub(crate) fn plain(text: &str) -> String {
    let numbers = NUMBERS.as_ref();
    numbers.map_or_else(
        || text.into(),
        |numbers| numbers.replace_all(text, "").trim().to_string(),
    )
}

fn write(path: &Path, values: &[Value]) -> Result<(), AssistantError> {
    let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
    Ok(write_file(path, lines.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::reply;
    use crate::log::{Feedback, Log};
    use modelwright_generate::Message;

    #[test]
    fn liked_answers_become_examples_and_pairs() {
        let folder = tempfile::tempdir().unwrap();
        let (place, out) = (folder.path().join("log"), folder.path().join("out"));
        let log = Log::open(&place).unwrap();
        let voice = |_: &str| "Be kind.".to_string();
        let said = |id: &str, answer: &str, up: Option<bool>| {
            let conversation = [Message::user("Is it free?")];
            log.exchange(&conversation, &reply(id, answer)).unwrap();
            if let Some(up) = up {
                log.feedback(&Feedback {
                    id: id.into(),
                    up,
                    note: None,
                })
                .unwrap();
            }
        };
        said("a", "Maybe.", Some(false));
        assert!(
            export(&place, &out, &voice)
                .unwrap_err()
                .to_string()
                .contains("liked")
        );
        said("b", "Yes, it is. [1]", Some(true));
        said("c", "Who knows?", None);
        let exported = export(&place, &out, &voice).unwrap();
        assert_eq!(
            (exported.conversations, exported.pairs, exported.unrated),
            (1, 1, 1)
        );
        let chat: Value =
            serde_json::from_str(&std::fs::read_to_string(out.join(CHAT)).unwrap()).unwrap();
        assert_eq!(
            chat["messages"],
            json!([
                { "role": "system", "content": "Be kind." },
                { "role": "user", "content": "Is it free?" },
                { "role": "assistant", "content": "Yes, it is." },
            ])
        );
        let pair: Value =
            serde_json::from_str(&std::fs::read_to_string(out.join(PAIRS)).unwrap()).unwrap();
        assert_eq!(pair["chosen"][0]["content"], "Yes, it is.");
        assert_eq!(pair["rejected"][0]["content"], "Maybe.");
        // The last word counts.
        log.feedback(&Feedback {
            id: "b".into(),
            up: false,
            note: None,
        })
        .unwrap();
        assert!(export(&place, &out, &voice).is_err());
    }
}
