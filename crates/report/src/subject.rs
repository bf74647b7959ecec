//! The model that a report is about, on the examples that it is about.

use modelwright_data::{Content, Dataset};
use modelwright_evaluate::argmax;
use modelwright_tasks::{AnswerValues, Answers, Predictor, TaskError};

/// A model and what it says of some examples whose true answers are known.
pub struct Subject<'a> {
    /// The model.
    pub predictor: &'a dyn Predictor,
    /// All of the data.
    pub dataset: &'a Dataset,
    /// Its answers to the examples of the report.
    pub answers: Answers,
}

/// The answers of a classifier with one class for each example.
#[derive(Clone, Copy)]
pub struct Classes<'a> {
    /// Class names.
    pub names: &'a [String],
    /// The true class of each example, as an index into `names`.
    pub truth: &'a [u32],
    /// `examples x classes`, row by row.
    pub probabilities: &'a [f32],
}

impl<'a> Subject<'a> {
    /// Asks the model about the examples `rows` of the data.
    ///
    /// # Errors
    /// The data does not suit the model or has no true answers.
    pub fn new(
        predictor: &'a dyn Predictor,
        dataset: &'a Dataset,
        rows: &[usize],
    ) -> Result<Self, TaskError> {
        Ok(Self {
            predictor,
            dataset,
            answers: Answers::new(predictor, dataset, rows)?,
        })
    }

    /// The same with answers that were given before.
    pub fn answered(predictor: &'a dyn Predictor, dataset: &'a Dataset, answers: Answers) -> Self {
        Self {
            predictor,
            dataset,
            answers,
        }
    }

    /// The answers, if each example has one class.
    pub fn classes(&self) -> Option<Classes<'_>> {
        Classes::of(&self.answers)
    }

    /// The true and the predicted values, if the model is a regression.
    pub fn values(&self) -> Option<(&[f64], &[f64])> {
        match &self.answers.values {
            AnswerValues::Values {
                truth, predicted, ..
            } => Some((truth, predicted)),
            _ => None,
        }
    }

    /// The examples of the report alone, in its order.
    pub fn content(&self) -> Content {
        self.dataset.content.select(&self.answers.examples)
    }

    /// How wrong each answer is: 0 or 1 for a class, the absolute error for a value; empty for others.
    pub fn losses(&self) -> Vec<f64> {
        if let Some(classes) = self.classes() {
            let wrong = |(row, truth): (&[f32], &u32)| f64::from(argmax(row) != *truth as usize);
            return classes.rows().zip(classes.truth).map(wrong).collect();
        }
        self.values().map_or(Vec::new(), |(truth, predicted)| {
            let pairs = truth.iter().zip(predicted);
            pairs.map(|(t, p)| (t - p).abs()).collect()
        })
    }
}

impl<'a> Classes<'a> {
    /// Those in some answers, if each example has one class.
    pub fn of(answers: &'a Answers) -> Option<Self> {
        match &answers.values {
            AnswerValues::Classes {
                classes,
                truth,
                probabilities,
            } => Some(Self {
                names: classes,
                truth,
                probabilities,
            }),
            _ => None,
        }
    }

    /// The probabilities of each example.
    pub fn rows(self) -> impl Iterator<Item = &'a [f32]> + Clone {
        self.probabilities.chunks_exact(self.names.len().max(1))
    }

    /// The predicted class of each example.
    pub fn predicted(self) -> Vec<u32> {
        self.rows().map(|row| argmax(row) as u32).collect()
    }

    /// The index of the class that a decision is about: the one named, or of two the rarer.
    ///
    /// # Errors
    /// There is no class of this name.
    pub fn positive(self, named: Option<&str>) -> Result<Option<usize>, TaskError> {
        if let Some(name) = named {
            let found = self.names.iter().position(|n| n == name);
            return found.map(Some).ok_or_else(|| TaskError::Asked {
                message: format!("the model has no class `{name}`"),
                help: format!("its classes are {}", self.names.join(", ")),
            });
        }
        let second = self.truth.iter().filter(|t| **t == 1).count();
        let rarer = usize::from(2 * second <= self.truth.len());
        Ok((self.names.len() == 2).then_some(rarer))
    }

    /// Whether each example has the class, and how probable the model finds that.
    pub fn against_rest(self, class: usize) -> (Vec<bool>, Vec<f32>) {
        let truth = self.truth.iter().map(|t| *t as usize == class).collect();
        (truth, self.rows().map(|row| row[class]).collect())
    }
}
