//! Which columns of a row speak for an answer, and what would have to be another?

mod counterfactual;
mod dependence;
mod importance;
mod linear;
mod mixed;
mod sampled;
mod shapley;

pub use counterfactual::{
    Change, Counterfactual, Counterfactuals, Search, Wanted, Wish, counterfactuals,
};
pub use dependence::{Dependence, DependencePoint, dependence};
pub use importance::{ColumnLoss, Importance, importance};
pub use shapley::shapley;

use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_data::{Content, Table};

/// The columns of some rows that a model reads, each of the sort that it reads.
fn conformed(subject: &Subject, examples: &Content, rows: &[usize]) -> Result<Table> {
    let wrong = || {
        asked(
            "columns are of tables, which this model does not read",
            "leave --method away",
        )
    };
    let Content::Table(table) = examples else {
        return Err(wrong());
    };
    let one = Content::Table(table.select(rows));
    match subject.predictor().prepare(subject.place(), one)? {
        Content::Table(table) => Ok(table),
        Content::Images(_) => Err(wrong()),
    }
}

/// The value of a row as people read it; `None` where it is missing.
fn shown(table: &Table, column: usize, row: usize) -> Option<String> {
    let column = &table.columns[column];
    (!column.is_missing(row)).then(|| column.text(row))
}

/// At most `most` of `count` rows, evenly spread.
pub(crate) fn spread(count: usize, most: usize) -> Vec<usize> {
    let taken = count.min(most);
    (0..taken).map(|i| i * count / taken).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_spread_over_all() {
        assert_eq!(super::spread(3, 10), [0, 1, 2]);
        assert_eq!(super::spread(10, 3), [0, 3, 6]);
        assert_eq!(super::spread(0, 3), [0; 0]);
    }
}
