//! What a FAQ holds: questions, answers, and which of them go together.

use crate::error::TaskError;
use crate::text;
use modelwright_data::{DataConfig, Table};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Column names that are taken for the questions and the answers if none are given.
const QUESTION: &str = "question";
const ANSWER: &str = "answer";

/// The columns of the questions and of the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Columns {
    pub question: String,
    pub answer: String,
}

impl Columns {
    /// `data.text` and `data.target`, else `question` and `answer`.
    pub fn find(table: &Table, place: &str, config: &DataConfig) -> Result<Self, TaskError> {
        let name = |given: &Option<String>, usual: &str| {
            let name = given.as_deref().unwrap_or(usual);
            Ok::<_, TaskError>(table.require(name, place)?.name.clone())
        };
        Ok(Self {
            question: name(&config.text, QUESTION)?,
            answer: name(&config.target, ANSWER)?,
        })
    }
}

/// Different questions and different answers, and the pairs of them. A question may have several
/// answers, and an answer several questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entries {
    pub questions: Vec<String>,
    pub answers: Vec<String>,
    /// (question, answer), in the order of the table.
    pairs: Vec<(u32, u32)>,
}

impl Entries {
    /// Those of a table; rows without a question or an answer are left out and counted.
    pub fn read(table: &Table, place: &str, columns: &Columns) -> Result<(Self, usize), TaskError> {
        let column = |name: &str| table.require(name, place).map(text::texts);
        let (questions, answers) = (column(&columns.question)?, column(&columns.answer)?);
        let mut entries = Self {
            questions: Vec::new(),
            answers: Vec::new(),
            pairs: Vec::new(),
        };
        let mut known = [HashMap::new(), HashMap::new()];
        let (mut seen, mut left_out) = (HashSet::new(), 0);
        for (question, answer) in questions.iter().zip(&answers) {
            if question.is_empty() || answer.is_empty() {
                left_out += 1;
                continue;
            }
            let pair = (
                number(&mut known[0], &mut entries.questions, question),
                number(&mut known[1], &mut entries.answers, answer),
            );
            if seen.insert(pair) {
                entries.pairs.push(pair);
            }
        }
        match entries.questions.len() {
            0 | 1 => Err(TaskError::asked(
                format!(
                    "{place}: fewer than two questions with an answer (columns `{}` and `{}`)",
                    columns.question, columns.answer
                ),
                "give at least two, or choose other columns with --text and --target",
            )),
            _ => Ok((entries, left_out)),
        }
    }

    /// A sentence if a number leads nowhere or a question has no answer.
    pub fn complaint(&self) -> Option<String> {
        let inside = |(question, answer): &(u32, u32)| {
            (*question as usize) < self.questions.len() && (*answer as usize) < self.answers.len()
        };
        let answered = self.pairs.iter().map(|p| p.0);
        let mut answered: Vec<u32> = answered.collect();
        answered.sort_unstable();
        answered.dedup();
        let whole = self.pairs.iter().all(inside) && answered.len() == self.questions.len();
        (!whole || self.questions.len() < 2).then(|| "its questions and answers do not fit".into())
    }

    /// The answers of each question.
    pub fn answers_of(&self) -> Vec<Vec<u32>> {
        let mut of = vec![Vec::new(); self.questions.len()];
        for (question, answer) in &self.pairs {
            of[*question as usize].push(*answer);
        }
        of
    }
}

/// The number of a text among the different ones.
fn number<'a>(known: &mut HashMap<&'a str, u32>, all: &mut Vec<String>, text: &'a str) -> u32 {
    *known.entry(text).or_insert_with(|| {
        all.push(text.into());
        all.len() as u32 - 1
    })
}

/// What a question to the FAQ should find, told by a table with the true answers.
pub(super) struct Expected {
    /// Column that tells it.
    column: String,
}

/// Column of an evaluation table with the FAQ's own question or its answer.
const EXPECTED: &str = "expected";

impl Expected {
    /// `expected`, else the column of the answers.
    ///
    /// # Errors
    /// There is neither.
    pub fn find(table: &Table, place: &str, columns: &Columns) -> Result<Self, TaskError> {
        let there = |name: &str| table.column(name).map(|c| c.name.clone());
        let column = there(EXPECTED).or_else(|| there(&columns.answer));
        let column = column.ok_or_else(|| {
            TaskError::asked(
                format!("{place}: no column says what should be found"),
                format!(
                    "give a column `{EXPECTED}` with the FAQ's own question (empty where it has no \
                     answer), or the column `{}`",
                    columns.answer
                ),
            )
        })?;
        Ok(Self { column })
    }

