//! What a table holds for a language model: conversations, questions with answers, pairs of answers of
//! which one is better, or running text.

use super::NAME;
use crate::error::TaskError;
use crate::table;
use crate::text;
use modelwright_data::{Column, DataConfig, Dataset, Part, Table};
use modelwright_generate::{Message, Role};
use serde::{Deserialize, Serialize};

use crate::parts::Division;
use modelwright_train::Recipe;

/// Columns that hold conversations if none is given.
const TALKS: [&str; 2] = ["messages", "conversations"];
/// Columns of questions and of answers.
const PAIR: [&str; 2] = ["question", "answer"];
/// Columns of what is asked, of the better and of the worse answer.
const PREFERENCE: [&str; 3] = ["prompt", "chosen", "rejected"];
/// The column of running text.
const TEXT: &str = "text";

/// The columns that a model learns from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Form {
    /// A conversation a row.
    Talks {
        /// Lists of messages.
        column: String,
    },
    /// A question and its answer a row.
    Pairs {
        /// What is asked.
        question: String,
        /// What is to be said.
        answer: String,
    },
    /// A better and a worse answer a row.
    Preferences {
        /// What is asked; `None` if both answers are whole conversations.
        prompt: Option<String>,
        /// The better ones.
        chosen: String,
        /// The worse ones.
        rejected: String,
    },
    /// A text a row.
    Texts {
        /// The texts.
        column: String,
    },
}

/// What there is to learn from a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A conversation with an answer of the assistant at least.
    Talk(Vec<Message>),
    /// Two conversations that differ in the last answer, the better one first.
    Preference([Vec<Message>; 2]),
    /// A text.
    Text(String),
}

impl Form {
    /// What `data.text` and `data.target` say, else what the names of the columns do.
    pub fn find(dataset: &Dataset, config: &DataConfig) -> Result<Self, TaskError> {
        let table = table::table(dataset, NAME)?;
        Self::of_table(table, &dataset.source, config)
    }

    fn of_table(table: &Table, place: &str, config: &DataConfig) -> Result<Self, TaskError> {
        let there = |name: &str| table.column(name).map(|c| c.name.clone());
        let [prompt, chosen, rejected] = PREFERENCE;
        if let (Some(chosen), Some(rejected)) = (there(chosen), there(rejected)) {
            let prompt = config.text.clone().or_else(|| there(prompt));
            return Ok(Self::Preferences {
                prompt,
                chosen,
                rejected,
            });
        }
        if let Some(name) = &config.text {
            let column = table.require(name, place)?;
            return Ok(match &config.target {
                Some(answer) => Self::Pairs {
                    question: name.clone(),
                    answer: table.require(answer, place)?.name.clone(),
                },
                None => Self::alone(column),
            });
        }
        let talks = |name: &&str| table.column(name).filter(|c| holds_talks(c)).is_some();
        if let Some(name) = TALKS.iter().find(|name| talks(name)) {
            let column = name.to_string();
            return Ok(Self::Talks { column });
        }
        let [question, answer] = PAIR.map(there);
        match (question, answer, table.column(TEXT)) {
            (Some(question), Some(answer), _) => Ok(Self::Pairs { question, answer }),
            (_, _, Some(column)) => Ok(Self::alone(column)),
            _ => Err(unknown(table, place)),
        }
    }

    fn alone(column: &Column) -> Self {
        let name = column.name.clone();
        match holds_talks(column) {
            true => Self::Talks { column: name },
            false => Self::Texts { column: name },
        }
    }

    /// The column of what a finished model is given.
    pub fn asked(&self) -> &str {
        match self {
            Self::Talks { column } | Self::Texts { column } => column,
            Self::Pairs { question, .. } => question,
            Self::Preferences { prompt, chosen, .. } => prompt.as_ref().unwrap_or(chosen),
        }
    }

    /// The column of the answers, where there is one.
    pub fn answered(&self) -> Option<&str> {
        match self {
            Self::Pairs { answer, .. } => Some(answer),
            Self::Talks { .. } | Self::Texts { .. } | Self::Preferences { .. } => None,
        }
    }

