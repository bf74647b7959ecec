//! The training examples that are most alike to an example.

use crate::method::Method;
use crate::said::Compared;
use crate::subject::probabilities;
use crate::table::spread;
use crate::{Result, asked};
use modelwright_data::{Content, Dataset};
use modelwright_tasks::{Inside, Prediction, Predictor, Truth};
use modelwright_words::Lang;
use serde::Serialize;

/// Examples that are looked at, evenly spread.
const MOST: usize = 10_000;

/// The examples closest to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbours {
    /// How they were found.
    pub method: Method,
    /// What the method takes for granted.
    pub assumes: String,
    /// What is compared, in words.
    pub compared: Compared,
    /// Examples that were looked at.
    pub among: usize,
    /// The closest first.
    pub found: Vec<Near>,
}

/// An example close to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Near {
    /// Its position in the data, counted from 0.
    pub example: usize,
    /// The length of the difference of the two vectors.
    pub distance: f64,
    /// Its true answer, if the data has one.
    pub truth: Option<String>,
}

/// The `count` closest of some examples of a data set to the one in `row`, by the vectors that
/// [`Predictor::features`] gives, or else by the answers: Euclidean distance.
///
/// # Errors
/// The examples do not suit the model, or it has neither vectors nor probabilities.
pub fn nearest(
    predictor: &dyn Predictor,
    (place, examples, row): (&str, &Content, usize),
    dataset: &Dataset,
    among: &[usize],
    count: usize,
) -> Result<Neighbours> {
    let chosen: Vec<usize> = spread(among.len(), MOST)
        .into_iter()
        .map(|i| among[i])
        .collect();
    let others = prepared(predictor, &dataset.source, &dataset.content, &chosen)?;
    let own = prepared(predictor, place, examples, &[row])?;
    let (compared, own) = vectors(predictor, place, &own)?;
    let (_, others) = vectors(predictor, &dataset.source, &others)?;
    let found = closest(&own, &others, count);
    let found = found.into_iter().map(|(i, distance)| Near {
        example: chosen[i],
        distance,
        truth: truth(predictor, dataset, chosen[i]),
    });
    Ok(Neighbours {
        method: Method::Nearest,
        assumes: Method::Nearest.assumes(Lang::En),
        compared,
        among: chosen.len(),
        found: found.collect(),
    })
}

fn prepared(
    predictor: &dyn Predictor,
    place: &str,
    content: &Content,
    rows: &[usize],
) -> Result<Content> {
    predictor.prepare(place, content.select(rows))
}

/// What is compared, and the vector of each example, one after the other.
fn vectors(
    predictor: &dyn Predictor,
    place: &str,
    content: &Content,
) -> Result<(Compared, Vec<f32>)> {
    let all = 0..content.len();
    if let Some(vectors) = predictor.features(place, content, all.clone())? {
        let compared = match predictor.inside() {
            Inside::Rows(_) => Compared::Columns,
            _ => Compared::Hidden,
        };
        return Ok((compared, vectors));
    }
    let answers = predictor.predict(place, content, all)?;
    let vectors: Vec<f32> = answers.iter().flat_map(answer).copied().collect();
    match vectors.is_empty() {
        false => Ok((Compared::Answers, vectors)),
        true => Err(asked(
            "this model's answers cannot be compared",
            "use a model that gives classes, numbers or vectors",
        )),
    }
}

fn answer(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Vector { values } => values,
        other => probabilities(other),
    }
}

/// The closest of many vectors to one, and how far they are.
fn closest(own: &[f32], others: &[f32], count: usize) -> Vec<(usize, f64)> {
    let rows = others.chunks_exact(own.len().max(1)).enumerate();
    let distance = |row: &[f32]| {
        let squares = row.iter().zip(own).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let mut found: Vec<(usize, f64)> = rows.map(|(i, row)| (i, distance(row))).collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found.truncate(count);
    found
}

/// The true answer to an example in words, if the data has one that the model knows.
fn truth(predictor: &dyn Predictor, dataset: &Dataset, example: usize) -> Option<String> {
    let name = |class: u32| predictor.labels().get(class as usize).cloned();
    let (_, truth) = predictor.truth(dataset, &[example]).ok()?;
    match truth {
        Truth::Classes(classes) => classes.first().and_then(|class| name(*class)),
        Truth::Values(_, values) => values.first().map(|v| modelwright_evaluate::number(*v)),
        Truth::Sets(sets) => {
            let names = sets.first()?.iter().filter_map(|class| name(*class));
            Some(names.collect::<Vec<_>>().join(", "))
        }
        Truth::Texts(texts) => texts.into_iter().next()?.into_iter().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn the_closest_come_first() {
        let others = [0.0, 0.0, 3.0, 4.0, 1.0, 0.0];
        assert_eq!(closest(&[0.0, 0.0], &others, 2), [(0, 0.0), (2, 1.0)]);
    }
}
