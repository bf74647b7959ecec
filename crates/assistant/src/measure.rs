//! How good is an assistant? Asked questions of which it is known what should be found.

use crate::assistant::Assistant;
use crate::error::AssistantError;
use crate::export::plain;
use crate::reply::Decision;
use crate::text;
use crate::writer::Writer;
use modelwright_data::{AUTO_ENCODING, Content, OpenOptions, Table, open, quiet};
use modelwright_generate::Message;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

/// Ranks up to which a hit counts.
const RANKS: [usize; 3] = [1, 3, 5];
/// Probabilities that are tried.
const TRIED: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// Questions that are told where something went wrong.
const WRONG: usize = 100;

/// A question, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// What is asked.
    pub question: String,
    /// File of the document that answers it.
    pub document: Option<String>,
    /// The question or answer of a FAQ, or the heading, that answers it.
    pub expected: Option<String>,
    /// The answer.
    pub answer: Option<String>,
}

impl Question {
    /// Whether the documents answer it.
    pub fn in_scope(&self) -> bool {
        self.document.is_some() || self.expected.is_some() || self.answer.is_some()
    }
}

/// A question that went wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    /// What was asked.
    pub question: String,
    /// What was done.
    pub decision: Decision,
    /// What was found first: file and heading.
    pub found: String,
    /// What should have been.
    pub expected: String,
    /// How sure it was.
    pub confidence: f32,
}

/// What would come of answering from another probability on (`answer_from` in the settings).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The probability.
    pub answer_from: f64,
    /// Share of the questions in scope that would get an answer.
    pub answered: Option<f64>,
    /// Share of all answers that would be from a right passage.
    pub answer_precision: Option<f64>,
    /// Share of the questions out of scope that would be refused.
    pub refusal_recall: Option<f64>,
}

/// What was measured. Shares are from 0 to 1; `None` where there was nothing to measure.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Questions with an answer in the documents.
    pub in_scope: usize,
    /// Questions without.
    pub out_of_scope: usize,
    /// Share of those in scope whose passage is the first, among the first three, the first five.
    pub hit_rate_at_1: Option<f64>,
    /// Among the first three.
    pub hit_rate_at_3: Option<f64>,
    /// Among the first five.
    pub hit_rate_at_5: Option<f64>,
    /// Mean of 1 / rank of the first right passage.
    pub mean_reciprocal_rank: Option<f64>,
    /// Share of those in scope that got an answer.
    pub answered: Option<f64>,
    /// Share of all answers that cite a right passage first.
    pub answer_precision: Option<f64>,
    /// Share of the expected answers that were given word for word.
    pub exact_match: Option<f64>,
    /// Mean overlap of words with the expected answers.
    pub f1: Option<f64>,
    /// Mean support of answers by the passages that they cite.
    pub groundedness: Option<f64>,
    /// Share of the refusals (and hand-overs) that were of questions out of scope.
    pub refusal_precision: Option<f64>,
    /// Share of the questions out of scope that were refused (or handed over).
    pub refusal_recall: Option<f64>,
    /// Sentences of the model that were held back.
    pub held_back: usize,
    /// Mean seconds for an answer.
    pub seconds: f64,
    /// What would come of other thresholds.
    pub thresholds: Vec<Point>,
    /// What went wrong: at most the first hundred.
    pub wrong: Vec<Wrong>,
}

/// Reads questions from a table: `question`, and `document`, `expected` or `answer`; a question that has
/// none of them is out of scope.
///
/// # Errors
/// The table cannot be read, or has no column `question`.
pub fn questions(path: &Path) -> Result<Vec<Question>, AssistantError> {
    let options = OpenOptions {
        data_dir: None,
        encoding: AUTO_ENCODING,
        skip_bad: false,
        notify: &quiet,
    };
    let place = path.display().to_string();
    let dataset = open(&place, options)?;
    let Content::Table(table) = &dataset.content else {
        return Err(AssistantError::asked(
            format!("{place} holds no table"),
            "give CSV or JSON lines",
        ));
    };
    table.require("question", &place)?;
    let value = |name: &str, row: usize| value(table, name, row);
    let question = |row: usize| {
        Some(Question {
            question: value("question", row)?,
            document: value("document", row),
            expected: value("expected", row),
            answer: value("answer", row),
        })
    };
    Ok((0..table.rows()).filter_map(question).collect())
}

fn value(table: &Table, name: &str, row: usize) -> Option<String> {
    let column = table
        .column(name)
        .filter(|column| !column.is_missing(row))?;
    Some(column.text(row).trim().to_string()).filter(|text| !text.is_empty())
}

