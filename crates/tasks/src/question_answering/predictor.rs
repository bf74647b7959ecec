//! Answers from a trained network.

use super::Kind;
use super::decode::{Choice, Found, Scored, best_threshold, find};
use super::rows::{CONTEXT, Names, Questions};
use super::training;
use super::windows::WindowSet;
use crate::answers::Truth;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::{InputColumn, InputSchema, InputValues};
use crate::network;
use crate::output::OutputSchema;
use crate::parts::or_train;
use crate::task::{Prediction, Predictor};
use crate::text;
use burn::tensor::Device;
use modelwright_data::{Column, Content, Dataset, Part, Table};
use modelwright_evaluate::{SpanReport, span_score};
use modelwright_models::{SpanNet, Tokenizer};
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Windows that go through the network at once.
const BATCH: usize = 32;
/// Questions whose windows are held at once.
const BLOCK: usize = 256;
/// Most characters of a context; its windows are read one after the other, which takes minutes already.
const LONGEST_CONTEXT: usize = 1_000_000;

/// `preprocessor_config.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Preprocessor {
    pub kind: Kind,
    #[serde(flatten)]
    pub names: Names,
    /// The margin over "no answer" from which an answer is given; without one there is always an
    /// answer, as the model has seen no question without.
    pub threshold: Option<f32>,
    /// Tokens of a window.
    pub max_length: usize,
    /// About how many characters of a question are read.
    pub longest_question: usize,
}

/// A network with its tokenizer.
pub(super) struct SpanPredictor {
    pub net: SpanNet,
    pub tokenizer: Tokenizer,
    pub preprocessor: Preprocessor,
    pub device: Device,
}

impl SpanPredictor {
    /// The one in a bundle.
    pub fn load(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let preprocessor = bundle.read_json(PREPROCESSOR)?;
        let tokenizer = text::tokenizer_of(bundle)?;
        let config = network::config(bundle)?;
        let exported = text::exported_in(bundle, &config)?;
        let (model, adapter) = (exported.model(), exported.adapter());
        let net = SpanNet::from_bundle(&config, tokenizer.vocabulary(), model, adapter, &device)
            .map_err(|e| bundle.broken(e))?;
        Ok(Self {
            net,
            tokenizer,
            preprocessor,
            device,
        })
    }

    /// The best answers to the questions in `rows`, in this order.
    fn found(&self, questions: Questions, rows: &[usize]) -> Vec<Found> {
        let mut all = Vec::with_capacity(rows.len());
        for block in rows.chunks(BLOCK) {
            let max_length = self.preprocessor.max_length;
            let set = WindowSet::new(&self.tokenizer, questions, block, max_length);
            let logits = self.logits(&set);
            let scored = |window: usize| Scored {
                view: set.view(window),
                start: &logits[window].0,
                end: &logits[window].1,
            };
            for question in 0..set.questions() {
                let windows: Vec<Scored> = set.of_question(question).map(scored).collect();
                all.push(find(&windows));
            }
        }
        all
    }

    /// The logits of start and end of each window, computed in batches of like length.
    fn logits(&self, set: &WindowSet) -> Vec<(Vec<f32>, Vec<f32>)> {
        let lengths = set.lengths();
        let mut order: Vec<usize> = (0..set.len()).collect();
        order.sort_by_key(|window| lengths[*window]);
        let mut all = vec![Default::default(); set.len()];
        for windows in order.chunks(BATCH) {
            let (start, end) = self.net.forward(&set.batch(windows, &self.device));
            let width = start.dims()[1];
            let [start, end] =
                [start, end].map(|t| t.into_data().iter::<f32>().collect::<Vec<f32>>());
            for (i, window) in windows.iter().enumerate() {
                let row = i * width..(i + 1) * width;
                all[*window] = (start[row.clone()].to_vec(), end[row].to_vec());
            }
        }
        all
    }

    /// Sets the threshold to what is best for the questions in `rows`.
    pub fn tune(&mut self, questions: Questions, rows: &[usize]) {
        let found = self.found(questions, rows);
        let choice = |(found, row): (Found, &usize)| {
            let accepted = questions.accepted(*row);
            let answer = found
                .answer(None)
                .map(|bytes| &questions.context(*row)[bytes]);
            Choice {
                margin: found.margin,
                f1: span_score(answer.unwrap_or_default(), &accepted).f1,
                f1_of_none: span_score("", &accepted).f1,
            }
        };
        let choices = found.into_iter().zip(rows).map(choice).collect();
        self.preprocessor.threshold = Some(best_threshold(choices));
    }

