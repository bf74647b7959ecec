//! What a finished model says of each example that it was scored on.

use crate::classify::match_labels;
use crate::error::TaskError;
use crate::input::InputSchema;
use crate::origin::Origin;
use crate::session::STACK;
use crate::session::recipe_of;
use crate::table;
use crate::task::{Prediction, Predictor, load};
use burn::tensor::Device;
use modelwright_data::{Content, Dataset, Notify, Part};
use modelwright_evaluate::argmax;
use modelwright_runs::{Bundle, Run, RunFolder, write_file};
use modelwright_train::Recipe;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Answers of a model beside the true ones, example by example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// Positions of the examples in the data set.
    pub examples: Vec<usize>,
    /// The answers to them, in this order.
    #[serde(flatten)]
    pub values: AnswerValues,
}

/// The answers of one kind of task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AnswerValues {
    /// Of a classifier.
    Classes {
        /// Class names; the numbers below are indices into them.
        classes: Vec<String>,
        /// The true class of each example.
        truth: Vec<u32>,
        /// Probabilities of all classes, example by example.
        probabilities: Vec<f32>,
    },
    /// Of a regression.
    Values {
        /// Name of the target.
        target: String,
        /// The true value of each example.
        truth: Vec<f64>,
        /// The predicted one.
        predicted: Vec<f64>,
    },
}

impl Answers {
    /// The examples of class `truth` that the model took for class `predicted`, with the probability
    /// it gave its answer, the surest first. Empty for a regression.
    pub fn cell(&self, truth: usize, predicted: usize) -> Vec<(usize, f32)> {
        let AnswerValues::Classes {
            classes,
            truth: labels,
            probabilities,
        } = &self.values
        else {
            return Vec::new();
        };
        let rows = probabilities.chunks_exact(classes.len().max(1)).zip(labels);
        let mut found: Vec<(usize, f32)> = rows
            .zip(&self.examples)
            .filter(|((row, label), _)| **label as usize == truth && argmax(row) == predicted)
            .map(|((row, _), example)| (*example, row[predicted]))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    /// Those of a finished run: read if they were computed before, else computed and kept in the
    /// run's folder. `dataset` is what [`data_of_run`] gives.
    pub fn of_run(run: &Run, folder: &RunFolder, dataset: &Dataset) -> Result<Self, TaskError> {
        let path = folder.answers();
        // What cannot be read, such as a file of an older version, is made anew.
        let kept = std::fs::read(&path).ok();
        if let Some(answers) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(answers);
        }
        let (recipe, part) = (recipe_of(run)?, part_of(run));
        let answers = with_model(&folder.bundle(), |predictor| {
            Self::compute(predictor, &recipe, dataset, part)
        })?;
        write_file(&path, &serde_json::to_vec(&answers).unwrap_or_default())?;
        Ok(answers)
    }

    fn compute(
        predictor: &dyn Predictor,
        recipe: &Recipe,
        dataset: &Dataset,
        part: Part,
    ) -> Result<Self, TaskError> {
        let parts = predictor.parts(dataset, recipe)?;
        let mut examples: Vec<usize> = (0..parts.len()).filter(|i| parts[*i] == part).collect();
        let truth = Truth::of(predictor, recipe, dataset, &mut examples)?;
        let content = match &dataset.content {
            Content::Images(set) => Content::Images(set.select(&examples)),
            Content::Table(table) => Content::Table(table.select(&examples)),
        };
        let predictions = predictor.predict(&dataset.source, &content, 0..examples.len())?;
        let values = match truth {
            Truth::Classes(truth) => AnswerValues::Classes {
                classes: predictor.labels().to_vec(),
                truth,
                probabilities: predictions
                    .iter()
                    .flat_map(probabilities)
                    .copied()
                    .collect(),
            },
            Truth::Values(target, truth) => AnswerValues::Values {
                target,
                truth,
                predicted: predictions.iter().filter_map(value).collect(),
            },
        };
        Ok(Self { examples, values })
    }
}

/// The data of a run, read again.
///
/// # Errors
/// If it is gone, or if it has changed since the run was started.
pub fn data_of_run(run: &Run, folder: &RunFolder, notify: Notify) -> Result<Dataset, TaskError> {
    let origin = Origin::read(folder)?;
    Ok(origin.open(&recipe_of(run)?.data, notify)?.dataset)
}

/// What the model in a bundle takes.
pub fn input_of_bundle(bundle: &Path) -> Result<InputSchema, TaskError> {
    with_model(bundle, |predictor| Ok(predictor.input()))
}

/// Does something with the model in a bundle, on a thread whose stack is large enough for it.
fn with_model<T: Send>(
    bundle: &Path,
    work: impl FnOnce(&dyn Predictor) -> Result<T, TaskError> + Send,
) -> Result<T, TaskError> {
    let work = || work(&*load(&Bundle::open(bundle)?, Device::flex())?);
    let failed = |problem: &str| TaskError::asked(format!("{}: {problem}", bundle.display()), "");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(failed("its model broke off"))),
            Err(e) => Err(failed(&e.to_string())),
        }
    })
}

/// The part that a run's scores are on.
fn part_of(run: &Run) -> Part {
    Part::named(&run.scored_on).unwrap_or(Part::Test)
}

/// True answers.
enum Truth {
    Classes(Vec<u32>),
    /// With the name of the target.
    Values(String, Vec<f64>),
}

impl Truth {
    /// Those of the examples; examples without one are taken out of the list.
    fn of(
        predictor: &dyn Predictor,
        recipe: &Recipe,
        dataset: &Dataset,
        examples: &mut Vec<usize>,
    ) -> Result<Self, TaskError> {
        let place = &dataset.source;
        let known = predictor.labels();
        match &dataset.content {
            Content::Images(set) => {
                examples.retain(|i| set.labels[*i].is_some());
                let labels: Vec<Option<u32>> = examples.iter().map(|i| set.labels[*i]).collect();
                match_labels(place, known, &set.classes, &labels).map(Self::Classes)
            }
            Content::Table(table) => {
                let target = table::target_name(dataset, &recipe.data)?;
                if known.is_empty() {
                    let (rows, truth) = table::numbers_of(table, &target, place, examples)?;
                    *examples = rows;
                    return Ok(Self::Values(target, truth));
                }
                let (rows, truth) = table::classes_of(table, &target, place, known, examples)?;
                *examples = rows;
                Ok(Self::Classes(truth))
            }
        }
    }
}

fn probabilities(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Class { probabilities, .. } => probabilities,
        Prediction::Value { .. } => &[],
    }
}

fn value(prediction: &Prediction) -> Option<f64> {
    match prediction {
        Prediction::Value { value } => Some(*value),
        Prediction::Class { .. } => None,
    }
}
