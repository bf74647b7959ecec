//! What a finished model says of each example that it was scored on.

use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::of_bundle::with_model;
use crate::origin::Origin;
use crate::output::OutputSchema;
use crate::session::recipe_of;
use crate::task::{Prediction, Predictor};
use modelwright_data::{Dataset, Notify, Part};
use modelwright_evaluate::argmax;
use modelwright_runs::{Run, RunFolder, write_file};
use modelwright_train::Recipe;
use serde::{Deserialize, Serialize};

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
    /// Of a classifier that gives any number of labels.
    Sets {
        /// Label names; the numbers below are indices into them.
        labels: Vec<String>,
        /// The true labels of each example.
        truth: Vec<Vec<u32>>,
        /// Those that the model gives.
        predicted: Vec<Vec<u32>>,
        /// The probability of each label, example by example.
        probabilities: Vec<f32>,
    },
    /// Of a model that answers in words.
    Texts {
        /// The answers that are right for each example; none if it is right to give none.
        truth: Vec<Vec<String>>,
        /// The answer given; empty where there was none.
        predicted: Vec<String>,
        /// How sure the model was.
        probabilities: Vec<f32>,
    },
}

/// True answers, as data has them.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// One class for each example, as an index into a model's labels.
    Classes(Vec<u32>),
    /// Any number of labels for each example.
    Sets(Vec<Vec<u32>>),
    /// A quantity for each example, with the name of the target.
    Values(String, Vec<f64>),
    /// All words that are right for each example; none where it is right to give no answer.
    Texts(Vec<Vec<String>>),
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

    /// The examples that have a label and were not given it (`missed`), or were given it and do not have
    /// it. Empty unless examples have any number of labels.
    pub fn of_label(&self, label: usize, missed: bool) -> Vec<usize> {
        let AnswerValues::Sets {
            truth, predicted, ..
        } = &self.values
        else {
            return Vec::new();
        };
        let has = |set: &[u32]| set.iter().any(|l| *l as usize == label);
        let rows = truth.iter().zip(predicted).zip(&self.examples);
        rows.filter(|((truth, given), _)| has(truth) == missed && has(given) != missed)
            .map(|(_, example)| *example)
            .collect()
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
        let recipe = recipe_of(run)?;
        let answers = with_model(&folder.bundle(), |predictor| {
            let scored = Scored::of_run(run, predictor, dataset, &recipe)?;
            Self::new(predictor, dataset, &scored.rows)
        })?;
        write_file(&path, &serde_json::to_vec(&answers).unwrap_or_default())?;
        Ok(answers)
    }

    /// Those of a model to some examples of a data set, without the ones that have no true answer.
    ///
    /// # Errors
    /// The data does not suit the model, or its answers are not right or wrong one by one.
    pub fn new(
        predictor: &dyn Predictor,
        dataset: &Dataset,
        rows: &[usize],
    ) -> Result<Self, TaskError> {
        let (examples, truth) = predictor.truth(dataset, rows)?;
        let content = dataset.content.select(&examples);
        let predictions = predictor.predict(&dataset.source, &content, 0..examples.len())?;
        let values = AnswerValues::new(predictor.labels(), truth, predictions);
        Ok(Self { examples, values })
    }

    /// The same, and what is measured of them; no answers of a model whose answers are measured
    /// together only.
    ///
    /// # Errors
    /// The data does not suit the model or has no true answers.
    pub fn measured(
        predictor: &dyn Predictor,
        dataset: &Dataset,
        rows: &[usize],
    ) -> Result<(Option<Self>, Evaluation), TaskError> {
        match predictor.output() {
            OutputSchema::Class
            | OutputSchema::Labels
            | OutputSchema::Value
            | OutputSchema::Span => {
                let answers = Self::new(predictor, dataset, rows)?;
                let evaluation = Evaluation::of(&answers);
                Ok((Some(answers), evaluation))
            }
            _ => Ok((None, predictor.evaluate(dataset, rows)?)),
        }
    }
}

