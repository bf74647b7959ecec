//! Questions, contexts and answers in the columns of a table.

use crate::error::TaskError;
use modelwright_data::{Column, ColumnData, DataConfig, Table};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The column of texts in which the answers stand.
pub(super) const CONTEXT: &str = "context";
/// The column that says at which character of the context an answer starts.
const START: &str = "answer_start";
/// The column of all accepted answers, a JSON list in each row.
const ALL: &str = "answers";

/// The names of the columns that a person can choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Names {
    /// The column of questions.
    pub question: String,
    /// The column of answers.
    pub answer: String,
}

impl Names {
    /// As the recipe says, or the usual ones.
    pub fn of(config: &DataConfig) -> Self {
        let or = |name: &Option<String>, usual: &str| name.as_deref().unwrap_or(usual).to_string();
        Self {
            question: or(&config.text, "question"),
            answer: or(&config.target, "answer"),
        }
    }
}

/// A table of questions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Questions<'a> {
    question: &'a Column,
    context: &'a Column,
    answers: Option<Answers<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Answers<'a> {
    answer: &'a Column,
    start: Option<&'a Column>,
    all: Option<&'a Column>,
}

/// Where the answer to a question stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// Nowhere: the question has no answer.
    Nowhere,
    /// At these bytes of the context.
    At(Range<usize>),
    /// It has one, which is not in the context word for word.
    Lost,
}

impl<'a> Questions<'a> {
    /// Finds the columns; those of answers may be missing.
    pub fn of(table: &'a Table, place: &str, names: &Names) -> Result<Self, TaskError> {
        let words = |name: &str| -> Result<&'a Column, TaskError> {
            let column = table.require(name, place)?;
            match column.data {
                ColumnData::Labels { .. } => Ok(column),
                ColumnData::Numbers(_) => Err(TaskError::asked(
                    format!("{place}: column `{name}` holds numbers, not texts"),
                    "question answering needs a column of questions and one of texts",
                )),
            }
        };
        let answers = table.column(&names.answer).map(|answer| Answers {
            answer,
            start: table.column(START),
            all: table.column(ALL),
        });
        Ok(Self {
            question: words(&names.question)?,
            context: words(CONTEXT)?,
            answers,
        })
    }

    /// The columns of questions, texts and answers.
    ///
    /// # Errors
    /// There is no column of answers.
    pub fn with_answers(table: &'a Table, place: &str, names: &Names) -> Result<Self, TaskError> {
        table.require(&names.answer, place)?;
        Self::of(table, place, names)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.question.len()
    }

    /// The question of a row; empty if it is missing.
    pub fn question(&self, row: usize) -> &'a str {
        self.question.word(row).unwrap_or_default()
    }

    /// The text in which the answer of a row stands; empty if it is missing.
    pub fn context(&self, row: usize) -> &'a str {
        self.context.word(row).unwrap_or_default()
    }

    /// The rows with a question and a context.
    pub fn usable(&self) -> Vec<usize> {
        let is_text = |text: &str| !text.trim().is_empty();
        (0..self.len())
            .filter(|row| is_text(self.question(*row)) && is_text(self.context(*row)))
            .collect()
    }

    /// Those of `rows` with a question and a context.
    pub fn usable_of(&self, rows: &[usize]) -> Vec<usize> {
        let usable = self.usable();
        let is_usable = |row: &usize| usable.binary_search(row).is_ok();
        rows.iter().copied().filter(is_usable).collect()
    }

    /// All answers that are right for a row, the one to train on first; none if its question has no
    /// answer.
    pub fn accepted(&self, row: usize) -> Vec<String> {
        let Some(answers) = self.answers else {
            return Vec::new();
        };
        let listed = answers.all.and_then(|column| column.word(row));
        // A column of this name that holds something else does not count.
        let listed = listed.and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
        let mut all = Vec::new();
        for answer in std::iter::once(answers.answer.text(row)).chain(listed.into_iter().flatten())
        {
            if !answer.trim().is_empty() && !all.contains(&answer) {
                all.push(answer);
            }
        }
        all
    }

    /// Where the answer of a row stands. Of several places with its words the one that the table names
    /// counts, or the one closest to it, or the first.
    pub fn place(&self, row: usize) -> Place {
        let Some(answers) = self.answers else {
            return Place::Nowhere;
        };
        let text = answers.answer.text(row);
        let answer = text.trim();
        if answer.is_empty() {
            return Place::Nowhere;
        }
        let context = self.context(row);
        let lead = text.chars().take_while(|c| c.is_whitespace()).count();
        let start = answers.start.and_then(|column| match &column.data {
            ColumnData::Numbers(values) if values[row] >= 0.0 => Some(values[row] as usize + lead),
            _ => None,
        });
        let wanted = start.map_or(0, |start| byte_of(context, start));
        let places = context.match_indices(answer).map(|(at, _)| at);
        match places.min_by_key(|at| at.abs_diff(wanted)) {
            Some(at) => Place::At(at..at + answer.len()),
            None => Place::Lost,
        }
    }
}

/// The byte at which a character stands, or the length of the text if it is shorter.
fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices()
        .nth(character)
        .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::table::parse_text;

    fn table(csv: &str) -> Table {
        parse_text("test", csv.as_bytes(), "utf-8").unwrap()
    }

    #[test]
    fn an_answer_is_found_where_the_table_says() {
        let table = table(
            "question,context,answer,answer_start\n\
             who?,Ößi met Anna and Anna,Anna,17\n\
             who?,Ößi met Anna and Anna,Anna,\n\
             who?,Ößi met Anna and Anna, Anna,16\n\
             who?,Ößi met Anna and Anna,Bert,3\n\
             who?,Ößi met Anna and Anna,,\n\
             ,nobody asks,nobody,0\n",
        );
        let names = Names::of(&DataConfig::default());
        let questions = Questions::with_answers(&table, "test", &names).unwrap();
        let context = questions.context(0);
        let at = |row| match questions.place(row) {
            Place::At(bytes) => {
                assert_eq!(&context[bytes.clone()], "Anna");
                context[..bytes.start].chars().count()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((at(0), at(1), at(2)), (17, 8, 17));
        assert_eq!(questions.place(3), Place::Lost);
        assert_eq!(questions.place(4), Place::Nowhere);
        assert_eq!(questions.usable(), [0, 1, 2, 3, 4]);
        assert_eq!(questions.accepted(3), ["Bert"]);
        assert!(questions.accepted(4).is_empty());
    }

    #[test]
    fn every_listed_answer_is_accepted() {
        let table = table(
            "question,context,answer,answers\n\
             how many?,two or three,two,\"[\"\"two\"\", \"\"three\"\"]\"\n\
             how many?,none of it,,[]\n",
        );
        let names = Names::of(&DataConfig::default());
        let questions = Questions::with_answers(&table, "test", &names).unwrap();
        assert_eq!(questions.accepted(0), ["two", "three"]);
        assert!(questions.accepted(1).is_empty());
    }

    #[test]
    fn missing_columns_are_named() {
        let table = table("question,context\nwho?,nobody\n");
        let names = Names::of(&DataConfig::default());
        let error = Questions::with_answers(&table, "test", &names).unwrap_err();
        assert!(error.to_string().contains("no column `answer`"), "{error}");
        assert!(Questions::of(&table, "test", &names).is_ok());
    }
}