    fn questions<'a>(&self, table: &'a Table, place: &str) -> Result<Questions<'a>, TaskError> {
        Questions::of(table, place, &self.preprocessor.names)
    }

    /// Questions with true answers.
    fn answered<'a>(&self, dataset: &'a Dataset) -> Result<Questions<'a>, TaskError> {
        let place = &dataset.source;
        let table = table_of(&dataset.content, place)?;
        Questions::with_answers(table, place, &self.preprocessor.names)
    }

    /// Scores of the answers to those of `rows` that have a question and a context.
    pub fn evaluate_rows(&self, questions: Questions, rows: &[usize]) -> SpanReport {
        let rows = questions.usable_of(rows);
        let threshold = self.preprocessor.threshold;
        let found = self.found(questions, &rows);
        let answer = |(found, row): (Found, &usize)| {
            let place = found.answer(threshold);
            place.map_or(String::new(), |bytes| {
                questions.context(*row)[bytes].to_string()
            })
        };
        let answers: Vec<String> = found.into_iter().zip(&rows).map(answer).collect();
        let accepted: Vec<Vec<String>> = rows.iter().map(|row| questions.accepted(*row)).collect();
        SpanReport::new(&answers, &accepted)
    }

    fn prediction(&self, context: &str, found: &Found) -> Prediction {
        let place = found.answer(self.preprocessor.threshold);
        let probability = found.sureness(place.is_some());
        let bytes = place.unwrap_or(0..0);
        let characters = |end: usize| context[..end].chars().count();
        Prediction::Span {
            start: characters(bytes.start),
            end: characters(bytes.end),
            answer: context[bytes].to_string(),
            probability,
        }
    }
}

impl Predictor for SpanPredictor {
    fn labels(&self) -> &[String] {
        &[]
    }

    fn input(&self) -> InputSchema {
        let column = |name: &str, longest: usize| InputColumn {
            name: name.into(),
            values: InputValues::Text { longest },
        };
        let Preprocessor {
            names,
            longest_question,
            ..
        } = &self.preprocessor;
        InputSchema::Table {
            columns: vec![
                column(CONTEXT, LONGEST_CONTEXT),
                column(&names.question, *longest_question),
            ],
        }
    }

    fn output(&self) -> OutputSchema {
        OutputSchema::Span
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        let questions = self.questions(table_of(&content, place)?, place)?;
        check(questions, place, 0..questions.len())?;
        let column = |name: &str, text: &dyn Fn(usize) -> String| {
            let words: Vec<Option<String>> = (0..questions.len()).map(|r| Some(text(r))).collect();
            Column::of_texts(name, &words)
        };
        Ok(Content::Table(Table {
            columns: vec![
                column(CONTEXT, &|row| questions.context(row).into()),
                column(&self.preprocessor.names.question, &|row| {
                    questions.question(row).into()
                }),
            ],
        }))
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let questions = self.questions(table_of(content, place)?, place)?;
        check(questions, place, rows.clone())?;
        let rows: Vec<usize> = rows.collect();
        let found = self.found(questions, &rows);
        let answers = found.iter().zip(&rows);
        Ok(answers
            .map(|(found, row)| self.prediction(questions.context(*row), found))
            .collect())
    }

    fn truth(&self, dataset: &Dataset, rows: &[usize]) -> Result<(Vec<usize>, Truth), TaskError> {
        let questions = self.answered(dataset)?;
        let rows = questions.usable_of(rows);
        let accepted = rows.iter().map(|row| questions.accepted(*row)).collect();
        Ok((rows, Truth::Texts(accepted)))
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let questions = self.answered(dataset)?;
        Ok(Evaluation::Spans(self.evaluate_rows(questions, rows)))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        let parts = training::parts(dataset, &self.preprocessor.names, recipe)?;
        Ok(or_train(parts))
    }
}

/// The table to predict for.
fn table_of<'a>(content: &'a Content, place: &str) -> Result<&'a Table, TaskError> {
    match content {
        Content::Table(table) => Ok(table),
        Content::Images(_) => Err(TaskError::asked(
            format!("{place} holds pictures, but this model takes questions and texts"),
            "give a .csv, .jsonl or SQuAD .json file",
        )),
    }
}

/// An error that names the first row without a question or a context, or with too long a context.
fn check(questions: Questions, place: &str, rows: Range<usize>) -> Result<(), TaskError> {
    let problem = |row: usize| {
        let (question, context) = (questions.question(row), questions.context(row));
        if question.trim().is_empty() {
            Some(("the question is empty".to_string(), "ask something"))
        } else if context.trim().is_empty() {
            Some((
                "the context is empty".to_string(),
                "give the text in which the answer stands",
            ))
        } else if context.len() > LONGEST_CONTEXT && context.chars().count() > LONGEST_CONTEXT {
            let long = context.chars().count();
            let problem = format!("the context has {long} characters, more than {LONGEST_CONTEXT}");
            Some((problem, "give only the part that may hold the answer"))
        } else {
            None
        }
    };
    for row in rows {
        if let Some((problem, help)) = problem(row) {
            return Err(TaskError::asked(
                format!("{place}, row {}: {problem}", row + 1),
                help,
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Preprocessor;

    #[test]
    fn bundles_keep_their_layout() {
        for text in [
            r#"{"kind":"spans","question":"q","answer":"a","threshold":-0.5,"max_length":384,"longest_question":700}"#,
            r#"{"kind":"spans","question":"q","answer":"a","threshold":null,"max_length":8,"longest_question":9}"#,
        ] {
            let preprocessor: Preprocessor = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&preprocessor).unwrap(), text);
        }
    }
}
