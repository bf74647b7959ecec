//! What would have to be another for another answer?

mod distance;
mod search;
mod wish;

pub use wish::Wish;

use super::mixed::Pool;
use super::{conformed, shown};
use crate::method::Method;
use crate::said::{Unit, tr};
use crate::subject::{BlackBox, Subject, probabilities};
use crate::{Result, asked};
use distance::Distance;
use modelwright_data::Content;
use modelwright_evaluate::number;
use modelwright_tasks::{Prediction, Predictor};
use modelwright_words::Lang;
use search::{Found, find};
use serde::Serialize;

/// The answer that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// A class, by its index.
    Class(usize),
    /// A number not below this one.
    AtLeast(f64),
    /// A number not above this one.
    AtMost(f64),
}

/// How counterfactuals are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The answer that is wanted.
    pub wanted: Wanted,
    /// Columns that cannot be changed, such as an age.
    pub fixed: &'a [String],
    /// Most columns that are changed together.
    pub most_changes: usize,
    /// How many counterfactuals are wanted.
    pub count: usize,
}

/// Changes of a row that lead to the wanted answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactuals {
    /// How they were found.
    pub method: Method,
    /// What the method takes for granted.
    pub assumes: String,
    /// The answer that is wanted, in words.
    pub wanted: String,
    /// The same for programs.
    #[serde(skip)]
    pub aim: Wanted,
    /// What scores are measured in.
    pub unit: Unit,
    /// The score of the row as it is: the probability of the wanted class, or the number.
    pub score: f64,
    /// Columns that were left as they are.
    pub fixed: Vec<String>,
    /// Changed rows that the model was asked about.
    pub tried: usize,
    /// Those with the fewest changes first, and of these those with the smallest.
    pub found: Vec<Counterfactual>,
}

/// One way to the wanted answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactual {
    /// What is another.
    pub changes: Vec<Change>,
    /// How far that is: of a number in median absolute deviations of the column, of a word 1.
    pub distance: f64,
    /// The score of the changed row.
    pub score: f64,
}

/// A column with another value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Its name.
    pub column: String,
    /// The value in the row; absent where it is missing.
    pub from: Option<String>,
    /// The other value.
    pub to: Option<String>,
}

impl Wanted {
    /// How far an answer is beyond what is wanted; it is the wanted one from 0 on.
    fn margin(self, answer: &Prediction) -> f64 {
        match (self, answer) {
            (Self::AtLeast(least), Prediction::Value { value }) => value - least,
            (Self::AtMost(most), Prediction::Value { value }) => most - value,
            (Self::Class(class), answer) => {
                let all = probabilities(answer).iter().enumerate();
                let others = all.clone().filter(|(i, _)| *i != class).map(|(_, p)| *p);
                let own = all
                    .clone()
                    .find(|(i, _)| *i == class)
                    .map_or(0.0, |(_, p)| *p);
                let margin = f64::from(own - others.fold(0.0, f32::max));
                // A tie is no answer.
                if margin == 0.0 {
                    -f64::MIN_POSITIVE
                } else {
                    margin
                }
            }
            _ => f64::NAN,
        }
    }

    fn words(self, predictor: &dyn Predictor) -> String {
        match self {
            Self::Class(class) => format!("`{}`", predictor.labels()[class]),
            _ => self.bound(Lang::En),
        }
    }

    /// A number in words; empty for a class.
    fn bound(self, lang: Lang) -> String {
        let (key, value) = match self {
            Self::Class(_) => return String::new(),
            Self::AtLeast(least) => ("at-least", least),
            Self::AtMost(most) => ("at-most", most),
        };
        tr(lang, key, &[("value", &number(value))])
    }
}

impl Counterfactuals {
    /// The answer that is wanted.
    pub fn wanted_in(&self, lang: Lang) -> String {
        match self.aim {
            Wanted::Class(_) => self.wanted.clone(),
            number => number.bound(lang),
        }
    }
}

/// The smallest changes of a row that lead to the wanted answer (Wachter et al. 2017; several diverse
/// ones as Mothilal et al. 2020): values that rows of `background` have, in columns that are not fixed,
/// as few as possible, and then as near as possible.
///
/// `subject` is the output that is to change: the wanted class, or the number.
///
/// # Errors
/// The model reads no table, the answer is the wanted one already, or a fixed column is not read.
pub fn counterfactuals(
    subject: &Subject,
    examples: &Content,
    row: usize,
    background: &Content,
    search: &Search,
) -> Result<Counterfactuals> {
    let own = conformed(subject, examples, &[row])?;
    let every: Vec<usize> = (0..background.len()).collect();
    let others = conformed(subject, background, &every)?;
    for name in search.fixed {
        own.require(name, "the columns that the model reads")?;
    }
    let predictor = subject.predictor();
    let margins = |examples: &Content| -> Result<Vec<f64>> {
        let answers = predictor.predict(subject.place(), examples, 0..examples.len())?;
        Ok(answers.iter().map(|a| search.wanted.margin(a)).collect())
    };
    let wanted = search.wanted.words(predictor);
    if margins(&Content::Table(own.clone()))?[0] >= 0.0 {
        return Err(asked(
            format!("the model says {wanted} of this row already"),
            "ask for another answer with --wanted",
        ));
    }
    let distance = Distance::new(&others);
    let pool = Pool::new(others, own)?;
    let mut tried = 0;
    let counted = |examples: &Content| {
        tried += examples.len();
        margins(examples)
    };
    let found = find(&pool, &distance, search, counted)?;
    let me = pool.table().rows() - 1;
    let mut rows = vec![vec![me; pool.columns()]];
    rows.extend(found.iter().map(|found| found.picks.clone()));
    let scores = subject.scores(&pool.mixed(&rows))?;
    let told = |(found, score): (&Found, &f64)| Counterfactual {
        changes: changes(&pool, &found.picks, me),
        distance: found.distance,
        score: *score,
    };
    Ok(Counterfactuals {
        method: Method::Counterfactual,
        assumes: Method::Counterfactual.assumes(Lang::En),
        wanted,
        aim: search.wanted,
        unit: subject.unit(),
        score: scores[0],
        fixed: search.fixed.to_vec(),
        tried,
        found: found.iter().zip(&scores[1..]).map(told).collect(),
    })
}

fn changes(pool: &Pool, picks: &[usize], me: usize) -> Vec<Change> {
    let changed = picks.iter().enumerate().filter(|(_, row)| **row != me);
    let change = |(column, row): (usize, &usize)| Change {
        column: pool.table().columns[column].name.clone(),
        from: shown(pool.table(), column, me),
        to: shown(pool.table(), column, *row),
    };
    changed.map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_positive_where_the_answer_is_the_wanted_one() {
        let classes = |probabilities: &[f32]| Prediction::Class {
            label: String::new(),
            probability: 0.0,
            probabilities: probabilities.to_vec(),
        };
        assert!(Wanted::Class(1).margin(&classes(&[0.2, 0.5, 0.3])) > 0.19);
        assert!(Wanted::Class(0).margin(&classes(&[0.2, 0.5, 0.3])) < -0.29);
        assert!(Wanted::Class(1).margin(&classes(&[0.5, 0.5])) < 0.0);
        let value = Prediction::Value { value: 3.0 };
        assert_eq!(Wanted::AtLeast(3.0).margin(&value), 0.0);
        assert_eq!(Wanted::AtMost(2.0).margin(&value), -1.0);
    }
}
