//! Predictions as a person reads them in JSON.

use crate::answer::Answer;
use modelwright_tasks::{Neighbour, Prediction};
use serde::{Serialize, Serializer};
use std::sync::Arc;
use utoipa::ToSchema;

/// Predictions for what was sent.
#[derive(Serialize, ToSchema)]
pub(super) struct Predictions {
    /// The model that answered.
    model: String,
    /// Its version.
    version: String,
    /// One an example, in their order.
    predictions: Vec<One>,
}

/// The prediction for one example.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum One {
    /// One of several classes.
    Class {
        /// The most probable class.
        label: String,
        /// Its probability.
        probability: f32,
        /// The probability of each class.
        #[schema(value_type = std::collections::BTreeMap<String, f32>)]
        probabilities: Probabilities,
    },
    /// Any number of labels.
    Labels {
        /// Those that are probable enough, the most probable first.
        labels: Vec<String>,
        /// The probability of each label by itself.
        #[schema(value_type = std::collections::BTreeMap<String, f32>)]
        probabilities: Probabilities,
    },
    /// A quantity.
    Quantity {
        /// In the unit of the training data.
        value: f64,
    },
    /// A text as a vector.
    Vector {
        /// Of length 1: the sum of the products of two of them is the cosine of their angle.
        vector: Vec<f32>,
    },
    /// The place in the context that answers the question.
    Span {
        /// What stands there; null if the context has no answer.
        #[schema(required = true)]
        answer: Option<String>,
        /// Its first character, counted from 0; null without an answer.
        #[schema(required = true)]
        start: Option<usize>,
        /// One behind its last character; null without an answer.
        #[schema(required = true)]
        end: Option<usize>,
        /// How sure the model is.
        probability: f32,
    },
    /// The answer to a known question.
    Known {
        /// The answer; null if no known question is close enough to be sure.
        #[schema(required = true)]
        answer: Option<String>,
        /// The closest known question.
        question: String,
        /// How probable it is that its answer is the right one.
        probability: f32,
        /// The closest known questions, the closest first.
        neighbours: Vec<Near>,
    },
    /// What the model writes.
    Written {
        /// The text.
        text: String,
        /// Tokens that it was written in.
        tokens: usize,
        /// Whether the model ended it; if not, it was cut off.
        complete: bool,
    },
}

/// A known question close to the one that was asked.
#[derive(Serialize, ToSchema)]
struct Near {
    /// The question.
    question: String,
    /// The answer to it.
    answer: String,
    /// How close the two are: 1 is the same.
    score: f32,
}

/// Probabilities by class, in the order of the classes.
struct Probabilities {
    labels: Arc<[String]>,
    values: Vec<f32>,
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.labels.iter().zip(&self.values))
    }
}

impl Predictions {
    pub fn new(model: String, answer: Answer) -> Self {
        let labels = answer.labels;
        let one = |prediction| One::new(prediction, &labels);
        Self {
            model,
            version: answer.version,
            predictions: answer.predictions.into_iter().map(one).collect(),
        }
    }
}

impl One {
    fn new(prediction: Prediction, names: &Arc<[String]>) -> Self {
        let by_name = |values| Probabilities {
            labels: names.clone(),
            values,
        };
        match prediction {
            Prediction::Class {
                label,
                probability,
                probabilities,
            } => Self::Class {
                label,
                probability,
                probabilities: by_name(probabilities),
            },
            Prediction::Labels {
                labels,
                probabilities,
            } => Self::Labels {
                labels,
                probabilities: by_name(probabilities),
            },
            Prediction::Value { value } => Self::Quantity { value },
            Prediction::Vector { values } => Self::Vector { vector: values },
            Prediction::Span {
                answer,
                start,
                end,
                probability,
            } => {
                let found = !answer.is_empty();
                Self::Span {
                    answer: found.then_some(answer),
                    start: found.then_some(start),
                    end: found.then_some(end),
                    probability,
                }
            }
            Prediction::Match {
                answer,
                question,
                probability,
                neighbours,
            } => Self::Known {
                answer,
                question,
                probability,
                neighbours: neighbours.into_iter().map(Near::from).collect(),
            },
            Prediction::Text {
                text,
                tokens,
                complete,
            } => Self::Written {
                text,
                tokens,
                complete,
            },
        }
    }
}

impl From<Neighbour> for Near {
    fn from(neighbour: Neighbour) -> Self {
        Self {
            question: neighbour.text,
            answer: neighbour.answer,
            score: neighbour.score,
        }
    }
}