    /// The questions of the FAQ that are right for each of some rows: those that are expected, or have
    /// the expected answer; none where nothing is expected.
    ///
    /// # Errors
    /// Something is expected that the FAQ does not hold.
    pub fn of_rows(
        &self,
        table: &Table,
        rows: &[usize],
        place: &str,
        entries: &Entries,
    ) -> Result<Vec<Vec<u32>>, TaskError> {
        let name = &self.column;
        let texts = text::texts(table.require(name, place)?);
        let mut known: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (question, answer) in &entries.pairs {
            let answer = entries.answers[*answer as usize].as_str();
            known.entry(answer).or_default().push(*question);
        }
        // A question wins over an answer of the same words.
        for (question, text) in (0..).zip(&entries.questions) {
            known.insert(text, vec![question]);
        }
        let of_row = |row: &usize| match &*texts[*row] {
            "" => Ok(Vec::new()),
            text => known.get(text).cloned().ok_or_else(|| {
                TaskError::asked(
                    format!(
                        "{place}, row {}: the FAQ has no question or answer `{text}`",
                        row + 1
                    ),
                    format!(
                        "correct it in column `{name}`, or leave it empty for \"not in the FAQ\""
                    ),
                )
            }),
        };
        rows.iter().map(of_row).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use modelwright_data::Column;

    /// A table of words; empty ones are missing.
    pub fn table(columns: &[(&str, &[&str])]) -> Table {
        let column = |(name, words): &(&str, &[&str])| {
            let words: Vec<_> = words
                .iter()
                .map(|w| (!w.is_empty()).then(|| w.to_string()))
                .collect();
            Column::of_words(*name, &words)
        };
        Table {
            columns: columns.iter().map(column).collect(),
        }
    }

    fn faq() -> Table {
        table(&[
            (
                "question",
                &[
                    "what is ai",
                    "what is ai",
                    "",
                    "define ai",
                    "hello",
                    "hello",
                ],
            ),
            (
                "answer",
                &["A field.", "A science.", "Lost.", "A field.", "Hi!", "Hi!"],
            ),
        ])
    }

    fn columns() -> Columns {
        Columns::find(&faq(), "t", &DataConfig::default()).unwrap()
    }

    #[test]
    fn questions_and_answers_are_kept_once() {
        let (entries, left_out) = Entries::read(&faq(), "t", &columns()).unwrap();
        assert_eq!(entries.questions, ["what is ai", "define ai", "hello"]);
        assert_eq!(entries.answers, ["A field.", "A science.", "Hi!"]);
        assert_eq!(entries.answers_of(), [vec![0, 1], vec![0], vec![2]]);
        assert_eq!(left_out, 1);
        assert_eq!(entries.complaint(), None);
        let broken = Entries {
            pairs: vec![(0, 0), (1, 9), (2, 2)],
            ..entries.clone()
        };
        assert!(broken.complaint().is_some());
        let unanswered = Entries {
            pairs: vec![(0, 0), (1, 1)],
            ..entries
        };
        assert!(unanswered.complaint().is_some());
        let one = table(&[("question", &["a"]), ("answer", &["b"])]);
        assert!(Entries::read(&one, "t", &columns()).is_err());
    }

    #[test]
    fn expected_is_a_question_or_an_answer_or_nothing() {
        let (entries, _) = Entries::read(&faq(), "t", &columns()).unwrap();
        let asked = table(&[
            ("question", &["x", "y", "z"]),
            ("expected", &["define ai", "A field.", ""]),
        ]);
        let expected = Expected::find(&asked, "t", &columns()).unwrap();
        let right = expected.of_rows(&asked, &[0, 1, 2], "t", &entries).unwrap();
        assert_eq!(right, [vec![1], vec![0, 1], vec![]]);
        let wrong = table(&[("question", &["x"]), ("answer", &["Nobody knows."])]);
        let expected = Expected::find(&wrong, "t", &columns()).unwrap();
        let error = expected.of_rows(&wrong, &[0], "t", &entries).unwrap_err();
        assert!(error.to_string().contains("row 1") && error.to_string().contains("Nobody"));
        let without = table(&[("question", &["x"])]);
        assert!(Expected::find(&without, "t", &columns()).is_err());
    }
}
