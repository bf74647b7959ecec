//! A trained network that answers for rows of a table, whatever is predicted.

use crate::answers::Truth;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::network;
use crate::parts::{Division, or_train};
use crate::task::{Prediction, Predictor};
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::{Content, Dataset, Part, Table, TableEncoder};
use modelwright_models::TableNet;
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Rows that go through the network at once.
const BATCH: usize = 1024;

/// What is predicted for a row: one of several classes, or a quantity.
pub(crate) trait Answer: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Outputs of the network.
    fn outputs(&self) -> usize;

    /// Class names; empty for a quantity.
    fn labels(&self) -> &[String];

    /// What the outputs say, row by row: probabilities of all classes, or the scaled quantity.
    fn decode(&self, outputs: Tensor<2>) -> Vec<f32>;

    /// Decoded outputs as predictions.
    fn predictions(&self, decoded: &[f32]) -> Vec<Prediction>;

    /// Metrics on those of `rows` whose column `target` has a value; `decoded` gives what the network
    /// says for some rows.
    fn evaluate(
        &self,
        table: &Table,
        target: &str,
        place: &str,
        rows: &[usize],
        decoded: impl Fn(&[usize]) -> Result<Vec<f32>, TaskError>,
    ) -> Result<Evaluation, TaskError>;

    /// Those of `rows` whose column `target` has a value, and the values.
    fn truth(
        &self,
        table: &Table,
        target: &str,
        place: &str,
        rows: &[usize],
    ) -> Result<(Vec<usize>, Truth), TaskError>;

    /// The rows whose column `target` has a value, and the stratum of each for dividing them.
    fn strata(
        table: &Table,
        target: &str,
        place: &str,
    ) -> Result<(Vec<usize>, Vec<u32>), TaskError>;
}

/// `preprocessor_config.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Preprocessor<A> {
    /// The column that is predicted.
    pub target: String,
    /// What is in it.
    #[serde(flatten)]
    pub answer: A,
    /// From the other columns to inputs of the network.
    pub encoder: TableEncoder,
}

/// A network with its preprocessing.
pub(crate) struct RowPredictor<A> {
    net: TableNet,
    preprocessor: Preprocessor<A>,
    device: Device,
}

impl<A: Answer> RowPredictor<A> {
    pub fn new(net: TableNet, preprocessor: Preprocessor<A>, device: Device) -> Self {
        Self {
            net,
            preprocessor,
            device,
        }
    }

    /// The one in a bundle.
    pub fn load(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let preprocessor: Preprocessor<A> = bundle.read_json(PREPROCESSOR)?;
        let inputs = preprocessor.encoder.width();
        let outputs = preprocessor.answer.outputs();
        let net = network::load(bundle, &[inputs], outputs, |config| {
            TableNet::new(config, inputs, outputs, &device)
        })?;
        Ok(Self::new(net, preprocessor, device))
    }

    /// What the network says for some rows.
    fn decoded(&self, table: &Table, place: &str, rows: &[usize]) -> Result<Vec<f32>, TaskError> {
        let Preprocessor {
            answer, encoder, ..
        } = &self.preprocessor;
        let mut all = Vec::with_capacity(rows.len() * answer.outputs());
        for chunk in rows.chunks(BATCH) {
            let inputs = encoder.encode(table, place, chunk)?;
            let data = TensorData::new(inputs, [chunk.len(), encoder.width()]);
            let outputs = self.net.forward(Tensor::from_data(data, &self.device));
            all.extend(answer.decode(outputs));
        }
        Ok(all)
    }
}

impl<A: Answer> Predictor for RowPredictor<A> {
    fn labels(&self) -> &[String] {
        self.preprocessor.answer.labels()
    }

    fn input(&self) -> InputSchema {
        InputSchema::of_table(&self.preprocessor.encoder)
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        let table = table_of(&content, place)?;
        Ok(Content::Table(
            self.preprocessor.encoder.conform(table, place)?,
        ))
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let table = table_of(content, place)?;
        let rows: Vec<usize> = rows.collect();
        let decoded = self.decoded(table, place, &rows)?;
        Ok(self.preprocessor.answer.predictions(&decoded))
    }

    fn truth(&self, dataset: &Dataset, rows: &[usize]) -> Result<(Vec<usize>, Truth), TaskError> {
        let p = &self.preprocessor;
        let place = &dataset.source;
        let table = table_of(&dataset.content, place)?;
        p.answer.truth(table, &p.target, place, rows)
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let p = &self.preprocessor;
        let place = &dataset.source;
        let table = table_of(&dataset.content, place)?;
        let decoded = |rows: &[usize]| self.decoded(table, place, rows);
        p.answer.evaluate(table, &p.target, place, rows, decoded)
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        let parts = parts::<A>(dataset, &self.preprocessor.target, recipe)?;
        Ok(or_train(parts))
    }
}

/// The part of each row; `None` for those whose column `target` has no value.
pub(crate) fn parts<A: Answer>(
    dataset: &Dataset,
    target: &str,
    recipe: &Recipe,
) -> Result<Vec<Option<Part>>, TaskError> {
    let place = &dataset.source;
    let table = table_of(&dataset.content, place)?;
    let (rows, strata) = A::strata(table, target, place)?;
    let division = Division {
        rows: &rows,
        strata: &strata,
        hashes: &table.hashes(),
        given: &table.given(&recipe.data, place)?,
    };
    Ok(division.of_all(recipe))
}

/// The table to predict for.
pub(crate) fn table_of<'a>(content: &'a Content, place: &str) -> Result<&'a Table, TaskError> {
    match content {
        Content::Table(table) => Ok(table),
        Content::Images(_) => Err(TaskError::asked(
            format!("{place} holds pictures, but this model takes rows of a table"),
            "give a .csv, .tsv, .jsonl or .parquet file",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tabular_classification::Classes;
    use crate::tabular_regression::Quantity;

    /// Reads what bundles have held from the first on, and writes it again.
    fn again<A: Answer>(text: &str) -> String {
        let preprocessor: Preprocessor<A> = serde_json::from_str(text).unwrap();
        serde_json::to_string(&preprocessor).unwrap()
    }

    #[test]
    fn bundles_keep_their_layout() {
        let classes = r#"{"target":"y","classes":["a","b"],"encoder":{"columns":[]}}"#;
        assert_eq!(again::<Classes>(classes), classes);
        let quantity = r#"{"target":"y","scale":{"mean":0.1,"std":1e-7},"encoder":{"columns":[]}}"#;
        assert_eq!(again::<Quantity>(quantity), quantity);
    }
}
