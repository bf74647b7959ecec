//! What is explained: one output of a model.

use crate::said::Unit;
use crate::{Result, asked};
use modelwright_data::Content;
use modelwright_evaluate::argmax;
use modelwright_tasks::{OutputSchema, Prediction, Predictor};

/// A model of which only its answers are known, as numbers.
pub trait BlackBox: Sync {
    /// The score of each example.
    ///
    /// # Errors
    /// They do not suit the model.
    fn scores(&self, examples: &Content) -> Result<Vec<f64>>;
}

/// The probability of one class or label of a model, or the number that it gives.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    predictor: &'a dyn Predictor,
    place: &'a str,
    class: Option<usize>,
}

impl<'a> Subject<'a> {
    /// The output for the class of this name, or for the one that the model gives the example in `row`;
    /// of a model without classes its number. `place` names the examples in messages.
    ///
    /// # Errors
    /// The model's answers are neither classes nor numbers, or it does not know the class.
    pub fn new(
        predictor: &'a dyn Predictor,
        place: &'a str,
        class: Option<&str>,
        examples: &Content,
        row: usize,
    ) -> Result<Self> {
        let classes = predictor.labels();
        let class = match (predictor.output(), class) {
            (OutputSchema::Class | OutputSchema::Labels, Some(name)) => {
                let found = classes.iter().position(|known| known == name);
                Some(found.ok_or_else(|| unknown(name, classes))?)
            }
            (OutputSchema::Class | OutputSchema::Labels, None) => {
                let answer = predictor.predict(place, examples, row..row + 1)?;
                Some(answer.first().map_or(0, |p| argmax(probabilities(p))))
            }
            (OutputSchema::Value, None) => None,
            (OutputSchema::Value, Some(name)) => {
                return Err(asked(
                    format!("this model has no class `{name}`: it gives a number"),
                    "leave --class away",
                ));
            }
            (
                OutputSchema::Vector { .. }
                | OutputSchema::Span
                | OutputSchema::Match
                | OutputSchema::Text,
                _,
            ) => {
                return Err(asked(
                    "this model's answers are neither classes nor numbers, of which shares can be told",
                    "explain a classifier or a regression; of a model that gives vectors, `--method \
                     nearest` finds the training examples that are most alike",
                ));
            }
        };
        Ok(Self {
            predictor,
            place,
            class,
        })
    }

    /// The model.
    pub fn predictor(&self) -> &'a dyn Predictor {
        self.predictor
    }

    /// What to call the examples in messages.
    pub fn place(&self) -> &'a str {
        self.place
    }

    /// The index of the class; `None` for a number.
    pub fn class(&self) -> Option<usize> {
        self.class
    }

    /// Name of the class; `None` for a number.
    pub fn class_name(&self) -> Option<&'a str> {
        self.class.map(|c| self.predictor.labels()[c].as_str())
    }

    /// The output of the network that belongs to it.
    pub(crate) fn output(&self) -> usize {
        self.class.unwrap_or(0)
    }

    /// The unit of [`BlackBox::scores`].
    pub fn unit(&self) -> Unit {
        match self.class {
            Some(_) => Unit::Probability,
            None => Unit::Target,
        }
    }

    /// The score in a prediction.
    pub fn score(&self, prediction: &Prediction) -> f64 {
        match (prediction, self.class) {
            (Prediction::Value { value }, _) => *value,
            (other, Some(class)) => f64::from(probabilities(other)[class]),
            _ => f64::NAN,
        }
    }
}

impl BlackBox for Subject<'_> {
    fn scores(&self, examples: &Content) -> Result<Vec<f64>> {
        let answers = self
            .predictor
            .predict(self.place, examples, 0..examples.len())?;
        Ok(answers.iter().map(|answer| self.score(answer)).collect())
    }
}

/// The probabilities of all classes or labels in a prediction.
pub(crate) fn probabilities(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Class { probabilities, .. } | Prediction::Labels { probabilities, .. } => {
            probabilities
        }
        _ => &[],
    }
}

fn unknown(name: &str, classes: &[String]) -> modelwright_tasks::TaskError {
    asked(
        format!("the model does not know the class `{name}`"),
        format!("it knows {}", classes.join(", ")),
    )
}
