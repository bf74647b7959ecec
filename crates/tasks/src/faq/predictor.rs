//! Answers from a FAQ.

use super::entries::{Columns, Expected};
use super::matcher::Faq;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::index::Vectors;
use crate::input::InputSchema;
use crate::output::OutputSchema;
use crate::parts::or_train;
use crate::row_predictor::table_of;
use crate::task::{Neighbour, Prediction, Predictor};
use crate::text;
use crate::text_embedding::SentenceEncoder;
use modelwright_data::{Content, Dataset, Part, Table};
use modelwright_evaluate::{QueryOutcome, RetrievalReport};
use modelwright_train::Recipe;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Questions that go through the encoder at once.
pub(super) const BATCH: usize = 32;
/// Known questions that are shown beside an answer.
const NEIGHBOURS: usize = 5;

/// A FAQ with the encoder that reads questions to it.
pub(super) struct FaqPredictor {
    faq: Faq,
    encoder: Option<SentenceEncoder>,
    columns: Columns,
    characters: usize,
}

impl FaqPredictor {
    pub fn new(
        faq: Faq,
        encoder: Option<SentenceEncoder>,
        columns: Columns,
        characters: usize,
    ) -> Self {
        Self {
            faq,
            encoder,
            columns,
            characters,
        }
    }

    /// What `work` makes of each text and its vector.
    fn each<T: Send>(
        &self,
        texts: &[Cow<str>],
        work: impl Fn(usize, &str, Option<&[f32]>) -> T + Sync,
    ) -> Vec<T> {
        let vectors = self.encoder.as_ref().map(|encoder| {
            let values = encoder.embed(texts, BATCH, &|_, _| {});
            Vectors::new(values, encoder.dimension())
        });
        let all = texts.par_iter().enumerate();
        all.map(|(i, text)| work(i, text, vectors.as_ref().map(|v| v.row(i))))
            .collect()
    }

    fn answer(&self, query: &str, vector: Option<&[f32]>) -> Prediction {
        let matcher = &self.faq.matcher;
        let found = matcher.best(&matcher.scores(query, vector), |_| false);
        let probability = self.faq.calibration.probability(found.evidence);
        let neighbours: Vec<Neighbour> = found
            .questions
            .iter()
            .take(NEIGHBOURS)
            .map(|near| Neighbour {
                text: matcher.entries.questions[near.row as usize].clone(),
                answer: matcher.answer(near.row, query).into(),
                score: near.score,
            })
            .collect();
        let best = neighbours.first();
        Prediction::Match {
            answer: best
                .filter(|_| probability >= self.faq.threshold)
                .map(|best| best.answer.clone()),
            question: best.map_or_else(String::new, |best| best.text.clone()),
            probability,
            neighbours,
        }
    }

    /// The questions of a table, all there.
    fn questions(&self, table: &Table, place: &str) -> Result<Table, TaskError> {
        text::text_table(&self.columns.question, table, place)
    }
}

impl Predictor for FaqPredictor {
    fn labels(&self) -> &[String] {
        &[]
    }

    fn input(&self) -> InputSchema {
        InputSchema::text(&self.columns.question, self.characters)
    }

    fn output(&self) -> OutputSchema {
        OutputSchema::Match
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        let table = table_of(&content, place)?;
        Ok(Content::Table(self.questions(table, place)?))
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let table = table_of(content, place)?;
        let texts = text::texts_to_answer(&self.columns.question, table, place, rows)?;
        Ok(self.each(&texts, |_, query, vector| self.answer(query, vector)))
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let place = &dataset.source;
        let table = table_of(&dataset.content, place)?;
        let matcher = &self.faq.matcher;
        let expected = Expected::find(table, place, &self.columns)?;
        let right = expected.of_rows(table, rows, place, &matcher.entries)?;
        let questions = self.questions(&table.select(rows), place)?;
        let texts = text::texts(&questions.columns[0]);
        let outcomes = self.each(&texts, |i, query, vector| {
            let found = matcher.best(&matcher.scores(query, vector), |_| false);
            let is_right = |q: u32| right[i].iter().any(|right| matcher.is_same(q, *right));
            QueryOutcome {
                in_scope: !right[i].is_empty(),
                rank: found.rank(is_right),
                confidence: self.faq.calibration.probability(found.evidence),
            }
        });
        let (count, threshold) = (matcher.entries.questions.len(), self.faq.threshold);
        Ok(Evaluation::Retrieval(RetrievalReport::new(
            &outcomes,
            count,
            Some(threshold),
        )))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        Ok(or_train(super::parts(dataset, recipe)?))
    }
}
