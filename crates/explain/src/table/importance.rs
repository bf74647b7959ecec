//! What a model loses if it does not know a column.

use super::mixed::Pool;
use super::{conformed, spread};
use crate::method::Method;
use crate::said::Loss;
use crate::subject::{Subject, probabilities};
use crate::{Result, asked};
use modelwright_data::{Content, Dataset, Table};
use modelwright_tasks::{Prediction, Truth};
use modelwright_words::Lang;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Rows that are looked at, evenly spread.
const MOST_ROWS: usize = 1000;
/// Shuffles of each column.
const REPEATS: usize = 5;
/// Draws are the same for the same question.
const SEED: u64 = 0;
/// A 95 % interval of a mean, in standard errors.
const SURE: f64 = 1.96;
/// A probability is never taken as 0 in a loss.
const SMALLEST: f64 = 1e-15;

/// How much worse a model is without each column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Importance {
    /// How it was found.
    pub method: Method,
    /// What the method takes for granted.
    pub assumes: String,
    /// What grows.
    pub loss: Loss,
    /// The mean loss with all columns.
    pub with_all: f64,
    /// Rows that it was measured on.
    pub rows: usize,
    /// The most important column first.
    pub columns: Vec<ColumnLoss>,
}

/// What a column is worth to a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnLoss {
    /// Its name.
    pub column: String,
    /// What the mean loss grows by if the column is shuffled.
    pub value: f64,
    /// Lower end of the 95 % interval over rows.
    pub low: f64,
    /// Upper end of the 95 % interval over rows.
    pub high: f64,
}

/// The mean growth of the loss over rows when a column is shuffled among them, the mean of five
/// shuffles, with an interval for other rows of the same kind (Fisher et al. 2019).
///
/// # Errors
/// The rows have no answers, or the model is neither a classifier with one class a row nor a regression.
pub fn importance(subject: &Subject, dataset: &Dataset) -> Result<Importance> {
    let predictor = subject.predictor();
    let every: Vec<usize> = (0..dataset.content.len()).collect();
    let (rows, truth) = predictor.truth(dataset, &every)?;
    let chosen = spread(rows.len(), MOST_ROWS);
    let rows: Vec<usize> = chosen.iter().map(|i| rows[*i]).collect();
    let (loss, truth): (_, Vec<Known>) = match truth {
        Truth::Classes(classes) => {
            let of = |i: &usize| Known::Class(classes[*i] as usize);
            (Loss::Log, chosen.iter().map(of).collect())
        }
        Truth::Values(_, values) => {
            let of = |i: &usize| Known::Value(values[*i]);
            (Loss::Absolute, chosen.iter().map(of).collect())
        }
        Truth::Sets(_) | Truth::Texts(_) => {
            return Err(asked(
                "importance is for one class or one number a row",
                "choose another --method",
            ));
        }
    };
    if rows.len() < 2 {
        return Err(asked(
            format!("{}: fewer than two rows have an answer", dataset.source),
            "give a table with the column that is predicted",
        ));
    }
    let table = conformed(subject, &dataset.content, &rows)?;
    let losses = |examples: &Content| -> Result<Vec<f64>> {
        let answers = predictor.predict(subject.place(), examples, 0..examples.len())?;
        let pairs = answers.iter().zip(&truth);
        Ok(pairs.map(|(answer, truth)| truth.loss(answer)).collect())
    };
    let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
    let (with_all, growth) = grown(&losses, table)?;
    let mut columns: Vec<ColumnLoss> = names
        .into_iter()
        .zip(&growth)
        .map(|(column, growth)| ColumnLoss::new(column, growth))
        .collect();
    columns.sort_by(|a, b| b.value.total_cmp(&a.value));
    Ok(Importance {
        method: Method::Importance,
        assumes: Method::Importance.assumes(Lang::En),
        loss,
        with_all,
        rows: rows.len(),
        columns,
    })
}

/// The answer that is right.
enum Known {
    Class(usize),
    Value(f64),
}

impl Known {
    /// How bad an answer is.
    fn loss(&self, answer: &Prediction) -> f64 {
        match (self, answer) {
            (Self::Class(class), answer) => {
                let right = probabilities(answer).get(*class).copied().unwrap_or(0.0);
                -f64::from(right).clamp(SMALLEST, 1.0).ln()
            }
            (Self::Value(truth), Prediction::Value { value }) => (truth - value).abs(),
            _ => f64::NAN,
        }
    }
}

/// The mean loss of rows as they are, and for each column what the loss of each row grows by if the
/// column is shuffled.
fn grown(
    losses: &dyn Fn(&Content) -> Result<Vec<f64>>,
    table: Table,
) -> Result<(f64, Vec<Vec<f64>>)> {
    let count = table.rows();
    let before = losses(&Content::Table(table.clone()))?;
    let pool = Pool::of(table);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut growth = Vec::with_capacity(pool.columns());
    for column in 0..pool.columns() {
        let mut mean = vec![0.0; count];
        for _ in 0..REPEATS {
            let mut from: Vec<usize> = (0..count).collect();
            from.shuffle(&mut rng);
            let row = |row: usize| {
                let mut picks = vec![row; pool.columns()];
                picks[column] = from[row];
                picks
            };
            let rows: Vec<Vec<usize>> = (0..count).map(row).collect();
            let after = losses(&pool.mixed(&rows))?;
            for ((mean, after), before) in mean.iter_mut().zip(after).zip(&before) {
                *mean += (after - before) / REPEATS as f64;
            }
        }
        growth.push(mean);
    }
    Ok((before.iter().sum::<f64>() / count as f64, growth))
}

impl ColumnLoss {
    fn new(column: String, growth: &[f64]) -> Self {
        let count = growth.len() as f64;
        let value = growth.iter().sum::<f64>() / count;
        let squares: f64 = growth.iter().map(|g| (g - value).powi(2)).sum();
        let reach = SURE * (squares / (count - 1.0).max(1.0) / count).sqrt();
        Self {
            column,
            value,
            low: value - reach,
            high: value + reach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::ColumnData;
    use modelwright_data::table::parse_csv;

    #[test]
    fn only_the_column_that_is_read_is_missed() {
        let rows = (0..50).map(|i| format!("{i},{}\n", i * 7 % 50));
        let text: String = std::iter::once("x,y\n".to_string()).chain(rows).collect();
        let table = parse_csv("t", text.as_bytes(), "utf-8").unwrap();
        // The truth is x, and the model says x.
        let losses = |examples: &Content| -> Result<Vec<f64>> {
            let Content::Table(table) = examples else {
                return Ok(Vec::new());
            };
            let ColumnData::Numbers(x) = &table.columns[0].data else {
                return Ok(Vec::new());
            };
            Ok(x.iter()
                .enumerate()
                .map(|(i, x)| (x - i as f64).abs())
                .collect())
        };
        let (before, growth) = grown(&losses, table).unwrap();
        assert_eq!(before, 0.0);
        let [x, y] = [0, 1].map(|c| ColumnLoss::new(c.to_string(), &growth[c]));
        // Two numbers drawn from 0 to 49 are 50 / 3 apart.
        assert!(x.low < 16.7 && x.high > 16.7 && x.low > 10.0, "{x:?}");
        assert_eq!((y.value, y.low, y.high), (0.0, 0.0, 0.0));
    }
}
