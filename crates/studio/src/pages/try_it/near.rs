//! Which of a run's own texts lie near to another one.

use super::Trial;
use crate::app::Studio;
use crate::pages::texts;
use crate::{Ctx, Problem};
use modelwright_data::{Column, Content, Dataset, Table};
use modelwright_runs::{Run, RunFolder};
use modelwright_tasks::{InputSchema, Prediction, TaskError, predictions_of_bundle};
use std::collections::HashSet;

/// Texts that are compared with: enough to see what the model makes of them, in seconds.
const MOST: usize = 500;
/// Neighbours that are shown.
const SHOWN: usize = 5;

/// Texts of a run's data with their vectors.
pub(crate) struct Near {
    texts: Vec<(usize, String)>,
    /// All of one length, one behind the other.
    vectors: Vec<f32>,
}

/// A text of the data near to one that was asked about.
pub(super) struct Neighbour {
    pub row: usize,
    pub text: String,
    pub score: f32,
}

impl Near {
    /// Of texts that are spread over the data, each once.
    pub fn of(
        run: &Run,
        folder: &RunFolder,
        data: &Dataset,
        input: &InputSchema,
    ) -> Result<Self, TaskError> {
        let texts = match texts::column(run, data) {
            Some(column) => spread(column),
            None => Vec::new(),
        };
        let (Some(name), false) = (input.only_text(), texts.is_empty()) else {
            return Ok(Self {
                texts: Vec::new(),
                vectors: Vec::new(),
            });
        };
        let words: Vec<_> = texts.iter().map(|(_, text)| Some(text.clone())).collect();
        let table = Table {
            columns: vec![Column::of_words(name.name.clone(), &words)],
        };
        let content = Content::Table(table);
        let predictions = predictions_of_bundle(&folder.bundle(), &data.source, content)?;
        let vectors = predictions.into_iter().flat_map(|p| match p {
            Prediction::Vector { values } => values,
            _ => Vec::new(),
        });
        Ok(Self {
            vectors: vectors.collect(),
            texts,
        })
    }

    /// The nearest ones, the nearest first.
    fn to(&self, vector: &[f32]) -> Vec<Neighbour> {
        let rows = self.vectors.chunks_exact(vector.len().max(1));
        let cosine = |row: &[f32]| -> f32 { row.iter().zip(vector).map(|(a, b)| a * b).sum() };
        let mut scored: Vec<(f32, &(usize, String))> = rows.map(cosine).zip(&self.texts).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let neighbour = |(score, (row, text)): (f32, &(usize, String))| Neighbour {
            row: *row,
            text: text.clone(),
            score,
        };
        scored.into_iter().take(SHOWN).map(neighbour).collect()
    }
}

/// Different texts of a column with their rows, evenly chosen.
fn spread(column: &Column) -> Vec<(usize, String)> {
    let step = column.len().div_ceil(MOST).max(1);
    let mut seen = HashSet::new();
    (0..column.len())
        .step_by(step)
        .filter(|row| !column.is_missing(*row))
        .map(|row| (row, column.text(row)))
        .filter(|(_, text)| seen.insert(text.clone()))
        .collect()
}

impl Trial {
    /// The texts of the data that are nearest to a vector; none if the data is gone.
    pub(super) async fn nearest(
        &self,
        ctx: &Ctx,
        vector: &[f32],
    ) -> Result<Vec<Neighbour>, Problem> {
        let Some(data) = self.data.clone() else {
            return Ok(Vec::new());
        };
        let (of_run, input, vector) = (self.of_run.clone(), self.input.clone(), vector.to_vec());
        let search = move |studio: &Studio| -> Result<Vec<Neighbour>, Problem> {
            let near = studio
                .shelf()
                .near(&of_run.run, &of_run.folder, &data, &input)?;
            Ok(near.to(&vector))
        };
        ctx.studio.blocking(search).await
    }
}