/// Asks each question by itself; `told(done, all)` is called after each.
///
/// # Errors
/// There are no questions, one expects what the assistant does not have, or a model fails.
pub fn measure(
    assistant: &Assistant,
    writer: Option<&dyn Writer>,
    questions: &[Question],
    told: &dyn Fn(usize, usize),
) -> Result<Measured, AssistantError> {
    if questions.is_empty() {
        return Err(AssistantError::asked(
            "there are no questions",
            "give a table with the column `question`",
        ));
    }
    let mut tally = Tally::default();
    let started = Instant::now();
    for (i, question) in questions.iter().enumerate() {
        let right = right(assistant, question)?;
        tally.ask(assistant, writer, question, &right)?;
        told(i + 1, questions.len());
    }
    Ok(tally.finish(started.elapsed().as_secs_f64() / questions.len() as f64))
}

/// The passages that answer a question: those of the document, and those that say the same as what is
/// expected.
fn right(assistant: &Assistant, question: &Question) -> Result<Vec<u32>, AssistantError> {
    let all = || (0u32..).zip(&assistant.passages);
    let wanted = question.expected.as_ref().or(question.answer.as_ref());
    let mut right = Vec::new();
    if let Some(document) = &question.document {
        let is_it = |file: &str| file == document || file.ends_with(&format!("/{document}"));
        right.extend(all().filter(|(_, p)| is_it(&p.file)).map(|(row, _)| row));
    } else if let Some(wanted) = wanted {
        let wanted = text::folded(wanted);
        let says = |p: &crate::Passage| {
            p.heading.last().is_some_and(|h| text::folded(h) == wanted)
                || text::folded(&p.text) == wanted
        };
        let named: Vec<u32> = all().filter(|(_, p)| says(p)).map(|(row, _)| row).collect();
        let same = |row: &u32| named.iter().any(|n| assistant.searcher.is_same(*n, *row));
        right.extend(all().map(|(row, _)| row).filter(same));
    }
    if right.is_empty() && question.in_scope() {
        let expected = question.document.as_ref().or(wanted);
        return Err(AssistantError::asked(
            format!(
                "`{}`: the assistant has no `{}`",
                question.question,
                expected.map_or("", String::as_str)
            ),
            "correct it, or leave it empty for a question that the documents do not answer",
        ));
    }
    Ok(right)
}

/// Sums and counts.
#[derive(Default)]
struct Tally {
    in_scope: usize,
    out_of_scope: usize,
    hits: [usize; 3],
    reciprocal: f64,
    answered_in_scope: usize,
    answered: usize,
    right: usize,
    with_answer: usize,
    exact: usize,
    f1: f64,
    grounded: f64,
    refused: usize,
    refused_out_of_scope: usize,
    held_back: usize,
    /// Of each question: how sure, whether its first passage is right, whether it is in scope.
    sure: Vec<(f64, bool, bool)>,
    wrong: Vec<Wrong>,
}

impl Tally {
    fn ask(
        &mut self,
        assistant: &Assistant,
        writer: Option<&dyn Writer>,
        question: &Question,
        right: &[u32],
    ) -> Result<(), AssistantError> {
        let (_, ranked) = assistant.ranked(&question.question)?;
        let in_scope = question.in_scope();
        let rank = ranked
            .passages
            .iter()
            .position(|row| right.contains(row))
            .map(|at| at + 1);
        let (confidence, _) = assistant.confidence(&question.question, &ranked);
        self.sure
            .push((f64::from(confidence), rank == Some(1), in_scope));
        if in_scope {
            self.in_scope += 1;
            self.reciprocal += rank.map_or(0.0, |rank| 1.0 / rank as f64);
            for (hits, most) in self.hits.iter_mut().zip(RANKS) {
                *hits += usize::from(rank.is_some_and(|rank| rank <= most));
            }
        } else {
            self.out_of_scope += 1;
        }
        let message = [Message::user(question.question.clone())];
        let reply = assistant.answer(&message, writer, &mut |_| ControlFlow::Continue(()))?;
        self.held_back += reply.held_back;
        let answered = reply.decision == Decision::Answered;
        let cites = |row: &u32| {
            let first = reply.citations.first();
            first.is_some_and(|c| c.passage == assistant.passages[*row as usize].id)
        };
        let is_right = answered && right.iter().any(cites);
        if answered {
            self.answered += 1;
            self.answered_in_scope += usize::from(in_scope);
            self.right += usize::from(is_right);
            self.grounded += f64::from(reply.groundedness.unwrap_or(0.0));
        } else {
            self.refused += 1;
            self.refused_out_of_scope += usize::from(!in_scope);
        }
        if let Some(expected) = &question.answer {
            let (exact, f1) = overlap(&reply.text, expected);
            self.with_answer += 1;
            self.exact += usize::from(answered && exact);
            self.f1 += if answered { f1 } else { 0.0 };
        }
        let is_well = if in_scope { is_right } else { !answered };
        if !is_well && self.wrong.len() < WRONG {
            let first = ranked
                .passages
                .first()
                .map(|row| &assistant.passages[*row as usize]);
            let expected = [&question.document, &question.expected, &question.answer];
            self.wrong.push(Wrong {
                question: question.question.clone(),
                decision: reply.decision,
                found: first.map_or_else(String::new, |p| format!("{}: {}", p.file, p.about())),
                expected: expected
                    .into_iter()
                    .flatten()
                    .next()
                    .cloned()
                    .unwrap_or_default(),
                confidence: reply.confidence,
            });
        }
        Ok(())
    }

