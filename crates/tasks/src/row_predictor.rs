//! A trained network that answers for rows of a table, whatever is predicted.

use crate::answers::Truth;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::inside::{Inside, LinearOutputs, RowInside};
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

    /// What an output is multiplied by, and what is added to it, to be in the unit of the answer.
    fn unit(&self) -> (f64, f64) {
        (1.0, 0.0)
    }

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

    fn inside(&self) -> Inside<'_> {
        Inside::Rows(self)
    }

    fn features(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Option<Vec<f32>>, TaskError> {
        let rows: Vec<usize> = rows.collect();
        let table = table_of(content, place)?;
        let inputs = self.preprocessor.encoder.encode(table, place, &rows)?;
        Ok(Some(inputs))
    }
}

impl<A: Answer> RowInside for RowPredictor<A> {
    fn encoder(&self) -> &TableEncoder {
        &self.preprocessor.encoder
    }

    fn linear(&self) -> Option<LinearOutputs> {
        let TableNet::Linear(model) = &self.net else {
            return None;
        };
        let (scale, shift) = self.preprocessor.answer.unit();
        let weights: Vec<f64> = model.fc.weight.val().into_data().iter::<f64>().collect();
        let inputs = self.preprocessor.encoder.width();
        let row = |row: &[f64]| row.iter().map(|w| w * scale).collect();
        let weights: Vec<Vec<f64>> = weights.chunks_exact(inputs).map(row).collect();
        let biases: Vec<f64> = match &model.fc.bias {
            Some(bias) => bias.val().into_data().iter::<f64>().collect(),
            None => vec![0.0; weights.len()],
        };
        let biases = biases.iter().map(|b| b * scale + shift).collect();
        Some(LinearOutputs { weights, biases })
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
