//! Classes of texts from a trained network.

use super::examples::{Examples, as_known};
use super::head::{THRESHOLD, as_flags, decide};
use crate::answers::Truth;
use crate::classify::predictions;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::inside::{self, Inside, Slopes, TextInside, TextTokens};
use crate::network;
use crate::output::OutputSchema;
use crate::parts::or_train;
use crate::task::{Prediction, Predictor};
use crate::text::{self, TokenSet};
use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Device, Tensor};
use modelwright_data::{Content, DataConfig, Dataset, Part, Table};
use modelwright_evaluate::{ClassificationReport, MultiLabelReport};
use modelwright_models::{Exported, ModelConfig, TextNet, TokenBatch, Tokenizer};
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;

/// Texts that go through the network at once.
const BATCH: usize = 32;

/// `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Preprocessor {
    /// The column of the texts.
    pub text: String,
    /// The column of their classes.
    pub target: String,
    /// What stands between the classes of a text that may have several; without it each has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
    /// Class names.
    pub classes: Vec<String>,
    /// Tokens of a text that are read.
    pub max_length: usize,
    /// About how many characters these are.
    pub characters: usize,
}

/// A network with its tokenizer and class names.
pub(super) struct TextPredictor {
    net: TextNet,
    tokenizer: Tokenizer,
    preprocessor: Preprocessor,
    device: Device,
}

impl TextPredictor {
    /// With the weights as a bundle holds them.
    pub fn new(
        config: &ModelConfig,
        exported: &Exported,
        tokenizer: Tokenizer,
        preprocessor: Preprocessor,
        device: Device,
    ) -> Result<Self, String> {
        let (vocabulary, outputs) = (tokenizer.vocabulary(), preprocessor.classes.len());
        let (model, adapter) = (exported.model(), exported.adapter());
        let net = TextNet::from_bundle(config, vocabulary, outputs, model, adapter, &device)?;
        Ok(Self {
            net,
            tokenizer,
            preprocessor,
            device,
        })
    }

    /// The one in a bundle.
    pub fn load(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let preprocessor: Preprocessor = bundle.read_json(PREPROCESSOR)?;
        let config = network::config(bundle)?;
        let exported = text::exported_in(bundle, &config)?;
        let tokenizer = text::tokenizer_of(bundle)?;
        let predictor = Self::new(&config, &exported, tokenizer, preprocessor, device);
        Ok(predictor.map_err(|problem| bundle.broken(problem))?)
    }

    /// Whether a text may have several classes.
    fn several(&self) -> bool {
        self.preprocessor.label_separator.is_some()
    }

    fn tokens<T: AsRef<str> + Sync>(&self, texts: &[T]) -> TokenSet {
        TokenSet::new(&self.tokenizer, texts, self.preprocessor.max_length)
    }

    /// Probabilities of all classes for some texts of a set, row by row.
    pub fn probabilities(&self, tokens: &TokenSet, texts: &[usize]) -> Vec<f32> {
        tokens.map(texts, BATCH, &self.device, |batch| {
            let logits = self.net.forward(&batch);
            match self.several() {
                true => sigmoid(logits),
                false => softmax(logits, 1),
            }
        })
    }

    /// Metrics of probabilities, given the true classes of their texts.
    pub fn report(&self, probabilities: &[f32], truth: &[impl AsRef<[u32]>]) -> Evaluation {
        let classes = &self.preprocessor.classes;
        if self.several() {
            let truth = as_flags(truth, classes.len());
            let report = MultiLabelReport::new(classes, probabilities, &truth, THRESHOLD);
            return Evaluation::MultiLabel(report);
        }
        let truth: Vec<u32> = truth.iter().map(|of| of.as_ref()[0]).collect();
        Evaluation::Classification(ClassificationReport::new(classes, probabilities, &truth))
    }

    /// The texts of a data set with their classes, in the columns that the model was trained on.
    fn examples<'a>(&self, dataset: &'a Dataset) -> Result<Examples<'a>, TaskError> {
        let p = &self.preprocessor;
        let columns = DataConfig {
            text: Some(p.text.clone()),
            target: Some(p.target.clone()),
            label_separator: p.label_separator.clone(),
            ..DataConfig::default()
        };
        Examples::read(dataset, &columns)
    }

    /// Those of `rows` with a text and, unless it may have none, a class, and their classes.
    fn known(
        &self,
        examples: &Examples,
        dataset: &Dataset,
        rows: &[usize],
    ) -> Result<(Vec<usize>, Vec<Vec<u32>>), TaskError> {
        let usable: HashSet<usize> = examples.rows.iter().copied().collect();
        let rows: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|r| usable.contains(r))
            .collect();
        let classes = &self.preprocessor.classes;
        let truth = as_known(examples, &rows, classes, &dataset.source)?;
        Ok((rows, truth))
    }
}