    fn finish(self, seconds: f64) -> Measured {
        let share = |part: f64, of: usize| (of > 0).then(|| part / of as f64);
        let count = |part: usize, of: usize| share(part as f64, of);
        Measured {
            in_scope: self.in_scope,
            out_of_scope: self.out_of_scope,
            hit_rate_at_1: count(self.hits[0], self.in_scope),
            hit_rate_at_3: count(self.hits[1], self.in_scope),
            hit_rate_at_5: count(self.hits[2], self.in_scope),
            mean_reciprocal_rank: share(self.reciprocal, self.in_scope),
            answered: count(self.answered_in_scope, self.in_scope),
            answer_precision: count(self.right, self.answered),
            exact_match: count(self.exact, self.with_answer),
            f1: share(self.f1, self.with_answer),
            groundedness: share(self.grounded, self.answered),
            refusal_precision: count(self.refused_out_of_scope, self.refused),
            refusal_recall: count(self.refused_out_of_scope, self.out_of_scope),
            held_back: self.held_back,
            seconds,
            thresholds: TRIED.map(|from| self.at(from)).to_vec(),
            wrong: self.wrong,
        }
    }

    /// With another threshold.
    fn at(&self, answer_from: f64) -> Point {
        let count = |wanted: &dyn Fn(bool, bool) -> bool| {
            let answered = self.sure.iter().filter(|(sure, ..)| *sure >= answer_from);
            answered
                .filter(|(_, right, scope)| wanted(*right, *scope))
                .count()
        };
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        let outside = count(&|_, scope| !scope);
        Point {
            answer_from,
            answered: share(count(&|_, scope| scope), self.in_scope),
            answer_precision: share(count(&|right, _| right), count(&|_, _| true)),
            refusal_recall: share(self.out_of_scope - outside, self.out_of_scope),
        }
    }
}

/// Whether two answers are equal but for numbers of citations, case and punctuation, and the F1 of their
/// words (as in SQuAD, Rajpurkar et al. 2016).
fn overlap(given: &str, expected: &str) -> (bool, f64) {
    let words = |text: &str| modelwright_tasks::words(&text::folded(&plain(text)));
    let (given, expected) = (words(given), words(expected));
    let mut left: HashMap<&str, usize> = HashMap::new();
    expected
        .iter()
        .for_each(|word| *left.entry(word).or_default() += 1);
    let mut common = 0;
    for word in &given {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    let f1 = 2.0 * f64::from(common) / (given.len() + expected.len()).max(1) as f64;
    (given == expected, f1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_by_their_words() {
        assert_eq!(overlap("Two days. [1]", "two days"), (true, 1.0));
        let (exact, f1) = overlap("It takes two days", "two days");
        assert!(!exact && (f1 - 4.0 / 6.0).abs() < 1e-9);
        assert_eq!(overlap("七天", "七天").1, 1.0);
        assert_eq!(overlap("no", "yes"), (false, 0.0));
    }

    #[test]
    fn questions_are_read_from_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.csv");
        std::fs::write(
            &path,
            "question,document,expected\na?,x.md,\nb?,,how\nc?,,\n",
        )
        .unwrap();
        let questions = questions(&path).unwrap();
        let scopes: Vec<bool> = questions.iter().map(Question::in_scope).collect();
        assert_eq!(scopes, [true, true, false]);
        std::fs::write(&path, "q\na\nb\n").unwrap();
        assert!(super::questions(&path).is_err());
    }
}
