//! Vectors of texts from a trained network.

use super::encoder::SentenceEncoder;
use super::pairs::{PairColumns, numbered};
use super::ranks::Paired;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::index::Vectors;
use crate::input::InputSchema;
use crate::output::OutputSchema;
use crate::parts::or_train;
use crate::row_predictor::table_of;
use crate::task::{Prediction, Predictor};
use crate::text;
use burn::tensor::Device;
use modelwright_data::{Content, DataConfig, Dataset, Part};
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Texts that go through the network at once.
const BATCH: usize = 32;
/// Name of the column where the encoder was trained elsewhere.
const TEXT: &str = "text";
/// About how many characters an English token has.
const CHARACTERS: usize = 4;

/// `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Preprocessor {
    /// The column of the first texts, those that are asked with.
    pub text: String,
    /// The column of the second texts, those that are to be found.
    pub target: String,
    /// About how many characters of a text are read.
    pub characters: usize,
}

/// A sentence encoder with the columns that it was trained on.
pub(super) struct PairPredictor {
    encoder: SentenceEncoder,
    preprocessor: Preprocessor,
}

impl PairPredictor {
    pub fn new(encoder: SentenceEncoder, preprocessor: Preprocessor) -> Self {
        Self {
            encoder,
            preprocessor,
        }
    }

    /// The one in a bundle.
    pub fn load(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let preprocessor = bundle.read_json(PREPROCESSOR)?;
        Ok(Self::new(
            SentenceEncoder::from_bundle(bundle, device)?,
            preprocessor,
        ))
    }

    fn vectors<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Vectors {
        let values = self.encoder.embed(texts, BATCH, &|_, _| {});
        Vectors::new(values, self.encoder.dimension())
    }
}

impl SentenceEncoder {
    /// As a predictor of one text, for whoever serves an encoder that was trained elsewhere.
    pub fn into_predictor(self) -> Box<dyn Predictor> {
        let preprocessor = Preprocessor {
            text: TEXT.into(),
            target: TEXT.into(),
            characters: CHARACTERS * self.max_length(),
        };
        Box::new(PairPredictor::new(self, preprocessor))
    }
}

impl Predictor for PairPredictor {
    fn labels(&self) -> &[String] {
        &[]
    }

    fn input(&self) -> InputSchema {
        InputSchema::text(&self.preprocessor.text, self.preprocessor.characters)
    }

    fn output(&self) -> OutputSchema {
        OutputSchema::Vector {
            width: self.encoder.dimension(),
        }
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        let table = table_of(&content, place)?;
        let texts = text::text_table(&self.preprocessor.text, table, place)?;
        Ok(Content::Table(texts))
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let table = table_of(content, place)?;
        let texts = text::texts_to_answer(&self.preprocessor.text, table, place, rows)?;
        let vectors = self.vectors(&texts);
        let prediction = |row: &[f32]| Prediction::Vector {
            values: row.to_vec(),
        };
        let rows = vectors.values().chunks_exact(vectors.dimension());
        Ok(rows.map(prediction).collect())
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let config = DataConfig {
            text: Some(self.preprocessor.text.clone()),
            target: Some(self.preprocessor.target.clone()),
            ..DataConfig::default()
        };
        let pairs = PairColumns::find(dataset, &config)?.texts();
        let wanted: std::collections::HashSet<usize> = rows.iter().copied().collect();
        let rows = pairs.complete();
        let rows: Vec<usize> = rows.into_iter().filter(|r| wanted.contains(r)).collect();
        if rows.is_empty() {
            return Err(TaskError::asked(
                format!("{}: no pair is complete", dataset.source),
                "give rows with a text in both columns",
            ));
        }
        let of = |texts: &[std::borrow::Cow<str>]| {
            let texts: Vec<&str> = rows.iter().map(|r| texts[*r].as_ref()).collect();
            (self.vectors(&texts), numbered(&texts))
        };
        let ((first, a), (second, b)) = (of(&pairs.first), of(&pairs.second));
        let report = Paired::new(&first, &second, [&a, &b]).report();
        Ok(Evaluation::Retrieval(report))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        Ok(or_train(super::parts(dataset, recipe)?))
    }
}