impl Predictor for TextPredictor {
    fn labels(&self) -> &[String] {
        &self.preprocessor.classes
    }

    fn input(&self) -> InputSchema {
        InputSchema::text(&self.preprocessor.text, self.preprocessor.characters)
    }

    fn output(&self) -> OutputSchema {
        match self.several() {
            true => OutputSchema::Labels,
            false => OutputSchema::Class,
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
        let all: Vec<usize> = (0..texts.len()).collect();
        let probabilities = self.probabilities(&self.tokens(&texts), &all);
        let classes = &self.preprocessor.classes;
        if !self.several() {
            return Ok(predictions(classes, &probabilities));
        }
        let prediction = |row: &[f32]| {
            let mut given = decide(row, Some(THRESHOLD));
            given.sort_by(|a, b| row[*b as usize].total_cmp(&row[*a as usize]));
            Prediction::Labels {
                labels: given.iter().map(|i| classes[*i as usize].clone()).collect(),
                probabilities: row.to_vec(),
            }
        };
        Ok(probabilities
            .chunks_exact(classes.len())
            .map(prediction)
            .collect())
    }

    fn truth(&self, dataset: &Dataset, rows: &[usize]) -> Result<(Vec<usize>, Truth), TaskError> {
        let (rows, truth) = self.known(&self.examples(dataset)?, dataset, rows)?;
        let truth = match self.several() {
            true => Truth::Sets(truth),
            false => Truth::Classes(truth.iter().map(|of| of[0]).collect()),
        };
        Ok((rows, truth))
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let examples = self.examples(dataset)?;
        let (rows, truth) = self.known(&examples, dataset, rows)?;
        let all: Vec<usize> = (0..rows.len()).collect();
        let probabilities = self.probabilities(&self.tokens(&examples.texts_of(&rows)), &all);
        Ok(self.report(&probabilities, &truth))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        let examples = Examples::read(dataset, &recipe.data)?;
        Ok(or_train(examples.parts(recipe)))
    }

    fn inside(&self) -> Inside<'_> {
        Inside::Texts(self)
    }

    fn features(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Option<Vec<f32>>, TaskError> {
        let table = table_of(content, place)?;
        let texts = text::texts_to_answer(&self.preprocessor.text, table, place, rows)?;
        let all: Vec<usize> = (0..texts.len()).collect();
        let hidden = |batch| self.net.hidden(&batch);
        let tokens = self.tokens(&texts);
        Ok(Some(tokens.map(&all, BATCH, &self.device, hidden)))
    }
}

impl TextInside for TextPredictor {
    fn read(&self, text: &str) -> TextTokens {
        let encoded = self.tokenizer.encode(text, self.preprocessor.max_length);
        TextTokens {
            ids: encoded.ids,
            pieces: encoded.pieces,
            truncated: encoded.truncated,
            padding: self.tokenizer.pad(),
        }
    }

    fn words(&self, ids: &[u32]) -> Vec<f32> {
        let batch = TokenBatch::new(&[ids], self.tokenizer.pad(), &self.device);
        self.net.words(&batch).into_data().iter::<f32>().collect()
    }

    fn slopes(&self, ids: &[u32], words: &[f32], output: usize) -> Slopes {
        let net = inside::opened(&self.net);
        let device = self.device.clone().autodiff();
        let features = self.words(&ids[..1]).len();
        let copies = words.len() / (ids.len() * features);
        let batch = TokenBatch::new(&vec![ids; copies], self.tokenizer.pad(), &device);
        let one = [1, ids.len(), features];
        inside::slopes(words, one, output, &device, |x: Tensor<3>| {
            net.forward_words(x, &batch)
        })
    }
}

/// The table of texts to answer for.
fn table_of<'a>(content: &'a Content, place: &str) -> Result<&'a Table, TaskError> {
    match content {
        Content::Table(table) => Ok(table),
        Content::Images(_) => Err(TaskError::asked(
            format!("{place} holds pictures, but this model takes texts"),
            "give a text, text files, or a table with a column of texts",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_keep_their_layout() {
        let one = r#"{"text":"review","target":"label","classes":["a","b"],"max_length":256,"characters":900}"#;
        let several = r#"{"text":"t","target":"l","label_separator":"|","classes":["a"],"max_length":8,"characters":9}"#;
        for text in [one, several] {
            let preprocessor: Preprocessor = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&preprocessor).unwrap(), text);
        }
    }
}
