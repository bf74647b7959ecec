//! What a person wishes the answer to be, before the model is known.

use super::Wanted;
use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_data::Content;
use modelwright_tasks::{OutputSchema, Predictor};

/// A wish; of a classifier with two classes nothing need be said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wish<'a> {
    /// The class.
    pub class: Option<&'a str>,
    /// The smallest number.
    pub at_least: Option<f64>,
    /// The largest number.
    pub at_most: Option<f64>,
}

impl Wish<'_> {
    /// The output that is to change, and what is wanted of it, for the example in `row`.
    ///
    /// # Errors
    /// The wish does not go with what the model gives, or leaves open what is wanted.
    pub fn of<'a>(
        &self,
        predictor: &'a dyn Predictor,
        place: &'a str,
        examples: &Content,
        row: usize,
    ) -> Result<(Subject<'a>, Wanted)> {
        let class = self.class(predictor, place, examples, row)?;
        let subject = Subject::new(predictor, place, class.as_deref(), examples, row)?;
        let wanted = match (subject.class(), self.at_least, self.at_most) {
            (Some(class), None, None) => Wanted::Class(class),
            (Some(_), ..) => {
                return Err(asked(
                    "this model gives classes, not numbers",
                    "use --wanted CLASS instead of --at-least or --at-most",
                ));
            }
            (None, Some(least), _) => Wanted::AtLeast(least),
            (None, _, Some(most)) => Wanted::AtMost(most),
            (None, None, None) => {
                return Err(asked(
                    "which number is the row to get?",
                    "say it with --at-least NUMBER or --at-most NUMBER",
                ));
            }
        };
        Ok((subject, wanted))
    }

    /// The class that is wanted; `None` for a number.
    fn class(
        &self,
        predictor: &dyn Predictor,
        place: &str,
        examples: &Content,
        row: usize,
    ) -> Result<Option<String>> {
        if predictor.output() == OutputSchema::Value {
            return Ok(None);
        }
        if let Some(name) = self.class {
            return Ok(Some(name.into()));
        }
        let now = Subject::new(predictor, place, None, examples, row)?;
        let labels = predictor.labels();
        let others: Vec<&String> = labels
            .iter()
            .filter(|l| Some(l.as_str()) != now.class_name())
            .collect();
        match others.as_slice() {
            [other] => Ok(Some(other.to_string())),
            _ => Err(asked(
                "which class is the row to get?",
                format!(
                    "name it with --wanted; the model knows {}",
                    labels.join(", ")
                ),
            )),
        }
    }
}
