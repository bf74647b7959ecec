//! The mean answer of a model for each value of a column.

use super::mixed::Pool;
use super::{conformed, shown, spread};
use crate::method::Method;
use crate::said::Unit;
use crate::subject::{BlackBox, Subject};
use crate::{Result, asked};
use modelwright_data::{Column, ColumnData, Content, Table};
use modelwright_words::Lang;
use serde::Serialize;

/// Rows that the mean is over, evenly spread.
const MOST_ROWS: usize = 500;
/// Most values of a column that are tried.
const MOST_POINTS: usize = 20;

/// How the answers of a model change with one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dependence {
    /// How it was found.
    pub method: Method,
    /// What the method takes for granted.
    pub assumes: String,
    /// The column.
    pub column: String,
    /// The class whose probability it is; absent for a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What the answers are measured in.
    pub unit: Unit,
    /// Rows that each mean is over.
    pub rows: usize,
    /// Numbers from the smallest to the largest, words by how often they stand there.
    pub points: Vec<DependencePoint>,
}

/// The answers if all rows had one value in a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DependencePoint {
    /// The value; absent for a missing one.
    pub value: Option<String>,
    /// The mean answer.
    pub mean: f64,
    /// A quarter of the rows have lower answers.
    pub low: f64,
    /// A quarter of the rows have higher answers.
    pub high: f64,
}

/// The mean answer if the column had one of its values in every row of `background` (Friedman 2001).
/// Values are quantiles of those that occur, or the most frequent words.
///
/// # Errors
/// The model does not read the column, or there are no rows.
pub fn dependence(subject: &Subject, background: &Content, column: &str) -> Result<Dependence> {
    let every: Vec<usize> = (0..background.len()).collect();
    let table = conformed(subject, background, &every)?;
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let Some(place) = names.iter().position(|name| *name == column) else {
        return Err(asked(
            format!("the model reads no column `{column}`"),
            format!("it reads {}", names.join(", ")),
        ));
    };
    let values = typical(&table.columns[place], MOST_POINTS);
    if values.is_empty() {
        return Err(asked(
            format!("column `{column}` has no value"),
            "give more rows",
        ));
    }
    let rows = spread(table.rows(), MOST_ROWS);
    let points = means(subject, &table, place, &values, &rows)?;
    Ok(Dependence {
        method: Method::PartialDependence,
        assumes: Method::PartialDependence.assumes(Lang::En),
        column: column.into(),
        class: subject.class_name().map(String::from),
        unit: subject.unit(),
        rows: rows.len(),
        points,
    })
}

/// The answers to `rows` if column `place` had the value that stands in each of the rows `values`.
fn means(
    model: &dyn BlackBox,
    table: &Table,
    place: usize,
    values: &[usize],
    rows: &[usize],
) -> Result<Vec<DependencePoint>> {
    let pool = Pool::of(table.clone());
    let point = |value: &usize| -> Result<DependencePoint> {
        let changed = |row: &usize| {
            let mut picks = vec![*row; pool.columns()];
            picks[place] = *value;
            picks
        };
        let changed: Vec<Vec<usize>> = rows.iter().map(changed).collect();
        let mut scores = model.scores(&pool.mixed(&changed))?;
        scores.sort_by(f64::total_cmp);
        let quarter = |q: usize| scores[(scores.len() - 1) * q / 4];
        Ok(DependencePoint {
            value: shown(table, place, *value),
            mean: scores.iter().sum::<f64>() / scores.len() as f64,
            low: quarter(1),
            high: quarter(3),
        })
    };
    values.iter().map(point).collect()
}

/// Rows that hold the typical values of a column, each value once: of numbers at most `most` quantiles,
/// of words the `most` most frequent.
pub(super) fn typical(column: &Column, most: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..column.len())
        .filter(|r| !column.is_missing(*r))
        .collect();
    match &column.data {
        ColumnData::Numbers(values) => {
            rows.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
            let last = rows.len().saturating_sub(1);
            let points = most.min(rows.len());
            let quantile = |i: usize| rows[i * last / points.saturating_sub(1).max(1)];
            let mut found: Vec<usize> = (0..points).map(quantile).collect();
            found.dedup_by(|a, b| values[*a] == values[*b]);
            found
        }
        ColumnData::Labels { codes, levels } => {
            let mut counts = vec![0usize; levels.len()];
            let mut first = vec![usize::MAX; levels.len()];
            for row in rows {
                let code = codes[row] as usize;
                counts[code] += 1;
                first[code] = first[code].min(row);
            }
            let mut seen: Vec<usize> = (0..levels.len()).filter(|l| counts[*l] > 0).collect();
            seen.sort_by_key(|l| std::cmp::Reverse(counts[*l]));
            seen.truncate(most);
            seen.into_iter().map(|l| first[l]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::table::parse_csv;

    fn table() -> Table {
        let rows = (0..101).map(|i| format!("{},{}\n", i % 101, if i < 60 { "b" } else { "a" }));
        let text: String = std::iter::once("x,c\n".to_string()).chain(rows).collect();
        parse_csv("t", text.as_bytes(), "utf-8").unwrap()
    }

    #[test]
    fn values_are_quantiles_or_the_frequent_words() {
        let table = table();
        assert_eq!(typical(&table.columns[0], 5), [0, 25, 50, 75, 100]);
        assert_eq!(typical(&table.columns[1], 5), [0, 60]);
        assert_eq!(typical(&table.columns[1], 1), [0]);
    }

    /// Twice the first column.
    struct Twice;

    impl BlackBox for Twice {
        fn scores(&self, examples: &Content) -> Result<Vec<f64>> {
            let Content::Table(Table { columns }) = examples else {
                return Ok(Vec::new());
            };
            match &columns[0].data {
                ColumnData::Numbers(x) => Ok(x.iter().map(|x| 2.0 * x).collect()),
                ColumnData::Labels { .. } => Ok(Vec::new()),
            }
        }
    }

    #[test]
    fn the_mean_follows_the_column_and_only_that_one() {
        let table = table();
        let rows: Vec<usize> = (0..101).collect();
        let points = means(&Twice, &table, 0, &[0, 50], &rows).unwrap();
        let mean = |i: usize| (points[i].value.as_deref(), points[i].mean, points[i].high);
        assert_eq!(
            (mean(0), mean(1)),
            ((Some("0"), 0.0, 0.0), (Some("50"), 100.0, 100.0))
        );
        let points = means(&Twice, &table, 1, &[0, 60], &rows).unwrap();
        assert_eq!((points[0].mean, points[1].mean), (100.0, 100.0));
        assert_eq!((points[0].low, points[0].high), (50.0, 150.0));
    }
}