    /// What each row says; `None` for rows from which nothing can be learned.
    pub fn items(&self, dataset: &Dataset) -> Result<Vec<Option<Item>>, TaskError> {
        let place = &dataset.source;
        let table = table::table(dataset, NAME)?;
        let texts = |name: &str| table.require(name, place).map(text::texts);
        Ok(match self {
            Self::Talks { column } => {
                let column = table.require(column, place)?;
                let talk = |row: usize| talk(column.word(row)?).map(Item::Talk);
                (0..column.len()).map(talk).collect()
            }
            Self::Pairs { question, answer } => {
                let (questions, answers) = (texts(question)?, texts(answer)?);
                let pair = |(q, a): (&std::borrow::Cow<str>, &std::borrow::Cow<str>)| {
                    let whole = !q.is_empty() && !a.is_empty();
                    whole.then(|| {
                        Item::Talk(vec![
                            Message::user(q.as_ref()),
                            Message::assistant(a.as_ref()),
                        ])
                    })
                };
                questions.iter().zip(&answers).map(pair).collect()
            }
            Self::Preferences {
                prompt,
                chosen,
                rejected,
            } => {
                let prompts = prompt.as_deref().map(texts).transpose()?;
                let (chosen, rejected) = (texts(chosen)?, texts(rejected)?);
                let item = |row: usize| {
                    let prompt = prompts.as_ref().map_or("", |p| p[row].as_ref());
                    let better = answered(prompt, &chosen[row])?;
                    let worse = answered(prompt, &rejected[row])?;
                    (better != worse).then_some(Item::Preference([better, worse]))
                };
                (0..chosen.len()).map(item).collect()
            }
            Self::Texts { column } => {
                let column = table.require(column, place)?;
                // Blanks at the start of a line mean something in a text.
                let text = |row: usize| column.word(row).filter(|text| !text.trim().is_empty());
                let item = |row: usize| text(row).map(|text| Item::Text(text.to_string()));
                (0..column.len()).map(item).collect()
            }
        })
    }

    /// Divides the rows that something can be learned from. Those that ask the same stay together.
    pub fn divided<T>(
        &self,
        dataset: &Dataset,
        recipe: &Recipe,
        items: &[Option<Item>],
        work: impl FnOnce(&Division) -> Result<T, TaskError>,
    ) -> Result<T, TaskError> {
        let table = table::table(dataset, NAME)?;
        let rows: Vec<usize> = (0..items.len())
            .filter(|row| items[*row].is_some())
            .collect();
        if rows.is_empty() {
            return Err(TaskError::asked(
                format!("{}: no row has {}", dataset.source, self.wanted()),
                "look at the columns with `modelwright data profile`, or choose others with --text and \
                 --target",
            ));
        }
        work(&Division {
            strata: &vec![0; rows.len()],
            rows: &rows,
            hashes: &table.hashes_of(&[self.asked()]),
            given: &table.given(&recipe.data, &dataset.source)?,
        })
    }

    /// The part of each row; `None` for those from which nothing can be learned.
    pub fn parts(
        &self,
        dataset: &Dataset,
        recipe: &Recipe,
    ) -> Result<Vec<Option<Part>>, TaskError> {
        let items = self.items(dataset)?;
        self.divided(dataset, recipe, &items, |division| {
            Ok(division.of_all(recipe))
        })
    }

    /// What a row needs.
    pub fn wanted(&self) -> &'static str {
        match self {
            Self::Talks { .. } => "a conversation with an answer of the assistant",
            Self::Pairs { .. } => "a question and an answer",
            Self::Preferences { .. } => "two different answers to one question",
            Self::Texts { .. } => "a text",
        }
    }
}

fn unknown(table: &Table, place: &str) -> TaskError {
    let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
    TaskError::asked(
        format!("{place}: which columns hold what the model is to learn from?"),
        format!(
            "name them `messages`, `question` and `answer`, `prompt`, `chosen` and `rejected`, or `text`; \
             or add --text COLUMN, with --target COLUMN for the answers; the columns are {}",
            names.join(", ")
        ),
    )
}

/// Whether the first value of a column is a list of messages.
fn holds_talks(column: &Column) -> bool {
    let first = (0..column.len()).find_map(|row| column.word(row));
    first.is_some_and(|text| messages(text).is_some())
}

/// The messages of a text that is a JSON list of them.
pub(super) fn messages(text: &str) -> Option<Vec<Message>> {
    let text = text.trim_start();
    let found = text
        .starts_with('[')
        .then(|| serde_json::from_str(text).ok());
    found
        .flatten()
        .filter(|list: &Vec<Message>| !list.is_empty())
}