/// The examples of a run's data that its scores are on.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The part of each example of the data.
    pub parts: Vec<Part>,
    /// The part that the scores are on.
    pub part: Part,
    /// The examples of that part.
    pub rows: Vec<usize>,
}

impl Scored {
    /// Those of a run with this recipe; `dataset` is what [`data_of_run`] gives.
    ///
    /// # Errors
    /// The data does not suit the model.
    pub fn of_run(
        run: &Run,
        predictor: &dyn Predictor,
        dataset: &Dataset,
        recipe: &Recipe,
    ) -> Result<Self, TaskError> {
        let parts = predictor.parts(dataset, recipe)?;
        // Runs of old versions do not tell.
        let part = Part::named(&run.scored_on).unwrap_or(Part::Test);
        let rows = (0..parts.len()).filter(|i| parts[*i] == part).collect();
        Ok(Self { parts, part, rows })
    }
}

impl AnswerValues {
    /// True answers beside predictions of the same examples.
    fn new(labels: &[String], truth: Truth, predictions: Vec<Prediction>) -> Self {
        let labels = labels.to_vec();
        match truth {
            Truth::Classes(truth) => Self::Classes {
                classes: labels,
                truth,
                probabilities: predictions
                    .iter()
                    .flat_map(probabilities)
                    .copied()
                    .collect(),
            },
            Truth::Values(target, truth) => Self::Values {
                target,
                truth,
                predicted: predictions.iter().filter_map(value).collect(),
            },
            Truth::Sets(truth) => Self::Sets {
                truth,
                predicted: predictions.iter().map(|p| set(p, &labels)).collect(),
                probabilities: predictions
                    .iter()
                    .flat_map(probabilities)
                    .copied()
                    .collect(),
                labels,
            },
            Truth::Texts(truth) => {
                let (predicted, probabilities) = predictions.into_iter().map(words).unzip();
                Self::Texts {
                    truth,
                    predicted,
                    probabilities,
                }
            }
        }
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

fn probabilities(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Class { probabilities, .. } | Prediction::Labels { probabilities, .. } => {
            probabilities
        }
        _ => &[],
    }
}

fn value(prediction: &Prediction) -> Option<f64> {
    match prediction {
        Prediction::Value { value } => Some(*value),
        _ => None,
    }
}

/// Indices of the labels that were given.
fn set(prediction: &Prediction, names: &[String]) -> Vec<u32> {
    let Prediction::Labels { labels, .. } = prediction else {
        return Vec::new();
    };
    let given = (0..).zip(names).filter(|(_, name)| labels.contains(name));
    given.map(|(i, _)| i).collect()
}

/// An answer in words, and how sure it is.
fn words(prediction: Prediction) -> (String, f32) {
    match prediction {
        Prediction::Span {
            answer,
            probability,
            ..
        } => (answer, probability),
        Prediction::Match {
            answer,
            probability,
            ..
        } => (answer.unwrap_or_default(), probability),
        Prediction::Text { text, .. } => (text, 1.0),
        _ => (String::new(), 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_labels_and_false_ones_are_told_apart() {
        let answers = Answers {
            examples: vec![7, 8, 9],
            values: AnswerValues::Sets {
                labels: vec!["red".into(), "blue".into()],
                truth: vec![vec![0, 1], vec![0], vec![]],
                predicted: vec![vec![0], vec![1], vec![1]],
                probabilities: vec![0.9, 0.1, 0.2, 0.8, 0.3, 0.6],
            },
        };
        assert_eq!(answers.of_label(0, true), [8]);
        assert_eq!(answers.of_label(1, true), [7]);
        assert_eq!(answers.of_label(1, false), [8, 9]);
        assert_eq!(answers.of_label(0, false), [0; 0]);
        let Evaluation::MultiLabel(report) = Evaluation::of(&answers) else {
            panic!("labels")
        };
        // Of six decisions one, two and one are wrong.
        assert!((report.hamming_loss - 4.0 / 6.0).abs() < 1e-9, "{report:?}");
    }
}