/// A conversation in which the assistant says something.
fn talk(text: &str) -> Option<Vec<Message>> {
    let list = messages(text)?;
    list.iter().any(is_answer).then_some(list)
}

/// Whether a message is an answer of the assistant.
pub(super) fn is_answer(message: &Message) -> bool {
    message.role == Role::Assistant
}

/// A conversation up to an answer: `prompt` is a question, a list of messages or empty, and `answer` an
/// answer, a list of messages with it, or a whole conversation.
fn answered(prompt: &str, answer: &str) -> Option<Vec<Message>> {
    let mut said = match messages(answer) {
        Some(list) => list,
        None if answer.is_empty() => return None,
        None => vec![Message::assistant(answer)],
    };
    if !said.last().is_some_and(is_answer) {
        return None;
    }
    // What begins with another than the assistant holds the question itself.
    if !is_answer(&said[0]) {
        return Some(said);
    }
    let mut asked = match messages(prompt) {
        Some(list) => list,
        None if prompt.is_empty() => return None,
        None => vec![Message::user(prompt)],
    };
    asked.append(&mut said);
    Some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::Content;

    fn dataset(columns: &[(&str, &[&str])]) -> Dataset {
        let column = |(name, values): &(&str, &[&str])| {
            let present = |v: &&str| (!v.is_empty()).then(|| v.to_string());
            let values: Vec<Option<String>> = values.iter().map(present).collect();
            Column::of_texts(*name, &values)
        };
        Dataset {
            name: "t".into(),
            source: "t.jsonl".into(),
            content: Content::Table(Table {
                columns: columns.iter().map(column).collect(),
            }),
            suggested_target: None,
            lists: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn items(columns: &[(&str, &[&str])]) -> (Form, Vec<Option<Item>>) {
        let dataset = dataset(columns);
        let form = Form::find(&dataset, &DataConfig::default()).unwrap();
        let items = form.items(&dataset).unwrap();
        (form, items)
    }

    const TALK: &str =
        r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"}]"#;

    #[test]
    fn conversations_and_pairs_are_the_same() {
        let (form, found) = items(&[(
            "messages",
            &[TALK, "", r#"[{"role":"user","content":"Hi"}]"#],
        )]);
        assert!(matches!(form, Form::Talks { .. }));
        assert!(found[1].is_none() && found[2].is_none());
        let (form, pairs) = items(&[("question", &["Hi", "x"]), ("answer", &["Hello!", ""])]);
        assert!(matches!(form, Form::Pairs { .. }));
        assert_eq!(pairs[0], found[0]);
        assert!(pairs[1].is_none());
    }

    #[test]
    fn preferences_are_texts_or_messages() {
        let better = r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"}]"#;
        let (form, found) = items(&[
            ("prompt", &["Hi", "Hi", "Hi", ""]),
            ("chosen", &["Hello!", better, "Hello!", "Hello!"]),
            (
                "rejected",
                &[
                    "What?",
                    r#"[{"role":"assistant","content":"What?"}]"#,
                    "Hello!",
                    "x",
                ],
            ),
        ]);
        assert!(matches!(form, Form::Preferences { .. }));
        assert_eq!(found[0], found[1]);
        let Some(Item::Preference([better, worse])) = &found[0] else {
            panic!("no preference")
        };
        assert_eq!(better[0], worse[0]);
        assert_eq!(
            (better[1].content.as_str(), worse[1].content.as_str()),
            ("Hello!", "What?")
        );
        // The same answer twice, and an answer to nothing.
        assert!(found[2].is_none() && found[3].is_none());
    }

    #[test]
    fn texts_are_what_is_left() {
        let (form, found) = items(&[("text", &["  Once.", ""]), ("file", &["a", "b"])]);
        assert_eq!(form.asked(), "text");
        assert_eq!(found[0], Some(Item::Text("  Once.".into())));
        assert!(found[1].is_none());
        let strange = dataset(&[("a", &["x"]), ("b", &["y"])]);
        let error = Form::find(&strange, &DataConfig::default()).unwrap_err();
        assert!(error.help().unwrap().contains("a, b"));
        let config = DataConfig {
            text: Some("a".into()),
            target: Some("b".into()),
            ..DataConfig::default()
        };
        assert!(matches!(
            Form::find(&strange, &config).unwrap(),
            Form::Pairs { .. }
        ));
    }
}
